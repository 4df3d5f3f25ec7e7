"""Listings as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Money, Node, many, money, one, to_one, view
from ..engine.scalars import DateTime
from ..permissions.listing import ModeratesListing, ReadsPrivate, SeesListing, WritesListing
from ..resolvers import dealer as resolve_dealer
from ..resolvers import listing as resolve
from ..rules.enums import Fuel, ListingKind, ListingStatus, Visibility
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .dealer import Dealer


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


@strawberry.type
class ListingQueries:
    listing: Listing | None = one(resolve.listing, gate=SeesListing())
    listings: Connection[Listing] | None = many(resolve.listings, gate=SeesListing())
