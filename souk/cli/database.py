"""Commands about what is in the database."""

import asyncio

from souk import migrations
from souk.cli.console import err, settings
from souk.cli.embedded import location
from souk.db.connect import sqlalchemy_url


def migrate() -> None:
    """Bring the database to the newest revision, as the role souk_owner."""
    given = settings()
    url = given.migrate_url() if given.migrate_database_url is not None else location(given)
    asyncio.run(migrations.upgrade(sqlalchemy_url(url), lock=given.migrate_lock_timeout))
    err.print(f"The database is at revision {migrations.head()}.")
