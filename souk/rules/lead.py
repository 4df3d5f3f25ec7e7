"""A lead's pipeline: how far it is, how it ends, when it runs out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from souk.rules.clauses import implements
from souk.rules.enums import LeadDistribution, LeadTier, LostReason
from souk.rules.errors import Forbidden, Invalid, InvalidTransition, LimitExceeded, Required
from souk.rules.machines import check, machine

LEAD = "Lead"
UNLOCK = "LeadUnlock"
LEAD_DAYS = 30
REOPEN_DAYS = 30
UNLOCK_CREDITS = {LeadTier.A: 3, LeadTier.B: 2, LeadTier.C: 1}
"""What unlocking a lead of each tier costs, in credits."""
LIVE = ("NEW", "OPEN", "CONTACTED", "QUALIFIED", "NEGOTIATING")
ENDED_WITH = {
    "WON": LostReason.BOUGHT_ELSEWHERE,
    "INVALID": LostReason.OTHER,
    "EXPIRED": LostReason.NO_ANSWER,
    "WITHDRAWN": LostReason.CHANGED_MIND,
}
"""The endings of a lead, and why an unlock that was still on its way is LOST by each."""
INVALID_REASONS = (LostReason.SPAM, LostReason.DUPLICATE)
AHEAD = ("NEW", "OPEN", "CONTACTED", "QUALIFIED", "NEGOTIATING", "WON")
"""The way forward: a lead follows an offer or an unlock that is ahead of it and never goes back."""


@dataclass(frozen=True, slots=True)
class LeadState:
    status: str
    expires_at: datetime | None = None
    unlock_count: int = 0
    max_unlocks: int = 1


@dataclass(frozen=True, slots=True)
class Moved:
    """The new status and expiry, with what the move wrote down."""

    status: str
    expires_at: datetime
    lost_reason: LostReason | None = None


def expiry(now: datetime, lead_days: int = LEAD_DAYS) -> datetime:
    """30 days (`leadDays`) after the last change."""
    return now + timedelta(days=lead_days)


def runs_out(status: str) -> bool:
    """Whether a lead in this status ends by itself."""
    return bool(machine(LEAD).to(status, "EXPIRED"))


def max_unlocks(distribution: str, asked: int | None, listing_allows: int) -> int:
    """1 for EXCLUSIVE; for SHARED what is asked or the listing allows. Raises LimitExceeded beyond the listing's."""
    if distribution == LeadDistribution.EXCLUSIVE:
        return 1
    wanted = listing_allows if asked is None else asked
    if not 1 <= wanted <= listing_allows:
        raise LimitExceeded(listing_allows, field="maxUnlocks")
    return wanted


def tier(*, phone: bool, email: bool) -> LeadTier:
    """How well the person can be reached: A by phone and mail, B by phone alone, C by mail alone."""
    if phone:
        return LeadTier.A if email else LeadTier.B
    return LeadTier.C


@implements(LEAD, "NEGOTIATING", "WON", guard="deal reference")
@implements(LEAD, ("OPEN", "CONTACTED", "QUALIFIED", "NEGOTIATING"), "LOST", guard="lostReason")
@implements(LEAD, "NEW", "INVALID", guard="spam or duplicate")
def set_status(
    lead: LeadState,
    to: str,
    *,
    reason: LostReason | None,
    deal: bool = False,
    now: datetime,
    lead_days: int = LEAD_DAYS,
) -> Moved:
    """The lead moved by staff. `deal`: a deal is named for WON.

    LOST asks for a reason, INVALID for SPAM or DUPLICATE. Raises InvalidTransition, Required, Invalid.
    """
    check(LEAD, lead.status, to, mutation="leadSetStatus")
    _asked(to, reason, deal)
    if to == "INVALID" and reason is None:
        raise Required("Say whether it is SPAM or a DUPLICATE.", field="lostReason")
    if to == "INVALID" and reason not in INVALID_REASONS:
        raise Invalid("A new lead is invalid as SPAM or as DUPLICATE.", field="lostReason")
    lost = reason if to in ("LOST", "INVALID") else None
    return Moved(to, expiry(now, lead_days), lost)


