"""Chunks of one batch that are in flight side by side, and what waits for them."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from souk.db.session import Transaction
from souk.models import Batch
from souk.rules.actor import Role
from souk.rules.enums import BatchAction, BatchKind
from souk.worker.actions import ACTIONS, SOURCES, Item, Result
from souk.worker.batch import RUN
from souk.worker.loop import Worker
from souk.worker.queue import Held

from . import bench
from .conftest import Make, Run

WAITS = """
SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND NOT l.granted AND a.datname = current_database()
"""


class Slow(bench.Effect):
    """Once it has done the first item, it waits until it may go on."""

    def __init__(self) -> None:
        self.there, self.on = asyncio.Event(), asyncio.Event()

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        done = await super().run(tx, batch, items)
        if items[0].n == 1:
            self.there.set()
            await self.on.wait()
        return done


@pytest.fixture
def slow() -> Slow:
    ACTIONS[BatchAction.IMPORT_ROW] = made = Slow()
    return made


async def chunk(run: Run, slow: Slow, size: int) -> "asyncio.Task[Any]":
    """A chunk that is in flight with the first items."""
    begun = asyncio.create_task(run.step(size=size))
    async with asyncio.timeout(10):
        await slow.there.wait()
    return begun


async def waits(run: Run) -> None:
    async with asyncio.timeout(10):
        while not await run.world.rows(WAITS):
            await asyncio.sleep(0.01)


async def test_a_chunk_takes_the_items_behind_those_in_flight_and_may_be_faster(make: Make, slow: Slow) -> None:
    run = await make(bench.items(8))
    first = await chunk(run, slow, 3)
    assert await run.step(size=3) == run.now
    row = await run.row()
    assert (row.succeeded, row.pending, row.status, row.impact) == (3, 5, "RUNNING", {"INR": 300})
    assert await run.step(size=3) == run.now
    assert ((await run.row()).succeeded, await run.effects()) == (5, [0, 0, 0, 1, 1, 1, 1, 1])
    due = await run.step(size=3)  # there is nothing but what is in flight
    assert due is not None and (due - run.now).total_seconds() == 0.1
    assert not first.done()
    slow.on.set()
    assert await first is None
    row = await run.row()
    assert (row.status, row.succeeded, row.pending, row.impact) == ("COMPLETED", 8, 0, {"INR": 800})
    assert await run.effects() == [1] * 8
    assert [[item["n"] for item in e.items] for e in await run.events() if e.kind == "ITEMS"] == [
        [4, 5, 6], [7, 8], [1, 2, 3],
    ]  # fmt: skip
    assert row.report["groups"] == [
        {
            "action": "IMPORT_ROW",
            "status": "SUCCEEDED",
            "outcome": "DONE",
            "error_code": None,
            "items": 8,
            "warnings": 0,
        }
    ]
    await run.hold()


@pytest.mark.parametrize(
    ("mutation", "status", "left"), [("batchPause", "PAUSED", "PENDING"), ("batchCancel", "CANCELLED", "CANCELLED")]
)
async def test_whoever_steers_waits_for_what_is_in_flight(
    make: Make, slow: Slow, mutation: str, status: str, left: str
) -> None:
    run = await make(bench.items(8))
    world = run.world
    first = await chunk(run, slow, 3)
    given = {"id": world.id("Batch", run.id), "idempotencyKey": world.key()}
    steered = asyncio.create_task(world.do(Role.ADMIN, mutation, "batch { counts { succeeded } }", **given))
    await waits(run)
    late = asyncio.create_task(run.step(size=3))  # in the line behind it: nothing is begun any more
    async with asyncio.timeout(10):
        while len(await world.rows(WAITS)) < 2:
            await asyncio.sleep(0.01)
    assert ((await run.row()).status, (await run.row()).succeeded) == ("RUNNING", 0)
    slow.on.set()
    assert await first == run.now
    told = await steered
    assert (told["batch"]["counts"]["succeeded"], told["userErrors"]) == (3, [])
    assert await late is None
    row = await run.row()
    assert (row.status, row.succeeded, await run.effects()) == (status, 3, [1] * 3 + [0] * 5)
    assert await run.statuses() == {"SUCCEEDED": 3, left: 5}
    await run.hold()


async def test_of_a_chunk_whose_batch_was_stopped_meanwhile_nothing_has_happened(make: Make, slow: Slow) -> None:
    run = await make(bench.items(30, **{f"n{n}": "refuse" for n in range(6, 31)}))
    await run.world.set(failure_threshold_pct=10, failure_threshold_min=20)
    first = await chunk(run, slow, 5)
    assert await run.step(size=25) is None
    stopped, events = await run.row(), await run.events()
    assert (stopped.status, stopped.failed, stopped.pending) == ("FAILED", 25, 5)
    slow.on.set()
    assert await first is None
    assert await run.row() == stopped
    assert await run.events() == events
    assert await run.effects() == [0] * 30
    assert await run.statuses() == {"FAILED": 25, "PENDING": 5}
    await run.hold()


@pytest.mark.parametrize("how", ["streamed", "paced"])
async def test_a_stream_and_a_pace_take_their_items_one_chunk_after_the_other(make: Make, slow: Slow, how: str) -> None:
    if how == "streamed":
        SOURCES[BatchKind.CREDIT_GRANT] = bench.Rows()
    given: dict[str, Any] = {"rows": 4, "said": 4} if how == "streamed" else {"pace": 2}
    run = await make([] if how == "streamed" else bench.items(4), **given)
    first = await chunk(run, slow, 2)
    second = asyncio.create_task(run.step(size=2))
    row = """SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid)
             WHERE NOT l.granted AND l.locktype IN ('transactionid', 'tuple') AND a.datname = current_database()"""
    async with asyncio.timeout(10):
        while not await run.world.rows(row):
            await asyncio.sleep(0.01)
    assert (await run.row()).succeeded == 0
    slow.on.set()
    await asyncio.gather(first, second)
    await run.to_end()
    told = [[item["n"] for item in e.items] for e in await run.events() if e.kind == "ITEMS"]
    assert told == {"streamed": [[1, 2], [3, 4]], "paced": [[1], [2], [3], [4]]}[how]
    await run.hold()


async def test_a_worker_has_two_chunks_of_a_batch_in_flight(
    make: Make, worker_db: Any, size: Callable[[Any, Any], Any]
) -> None:
    """They meet: neither goes on before the other is there."""
    meet, came, met = asyncio.Barrier(2), 0, 0

    class Meeting(bench.Effect):
        async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
            nonlocal came, met
            done = await super().run(tx, batch, items)
            came += batch.id == run.id
            if batch.id == run.id and came in (2, 3):  # the first one finds out that there may be two
                async with asyncio.timeout(10):
                    await meet.wait()
                met += 1
            return done

    ACTIONS[BatchAction.IMPORT_ROW] = Meeting()
    run = await make(bench.items(size(300, 1000)))
    worker = Worker(worker_db, clock=lambda: run.now)
    held = Held(run.world.tenant_id, RUN, run.id, run.now, run.now)
    async with asyncio.timeout(60):
        while await worker._run_batch(held) is not None:
            pass
    assert met == 2
    row = await run.row()
    assert (row.status, row.succeeded) == ("COMPLETED", row.total)
    assert set(await run.effects()) == {1}
    await run.hold()
