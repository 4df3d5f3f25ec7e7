"""Reads over the small market, as a domain's resolvers are written."""

from collections.abc import Iterator
from enum import StrEnum

import strawberry
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from souk.engine.scalars import BigInt, DateTime
from souk.engine.symbols import Viewer, among, key, keys

from .models import Buyer, Dealer, Event, Listing, Offer
from .permissions import SeesBuyer, SeesDealer, SeesListing, SeesOffer


@strawberry.enum(description="Where a listing stands.")
class ListingStatus(StrEnum):
    DRAFT = "DRAFT"
    ACTIVE = "ACTIVE"
    SOLD = "SOLD"


@strawberry.enum(description="Where an offer stands.")
class OfferStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"


@strawberry.enum(description="Orders of listings.")
class ListingOrder(StrEnum):
    NEWEST = "NEWEST"
    PRICE_ASC = "PRICE_ASC"
    PRICE_DESC = "PRICE_DESC"
    TITLE = "TITLE"


LISTING_ORDER = {
    ListingOrder.NEWEST: Listing.created_at.desc(),
    ListingOrder.PRICE_ASC: Listing.price_minor.asc(),
    ListingOrder.PRICE_DESC: Listing.price_minor.desc(),
    ListingOrder.TITLE: Listing.title.asc(),
}


@strawberry.input(description="From one price to another.")
class PriceRange:
    least: strawberry.Maybe[BigInt] = strawberry.field(description="At least, in minor units.")
    most: strawberry.Maybe[BigInt] = strawberry.field(description="At most, in minor units.")
    status: strawberry.Maybe[ListingStatus] = strawberry.field(description="Only in this status.")


@strawberry.input(description="Which listings.")
class ListingFilter:
    status: strawberry.Maybe[ListingStatus] = strawberry.field(description="In this status.")
    statuses: strawberry.Maybe[list[ListingStatus]] = strawberry.field(description="In one of these.")
    years: strawberry.Maybe[list[int]] = strawberry.field(description="Of one of these years.")
    titles: strawberry.Maybe[list[str]] = strawberry.field(description="With one of these titles.")
    ids: strawberry.Maybe[list[strawberry.ID]] = strawberry.field(description="One of these.")
    ranges: strawberry.Maybe[list[PriceRange]] = strawberry.field(description="In one of these ranges.")
    min_price: strawberry.Maybe[int] = strawberry.field(description="At least, in minor units.")
    has_description: strawberry.Maybe[bool] = strawberry.field(description="With or without a text.")
    dealer: strawberry.Maybe[strawberry.ID | None] = strawberry.field(description="Of this dealer; null for of any.")
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Older than this.")
    min_views: strawberry.Maybe[BigInt] = strawberry.field(description="Looked at so often.")

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield Listing.status == self.status.value
        if self.statuses:
            yield among(Listing.status, self.statuses.value)
        if self.years:
            yield among(Listing.year, self.years.value)
        if self.titles:
            yield among(Listing.title, self.titles.value)
        if self.ids:
            yield among(Listing.id, keys(self.ids.value, Listing))
        if self.ranges:
            yield or_(False, *(and_(True, *inside(each)) for each in self.ranges.value))
        if self.min_price:
            yield Listing.price_minor >= self.min_price.value
        if self.has_description:
            yield Listing.description.is_not(None) if self.has_description.value else Listing.description.is_(None)
        if self.dealer and self.dealer.value is not None:
            yield Listing.dealer_id == key(self.dealer.value, Dealer)
        if self.created_before:
            yield Listing.created_at < self.created_before.value
        if self.min_views:
            yield Listing.views >= self.min_views.value


def inside(each: PriceRange) -> Iterator[ColumnElement[bool]]:
    if each.least:
        yield Listing.price_minor >= each.least.value
    if each.most:
        yield Listing.price_minor <= each.most.value
    if each.status:
        yield Listing.status == each.status.value


def listings(
    viewer: Viewer, filter: ListingFilter | None = None, order_by: ListingOrder = ListingOrder.NEWEST
) -> Select[Listing]:
    """Listings the viewer may see."""
    conditions = filter.conditions() if filter else ()
    return select(Listing).where(SeesListing().rows(viewer), *conditions).order_by(LISTING_ORDER[order_by])


