"""The one schema: every domain's roots, joined."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from ..engine.check import check_schema
from ..engine.declare import Node, node_by_id, nodes_by_ids
from ..engine.scalars import SCALARS
from . import errors
from .alert import AlertMutations, AlertQueries
from .category import CategoryQueries
from .competitor import CompetitorMutations, CompetitorQueries
from .dealer import DealerMutations, DealerQueries
from .listing import ListingMutations, ListingQueries
from .policy import PricePolicyMutations, PricePolicyQueries
from .sku import SkuMutations, SkuQueries
from .task import TaskMutations, TaskQueries
from .user import UserMutations, UserQueries


@strawberry.type(description="What can be asked for.")
class Query(
    AlertQueries,
    CategoryQueries,
    CompetitorQueries,
    DealerQueries,
    ListingQueries,
    PricePolicyQueries,
    SkuQueries,
    TaskQueries,
    UserQueries,
):
    node: Node | None = node_by_id()
    nodes: list[Node | None] | None = nodes_by_ids()


@strawberry.type(description="What can be changed; fields run one after the other, each in a transaction of its own.")
class Mutation(
    AlertMutations,
    CompetitorMutations,
    DealerMutations,
    ListingMutations,
    PricePolicyMutations,
    SkuMutations,
    TaskMutations,
    UserMutations,
):
    pass


schema = strawberry.Schema(Query, Mutation, types=[*errors.TYPES], config=StrawberryConfig(scalar_map=SCALARS))
check_schema(schema)
