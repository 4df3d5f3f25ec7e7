"""Plain Strawberry: typed resolvers over ORM rows, DataLoaders, its parser and validation caches, on bare Starlette."""

import json
import os
from base64 import b64decode
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from souk.rules import enums

from . import models
from .reads import Reader

TENANTS = {f"Bearer {token}": UUID(id) for token, id in json.loads(os.environ["PEERS_TENANTS"])}
DOCUMENTS: dict[str, str] = json.loads(os.environ["PEERS_DOCUMENTS"])

ListingStatus = strawberry.enum(enums.ListingStatus)
OfferStatus = strawberry.enum(enums.OfferStatus)
LeadStatus = strawberry.enum(enums.LeadStatus)
LeadSource = strawberry.enum(enums.LeadSource)


@strawberry.enum
class ListingOrder(StrEnum):
    NEWEST = "NEWEST"
    PRICE_DESC = "PRICE_DESC"


Text = NewType("Text", str)
SCALARS = {Text: strawberry.scalar(name="Text", serialize=lambda value: value, parse_value=lambda value: value)}
Info = strawberry.Info[Reader, None]


@strawberry.type
class Money:
    amount: Text
    currency_code: str


@strawberry.type
class Dealer:
    id: strawberry.ID
    name: str
    city: str | None


@strawberry.type
class User:
    name: str | None


@strawberry.type
class OfferEdge:
    node: "Offer"


@strawberry.type
class OfferConnection:
    edges: list[OfferEdge]


def edges(rows: list[models.Offer]) -> OfferConnection:
    return OfferConnection(edges=[OfferEdge(node=row) for row in rows])  # type: ignore[arg-type]


@strawberry.type
class Listing:
    id: strawberry.ID
    title: str
    price: Money | None
    status: ListingStatus
    city: str | None
    created_at: Text

    @strawberry.field
    async def dealer(self: models.Listing, info: Info) -> Dealer | None:
        return await info.context.dealers.load(self.dealer_id)  # type: ignore[return-value]

    @strawberry.field
    async def offers(self: models.Listing, info: Info, first: int = 20) -> OfferConnection:
        return edges(await info.context.offers(first).load(self.row_id))


@strawberry.type
class Offer:
    id: strawberry.ID
    amount: Money
    status: OfferStatus
    created_at: Text

    @strawberry.field
    async def proposer_user(self: models.Offer, info: Info) -> User | None:
        return await info.context.users.load(self.proposer_user_id) if self.proposer_user_id else None  # type: ignore[return-value]

    @strawberry.field
    async def listing(self: models.Offer, info: Info) -> Listing | None:
        return await info.context.listings.load(self.listing_id)  # type: ignore[return-value]


@strawberry.type
class Lead:
    id: strawberry.ID
    status: LeadStatus
    source: LeadSource
    created_at: Text

    @strawberry.field
    async def listing(self: models.Lead, info: Info) -> Listing | None:
        return await info.context.listings.load(self.listing_id)  # type: ignore[return-value]


@strawberry.type
class PageInfo:
    has_next_page: bool
    end_cursor: str | None


@strawberry.type
class Edge:
    cursor: str
    node: Listing


@strawberry.type
class LeadEdge:
    node: Lead


@strawberry.type
class Page:
    """A list as a root gives it; nothing is read before a field asks."""

    model: strawberry.Private[Any]
    status: strawberry.Private[list[Any] | None]
    order: strawberry.Private[str]
    first: strawberry.Private[int]
    after: strawberry.Private[str | None] = None
    found: strawberry.Private[list[Any] | None] = None

    async def rows(self, info: Info) -> list[Any]:
        if self.found is None:
            self.found = await info.context.page(self.model, self.status, self.order, self.first, self.after)
        return self.found

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        return await info.context.count(self.model, self.status)


@strawberry.type
class ListingPage(Page):
    @strawberry.field
    async def edges(self, info: Info) -> list[Edge]:
        rows = await self.rows(info)
        return [Edge(cursor=row.cursor, node=row) for row in rows[: self.first]]

    @strawberry.field
    async def page_info(self, info: Info) -> PageInfo:
        rows = await self.rows(info)
        shown = rows[: self.first]
        return PageInfo(has_next_page=len(rows) > len(shown), end_cursor=shown[-1].cursor if shown else None)


@strawberry.type
class OfferPage(Page):
    @strawberry.field
    async def edges(self, info: Info) -> list[OfferEdge]:
        return [OfferEdge(node=row) for row in (await self.rows(info))[: self.first]]


@strawberry.type
class LeadPage(Page):
    @strawberry.field
    async def edges(self, info: Info) -> list[LeadEdge]:
        return [LeadEdge(node=row) for row in (await self.rows(info))[: self.first]]


@strawberry.input
class ListingFilter:
    status: list[ListingStatus] | None = None


@strawberry.input
class OfferFilter:
    status: list[OfferStatus] | None = None


@strawberry.input
class LeadFilter:
    status: list[LeadStatus] | None = None


@strawberry.type
class Query:
    @strawberry.field
    async def listing(self, info: Info, id: strawberry.ID) -> Listing | None:
        return await info.context.listing(UUID(b64decode(id).removeprefix(b"Listing:").decode()))  # type: ignore[return-value]

    @strawberry.field
    def listings(
        self, filter: ListingFilter | None = None, order_by: ListingOrder = ListingOrder.NEWEST, first: int = 20,
        after: str | None = None,
    ) -> ListingPage:  # fmt: skip
        return ListingPage(
            model=models.Listing, status=filter and filter.status, order=order_by, first=first, after=after
        )

    @strawberry.field
    def offers(self, filter: OfferFilter | None = None, first: int = 20) -> OfferPage:
        return OfferPage(model=models.Offer, status=filter and filter.status, order="NEWEST", first=first)

    @strawberry.field
    def leads(self, filter: LeadFilter | None = None, first: int = 20) -> LeadPage:
        return LeadPage(model=models.Lead, status=filter and filter.status, order="NEWEST", first=first)


schema = strawberry.Schema(
    Query, extensions=[ParserCache(), ValidationCache()], config=StrawberryConfig(scalar_map=SCALARS)
)


async def answer(request: Request) -> Response:
    reader = Reader(TENANTS[request.headers["authorization"]])
    asked = orjson.loads(await request.body())
    try:
        result = await schema.execute(DOCUMENTS[asked["documentId"]], asked["variables"], context_value=reader)
    finally:
        await reader.close()
    assert not result.errors, result.errors
    return Response(orjson.dumps({"data": result.data}), media_type="application/graphql-response+json")


app = Starlette(routes=[Route("/graphql", answer, methods=["POST"])])
