"""A process that begins to serve makes ready what its own documents will ask, and reads nothing of anybody's by it."""

import asyncio
import json
from typing import Any

import httpx

from souk.documents.fused import facts_of, samples
from souk.documents.shipped import shipped
from souk.engine.document import Document
from souk.rules.actor import Role
from souk.schema import schema
from souk.web.warm import actor_of, warm
from tests.serving import serving
from tests.web.test_wire import signed_in
from tests.world import Souk, World


def ready() -> list[Any]:
    """The plans there are to be: of each query that ships with all its variables, and with those that it needs."""
    found = []
    for each in shipped().values():
        for operation in Document(schema, each.text).operations:
            if operation.is_query:
                full, *_, needed = samples(operation)
                found += [(each, operation.name, variables) for variables in (full, needed)]
    return found


async def test_every_query_that_ships_is_prepared_on_every_connection(database: str) -> None:
    souk = Souk.open(database)
    runner, pool = souk.runner, souk.runner.pool
    pool.size = 2
    try:
        made = await warm(runner, shipped().values())
        assert (pool.busy, pool.open) == (0, 2)
        asked = set()
        for each, name, variables in ready():
            actor = actor_of(facts_of(each.role or Role.CUSTOMER)[0])
            found = runner.at_hand(each.text, variables, name, actor)
            if found is not None:  # else a sample is no cursor
                asked.add(each.name)
                made -= 1
                assert all(found[0] in connection.statements for connection in pool._idle), each.name
                assert b'"id":"' not in await pool.answer(*found)  # nobody's
        assert (asked, made) == ({each.name for each, _, _ in ready()}, 0)
    finally:
        await souk.close()


async def test_a_database_that_is_away_is_no_reason_not_to_serve(world: World) -> None:
    class Away:
        def document(self, text: str) -> Any:
            raise OSError

    assert await warm(Away(), shipped().values()) == 0  # type: ignore[arg-type]


async def test_a_server_does_it_while_it_serves(database: str, world: World) -> None:
    token, _ = await signed_in(world, Role.OPS)
    async with serving(database, warm=True) as (process, url), httpx.AsyncClient(base_url=url) as client:
        asked = {"query": "{ viewer { role } }"}
        answer = await client.post("/graphql", json=asked, headers={"authorization": f"Bearer {token}"})
        assert answer.json()["data"] == {"viewer": {"role": "OPS"}}
        async with asyncio.timeout(60):
            while b'souk_pool_connections_busy{of="read"} 0.0' not in (await client.get("/metrics")).content:
                await asyncio.sleep(0.05)
        process.terminate()
        assert await process.wait() == 0
        lines = [json.loads(line) for line in (await process.drained).splitlines()]  # type: ignore[attr-defined]
    assert not [line for line in lines if line["level"] in ("warning", "error")]
