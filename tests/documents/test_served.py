"""Registered documents over a real database: found in their own tenant only, and their last use written down."""

from datetime import timedelta
from hashlib import sha256

import httpx

from souk.documents.store import Registered
from souk.rules.actor import Role
from souk.rules.manifest import digest
from tests.documents.asking import NAMED
from tests.resolvers.test_document import map_of, push
from tests.web.test_wire import signed_in
from tests.world import NOW, World, make_world

MINE = "query Mine { viewer { role } }"


async def test_a_pushed_document_is_answered_at_once_and_in_its_tenant_alone(
    app: httpx.AsyncClient, world: World
) -> None:
    other = await make_world(world.souk)
    here, there = [(await signed_in(each, Role.OPS))[0] for each in (world, other)]
    given = {"documentId": "sha256:" + sha256(MINE.encode()).hexdigest()}

    async def ask(token: str) -> tuple[object, ...]:
        body = (await app.post("/graphql", json=given, headers={"authorization": f"Bearer {token}"})).json()
        return (body.get("data"), *(error["message"] for error in body.get("errors", ())))

    assert await ask(here) == (None, "PersistedQueryNotFound")
    await push(world, Role.ADMIN, map_of(MINE))
    assert await ask(here) == ({"viewer": {"role": "OPS"}},)
    assert await ask(there) == (None, "PersistedQueryNotFound")
    shipped = {"documentId": NAMED["AdminDealers"].id, "variables": {"first": 1}}
    for token in (here, there):
        answer = await app.post("/graphql", json=shipped, headers={"authorization": f"Bearer {token}"})
        assert answer.json()["data"]["dealers"]["totalCount"] == 2


async def test_the_last_use_is_written_to_the_minute_and_never_back(world: World) -> None:
    await push(world, Role.ADMIN, map_of(MINE))
    await push(world, Role.ADMIN, map_of(MINE), clientVersion="2.0.0")
    kept = Registered(world.souk.app.engine)
    assert await kept.find(world.tenant_id, digest(MINE)) == MINE
    assert await kept.find(world.tenant_id, digest("{ other }")) is None
    used = "SELECT last_used_at FROM persisted_operation"
    assert await world.rows(used) == [(None,), (None,)]
    for now in (NOW + timedelta(seconds=70), NOW):
        await kept.touch(world.tenant_id, [digest(MINE)], now)
        assert await world.rows(used) == [(NOW + timedelta(minutes=1),)] * 2, "each version that sends it"
