"""The API process."""

from typing import Annotated

import typer
from pydantic import SecretStr

from souk.cli.console import settings
from souk.cli.embedded import location
from souk.cli.port import check_port
from souk.web import server
from souk.web.app import create_app
from souk.web.wire import build

Attached = Annotated[bool, typer.Option("--attached", hidden=True, help="End when standard input ends.")]


def serve(attached: Attached = False) -> None:
    """Serve the API until SIGTERM."""
    given = settings()
    given.key_spec()
    check_port(given)
    if attached:
        server.end_with_parent()
    known = given.model_copy(update={"database_url": SecretStr(location(given))})
    if not server.serve(known, create_app(known, build)):
        raise typer.Exit(1)
