"""The small market as clients see it: every word of the engine occurs."""

from types import SimpleNamespace
from typing import Annotated, Any, Optional
from uuid import UUID

import strawberry
from sqlalchemy import case, func, literal, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import aliased
from strawberry.schema.config import StrawberryConfig

from souk.engine import declare as d
from souk.engine.declare import By, Connection, Info, Money, Node, own, view
from souk.engine.scalars import JSON, SCALARS, BigInt, Date, DateTime
from souk.engine.symbols import read_id

from . import models, permissions, reads
from .permissions import EVERYBODY, NOT_PUBLIC, ONLY_STAFF
from .reads import ListingStatus, OfferStatus


@strawberry.type(description="Something broken.")
class Damage:
    part: str = strawberry.field(description="Which part.")
    severity: ListingStatus | None = strawberry.field(description="How bad.")
    cost: Money | None = strawberry.field(description="What mending costs.")
    at: DateTime | None = strawberry.field(description="When.")
    photos: list[str] | None = strawberry.field(description="Pictures.")
    hidden: bool | None = strawberry.field(description="Whether one sees it.")
    count: int | None = d.column("n", description="How many.")
    big: BigInt | None = strawberry.field(description="A large number.")
    inner: "Damage | None" = strawberry.field(description="What is broken in it.")
    raw: JSON | None = strawberry.field(description="Whatever.")


def cars_of(dealer: Any) -> Any:
    """`[{"text": title}]`, as jsonb."""
    cars = aliased(models.Listing)
    line = func.jsonb_build_object("text", cars.title, type_=JSONB)
    lines = func.jsonb_agg(aggregate_order_by(line, cars.created_at, cars.id), type_=JSONB)
    found = select(func.coalesce(lines, literal_column("'[]'::jsonb"), type_=JSONB))
    return found.where(
        cars.tenant_id == dealer.tenant_id, cars.dealer_id == dealer.id, cars.kind == "CAR"
    ).scalar_subquery()


def newest_car_of(dealer: Any) -> Any:
    cars = aliased(models.Listing)
    found = (
        select(func.jsonb_build_object("text", cars.title, type_=JSONB))
        .order_by(cars.created_at.desc(), cars.id.desc())
        .limit(1)
    )
    return found.where(
        cars.tenant_id == dealer.tenant_id, cars.dealer_id == dealer.id, cars.kind == "CAR"
    ).scalar_subquery()


@view(models.Dealer, node=reads.dealer, gate=EVERYBODY)
class Dealer(Node):
    """Who sells."""

    name: str
    city: str | None
    verified: bool
    opened_on: Date | None
    listings: Connection["Listing"] = d.to_many(reads.listings_of_dealer)
    active: int = d.computed(
        sql=lambda dealer: (
            select(func.count())
            .where(models.Listing.dealer_id == dealer.id, models.Listing.status == "ACTIVE")
            .scalar_subquery()
        ),
        description="How many of its listings are active.",
    )
    cars: list["Line"] = d.documents(sql=lambda dealer: cars_of(dealer), description="Its cars, oldest first.")
    newest_car: Optional["Line"] = d.documents(sql=lambda dealer: newest_car_of(dealer), description="Its newest car.")


@view(models.Buyer, node=reads.buyer, gate=NOT_PUBLIC)
class Buyer(Node):
    """Who buys."""

    name: str
    email: str | None = d.column("email", permissions.SeesEmail())
    phone: str | None = d.sealed("phone", permissions.CallsBuyer())


@view(models.Listing)
class CarDetail:
    """What is particular of a car."""

    year: int
    damages: list[Damage] = d.embedded("damages")


@view(models.Listing)
class PartDetail:
    """What is particular of a part."""

    title: str
    tags: list[str]


ListingDetail = Annotated[
    CarDetail | PartDetail, strawberry.union("ListingDetail", description="What is particular, by kind.")
]


@view(models.Listing, node=reads.listing, gate=EVERYBODY)
class Listing(Node):
    """What is for sale."""

    title: str
    description: str | None
    year: int
    status: ListingStatus
    views: BigInt
    created_at: DateTime
    tags: list[str]
    marks: list[ListingStatus] | None
    extra: JSON | None
    details: Damage | None = d.embedded("details")
    damages: list[Damage] = d.embedded("damages")
    secret_damages: list[Damage] | None = d.embedded("damages", permissions.SeesFloor())
    earned: list[Money] = d.totals("earned")
    price: Money = d.money("price_minor")
    floor: Money | None = d.money("floor_minor", "currency", permissions.SeesFloor())
    detail: ListingDetail | None = d.variants(
        "kind", {"CAR": CarDetail, "PART": "PartDetail"}, description="What is particular."
    )
    dealer: Dealer = d.to_one(reads.dealer_of_listing)
    offers: Connection["Offer"] = d.to_many(reads.offers_of_listing)
    guarded_offers: Connection["Offer"] | None = d.to_many(reads.offers_of_listing, gate=ONLY_STAFF)
    top: list["Offer"] = d.to_list(reads.top_offers, 3)
    events: list[Annotated["Event", strawberry.lazy(".schema")]] = d.to_list(
        reads.events_of_listing, 5, variants=By("kind", {"MOVED": "Moved", "LOGGED": "Logged"})
    )
    mine: bool = d.computed(
        python=lambda actor, row: row.dealer_id == actor.dealer_id,
        sql=lambda viewer, row: func.coalesce(row.dealer_id == viewer.dealer_id, False),
        description="Whether it is the viewer's.",
    )


