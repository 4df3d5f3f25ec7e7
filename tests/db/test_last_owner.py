"""The database keeps the last OWNER of a tenant, whatever a transaction forgets to ask, and however many come at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from souk.models import Membership, User, new_id
from souk.resolvers.tenant import tenant_create
from souk.resolvers.user import roles
from souk.rules.actor import Actor, Role
from tests.resolvers.test_owners import OWNERS, with_owners
from tests.world import Souk, World

SUSPEND = "UPDATE app_user SET status = 'SUSPENDED' WHERE id = $1"
WAYS = [
    SUSPEND,
    "UPDATE app_user SET status = 'ERASED' WHERE id = $1",
    "UPDATE membership SET ended_at = now() WHERE user_id = $1 AND role = 'OWNER'",
    "UPDATE membership SET role = 'VIEWER' WHERE user_id = $1 AND role = 'OWNER'",
    "DELETE FROM membership WHERE user_id = $1 AND role = 'OWNER'",
    "WITH gone AS (UPDATE membership SET ended_at = now() WHERE user_id = $1 RETURNING 1)"
    " UPDATE app_user SET status = 'SUSPENDED' WHERE id = $1",
]

WAITS = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND pid = :pid"


@asynccontextmanager
async def raw(world: World, database: str) -> AsyncIterator[asyncpg.Connection]:
    """The application's role in this tenant, without anything of ours in between."""
    settings = {"role": "souk_app", "souk.tenant_id": str(world.tenant_id)}
    connection = await asyncpg.connect(database, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def second_owner(world: World) -> Any:
    await world.add(Membership(id=new_id(), user_id=world.actors[Role.ADMIN].user_id, role=Role.OWNER))
    return world.actors[Role.ADMIN].user_id


@pytest.mark.parametrize("way", range(len(WAYS)))
async def test_the_last_owner_stays_in_every_way(world: World, database: str, way: int) -> None:
    first, second = world.actors[Role.OWNER].user_id, await second_owner(world)
    async with raw(world, database) as connection:
        await connection.execute(WAYS[way], first)
        assert await world.rows(OWNERS) == [(second,)], "one of two may go"
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await connection.execute(WAYS[way], second)
    assert refused.value.constraint_name == "last_owner"
    assert await world.rows(OWNERS) == [(second,)]


async def test_one_may_go_and_another_come_in_one_transaction(world: World, database: str) -> None:
    first, second = world.actors[Role.OWNER], world.actors[Role.SALES]
    async with raw(world, database) as connection, connection.transaction():
        await connection.execute(WAYS[2], first.user_id)
        await connection.execute("UPDATE membership SET role = 'OWNER' WHERE id = $1", second.membership_id)
    assert await world.rows(OWNERS) == [(second.user_id,)]


async def test_where_no_owner_acts_yet_others_may_go(souk: Souk, database: str) -> None:
    """A new tenant, whose owner has not accepted the invitation."""
    place = Actor(new_id(), Role.OWNER)
    async with souk.owner.transaction(place, "tenantCreate", system=True) as tx:
        await tenant_create(tx, "Fresh", f"fresh-{place.tenant_id.hex[-12:]}", "owner@example.com")
    world = World(souk, place.tenant_id, {}, new_id(), new_id(), place, place)
    (owner,) = await world.rows("SELECT id, account_id FROM app_user")
    somebody = User(id=new_id(), account_id=owner.account_id, name="Somebody", status="ACTIVE", staff=True)
    async with souk.owner.engine.begin() as connection:
        asked = text("SELECT souk.account_for(:id, :key, NULL)")
        values = {"id": new_id(), "key": f"{somebody.id}@example.com"}
        somebody.account_id = (await connection.execute(asked, values)).scalar_one()
    await world.add(somebody, Membership(id=new_id(), user_id=somebody.id, role=Role.ADMIN))
    async with raw(world, database) as connection:
        await connection.execute(SUSPEND, somebody.id)
    assert await world.rows("SELECT status FROM app_user ORDER BY id") == [("INVITED",), ("SUSPENDED",)]


@pytest.mark.parametrize("ways", [(0, 0), (0, 2), (2, 4), (3, 0)])
async def test_of_two_who_go_at_once_one_stays(world: World, database: str, ways: tuple[int, int]) -> None:
    """Each has written before the other commits: neither sees that the other goes."""
    owners = [world.actors[Role.OWNER].user_id, await second_owner(world)]
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(raw(world, database)) for _ in owners]
        begun = [connection.transaction() for connection in connections]
        for transaction, connection, way, who in zip(begun, connections, ways, owners, strict=True):
            await transaction.start()
            await connection.execute(WAYS[way], who)
        await connections[0].execute("SET CONSTRAINTS ALL IMMEDIATE")  # it was asked, and has not committed yet
        second = asyncio.create_task(connections[1].execute("SET CONSTRAINTS ALL IMMEDIATE"))
        async with asyncio.timeout(20):
            pid = connections[1].get_server_pid()
            while not second.done() and not await world.rows(WAITS, pid=pid):
                await asyncio.sleep(0.005)
        assert not second.done()
        await begun[0].commit()
        with pytest.raises(asyncpg.CheckViolationError, match="last OWNER"):
            await second
        await begun[1].rollback()
    assert await world.rows(OWNERS) == [(owners[1],)]


async def test_twelve_who_go_at_once_leave_one(souk: Souk, database: str) -> None:
    for _ in range(5):
        world, owners = await with_owners(souk, 6)
        async with AsyncExitStack() as stack:
            connections = [await stack.enter_async_context(raw(world, database)) for _ in range(12)]
            ends = await asyncio.gather(
                *(each.execute(WAYS[2 * (n % 2)], owners[n // 2][0].user_id) for n, each in enumerate(connections)),
                return_exceptions=True,
            )
        assert len(await world.rows(OWNERS)) == 1
        refused = {type(end) for end in ends if not isinstance(end, str)}
        assert refused == {asyncpg.CheckViolationError}, ends


async def test_a_snapshot_that_would_not_see_the_other_is_refused(world: World, database: str) -> None:
    first, second = world.actors[Role.OWNER].user_id, await second_owner(world)
    async with raw(world, database) as connection:
        with pytest.raises(asyncpg.FeatureNotSupportedError):
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute(SUSPEND, first)
    assert sorted(id for (id,) in await world.rows(OWNERS)) == sorted([first, second])


async def test_a_write_that_forgot_to_ask_answers_as_if_it_had(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def enough(_tx: Any) -> set[Any]:
        return {new_id(), new_id()}

    owner = world.actors[Role.OWNER]
    monkeypatch.setattr(roles, "owners", enough)
    given = {"id": world.id("User", owner.user_id), "membershipId": world.id("Membership", owner.membership_id)}  # type: ignore[arg-type]
    done = await world.do(Role.OWNER, "userSetRole", "user { id }", **given, expectedVersion=1)
    monkeypatch.undo()
    asked = await world.do(Role.OWNER, "userSetRole", "user { id }", **given, expectedVersion=1)
    assert done == asked and [each["code"] for each in done["userErrors"]] == ["FORBIDDEN"]
    assert await world.rows(OWNERS) == [(owner.user_id,)]
    assert await world.rows("SELECT id FROM audit_event WHERE op = 'userSetRole'") == []
