"""Listings the viewer may see, and what hangs on them."""

from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, among, key
from ...models import (
    CastingDetail,
    Category,
    Dealer,
    ExternalRef,
    Listing,
    ListingAudience,
    ProductDetail,
    Sku,
    User,
    VehicleDetail,
)
from ...permissions.listing import ReadsUnpublished, SeesListing
from ...permissions.user import SeesUser
from ...rules.enums import Described, ExternalType, ListingKind, ListingStatus
from ..enums import known
from ..filters import ExternalIdInput, conditions, during, folded, minor_of, named_elsewhere, refers_to
from ..money import MoneyInput


@known
class ListingOrder(Described):
    """The order of a list of listings."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    PRICE_ASC = "PRICE_ASC", "The cheapest first, on request last; amounts of several currencies by their digits."
    PRICE_DESC = "PRICE_DESC", "On request first, then the dearest."
    TITLE = "TITLE", "By title."
    UPDATED = "UPDATED", "What changed last first."


LISTING_ORDER: dict[str, Any] = {
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
    category_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="In this category itself.")
    city: strawberry.Maybe[str] = strawberry.field(description="In this city, whatever the case.")
    make: strawberry.Maybe[str] = strawberry.field(description="Vehicles of this maker, whatever the case.")
    year_from: strawberry.Maybe[int] = strawberry.field(description="Vehicles of this model year or later.")
    year_to: strawberry.Maybe[int] = strawberry.field(description="Vehicles of this model year or earlier.")
    min_price: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="Asked in this currency for this much or more; leaves out what is on request."
    )
    max_price: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="Asked in this currency for this much or less; leaves out what is on request."
    )
    external_id: strawberry.Maybe[ExternalIdInput] = strawberry.field(description="What another system names so.")
    created_since: strawberry.Maybe[DateTime] = strawberry.field(description="Made at or after this moment.")
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Made before this moment.")
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(description="Changed at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield Listing.kind == self.kind.value
        if self.status:
            yield among(Listing.status, self.status.value)
        if self.dealer_id:
            yield refers_to(Listing.dealer_id, self.dealer_id.value, Dealer)
        if self.sku_id:
            yield refers_to(Listing.sku_id, self.sku_id.value, Sku)
        if self.category_id:
            yield refers_to(Listing.category_id, self.category_id.value, Category)
        if self.city:
            yield Listing.city_key == folded(self.city.value)
        if self.make or self.year_from or self.year_to:
            yield Listing.id.in_(self._vehicles())
        yield from self._prices()
        if self.external_id:
            yield named_elsewhere(Listing, ExternalType.LISTING, self.external_id.value)
        yield from during(Listing.created_at, self.created_since, self.created_before)
        if self.updated_since:
            yield Listing.updated_at >= self.updated_since.value

    def _vehicles(self) -> Select[object]:
        found = select(VehicleDetail.id).where(VehicleDetail.tenant_id == Listing.tenant_id)
        if self.make:
            found = found.where(VehicleDetail.make_key == folded(self.make.value))
        if self.year_from:
            found = found.where(VehicleDetail.year >= self.year_from.value)
        if self.year_to:
            found = found.where(VehicleDetail.year <= self.year_to.value)
        return found

    def _prices(self) -> Iterator[ColumnElement[bool]]:
        """By `price_order`, which has the index: the price, or a number above every price where it is on request."""
        if self.min_price or self.max_price:
            yield Listing.price_minor.is_not(None)
        if self.min_price:
            yield Listing.currency == self.min_price.value.currency_code
            yield Listing.price_order >= minor_of(self.min_price.value)
        if self.max_price:
            yield Listing.currency == self.max_price.value.currency_code
            yield Listing.price_order <= minor_of(self.max_price.value)


def listings(
    viewer: Viewer, filter: ListingFilter | None = None, order_by: ListingOrder = ListingOrder.NEWEST
) -> Select[Listing]:
    """Listings the viewer may see."""
    found = select(Listing).where(SeesListing().rows(viewer), *conditions(filter, viewer))
    return found.order_by(LISTING_ORDER[order_by])


def listing(viewer: Viewer, id: strawberry.ID) -> Select[Listing]:
    """One listing by its id."""
    return select(Listing).where(Listing.id == key(id, Listing), SeesListing().rows(viewer))


def listings_of_dealer(
    viewer: Viewer,
    dealer: Dealer,
    filter: ListingFilter | None = None,
    order_by: ListingOrder = ListingOrder.NEWEST,
) -> Select[Listing]:
    """Listings of the dealer that the viewer may see."""
    return listings(viewer, filter, order_by).where(Listing.dealer_id == dealer.id)


def listings_of_sku(
    viewer: Viewer, sku: Sku, filter: ListingFilter | None = None, order_by: ListingOrder = ListingOrder.NEWEST
) -> Select[Listing]:
    """Listings of the SKU that the viewer may see."""
    return listings(viewer, filter, order_by).where(Listing.sku_id == sku.id)


def listings_of_category(
    viewer: Viewer,
    category: Category,
    filter: ListingFilter | None = None,
    order_by: ListingOrder = ListingOrder.NEWEST,
) -> Select[Listing]:
    """Listings in the category itself that the viewer may see."""
    return listings(viewer, filter, order_by).where(Listing.category_id == category.id)


def vehicle_of_listing(viewer: Viewer, listing: Listing) -> Select[VehicleDetail]:
    """What only a vehicle has; null for other kinds."""
    return select(VehicleDetail).where(VehicleDetail.id == listing.id)


def casting_of_listing(viewer: Viewer, listing: Listing) -> Select[CastingDetail]:
    """What only a casting call has; null for other kinds."""
    return select(CastingDetail).where(CastingDetail.id == listing.id)


def product_of_listing(viewer: Viewer, listing: Listing) -> Select[ProductDetail]:
    """What only a product has; null for other kinds."""
    return select(ProductDetail).where(ProductDetail.id == listing.id)


def audience_of_listing(viewer: Viewer, listing: Listing) -> Select[ListingAudience]:
    """For whom a PRIVATE listing is meant; empty for those who may not read its unpublished side."""
    readable = (
        select(Listing.id)
        .where(Listing.tenant_id == ListingAudience.tenant_id, Listing.id == ListingAudience.listing_id)
        .where(ReadsUnpublished().rows(viewer))
    )
    found = select(ListingAudience).where(ListingAudience.listing_id == listing.id, readable.exists())
    return found.order_by(ListingAudience.created_at, ListingAudience.id)


def user_of_audience(viewer: Viewer, member: ListingAudience) -> Select[User]:
    """The person for whom the listing is meant."""
    return select(User).where(User.id == member.user_id, SeesUser().rows(viewer))


def external_ids_of_listing(viewer: Viewer, listing: Listing) -> Select[ExternalRef]:
    """What other systems call it."""
    found = select(ExternalRef).where(ExternalRef.subject_id == listing.id, ExternalRef.type == ExternalType.LISTING)
    return found.order_by(ExternalRef.source, ExternalRef.external_id)
