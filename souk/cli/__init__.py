"""The command line: one table of commands. A command is a function; its module is imported when it is called.

`souk run` must be up in seconds, so nobody pays for the imports of a command that was not asked for.
"""

import gc
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

from souk.cli.console import failed
from souk.cli.problems import told
from souk.settings import SettingsError

COMMANDS: dict[str, str] = {
    "run": "souk.cli.run:run",
    "serve": "souk.cli.serve:serve",
    "worker": "souk.cli.worker:worker",
    "migrate": "souk.cli.database:migrate",
    "import listings": "souk.cli.importing:listings",
    "demo seed": "souk.cli.demo:seed",
    "demo token": "souk.cli.demo:token",
    "demo reset": "souk.cli.demo:reset",
    "schema print": "souk.cli.schema:print_",
    "schema check": "souk.cli.schema:check",
    "matrix": "souk.cli.matrix:matrix",
    "migration new": "souk.cli.migration:new",
    "migration check": "souk.cli.migration:check",
    "db start": "souk.cli.embedded:start",
    "db stop": "souk.cli.embedded:stop",
    "db url": "souk.cli.embedded:url",
    "tenant create": "souk.cli.tenant:create",
    "token create": "souk.cli.token:create",
    "mfa reset": "souk.cli.mfa:reset",
    "documents push": "souk.cli.documents:push",
    "documents list": "souk.cli.documents:list_",
    "documents check": "souk.cli.documents:check",
    "documents explain": "souk.cli.explain:explain",
    "keys new": "souk.cli.keys:new",
    "keys reseal": "souk.cli.keys:reseal",
    "outbox": "souk.cli.outbox:outbox",
    "audit verify": "souk.cli.audit:verify",
    "audit export": "souk.cli.audit:export",
}
GROUPS: dict[str, str] = {
    "import": "Bring files in.",
    "demo": "The demo and its people.",
    "db": "The embedded PostgreSQL.",
    "schema": "The API as text.",
    "migration": "Changes of the tables.",
    "tenant": "Tenants.",
    "token": "Tokens to sign in with.",
    "documents": "Registered documents.",
    "audit": "The audit.",
    "mfa": "The second factor of people.",
    "keys": "The keys under which secrets are kept.",
}


def load(target: str) -> Any:
    """The command that is the function `module:name`."""
    module, _, name = target.partition(":")
    gc.disable()  # imports make no garbage, and looking for it costs a quarter of their time
    try:
        function = getattr(import_module(module), name)
    finally:
        gc.freeze()  # modules and the schema stay to the end: to walk them again and again stops everything for 0.1 s
        gc.enable()
    one = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    one.command(name.rstrip("_").replace("_", "-"))(function)
    return typer.main.get_command(one)


class Group(TyperGroup):
    """The commands whose names begin with `prefix`, each loaded when it is looked up."""

    prefix = ""

    def list_commands(self, ctx: Any) -> list[str]:
        words = (name.removeprefix(self.prefix).split(" ")[0] for name in COMMANDS if name.startswith(self.prefix))
        return list(dict.fromkeys(words))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = self.prefix + cmd_name
        if name in COMMANDS:
            return load(COMMANDS[name])
        if name in GROUPS:
            group = type("Group", (Group,), {"prefix": f"{name} "})
            return group(name=cmd_name, help=GROUPS[name], no_args_is_help=True)
        return None

    def invoke(self, ctx: Any) -> Any:
        """Ends with one line instead of a traceback where the settings or the database are to blame."""
        try:
            return super().invoke(ctx)
        except SettingsError as error:
            failed(str(error))
        except Exception as error:
            if (line := told(error)) is None:
                raise
            failed(line)


app = Group(name="souk", help="Souk: the back office of a marketplace.", no_args_is_help=True)
