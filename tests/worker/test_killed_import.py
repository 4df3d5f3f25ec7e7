"""The real worker, killed while it brings the shipped file in: every row once, whatever was under way."""

import asyncio
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from souk.db.proof import verify_audit
from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.rules.actor import Role
from souk.worker.bringing import begin, upload_file
from tests.serving import KEYS
from tests.world import KEYRING, PATIENT, Souk, make_world

ROOT = Path(__file__).parents[2]
FILE = ROOT / "souk" / "worker" / "data" / "india_used_bikes_bikes.csv"
ROWS = 7857
LAST = "SELECT status, succeeded, seq_head FROM batch"
TWICE = """
SELECT count(*), count(DISTINCT n), count(DISTINCT target_id), min(n), max(n) FROM batch_item WHERE outcome = 'CREATED'
"""


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


async def worker(url: str, data: Path) -> asyncio.subprocess.Process:
    given = {
        "DATABASE_URL": url, "ENCRYPTION_KEYS": KEYS, "DATA_DIR": data, "LEASE": 1, "HEARTBEAT": 0.2, "POLL": 0.1,
        "LOG_LEVEL": "error",
    }  # fmt: skip
    environment = {**os.environ, **{f"SOUK_{name}": str(value) for name, value in given.items()}}
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "souk", "worker", cwd=ROOT, env=environment)


async def test_every_row_of_a_file_is_brought_in_once(
    own_database: str, tmp_path: Path, size: Callable[[Any, Any], Any]
) -> None:
    souk, files, chance = Souk.open(own_database), Directory(tmp_path / "files"), random.Random(5)
    world = await make_world(souk)
    app = Database(own_database, KEYRING, limits=PATIENT, files=files)
    upload = await upload_file(app, files, world.tenant_id, FILE, now=world.now, limit=10_000_000)
    await begin(app, world.tenant_id, upload, "used_bikes", now=world.now, dealer_id=world.dealer)
    seen = [0]
    for _ in range(size(3, 6)):
        process = await worker(own_database, tmp_path)
        async with asyncio.timeout(60):  # a second lives on in a dead one's lease
            while (await world.rows(LAST))[0].succeeded == seen[-1]:
                await asyncio.sleep(0.005)
        await asyncio.sleep(chance.uniform(0, 0.1))
        process.kill()
        await process.wait()
        await asyncio.wait_for(gone(own_database), 30)
        (row,) = await world.rows(LAST)
        assert row.status == "RUNNING"
        assert seen[-1] < row.succeeded < ROWS
        assert await world.rows("SELECT count(*) FROM listing") == [(row.succeeded,)]
        seen.append(row.succeeded)
    process = await worker(own_database, tmp_path)
    async with asyncio.timeout(120):
        while (await world.rows(LAST))[0].status == "RUNNING":
            await asyncio.sleep(0.05)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    (row,) = await world.rows(LAST)
    assert (row.status, row.succeeded) == ("COMPLETED", ROWS)
    assert await world.rows(TWICE) == [(ROWS, ROWS, ROWS, 1, ROWS)]
    assert await world.rows("SELECT count(*) FROM listing WHERE status = 'ACTIVE'") == [(ROWS,)]
    told = "SELECT count(*), count(DISTINCT subject_id) FROM domain_event WHERE type = 'listing.imported'"
    assert await world.rows(told) == [(ROWS, ROWS)]
    assert await world.rows("SELECT count(*), max(seq) FROM batch_event") == [(row.seq_head, row.seq_head)]
    async with souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        assert (await verify_audit(tx.session, world.tenant_id)).broken_at is None
    await app.close()
    await souk.close()


async def gone(url: str) -> None:
    """The server has noticed that the killed worker is no more: what it was at is undone."""
    connection = await asyncpg.connect(url)
    asked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'souk_worker'"
    while await connection.fetchval(asked) is not None:
        await asyncio.sleep(0.01)
    await connection.close()
