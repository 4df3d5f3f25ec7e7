"""Files brought in by a test: what `bring` does, and what came of it."""

from pathlib import Path
from uuid import UUID

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.worker.bringing import Brought, begin, to_the_end, upload_file
from tests.world import World


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


def counts(found: Brought) -> tuple[str, int, int, int, int, int, int]:
    assert found.imported + found.updated + found.unchanged + found.refused == found.rows
    return (
        found.status, found.rows, found.imported, found.updated, found.unchanged, found.refused, found.warnings
    )  # fmt: skip
