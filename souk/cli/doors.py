"""The doors of a command that works on the database itself, opened together and closed together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from sqlalchemy import text

from souk.cli.console import failed
from souk.cli.embedded import location
from souk.db.connect import Limits
from souk.db.sealing import Keyring
from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.settings import Settings
from souk.worker.demo import Doors, Secret

PATIENT = Limits(statement=120, lock=10, idle_in_transaction=60)


@asynccontextmanager
async def doors(given: Settings) -> AsyncIterator[Doors]:
    """As the owner of the tables, as the application and as a worker; with the storage that all of them share."""
    url, keyring, files = location(given), Keyring(given.key_spec()), Directory(given.files_dir)
    opened = Doors(
        Database(url, keyring, "souk_owner", PATIENT, size=2, wait=30, files=files),
        Database(url, keyring, "souk_app", PATIENT, size=2, wait=30, files=files),
        Database(url, keyring, "souk_worker", PATIENT, size=2, wait=30, files=files),
        files,
        Secret(given.data_dir),
    )
    try:
        yield opened
    finally:
        for each in (opened.owner, opened.app, opened.worker):
            await each.close()


async def tenant_named(app: Database, slug: str) -> UUID:
    """The id of the tenant with this short name. Ends the command where there is none."""
    async with app.engine.connect() as connection:
        found: UUID | None = (
            await connection.execute(text("SELECT souk.tenant_by_slug(:slug)"), {"slug": slug})
        ).scalar()
    return found if found is not None else failed(f"there is no tenant {slug}")
