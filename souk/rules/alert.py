"""When a price is a breach, and what becomes of the one live alert that tells of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from souk.rules.clauses import implements
from souk.rules.enums import AlertKind, DismissReason, PolicyKind
from souk.rules.errors import Invalid, OutOfRange, Required
from souk.rules.impact import delta
from souk.rules.machines import check

ALERT = "Alert"
ENDED = frozenset({"RESOLVED", "DISMISSED"})
CURE_HOURS = 72
SNOOZE_DAYS = 30
REBREACH_DAYS = 30


RAISES: dict[PolicyKind, AlertKind] = {
    PolicyKind.MAP: AlertKind.MAP_BREACH,
    PolicyKind.MRP_FLOOR: AlertKind.MRP_FLOOR_BREACH,
    PolicyKind.MRP_CEILING: AlertKind.MRP_CEILING_BREACH,
}


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version of a price policy: its amount and tolerance, from `valid_from` up to but not at `valid_to`."""

    n: int
    amount: int
    tolerance_bp: int
    tolerance_minor: int
    valid_from: datetime
    valid_to: datetime | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PolicyException:
    """A window in which a policy spares some dealers (None: all) on a channel (None: any), or asks another amount."""

    starts: datetime
    ends: datetime
    dealer_ids: frozenset[UUID] | None = None
    channel: str | None = None
    amount: int | None = None


def version_at(
    versions: Iterable[PolicyVersion], at: datetime, *, known: datetime | None = None
) -> PolicyVersion | None:
    """The version that governs `at`, as far as it was recorded by `known`: the latest begun by then, if not over.

    A later version replaces an earlier one from its own `valid_from` on, so that an earlier one without an end does not
    come back when the later one ends.
    """
    begun = [v for v in versions if v.valid_from <= at and (known is None or v.recorded_at <= known)]
    latest = max(begun, key=lambda v: v.n, default=None)
    return latest if latest is not None and (latest.valid_to is None or at < latest.valid_to) else None


def amount_for(
    version: PolicyVersion,
    exceptions: Iterable[PolicyException],
    at: datetime,
    *,
    dealer_id: UUID | None,
    channel: str | None = None,
) -> int | None:
    """The amount that a dealer must keep to at that instant, None where an exception spares it."""
    amount: int | None = version.amount
    for each in exceptions:
        if not each.starts <= at < each.ends or (each.channel is not None and each.channel != channel):
            continue
        if each.dealer_ids is None or dealer_id in each.dealer_ids:
            if each.amount is None:
                return None
            amount = each.amount
    return amount


def breaches(kind: PolicyKind, policy: int, price: int, *, tolerance_minor: int = 0, tolerance_bp: int = 0) -> bool:
    """Whether `price < P − tol` for the floors, `price > P + tol` for the ceiling; the tolerance is the larger one.

    Exact: `tol = max(toleranceMinor, P · toleranceBp / 10000)` is not rounded.
    """
    return delta(kind, policy, price) * 10_000 > max(tolerance_minor * 10_000, policy * tolerance_bp)


@dataclass(frozen=True, slots=True)
class AlertState:
    """The latest alert of (dealer, competitor, SKU, kind). `price` is the one last seen; `ended_at`, `dismissed_as` and
    `excepted_until` belong to how it ended, `snoozed_price` is the one at which it was put off."""

    status: str
    price: int
    cycle: int = 1
    ended_at: datetime | None = None
    dismissed_as: DismissReason | None = None
    excepted_until: datetime | None = None
    cure_due_at: datetime | None = None
    snoozed_until: datetime | None = None
    snoozed_price: int | None = None

    @property
    def live(self) -> bool:
        """Neither RESOLVED nor DISMISSED."""
        return self.status not in ENDED


class Observed(StrEnum):
    """What an observation does: NOTHING, RAISE a new alert, REPEAT (evidence for the live one), REOPEN the same alert
    in its next cycle, or CURE the live one."""

    NOTHING = "NOTHING"
    RAISE = "RAISE"
    REPEAT = "REPEAT"
    REOPEN = "REOPEN"
    CURE = "CURE"


@implements(ALERT, "RESOLVED", "OPEN", effect="same alert, cycle + 1 (repeat offender)")
def observe(
    last: AlertState | None,
    kind: PolicyKind,
    policy: int,
    price: int,
    *,
    breaching: bool,
    now: datetime,
    rebreach_days: int = REBREACH_DAYS,
) -> Observed:
    """What to do with a price seen now, given the latest alert of the same (dealer, competitor, SKU, kind)."""
    if not breaching:
        return Observed.CURE if last is not None and last.live else Observed.NOTHING
    if last is None:
        return Observed.RAISE
    if last.live:
        return Observed.REPEAT
    if last.status == "RESOLVED":
        recent = last.ended_at is not None and now <= last.ended_at + timedelta(days=rebreach_days)
        return Observed.REOPEN if recent else Observed.RAISE
    if last.dismissed_as is DismissReason.EXCEPTION_WINDOW:
        over = last.excepted_until is None or last.excepted_until <= now
        return Observed.RAISE if over else Observed.NOTHING
    further = delta(kind, policy, price) > delta(kind, policy, last.price)
    return Observed.RAISE if further else Observed.NOTHING


