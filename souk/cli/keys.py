"""Commands about the keys of SOUK_ENCRYPTION_KEYS."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import typer
from cryptography.exceptions import InvalidTag

from souk.cli.console import failed, out, settings
from souk.cli.embedded import location
from souk.cli.work import Slug, tenant_of
from souk.db.connect import Limits
from souk.db.sealing import Keyring
from souk.db.session import Database, Transaction
from souk.resolvers.resealing import reseal_accounts, reseal_chunk, tables
from souk.rules.actor import Actor, Role

Step = Callable[[Transaction, UUID | None], Awaitable[tuple[int, UUID | None]]]
LIMITS = Limits(statement=30, lock=5, idle_in_transaction=60)


def new(name: Annotated[str, typer.Argument(help="The id of the key, as k2026b.")]) -> None:
    """Print a fresh key, to be put in front of SOUK_ENCRYPTION_KEYS."""
    if not name.isidentifier():
        failed("the id of a key is a word")
    out.print(Keyring.generate(name), markup=False)


def reseal(tenant: Slug) -> None:
    """Seal under the first key what is still under another, and renew the hashes that find it: of a tenant, and of accounts.

    Needs the login that migrates, for accounts. Again and again it changes nothing; it may be stopped at any time.
    """
    given = settings()
    keyring = Keyring(given.key_spec())
    owner = given.migrate_url() if given.migrate_database_url is not None else location(given)
    doors = (
        Database(location(given), keyring, "souk_app", LIMITS, size=1),
        Database(owner, keyring, "souk_owner", LIMITS, size=1),
    )

    async def run() -> dict[str, int]:
        app, owners = doors
        try:
            actor = Actor(await tenant_of(app, tenant), Role.OWNER)
            found = {"account": await _all(owners, actor, reseal_accounts)}
            for table in tables():

                async def step(tx: Transaction, after: UUID | None, table: Any = table) -> tuple[int, UUID | None]:
                    return await reseal_chunk(tx, table, after)

                found[table.name] = await _all(app, actor, step)
            return found
        finally:
            for door in doors:
                await door.close()

    try:
        for name, count in asyncio.run(run()).items():
            out.print(f"{name}: {count} renewed", markup=False)
    except KeyError as gone:
        failed(f"something is sealed under the key {gone.args[0]}, which is not in SOUK_ENCRYPTION_KEYS")
    except InvalidTag:
        failed("a sealed value does not open: it, or its place, was changed")


async def _all(database: Database, actor: Actor, step: Step) -> int:
    """All chunks, each in a transaction of its own."""
    total, after = 0, None
    while True:
        async with database.transaction(actor, "keysReseal", system=True) as tx:
            count, after = await step(tx, after)
        total += count
        if after is None:
            return total
