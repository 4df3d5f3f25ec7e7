"""The counts that the writes keep add up to a full count, whatever was written, and nobody else moves them."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import select

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.models import Listing, new_id
from souk.rules.actor import Role
from tests.world import NOW, Souk, World, make_world

# by hand, beside the triggers: what stands in a group, table by table
COUNTED = {
    "listing": "status, kind, NULL, visibility, deleted_at IS NOT NULL",
    "offer": "status, NULL, NULL, NULL, false",
    "lead": "status, NULL, NULL, NULL, false",
    "alert": "status, kind, severity, NULL, false",
    "ticket": "status, NULL, NULL, NULL, deleted_at IS NOT NULL",
    "task": "status, kind, NULL, NULL, false",
}
FULL = " UNION ALL ".join(
    f"SELECT '{table}' AS s, {columns}, count(*) FROM {table} WHERE tenant_id = $1 GROUP BY 1, 2, 3, 4, 5, 6"
    for table, columns in COUNTED.items()
)
KEPT = """SELECT subject, status, kind, severity, visibility, removed, sum(n)::bigint FROM kept_count WHERE tenant_id = $1
  GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(n) <> 0"""
STATES = ("DRAFT", "ACTIVE", "PAUSED", "ARCHIVED")
TASK = ("tenant_id", "id", "created_at", "updated_at", "version", "kind", "status", "title", "due_order")
LISTING = """INSERT INTO listing (tenant_id, id, created_at, updated_at, version, dealer_id, kind, status, title, price_order,
    currency, negotiable, max_unlocks, visibility)
  SELECT $1, gen_random_uuid(), now(), now(), 1, $2, $3, $4, 'A listing ' || n, 1, 'INR', true, 3, 'PUBLIC'
  FROM generate_series(1, $5::integer) n"""


async def equal(connection: asyncpg.Connection, tenant_id: UUID) -> int:
    """Hold both equal, in the tenant that the connection is in; gives the number of groups."""
    full = {tuple(row)[:-1]: row[-1] for row in await connection.fetch(FULL, tenant_id)}
    kept = {tuple(row)[:-1]: row[-1] for row in await connection.fetch(KEPT, tenant_id)}
    assert kept == full
    return len(full)


@pytest_asyncio.fixture
async def writers(world: World, database: str) -> AsyncIterator[list[asyncpg.Connection]]:
    """Two connections of the application in the tenant, and one of a worker."""
    roles = ("souk_app", "souk_app", "souk_worker")
    made = [await asyncpg.connect(database, server_settings={"role": role}) for role in roles]
    for each in made:
        await each.execute("SELECT set_config('souk.tenant_id', $1, false)", str(world.tenant_id))
    yield made
    for each in made:
        await each.close()


def listings(world: World, number: int, status: str = "DRAFT") -> list[dict[str, Any]]:
    return [
        {"dealer_id": world.dealer, "kind": "PRODUCT", "status": status, "title": f"Listing {n}", "price_order": 1,
         "currency": "INR", "negotiable": True, "max_unlocks": 3, "visibility": "PRIVATE"}
        for n in range(number)
    ]  # fmt: skip


async def test_after_writes_of_every_kind_they_add_up(
    world: World, writers: list[asyncpg.Connection], database: str
) -> None:
    one, two, worker = writers
    root = await asyncpg.connect(database)
    chance, tenant = random.Random(7), world.tenant_id
    dealers = (world.dealer, world.other_dealer)

    async def create(by: asyncpg.Connection) -> None:
        kind = chance.choice(("VEHICLE", "PRODUCT"))
        await by.execute(
            LISTING, tenant, chance.choice(dealers), kind, chance.choice(STATES), chance.choice((1, 2, 40))
        )

    async def copy(_: asyncpg.Connection) -> None:
        """By the superuser: row security forbids COPY to everybody else."""
        rows = [(tenant, new_id(), NOW, NOW, 1, kind, chance.choice(("TODO", "CANCELLED")), "A task", NOW)
                for kind in ("FOLLOW_UP", "REVIEW", "REVIEW")]  # fmt: skip
        await root.copy_records_to_table("task", records=rows, columns=TASK)

    async def move(by: asyncpg.Connection) -> None:
        await by.execute(
            "UPDATE listing SET status = $2 WHERE tenant_id = $1 AND random() < $3",
            tenant,
            chance.choice(STATES),
            chance.random(),
        )

    async def touch(by: asyncpg.Connection) -> None:
        await by.execute("UPDATE listing SET title = title || '.' WHERE tenant_id = $1 AND random() < 0.3", tenant)

    async def remove(by: asyncpg.Connection) -> None:
        await by.execute("UPDATE listing SET deleted_at = now() WHERE tenant_id = $1 AND random() < 0.1", tenant)

    async def erase(by: asyncpg.Connection) -> None:
        await by.execute("DELETE FROM listing WHERE tenant_id = $1 AND random() < 0.1", tenant)

    async def again(by: asyncpg.Connection) -> None:
        """Some are there already and change, some are new."""
        await by.execute(
            "INSERT INTO listing SELECT * FROM listing WHERE tenant_id = $1 AND random() < 0.3"
            " ON CONFLICT (tenant_id, id) DO UPDATE SET visibility = 'PRIVATE', kind = 'PRODUCT'", tenant
        )  # fmt: skip

    acts = (create, create, copy, move, move, touch, remove, erase, again)
    for _ in range(60):
        act, by = chance.choice(acts), chance.choice((one, two))
        undone = by.transaction()
        match chance.random():
            case n if n < 0.2:
                await undone.start()
                await act(by)
                await undone.rollback()
            case n if n < 0.4:
                async with by.transaction():
                    await act(by)
                    await undone.start()  # a savepoint
                    await chance.choice(acts)(by)
                    await undone.rollback()
                    await chance.choice(acts)(by)
                    await equal(by, tenant)
            case _:
                await act(by)
        if chance.random() < 0.2:
            await worker.fetchval("SELECT souk.fold_counts()")
        await equal(one, tenant)
    assert await equal(two, tenant) > 8
    await root.close()


async def test_what_the_write_door_writes_together_is_counted(world: World, writers: list[asyncpg.Connection]) -> None:
    async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=NOW) as tx:
        made = await tx.add_alike(Listing, listings(world, 12), "listing.created")
    async with world.souk.app.transaction(world.actor(Role.ADMIN), "test", now=NOW) as tx:
        for row in (await tx.session.scalars(select(Listing).where(Listing.id.in_(made[:6])))).all():
            row.status = "ACTIVE"
            tx.emit("listing.published", row)
    found = await writers[0].fetch(
        "SELECT status, n FROM kept_count WHERE tenant_id = $1 ORDER BY seq", world.tenant_id
    )
    # one statement each: twelve new ones; six that left one state for another
    assert sorted(map(tuple, found)) == [("ACTIVE", 6), ("DRAFT", -6), ("DRAFT", 12)]
    await equal(writers[0], world.tenant_id)


async def test_writers_do_not_wait_for_one_another_nor_for_a_fold(
    world: World, writers: list[asyncpg.Connection]
) -> None:
    one, two, worker = writers
    for each in writers:
        await each.execute("SET lock_timeout = '2s'")
    given = (world.tenant_id, world.dealer, "PRODUCT", "DRAFT")
    await one.execute(LISTING, *given, 3)
    async with one.transaction():
        await one.execute(LISTING, *given, 5)
        async with two.transaction():
            await two.execute(LISTING, *given, 7)
            await worker.fetchval("SELECT souk.fold_counts()")
            await equal(two, world.tenant_id)
        await worker.fetchval("SELECT souk.fold_counts()")
        await equal(one, world.tenant_id)
    assert await worker.fetchval("SELECT sum(n) FROM kept_count") == 15
    await equal(one, world.tenant_id)


async def test_a_fold_leaves_one_row_of_a_group_and_none_of_an_empty_one(
    world: World, writers: list[asyncpg.Connection], database: str
) -> None:
    one, _, worker = writers
    tenant = world.tenant_id
    for status in ("DRAFT", "ACTIVE", "DRAFT"):
        await one.execute(LISTING, tenant, world.dealer, "PRODUCT", status, 4)
    await one.execute("UPDATE listing SET status = 'DRAFT' WHERE status = 'ACTIVE' AND tenant_id = $1", tenant)
    other = await asyncpg.connect(database, server_settings={"role": "souk_worker"})
    try:
        async with worker.transaction():  # two at once: the second finds nothing to do, and folds nothing twice
            assert await worker.fetchval("SELECT souk.fold_counts()") >= 5
            assert await other.fetchval("SELECT souk.fold_counts()") == 0
    finally:
        await other.close()
    found = await one.fetch("SELECT subject, status, n, folded FROM kept_count")
    assert [tuple(row) for row in found] == [("listing", "DRAFT", 12, True)]
    await worker.fetchval("SELECT souk.fold_counts()")
    assert await one.fetch("SELECT subject, status, n, folded FROM kept_count") == found


async def test_nobody_sees_or_moves_the_counts_of_another_tenant(
    souk: Souk, world: World, writers: list[asyncpg.Connection]
) -> None:
    other = await make_world(souk)
    await other.add(Listing(id=new_id(), **listings(other, 1)[0]))
    one, _, worker = writers
    await one.execute(LISTING, world.tenant_id, world.dealer, "PRODUCT", "DRAFT", 2)
    before = await other.rows("SELECT subject, status, n FROM kept_count WHERE tenant_id = :t", t=other.tenant_id)
    assert before == [("listing", "DRAFT", 1)]
    for each in (one, worker):
        assert await each.fetchval("SELECT count(*) FROM kept_count WHERE tenant_id = $1", other.tenant_id) == 0
        assert await each.fetchval("SELECT count(DISTINCT tenant_id) FROM kept_count") == 1
        for statement in (
            "INSERT INTO kept_count (tenant_id, subject, status, removed, folded, n) SELECT souk.current_tenant(), 'listing', 'DRAFT', false, false, 1",
            "UPDATE kept_count SET n = 7",
            "DELETE FROM kept_count",
            "TRUNCATE kept_count",
            "SELECT souk.count_again()",
            # a trigger of one's own would write what it likes
            "CREATE TEMPORARY TABLE mine (tenant_id uuid, status text); CREATE TRIGGER t AFTER INSERT ON mine"
            " REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION souk.keep_count_of_offer()",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await each.execute(statement)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await one.fetchval("SELECT souk.fold_counts()")
    await worker.execute("SELECT souk.fold_counts()")  # folds for all, and tells of none
    assert (
        await other.rows("SELECT subject, status, n FROM kept_count WHERE tenant_id = :t", t=other.tenant_id) == before
    )


async def test_what_was_there_before_is_counted_and_a_tenant_that_goes_leaves_nothing(own_database: str) -> None:
    url = sqlalchemy_url(own_database)
    souk = Souk.open(own_database)
    try:
        worlds = [await make_world(souk), await make_world(souk)]
        for world in worlds:
            await world.add(*(Listing(id=new_id(), **each) for each in listings(world, 3)))
        await migrations.downgrade(url, "0024")
        await worlds[0].add(Listing(id=new_id(), **listings(worlds[0], 1, "ACTIVE")[0]))
    finally:
        await souk.close()
    await migrations.upgrade(url)
    connection = await asyncpg.connect(own_database)
    try:
        for world in worlds:
            await equal(connection, world.tenant_id)
        assert Counter(await connection.fetch("SELECT status, n FROM kept_count")) == {
            ("DRAFT", 3): 2,
            ("ACTIVE", 1): 1,
        }
        # as the repair: what went wrong while no trigger ran, here by hand
        await connection.execute("UPDATE kept_count SET n = 9")
        for world in worlds:
            await connection.execute("SELECT set_config('souk.tenant_id', $1, false)", str(world.tenant_id))
            await connection.execute("SELECT souk.count_again()")
            await equal(connection, world.tenant_id)
        await connection.execute("DELETE FROM listing WHERE tenant_id = $1", worlds[0].tenant_id)
        await connection.execute("SELECT souk.fold_counts()")
        assert await connection.fetchval("SELECT count(DISTINCT tenant_id) FROM kept_count") == 1
        task = (worlds[0].tenant_id, new_id(), NOW, NOW, 1, "REVIEW", "TODO", "A task", NOW)
        await connection.copy_records_to_table("task", records=[task], columns=TASK)
        assert await connection.fetchval("SELECT sum(n) FROM kept_count WHERE subject = 'task'") == 1
        await connection.execute("TRUNCATE task")
        assert await connection.fetchval("SELECT count(*) FROM kept_count WHERE subject = 'task'") == 0
    finally:
        await connection.close()
