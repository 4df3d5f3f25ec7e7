"""How tables came to be. Shipped in the package, so that the embedded database migrates itself."""

import asyncio
from pathlib import Path
from time import monotonic
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from ..models import Model

HERE = Path(__file__).parent
OWNER = "souk_owner"
LOCKED = "55P03"
ROLES = (OWNER, "souk_app", "souk_worker", "souk_auditor", "souk_door", "souk_finder")

PREPARE = """
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['souk_owner','souk_app','souk_worker','souk_auditor','souk_door','souk_finder'] LOOP
    BEGIN
      IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT', name);
      END IF;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of the cluster migrates too
    END;
    IF NOT pg_has_role(current_user, name, 'MEMBER') THEN
      EXECUTE format('GRANT %I TO %I', name, current_user);
    END IF;
  END LOOP;
  -- what is there is not made again: a later login is a member of the roles and may do nothing else
  BEGIN
    IF NOT (pg_has_role('souk_owner', 'souk_door', 'MEMBER') AND pg_has_role('souk_owner', 'souk_finder', 'MEMBER')) THEN
      GRANT souk_door, souk_finder TO souk_owner;
    END IF;
  EXCEPTION WHEN unique_violation THEN NULL;
  END;
  IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'souk') THEN
    CREATE SCHEMA souk AUTHORIZATION souk_owner;
  END IF;
  IF NOT (has_schema_privilege('souk_owner', 'public', 'USAGE') AND has_schema_privilege('souk_owner', 'public', 'CREATE')) THEN
    GRANT USAGE, CREATE ON SCHEMA public TO souk_owner;
  END IF;
END $$
"""


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration without an ini file."""
    made = Config()
    made.set_main_option("script_location", str(HERE))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made


async def upgrade(url: str, revision: str = "head", *, lock: float = 0.2, patience: float = 60.0) -> None:
    """Bring the database to `revision`. The login makes the roles once; everything else is done as `souk_owner`.

    Waits `lock` seconds for a table, so that nobody queues behind a migration that queues, and tries again for `patience`
    seconds. Raises asyncpg's LockNotAvailableError within SQLAlchemy's DBAPIError after that.
    """
    end = monotonic() + patience
    while True:
        try:
            await _run(url, lambda connection: command.upgrade(config(connection), revision), lock)
            return
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != LOCKED or monotonic() > end:
                raise
        await asyncio.sleep(lock)


async def downgrade(url: str, revision: str) -> None:
    """Go back to `revision`, for example `base`."""
    await _run(url, lambda connection: command.downgrade(config(connection), revision))


async def _run(url: str, act: Any, lock: float = 10.0) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await _prepare(connection, lock)
            await connection.run_sync(act)
    finally:
        await engine.dispose()


async def _prepare(connection: AsyncConnection, lock: float) -> None:
    await connection.execute(text("SELECT pg_advisory_xact_lock(7031)"))  # two starters migrate one after the other
    await connection.execute(text(PREPARE))
    await connection.execute(text(f"SET LOCAL ROLE {OWNER}"))
    await connection.execute(text(f"SET LOCAL lock_timeout = {round(lock * 1000)}"))


def head() -> str:
    """The revision that this package wants."""
    found = ScriptDirectory.from_config(config()).get_current_head()
    assert found
    return found


async def draft(url: str, message: str, slug: str) -> Path:
    """Write the next revision: what the models have and the database has not. The database must be at the head."""
    number = f"{int(head()[:4]) + 1:04d}"
    made: list[Path] = []

    def act(connection: Connection) -> None:
        script = command.revision(config(connection), message, autogenerate=True, rev_id=number)
        assert script is not None and not isinstance(script, list)
        path = Path(script.path)
        made.append(path.rename(path.with_name(f"{number}_{slug}.py")))

    await _run(url, act)
    return made[0]


async def drift(url: str) -> list[Any]:
    """What models and database disagree about; empty when they are one."""
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_differences)
    finally:
        await engine.dispose()


def _differences(connection: Connection) -> list[Any]:
    options = {"include_schemas": True, "include_name": included, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Model.metadata))


def included(name: str | None, kind: str, _parents: Any) -> bool:
    """Only our own tables: not Alembic's, not the job library's."""
    if kind == "schema":
        return name in (None, "souk")
    return not (kind == "table" and name == "alembic_version")
