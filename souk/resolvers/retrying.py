"""A batch taken up again: what failed is tried anew, what was done is undone, what is dead is replayed."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import strawberry
from sqlalchemy import ColumnElement, Select, func, select, text

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer
from ..models import Batch, BatchItem
from ..permissions.batch import ReadsDeadLetters, ReplaysDeadLetter, SeesBatch
from ..rules import batch as rules
from ..rules import text as texts
from ..rules.clauses import implements
from ..rules.enums import BatchItemStatus, BatchKind, BatchStatus, Described, LogLevel
from ..rules.errors import InvalidTransition, Required
from ..rules.machines import check
from .batch import RUN, cancel_items, steered
from .chronicle import Line, counts_of, set_counts, tell
from .enums import known
from .filters import conditions, refers_to
from .flight import at_rest
from .kinds import KINDS
from .writing import found, locked, move, permit

# Once more --------------------------------------------------------------------------------------------------------------


@strawberry.input(description="A batch whose failures are tried again.")
class BatchRetryFailedInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


@implements("Batch", ("COMPLETED_WITH_ERRORS", "FAILED"), "RUNNING", effect="new attempt numbers")
@implements("Batch", "FAILED", "RUNNING", effect="PENDING items go on")
async def batch_retry_failed(tx: Transaction, input: BatchRetryFailedInput) -> Batch:
    """Try the FAILED and DEAD items again, as things are now; a run that was stopped goes on with what it did not come to."""
    batch = await steered(tx, input.id)
    asked = select(BatchItem).where(BatchItem.tenant_id == batch.tenant_id, BatchItem.batch_id == batch.id)
    items = (await tx.session.execute(asked.where(BatchItem.status.in_(AGAIN)).order_by(BatchItem.n))).scalars().all()
    rules.retry(batch.status, failed=len(items))
    before = await _again(tx, batch, items)
    line = (LogLevel.INFO, f"{len(items)} items are tried again.", None)
    await tell(tx, batch, state=(before, batch.status, None), lines=[line])
    return batch


AGAIN = (BatchItemStatus.FAILED, BatchItemStatus.DEAD)
PENDING = text("""
UPDATE batch_item i SET status = 'PENDING', tried_before = i.attempt, next_attempt_at = NULL, settled_at = NULL,
  error_code = NULL, error_message = NULL, before = coalesce(r.before, i.before)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, before jsonb)
