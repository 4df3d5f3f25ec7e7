"""How a connection opens: as one of Souk's roles, in UTC, with its time limits, before its first statement."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

DatabaseRole = Literal["souk_app", "souk_worker", "souk_owner", "souk_auditor"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds; None leaves the server's own.

    `transaction` is for the whole of one, on the connections of an engine that is `bound`, where the server is PostgreSQL 17
    or newer. It ends what the others do not: a transaction whose client stands still between the Parse and the Bind of a
    statement, when the backend is neither idle nor at work.
    """

    statement: float | None = None
    lock: float | None = None
    idle_in_transaction: float | None = None
    transaction: float | None = None


def server_settings(role: DatabaseRole, limits: Limits = Limits(), **more: str) -> dict[str, str]:
    """What the first packet of a connection sets.

    The role travels there too: then it is also what RESET ROLE and DISCARD ALL go back to, and costs no round trip.
    """
    timeouts = {
        "statement_timeout": limits.statement,
        "lock_timeout": limits.lock,
        "idle_in_transaction_session_timeout": limits.idle_in_transaction,
    }
    held = {name: str(round(seconds * 1000)) for name, seconds in timeouts.items() if seconds is not None}
    return {"role": role, "TimeZone": "UTC", "application_name": role, **held, **more}


def bound(engine: AsyncEngine, limits: Limits) -> None:
    """Each connection of the engine is told how long a transaction may take; an older server could not be as it opens."""
    if limits.transaction is None:
        return
    command = f"SET transaction_timeout = {round(limits.transaction * 1000)}"

    def opened(connection: Any, _: Any) -> None:
        if connection.driver_connection.get_server_version().major >= 17:
            connection.run_async(lambda raw: raw.execute(command))

    event.listen(engine.sync_engine, "connect", opened)


async def connect(
    url: str, role: DatabaseRole, limits: Limits = Limits(), *, more: Mapping[str, str] | None = None, **options: Any
) -> asyncpg.Connection:
    """A raw connection as `role`. Raises OSError or asyncpg.PostgresError."""
    connection: asyncpg.Connection = await asyncpg.connect(
        url, server_settings=server_settings(role, limits, **(more or {})), **options
    )
    return connection


async def create_pool(
    url: str,
    role: DatabaseRole,
    limits: Limits = Limits(),
    *,
    size: int,
    more: Mapping[str, str] | None = None,
    **options: Any,
) -> asyncpg.Pool:
    """A pool of such connections; it opens the first one when it is first used."""
    settings = server_settings(role, limits, **(more or {}))
    pool: asyncpg.Pool = await asyncpg.create_pool(url, server_settings=settings, min_size=0, max_size=size, **options)
    return pool


def sqlalchemy_url(url: str) -> str:
    """The same place in SQLAlchemy's spelling: `postgresql+asyncpg://…`. Give `server_settings` as connect_args."""
    scheme, rest = url.split("://", 1)
    if scheme not in ("postgresql", "postgres", "postgresql+asyncpg"):
        raise ValueError("the database URL must begin with postgresql://")
    return f"postgresql+asyncpg://{rest}"


def with_database(url: str, database: str) -> str:
    """The same server, another database."""
    parts = urlsplit(url)
    query = urlencode(parse_qsl(parts.query), safe="/")
    if not parts.netloc:  # urlunsplit drops the two slashes of an empty authority
        return f"{parts.scheme}:///{quote(database)}" + (f"?{query}" if query else "")
    return urlunsplit((parts.scheme, parts.netloc, f"/{quote(database)}", query, ""))
