"""A batch of work: its parts add up, it stops when too much fails, it ends when all is settled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import NamedTuple
from uuid import UUID

from souk.rules.clauses import implements
from souk.rules.enums import BatchKind
from souk.rules.errors import ApproverIsCreator, Forbidden, Invalid, InvalidTransition, PreviewDrift, PreviewExpired
from souk.rules.machines import check, machine
from souk.rules.money import Money

BATCH = "Batch"
ITEM = "BatchItem"
ATTEMPTS = 5
BACKOFF_SECONDS = 10
FAILURE_THRESHOLD_PCT = 20
FAILURE_THRESHOLD_MIN = 20
PREVIEW_MINUTES = 30
AT_REST = frozenset({"CANCELLED", "COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "ROLLED_BACK"})


STARTS_ITSELF = frozenset({BatchKind.EXPORT, BatchKind.REPORT, BatchKind.DSR})
PREVIEWED = frozenset(BatchKind) - STARTS_ITSELF
SELECTION_MAX: Mapping[BatchKind, int] = {
    BatchKind.ENFORCEMENT: 10_000,
    BatchKind.TICKET_BULK: 10_000,
    BatchKind.LISTING_BULK: 10_000,
    BatchKind.CREDIT_GRANT: 10_000,
}
"""How many items a kind takes; those not named are streamed without bound."""

PART_OF: Mapping[str, str] = {
    "PENDING": "pending",
    "RUNNING": "running",
    "RETRY_WAIT": "waiting",
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "COMPENSATION_FAILED": "failed",
    "DEAD": "dead",
    "SKIPPED": "skipped",
    "CANCELLED": "cancelled",
    "COMPENSATED": "compensated",
}
"""Which part of the counts an item's status belongs to: every status to exactly one."""


class Counts(NamedTuple):
    """`BatchCounts` without its total, which is the parts' sum: the parts always add up to it."""

    pending: int = 0
    running: int = 0
    waiting: int = 0
    succeeded: int = 0
    failed: int = 0
    dead: int = 0
    skipped: int = 0
    cancelled: int = 0
    compensated: int = 0

    @property
    def total(self) -> int:
        return sum(self)

    @property
    def open(self) -> int:
        """Items still to do or being done."""
        return self.pending + self.running + self.waiting

    @property
    def settled(self) -> int:
        """Items with an outcome: all but the open ones and those cancelled before they began."""
        return self.total - self.open - self.cancelled

    @property
    def bad(self) -> int:
        """Items FAILED or DEAD."""
        return self.failed + self.dead

    def moved(self, from_: str, to: str, n: int = 1) -> Counts:
        """The counts after `n` items went from one status to another. Raises ValueError below zero."""
        parts = self._asdict()
        parts[PART_OF[from_]] -= n
        parts[PART_OF[to]] += n
        if parts[PART_OF[from_]] < 0:
            raise ValueError(f"fewer than {n} items are {from_}")
        return Counts(**parts)


def count(statuses: Mapping[str, int]) -> Counts:
    """The counts of items by status."""
    parts = dict.fromkeys(Counts._fields, 0)
    for status, n in statuses.items():
        parts[PART_OF[status]] += n
    return Counts(**parts)


@implements("DealerStanding", "RESTRICTED", "SUSPENDED", guard="four eyes above the tenant's amount")
def begins_at(amounts: Iterable[Money], limits: Sequence[Money]) -> str:
    """PENDING_APPROVAL when an impact or cost reaches the tenant's four-eyes amount of its currency, else READY.

    A currency without a limit always asks a second person. Raises Invalid for amounts in several currencies.
    """
    counted = [amount for amount in amounts if amount.minor != 0]
    if len({amount.currency for amount in counted}) > 1:
        raise Invalid("A batch that is compared with an amount has one currency.", field="selection")
    limit = {each.currency: each.minor for each in limits}
    reached = (amount.currency not in limit or amount.minor >= limit[amount.currency] for amount in counted)
    return "PENDING_APPROVAL" if any(reached) else "READY"


