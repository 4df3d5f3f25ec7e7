"""Real worker processes: killed, doubled, told to end."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio

from souk.db.sealing import Keyring
from tests.worker import bench
from tests.worker.conftest import Make, Run

ROOT = Path(__file__).parents[2]
LEASE, BEAT, POLL = 0.4, 0.1, 0.1


class Workers:
    """Real worker processes over the run's database."""

    def __init__(self, parent: asyncio.subprocess.Process) -> None:
        self.parent = parent

    @classmethod
    async def over(cls, url: str, **more: str) -> "Workers":
        known = {name: value for name, value in os.environ.items() if not name.startswith("SOUK_")}
        given = {"SOUK_DATABASE_URL": url, "SOUK_ENCRYPTION_KEYS": Keyring.generate(), "SOUK_LOG_LEVEL": "error"}
        times = {"SOUK_LEASE": str(LEASE), "SOUK_HEARTBEAT": str(BEAT), "SOUK_POLL": str(POLL)}
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.worker.process", cwd=ROOT, env={**known, **given, **times, **more},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        return cls(parent)

    async def _ask(self, command: str) -> int:
        assert self.parent.stdout is not None
        assert self.parent.stdin is not None
        self.parent.stdin.write(f"{command}\n".encode())
        return int(await self.parent.stdout.readline())

    async def start(self) -> int:
        return await self._ask("start")

    async def end(self, pid: int, how: signal.Signals) -> int:
        """Its exit code."""
        os.kill(pid, how)
        return await asyncio.wait_for(self._ask(f"wait {pid}"), 15)

    async def close(self) -> None:
        assert self.parent.stdin is not None
        self.parent.stdin.close()
        await self.parent.wait()


@pytest_asyncio.fixture
async def workers(database: str) -> AsyncIterator[Workers]:
    made = await Workers.over(database)
    yield made
    await made.close()


async def ended(run: Run, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while (await run.row()).ended_at is None:
            await asyncio.sleep(0.05)


async def fresh(run: Run) -> None:
    """The world's clock stands still; the workers' does not: what is due is due now."""
    now = datetime.now(UTC)
    await run.world.rows("UPDATE souk.work SET due_at = :now WHERE ref = :id RETURNING 1", now=now, id=run.id)


# Not by its text alone: between Parse and Bind the statement is `active` too, and waits for its client (`ClientRead`).
AT_WORK = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'souk_worker' AND wait_event = 'PgSleep'
"""


async def at_work(url: str) -> set[int]:
    """The connections on which a worker is in the middle of a chunk of the bench, as only the server's login sees them."""
    connection = await asyncpg.connect(url)
    try:
        return {row["pid"] for row in await connection.fetch(AT_WORK)}
    finally:
        await connection.close()


async def test_a_worker_killed_again_and_again_does_every_item_once(
    make: Make, workers: Workers, database: str, size: Callable[[Any, Any], Any]
) -> None:
    """Each of the twenty deaths falls into a chunk: the first one of that worker, or one soon after."""
    number, kills = size((350, 10), (3000, 20))
    chance = random.Random(7)
    run = await make(bench.items(number), slow=size(0.012, 0.004))
    await fresh(run)
    progress = []
    for _ in range(kills):
        before = await at_work(database)  # the dead one's connection may not have noticed yet
        worker = await workers.start()
        async with asyncio.timeout(60):
            while not await at_work(database) - before:
                await asyncio.sleep(0.01)
        await asyncio.sleep(chance.uniform(0, 0.5))
        assert (await run.row()).ended_at is None
        assert await workers.end(worker, signal.SIGKILL) == -signal.SIGKILL
        await run.hold()
        progress.append((await run.row()).succeeded)
    assert progress == sorted(progress) and len(set(progress)) > 1 and 0 < progress[-1] < number
    await workers.start()
    await ended(run)
    row = await run.row()
    assert (row.status, row.succeeded) == ("COMPLETED", number)
    assert await run.effects() == [1] * number
    await run.hold()


async def test_two_workers_at_once_share_the_batches_and_double_nothing(make: Make, workers: Workers) -> None:
    runs = [await make(bench.items(120), slow=0.002) for _ in range(4)]
    for run in runs:
        await fresh(run)
    for _ in range(2):
        await workers.start()
    for run in runs:
        await ended(run)
        assert await run.effects() == [1] * 120
        await run.hold()


async def test_told_to_end_a_worker_finishes_its_chunk_and_gives_the_lease_back(make: Make, workers: Workers) -> None:
    run = await make(bench.items(500), slow=0.01)
    await fresh(run)
    worker = await workers.start()
    async with asyncio.timeout(60):
        while (await run.row()).succeeded == 0:
            await asyncio.sleep(0.02)
    assert await workers.end(worker, signal.SIGTERM) == 0
    assert 0 < (await run.row()).succeeded < 500
    (work,) = await run.world.rows("SELECT lease_until, due_at FROM souk.work WHERE ref = :id", id=run.id)
    assert work.lease_until is None
    await run.hold()
