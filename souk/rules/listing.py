"""A listing's way from draft to archive, and how many deals it carries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from souk.rules.clauses import implements
from souk.rules.dealer import DealerState
from souk.rules.enums import ListingKind, ModerationAction, RestrictionKind
from souk.rules.errors import Forbidden, InvalidTransition, ListingUnavailable, OutOfRange, Required
from souk.rules.machines import check, machine

LISTING = "Listing"
SUPERSEDES = frozenset({"RESERVED", "SUSPENDED", "EXPIRED", "ARCHIVED"})
"""A listing that comes into one of these states supersedes its open offers. PAUSED leaves them as they are."""


@dataclass(frozen=True, slots=True)
class ListingState:
    """`capacity`: deals it carries, None for no limit. `suspended_from`: what a SUSPENDED one was before."""

    status: str
    kind: str = ListingKind.PRODUCT
    capacity: int | None = None
    suspended_from: str | None = None
    expires_at: datetime | None = None


def capacity(kind: str, asked: int | None) -> int | None:
    """A VEHICLE carries one deal; others what is asked, None for no limit. Raises OutOfRange below 1."""
    if kind == ListingKind.VEHICLE:
        if asked not in (None, 1):
            raise OutOfRange("A vehicle is sold once.", field="capacity")
        return 1
    if asked is not None and asked < 1:
        raise OutOfRange("At least one.", field="capacity")
    return asked


def roomy(capacity: int | None, *, deals: int) -> None:
    """Raises OutOfRange where a new capacity leaves no place beside the `deals` that take one each."""
    if deals and capacity is not None and capacity <= deals:
        raise OutOfRange(f"More than the {deals} that are taken.", field="capacity")


def expiry(now: datetime, listing_days: int = 60) -> datetime:
    """When a listing submitted or renewed now runs out."""
    return now + timedelta(days=listing_days)


@implements(LISTING, ("DRAFT", "EXPIRED"), "PENDING_REVIEW", guard=("dealer in order", "no LISTING_RESUME restriction"))
def submit(listing: ListingState, dealer: DealerState, *, by_import: bool = False) -> str:
    """PENDING_REVIEW, from DRAFT. Raises InvalidTransition, Forbidden (dealer not in order or under LISTING_RESUME)."""
    if by_import:
        check(LISTING, listing.status, "PENDING_REVIEW", event="import")
    else:
        check(LISTING, listing.status, "PENDING_REVIEW", mutation="listingSubmit")
    _may_list(dealer)
    return "PENDING_REVIEW"


@implements(LISTING, "EXPIRED", "PENDING_REVIEW", effect="new expiresAt")
def renew(listing: ListingState, dealer: DealerState, *, now: datetime, listing_days: int = 60) -> tuple[str, datetime]:
    """PENDING_REVIEW with a new expiry, from EXPIRED; the guards are those of `submit`."""
    check(LISTING, listing.status, "PENDING_REVIEW", mutation="listingRenew")
    _may_list(dealer)
    return "PENDING_REVIEW", expiry(now, listing_days)


@implements(
    LISTING,
    "PENDING_REVIEW",
    "ACTIVE",
    guard="by itself only for a VERIFIED dealer, by setting autoApprove or by an import",
)
def approves_itself(dealer: DealerState, *, auto_approve: bool, by_import: bool) -> bool:
    """Whether a submitted listing becomes ACTIVE without a moderator: a VERIFIED dealer's, by setting or by import."""
    return dealer.eligible and (auto_approve or by_import)


@implements(LISTING, "PENDING_REVIEW", "ACTIVE", guard="dealer in order")
@implements(LISTING, "PENDING_REVIEW", "REJECTED", guard="reason")
@implements(LISTING, ("ACTIVE", "PAUSED"), "SUSPENDED", guard="reason")
def moderate(listing: ListingState, dealer: DealerState, action: ModerationAction, *, reason: str | None = None) -> str:
    """The status after a moderator's act. Raises InvalidTransition, Required (reason), Forbidden (the dealer)."""
    if action is ModerationAction.REINSTATE:
        return reinstate(listing, dealer)
    if action is ModerationAction.SUSPEND:
        return suspend(listing, reason=reason).status
    to = "ACTIVE" if action is ModerationAction.APPROVE else "REJECTED"
    check(LISTING, listing.status, to, mutation="listingModerate", action=action)
    if action is ModerationAction.APPROVE:
        dealer.require_in_order()
    else:
        _reason(reason)
    return to


