"""What happens to a listing whoever asks: a person, a worker, or the consequence of another act.

None of these asks a permission; their callers have.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Dealer, DomainEvent, Listing
from ...rules import listing as rules
from ...rules.clauses import implements
from ...rules.dealer import DealerState
from ...rules.enums import ListingStatus
from ...rules.errors import NotFound
from ...rules.listing import ListingState
from ...rules.machines import machine
from ..consequences import supersede_offers, with_offers
from ..observation import observe, our_price_moved
from ..restriction import dealer_state
from ..writing import locked, move

EXPIRY = "listing.expiry"
"""The kind of work that ends a listing when its time is over."""
ON_REQUEST = 2**62
"""Where a listing without a price stands: behind every price."""
implements("Listing", "ACTIVE", "PAUSED", effect="open offers stay", by="souk.resolvers.listing.moves")


def state_of(listing: Listing) -> ListingState:
    """The listing as its rules see it."""
    return ListingState(
        listing.status, listing.kind, listing.capacity, listing.status_before_suspension, listing.expires_at
    )


def price_order(price_minor: int | None) -> int:
    """Where a listing stands in the order by price."""
    return ON_REQUEST if price_minor is None else price_minor


async def listing_changed(tx: Transaction, listing: Listing) -> None:
    """What follows when a listing is created, updated or becomes ACTIVE: every such write passes here."""
    listing.price_order = price_order(listing.price_minor)
    await tx.session.flush()
    await observe(tx, listing)


async def submit(tx: Transaction, listing: Listing, dealer: DealerState, *, by_import: bool = False) -> None:
    """DRAFT → PENDING_REVIEW, and on to ACTIVE where no moderator is needed. Raises InvalidTransition, Forbidden."""
    rules.submit(state_of(listing), dealer, by_import=by_import)
    await tx.settings()  # asked before anything is changed: one write, one step of the version
    move(
        tx,
        listing,
        ListingStatus.PENDING_REVIEW,
        "listing.submitted",
        mutation=None if by_import else "listingSubmit",
        cause="import" if by_import else None,
    )
    await approve_itself(tx, listing, dealer, by_import=by_import)


@implements("Listing", ("DRAFT", "EXPIRED"), "PENDING_REVIEW", guard="price policy evaluated")
@implements("Listing", "DRAFT", "PENDING_REVIEW", effect="warning, not block, if the price breaches a policy")
async def approve_itself(tx: Transaction, listing: Listing, dealer: DealerState, *, by_import: bool = False) -> None:
    """A submitted listing becomes ACTIVE at once: a VERIFIED dealer's, by the tenant's setting or by an import.

    Its price is held against the policies either way; a breach raises an alert and stops nothing.
    """
    settings = await tx.settings()
    if rules.approves_itself(dealer, auto_approve=settings.auto_approve, by_import=by_import):
        await activate(tx, listing, cause="import" if by_import else "auto-approval")
    else:
        await observe(tx, listing)


@implements("Listing", "PENDING_REVIEW", "ACTIVE", effect="`listing.activated`")
async def activate(
    tx: Transaction,
    listing: Listing,
    *,
    cause: str | None = None,
    mutation: str | None = None,
    action: str | None = None,
) -> None:
    """It goes live: an end is set where there is none ahead, and its timer."""
    settings = await tx.settings()
    move(tx, listing, ListingStatus.ACTIVE, "listing.activated", cause=cause, mutation=mutation, action=action)
    listing.status_reason = None
    listing.published_at = listing.published_at or tx.now
    if listing.expires_at is None or listing.expires_at <= tx.now:
        listing.expires_at = rules.expiry(tx.now, settings.listing_days)
    await tx.due(EXPIRY, listing.id, listing.expires_at)
    await listing_changed(tx, listing)


@implements("Listing", ("ACTIVE", "PAUSED"), "SUSPENDED", effect="open offers SUPERSEDED")
async def suspend(
    tx: Transaction, listing: Listing, *, reason: str | None, cause: str | None = None, offers: bool = True
) -> None:
    """SUSPENDED, remembering what it was: by a moderator, or by a `cause`, an event of the machine's table.

    The event keeps the cause, by which `reinstate_of` finds it again. Raises InvalidTransition, Required.
    """
    suspended = rules.suspend(state_of(listing), reason=reason, event=cause)
    _down(tx, listing, reason, cause)
    listing.status_before_suspension = suspended.suspended_from
    if offers:
        await supersede_offers(tx, listing)


def _down(tx: Transaction, listing: Listing, reason: str | None, cause: str | None) -> None:
    by_hand: dict[str, Any] = (
        {"mutation": "listingModerate", "action": "SUSPEND"} if cause is None else {"cause": cause}
    )
    data = {"cause": cause or "listingModerate"}
    move(tx, listing, ListingStatus.SUSPENDED, "listing.suspended", reason=reason, data=data, **by_hand)
    our_price_moved(tx, listing.sku_id)
    listing.status_reason = reason


async def reinstate(tx: Transaction, listing: Listing, *, cause: str | None = None, reason: str | None = None) -> None:
    """What it was before it was SUSPENDED. Raises InvalidTransition, Forbidden (the dealer is SUSPENDED or TERMINATED)."""
    to = rules.reinstate(state_of(listing), await dealer_state(tx, listing.dealer_id))
    by_hand: dict[str, Any] = (
        {"mutation": "listingModerate", "action": "REINSTATE"} if cause is None else {"cause": cause}
    )
    move(tx, listing, to, "listing.reinstated", reason=reason, **by_hand)
    listing.status_before_suspension = listing.status_reason = None
    if listing.expires_at is not None:
        await tx.due(EXPIRY, listing.id, listing.expires_at)
    if to == ListingStatus.ACTIVE:
        await listing_changed(tx, listing)


async def suspend_of(tx: Transaction, dealer: Dealer, *, reason: str, cause: str) -> int:
    """Suspend every ACTIVE and PAUSED listing of a dealer. Gives their number."""
    listings = await _of(tx, dealer, ListingStatus.ACTIVE, ListingStatus.PAUSED)
    wanted = await with_offers(tx, [listing.id for listing in listings])
    for listing in listings:
        await suspend(tx, listing, reason=reason, cause=cause, offers=listing.id in wanted)
    return len(listings)


async def reinstate_of(tx: Transaction, dealer: Dealer, *, suspended_by: str, cause: str) -> int:
    """Reinstate the listings that went down with the dealer, and no other. Gives their number."""
    down = await _of(tx, dealer, ListingStatus.SUSPENDED)
    causes = await causes_of_suspension(tx, [listing.id for listing in down])
    returning = [listing for listing in down if causes.get(listing.id) == suspended_by]
    for listing in returning:
        await reinstate(tx, listing, cause=cause)
    return len(returning)


@implements("DealerStanding", "SUSPENDED", "TERMINATED", effect="listings ARCHIVED")
async def archive_of(tx: Transaction, dealer: Dealer, *, reason: str) -> int:
    """Archive what a dealer lists, but for what its open deals hold. Gives the number."""
    kept = (ListingStatus.ARCHIVED, ListingStatus.RESERVED)
    listings = await _of(tx, dealer, *(status for status in ListingStatus if status not in kept))
    wanted = await with_offers(tx, [listing.id for listing in listings])
    for listing in listings:
        if listing.status == ListingStatus.PENDING_REVIEW:
            move(tx, listing, ListingStatus.DRAFT, "listing.withdrawn", mutation="listingWithdraw", reason=reason)
        gone = listing.status == ListingStatus.SUSPENDED
        cause = "dealer TERMINATED" if gone else None
        await archive(tx, listing, reason=reason, cause=cause, offers=listing.id in wanted)
    return len(listings)


@implements("Listing", ("ACTIVE", "PAUSED"), "ARCHIVED", effect="open offers SUPERSEDED")
async def archive(
    tx: Transaction, listing: Listing, *, reason: str | None, cause: str | None = None, offers: bool = True
) -> None:
    """ARCHIVED, for good; its timer then finds nothing to do. `offers` False where it is known to have none. Raises InvalidTransition, Required (a SUSPENDED one needs a reason)."""
    rules.archive(state_of(listing), reason=reason)
    mutation = "listingArchive" if cause is None else None
    move(tx, listing, ListingStatus.ARCHIVED, "listing.archived", mutation=mutation, cause=cause, reason=reason)
    our_price_moved(tx, listing.sku_id)
    listing.status_before_suspension = None
    if offers:
        await supersede_offers(tx, listing)


@implements("Listing", ("ACTIVE", "PAUSED"), "EXPIRED", effect="open offers SUPERSEDED")
async def expire(tx: Transaction, listing_id: UUID) -> Listing | None:
    """What the timer does: EXPIRED when the time has come, a new timer when the end was moved. None when nothing was due."""
    try:
        listing = await locked(tx, Listing, listing_id, None)
    except NotFound:
        return None
    if rules.expire(state_of(listing), now=tx.now) is None:
        ends = listing.expires_at
        if ends is not None and ends > tx.now and machine("Listing").to(listing.status, ListingStatus.EXPIRED):
            await tx.due(EXPIRY, listing.id, ends)
        return None
    move(tx, listing, ListingStatus.EXPIRED, "listing.expired", cause="expiresAt")
    our_price_moved(tx, listing.sku_id)
    await tx.not_due(EXPIRY, listing.id)
    await supersede_offers(tx, listing)
    return listing


async def _of(tx: Transaction, dealer: Dealer, *statuses: ListingStatus) -> list[Listing]:
    asked = (
        select(Listing)
        .where(Listing.dealer_id == dealer.id, Listing.status.in_(statuses), Listing.deleted_at.is_(None))
        .order_by(Listing.id)
        .with_for_update()
    )
    return list((await tx.session.execute(asked.execution_options(populate_existing=True))).scalars().all())


async def causes_of_suspension(tx: Transaction, listing_ids: list[UUID]) -> dict[UUID, str]:
    """Listing → the cause that the event of its last suspension keeps."""
    asked = (
        select(DomainEvent.subject_id, DomainEvent.data["cause"].astext)
        .where(DomainEvent.subject_id.in_(listing_ids), DomainEvent.type == "listing.suspended")
        .order_by(DomainEvent.subject_id, DomainEvent.seq)
    )
    return {row[0]: row[1] for row in await tx.session.execute(asked)}  # the last one stays
