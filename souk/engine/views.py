"""Types as views of rows: `view`, and what every schema needs of them: nodes with global ids, pages with cursors."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema
from strawberry.types.field import StrawberryField

from ..context import Info
from .batch import Page
from .guards import Gate
from .notes import NOTE, WEIGHT, Column, Embedded, GlobalIdOf, Read, Sealed, Totals, Value, note_of
from .rows import Shown
from .sql import columns_of
from .symbols import KNOWN_TYPES, GlobalId, write_id
from .witness import Place, Places

T = TypeVar("T")
COUNT_WEIGHT = 5  # a count reads up to 10,001 rows to tell one number


@dataclass(frozen=True, eq=False)
class View:
    """A GraphQL type that shows rows of a model; `node` reads one of them by its global id."""

    name: str
    model: Any
    node: Read | None
    gate: Gate | None


@dataclass(frozen=True)
class Ungated:
    """The root of a payload's reading: who may change a thing sees it as far as its rows go, whatever the gate."""


def view_of(schema: GraphQLSchema, name: str) -> View | None:
    """The view that a type of this schema is; a process may hold several schemas."""
    definition = getattr(schema.type_map.get(name), "extensions", {}).get("strawberry-definition")
    found: View | None = getattr(getattr(definition, "origin", None), "__dict__", {}).get("__view__")  # not a base's
    return found


def view(
    model: Any, node: Read | None = None, gate: Gate | None = None, description: str | None = None
) -> Callable[[type[T]], type[T]]:
    """Declare a GraphQL type as a view of a model's rows. Its name is the class's, its description the docstring.

    A field that is simply a column is described by the column (`mapped_column(doc=…)` or `comment=…`).
    """

    def declare(cls: type[T]) -> type[T]:
        name = cls.__name__
        _describe(cls, model)

        def is_type_of(obj: Any, info: Any) -> bool:
            return (
                obj.shown_as == name
                if isinstance(obj, Shown)
                else getattr(getattr(obj, "row_type", None), "model", None) is model
            )

        cls.is_type_of = staticmethod(is_type_of)  # type: ignore[attr-defined]
        made = strawberry.type(cls, description=description or (inspect.cleandoc(cls.__doc__) if cls.__doc__ else None))
        made.__view__ = View(name, model, node, gate)  # type: ignore[attr-defined]
        if node is not None:
            KNOWN_TYPES.add(name)
        return made

    return declare


def _describe(cls: type, model: Any) -> None:
    """Fields without a description take the one of the column they show."""
    columns = columns_of(model)

    def told(name: str) -> str | None:
        column = columns.get(name)
        return None if column is None else column.doc or column.comment

    for name in inspect.get_annotations(cls):
        declared = cls.__dict__.get(name)
        if declared is None and told(name):
            setattr(cls, name, strawberry.field(description=told(name)))
        elif isinstance(declared, StrawberryField) and not declared.description:
            match declared.metadata.get(NOTE):
                case Column(stored) | Totals(stored) | Embedded(stored) | Sealed(stored):
                    declared.description = told(stored)
                case Value(names):
                    declared.description = told(next(iter(names.values())))


def places(schema: GraphQLSchema) -> Places:
    """Where ciphertext lies that clients can be shown, by table and column."""
    found: Places = {}
    for name, type_ in schema.type_map.items():
        view = view_of(schema, name)
        if view is None or not isinstance(type_, GraphQLObjectType):
            continue
        for shown, field in type_.fields.items():
            note = note_of(field.extensions.get("strawberry-definition"))
            if isinstance(note, Sealed):
                whose = getattr(note.guard, "subject", None) or view.model.__name__
                found[(view.model.__tablename__, note.name)] = Place(f"{name}.{shown}", whose, note.guard)
    return found


_REFERRED: dict[tuple[View, str], Read] = {}


def referred(target: View, id_column: str) -> Read:
    """The node read of a type for a row that names the id in a column: a nested read like any other."""
    made = _REFERRED.get((target, id_column))
    if made is None:
        node = target.node
        assert node is not None

        def made(viewer: Any, row: Any) -> Any:
            return node(viewer, id=GlobalId(target.model.__name__, getattr(row, id_column)))

        _REFERRED[(target, id_column)] = made
    return made


# What every schema has --------------------------------------------------------------------------------------------


def _id(root: Any, info: Info) -> strawberry.ID:
    return strawberry.ID(write_id(info._raw_info.parent_type.name, root.id))


@strawberry.interface(description="Anything with a global id.")
class Node:
    id: strawberry.ID = strawberry.field(
        resolver=_id, metadata={NOTE: GlobalIdOf()}, description="The global id, opaque and stable for ever."
    )


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more rows follow in the direction of `first`.")
    has_previous_page: bool = strawberry.field(description="Whether rows come before the page.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first row; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last row; null on an empty page.")


@strawberry.type(description="One row of a list, with the cursor that continues after it.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Continues the list after this row, in the order it was asked for.")
    node: T = strawberry.field(description="The row.")


async def _edges(root: Any) -> Any:
    rows = await root.rows()
    return [Edge(cursor=root.order.cursor(row), node=root.shown(row)) for row in rows]


async def _nodes(root: Any) -> Any:
    return [root.shown(row) for row in await root.rows()]


async def _page_info(root: Any) -> PageInfo:
    page: Page = root
    rows = await page.rows()
    more, forward = page.has_more, not page.window.backward
    return PageInfo(
        has_next_page=more if forward else page.window.before is not None,
        has_previous_page=page.window.after is not None if forward else more,
        start_cursor=page.order.cursor(rows[0]) if rows else None,
        end_cursor=page.order.cursor(rows[-1]) if rows else None,
    )


async def _total_count(root: Any) -> int:
    count: int = await root.total()
    return count


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(resolver=_edges, description="The rows of the page with their cursors.")
    nodes: list[T] = strawberry.field(resolver=_nodes, description="The rows of the page.")
    page_info: PageInfo = strawberry.field(resolver=_page_info, description="Where the page lies in the list.")
    total_count: int = strawberry.field(
        resolver=_total_count,
        metadata={WEIGHT: COUNT_WEIGHT},
        description="Rows of the whole list, counted only when asked for and up to 10,001.",
    )