@implements(LISTING, "ACTIVE", "SUSPENDED", effect="remembers ACTIVE")
@implements(LISTING, "PAUSED", "SUSPENDED", effect="remembers PAUSED")
def suspend(listing: ListingState, *, reason: str | None, event: str | None = None) -> ListingState:
    """SUSPENDED, remembering what it was; by a moderator, or by an `event` such as "batch SUSPEND_LISTING".

    Raises InvalidTransition, Required (reason).
    """
    if event is None:
        check(LISTING, listing.status, "SUSPENDED", mutation="listingModerate", action="SUSPEND")
    else:
        check(LISTING, listing.status, "SUSPENDED", event=event)
    _reason(reason)
    return ListingState("SUSPENDED", listing.kind, listing.capacity, listing.status, listing.expires_at)


@implements(LISTING, "SUSPENDED", "ACTIVE", guard=("it was ACTIVE", "dealer neither SUSPENDED nor TERMINATED"))
@implements(LISTING, "SUSPENDED", "PAUSED", guard=("it was PAUSED", "dealer neither SUSPENDED nor TERMINATED"))
def reinstate(listing: ListingState, dealer: DealerState) -> str:
    """What a SUSPENDED listing was: ACTIVE or PAUSED. Raises InvalidTransition, Forbidden (the dealer's standing)."""
    to = listing.suspended_from or "ACTIVE"
    check(LISTING, listing.status, to, mutation="listingModerate", action="REINSTATE")
    if dealer.standing in ("SUSPENDED", "TERMINATED"):
        raise Forbidden(f"The dealer is {dealer.standing}.")
    return to


def pause(listing: ListingState) -> str:
    """PAUSED, from ACTIVE. Raises InvalidTransition."""
    check(LISTING, listing.status, "PAUSED", mutation="listingPause")
    return "PAUSED"


@implements(
    LISTING,
    "PAUSED",
    "ACTIVE",
    guard=("dealer in order", "no LISTING_RESUME restriction", "verification neither EXPIRED nor REVOKED"),
)
def resume(listing: ListingState, dealer: DealerState) -> str:
    """ACTIVE, from PAUSED. Raises InvalidTransition, Forbidden (dealer not in order, restricted, or not verified any more)."""
    check(LISTING, listing.status, "ACTIVE", mutation="listingResume")
    _may_list(dealer)
    if dealer.verification in ("EXPIRED", "REVOKED"):
        raise Forbidden(f"The dealer's verification is {dealer.verification}.")
    return "ACTIVE"


@implements(LISTING, "SUSPENDED", "ARCHIVED", guard="reason")
def archive(listing: ListingState, *, reason: str | None = None) -> str:
    """ARCHIVED. Raises InvalidTransition, Required (a SUSPENDED one needs a reason, and `listing:moderate`)."""
    check(LISTING, listing.status, "ARCHIVED", mutation="listingArchive")
    if listing.status == "SUSPENDED":
        _reason(reason)
    return "ARCHIVED"


def back_to_draft(listing: ListingState) -> str:
    """DRAFT, when a REJECTED listing is updated; every other status stays."""
    return "DRAFT" if listing.status == "REJECTED" else listing.status


def expire(listing: ListingState, *, now: datetime) -> str | None:
    """EXPIRED once `expiresAt` has come, for ACTIVE and PAUSED; None where there is nothing to do."""
    due = listing.expires_at is not None and listing.expires_at <= now
    return "EXPIRED" if due and machine(LISTING).to(listing.status, "EXPIRED") else None


@implements(LISTING, "ACTIVE", "RESERVED", guard="open and completed deals = capacity")
def reserved(listing: ListingState, *, deals: int) -> bool:
    """Whether `deals` open and completed ones use its capacity up, so that it becomes RESERVED."""
    return listing.capacity is not None and deals >= listing.capacity


def takes_offers(listing: ListingState, *, now: datetime) -> None:
    """Raises ListingUnavailable unless the listing is ACTIVE and has not run out."""
    if listing.status != "ACTIVE" or (listing.expires_at is not None and listing.expires_at <= now):
        raise ListingUnavailable()


def editable(listing: ListingState) -> None:
    """Raises InvalidTransition where a listing's text and price are fixed: RESERVED, FULFILLED and ARCHIVED."""
    if listing.status in ("RESERVED", "FULFILLED", "ARCHIVED"):
        raise InvalidTransition(listing.status, listing.status, machine(LISTING).allowed(listing.status))


def _may_list(dealer: DealerState) -> None:
    dealer.require_in_order()
    dealer.require_unrestricted(RestrictionKind.LISTING_RESUME)


def _reason(reason: str | None) -> None:
    if not (reason and reason.strip()):
        raise Required("Give a reason.", field="reason")
