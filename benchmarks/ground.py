"""What benchmarks of imports stand on: an embedded PostgreSQL, a tenant in it, and files brought in to their end."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from benchmarks.import_rows import tenant
from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.sealing import Keyring
from souk.db.session import Database, system_actor
from souk.gateways.storage import Directory
from souk.worker.bringing import Brought, begin, to_the_end, upload_file

MAPPINGS = Path(__file__).parent / "mappings"


@dataclass
class Ground:
    """A tenant with one dealer, and the doors to it."""

    app: Database
    worker: Database
    files: Directory
    owner: Database
    tenant_id: UUID
    dealer_id: UUID

    async def fresh(self) -> "Ground":
        """The same with a tenant of its own."""
        id_, dealer = await tenant(self.owner, self.app)
        return Ground(self.app, self.worker, self.files, self.owner, id_, dealer)

    async def bring(self, path: Path, mapping: str, *, seller: bool = True) -> Brought:
        """A file by a mapping: of this folder by its name, or as TOML."""
        said = mapping if "\n" in mapping else (MAPPINGS / f"{mapping}.toml").read_text(encoding="utf-8")
        now = datetime.now(UTC)
        upload = await upload_file(self.app, self.files, self.tenant_id, path, now=now, limit=10**10)
        batch = await begin(
            self.app, self.tenant_id, upload, said, now=now, dealer_id=None if seller else self.dealer_id
        )
        return await to_the_end(self.worker, self.tenant_id, batch)

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        """What the tenant's database says."""
        async with self.worker.transaction(system_actor(self.tenant_id), "read", system=True) as tx:
            return list((await tx.session.execute(text(sql), {"tenant": self.tenant_id, **values})).all())


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """An embedded PostgreSQL with the settings that `souk run` uses, gone in the end."""
    with tempfile.TemporaryDirectory(prefix="souk-bench-") as scratch:
        server = Embedded(Path(scratch) / "pg")
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            files, keyring = Directory(Path(scratch) / "files"), Keyring(Keyring.generate())
            app, owner = Database(url, keyring, files=files), Database(url, keyring, "souk_owner")
            worker = Database(url, keyring, "souk_worker", files=files)
            id_, dealer = await tenant(owner, app)
            yield Ground(app, worker, files, owner, id_, dealer)
            for each in (app, owner, worker):
                await each.close()
        finally:
            server.stop()
