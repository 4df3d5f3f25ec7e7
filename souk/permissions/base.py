"""The permission algebra: one question, two spellings, and the matrix that decides which of them is asked.

A permission names a row of the matrix (`permissions/roles.py`). The base class reads the role's cell: T covers what
`within` says, O what is one's `own`, S the same by scope, - nothing. A subclass writes only predicates, once for Python
and once for SQL; what it does not write is false, so that forgetting hides and never leaks.
"""

from functools import cache
from typing import Any, ClassVar, Generic, TypeVar

from graphql import GraphQLError
from sqlalchemy import ColumnElement, and_, false, or_, true

from ..rules.actor import Actor, Facts
from .roles import MATRIX, Cell

T = TypeVar("T")
KNOWN: dict[str, list["type[Permission[Any]]"]] = {}


def forbidden(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "FORBIDDEN", "retryable": False})


class Permission(Generic[T]):
    """Who may do what one row of the matrix covers.

    `allows(actor, row)` and `rows(viewer)` give the same answer; a test asks both of every row. `rows` is asked of a
    symbolic viewer: it may branch on `viewer.role`, `scopes`, `of_dealer` and `all_teams`, and compare columns with the rest.
    """

    name: ClassVar[str]
    model: ClassVar[Any] = None
    message: ClassVar[str] = "You may not see this."
    in_python: ClassVar[bool] = True
    """False where only the database can answer: `within` or `own` asks another table."""
    marked: ClassVar[bool] = False
    """Whether it guards the fields that an M of its row withholds; otherwise M covers what T covers."""
    subject: ClassVar[str | None] = None
    """The type whose row it speaks of, where the model is only a part of that row."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in cls.__dict__:
            if cls.name not in MATRIX:
                raise TypeError(f"{cls.__name__}: the matrix has no row {cls.name!r}.")
            KNOWN.setdefault(cls.name, []).append(cls)

    # What a subclass writes -------------------------------------------------------------------------------------------

    def within(self, actor: Actor, row: T) -> bool:
        """What T (and M, and S) covers; everything unless a permission narrows it."""
        return True

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return true()

    def owns(self, actor: Actor, row: T) -> bool:
        """What is one's own."""
        return False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return false()

    # The algebra ------------------------------------------------------------------------------------------------------

    def cell(self, facts: Facts) -> Cell:
        return MATRIX[self.name].cells[facts.role]

    def admits(self, facts: Facts) -> bool:
        """Whether the role may ask at all (the first of the four refusals)."""
        return MATRIX[self.name].admits(facts)

    def allows(self, actor: Actor, row: T) -> bool:
        facts = actor.facts
        if not self.admits(facts):
            return False
        match self.cell(facts).letter:
            case "O":
                return self.owns(actor, row)
            case "M" if self.marked:
                return self.owns(actor, row)
            case "S" if facts.of_dealer:
                return self.within(actor, row) and self.owns(actor, row)
        return self.within(actor, row)

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        facts: Facts = viewer.facts
        if not self.admits(facts):
            return false()
        match self.cell(facts).letter:
            case "O":
                return self.owned(viewer)
            case "M" if self.marked:
                return self.owned(viewer)
            case "S" if facts.of_dealer:
                return and_(self.within_rows(viewer), self.owned(viewer))
        return self.within_rows(viewer)

    def watched(self, facts: Facts) -> bool:
        """Whether opening what it guards is written down: not where the role only ever opens what is its own."""
        cell = self.cell(facts)
        return cell.letter != "O" or bool(cell.condition)

    def refusal(self) -> GraphQLError:
        error = forbidden(self.message)
        error.asks = self.asks  # type: ignore[attr-defined]
        return error

    def require(self, actor: Actor, row: T) -> None:
        if not self.allows(actor, row):
            raise self.refusal()

    @property
    def asks(self) -> str:
        """The row of the matrix it asks, for people and for the record of refusals."""
        return self.name

    def __or__(self, other: "Permission[Any]") -> "AnyOf":
        return AnyOf(self, other)


class AnyOf(Permission[Any]):
    """Several permissions of which one is enough."""

    def __init__(self, *parts: Permission[Any]) -> None:
        self.parts = parts
        self.in_python = all(part.in_python for part in parts)  # type: ignore[misc]
        self.message = parts[0].message  # type: ignore[misc]
        self.model = next((part.model for part in parts if part.model is not None), None)  # type: ignore[misc]

    @property
    def asks(self) -> str:
        return " or ".join(part.asks for part in self.parts)

    def admits(self, facts: Facts) -> bool:
        return any(part.admits(facts) for part in self.parts)

    def allows(self, actor: Actor, row: Any) -> bool:
        return any(part.allows(actor, row) for part in self.parts)

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        return or_(false(), *(part.rows(viewer) for part in self.parts))

    def watched(self, facts: Facts) -> bool:
        return all(part.watched(facts) for part in self.parts if part.admits(facts))

    def __or__(self, other: Permission[Any]) -> "AnyOf":
        return AnyOf(*self.parts, other)


class _Gate(Permission[Any]):
    message: ClassVar[str] = "You may not do this."


@cache
def may(name: str) -> Permission[Any]:
    """A permission that asks no row: the role's cell alone decides; where it is O, the act itself narrows to one's own."""
    if name not in MATRIX:
        raise TypeError(f"The matrix has no row {name!r}.")
    made: Permission[Any] = type("May", (_Gate,), {"name": name})()
    return made
