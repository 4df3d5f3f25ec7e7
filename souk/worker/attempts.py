"""One attempt at a chunk of items: done at once, or halved until only the items that fail have failed."""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import structlog
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ..db.session import Transaction
from ..db.trouble import Trouble, trouble
from ..models import Batch
from ..resolvers.writing import CONSTRAINTS
from ..rules import batch as rules
from ..rules.clauses import implements
from ..rules.enums import BatchAction, BatchItemStatus
from ..rules.errors import InvalidInput, Refused
from .actions import ACTIONS, COMPENSATIONS, Item, Past, Result, Settled, Skip
from .store import ready

log = structlog.get_logger("souk.batch")
BUSY = ("40001", "40P01", "55P03", "57014")  # serialization, deadlock, lock timeout, statement timeout: try again
Chance = Callable[[], float]
Run = Callable[[Transaction, Batch, Sequence[Any]], Awaitable[list[Result]]]


@implements("BatchItem", "RUNNING", "SUCCEEDED", effect="result and after-state")
@implements("BatchItem", "RUNNING", "FAILED", effect="errorCode")
@implements("BatchItem", "RUNNING", "SKIPPED", guard="seen under the row lock", effect="skipReason")
async def attempt(
    tx: Transaction, batch: Batch, items: Sequence[Item], chance: Chance = random.random
) -> list[Settled]:
    """Try the items, and say where each stands now, in their order. Raises only when the database is gone."""
    found: dict[int, Settled] = {}
    asked = {item.action for item in items}
    for action in (each for each in BatchAction if each in asked):  # chunks side by side lock rows in the same order
        chunk = [item for item in items if item.action is action]
        run: Run = ACTIONS[action].run
        for settled in await _tried(tx, batch, run, chunk, lambda item, result: _settled(item, result, tx, chance)):
            found[id(settled.item)] = settled
    return [found[id(item)] for item in items]


@implements("BatchItem", "SUCCEEDED", "COMPENSATION_FAILED", effect="errorCode")
async def undo(tx: Transaction, batch: Batch, items: Sequence[Past]) -> list[Settled]:
    """Try to undo items, one after the other where that is how they depend on each other; says where each stands now."""
    found: dict[int, Settled] = {}
    for action in dict.fromkeys(item.action for item in items):
        chunk = [item for item in items if item.action is action]
        run: Run = COMPENSATIONS[action].undo
        for settled in await _tried(tx, batch, run, chunk, lambda item, result: _undone(item, result, tx)):
            found[id(settled.item)] = settled
    return [found[id(item)] for item in items]


async def _tried(
    tx: Transaction, batch: Batch, run: Run, items: Sequence[Item], settle: Callable[[Any, Result], Settled]
) -> list[Settled]:
    """What became of a chunk; after an exception of its halves, so that one bad item costs a few savepoints."""
    try:
        async with tx.savepoint():
            results = await run(tx, batch, items)
            settled = [settle(item, result) for item, result in zip(items, results, strict=True)]
            await tx.landed()
            await tx.session.flush()
        return settled
    except Exception as error:
        if isinstance(error, SQLAlchemyError) and trouble(error) is Trouble.UNAVAILABLE:
            raise
        if len(items) == 1:
            return [settle(items[0], _failed(batch, items[0], error))]
    half = len(items) // 2
    return [
        *await _tried(tx, batch, run, items[:half], settle),
        *await _tried(tx, batch, run, items[half:], settle),
    ]


def _failed(batch: Batch, item: Item, error: Exception) -> Result:
    """What an exception means for the one item it is about."""
    match error:
        case Skip():
            return Result("SKIPPED", error_code=error.code, error_message=error.message)
        case Refused():
            return Result("FAILED", error_code=error.code.value, error_message=error.message)
        case InvalidInput():
            return _failed(batch, item, error.problems[0])
        case IntegrityError():
            name = getattr(getattr(error.orig, "__cause__", None), "constraint_name", None)
            if name in CONSTRAINTS:
                return _failed(batch, item, CONSTRAINTS[name]())
    state = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    if state[:2] in ("22", "23"):
        log.warning("item refused by the database", batch=str(batch.id), item=item.n, sqlstate=state)
        return Result("FAILED", error_code="INVALID", error_message="The database refused the values of this item.")
    if state in BUSY:
        return Result("FAILED", error_code="CONFLICT", error_message="Somebody else was changing it.", retry=True)
    log.error("item failed", batch=str(batch.id), item=item.n, attempt=item.attempt + 1, exc_info=error)
    return Result("FAILED", error_code="INTERNAL", error_message="Something went wrong on our side.", retry=True)


def _settled(item: Item, result: Result, tx: Transaction, chance: Chance) -> Settled:
    if result.status != BatchItemStatus.FAILED:
        return ready(Settled(item, result, result.status), tx.now)
    n = item.attempt + 1
    status = rules.after_failure(n - item.tried_before, retryable=result.retry)
    waits = tx.now + rules.backoff(n - item.tried_before, chance()) if status == "RETRY_WAIT" else None
    return ready(Settled(item, result, status, waits), tx.now)


def _undone(item: Past, result: Result, tx: Transaction) -> Settled:
    """What its action left behind stays written with the item: it is what was undone, or is still to be."""
    status = "COMPENSATED" if result.status == BatchItemStatus.COMPENSATED else "COMPENSATION_FAILED"
    kept = replace(
        result, outcome=item.outcome, before=item.before, after=item.after, warnings=item.warnings,
        impact_minor=item.impact_minor, currency=item.currency,
    )  # fmt: skip
    return ready(Settled(item, kept, status), tx.now)