WHERE i.tenant_id = :tenant AND i.id = r.id
""")


async def _again(tx: Transaction, batch: Batch, items: Sequence[BatchItem]) -> str:
    """The items are to be done again, measured against the states of now; the batch runs. Gives the state it was in."""
    kind = KINDS[BatchKind[batch.kind]]
    states = {} if kind.streamed else await kind.states(tx, items)
    counts = counts_of(batch)
    rows = []
    for item in items:
        counts = counts.moved(item.status, "PENDING")
        rows.append({"id": item.id, "before": states.get(item.target_id) if item.target_id else None})
    values = {"tenant": batch.tenant_id, "rows": orjson.dumps(rows, default=str).decode()}
    await tx.session.execute(PENDING, values)
    set_counts(batch, counts)
    before = batch.status
    if before in (BatchStatus.COMPLETED_WITH_ERRORS, BatchStatus.FAILED):
        move(tx, batch, BatchStatus.RUNNING, "batch.retried", mutation="batchRetryFailed")
        batch.ended_at = batch.status_reason = batch.not_before = batch.report = None
    if batch.cursor is not None:  # a stream is read on only after the items that it gave already
        batch.cursor = {**batch.cursor, "again": True}
    if batch.status == BatchStatus.RUNNING:
        await tx.due(RUN, batch.id, max(tx.now, batch.not_before or tx.now))
    return before


# Back -------------------------------------------------------------------------------------------------------------------


@strawberry.input(description="A batch to be undone.")
class BatchRollbackInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    reason: str | None = strawberry.field(default=None, description="Why, at most 1,000 characters.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


@implements("Batch", "FAILED", "ROLLING_BACK", effect="PENDING items CANCELLED")
async def batch_rollback(tx: Transaction, input: BatchRollbackInput) -> Batch:
    """Undo what a batch did, up to `rollbackHours` after its end: each item that is still as the batch left it."""
    batch = await steered(tx, input.id)
    before, reason = batch.status, texts.optional_line(input.reason, 1000, field="reason")
    settings = await tx.settings()
    of = (BatchItem.tenant_id == batch.tenant_id, BatchItem.batch_id == batch.id, BatchItem.status.in_(DONE))
    done = (await tx.session.execute(select(func.count()).select_from(BatchItem).where(*of))).scalar_one()
    to = rules.roll_back(
        before,
        undoes=KINDS[BatchKind[batch.kind]].compensates,
        done=done,
        ended_at=batch.ended_at,
        now=tx.now,
        rollback_hours=settings.rollback_hours,
    )
    await cancel_items(tx, batch)
    move(tx, batch, to, "batch.rolling_back", mutation="batchRollback", reason=reason)
    batch.status_reason, batch.cursor = reason, None
    await tx.due(RUN, batch.id, tx.now)
    line = (LogLevel.INFO, f"{done} items are to be undone.", None)
    await tell(tx, batch, state=(before, to, reason), lines=[line])
    return batch


DONE = (BatchItemStatus.SUCCEEDED, BatchItemStatus.COMPENSATION_FAILED)


# Dead letters -----------------------------------------------------------------------------------------------------------


@known
class DeadLetterOrder(Described):
    """The order of dead letters."""

    NEWEST = "NEWEST", "The newest items first."
    OLDEST = "OLDEST", "The oldest items first."


DEAD_LETTER_ORDER = {
    DeadLetterOrder.NEWEST: BatchItem.created_at.desc(),
    DeadLetterOrder.OLDEST: BatchItem.created_at.asc(),
}


@strawberry.input(description="Conditions on dead letters; all must hold.")
class DeadLetterFilter:
    batch_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Of this batch.", default=None)
    since: strawberry.Maybe[DateTime] = strawberry.field(description="Dead at or after this moment.", default=None)

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.batch_id:
            yield refers_to(BatchItem.batch_id, self.batch_id.value, Batch)
        if self.since:
            yield BatchItem.settled_at >= self.since.value


@implements("BatchItem", "RUNNING", "DEAD", effect="dead-letter row")
def dead_letters(
    viewer: Viewer, filter: DeadLetterFilter | None = None, order_by: DeadLetterOrder = DeadLetterOrder.NEWEST
) -> Select[BatchItem]:
    """Items that were tried too often, and wait for somebody to mend the cause and replay them."""
    of = (Batch.tenant_id == BatchItem.tenant_id) & (Batch.id == BatchItem.batch_id)
    seen = (ReadsDeadLetters().rows(viewer), SeesBatch().rows(viewer))
    dead = select(BatchItem).join(Batch, of).where(BatchItem.status == BatchItemStatus.DEAD, *seen)
    return dead.where(*conditions(filter, viewer)).order_by(DEAD_LETTER_ORDER[order_by])


@strawberry.input(description="A dead letter to be tried again.")
class DlqReplayInput:
    id: strawberry.ID = strawberry.field(description="The item of a batch that is DEAD.")
    reason: str = strawberry.field(description="Why it will go well now, at most 1,000 characters.")


OPEN = (BatchStatus.RUNNING, BatchStatus.PAUSED, BatchStatus.COMPLETED_WITH_ERRORS, BatchStatus.FAILED)
"""Where a batch can still take an item up."""


@implements("BatchItem", "DEAD", "PENDING", guard="reason", effect="same effect key", trigger="dlqReplay")
async def dlq_replay(tx: Transaction, input: DlqReplayInput) -> BatchItem:
    """Try a dead letter again, under the id that its effect always had; its batch runs again where it was over."""
    item = await found(tx, BatchItem, input.id, ReadsDeadLetters(), field="id")
    await at_rest(tx, item.batch_id)
    batch = await locked(tx, Batch, item.batch_id, SeesBatch())  # the batch before its items, as the engine does
    item = await locked(tx, BatchItem, input.id, ReadsDeadLetters())
    await permit(tx, ReplaysDeadLetter(), item)
    reason = texts.line(input.reason, 1000, field="reason")
    if not reason:
        raise Required("Say why.", field="reason")
    check("BatchItem", item.status, BatchItemStatus.PENDING, mutation="dlqReplay")
    if batch.status not in OPEN:
        raise InvalidTransition(item.status, "PENDING", (), f"Its batch is {batch.status}.")
    before = await _again(tx, batch, [item])
    data: dict[str, Any] = {"itemId": str(item.id), "n": item.n}
    tx.emit("batch.item_replayed", batch, reason=reason, data=data)
    lines: list[Line] = [(LogLevel.INFO, f"Item {item.n} is replayed: {reason}", item.id)]
    await tell(tx, batch, state=(before, batch.status, reason) if before != batch.status else None, lines=lines)
    await tx.session.refresh(item)
    return item