@implements(LEAD, ("NEW", "OPEN", "CONTACTED", "QUALIFIED"), "WITHDRAWN", guard="own lead")
def withdraw(lead: LeadState, *, own: bool) -> str:
    """WITHDRAWN by the person who asked. Raises Forbidden, InvalidTransition."""
    if not own:
        raise Forbidden("Only whoever asked takes it back.")
    check(LEAD, lead.status, "WITHDRAWN", mutation="leadWithdraw")
    return "WITHDRAWN"


@implements(LEAD, "LOST", "CONTACTED", guard="within 30 d")
def reopen(lead: LeadState, *, lost_at: datetime, now: datetime, lead_days: int = LEAD_DAYS) -> Moved:
    """CONTACTED again, within 30 days of its loss. Raises InvalidTransition."""
    check(LEAD, lead.status, "CONTACTED", mutation="leadReopen")
    _in_time(lost_at, now)
    return Moved("CONTACTED", expiry(now, lead_days))


@implements(UNLOCK, "NEGOTIATING", "WON", guard="deal reference")
@implements(UNLOCK, ("OPEN", "CONTACTED", "QUALIFIED", "NEGOTIATING"), "LOST", guard="lostReason")
def set_unlock_status(status: str, to: str, *, reason: LostReason | None, deal: bool = False) -> None:
    """A dealer moves its own unlock. Raises InvalidTransition, Required (why it is lost, the deal it is won with)."""
    check(UNLOCK, status, to, mutation="leadSetStatus")
    _asked(to, reason, deal)


@implements(UNLOCK, "LOST", "CONTACTED", guard=("within 30 d", "the lead has not ended"))
def reopen_unlock(status: str, lead_status: str, *, lost_at: datetime, now: datetime) -> None:
    """A dealer takes its unlock up again. Raises InvalidTransition, also where the lead has ended."""
    check(UNLOCK, status, "CONTACTED", mutation="leadReopen")
    _in_time(lost_at, now)
    if lead_status in ENDED_WITH:
        raise InvalidTransition(status, "CONTACTED", (), f"The lead is {lead_status}.")


def follows(lead: str, unlock: str) -> bool:
    """Whether the lead goes where one of its unlocks went: only forward."""
    ways = machine(LEAD).to(lead, unlock)
    return ahead(unlock, lead) and any(row.has(event="unlock moved") for row in ways)


def offered(lead: LeadState) -> str:
    """The status once an offer of the same person on the same listing exists: NEGOTIATING if it was on its way there."""
    ways = machine(LEAD).to(lead.status, "NEGOTIATING")
    return "NEGOTIATING" if any(row.has(event="offer created") for row in ways) else lead.status


def expire(lead: LeadState, *, now: datetime) -> str | None:
    """EXPIRED once `expiresAt` has come, for NEW, OPEN, CONTACTED and QUALIFIED; None where there is nothing to do."""
    due = lead.expires_at is not None and lead.expires_at <= now
    return "EXPIRED" if due and runs_out(lead.status) else None


def ahead(one: str, other: str) -> bool:
    """Whether `one` is further along the pipeline than `other`; endings but WON are on no way."""
    return one in AHEAD and other in AHEAD and AHEAD.index(one) > AHEAD.index(other)


def _asked(to: str, reason: LostReason | None, deal: bool) -> None:
    if to == "WON" and not deal:
        raise Required("A lead is won with a deal.", field="dealId")
    if to == "LOST" and reason is None:
        raise Required("Say why it is lost.", field="lostReason")


def _in_time(lost_at: datetime, now: datetime) -> None:
    if now > lost_at + timedelta(days=REOPEN_DAYS):
        raise InvalidTransition("LOST", "CONTACTED", (), f"It was lost more than {REOPEN_DAYS} days ago.")
