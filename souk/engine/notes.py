"""What a field means, as the words of `declare` leave it on the field for the compiler and for the check of the schema."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select

from .guards import Gate, Guard

NOTE, GATE, REFUSED, WEIGHT = "read", "gate", "refused", "weight"
Read = Callable[..., Select[Any]]


@dataclass(frozen=True, eq=False)
class By:
    """Rows shown as one of several types, named by a column; a value without a type is shown as null."""

    column: str
    types: Mapping[str, str]

    def type_of(self, row: Any) -> str | None:
        value = getattr(row, self.column)
        return None if value is None else self.types.get(str(value))


@dataclass(frozen=True)
class Column:
    name: str
    guard: Guard | None = None


@dataclass(frozen=True)
class Value:
    names: dict[str, str]
    guard: Guard | None


@dataclass(frozen=True)
class Totals:
    name: str
    guard: Guard | None


@dataclass(frozen=True)
class Embedded:
    name: str
    guard: Guard | None


@dataclass(frozen=True)
class Sealed:
    name: str
    guard: Guard


@dataclass(frozen=True)
class Computed:
    """`sql(viewer, row)` is SQL beside the row; `python(actor, row)` the same in Python, or None when only SQL can.

    It is null where one of the columns `of` is, and nowhere else; where none is named, it may be null anywhere.
    """

    sql: Callable[[Any, Any], Any]
    python: Callable[[Any, Any], Any] | None
    guard: Guard | None
    of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Documents:
    """`sql(viewer, row)` is a jsonb document, or an array of them, made beside the row."""

    sql: Callable[[Any, Any], Any]
    guard: Guard | None


@dataclass(frozen=True)
class Either:
    """The first case whose guard allows shows the row; the last has no guard."""

    cases: tuple[tuple[Guard | None, str], ...]


@dataclass(frozen=True)
class Variants:
    by: By


@dataclass(frozen=True)
class Reference:
    type_column: str
    id_column: str
    types: Mapping[str, str]


@dataclass(frozen=True)
class One:
    read: Read
    gate: Gate | None
    by: By | None


@dataclass(frozen=True)
class Many:
    read: Read
    gate: Gate | None
    by: By | None


@dataclass(frozen=True)
class Rows:
    read: Read
    gate: Gate | None
    by: By | None
    limit: int


@dataclass(frozen=True)
class Payload:
    name: str


@dataclass(frozen=True)
class Stream:
    read: Read
    gate: Gate | None
    by: By | None
    seq: str


@dataclass(frozen=True)
class Constant:
    function: Callable[[], Any]
    gate: Gate


class GlobalIdOf:
    pass


class NodeById:
    pass


class NodesByIds:
    pass


def name_of(type_: type | str) -> str:
    """The GraphQL name of a type, given itself or, to avoid an import, by name."""
    return type_ if isinstance(type_, str) else type_.__name__


def note_of(declared: Any) -> Any:
    """The note on a Strawberry field; a field without resolver is the column of its name."""
    if declared is None:
        return None
    return declared.metadata.get(NOTE) or (None if declared.base_resolver else Column(declared.python_name))


def guards_of(note: Any) -> list[Guard]:
    match note:
        case Either(cases):
            return [guard for guard, _ in cases if guard]
        case Column() | Value() | Totals() | Embedded() | Sealed() | Computed() | Documents():
            return [note.guard] if note.guard else []
    return []
