"""The one schema: every domain's roots, joined."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from ..engine.declare import Node, node_by_id, nodes_by_ids
from ..engine.scalars import SCALARS
from . import errors
from .batch import EVENT_TYPES, BatchMutations, BatchQueries, BatchSubscriptions
from .dealer import DealerMutations, DealerQueries
from .listing import ListingQueries
from .user import UserMutations, UserQueries


@strawberry.type(description="What can be asked for.")
class Query(BatchQueries, DealerQueries, ListingQueries, UserQueries):
    node: Node | None = node_by_id()
    nodes: list[Node | None] | None = nodes_by_ids()


@strawberry.type(description="What can be changed; fields run one after the other, each in a transaction of its own.")
class Mutation(BatchMutations, DealerMutations, UserMutations):
    pass


@strawberry.type(description="What can be followed; each stream also as a query.")
class Subscription(BatchSubscriptions):
    pass


schema = strawberry.Schema(
    Query, Mutation, Subscription, types=[*errors.TYPES, *EVENT_TYPES], config=StrawberryConfig(scalar_map=SCALARS)
)
