"""Listings as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Money, Node, many, money, one, to_many, to_one, view
from ..engine.scalars import DateTime
from ..permissions.deal import SeesDeal
from ..permissions.lead import SeesLead
from ..permissions.listing import ModeratesListing, ReadsPrivate, SeesListing, WritesListing
from ..permissions.offer import SeesOffer
from ..resolvers import deal as resolve_deal
from ..resolvers import dealer as resolve_dealer
from ..resolvers import lead as resolve_lead
from ..resolvers import listing as resolve
from ..resolvers import offer as resolve_offer
from ..rules.enums import Fuel, ListingKind, ListingStatus, Visibility
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .deal import Deal
    from .dealer import Dealer
    from .lead import Lead
    from .offer import Offer


@view(models.VehicleDetail)
class VehicleDetail:
    """What only a vehicle has."""

    make: str | None
    model: str | None
    year: int | None
    km: int | None
    fuel: Fuel | None
    owners: int | None
    power_bhp_tenths: int | None
    mileage_kmpl_tenths: int | None


MOVES = {"listing:write": WritesListing(), "listing:moderate": ModeratesListing()}


@view(models.Listing, node=resolve.listing, gate=SeesListing())
class Listing(Node):
    """Something a dealer lists."""

    kind: ListingKind
    status: ListingStatus
    title: str
    description: str | None
    price: Money | None = money("price_minor")
    floor: Money | None = money("floor_minor", permission=ReadsPrivate())
    negotiable: bool
    visibility: Visibility
    city: str | None
    capacity: int | None
    expires_at: DateTime | None
    published_at: DateTime | None
    available_transitions: list[Transition] = transitions("Listing", MOVES)
    created_at: DateTime
    updated_at: DateTime
    version: int
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve_dealer.dealer_of_listing)
    vehicle: VehicleDetail | None = to_one(resolve.vehicle_of_listing)
    offers: Connection[Annotated["Offer", strawberry.lazy(".offer")]] | None = to_many(
        resolve_offer.offers_of_listing, gate=SeesOffer()
    )
    deals: Connection[Annotated["Deal", strawberry.lazy(".deal")]] | None = to_many(
        resolve_deal.deals_of_listing, gate=SeesDeal()
    )
    leads: Connection[Annotated["Lead", strawberry.lazy(".lead")]] | None = to_many(
        resolve_lead.leads_of_listing, gate=SeesLead()
    )


@strawberry.type
class ListingQueries:
    listing: Listing | None = one(resolve.listing, gate=SeesListing())
    listings: Connection[Listing] | None = many(resolve.listings, gate=SeesListing())
