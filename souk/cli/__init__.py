"""The command line. A command is a function in one of these modules, registered below; nothing else to do."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from souk.cli import database, processes
from souk.cli.console import failed
from souk.settings import SettingsError


class Refusing(TyperGroup):
    """Ends with one line instead of a traceback where the settings are to blame."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            failed(str(error))


def group(name: str, help: str, *commands: Callable[..., Any]) -> None:
    """Add `souk NAME COMMAND` for each function, called after it."""
    made = typer.Typer(no_args_is_help=True)
    add(made, commands)
    app.add_typer(made, name=name, help=help)


def add(to: typer.Typer, commands: Sequence[Callable[..., Any]]) -> None:
    for command in commands:
        to.command(command.__name__.rstrip("_").replace("_", "-"))(command)


app = typer.Typer(
    help="Souk: the back office of a marketplace.",
    no_args_is_help=True,
    cls=Refusing,
    pretty_exceptions_enable=False,
    add_completion=False,
)
add(app, [processes.run, processes.serve, database.migrate])
group("db", "The embedded PostgreSQL.", database.stop, database.url)
