"""The worker process."""

import asyncio
from typing import Annotated

import typer
from pydantic import SecretStr

from souk.cli.console import settings
from souk.cli.embedded import location
from souk.web import server
from souk.worker.process import work

Attached = Annotated[bool, typer.Option("--attached", hidden=True, help="End when standard input ends.")]


def worker(attached: Attached = False) -> None:
    """Run batches and timers until SIGTERM. Several workers may run at once."""
    given = settings()
    given.key_spec()
    if attached:
        server.end_with_parent()
    asyncio.run(work(given.model_copy(update={"database_url": SecretStr(location(given))})))
