"""A file brought in from here to its end, by the engine that also serves the API: for commands and for the demo."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import IO
from uuid import UUID

import strawberry
from sqlalchemy import text

from ..db.session import Database, system_actor
from ..engine.symbols import write_id
from ..gateways.storage import Storage
from ..models import Batch, Upload, new_id
from ..resolvers import preview as previews
from ..resolvers.batch import start
from ..resolvers.chronicle import AT_ONCE
from ..resolvers.importing import upload_add, upload_begin
from ..resolvers.kinds import BatchPlan, BatchSelection
from ..resolvers.report import PAGE, lines, report_of, report_page
from ..rules.enums import BatchKind
from . import importing
from .batch import RUN, step
from .queue import Queue

assert importing.ACTIONS
PIECE = 262_144
LEASE, WATCH = timedelta(seconds=60), 0.25
BEAT = 10.0  # seconds after which the lease is extended
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Brought:
    """What came of a file: imported + updated + unchanged + refused = rows, unless it was stopped on the way."""

    batch_id: UUID
    status: str
    rows: int
    imported: int
    updated: int
    unchanged: int
    refused: int
    warnings: int
    seconds: float


async def pieces(path: Path) -> AsyncIterator[bytes]:
    """A file of this machine, piece by piece."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


async def upload_file(
    db: Database, storage: Storage, tenant_id: UUID, path: Path, *, now: datetime, limit: int, days: int = 30
) -> Upload:
    """Hand a file of this machine over. Raises OSError, TooLarge."""
    id_ = new_id()
    async with db.transaction(system_actor(tenant_id), "uploadBegin", now=now, system=True) as tx:
        await upload_begin(tx, id_)
    stored = await storage.put(tenant_id, id_, pieces(path), limit=limit)
    async with db.transaction(system_actor(tenant_id), "uploadAdd", now=now, system=True) as tx:
        return await upload_add(
            tx, id=id_, name=path.name, media_type="text/csv", stored_as=stored.name, size=stored.size,
            sha256=stored.sha256, days=days,
        )  # fmt: skip


async def begin(
    db: Database,
    tenant_id: UUID,
    upload: Upload,
    mapping: str,
    *,
    now: datetime,
    dealer_id: UUID | None = None,
    title: str | None = None,
    pace: int | None = None,
) -> UUID:
    """Preview, make and start the batch of an upload, as the system. Raises Refused or InvalidInput."""
    async with db.transaction(system_actor(tenant_id), "batchStart", now=now, system=True) as tx:
        dealer = strawberry.ID(write_id("Dealer", dealer_id)) if dealer_id else None
        asked = previews.BatchPreviewInput(
            kind=BatchKind.IMPORT,
            selection=BatchSelection(upload_id=strawberry.ID(write_id("Upload", upload.id))),
            plan=BatchPlan(mapping=mapping, dealer_id=dealer),
        )
        preview = await previews.batch_preview(tx, asked)
        batch: Batch = await previews.create(tx, preview, title=title or f"Import of {upload.name}"[:200], pace=pace)
        await start(tx, batch)
        return batch.id


async def to_the_end(
    worker: Database,
    tenant_id: UUID,
    batch_id: UUID,
    *,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Brought:
    """Work on the batch until it is at rest, or wait while another worker holds it.

    One at a time: two that read the same file would each begin it anew for every chunk. Whoever waits for the end wants
    the fewest steps, not the smoothest ones: each takes as much as one may.
    """
    began, queue, held, told = monotonic(), Queue(worker, (RUN,), LEASE), None, 0
    beat = began
    while True:
        at = now or datetime.now(UTC)
        held = held or await queue.take(tenant_id, RUN, batch_id, at)
        if held is None:
            found = await outcome(worker, tenant_id, batch_id)
            if found.status not in ("RUNNING", "CANCELLING"):
                return replace(found, seconds=monotonic() - began)
            settled = found.imported + found.updated + found.unchanged + found.refused
            if progress is not None and settled > told:
                progress(settled - told)
            told = max(told, settled)
            await asyncio.sleep(WATCH)
            continue
        due, items, _ = await step(worker, tenant_id, batch_id, now=at, size=AT_ONCE)
        told += items
        if progress is not None:
            progress(items)
        if due is None:
            found = await outcome(worker, tenant_id, batch_id)
            return replace(found, seconds=monotonic() - began)
        if monotonic() - beat > BEAT:
            beat = monotonic()
            await queue.extend([held], at)


OUTCOMES = text("""
SELECT b.status, b.total, coalesce(i.outcome, i.status) AS outcome, count(i.id) AS items,
       coalesce(sum(jsonb_array_length(i.warnings)), 0)::bigint AS warnings
FROM batch b LEFT JOIN batch_item i ON i.tenant_id = b.tenant_id AND i.batch_id = b.id
WHERE b.tenant_id = :tenant AND b.id = :batch GROUP BY 1, 2, 3
""")


async def outcome(db: Database, tenant_id: UUID, batch_id: UUID) -> Brought:
    """How far the batch has come."""
    async with db.transaction(system_actor(tenant_id), "importOutcome", system=True) as tx:
        found = (await tx.session.execute(OUTCOMES, {"tenant": tenant_id, "batch": batch_id})).all()
    items = {row.outcome: row.items for row in found}
    return Brought(
        batch_id, found[0].status, found[0].total, items.get("CREATED", 0), items.get("UPDATED", 0),
        items.get("UNCHANGED", 0), items.get("REFUSED", 0),
        sum(row.warnings for row in found if row.outcome != "REFUSED"), 0.0,
    )  # fmt: skip


async def write_report(db: Database, tenant_id: UUID, batch_id: UUID, file: IO[str]) -> None:
    """Every cell that was lost, as CSV: row, column, value, reason, and what became of the row."""
    async with db.transaction(system_actor(tenant_id), "batchReport", system=True) as tx:
        report = await report_of(tx, batch_id)
    file.write(lines([report.header]))
    for after in range(0, report.last, PAGE):
        async with db.transaction(system_actor(tenant_id), "batchReport", system=True) as tx:
            file.write(await report_page(tx, report, after))
