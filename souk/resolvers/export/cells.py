"""The cells of a file: how a field of a list becomes one or two of them, who may read it, and how a value is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, inspect, null, select
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import False_
from sqlalchemy.sql.util import ClauseAdapter

from ...engine.scalars import write_time
from ...engine.symbols import Viewer, write_id
from ...models import Dealer, Sku, User
from ...permissions.base import Permission
from ...permissions.dealer import SeesDealer
from ...permissions.sku import SeesSku
from ...permissions.user import SeesUser
from ...rules.money import format_amount

Value = Callable[[Viewer], Any]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class Cell:
    """One column of the file. `values` are what is asked of the database, `shown` makes the cell of them where the first

    is not null; with `number` what it makes is a number, exact as text.
    """

    heading: str
    values: tuple[Value, ...]
    shown: Callable[..., Any] = _same
    number: bool = False


@dataclass(frozen=True)
class Field:
    """A field by its name in the schema, in one cell or two. `guard` says whose value is shown, `gate` who asks at all."""

    name: str
    cells: tuple[Cell, ...]
    guard: Permission[Any] | None = None
    gate: Permission[Any] | None = None

    def readable(self, viewer: Viewer) -> bool:
        """Whether there is a row at all whose value the role may read."""
        if self.gate is not None and not self.gate.admits(viewer.facts):
            return False
        return self.guard is None or not isinstance(self.guard.rows(viewer), False_)

    def asked(self, viewer: Viewer) -> list[ColumnElement[Any]]:
        """The values of its cells, null where the viewer may not read them."""
        found = [value(viewer) for cell in self.cells for value in cell.values]
        if self.guard is None:
            return found
        allowed = self.guard.rows(viewer)
        return [case((allowed, value), else_=null()) for value in found]


def of(attribute: Any) -> Value:
    return lambda _viewer: attribute


def plain(name: str, attribute: Any, guard: Permission[Any] | None = None, **more: Any) -> Field:
    return Field(name, (Cell(name, (of(attribute),), **more),), guard)


def number(name: str, attribute: Any, guard: Permission[Any] | None = None) -> Field:
    return plain(name, attribute, guard, number=True)


def time(name: str, attribute: Any, guard: Permission[Any] | None = None) -> Field:
    return Field(name, (Cell(name, (of(attribute),), write_time),), guard)


def money(name: str, minor: Any, currency: Any, guard: Permission[Any] | None = None) -> Field:
    """An exact decimal, and its currency beside it."""
    return amount(name, of(minor), of(currency), guard)


def amount(name: str, minor: Value, currency: Value, guard: Permission[Any] | None = None) -> Field:
    given = (minor, currency)
    code = Cell(f"{name}Currency", given, lambda _minor, code: code)
    return Field(name, (Cell(name, given, format_amount, number=True), code), guard)


def row_id(model: Any) -> Field:
    return Field("id", (Cell("id", (of(model.id),), _global(model)),))


def _global(model: Any) -> Callable[[Any], Any]:
    return lambda row_id: write_id(model.__name__, row_id)


def one(
    name: str, model: Any, key: Any, sees: Permission[Any], gate: Permission[Any] | None = None, text: str | None = None
) -> Field:
    """Another row, as far as the viewer sees it: its id and a text of it."""
    other = aliased(model)  # the list may itself be of this type, or be read beside it
    adapted = ClauseAdapter(inspect(other).selectable)

    def value(column: Any) -> Value:
        def asked(viewer: Viewer) -> Any:
            seen = adapted.traverse(sees.rows(viewer))
            there: Select[Any] = select(column).where(other.tenant_id == key.class_.tenant_id, other.id == key, seen)
            return there.scalar_subquery()

        return asked

    cells = [Cell(f"{name}Id", (value(other.id),), _global(model))]
    if text is not None:
        cells.append(Cell(f"{name}{text.capitalize()}", (value(getattr(other, text)),)))
    return Field(name, tuple(cells), gate=gate)


def dealer(name: str, key: Any) -> Field:
    return one(name, Dealer, key, SeesDealer(), text="name")


def sku(key: Any) -> Field:
    return one("sku", Sku, key, SeesSku(), SeesSku(), "code")


def user(name: str, key: Any) -> Field:
    return one(name, User, key, SeesUser())


def clock(model: Any) -> tuple[Field, ...]:
    return (
        time("createdAt", model.created_at),
        time("updatedAt", model.updated_at),
        number("version", model.version),
    )


def cells_of(fields: Sequence[Field]) -> list[Cell]:
    """The columns of the file."""
    return [cell for field in fields for cell in field.cells]


def shown(cells: Sequence[Cell], row: Sequence[Any]) -> list[Any]:
    """The cells of a row, from the values that its fields asked for: texts, whole numbers, booleans, null."""
    made, at = [], 0
    for cell in cells:
        values = row[at : at + len(cell.values)]
        at += len(values)
        made.append(None if values[0] is None else cell.shown(*values))
    return made