def listing(viewer: Viewer, id: strawberry.ID) -> Select[Listing]:
    """One listing by its id."""
    return select(Listing).where(Listing.id == key(id, Listing), SeesListing().rows(viewer))


def offers(viewer: Viewer, status: OfferStatus | None = None) -> Select[Offer]:
    """Offers the viewer may see, newest first."""
    found = select(Offer).where(SeesOffer().rows(viewer)).order_by(Offer.created_at.desc())
    return found.where(Offer.status == status) if status else found


def offer(viewer: Viewer, id: strawberry.ID) -> Select[Offer]:
    """One offer by its id."""
    return select(Offer).where(Offer.id == key(id, Offer), SeesOffer().rows(viewer))


def dealer(viewer: Viewer, id: strawberry.ID) -> Select[Dealer]:
    """One dealer by its id."""
    return select(Dealer).where(Dealer.id == key(id, Dealer), SeesDealer().rows(viewer))


def buyer(viewer: Viewer, id: strawberry.ID) -> Select[Buyer]:
    """One buyer by its id."""
    return select(Buyer).where(Buyer.id == key(id, Buyer), SeesBuyer().rows(viewer))


def me(viewer: Viewer) -> Select[Buyer]:
    """The signed-in buyer."""
    return select(Buyer).where(Buyer.id == viewer.user_id)


def offers_of_listing(
    viewer: Viewer, listing: Listing, status: OfferStatus | None = None, min_amount: int | None = None
) -> Select[Offer]:
    """Offers for the listing, highest first."""
    found = (
        offers(viewer, status).where(Offer.listing_id == listing.id).order_by(None).order_by(Offer.amount_minor.desc())
    )
    return found if min_amount is None else found.where(Offer.amount_minor >= min_amount)


def top_offers(viewer: Viewer, listing: Listing) -> Select[Offer]:
    """The three best offers, then the oldest of them first."""
    return (
        offers(viewer)
        .where(Offer.listing_id == listing.id)
        .order_by(None)
        .order_by(Offer.amount_minor.desc(), Offer.created_at.asc())
    )


def listings_of_dealer(
    viewer: Viewer, dealer: Dealer, filter: ListingFilter | None = None, order_by: ListingOrder = ListingOrder.NEWEST
) -> Select[Listing]:
    """Listings of the dealer that the viewer may see."""
    return listings(viewer, filter, order_by).where(Listing.dealer_id == dealer.id)


def dealer_of_listing(viewer: Viewer, listing: Listing) -> Select[Dealer]:
    """Who sells it."""
    return select(Dealer).where(Dealer.id == listing.dealer_id, SeesDealer().rows(viewer))


def listing_of_offer(viewer: Viewer, offer: Offer) -> Select[Listing]:
    """What the offer is for; null when the viewer may not see it."""
    return select(Listing).where(Listing.id == offer.listing_id, SeesListing().rows(viewer))


def buyer_of_offer(viewer: Viewer, offer: Offer) -> Select[Buyer]:
    """Who made the offer; null when the viewer may not see him."""
    return select(Buyer).where(Buyer.id == offer.buyer_id, SeesBuyer().rows(viewer))


def events(viewer: Viewer) -> Select[Event]:
    """What has happened, in its order."""
    return select(Event).order_by(Event.seq.asc())


def events_of_listing(viewer: Viewer, listing: Listing) -> Select[Event]:
    """What has happened to the listing."""
    return select(Event).where(Event.listing_id == listing.id).order_by(Event.seq.desc())


def listing_events(viewer: Viewer, listing_id: strawberry.ID, after: BigInt | None = None) -> Select[Event]:
    """What happens to a listing, from `after` on."""
    found = select(Event).join(Listing, (Listing.tenant_id == Event.tenant_id) & (Listing.id == Event.listing_id))
    found = found.where(Event.listing_id == key(listing_id, Listing), SeesListing().rows(viewer)).order_by(
        Event.seq.asc()
    )
    return found if after is None else found.where(Event.seq > after)


def statistics(viewer: Viewer) -> Select[tuple[str, int, int]]:
    """How many listings there are per status."""
    counted = select(
        Listing.status.label("status"), func.count().label("listings"), func.sum(Listing.year).label("years")
    )
    return counted.where(SeesListing().rows(viewer)).group_by(Listing.status).order_by(Listing.status)
