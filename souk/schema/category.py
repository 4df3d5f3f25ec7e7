"""The taxonomy as clients see it."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Node, many, one, to_many, to_one, view
from ..engine.scalars import DateTime
from ..permissions.category import SeesCategory
from ..resolvers import category as resolve
from ..resolvers import listing as resolve_listing
from ..rules.enums import CategoryKind, CategoryPurpose

if TYPE_CHECKING:
    from .listing import Listing


@view(models.Category, node=resolve.category, gate=SeesCategory())
class Category(Node):
    """A place in the taxonomy of listings or tickets."""

    kind: CategoryKind
    name: str
    purpose: CategoryPurpose | None
    archived_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    parent: Annotated["Category", strawberry.lazy(".category")] | None = to_one(resolve.parent_of_category)
    children: Connection[Annotated["Category", strawberry.lazy(".category")]] = to_many(resolve.children_of_category)
    listings: Connection[Annotated["Listing", strawberry.lazy(".listing")]] = to_many(
        resolve_listing.listings_of_category
    )


@strawberry.type
class CategoryQueries:
    category: Category | None = one(resolve.category, gate=SeesCategory())
    categories: Connection[Category] | None = many(resolve.categories, gate=SeesCategory())
