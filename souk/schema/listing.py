"""Listings as clients see them."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import Numeric, Text, cast, literal_column

from .. import models
from ..engine.declare import (
    Connection,
    Money,
    Node,
    column,
    computed,
    many,
    money,
    one,
    payload_node,
    sealed,
    to_list,
    to_many,
    to_one,
    view,
)
from ..engine.scalars import CurrencyCode, Date, DateTime, Decimal
from ..permissions.base import may
from ..permissions.deal import SeesDeal
from ..permissions.lead import SeesLead
from ..permissions.listing import (
    ModeratesListing,
    ReadsPrivate,
    ReadsRegistration,
    ReadsUnpublished,
    SeesListing,
    WritesListing,
)
from ..permissions.offer import SeesOffer
from ..permissions.sku import SeesSku
from ..permissions.user import SeesUser
from ..resolvers import category as resolve_category
from ..resolvers import deal as resolve_deal
from ..resolvers import dealer as resolve_dealer
from ..resolvers import lead as resolve_lead
from ..resolvers import listing as resolve
from ..resolvers import offer as resolve_offer
from ..resolvers import sku as resolve_sku
from ..rules.enums import Availability, Fuel, ListingKind, ListingStatus, Visibility
from .external import ExternalId
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .category import Category
    from .deal import Deal
    from .dealer import Dealer
    from .lead import Lead
    from .offer import Offer
    from .sku import Sku
    from .user import User


def tenths(name: str, description: str) -> Any:
    """A column of tenths as a decimal with one digit after the point."""

    def in_sql(row: Any) -> Any:
        return cast(getattr(row, name) * literal_column("0.1", Numeric()), Text())

    def in_python(row: Any) -> str | None:
        value: int | None = getattr(row, name)
        return None if value is None else f"{value // 10}.{value % 10}"

    return computed(sql=in_sql, python=in_python, description=description)


@view(models.VehicleDetail)
class VehicleDetail:
    """What only a vehicle has."""

    make: str | None
    model: str | None
    year: int | None
    km: int | None
    fuel: Fuel | None
    owners: int | None
    power_bhp: Decimal | None = tenths("power_bhp_tenths", "The power in brake horsepower, one digit after the point.")
    mileage_kmpl: Decimal | None = tenths("mileage_kmpl_tenths", "Kilometres per litre, one digit after the point.")
    registration_number: str | None = sealed(
        "registration_number_enc",
        ReadsRegistration(),
        description="The registration number; only for the listing's dealer and staff who may.",
    )


@view(models.CastingDetail)
class CastingDetail:
    """What only a casting call has."""

    role: str
    age_from: int | None
    age_to: int | None
    shoot_start: Date | None
    shoot_end: Date | None
    fee: Money | None = money("fee_minor")
    minors_allowed: bool


@view(models.ProductDetail)
class ProductDetail:
    """What only a product has."""

    availability: Availability
    source_id: str | None
    external_id: str | None


@view(models.ListingAudience)
class ListingAudience:
    """A dealer or a person for whom a PRIVATE listing is meant."""

    created_at: DateTime
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve_dealer.dealer_of_audience)
    user: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.user_of_audience, gate=SeesUser())


MOVES = {"listing:write": WritesListing(), "listing:moderate": ModeratesListing()}
ARCHIVES = WritesListing() | ModeratesListing()


@view(models.Listing, node=resolve.listing, gate=SeesListing())
class Listing(Node):
    """Something a dealer lists."""

    kind: ListingKind
    status: ListingStatus
    status_before_suspension: ListingStatus | None = column("status_before_suspension", ReadsUnpublished())
    status_reason: str | None = column("status_reason", ReadsUnpublished())
    title: str
    description: str | None
    price: Money | None = money("price_minor")
    currency: CurrencyCode
    floor: Money | None = money("floor_minor", permission=ReadsPrivate())
    auto_accept: Money | None = money("auto_accept_minor", permission=ReadsPrivate())
    auto_decline: Money | None = money("auto_decline_minor", permission=ReadsPrivate())
    negotiable: bool
    visibility: Visibility
    city: str | None
    capacity: int | None
    max_unlocks: int
    expires_at: DateTime | None
    published_at: DateTime | None
    available_transitions: list[Transition] = transitions("Listing", MOVES)
    created_at: DateTime
    updated_at: DateTime
    version: int
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve_dealer.dealer_of_listing)
    sku: Annotated["Sku", strawberry.lazy(".sku")] | None = to_one(resolve_sku.sku_of_listing, gate=SeesSku())
    category: Annotated["Category", strawberry.lazy(".category")] | None = to_one(resolve_category.category_of_listing)
    offers: Connection[Annotated["Offer", strawberry.lazy(".offer")]] | None = to_many(
        resolve_offer.offers_of_listing, gate=SeesOffer()
    )
    deals: Connection[Annotated["Deal", strawberry.lazy(".deal")]] | None = to_many(
        resolve_deal.deals_of_listing, gate=SeesDeal()
    )
    leads: Connection[Annotated["Lead", strawberry.lazy(".lead")]] | None = to_many(
        resolve_lead.leads_of_listing, gate=SeesLead()
    )
    vehicle: VehicleDetail | None = to_one(resolve.vehicle_of_listing)
    casting_call: CastingDetail | None = to_one(resolve.casting_of_listing)
    product: ProductDetail | None = to_one(resolve.product_of_listing)
    external_ids: list[ExternalId] = to_list(resolve.external_ids_of_listing)
    audience: list[ListingAudience] | None = to_list(
        resolve.audience_of_listing, limit=200, gate=may("listing:readUnpublished")
    )


def changed() -> Any:
    """The entity of a payload."""
    return payload_node("listing", description="The listing; null when nothing was changed.")


@strawberry.type(description="The new listing.")
class ListingCreatePayload(KeyedPayload):
    listing: Listing | None = changed()


@strawberry.type(description="The changed listing.")
class ListingUpdatePayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The listing that was handed in.")
class ListingSubmitPayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The listing that is a draft again.")
class ListingWithdrawPayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The listing as the moderator left it.")
class ListingModeratePayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The paused listing.")
class ListingPausePayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The listing that is shown again.")
class ListingResumePayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The listing that was handed in again.")
class ListingRenewPayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The archived listing.")
class ListingArchivePayload(Payload):
    listing: Listing | None = changed()


@strawberry.type(description="The listing with its audience.")
class ListingAudienceSetPayload(Payload):
    listing: Listing | None = changed()


@strawberry.type
class ListingQueries:
    listing: Listing | None = one(resolve.listing, gate=SeesListing())
    listings: Connection[Listing] | None = many(resolve.listings, gate=SeesListing())


@strawberry.type
class ListingMutations:
    listing_create: ListingCreatePayload | None = write(resolve.listing_create, gate=may("listing:write"))
    listing_update: ListingUpdatePayload | None = write(resolve.listing_update, gate=may("listing:write"))
    listing_submit: ListingSubmitPayload | None = write(resolve.listing_submit, gate=may("listing:write"))
    listing_withdraw: ListingWithdrawPayload | None = write(resolve.listing_withdraw, gate=may("listing:write"))
    listing_moderate: ListingModeratePayload | None = write(resolve.listing_moderate, gate=may("listing:moderate"))
    listing_pause: ListingPausePayload | None = write(resolve.listing_pause, gate=may("listing:write"))
    listing_resume: ListingResumePayload | None = write(resolve.listing_resume, gate=may("listing:write"))
    listing_renew: ListingRenewPayload | None = write(resolve.listing_renew, gate=may("listing:write"))
    listing_archive: ListingArchivePayload | None = write(resolve.listing_archive, gate=ARCHIVES)
    listing_audience_set: ListingAudienceSetPayload | None = write(
        resolve.listing_audience_set, gate=may("listing:write")
    )
