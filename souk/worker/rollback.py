"""A batch is undone: its items from the last one back to the first, a chunk in one transaction.

`batch.cursor` says how far back it is, and moves with the items: a worker that dies leaves nothing behind, and no item is
tried twice in one rollback.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from ..db.session import Transaction
from ..models import Batch
from ..resolvers.batch import RUN
from ..resolvers.chronicle import AT_ONCE, Line, counts_of, set_counts, tell
from ..resolvers.writing import move
from ..rules import batch as rules
from ..rules.clauses import implements
from ..rules.enums import LogLevel
from . import store
from .actions import Past, Settled
from .attempts import undo

BEHIND = 2**31 - 1
"""A place behind every item."""


@implements("Batch", "ROLLING_BACK", "ROLLED_BACK", effect="report recomputed")
@implements("Batch", "ROLLING_BACK", "COMPLETED_WITH_ERRORS", effect="report recomputed")
async def roll_back(tx: Transaction, batch: Batch, size: int) -> tuple[datetime | None, int]:
    """Undo one chunk. Gives when to come back (None: it is over) and how many items it tried."""
    at = (batch.cursor or {}).get("undoing", BEHIND)
    items = await store.past(tx, batch, at, min(size, AT_ONCE))
    settled = await undo(tx, batch, items)
    await store.settle(tx, batch, settled)
    _count(batch, settled)
    shown, lines = [each.shown for each in settled], _lines(settled)
    if items:
        batch.cursor = {"undoing": items[-1].n}
        tx.emit("batch.items_undone", batch, data={"items": len(settled)})
        await tell(tx, batch, items=shown, lines=lines)
        return tx.now, len(settled)
    to, cause = rules.rolled_back(failed=await store.not_undone(tx, batch))
    before, batch.cursor, batch.ended_at = batch.status, None, tx.now
    run = {name: (batch.report or {}).get(name) for name in ("duration_ms", "per_second_tenths")}
    batch.report = await store.report(tx, batch) | run
    move(tx, batch, to, "batch.rolled_back", cause=cause, reason=batch.status_reason)
    await tx.not_due(RUN, batch.id)
    level = LogLevel.INFO if to == "ROLLED_BACK" else LogLevel.WARNING
    lines.append((level, f"{to}: {batch.compensated} of {batch.total} items are undone.", None))
    await tell(tx, batch, state=(before, to, batch.status_reason), lines=lines)
    return None, 0


def _count(batch: Batch, settled: Sequence[Settled]) -> None:
    """The counts, and the money acted on: what is undone is not acted on any more."""
    counts, impact = counts_of(batch), dict(batch.impact)
    moves = Counter((_past(each).status, each.status) for each in settled)
    for (before, after), n in moves.items():
        counts = counts.moved(before, after, n)
    set_counts(batch, counts)
    for each in settled:
        if each.status == "COMPENSATED" and each.result.impact_minor and each.result.currency:
            impact[each.result.currency] = impact.get(each.result.currency, 0) - each.result.impact_minor
    if impact != batch.impact:
        batch.impact = impact


def _past(settled: Settled) -> Past:
    assert isinstance(settled.item, Past)
    return settled.item


def _lines(settled: Sequence[Settled]) -> list[Line]:
    return [
        (LogLevel.ERROR, f"Item {each.item.n} is not undone. {each.result.error_code}: {each.result.error_message}",
         each.item.id)
        for each in settled
        if each.status == "COMPENSATION_FAILED"
    ]  # fmt: skip
