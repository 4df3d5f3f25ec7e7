"""Commands about the database itself."""

import asyncio

import typer

from souk import migrations
from souk.cli.console import err, failed, out, settings
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import embedded
from souk.settings import Settings


def location(given: Settings) -> str:
    """The URL that is set, or that of the embedded server if it is up. Ends the command if there is neither."""
    if given.database_url is not None:
        return given.url()
    server = embedded(given.data_dir)
    if not server.running:
        failed("no database: set SOUK_DATABASE_URL, or start the embedded one with `make run`")
    return server.url()


def migrate_location(given: Settings) -> str:
    return given.migrate_url() if given.migrate_database_url is not None else location(given)


def migrate() -> None:
    """Bring the database to the newest revision, as the role souk_owner."""
    given = settings()
    asyncio.run(migrations.upgrade(sqlalchemy_url(migrate_location(given))))
    err.print(f"The database is at revision {migrations.head()}.")


def stop() -> None:
    """Stop the embedded PostgreSQL; it may have outlived a process that was killed."""
    given = settings()
    stopped = embedded(given.data_dir).stop()
    err.print("Stopped." if stopped else "It was not running.")
    raise typer.Exit(0)


def url() -> None:
    """Print the URL of the database, for psql and other tools."""
    out.print(location(settings()), markup=False)
