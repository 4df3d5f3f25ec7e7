"""The one schema: every domain's roots, joined."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from ..engine.check import check_schema
from ..engine.declare import Node, node_by_id, nodes_by_ids
from ..engine.scalars import SCALARS
from . import errors
from .category import CategoryQueries
from .competitor import CompetitorMutations, CompetitorQueries
from .deal import DealQueries
from .dealer import DealerMutations, DealerQueries
from .lead import LeadMutations, LeadQueries
from .listing import ListingMutations, ListingQueries
from .offer import OfferMutations, OfferQueries
from .sku import SkuMutations, SkuQueries
from .user import UserMutations, UserQueries


@strawberry.type(description="What can be asked for.")
class Query(
    CategoryQueries,
    CompetitorQueries,
    DealQueries,
    DealerQueries,
    LeadQueries,
    ListingQueries,
    OfferQueries,
    SkuQueries,
    UserQueries,
):
    node: Node | None = node_by_id()
    nodes: list[Node | None] | None = nodes_by_ids()


@strawberry.type(description="What can be changed; fields run one after the other, each in a transaction of its own.")
class Mutation(
    CompetitorMutations,
    DealerMutations,
    LeadMutations,
    ListingMutations,
    OfferMutations,
    SkuMutations,
    UserMutations,
):
    pass


schema = strawberry.Schema(Query, Mutation, types=[*errors.TYPES], config=StrawberryConfig(scalar_map=SCALARS))
check_schema(schema)
