"""Batches of the bench, and the door of a worker."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.models import Batch, BatchPreview, new_id
from souk.resolvers import preview as previews
from souk.resolvers.batch import start
from souk.resolvers.chronicle import set_counts
from souk.resolvers.kinds import KINDS, Foreseen
from souk.resolvers.writing import locked
from souk.rules import batch as rules
from souk.rules.actor import Role
from souk.rules.enums import BatchKind
from souk.worker.actions import ACTIONS, COMPENSATIONS, SOURCES
from souk.worker.batch import step
from tests.world import KEYRING, PATIENT, World

from . import bench
from .bringing import Bring


@pytest.fixture(autouse=True)
def _bench() -> Iterator[None]:
    registries: tuple[dict[Any, Any], ...] = (KINDS, ACTIONS, COMPENSATIONS, SOURCES)
    kept = [dict(each) for each in registries]
    bench.install()
    yield
    for registry, before in zip(registries, kept, strict=True):
        registry.clear()
        registry.update(before)


@pytest_asyncio.fixture(scope="session")
async def worker_db(database: str) -> AsyncIterator[Database]:
    opened = Database(database, KEYRING, "souk_worker", PATIENT)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def doors(database: str, tmp_path: Path) -> AsyncIterator[tuple[Database, Database, Directory]]:
    """The application's door, a worker's, and the storage that they share."""
    files = Directory(tmp_path / "files")
    opened = Database(database, KEYRING, files=files), Database(database, KEYRING, "souk_worker", files=files)
    yield *opened, files
    for each in opened:
        await each.close()


@pytest_asyncio.fixture
async def bring(world: World, doors: Any, tmp_path: Path) -> Bring:
    """`await bring(content, mapping)`: a file of the test, to its end."""
    return Bring(world, doors, tmp_path)


@dataclass
class Run:
    """A batch, and a clock that the test turns."""

    world: World
    db: Database
    id: UUID
    now: datetime
    seen: list[int] = field(default_factory=list)

    async def step(self, size: int = 200, chance: float = 0.5) -> datetime | None:
        done = await step(self.db, self.world.tenant_id, self.id, now=self.now, size=size, chance=lambda: chance)
        self.seen.append((await self.row()).succeeded)
        return done.due

    async def to_end(self, size: int = 200, chance: float = 0.5) -> None:
        """Step by step, the clock turned on to whenever there is something to do."""
        while (due := await self.step(size, chance)) is not None:
            self.now = max(self.now, due)

    async def row(self) -> Any:
        (found,) = await self.world.rows("SELECT * FROM batch WHERE id = :id", id=self.id)
        return found

    async def statuses(self) -> dict[str, int]:
        found = await self.world.rows(
            "SELECT status, count(*) FROM batch_item WHERE batch_id = :id GROUP BY 1", id=self.id
        )
        return dict(tuple(row) for row in found)

    async def effects(self) -> list[int]:
        """How often each item's effect is there and not undone, in the order of the items."""
        found = await self.world.rows(
            """SELECT i.n, coalesce(sum(CASE a.operation WHEN 'bench' THEN 1 WHEN 'bench undone' THEN -1 END), 0) FROM batch_item i LEFT JOIN access_refusal a ON a.subject_id = i.id
               WHERE i.batch_id = :id GROUP BY i.n ORDER BY i.n""",
            id=self.id,
        )
        return [count for _, count in found]

    async def events(self) -> list[Any]:
        return await self.world.rows("SELECT * FROM batch_event WHERE batch_id = :id ORDER BY seq", id=self.id)

    async def hold(self) -> None:
        """The things that are always so."""
        row, events, statuses = await self.row(), await self.events(), await self.statuses()
        assert [event.seq for event in events] == list(range(1, row.seq_head + 1))
        assert rules.count(statuses)._asdict() == {name: getattr(row, name) for name in rules.Counts._fields}
        progress = [event.succeeded for event in events]
        assert progress == sorted(progress)
        assert all(len(event.items or ()) <= 200 for event in events)


Make = Callable[..., Awaitable[Run]]


async def make_run(
    world: World, db: Database, items: list[Foreseen], *, who: Role = Role.ADMIN, pace: int | None = None,
    started: bool = True, **plan: Any,
) -> Run:  # fmt: skip
    """A batch of the bench in this world, for a worker's door."""
    actor = world.actor(who)
    async with world.souk.app.transaction(actor, "batchPreview", now=world.now) as tx:
        preview = tx.add(
            BatchPreview(
                id=new_id(), kind=BatchKind.CREDIT_GRANT, selection={}, plan=plan, hash=b"1", total=len(items),
                actionable=len(items), impact={}, warnings=[], creator_id=actor.user_id,
                expires_at=world.now + timedelta(minutes=30),
            )
        )  # fmt: skip
        await tx.session.flush()
        values = {"tenant": world.tenant_id, "now": tx.now, "preview": preview.id, "rows": previews._rows(items)}
        await tx.session.execute(previews.PREVIEWED, values)
        tx.emit("batch.previewed", preview)
    async with world.souk.app.transaction(actor, "batchCreate", now=world.now) as tx:
        batch = await previews.create(tx, preview, pace=pace)
        if "said" in plan:
            set_counts(batch, rules.Counts(pending=plan["said"]))
    if started:
        async with world.souk.app.transaction(actor, "batchStart", now=world.now) as tx:
            await start(tx, await locked(tx, Batch, batch.id, None))
    return Run(world, db, batch.id, world.now)


@pytest.fixture
def make(world: World, worker_db: Database) -> Make:
    """`await make(bench.items(5))`: a batch of the bench, started by ADMIN unless told otherwise."""

    async def made(items: list[Foreseen], **given: Any) -> Run:
        return await make_run(world, worker_db, items, **given)

    return made