@view(models.Offer)
class BuyerContactOpen:
    """Everything."""

    listing: Listing = d.to_one(
        reads.listing_of_offer
    )  # not null, although a buyer cannot see a draft: the null must bubble
    buyer: Buyer | None = d.to_one(reads.buyer_of_offer)
    note: str | None


@view(models.Offer)
class BuyerContactHalf:
    """A known party."""

    note: str | None


@view(models.Offer)
class BuyerContactLocked:
    """Nothing yet."""

    reason: str = d.computed(
        python=lambda actor, row: "MASKED" if row.status == "OPEN" else "NOT_ACCEPTED",
        sql=lambda viewer, row: d_case(row.status == "OPEN", "MASKED", "NOT_ACCEPTED"),
        description="Why.",
    )
    constant: str = d.computed(
        python=lambda row: 'a "word"', sql=lambda row: 'a "word"', description="Always the same."
    )
    status: OfferStatus


def d_case(when: Any, then: str, otherwise: str) -> Any:

    return case((when, literal(then)), else_=literal(otherwise))


BuyerContact = Annotated[
    BuyerContactOpen | BuyerContactLocked, strawberry.union("BuyerContact", description="Open or not.")
]
PartyContact = Annotated[
    BuyerContactOpen | BuyerContactHalf | BuyerContactLocked,
    strawberry.union("PartyContact", description="Open, half, or not."),
]


@view(models.Offer, node=reads.offer, gate=NOT_PUBLIC)
class Offer(Node):
    """A price somebody would pay."""

    status: OfferStatus
    note: str | None
    created_at: DateTime
    amount: Money = d.money("amount_minor")
    listing: Listing | None = d.to_one(reads.listing_of_offer)
    buyer: Buyer | None = d.to_one(reads.buyer_of_offer)
    contact: BuyerContact = d.either(
        permissions.OpensContact(), BuyerContactOpen, BuyerContactLocked, description="Who it is."
    )
    party: PartyContact = d.either(
        (permissions.OpensContact(), BuyerContactOpen),
        (permissions.KnowsParty(), BuyerContactHalf),
        otherwise=BuyerContactLocked,
        description="Who it is, in three steps.",
    )


Subject = Annotated[Listing | Offer | Dealer, strawberry.union("Subject", description="What an event is about.")]


@strawberry.interface(description="Something that happened.")
class Event:
    seq: BigInt = strawberry.field(description="Dense from 1.")
    at: DateTime = d.column("created_at", description="When.")
    subject: Subject | None = d.reference(
        "subject_type",
        "subject_id",
        {"LISTING": "Listing", "OFFER": Offer, "Dealer": "Dealer"},
        description="What it is about.",
    )


@view(models.Event)
class Moved(Event):
    """The status changed."""

    moved_from: ListingStatus | None


@strawberry.type(description="One line of a log.")
class Line:
    text: str = strawberry.field(description="What.")


@view(models.Event)
class Logged(Event):
    """Something was written down."""

    lines: list[Line] | None = d.embedded("lines")


@strawberry.type(description="How many listings are in a status.")
class Statistic:
    status: ListingStatus = strawberry.field(description="The status.")
    listings: int = strawberry.field(description="How many.")
    years: BigInt | None = strawberry.field(description="Their years, added up.")


BY_KIND = By("kind", {"MOVED": Moved.__name__, "LOGGED": Logged.__name__})


@strawberry.type(description="What can be asked.")
class Query:
    node: Node | None = d.node_by_id()
    nodes: list[Node | None] = d.nodes_by_ids()
    listing: Listing | None = d.one(reads.listing, gate=EVERYBODY)
    listings: Connection[Listing] | None = d.many(reads.listings, gate=EVERYBODY)
    offers: Connection[Offer] | None = d.many(reads.offers, gate=NOT_PUBLIC)
    buyer: Buyer | None = d.one(reads.buyer, gate=ONLY_STAFF)
    me: Buyer | None = d.one(reads.me, gate=own)
    events: Connection[Event] | None = d.many(reads.events, gate=EVERYBODY, variants=BY_KIND)
    statistics: list[Statistic] | None = d.some(reads.statistics, gate=EVERYBODY)


@strawberry.input(description="How to sell.")
class ListingSellInput:
    id: strawberry.ID = strawberry.field(description="Which.")
    title: str | None = strawberry.field(default=None, description="A new headline.")


@strawberry.type(description="What was sold.")
class ListingSellPayload:
    listing: Listing | None = d.payload_node("listing_id", description="The listing.")
    user_errors: list[str] = strawberry.field(description="What was wrong.")


async def listing_sell(info: Info, input: ListingSellInput) -> Any:
    """Sell a listing."""
    found = read_id(input.id)
    if found is None:
        return SimpleNamespace(listing_id=None, user_errors=["NOT_FOUND"])
    await info.context.db(found.row_id, input.title)
    return SimpleNamespace(listing_id=UUID(str(found.row_id)), user_errors=[])


@strawberry.type(description="What can be done.")
class Mutation:
    listing_sell: ListingSellPayload | None = d.mutation(listing_sell, gate=NOT_PUBLIC)


@strawberry.type(description="What can be followed.")
class Subscription:
    listing_events: Event = d.stream(reads.listing_events, gate=EVERYBODY, variants=BY_KIND)


schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[Dealer, Buyer, Listing, Offer, Moved, Logged],
    config=StrawberryConfig(scalar_map=SCALARS),
)
