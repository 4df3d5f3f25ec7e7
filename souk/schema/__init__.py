"""The one schema: every domain's roots, joined."""

import strawberry
from strawberry.schema.config import StrawberryConfig

from ..engine.declare import Node, node_by_id, nodes_by_ids
from ..engine.scalars import SCALARS
from . import errors
from .audit import AuditQueries
from .dealer import DealerMutations, DealerQueries
from .listing import ListingQueries
from .note import NoteMutations
from .search import SearchQueries
from .ticket import TicketMutations, TicketQueries
from .user import UserMutations, UserQueries
from .viewer import ViewerQueries


@strawberry.type(description="What can be asked for.")
class Query(AuditQueries, DealerQueries, ListingQueries, SearchQueries, TicketQueries, UserQueries, ViewerQueries):
    node: Node | None = node_by_id()
    nodes: list[Node | None] | None = nodes_by_ids()


@strawberry.type(description="What can be changed; fields run one after the other, each in a transaction of its own.")
class Mutation(DealerMutations, NoteMutations, TicketMutations, UserMutations):
    pass


schema = strawberry.Schema(Query, Mutation, types=[*errors.TYPES], config=StrawberryConfig(scalar_map=SCALARS))
