"""Listings: what is offered, and to whom."""

from collections.abc import Iterator

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, among, key
from ..models import Dealer, Listing, VehicleDetail
from ..permissions.listing import SeesListing
from ..rules.enums import Described, ListingKind, ListingStatus
from .enums import known
from .filters import conditions, folded


@known
class ListingOrder(Described):
    """The order of a list of listings."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    PRICE_ASC = "PRICE_ASC", "The cheapest first, on request last."
    PRICE_DESC = "PRICE_DESC", "On request first, then the dearest."
    TITLE = "TITLE", "By title."
    UPDATED = "UPDATED", "What changed last first."


LISTING_ORDER = {
    ListingOrder.NEWEST: Listing.created_at.desc(),
    ListingOrder.OLDEST: Listing.created_at.asc(),
    ListingOrder.PRICE_ASC: Listing.price_order.asc(),
    ListingOrder.PRICE_DESC: Listing.price_order.desc(),
    ListingOrder.TITLE: Listing.title.asc(),
    ListingOrder.UPDATED: Listing.updated_at.desc(),
}


@strawberry.input(description="Conditions on listings; all must hold.")
class ListingFilter:
    kind: strawberry.Maybe[ListingKind] = strawberry.field(description="Of this kind.")
    status: strawberry.Maybe[list[ListingStatus]] = strawberry.field(description="In one of these states.")
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Of this dealer.")
    sku_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Of this SKU.")
    category_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="In this category.")
    city: strawberry.Maybe[str] = strawberry.field(description="In this city, whatever the case.")
    make: strawberry.Maybe[str] = strawberry.field(description="Vehicles of this maker, whatever the case.")
    year_from: strawberry.Maybe[int] = strawberry.field(description="Vehicles of this model year or later.")
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(description="Changed at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield Listing.kind == self.kind.value
        if self.status:
            yield among(Listing.status, self.status.value)
        if self.dealer_id:
            yield Listing.dealer_id == key(self.dealer_id.value, Dealer)
        if self.city:
            yield Listing.city_key == folded(self.city.value)
        if self.make or self.year_from:
            yield Listing.id.in_(self._vehicles())
        if self.updated_since:
            yield Listing.updated_at >= self.updated_since.value

    def _vehicles(self) -> Select[tuple[object]]:
        found = select(VehicleDetail.id).where(VehicleDetail.tenant_id == Listing.tenant_id)
        if self.make:
            found = found.where(VehicleDetail.make_key == folded(self.make.value))
        if self.year_from:
            found = found.where(VehicleDetail.year >= self.year_from.value)
        return found


def listings(
    viewer: Viewer, filter: ListingFilter | None = None, order_by: ListingOrder = ListingOrder.NEWEST
) -> Select[tuple[Listing]]:
    """Listings the viewer may see."""
    found = select(Listing).where(SeesListing().rows(viewer), *conditions(filter, viewer))
    return found.order_by(LISTING_ORDER[order_by])


def listing(viewer: Viewer, id: strawberry.ID) -> Select[tuple[Listing]]:
    """One listing by its id."""
    return select(Listing).where(Listing.id == key(id, Listing), SeesListing().rows(viewer))


def listings_of_dealer(
    viewer: Viewer,
    dealer: Dealer,
    filter: ListingFilter | None = None,
    order_by: ListingOrder = ListingOrder.NEWEST,
) -> Select[tuple[Listing]]:
    """Listings of the dealer that the viewer may see."""
    return listings(viewer, filter, order_by).where(Listing.dealer_id == dealer.id)


def vehicle_of_listing(viewer: Viewer, listing: Listing) -> Select[tuple[VehicleDetail]]:
    """What only a vehicle has; null for other kinds."""
    return select(VehicleDetail).where(VehicleDetail.id == listing.id)
