"""Subscriptions over real rows: replayed, followed, resumed, closed."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from souk.db.events import Hub, Relay
from souk.db.session import Database
from souk.engine.fuse import Fuser
from souk.engine.symbols import NotFused
from souk.rules.actor import Role
from souk.web.errors import Failure
from souk.web.live import KEPT, Live
from tests.worker import bench
from tests.worker.conftest import Make, Run, _bench, make, worker_db
from tests.world import KEYRING, PATIENT, World

__all__ = ["_bench", "make", "worker_db"]
FOLLOW = """subscription($id: ID!, $after: BigInt) { batchEvents(batchId: $id, after: $after) { __typename seq
  counts { total succeeded } ... on BatchItemsChanged { items { n status } } ... on BatchStateChanged { from to } } }"""
PAGE = """query($id: ID!) { batchEvents(batchId: $id, first: 500) { events { __typename seq
  counts { total succeeded } ... on BatchItemsChanged { items { n status } } ... on BatchStateChanged { from to } } } }"""


@dataclass
class Stage:
    """The subscriptions of a process, and a worker whose commits another process is told of."""

    live: Live
    relay: Relay
    worker: Database

    async def follow(
        self, run: Run, until: int, after: int | None = None, who: Role = Role.OPS, stop: int = 10**9
    ) -> list[dict[str, Any]]:
        """The events from `after` to `until`, as a subscriber gets them; it leaves after `stop` of them."""
        found: list[dict[str, Any]] = []
        source = self.live.subscribe(FOLLOW, variables(run, after), None, run.world.context(who))
        async with asyncio.timeout(30), aclosing(source) as payloads:  # type: ignore[type-var]
            async for payload in payloads:
                found.append(json.loads(payload)["data"]["batchEvents"])
                if int(found[-1]["seq"]) >= until or len(found) >= stop:
                    break
        return found


def variables(run: Run, after: int | None = None) -> dict[str, Any]:
    return {"id": run.world.id("Batch", run.id), "after": None if after is None else str(after)}


@pytest_asyncio.fixture
async def stage(database: str, world: World) -> AsyncIterator[Stage]:
    hub, relay = Hub(database, "souk_app"), Relay(database, "souk_worker")
    worker = Database(database, KEYRING, "souk_worker", PATIENT)
    worker.committed.append(relay.tell)
    live = Live(world.souk.runner, hub)
    await asyncio.gather(hub.start(), relay.start())
    yield Stage(live, relay, worker)
    await asyncio.gather(live.close(), relay.stop(), hub.stop())
    await worker.close()


async def test_subscribers_that_come_and_go_miss_nothing_and_get_nothing_twice(
    stage: Stage, make: Make, size: Callable[[Any, Any], Any]
) -> None:
    """Each connection breaks some twelve times: a thousand times in all at full size."""
    run = await make(bench.items(120))
    run.db = stage.worker
    last, chance = 4 + 30 + 2, random.Random(3)

    async def restless() -> list[dict[str, Any]]:
        """Its connection breaks again and again; it resumes after what it has seen."""
        found: list[dict[str, Any]] = []
        while not found or int(found[-1]["seq"]) < last:
            after = int(found[-1]["seq"]) if found else None
            found += await stage.follow(run, last, after, stop=chance.randint(1, 5))
        return found

    following = [asyncio.create_task(restless()) for _ in range(size(12, 90))]
    steady = [asyncio.create_task(stage.follow(run, last)) for _ in range(5)]
    await run.to_end(size=4)
    answers = await asyncio.gather(*following, *steady)
    page = (await run.world.data(Role.OPS, PAGE, {"id": run.world.id("Batch", run.id)}))["batchEvents"]["events"]
    assert [event["seq"] for event in page] == [str(n) for n in range(1, last + 1)]
    assert all(answer == page for answer in answers)
    assert stage.live.streams == {}


async def test_equal_subscribers_share_one_reading_and_others_do_not(stage: Stage, make: Make) -> None:
    run = await make(bench.items(40))
    followers = [asyncio.create_task(stage.follow(run, 7, who=who)) for who in (Role.OPS, Role.OPS, Role.ADMIN)]
    async with asyncio.timeout(5):
        while sum(stream.followers for stream in stage.live.streams.values()) < 3:
            await asyncio.sleep(0.01)
    assert sorted(stream.followers for stream in stage.live.streams.values()) in ([3], [1, 2])
    await run.to_end()
    first, *others = await asyncio.gather(*followers)
    assert all(other == first for other in others)


async def test_it_is_known_whether_a_statement_writes_the_events(
    stage: Stage, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await make(bench.items(10))
    await run.to_end()

    async def begun() -> tuple[bool | None, bytes]:
        context = run.world.context(Role.OPS)
        async with aclosing(stage.live.subscribe(FOLLOW, variables(run), None, context)) as payloads:  # type: ignore[type-var]
            payload = bytes(await anext(payloads))
        return context.fused, payload

    fused, payload = await begun()
    assert fused is True

    def broken(self: Fuser) -> Any:
        raise NotFused("money is too hard")

    monkeypatch.setattr(Fuser, "events", broken)
    run.world.souk.runner.document(FOLLOW).operations[0].plans.clear()
    assert await begun() == (False, payload)
    run.world.souk.runner.document(FOLLOW).operations[0].plans.clear()


async def test_a_commit_that_nobody_was_told_of_arrives_all_the_same(stage: Stage, make: Make) -> None:
    run = await make(bench.items(10))  # its own database tells no relay
    following = asyncio.create_task(stage.follow(run, 7, after=4))
    await run.to_end()
    assert [event["seq"] for event in await following] == ["5", "6", "7"]


async def test_a_place_that_is_not_there_yet_takes_nothing_from_the_others(stage: Stage, make: Make) -> None:
    run = await make(bench.items(10))
    ahead = asyncio.create_task(stage.follow(run, 7, after=6))
    async with asyncio.timeout(5):
        while not any(stream.floor for stream in stage.live.streams.values()):
            await asyncio.sleep(0.01)
    following = asyncio.create_task(stage.follow(run, 7))
    await run.to_end()
    assert [event["seq"] for event in await following] == ["1", "2", "3", "4", "5", "6", "7"]
    assert [event["seq"] for event in await ahead] == ["7"]


async def test_what_is_not_there_for_somebody_ends_at_once_and_alike(stage: Stage, make: Make) -> None:
    run = await make(bench.items(1))
    assert await stage.follow(run, 99, who=Role.CUSTOMER) == []
    unknown = Run(run.world, run.db, run.world.dealer, run.now)
    assert await stage.follow(unknown, 99, who=Role.CUSTOMER) == []
    source = stage.live.subscribe(FOLLOW, variables(run), None, run.world.context(Role.PUBLIC))
    (refused,) = [json.loads(payload) async for payload in source]
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_who_may_no_longer_see_the_row_is_closed_within_five_seconds(stage: Stage, make: Make) -> None:
    run = await make(bench.items(1))
    world = run.world

    async def give(user: Any) -> None:
        async with world.souk.app.transaction(world.actor(Role.OWNER), "test", now=world.now) as tx:
            changed = "UPDATE batch SET creator_id = :user WHERE id = :id"
            await tx.session.execute(text(changed), {"user": user, "id": run.id})

    await give(world.actor(Role.CUSTOMER).user_id)
    following = asyncio.create_task(stage.follow(run, 99, who=Role.CUSTOMER))
    async with asyncio.timeout(5):
        while not any(stream.floor for stream in stage.live.streams.values()):
            await asyncio.sleep(0.01)
    await give(world.actor(Role.ADMIN).user_id)
    found = await asyncio.wait_for(following, 5)
    assert [event["seq"] for event in found] == ["1", "2", "3", "4"]


async def test_a_subscriber_too_far_behind_ends_with_where_to_resume(stage: Stage, make: Make) -> None:
    run = await make(bench.items(KEPT + 20))
    run.db = stage.worker
    source = stage.live.subscribe(FOLLOW, variables(run, 4), None, run.world.context(Role.OPS))
    stop = asyncio.create_task(run.step(size=1))
    first = await anext(source)  # type: ignore[call-overload]
    await stop
    assert first.after == "5"
    other = asyncio.create_task(stage.follow(run, KEPT + 26, after=5))
    await run.to_end(size=1)
    assert len(await other) == KEPT + 26 - 5
    with pytest.raises(Failure) as failed:
        await anext(source)  # type: ignore[call-overload]
    assert (failed.value.code, failed.value.facts) == ("OVERLOADED", {"after": "5"})
    resumed = await stage.follow(run, KEPT + 26, after=5)
    assert [event["seq"] for event in resumed] == [str(n) for n in range(6, KEPT + 27)]


async def test_the_hub_is_connected_again_and_wakes_everybody(database: str, stage: Stage, make: Make) -> None:
    run = await make(bench.items(3))
    run.db = stage.worker
    following = asyncio.create_task(stage.follow(run, 7))
    async with asyncio.timeout(5):
        while not any(stream.floor for stream in stage.live.streams.values()):
            await asyncio.sleep(0.01)
    connection = await asyncpg.connect(database)
    killed = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
    )
    await connection.close()
    assert killed
    await run.to_end()
    assert len(await following) == 7