def approve(status: str, *, approver: UUID | None, creator: UUID | None) -> str:
    """READY, by a second person. Raises InvalidTransition, ApproverIsCreator."""
    check(BATCH, status, "READY", mutation="batchDecide", action="APPROVE")
    if approver is None or approver == creator:
        raise ApproverIsCreator()
    return "READY"


def fresh(expires_at: datetime, *, now: datetime) -> None:
    """Raises PreviewExpired once a preview's 30 minutes are over."""
    if expires_at <= now:
        raise PreviewExpired()


class Drift(NamedTuple):
    """One field of an item that is not as it was previewed."""

    id: str
    field: str
    was: object
    now: object


def drift(before: Mapping[str, Mapping[str, object]], now: Mapping[str, Mapping[str, object] | None]) -> list[Drift]:
    """Where the previewed states by item id differ from today's; an item that is gone drifts in all its fields."""
    return [
        Drift(item, field, was, (now.get(item) or {}).get(field))
        for item, state in before.items()
        for field, was in state.items()
        if (now.get(item) or {}).get(field) != was
    ]


@implements(BATCH, "READY", "RUNNING", guard="before-states as previewed, or allowDrift SKIP")
def start(status: str, drifted: Sequence[Drift], *, skip_drift: bool, by_itself: bool = False) -> str:
    """RUNNING. Raises InvalidTransition; PreviewDrift listing what changed, unless drifted items are to be skipped."""
    if by_itself:
        check(BATCH, status, "RUNNING", event="kind starts itself")
    else:
        check(BATCH, status, "RUNNING", mutation="batchStart")
    if drifted and not skip_drift:
        raise PreviewDrift([each._asdict() for each in drifted])
    return "RUNNING"


def pause(status: str) -> str:
    """PAUSED; items in flight finish. Raises InvalidTransition."""
    check(BATCH, status, "PAUSED", mutation="batchPause")
    return "PAUSED"


def resume(status: str) -> str:
    """RUNNING, from PAUSED. Raises InvalidTransition."""
    check(BATCH, status, "RUNNING", mutation="batchResume")
    return "RUNNING"


def cancel(status: str) -> str:
    """CANCELLED before the start, CANCELLING after it; with nothing in flight the latter ends at the next `settle`.

    Raises InvalidTransition.
    """
    to = "CANCELLING" if status in ("RUNNING", "PAUSED") else "CANCELLED"
    check(BATCH, status, to, mutation="batchCancel")
    return to


@implements(BATCH, "RUNNING", "FAILED", guard="≥ failureThresholdMin items settled")
def settle(
    status: str,
    counts: Counts,
    *,
    threshold_pct: int = FAILURE_THRESHOLD_PCT,
    threshold_min: int = FAILURE_THRESHOLD_MIN,
) -> tuple[str, str] | None:
    """(status, event) that the counts lead a batch to, as the table spells the event; None while it goes on.

    RUNNING fails when more than `threshold_pct` of at least `threshold_min` settled items are FAILED or DEAD.
    """
    if status == "CANCELLING":
        return None if counts.running else ("CANCELLED", "items in flight done")
    if status != "RUNNING":
        return None
    if counts.open == 0:
        if counts.bad:
            return "COMPLETED_WITH_ERRORS", "all items settled, some FAILED or DEAD"
        return "COMPLETED", "all items settled, none FAILED or DEAD"
    if counts.settled >= threshold_min and counts.bad * 100 > threshold_pct * counts.settled:
        return "FAILED", "more than failureThresholdPct failed"
    return None


@implements(ITEM, "RUNNING", "RETRY_WAIT", guard="attempt < 5")
@implements(ITEM, "RUNNING", "DEAD", guard="attempt = 5")
def after_failure(attempt: int, *, retryable: bool, attempts: int = ATTEMPTS) -> str:
    """What a failed attempt (1 is the first) makes of an item: RETRY_WAIT, DEAD at the last, FAILED beyond cure."""
    if not retryable:
        return "FAILED"
    return "RETRY_WAIT" if attempt < attempts else "DEAD"


