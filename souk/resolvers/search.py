"""Search over everything at once: the best rows whose words one may read."""

from typing import Annotated, Any

import strawberry
from sqlalchemy import Integer, Select, and_, case, cast, false, func, or_, select

from ..engine.symbols import Viewer
from ..permissions.search import FOUND, readable
from ..rules.enums import Described
from .enums import known
from .finding import hits, says_something

SHOWN = 50


@known
class SearchType(Described):
    """What can be found."""

    LISTING = "LISTING", "Listings, by title and city."
    DEALER = "DEALER", "Dealers, by name and city."
    SKU = "SKU", "SKUs, by code, name and brand."
    COMPETITOR = "COMPETITOR", "Competitors, by name and domain."
    TICKET = "TICKET", "Tickets, by headline, text and comments that one may read."
    USER = "USER", "People, by name where one may read it."


Words = Annotated[str, strawberry.argument(description="What to look for, as one types it into a search box.")]
Types = Annotated[
    list[SearchType] | None, strawberry.argument(description="Only these kinds of things; by default everything.")
]


def search(viewer: Viewer, query: Words, types: Types = None) -> Select[*tuple[Any, ...]]:
    """The best 50 rows with these words, as the viewer may read them; words in quotes stand together, `-word` excludes."""
    wanted = set(types if types is not None else SearchType)
    kinds = [
        kind for kind, (type_, _, permission) in FOUND.items() if type_ in wanted and permission.admits(viewer.facts)
    ]
    found = hits(query, *kinds)
    type_ = case((found.c.kind == "TICKET_INTERNAL", "TICKET"), else_=found.c.kind).label("type")
    read = (and_(found.c.kind == kind, readable(viewer, kind, found.c.id)) for kind in kinds)
    hit = select(type_, found.c.id, found.c.rank).where(says_something(query), or_(false(), *read)).subquery()
    rank = cast(func.max(hit.c.rank) * 1_000_000, Integer).label("rank")
    best = select(hit.c.type, hit.c.id.label("row_id"), rank).group_by(hit.c.type, hit.c.id).subquery()
    return select(best.c.type, best.c.row_id, best.c.rank).order_by(best.c.rank.desc(), best.c.row_id.desc())
