"""The real worker, killed while it reads a list: the file is the one that an undisturbed worker writes, byte for byte."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.rules.actor import Role
from tests.worker.exported import Exporting
from tests.worker.test_killed_import import gone, worker
from tests.world import KEYRING, PATIENT, Souk, make_world

MADE = """
INSERT INTO listing (tenant_id, id, created_at, updated_at, version, dealer_id, kind, status, title, price_minor, price_order,
                     currency, negotiable, max_unlocks, visibility)
SELECT :t, md5(n::text)::uuid, CAST(:now AS timestamptz) - n * interval '1 second', :now, 1, :dealer, 'PRODUCT', 'ACTIVE', 'Thing ' || n, n, n,
       'INR', true, 3, 'PUBLIC' FROM generate_series(1, CAST(:rows AS integer)) n RETURNING 1
"""
SEEN = "SELECT status, succeeded FROM batch WHERE id = :id"


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


async def test_a_killed_worker_writes_the_same_file(
    own_database: str, tmp_path: Path, size: Callable[[Any, Any], Any]
) -> None:
    souk, files, chance = Souk.open(own_database), Directory(tmp_path / "files"), random.Random(7)
    world, rows = await make_world(souk), size(6_000, 100_000)
    await world.rows(MADE, t=world.tenant_id, dealer=world.dealer, rows=rows, now=world.now)
    door = Database(own_database, KEYRING, "souk_worker", PATIENT, files=files)
    export = Exporting(world, door, files)
    whole = await export(Role.OPS, "LISTINGS")
    assert whole.count(b"\r\n") == rows + 1
    await door.close()  # from here on the only worker is the one that is killed
    batch, seen = await export.ask(Role.OPS, "LISTINGS"), [0]
    for _ in range(size(1, 6)):
        process = await worker(own_database, tmp_path)
        async with asyncio.timeout(60):
            while (await world.rows(SEEN, id=batch))[0].succeeded == seen[-1]:
                await asyncio.sleep(0.005)
        await asyncio.sleep(chance.uniform(0, 0.1))
        process.kill()
        await process.wait()
        await asyncio.wait_for(gone(own_database), 30)
        seen.append((await world.rows(SEEN, id=batch))[0].succeeded)
    process = await worker(own_database, tmp_path)
    async with asyncio.timeout(120):
        while (await world.rows(SEEN, id=batch))[0].status == "RUNNING":
            await asyncio.sleep(0.05)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    assert (await world.rows(SEEN, id=batch))[0] == ("COMPLETED", -(-rows // 1000) + 1)
    assert await export.content(batch) == whole
    assert seen == sorted(set(seen))
    await souk.close()
