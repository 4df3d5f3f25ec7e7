"""Batches: long work, watched live, and the few acts that steer it."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import strawberry
from sqlalchemy import BigInteger, ColumnElement, Select, func, literal, select, text

from ..db.session import Transaction
from ..engine.scalars import BigInt, DateTime
from ..engine.symbols import Viewer, among, key
from ..models import Batch, BatchEvent, BatchItem, BatchItemAttempt, BatchLog, Dealer, Task, User
from ..permissions.batch import ApprovesBatch, ControlsBatch, SeesBatch
from ..permissions.dealer import SeesDealer
from ..permissions.user import SeesUser
from ..rules import batch as rules
from ..rules import text as texts
from ..rules.clauses import implements
from ..rules.enums import BatchItemStatus, BatchKind, BatchStatus, Described, DriftPolicy, LogLevel
from ..rules.errors import Forbidden, Required
from . import chronicle
from .chronicle import counts_of, set_counts, tell
from .enums import known
from .filters import conditions, during, refers_to
from .flight import at_rest
from .kinds import KINDS
from .writing import locked, move, permit

RUN = "batch.run"
EVENTS_MAX = 500
BEYOND = 2**62
"""No feed is as long; a place beyond is taken for this, or the page after it would begin past what a bigint holds."""


@known
class BatchOrder(Described):
    """The order of a list of batches."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


BATCH_ORDER = {
    BatchOrder.NEWEST: Batch.created_at.desc(),
    BatchOrder.OLDEST: Batch.created_at.asc(),
    BatchOrder.UPDATED: Batch.updated_at.desc(),
}


@strawberry.input(description="Conditions on batches; all must hold.")
class BatchFilter:
    kind: strawberry.Maybe[BatchKind] = strawberry.field(description="Of this kind.", default=None)
    status: strawberry.Maybe[list[BatchStatus]] = strawberry.field(description="In one of these states.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="For this dealer.", default=None)
    created_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Made at or after this moment.", default=None
    )
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Made before this moment.", default=None)
    ended_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Came to rest at or after this moment.", default=None
    )
    ended_before: strawberry.Maybe[DateTime] = strawberry.field(
        description="Came to rest before this moment.", default=None
    )
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield Batch.kind == self.kind.value
        if self.status:
            yield among(Batch.status, self.status.value)
        if self.dealer_id:
            yield refers_to(Batch.dealer_id, self.dealer_id.value, Dealer)
        yield from during(Batch.created_at, self.created_since, self.created_before)
        yield from during(Batch.ended_at, self.ended_since, self.ended_before)
        if self.updated_since:
            yield Batch.updated_at >= self.updated_since.value


