"""Search as clients see it."""

import strawberry

from ..engine.declare import Node, reference, some
from ..permissions.search import FOUND
from ..resolvers import search as resolve
from ..resolvers.search import SHOWN, SearchType


@strawberry.type(description="Something that was found.")
class SearchResult:
    type: SearchType = strawberry.field(description="What it is.")
    rank: int = strawberry.field(description="How well it matches; higher is better, comparable within one search.")
    node: Node | None = reference(
        "type",
        "row_id",
        {
            "LISTING": "Listing",
            "DEALER": "Dealer",
            "SKU": "Sku",
            "COMPETITOR": "Competitor",
            "TICKET": "Ticket",
            "USER": "User",
        },
        description="The row, as its own type shows it.",
    )


@strawberry.type
class SearchQueries:
    search: list[SearchResult] | None = some(resolve.search, SHOWN, gate=FOUND["LISTING"][2], weight=10)
