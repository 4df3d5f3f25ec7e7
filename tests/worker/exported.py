"""Exports in tests: asked for as anybody, worked to their end, and the file that came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from souk.db.session import Database
from souk.engine.symbols import read_id
from souk.gateways.storage import Directory
from souk.rules.actor import Actor, Role
from souk.rules.enums import BatchKind
from souk.worker import exporting
from souk.worker.batch import step
from tests.world import World

assert BatchKind.EXPORT in exporting.SOURCES  # known once the module is imported
MADE = "batch { id status counts { total pending } }"


@dataclass
class Exporting:
    world: World
    worker: Database
    files: Directory

    async def ask(self, who: Role | Actor, list_: str, **more: Any) -> UUID:
        """The batch of a new export."""
        given = {"list": list_, "format": "CSV", "idempotencyKey": self.world.key(), **more}
        payload = await self.world.do(who, "exportCreate", MADE, **given)
        assert payload["userErrors"] == []
        found = read_id(payload["batch"]["id"])
        assert found is not None
        id_: UUID = found.row_id
        return id_

    async def step(self, batch: UUID, now: datetime | None = None, size: int = 50) -> datetime | None:
        done = await step(
            self.worker, self.world.tenant_id, batch, now=now or self.world.now, size=size, chance=lambda: 0.5
        )
        return done.due

    async def to_end(self, batch: UUID) -> Any:
        """The row of the batch, once there is nothing more to do."""
        now = self.world.now
        while (due := await self.step(batch, now)) is not None:
            now = max(now, due)
        (row,) = await self.world.rows("SELECT * FROM batch WHERE id = :id", id=batch)
        return row

    async def row(self, batch: UUID) -> Any:
        (row,) = await self.world.rows("SELECT * FROM export WHERE batch_id = :id", id=batch)
        return row

    async def content(self, batch: UUID) -> bytes:
        with self.files.open((await self.row(batch)).stored_as) as file:
            return file.read()

    async def __call__(self, who: Role | Actor, list_: str, **more: Any) -> bytes:
        """The file of a new export."""
        batch = await self.ask(who, list_, **more)
        assert (await self.to_end(batch)).status == "COMPLETED"
        return await self.content(batch)
