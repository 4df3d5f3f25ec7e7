"""From a SQLAlchemy clause to text with `$1` parameters, piece by piece, all pieces sharing one list of parameters."""

import re
from collections.abc import Callable, Iterable
from enum import Enum
from functools import cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import BindParameter, ClauseElement, ColumnElement, Select, inspect, literal_column
from sqlalchemy.dialects.postgresql import JSONB, asyncpg
from sqlalchemy.sql.elements import True_
from sqlalchemy.types import TypeEngine
from sqlalchemy.util import LRUCache

from ..rules.actor import Actor
from .symbols import Getter, Later, getter

DIALECT: Any = asyncpg.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
DIALECT._backslash_escapes = False
COMPILED: Any = LRUCache(1_000, threshold=0.05)  # some 30 KB each: half as many more before it forgets would be 15 MB
_PLACE = re.compile(r"%%|%\((\w+)\)s(::[A-Z ]+(?:\[\])*)?")
_WORD = re.compile(r"[A-Z][A-Z_]{0,40}")


class Parameters:
    """The positional parameters of one statement, each with the way to its value."""

    def __init__(self, constants: bool = True) -> None:
        self.constants = constants  # write harmless constants out: yes in a plan, no in a statement for one request
        self.getters: list[Getter] = []
        self.checks: list[Getter] = []  # values that must be good although no text uses them
        self._places: dict[Any, str] = {}

    def place(self, value: Any, type_: TypeEngine[Any]) -> str:
        """`$n`, or a harmless constant written out, so that the planner sees it."""
        if isinstance(value, Later):
            if value.key not in self._places:
                self._places[value.key] = self._add(value.get)
            return self._places[value.key]
        if self.constants:
            if isinstance(value, Enum | str) and _WORD.fullmatch(str(value)):
                return f"'{value}'"
            if isinstance(value, int) and not isinstance(value, bool):
                return str(value)
        if isinstance(type_, JSONB) and not isinstance(value, str):
            value = orjson.dumps(value).decode()
        return self._add(lambda actor, variables: value)

    def _add(self, get: Getter) -> str:
        self.getters.append(get)
        return f"${len(self.getters)}"

    def render(self, clause: ClauseElement) -> str:
        # as SQLAlchemy runs a statement itself: compiled once for all clauses that differ in values only
        compiled, given, _, _ = clause._compile_w_cache(DIALECT, compiled_cache=COMPILED, column_keys=[])
        if "POSTCOMPILE" in compiled.string:
            raise TypeError("in_() makes a statement per length: use among().")
        values: Any = compiled.construct_params(extracted_parameters=given)
        binds: dict[str, BindParameter[Any]] = compiled.binds  # type: ignore[attr-defined]

        def placed(match: re.Match[str]) -> str:
            name = match[1]
            return self.place(values[name], binds[name].type) + (match[2] or "") if name else "%"

        return _PLACE.sub(placed, compiled.string)

    def check_dropped(self, made: Iterable[BindParameter[Any]]) -> None:
        """Values that the statement does not use must be good all the same: the other road looks at each of them."""
        self.checks += [getter(each) for each in made if each.key not in self._places]

    def bind(self, actor: Actor, variables: dict[str, Any]) -> list[Any]:
        for check in self.checks:
            check(actor, variables)
        return [get(actor, variables) for get in self.getters]


# What a read selects from -----------------------------------------------------------------------------------------


class Stored(NamedTuple):
    """How a value is kept: its type, and whether it can be null."""

    type: TypeEngine[Any]
    nullable: bool


@cache
def columns_of(model: Any) -> dict[str, Any]:
    """The attributes of a model that are columns."""
    return {attribute.key: attribute.columns[0] for attribute in inspect(model).mapper.column_attrs}


class Source:
    """The columns a read offers: those of its model, or the labelled expressions it selects (sums, counts)."""

    def __init__(self, read: Select[Any]) -> None:
        first = read.column_descriptions[0]
        self.entity: Any = first["entity"] if first["expr"] is first.get("entity") else None
        self.model: Any = inspect(self.entity).mapper.class_ if self.entity is not None else None
        self._selected: dict[str, Any] = (
            {} if self.model else {str(column.key): column for column in read.selected_columns}
        )
        self.names: tuple[str, ...] = tuple(columns_of(self.model) if self.model else self._selected)

    def clause(self, name: str) -> ColumnElement[Any]:
        found: ColumnElement[Any] = (
            getattr(self.entity, name) if self.model else getattr(self._selected[name], "element", self._selected[name])
        )
        return found

    def stored(self, name: str) -> Stored:
        if self.model:
            column = columns_of(self.model)[name]
            return Stored(column.type, bool(column.nullable))
        return Stored(self._selected[name].type, True)

    def inside(self) -> Any:
        """The row as an expression inside the read sees it."""
        return self.entity if self.model else _Clauses(self.clause)


