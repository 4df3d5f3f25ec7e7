"""The listing import over the batch engine: exact counts, exact warnings, and nothing on the second run."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.worker.bringing import Brought, begin, to_the_end, upload_file
from tests.world import KEYRING, World

DATA = Path(__file__).parents[2] / "souk" / "worker" / "data"


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


@pytest_asyncio.fixture
async def doors(database: str, tmp_path: Path) -> AsyncIterator[tuple[Database, Database, Directory]]:
    """The application's door, a worker's, and the storage that they share."""
    files = Directory(tmp_path / "files")
    opened = Database(database, KEYRING, files=files), Database(database, KEYRING, "souk_worker", files=files)
    yield *opened, files
    for each in opened:
        await each.close()


class Bring:
    def __init__(self, world: World, doors: tuple[Database, Database, Directory], tmp_path: Path) -> None:
        self.world, self.doors, self.path = world, doors, tmp_path

    async def __call__(self, content: bytes | Path, mapping: str, dealer: UUID | None = None) -> Brought:
        app, worker, files = self.doors
        path = self.path / "file.csv"
        if isinstance(content, Path):
            path = content
        else:
            path.write_bytes(content)
        tenant, now = self.world.tenant_id, self.world.now
        upload = await upload_file(app, files, tenant, path, now=now, limit=10_000_000)
        batch = await begin(app, tenant, upload, mapping, now=now, dealer_id=dealer)
        return await to_the_end(worker, tenant, batch, now=now)


@pytest_asyncio.fixture
async def bring(world: World, doors: Any, tmp_path: Path) -> Bring:
    return Bring(world, doors, tmp_path)


def counts(found: Brought) -> tuple[str, int, int, int, int, int, int]:
    assert found.imported + found.updated + found.unchanged + found.refused == found.rows
    return (
        found.status, found.rows, found.imported, found.updated, found.unchanged, found.refused, found.warnings
    )  # fmt: skip


async def test_the_shipped_file_and_again(bring: Bring) -> None:
    world = bring.world
    found = await bring(DATA / "india_used_bikes_bikes.csv", "used_bikes", world.dealer)
    assert counts(found) == ("COMPLETED", 7857, 7857, 0, 0, 0, 2107)
    print(f"{found.rows / found.seconds:.0f} rows/s")
