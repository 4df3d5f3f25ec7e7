"""What steers a batch, all at once; and a worker that sleeps through its lease."""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from typing import Any

from souk.rules.actor import Role
from tests.worker import bench
from tests.worker.conftest import Make
from tests.worker.test_process import Workers, at_work, ended, fresh

ACTS = ("batchStart", "batchStart", "batchPause", "batchResume", "batchCancel")


async def test_started_paused_resumed_and_cancelled_at_once_it_is_one_run(
    make: Make, size: Callable[[Any, Any], Any]
) -> None:
    chance = random.Random(11)
    for _ in range(size(12, 100)):
        run = await make(bench.items(8), started=False)
        world = run.world

        async def act(mutation: str, world: Any = world, run: Any = run) -> tuple[str, bool]:
            given = {"id": world.id("Batch", run.id), "idempotencyKey": world.key()}
            done = await world.do(Role.ADMIN, mutation, "batch { status }", **given)
            return mutation, done["userErrors"] == []

        acts = chance.sample(ACTS, len(ACTS))
        *found, _ = await asyncio.gather(
            *(act(each) for each in acts), run.step(size=3)
        )  # which may come first or last
        took = [mutation for mutation, happened in found if happened]
        await run.to_end()
        row = await run.row()
        assert row.status == "CANCELLED" and took.count("batchCancel") == 1 and took.count("batchStart") <= 1
        assert (row.succeeded + row.cancelled, row.pending, row.running) == (8, 0, 0)
        assert sum(await run.effects()) == row.succeeded and max(await run.effects()) <= 1
        told = await world.rows("SELECT type FROM domain_event WHERE subject_id = :id", id=run.id)
        assert [type_ for (type_,) in told].count("batch.started") == took.count("batchStart")
        await run.hold()


async def test_what_a_worker_that_slept_through_its_lease_did_not_commit_is_refused(make: Make, database: str) -> None:
    """It is stopped in the middle of a chunk; the database ends its transaction, another worker does the items."""
    workers = await Workers.over(database, SOUK_IDLE_IN_TRANSACTION_TIMEOUT="0.5", SOUK_WORKER_TRANSACTION_TIMEOUT="5")
    try:
        run = await make(bench.items(200), slow=0.01)
        await fresh(run)
        first = await workers.start()
        async with asyncio.timeout(20):
            while not (asleep := await at_work(database)):
                await asyncio.sleep(0.01)
        os.kill(first, signal.SIGSTOP)
        try:
            assert (await run.row()).ended_at is None
            await workers.start()
            await ended(run)
            assert await run.effects() == [1] * 200
            assert not asleep & await at_work(database)
        finally:
            os.kill(first, signal.SIGCONT)
        assert await workers.end(first, signal.SIGTERM) == 0
        assert await run.effects() == [1] * 200
        assert (await run.row()).status == "COMPLETED"
        await run.hold()
    finally:
        await workers.close()
