"""What a batch tells of itself: its dense stream of events and its log, written under the lock of its row."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from ..db.session import Transaction
from ..engine.symbols import read_id, write_id
from ..models import Batch, BatchEvent, BatchLog, new_id
from ..models.batch import COUNTS
from ..rules.batch import Counts
from ..rules.enums import BatchEventKind, LogLevel

AT_ONCE = 200
"""Items in one event at most, and therefore items settled by one commit of a worker."""

Line = tuple[LogLevel, str, UUID | None]


def counts_of(batch: Batch) -> Counts:
    """The parts as the row keeps them."""
    return Counts(*(getattr(batch, name) for name in Counts._fields))


def set_counts(batch: Batch, counts: Counts) -> None:
    """Keep the parts, and the total that they add up to."""
    for name, number in counts._asdict().items():
        setattr(batch, name, number)
    batch.total = counts.total


async def tell(
    tx: Transaction,
    batch: Batch,
    *,
    state: tuple[str | None, str, str | None] | None = None,
    items: Sequence[dict[str, Any]] = (),
    lines: Sequence[Line] = (),
) -> None:
    """Append what happened: at most one event of a kind, in the order items, log, state, each with the counts now.

    The caller holds the lock of the batch's row, has set its counts, and calls this once per transaction: `seq` and the
    numbers of the lines are dense because of that. `state` is (from, to, reason).
    """
    shown: list[dict[str, Any]] = [{"level": level.value, "message": message} for level, message, _ in lines]
    logged = []
    for (level, message, item_id), line in zip(lines, shown, strict=True):
        batch.log_head += 1
        line["n"] = batch.log_head
        logged.append(
            {"tenant_id": batch.tenant_id, "id": new_id(), "created_at": tx.now, "batch_id": batch.id,
             "n": batch.log_head, "level": level.value, "message": message, "item_id": item_id}
        )  # fmt: skip
    if logged:
        await tx.session.execute(insert(BatchLog.__table__), logged)  # type: ignore[arg-type]
    told: list[dict[str, Any]] = []
    if items:
        told.append({"kind": BatchEventKind.ITEMS.value, "items": list(items)})
    if shown:
        told.append({"kind": BatchEventKind.LOG.value, "lines": shown})
    if state is not None:
        told.append(
            {"kind": BatchEventKind.STATE.value, "from_status": state[0], "to_status": state[1], "reason": state[2]}
        )
    common = {"tenant_id": batch.tenant_id, "created_at": tx.now, "batch_id": batch.id, "at": tx.now}
    common |= {"impact": batch.impact, "total": batch.total} | {name: getattr(batch, name) for name in COUNTS}
    for event in told:
        batch.seq_head += 1
        values = common | event | {"id": new_id(), "seq": batch.seq_head}
        await tx.session.execute(insert(BatchEvent.__table__), values)  # type: ignore[arg-type]


def gid(type_name: str, row_id: UUID) -> str:
    """The global id of a thing that an item acts on."""
    return write_id(type_name, row_id)


def row_id(id: str) -> UUID | None:
    """The row of a global id."""
    found = read_id(id)
    return found.row_id if found else None