@implements(
    ALERT,
    ("OPEN", "ACKNOWLEDGED", "INVESTIGATING"),
    "DISMISSED",
    trigger="alertTransition",
    guard=("reason FALSE_POSITIVE, EXCEPTION_WINDOW, WRONG_SKU or DUPLICATE"),
)
@implements(ALERT, ("AWAITING_CURE", "INVESTIGATING"), "RESOLVED", guard="resolution when by hand")
@implements(ALERT, "DISMISSED", "OPEN", guard="new evidence")
def transition(
    alert: AlertState,
    to: str,
    *,
    permission: str | None = None,
    reason: str | None = None,
    resolution: str | None = None,
    evidence_since: bool = False,
) -> str:
    """The status moved by hand (`alertTransition`).

    DISMISSED asks for a DismissReason, RESOLVED for a resolution, DISMISSED → OPEN for evidence captured since. Raises
    InvalidTransition, Required, Invalid.
    """
    check(ALERT, alert.status, to, mutation="alertTransition", permission=permission)
    if to == "DISMISSED":
        if not reason:
            raise Required("Say why it is dismissed.", field="dismiss_reason")
        if reason not in DismissReason.__members__:
            raise Invalid(f"One of {', '.join(DismissReason)}.", field="dismiss_reason")
    if to == "RESOLVED" and not (resolution and resolution.strip()):
        raise Required("Say how it was resolved.", field="resolution")
    if alert.status == "DISMISSED" and to == "OPEN" and not evidence_since:
        raise Required("A dismissed alert opens again on new evidence.", field="to")
    return to


@implements(ALERT, ("OPEN", "ACKNOWLEDGED"), "SNOOZED", guard="until ≤ 30 d")
def snooze(alert: AlertState, *, until: datetime, now: datetime) -> str:
    """SNOOZED, until a time that is ahead and at most 30 days away. Raises InvalidTransition, OutOfRange."""
    check(ALERT, alert.status, "SNOOZED", mutation="alertSnooze")
    if not now < until <= now + timedelta(days=SNOOZE_DAYS):
        raise OutOfRange(f"In the future, at most {SNOOZE_DAYS} days ahead.", field="until")
    return "SNOOZED"


def awake(alert: AlertState, *, now: datetime) -> bool:
    """Whether the time for which a SNOOZED alert was put off is over."""
    return alert.status == "SNOOZED" and (alert.snoozed_until is None or alert.snoozed_until <= now)


def roused(alert: AlertState, kind: PolicyKind, policy: int, price: int) -> bool:
    """Whether a price wakes a SNOOZED alert: it lies further past the policy than the one that was put off."""
    put_off = alert.price if alert.snoozed_price is None else alert.snoozed_price
    return alert.status == "SNOOZED" and delta(kind, policy, price) > delta(kind, policy, put_off)


@dataclass(frozen=True, slots=True)
class Enforced:
    """An alert's status and time to cure after its batch item ended."""

    status: str
    cure_due_at: datetime | None


@implements(ALERT, "ENFORCING", "AWAITING_CURE", effect="cureDueAt set")
def enforced(alert: AlertState, *, succeeded: bool, now: datetime, cure_hours: int = CURE_HOURS) -> Enforced:
    """AWAITING_CURE with its deadline after an item SUCCEEDED, INVESTIGATING after any other end.

    An alert that is no longer ENFORCING (cured meanwhile) stays as it is.
    """
    if alert.status != "ENFORCING":
        return Enforced(alert.status, alert.cure_due_at)
    if succeeded:
        return Enforced("AWAITING_CURE", now + timedelta(hours=cure_hours))
    return Enforced("INVESTIGATING", None)


@implements(ALERT, "AWAITING_CURE", "OPEN", effect="cycle + 1")
def cure_due(alert: AlertState, *, breaching: bool, now: datetime) -> tuple[str, int] | None:
    """(status, cycle) once `cureDueAt` has passed: OPEN in the next cycle, RESOLVED if cured; None before."""
    if alert.status != "AWAITING_CURE" or alert.cure_due_at is None or now < alert.cure_due_at:
        return None
    return ("OPEN", alert.cycle + 1) if breaching else ("RESOLVED", alert.cycle)
