"""Commands for those who change tables. They bring a PostgreSQL of their own and leave nothing behind."""

import asyncio
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from souk import migrations
from souk.cli.console import err, failed
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded

Message = Annotated[str, typer.Argument(help="What it does, in a few words.")]


def new(message: Message) -> None:
    """Write a migration from the newest revision to what the models say."""
    slug = "_".join(re.findall(r"[a-z0-9]+", message.lower()))[:40]
    with _database() as url:
        asyncio.run(migrations.upgrade(url))
        if not asyncio.run(migrations.drift(url)):
            failed("the models ask for nothing that the database has not; write the migration by hand")
        path = asyncio.run(migrations.draft(url, message, slug))
    err.print(f"Read {path} word by word: a draft, not an answer.", markup=False)


def check() -> None:
    """Fail when models and migrations disagree."""
    with _database() as url:
        asyncio.run(migrations.upgrade(url))
        found = asyncio.run(migrations.drift(url))
    for each in found:
        err.print(str(each), markup=False)
    if found:
        failed("models and migrations disagree; `make migration m=…` writes a draft")


@contextmanager
def _database() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory) / "postgres", throwaway=True)
        try:
            yield sqlalchemy_url(server.start())
        finally:
            server.stop("immediate")