@strawberry.input(description="Conditions on items of a batch; all must hold.")
class BatchItemFilter:
    status: strawberry.Maybe[list[BatchItemStatus]] = strawberry.field(
        description="In one of these states.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield among(BatchItem.status, self.status.value)


def batches(
    viewer: Viewer, filter: BatchFilter | None = None, order_by: BatchOrder = BatchOrder.NEWEST
) -> Select[Batch]:
    """Batches the viewer may see."""
    found = select(Batch).where(SeesBatch().rows(viewer), *conditions(filter, viewer))
    return found.order_by(BATCH_ORDER[order_by])


def batch(viewer: Viewer, id: strawberry.ID) -> Select[Batch]:
    """One batch by its id."""
    return select(Batch).where(Batch.id == key(id, Batch), SeesBatch().rows(viewer))


def batch_item(viewer: Viewer, id: strawberry.ID) -> Select[BatchItem]:
    """One item by its id."""
    of = (Batch.tenant_id == BatchItem.tenant_id) & (Batch.id == BatchItem.batch_id)
    return select(BatchItem).join(Batch, of).where(BatchItem.id == key(id, BatchItem), SeesBatch().rows(viewer))


def creator_of_batch(viewer: Viewer, batch: Batch) -> Select[User]:
    """Who made it; null for a service token, for the system, and for those who may not see the person."""
    return select(User).where(User.id == batch.creator_id, SeesUser().rows(viewer))


def starter_of_batch(viewer: Viewer, batch: Batch) -> Select[User]:
    """Who started it, in whose name it acts; null until then, and for those who may not see the person."""
    return select(User).where(User.id == batch.starter_id, SeesUser().rows(viewer))


def approver_of_batch(viewer: Viewer, batch: Batch) -> Select[User]:
    """The second person who approved it; null where none was asked, and for those who may not see the person."""
    return select(User).where(User.id == batch.approver_id, SeesUser().rows(viewer))


def dealer_of_batch(viewer: Viewer, batch: Batch) -> Select[Dealer]:
    """The dealer for which it acts; null when it acts for the tenant."""
    return select(Dealer).where(Dealer.id == batch.dealer_id, SeesDealer().rows(viewer))


def items_of_batch(viewer: Viewer, batch: Batch, filter: BatchItemFilter | None = None) -> Select[BatchItem]:
    """Its items, in order."""
    found = select(BatchItem).where(BatchItem.batch_id == batch.id, *conditions(filter, viewer))
    return found.order_by(BatchItem.n.asc())


def attempts_of_item(viewer: Viewer, item: BatchItem) -> Select[BatchItemAttempt]:
    """Every try at it, the first first."""
    return select(BatchItemAttempt).where(BatchItemAttempt.item_id == item.id).order_by(BatchItemAttempt.n.asc())


def batch_of_item(viewer: Viewer, item: BatchItem) -> Select[Batch]:
    """The batch it belongs to."""
    return select(Batch).where(Batch.id == item.batch_id, SeesBatch().rows(viewer))


def logs_of_batch(viewer: Viewer, batch: Batch) -> Select[BatchLog]:
    """Its log, the newest line first."""
    return select(BatchLog).where(BatchLog.batch_id == batch.id).order_by(BatchLog.n.desc())


def batch_log(viewer: Viewer, id: strawberry.ID) -> Select[BatchLog]:
    """One line of a log by its id."""
    of = (Batch.tenant_id == BatchLog.tenant_id) & (Batch.id == BatchLog.batch_id)
    return select(BatchLog).join(Batch, of).where(BatchLog.id == key(id, BatchLog), SeesBatch().rows(viewer))


# The stream ------------------------------------------------------------------------------------------------------------


def follow_batch(viewer: Viewer, batch_id: strawberry.ID, after: BigInt | None = None) -> Select[BatchEvent]:
    """What happens to a batch: first what came after `after`, then what comes."""
    of = (Batch.tenant_id == BatchEvent.tenant_id) & (Batch.id == BatchEvent.batch_id)
    found = select(BatchEvent).join(Batch, of)
    found = found.where(BatchEvent.batch_id == key(batch_id, Batch), SeesBatch().rows(viewer))
    found = found.order_by(BatchEvent.seq.asc())
    return found if after is None else found.where(BatchEvent.seq > after)


def batch_events(
    viewer: Viewer, batch_id: strawberry.ID, after: BigInt | None = None, first: int = 100
) -> Select[Any, Any, Any, Any]:
    """The same events for those who ask again and again: those after `after`, at most `first` (1 to 500)."""
    big = BigInteger()
    since = literal(0, big) if after is None else func.least(func.greatest(after, 0, type_=big), BEYOND, type_=big)
    upto = since + func.least(func.greatest(first, 1, type_=big), EVENTS_MAX, type_=big)
    return select(
        Batch.id.label("id"),
        since.label("since"),
        func.least(Batch.seq_head, upto, type_=big).label("last_seq"),
        (Batch.seq_head > upto).label("has_more"),
    ).where(Batch.id == key(batch_id, Batch), SeesBatch().rows(viewer))


def events_of_page(viewer: Viewer, page: Batch) -> Select[BatchEvent]:
    """The events of the page, in their order: `seq` is dense, so that the page is a range."""
    return (
        select(BatchEvent)
        .where(BatchEvent.batch_id == page.id, BatchEvent.seq > page.since, BatchEvent.seq <= page.last_seq)  # type: ignore[attr-defined]
        .order_by(BatchEvent.seq.asc())
    )


# Steering --------------------------------------------------------------------------------------------------------------


@strawberry.input(description="A batch to be started.")
class BatchStartInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    allow_drift: DriftPolicy = strawberry.field(
        default=DriftPolicy.REFUSE, description="What to do with items that changed since the preview."
    )
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


async def batch_start(tx: Transaction, input: BatchStartInput) -> Batch:
    """Start a READY batch. Items that changed since the preview refuse it, or are skipped."""
    batch = await steered(tx, input.id)
    await start(tx, batch, skip_drift=input.allow_drift is DriftPolicy.SKIP)
    return batch


async def start(tx: Transaction, batch: Batch, *, skip_drift: bool = False) -> None:
    """The start itself, of a batch that is locked."""
    kind, before = KINDS[BatchKind[batch.kind]], batch.status
    previewed: dict[str, dict[str, object]] = {}
    now: dict[str, dict[str, object] | None] = {}
    if before == BatchStatus.READY and not kind.streamed:
        asked = select(BatchItem.target_type, BatchItem.target_id, BatchItem.action, BatchItem.before)
        asked = asked.where(BatchItem.batch_id == batch.id, BatchItem.status == "PENDING")
        items: Sequence[Any] = (await tx.session.execute(asked.where(BatchItem.tenant_id == batch.tenant_id))).all()
        states = await kind.states(tx, items)
        for item in items:
            was, is_ = item.before or {}, states.get(item.target_id)
            if item.target_id is not None and was != is_:  # mostly none: ten thousand global ids take their time
                gid = chronicle.gid(item.target_type, item.target_id)
                previewed[gid], now[gid] = was, is_
    drifted = rules.drift(previewed, now)
    itself = BatchKind[batch.kind] in rules.STARTS_ITSELF
    rules.start(before, drifted, skip_drift=skip_drift, by_itself=itself)
    by = ("kind starts itself", None) if itself else (None, "batchStart")
    move(tx, batch, BatchStatus.RUNNING, "batch.started", cause=by[0], mutation=by[1])
    settings = await tx.settings()
    if not tx.system:
        batch.starter_id, batch.token_id = tx.actor.user_id, tx.actor.token_id or batch.token_id
    batch.allow_drift = DriftPolicy.SKIP if skip_drift else DriftPolicy.REFUSE
    batch.started_at = tx.now
    batch.not_before = tx.now + timedelta(seconds=settings.undo_seconds) if kind.undoable else None
    lines: list[chronicle.Line] = [(LogLevel.INFO, "Started.", None)]
    if drifted:
        skipped = await _skip(tx, batch, {each.id for each in drifted})
        lines.append((LogLevel.WARNING, f"{skipped} items changed since the preview and are skipped.", None))
    await tx.due(RUN, batch.id, batch.not_before or tx.now)
    await tell(tx, batch, state=(before, batch.status, None), lines=lines)


SKIPPED = text("""
UPDATE batch_item SET status = 'SKIPPED', error_code = 'DRIFT', error_message = 'It changed since the preview.',
  settled_at = :now
WHERE tenant_id = :tenant AND batch_id = :batch AND status = 'PENDING' AND target_id = ANY (CAST(:targets AS uuid[]))
""")


@implements("BatchItem", "PENDING", "SKIPPED", effect="skipReason")
async def _skip(tx: Transaction, batch: Batch, targets: set[str]) -> int:
    ids = [chronicle.row_id(target) for target in targets]
    values = {"tenant": batch.tenant_id, "batch": batch.id, "now": tx.now, "targets": ids}
    skipped: int = (await tx.session.execute(SKIPPED, values)).rowcount  # type: ignore[attr-defined]
    set_counts(batch, counts_of(batch).moved("PENDING", "SKIPPED", skipped))
    return skipped


@strawberry.input(description="A batch to be steered.")
class BatchPauseInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    reason: str | None = strawberry.field(default=None, description="Why, at most 1,000 characters.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


async def batch_pause(tx: Transaction, input: BatchPauseInput) -> Batch:
    """Take no new item. Those in flight are finished when this answers."""
    batch = await steered(tx, input.id)
    before, reason = batch.status, texts.optional_line(input.reason, 1000, field="reason")
    move(tx, batch, rules.pause(before), "batch.paused", mutation="batchPause", reason=reason)
    batch.status_reason = reason
    await tx.not_due(RUN, batch.id)
    await tell(tx, batch, state=(before, batch.status, reason), lines=[(LogLevel.INFO, "Paused.", None)])
    return batch


@strawberry.input(description="A batch to go on.")
class BatchResumeInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


async def batch_resume(tx: Transaction, input: BatchResumeInput) -> Batch:
    """Go on after a pause."""
    batch = await steered(tx, input.id)
    before = batch.status
    move(tx, batch, rules.resume(before), "batch.resumed", mutation="batchResume")
    batch.status_reason = None
    await tx.due(RUN, batch.id, max(tx.now, batch.not_before or tx.now))
    await tell(tx, batch, state=(before, batch.status, None), lines=[(LogLevel.INFO, "Resumed.", None)])
    return batch


@strawberry.input(description="A batch to be stopped for good.")
class BatchCancelInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    reason: str | None = strawberry.field(default=None, description="Why, at most 1,000 characters.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


@implements("Batch", "PENDING_APPROVAL", "CANCELLED", effect="items CANCELLED", trigger="batchCancel")
@implements("Batch", "READY", "CANCELLED", effect="items CANCELLED")
@implements("Batch", ("RUNNING", "PAUSED"), "CANCELLING", effect="items PENDING and RETRY_WAIT → CANCELLED")
async def batch_cancel(tx: Transaction, input: BatchCancelInput) -> Batch:
    """Stop a batch. What was done stays done; what was not begun never will be."""
    batch = await steered(tx, input.id)
    before, reason = batch.status, texts.optional_line(input.reason, 1000, field="reason")
    to = rules.cancel(before)
    move(tx, batch, to, "batch.cancelled", mutation="batchCancel", reason=reason)
    await _stop(tx, batch, before, reason)
    return batch


CANCELLED = text("""
UPDATE batch_item SET status = 'CANCELLED', settled_at = :now, next_attempt_at = NULL
WHERE tenant_id = :tenant AND batch_id = :batch AND status IN ('PENDING', 'RETRY_WAIT')
""")


async def cancel_items(tx: Transaction, batch: Batch) -> None:
    """No item that was not begun, or waits to be tried again, is begun any more."""
    await tx.session.execute(CANCELLED, {"tenant": batch.tenant_id, "batch": batch.id, "now": tx.now})
    counts = counts_of(batch)
    counts = counts._replace(pending=0, waiting=0, cancelled=counts.cancelled + counts.pending + counts.waiting)
    set_counts(batch, counts)


async def _stop(tx: Transaction, batch: Batch, before: str, reason: str | None) -> None:
    """The end of a batch by hand. One that ran comes to rest by the worker, which computes the report."""
    await cancel_items(tx, batch)
    batch.status_reason = reason
    if batch.succeeded == 0:
        await _call_off(tx, batch)
    if batch.status == BatchStatus.CANCELLING:
        await tx.due(RUN, batch.id, tx.now)
    else:
        batch.ended_at = tx.now
    line = (LogLevel.INFO, f"Cancelled; {batch.cancelled} items were not begun.", None)
    await tell(tx, batch, state=(before, batch.status, reason), lines=[line])


async def _call_off(tx: Transaction, batch: Batch) -> None:
    """The tasks that came with a batch of which nothing has happened."""
    asked = select(Task).where(Task.batch_id == batch.id, Task.status == "TODO", Task.created_at == batch.created_at)
    for task in (await tx.session.execute(asked.order_by(Task.id).with_for_update())).scalars().all():
        task.note = "The batch was cancelled."
        move(tx, task, "CANCELLED", "task.cancelled", mutation="taskTransition", reason=task.note)


@known
class BatchDecision(Described):
    """What a second person decides."""

    APPROVE = "APPROVE", "It may be started."
    REJECT = "REJECT", "It is cancelled."


@strawberry.input(description="The decision of a second person.")
class BatchDecideInput:
    id: strawberry.ID = strawberry.field(description="The batch.")
    decision: BatchDecision = strawberry.field(description="What is decided.")
    reason: str | None = strawberry.field(
        default=None, description="Why, at most 1,000 characters; required to reject."
    )
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


@implements("Batch", "PENDING_APPROVAL", "READY", guard="approver is not the creator")
@implements("Batch", "PENDING_APPROVAL", "CANCELLED", trigger="batchDecide(REJECT)", guard="reason")
@implements("Batch", "PENDING_APPROVAL", "CANCELLED", trigger="batchDecide(REJECT)", effect="items CANCELLED")
async def batch_decide(tx: Transaction, input: BatchDecideInput) -> Batch:
    """Decide a batch whose amount asks for a second person."""
    batch = await locked(tx, Batch, input.id, SeesBatch())
    await permit(tx, ApprovesBatch(), batch)
    before, reason = batch.status, texts.optional_line(input.reason, 1000, field="reason")
    if input.decision is BatchDecision.APPROVE:
        to = rules.approve(before, approver=tx.actor.user_id, creator=batch.creator_id)
        move(tx, batch, to, "batch.approved", mutation="batchDecide", action="APPROVE", reason=reason)
        batch.approver_id = tx.actor.user_id
        lines: list[chronicle.Line] = [(LogLevel.INFO, "Approved.", None)]
        await tell(tx, batch, state=(before, to, reason), lines=lines)
        return batch
    if reason is None:
        raise Required("Say why it is rejected.", field="reason")
    move(tx, batch, "CANCELLED", "batch.rejected", mutation="batchDecide", action="REJECT", reason=reason)
    await _stop(tx, batch, before, reason)
    return batch


async def steered(tx: Transaction, id: strawberry.ID) -> Batch:
    """A batch that the actor may steer, whose kind the actor may do; none of its items is in flight."""
    row_id = key(id, Batch)
    if row_id is not None:
        await at_rest(tx, row_id)
    batch = await locked(tx, Batch, id, SeesBatch())
    await permit(tx, ControlsBatch(), batch)
    if not tx.system and not KINDS[BatchKind[batch.kind]].permits(tx.actor, batch.dealer_id):
        raise Forbidden("You may not do what a batch of this kind does.")
    return batch
