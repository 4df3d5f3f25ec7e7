"""Commands about the embedded PostgreSQL, and where the database is for all the others."""

from souk.cli.console import err, failed, out, settings
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


def start() -> None:
    """Start the embedded PostgreSQL alone, or attach to it: to look into it, or to take its data elsewhere."""
    out.print(embedded(settings().data_dir).start(), markup=False)


def stop() -> None:
    """Stop the embedded PostgreSQL; it may have outlived a process that was killed."""
    stopped = embedded(settings().data_dir).stop()
    err.print("Stopped." if stopped else "It was not running.")


def url() -> None:
    """Print the URL of the database, for psql and other tools."""
    out.print(location(settings()), markup=False)
