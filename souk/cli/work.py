"""How commands work in a tenant: one transaction of the system, refusals as one line."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar
from uuid import UUID

import typer
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from souk.cli.console import failed, settings
from souk.cli.embedded import location
from souk.db.connect import DatabaseRole, Limits
from souk.db.sealing import Keyring
from souk.db.session import Database, Transaction
from souk.rules.actor import Actor, Role
from souk.rules.errors import InvalidInput, Refused

T = TypeVar("T")
Slug = Annotated[str, typer.Option(help="The slug of the tenant.")]


def done(
    op: str,
    work: Callable[[Transaction], Awaitable[T]],
    *,
    tenant: UUID | str,
    role: DatabaseRole = "souk_app",
    patience: float = 30,
) -> T:
    """Do `work` in one transaction of the tenant, by its id or slug. What is refused ends the command with one line."""
    given = settings()
    url = given.migrate_url() if role == "souk_owner" and given.migrate_database_url is not None else location(given)

    async def run() -> T:
        limits = Limits(statement=patience, lock=2, idle_in_transaction=patience)
        database = Database(url, Keyring(given.key_spec()), role, limits, size=1)
        try:
            id_ = await tenant_of(database, tenant) if isinstance(tenant, str) else tenant
            async with database.transaction(Actor(id_, Role.OWNER), op, system=True) as tx:
                return await work(tx)
        finally:
            await database.close()

    try:
        return asyncio.run(run())
    except Refused as refused:
        failed(refused.message)
    except InvalidInput as invalid:
        failed("; ".join(problem.message for problem in invalid.problems))
    except IntegrityError:
        failed("the database refused it: the same is there already")


async def tenant_of(database: Database, slug: str) -> UUID:
    async with database.engine.connect() as connection:
        found: UUID | None = (await connection.execute(select(func.souk.tenant_by_slug(slug)))).scalar_one()
    if found is None:
        failed(f"there is no tenant {slug}")
    return found