@implements(ITEM, "RUNNING", "RETRY_WAIT", effect=("backoff 10·2ⁿ s", "full jitter"))
def backoff(attempt: int, chance: Fraction | float, *, base_seconds: int = BACKOFF_SECONDS) -> timedelta:
    """How long to wait after the failed attempt `attempt`: up to 10·2ⁿ s, n = attempt − 1, by `chance` in [0, 1).

    Full jitter: the whole span is drawn from, so that what failed together does not come back together.
    """
    span = base_seconds * 1_000_000 * 2 ** max(0, attempt - 1)
    return timedelta(microseconds=int(span * Fraction(chance)))


PACE_IDLE = timedelta(seconds=1)
PACE_QUANTUM = timedelta(milliseconds=250)


class Paced(NamedTuple):
    """How many items the pace lets through now, and from when the first of them counted."""

    items: int
    since: datetime


def paced(pace: int, next_at: datetime | None, *, now: datetime) -> Paced:
    """What `pace` items a second allow at `now`, when the next one is due at `next_at`.

    The schedule runs on from `next_at`, so that a late worker loses no item; after an idle time (a pause, a dead worker)
    it begins anew instead of catching up in a burst.
    """
    if next_at is None or now - next_at > PACE_IDLE:
        return Paced(1, now)
    if now < next_at:
        return Paced(0, next_at)
    return Paced((now - next_at) * pace // timedelta(seconds=1) + 1, next_at)


def paced_next(pace: int, since: datetime, items: int) -> datetime:
    """When the next item is due after `items` were taken that counted from `since`."""
    return since + timedelta(microseconds=items * 1_000_000 // pace)


def paced_wake(next_at: datetime, pace: int, *, now: datetime) -> datetime:
    """When to look again: at the next item, but for a fast pace not more than four times a second."""
    return max(next_at, now + PACE_QUANTUM) if pace > 4 else next_at


@implements(BATCH, ("COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "CANCELLED"), "ROLLING_BACK", guard="≤ 24 h")
@implements(
    BATCH,
    ("COMPLETED", "COMPLETED_WITH_ERRORS", "FAILED", "CANCELLED"),
    "ROLLING_BACK",
    guard="every SUCCEEDED item compensable",
)
@implements(BATCH, "CANCELLED", "ROLLING_BACK", guard="at least one item SUCCEEDED")
def roll_back(
    status: str,
    *,
    undoes: bool,
    done: int,
    ended_at: datetime | None,
    now: datetime,
    rollback_hours: int = 24,
) -> str:
    """ROLLING_BACK, for a batch at rest that ended at most `rollback_hours` ago and whose kind `undoes` what it does.

    `done`: items SUCCEEDED or COMPENSATION_FAILED. Raises InvalidTransition, Forbidden (a kind without a way back).
    """
    check(BATCH, status, "ROLLING_BACK", mutation="batchRollback")
    if not undoes:
        raise Forbidden("What a batch of this kind did is not undone.")
    allowed = [state for state in machine(BATCH).allowed(status) if state != "ROLLING_BACK"]
    if done == 0:
        raise InvalidTransition(status, "ROLLING_BACK", allowed, "There is nothing to undo.")
    if ended_at is None or now > ended_at + timedelta(hours=rollback_hours):
        raise InvalidTransition(status, "ROLLING_BACK", allowed, f"It ended more than {rollback_hours} hours ago.")
    return "ROLLING_BACK"


def rolled_back(*, failed: int) -> tuple[str, str]:
    """(status, event) once every item was tried: ROLLED_BACK, or COMPLETED_WITH_ERRORS where `failed` could not be undone."""
    if failed:
        return "COMPLETED_WITH_ERRORS", "some compensation failed"
    return "ROLLED_BACK", "all compensated"


def retry(status: str, *, failed: int) -> str:
    """RUNNING again, for its FAILED and DEAD items and, after a FAILED run, those that are PENDING. Raises InvalidTransition.

    `failed`: how many items would be tried again.
    """
    check(BATCH, status, "RUNNING", mutation="batchRetryFailed")
    if failed == 0:
        raise InvalidTransition(status, "RUNNING", (), "No item failed.")
    return "RUNNING"
