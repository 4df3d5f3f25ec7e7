"""The batch engine: one step takes a chunk of items, acts on them and stores all that follows, in one transaction.

A step holds a share of the batch from its start to its commit (`resolvers/flight.py`), so that a pause or a cancellation
waits for the items in flight. Where items stand in the table and have no pace, steps go side by side, each with items of
its own, and take the lock of the batch's row only to count; all others hold it from their start. So `seq` is dense and in
the order of commits, and the counters cannot drift; a worker that dies leaves nothing behind.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from ..db.session import Database, Transaction, system_actor
from ..models import Batch
from ..resolvers.chronicle import AT_ONCE, Line, counts_of, set_counts, tell
from ..resolvers.flight import in_flight
from ..resolvers.kinds import KINDS, acting
from ..resolvers.writing import move
from ..rules import batch as rules
from ..rules.clauses import implements
from ..rules.enums import BatchKind, LogLevel
from . import store
from .actions import SOURCES, Item, Result, Settled, Source
from .attempts import Chance, attempt
from .rollback import roll_back

GOAL = timedelta(milliseconds=200)
"""What a step should take; the chunk grows and shrinks towards it."""
FIRST = 20
LEAST = 50  # below that the cost of a chunk itself is what takes the time: smaller ones only take longer
RUN = "batch.run"
IN_FLIGHT = timedelta(milliseconds=100)
"""When to look again for items that are all in flight beside this chunk."""
LISTED = 20  # lines of a step's failures in the log; the items hold them all

implements("BatchItem", "PENDING", "RUNNING", guard=("SKIP LOCKED", "lease 60 s"), by=__name__)
implements("Batch", "RUNNING", "PAUSED", effect="items in flight finish", by=__name__)


class Pacemaker:
    """The size of the next chunk of each batch, from how long the last one took."""

    def __init__(self) -> None:
        self._sizes: dict[UUID, int] = {}

    def size(self, batch_id: UUID) -> int:
        return self._sizes.get(batch_id, FIRST)

    def took(self, batch_id: UUID, items: int, time: timedelta) -> None:
        """At most double, at least halve, never beyond what one event lists."""
        if items == 0:
            return
        ideal = int(items * (GOAL / max(time, timedelta(milliseconds=1))))
        size = self.size(batch_id)
        self._sizes[batch_id] = max(LEAST, min(AT_ONCE, max(size // 2, min(size * 2, ideal))))

    def forget(self, batch_id: UUID) -> None:
        self._sizes.pop(batch_id, None)


class Step(NamedTuple):
    """What a step came to: when to come back (`now` or before: at once; None: never), how many items it settled, and
    whether another one may go beside the next."""

    due: datetime | None
    items: int = 0
    beside: bool = False


class Stopped(Exception):
    """The batch was stopped while a chunk was in flight: nothing of it has happened."""


async def step(
    db: Database, tenant_id: UUID, batch_id: UUID, *, now: datetime, size: int, chance: Chance = random.random
) -> Step:
    """Do one chunk."""
    try:
        done, first = await _step(db, tenant_id, batch_id, now=now, size=size, chance=chance)
    except Stopped:
        return Step(None)
    if first and done.due is not None:
        await db.look_again()
    return done


async def _step(
    db: Database, tenant_id: UUID, batch_id: UUID, *, now: datetime, size: int, chance: Chance
) -> tuple[Step, bool]:
    """The same, and whether these were the first items of a stream. Raises Stopped."""
    async with db.transaction(system_actor(tenant_id), "batch:ITEMS", now=now, system=True) as tx:
        await in_flight(tx, batch_id)
        batch = await _found(tx, batch_id)
        beside = batch is not None and _beside(batch)
        if batch is not None and not beside:
            batch = await _found(tx, batch_id, lock=True)
        if batch is None or batch.status not in ("RUNNING", "CANCELLING", "ROLLING_BACK"):
            await tx.not_due(RUN, batch_id)
            return Step(None), False
        tx.about(batch)
        if batch.status == "ROLLING_BACK":
            return Step(*await roll_back(tx, batch, size)), False
        tx.actor = replace(tx.actor, user_id=batch.starter_id, token_id=None if batch.starter_id else batch.token_id)
        if batch.status == "CANCELLING":
            await finish(tx, batch, [], [])
            return Step(None), False
        if batch.not_before is not None and now < batch.not_before:
            return Step(batch.not_before), False
        first = batch.cursor is None and BatchKind[batch.kind] in SOURCES
        return await _chunk(tx, batch, size, chance, beside), first


async def _found(tx: Transaction, batch_id: UUID, *, lock: bool = False) -> Batch | None:
    """The batch as it is now, or None. Locked for no other than those who count: what refers to it goes on."""
    asked = select(Batch).where(Batch.tenant_id == tx.actor.tenant_id, Batch.id == batch_id)
    asked = asked.with_for_update(key_share=True) if lock else asked
    found = await tx.session.execute(asked.execution_options(populate_existing=True))
    return found.scalar_one_or_none()


def _beside(batch: Batch) -> bool:
    """Whether chunks of it may be in flight side by side: nothing says which items come next but the items."""
    return batch.status == "RUNNING" and BatchKind[batch.kind] not in SOURCES and batch.pace is None


async def _chunk(tx: Transaction, batch: Batch, size: int, chance: Chance, beside: bool) -> Step:
    now, limit, since = tx.now, min(size, AT_ONCE), tx.now
    if batch.pace is not None:
        allowed, since = rules.paced(batch.pace, batch.not_before, now=now)
        limit = min(limit, allowed)
    before = batch.cursor
    items = await _taken(tx, batch, limit)
    batch.cursor, after = before, batch.cursor  # stored once, with the counts
    settled = await _tried(tx, batch, items, chance)
    await store.settle(tx, batch, settled)
    if beside:
        await _found(tx, batch.id, lock=True)  # its counts, with those of the chunks that were faster
        if batch.status != "RUNNING":
            raise Stopped
    batch.cursor = after
    _count(batch, settled)
    if batch.pace is not None and items:
        batch.not_before = rules.paced_next(batch.pace, since, len(items))
    if await finish(tx, batch, settled, _lines(settled)):
        return Step(None, len(settled))
    return Step(await _next(tx, batch, taken=len(items)), len(settled), beside)


async def _taken(tx: Transaction, batch: Batch, limit: int) -> list[Item]:
    """What waits for another attempt first, then what was never tried, then what the source still has."""
    items = await store.take(tx, batch, "RETRY_WAIT", limit) if batch.waiting else []
    source, left = SOURCES.get(BatchKind[batch.kind]), limit - len(items)
    if left <= 0:
        return items
    stored: list[Item] = []
    if source is None or (batch.cursor or {}).get("again"):  # what is tried anew stands in the table already
        stored = await store.take(tx, batch, "PENDING", left)
    if source is not None and not stored and batch.pending > 0:
        stored = await _streamed(tx, batch, source, left)
    return items + stored


async def _streamed(tx: Transaction, batch: Batch, source: Source, limit: int) -> list[Item]:
    """Further items of a source. It may hold more or fewer than the preview counted: `pending` is put right at its end."""
    fresh = await source.more(tx, batch, limit)
    pending = max(batch.pending, len(fresh)) if fresh else 0
    if fresh and pending == len(fresh):
        cursor = batch.cursor
        pending += len(await source.more(tx, batch, 1))
        batch.cursor = cursor
    set_counts(batch, counts_of(batch)._replace(pending=pending))
    return fresh


async def _tried(tx: Transaction, batch: Batch, items: Sequence[Item], chance: Chance) -> list[Settled]:
    """The permission of the kind is asked again, now that the items are locked."""
    if not items:
        return []
    kind = KINDS[BatchKind[batch.kind]]
    if any(kind.permits(actor, batch.dealer_id) for actor in await acting(tx, batch)):
        return await attempt(tx, batch, items, chance)
    lost = "Whoever started the batch may no longer do this."
    skipped = Result("SKIPPED", error_code="FORBIDDEN", error_message=lost)
    return [store.ready(Settled(item, skipped, "SKIPPED"), tx.now) for item in items]


def _count(batch: Batch, settled: Sequence[Settled]) -> None:
    counts, impact = counts_of(batch), dict(batch.impact)
    moves = Counter((_was(each.item), each.status) for each in settled)
    for (before, after), n in moves.items():
        counts = counts.moved(before, after, n)
    set_counts(batch, counts)
    for each in settled:
        if each.status == "SUCCEEDED" and each.result.impact_minor and each.result.currency:
            impact[each.result.currency] = impact.get(each.result.currency, 0) + each.result.impact_minor
    if impact != batch.impact:
        batch.impact = impact


def _was(item: Item) -> str:
    return "RETRY_WAIT" if item.attempt > item.tried_before else "PENDING"


def _lines(settled: Sequence[Settled]) -> list[Line]:
    """The log of a step: each failure, up to a number that a person reads."""
    bad = [each for each in settled if each.status in ("FAILED", "DEAD", "RETRY_WAIT")]
    lines: list[Line] = []
    for each in bad[:LISTED]:
        level = LogLevel.WARNING if each.status == "RETRY_WAIT" else LogLevel.ERROR
        why = f"{each.result.error_code}: {each.result.error_message}"
        told = f"Item {each.item.n} is {each.status} after attempt {each.item.attempt + 1}. {why}"
        lines.append((level, told, each.item.id))
    if len(bad) > LISTED:
        lines.append((LogLevel.ERROR, f"And {len(bad) - LISTED} more items of this step failed.", None))
    return lines


@implements("Batch", "CANCELLING", "CANCELLED", effect="report computed")
@implements("Batch", "RUNNING", "COMPLETED", effect="report computed")
@implements("Batch", "RUNNING", "COMPLETED_WITH_ERRORS", effect="report computed")
@implements("Batch", "RUNNING", "FAILED", effect=("nothing more is leased", "report computed"))
async def finish(tx: Transaction, batch: Batch, settled: Sequence[Settled], lines: list[Line]) -> bool:
    """Tell what the step did, and end the batch if that was the last of it. Gives whether it ended."""
    settings = await tx.settings()
    ends = rules.settle(
        batch.status,
        counts_of(batch),
        threshold_pct=settings.failure_threshold_pct,
        threshold_min=settings.failure_threshold_min,
    )
    state = None
    if ends is not None:
        to, cause = ends
        before = batch.status
        batch.ended_at = tx.now
        batch.report = await store.report(tx, batch)
        batch.status_reason = cause if to == "FAILED" else batch.status_reason
        move(tx, batch, to, "batch.ended", cause=cause, reason=batch.status_reason)
        await tx.not_due(RUN, batch.id)
        level = LogLevel.INFO if to in ("COMPLETED", "CANCELLED") else LogLevel.WARNING
        lines.append((level, f"{to}: {batch.succeeded} of {batch.total} items succeeded.", None))
        state = (before, to, batch.status_reason)
    elif settled or tx.changes or tx.session.is_modified(batch):
        tx.emit("batch.items_settled", batch, data={"items": len(settled)})
    await tell(tx, batch, state=state, items=[each.shown for each in settled], lines=lines)
    return ends is not None


async def _next(tx: Transaction, batch: Batch, *, taken: int) -> datetime:
    """When there is something to do again."""
    if batch.pending > 0:
        if batch.pace is None or batch.not_before is None:
            return tx.now if taken else tx.now + IN_FLIGHT
        return rules.paced_wake(batch.not_before, batch.pace, now=tx.now)
    return await store.next_attempt(tx, batch) or tx.now