class _Clauses:
    def __init__(self, clause: Callable[[str], Any]) -> None:
        self._clause = clause

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._clause(name)


def model_of(read: Select[Any]) -> Any:
    """The model whose rows the read gives, or None."""
    return Source(read).model


FEW = 10
"""Of so many rows the planner looks up what belongs to them by itself."""


class Scope:
    """The rows of one read under an alias: what is selected inside is what was asked for outside. `few` are at most `FEW`."""

    def __init__(self, alias: str, read: Select[Any], parameters: Parameters, few: bool = False) -> None:
        self.alias, self.read, self.parameters, self.few = alias, read, parameters, few
        self.source = Source(read)
        self.joins: list[str] = []
        self._inner: dict[str, ColumnElement[Any]] = {}
        self.row = Row(self)
        self.inside = self.source.inside()

    def column(self, name: str) -> str:
        if name not in self._inner:
            if name not in self.source.names:
                raise TypeError(f"{self.source.model or 'This read'} has no column {name}")
            self._inner[name] = self.source.clause(name)
        return f"{self.alias}.{name}"

    def expression(self, clause: ColumnElement[Any]) -> str:
        """Something computed beside the row, where its table is still in sight."""
        name = f"_x{len(self._inner)}"
        self._inner[name] = clause
        return f"{self.alias}.{name}"

    def stored(self, name: str) -> Stored:
        return self.source.stored(name)

    def inner(self, read: Select[Any] | None = None) -> str:
        columns = [clause.label(name) for name, clause in self._inner.items()]
        found = (self.read if read is None else read).with_only_columns(*columns, maintain_column_froms=True)
        return self.parameters.render(found)

    def rows(self, read: Select[Any] | None = None, tail: str = "") -> str:
        return f"({self.inner(read)}{tail}) {self.alias} {' '.join(self.joins)}".rstrip()


class Row:
    """A row of an enclosing statement as nested reads see it: attributes are its columns, noted when used."""

    def __init__(self, scope: Any) -> None:
        self._scope = scope

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return literal_column(self._scope.column(name), self._scope.stored(name).type)


class Renamed:
    """The columns of a scope under the names of a value object (Money's minor is the listing's price_minor)."""

    def __init__(self, scope: Any, names: dict[str, str]) -> None:
        self._scope, self._names = scope, names
        self.row = Row(self)
        self.inside = _Clauses(lambda name: getattr(scope.inside, names[name]))

    def column(self, name: str) -> str:
        text: str = self._scope.column(self._names[name])
        return text

    def stored(self, name: str) -> Stored:
        found: Stored = self._scope.stored(self._names[name])
        # where the first is null there is no object: inside it is known to be there
        return found._replace(nullable=False) if name == next(iter(self._names)) else found

    def expression(self, clause: ColumnElement[Any]) -> str:
        text: str = self._scope.expression(clause)
        return text


class Texts:
    """Values that stand outside any table, each a SQL text with its type: a jsonb document, an element of a list."""

    def __init__(self, parameters: Parameters, text: Callable[[str], tuple[str, TypeEngine[Any]]]) -> None:
        self.parameters, self._text = parameters, text
        self.row = self.inside = Row(self)

    def column(self, name: str) -> str:
        return self._text(name)[0]

    def stored(self, name: str) -> Stored:
        return Stored(self._text(name)[1], True)

    def expression(self, clause: ColumnElement[Any]) -> str:
        return f"({self.parameters.render(clause)})"


def rows_only(read: Select[Any]) -> Select[Any]:
    """The same rows for counting, without a column: `SELECT FROM …`, one step less for each."""
    assert not read._distinct, "rows without columns are all alike"
    return read.order_by(None).with_only_columns(literal_column(""), maintain_column_froms=True)


def always(rule: ClauseElement) -> bool:
    """Whether a condition is true whatever the row: `or` and `and` of such are not simplified by SQLAlchemy."""
    return isinstance(rule, True_) or str(rule.compile(dialect=DIALECT)) == "true"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
