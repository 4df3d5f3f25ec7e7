"""The taxonomy of listings and tickets."""

from collections.abc import Iterator

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, key
from ..models import Category, Listing
from ..permissions.category import SeesCategory
from ..rules.enums import CategoryKind
from .filters import conditions, refers_or_not


@strawberry.input(description="Conditions on categories; all must hold.")
class CategoryFilter:
    kind: strawberry.Maybe[CategoryKind] = strawberry.field(description="That sort this.")
    parent_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Directly below this category; null for those at the top."
    )
    archived: strawberry.Maybe[bool] = strawberry.field(description="Put away, or still in use.")
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(description="Changed at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield Category.kind == self.kind.value
        if self.parent_id:
            yield refers_or_not(Category.parent_id, self.parent_id.value, Category)
        if self.archived:
            yield Category.archived_at.is_not(None) if self.archived.value else Category.archived_at.is_(None)
        if self.updated_since:
            yield Category.updated_at >= self.updated_since.value


def categories(viewer: Viewer, filter: CategoryFilter | None = None) -> Select[Category]:
    """Categories, by name."""
    found = select(Category).where(SeesCategory().rows(viewer), *conditions(filter, viewer))
    return found.order_by(Category.name)


def category(viewer: Viewer, id: strawberry.ID) -> Select[Category]:
    """One category by its id."""
    return select(Category).where(Category.id == key(id, Category), SeesCategory().rows(viewer))


def category_of_listing(viewer: Viewer, listing: Listing) -> Select[Category]:
    """Its place in the taxonomy."""
    return select(Category).where(Category.id == listing.category_id, SeesCategory().rows(viewer))


def parent_of_category(viewer: Viewer, category: Category) -> Select[Category]:
    """The category above it; null at the top."""
    return select(Category).where(Category.id == category.parent_id, SeesCategory().rows(viewer))


def children_of_category(viewer: Viewer, category: Category, filter: CategoryFilter | None = None) -> Select[Category]:
    """The categories directly below it, by name."""
    return categories(viewer, filter).where(Category.parent_id == category.id)
