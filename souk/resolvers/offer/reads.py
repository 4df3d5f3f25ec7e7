"""Which offers there are for somebody."""

from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, among, key
from ...models import Deal, Dealer, Listing, Offer, OfferRevision, User
from ...permissions.dealer import SeesDealer
from ...permissions.listing import SeesListing
from ...permissions.offer import SeesOffer, SeesRevision, on_side
from ...permissions.user import SeesUser
from ...rules.enums import Described, OfferDirection, OfferParty, OfferStatus
from ..enums import known
from ..filters import conditions, during, refers_to


@known
class OfferOrder(Described):
    """The order of a list of offers."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    AMOUNT_DESC = "AMOUNT_DESC", "The highest amount on the table first."
    AMOUNT_ASC = "AMOUNT_ASC", "The lowest amount on the table first."
    UPDATED = "UPDATED", "What changed last first."


OFFER_ORDER: dict[OfferOrder, ColumnElement[Any]] = {
    OfferOrder.NEWEST: Offer.created_at.desc(),
    OfferOrder.OLDEST: Offer.created_at.asc(),
    OfferOrder.AMOUNT_DESC: Offer.amount_minor.desc(),
    OfferOrder.AMOUNT_ASC: Offer.amount_minor.asc(),
    OfferOrder.UPDATED: Offer.updated_at.desc(),
}


@strawberry.input(description="Conditions on offers; all must hold.")
class OfferFilter:
    status: strawberry.Maybe[list[OfferStatus]] = strawberry.field(description="In one of these states.", default=None)
    listing_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="For this listing.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="For a listing of this dealer.", default=None
    )
    direction: strawberry.Maybe[OfferDirection] = strawberry.field(description="In this direction.", default=None)
    party: strawberry.Maybe[OfferParty] = strawberry.field(
        description="In which the viewer is this party: PROPOSER for those made, OWNER for those received.",
        default=None,
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
            yield among(Offer.status, self.status.value)
        if self.listing_id:
            yield refers_to(Offer.listing_id, self.listing_id.value, Listing)
        if self.dealer_id:
            yield refers_to(Offer.owner_dealer_id, self.dealer_id.value, Dealer)
        if self.direction:
            yield Offer.direction == self.direction.value
        if self.party:
            yield on_side(viewer, self.party.value)
        yield from during(Offer.created_at, self.created_since, self.created_before)
        if self.updated_since:
            yield Offer.updated_at >= self.updated_since.value


def offers(
    viewer: Viewer, filter: OfferFilter | None = None, order_by: OfferOrder = OfferOrder.NEWEST
) -> Select[Offer]:
    """Offers the viewer may see: all for staff, one's own for the parties."""
    found = select(Offer).where(SeesOffer().rows(viewer), *conditions(filter, viewer))
    return found.order_by(OFFER_ORDER[order_by])


def offer(viewer: Viewer, id: strawberry.ID) -> Select[Offer]:
    """One offer by its id."""
    return select(Offer).where(Offer.id == key(id, Offer), SeesOffer().rows(viewer))


def offers_of_listing(
    viewer: Viewer, listing: Listing, filter: OfferFilter | None = None, order_by: OfferOrder = OfferOrder.NEWEST
) -> Select[Offer]:
    """Offers for the listing that the viewer may see."""
    return offers(viewer, filter, order_by).where(Offer.listing_id == listing.id)


def offer_of_deal(viewer: Viewer, deal: Deal) -> Select[Offer]:
    """The offer it grew from."""
    return select(Offer).where(Offer.id == deal.offer_id, SeesOffer().rows(viewer))


def offer_of_revision(viewer: Viewer, revision: OfferRevision) -> Select[Offer]:
    """The offer it belongs to."""
    return select(Offer).where(Offer.id == revision.offer_id, SeesOffer().rows(viewer))


def revisions_of_offer(viewer: Viewer, offer: Offer) -> Select[OfferRevision]:
    """Every amount named, the first one first; none is ever changed."""
    found = select(OfferRevision).where(OfferRevision.offer_id == offer.id, SeesRevision().rows(viewer))
    return found.order_by(OfferRevision.n.asc())


def offer_revision(viewer: Viewer, id: strawberry.ID) -> Select[OfferRevision]:
    """One revision by its id."""
    return select(OfferRevision).where(OfferRevision.id == key(id, OfferRevision), SeesRevision().rows(viewer))


# Whom and what it concerns ----------------------------------------------------------------------------------------


def listing_of_offer(viewer: Viewer, offer: Offer) -> Select[Listing]:
    """What it is for; null where the viewer does not see the listing any more."""
    return select(Listing).where(Listing.id == offer.listing_id, SeesListing().rows(viewer))


def proposer_of_offer(viewer: Viewer, offer: Offer) -> Select[User]:
    """The person who made it; null when a dealer did, and for those who do not see the person."""
    return select(User).where(User.id == offer.proposer_user_id, SeesUser().rows(viewer))


def proposing_dealer_of_offer(viewer: Viewer, offer: Offer) -> Select[Dealer]:
    """The dealer that made it; null when a person did."""
    return select(Dealer).where(Dealer.id == offer.proposer_dealer_id, SeesDealer().rows(viewer))


def owner_of_offer(viewer: Viewer, offer: Offer) -> Select[Dealer]:
    """The dealer whose listing it is."""
    return select(Dealer).where(Dealer.id == offer.owner_dealer_id, SeesDealer().rows(viewer))


def speaker_of_revision(viewer: Viewer, revision: OfferRevision) -> Select[User]:
    """The person who spoke for the party; null for those who do not see the person."""
    return select(User).where(User.id == revision.by_user_id, SeesUser().rows(viewer))
