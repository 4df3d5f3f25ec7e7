"""Deals: what an accepted offer becomes."""

from collections.abc import Iterator
from datetime import timedelta

import strawberry
from sqlalchemy import ColumnElement, Select, func, or_, select

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, among, key
from ..models import Deal, Dealer, Listing, Offer, User, new_id
from ..permissions.deal import SeesDeal
from ..permissions.dealer import SeesDealer
from ..permissions.listing import SeesListing
from ..permissions.user import SeesUser
from ..rules.enums import DealKind, DealStatus, Described, ListingKind, OfferDirection, Settlement
from .enums import known
from .filters import conditions, during, refers_to

UNDONE = (DealStatus.CANCELLED, DealStatus.REFUNDED)
"""A deal in one of these states takes no place of its listing's capacity."""


@known
class DealOrder(Described):
    """The order of a list of deals."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


DEAL_ORDER = {
    DealOrder.NEWEST: Deal.created_at.desc(),
    DealOrder.OLDEST: Deal.created_at.asc(),
    DealOrder.UPDATED: Deal.updated_at.desc(),
}


@strawberry.input(description="Conditions on deals; all must hold.")
class DealFilter:
    status: strawberry.Maybe[list[DealStatus]] = strawberry.field(description="In one of these states.", default=None)
    kind: strawberry.Maybe[DealKind] = strawberry.field(description="Of this kind.", default=None)
    listing_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this listing.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="In which this dealer pays or is paid.", default=None
    )
    created_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Made at or after this moment.", default=None
    )
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Made before this moment.", default=None)
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield among(Deal.status, self.status.value)
        if self.kind:
            yield Deal.kind == self.kind.value
        if self.listing_id:
            yield refers_to(Deal.listing_id, self.listing_id.value, Listing)
        if self.dealer_id:
            id = self.dealer_id.value
            yield or_(refers_to(Deal.payee_dealer_id, id, Dealer), refers_to(Deal.payer_dealer_id, id, Dealer))
        yield from during(Deal.created_at, self.created_since, self.created_before)
        if self.updated_since:
            yield Deal.updated_at >= self.updated_since.value


def deals(viewer: Viewer, filter: DealFilter | None = None, order_by: DealOrder = DealOrder.NEWEST) -> Select[Deal]:
    """Deals the viewer may see: all for staff, one's own for who pays or is paid."""
    found = select(Deal).where(SeesDeal().rows(viewer), *conditions(filter, viewer))
    return found.order_by(DEAL_ORDER[order_by])


def deal(viewer: Viewer, id: strawberry.ID) -> Select[Deal]:
    """One deal by its id."""
    return select(Deal).where(Deal.id == key(id, Deal), SeesDeal().rows(viewer))


def deal_of_offer(viewer: Viewer, offer: Offer) -> Select[Deal]:
    """What it became; null until it is accepted."""
    return select(Deal).where(Deal.offer_id == offer.id, SeesDeal().rows(viewer))


def deals_of_listing(
    viewer: Viewer, listing: Listing, filter: DealFilter | None = None, order_by: DealOrder = DealOrder.NEWEST
) -> Select[Deal]:
    """Deals about the listing that the viewer may see."""
    return deals(viewer, filter, order_by).where(Deal.listing_id == listing.id)


def listing_of_deal(viewer: Viewer, deal: Deal) -> Select[Listing]:
    """What it is about; null where the viewer does not see the listing any more."""
    return select(Listing).where(Listing.id == deal.listing_id, SeesListing().rows(viewer))


def payer_of_deal(viewer: Viewer, deal: Deal) -> Select[User]:
    """The person who pays; null when a dealer does, and for those who do not see the person."""
    return select(User).where(User.id == deal.payer_user_id, SeesUser().rows(viewer))


def paying_dealer_of_deal(viewer: Viewer, deal: Deal) -> Select[Dealer]:
    """The dealer that pays; null when a person does."""
    return select(Dealer).where(Dealer.id == deal.payer_dealer_id, SeesDealer().rows(viewer))


def payee_of_deal(viewer: Viewer, deal: Deal) -> Select[User]:
    """The person who is paid; null when a dealer is, and for those who do not see the person."""
    return select(User).where(User.id == deal.payee_user_id, SeesUser().rows(viewer))


def paid_dealer_of_deal(viewer: Viewer, deal: Deal) -> Select[Dealer]:
    """The dealer that is paid; null when a person is."""
    return select(Dealer).where(Dealer.id == deal.payee_dealer_id, SeesDealer().rows(viewer))


# What others write ------------------------------------------------------------------------------------------------


async def open_deal(tx: Transaction, offer: Offer, listing: Listing) -> Deal:
    """The deal of an offer accepted just now, settled between the parties; the caller holds the listing's lock.

    The head amount is net and gross: no rate of VAT is known yet, so its VAT is 0.
    """
    proposer = (offer.proposer_user_id, offer.proposer_dealer_id)
    owner = (None, offer.owner_dealer_id)
    payer, payee = (proposer, owner) if offer.direction == OfferDirection.BUY else (owner, proposer)
    hours = (await tx.settings()).deal_payment_hours
    made: Deal = tx.add(
        Deal(
            id=new_id(),
            listing_id=listing.id,
            offer_id=offer.id,
            kind=DealKind.BOOKING if listing.kind == ListingKind.CASTING_CALL else DealKind.SALE,
            settlement=Settlement.OFFLINE,
            status=DealStatus.AWAITING_PAYMENT,
            exclusive=listing.kind == ListingKind.VEHICLE,
            payer_user_id=payer[0],
            payer_dealer_id=payer[1],
            payee_user_id=payee[0],
            payee_dealer_id=payee[1],
            net_minor=offer.amount_minor,
            vat_minor=0,
            gross_minor=offer.amount_minor,
            currency=offer.currency,
            payment_due_at=tx.now + timedelta(hours=hours),
        )
    )
    await tx.session.flush()
    tx.emit("deal.opened", made, to_status=DealStatus.AWAITING_PAYMENT, data={"offerId": str(offer.id)})
    return made


async def places_taken(tx: Transaction, listing: Listing) -> int:
    """How many deals of the listing count against its capacity: all but the undone ones."""
    asked = select(func.count()).where(Deal.listing_id == listing.id, Deal.status.not_in(UNDONE))
    return (await tx.session.execute(asked)).scalar_one()
