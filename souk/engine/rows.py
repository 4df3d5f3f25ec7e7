"""Rows on the batched road: plain slotted objects with the columns of their model, and nothing else."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import orjson
from sqlalchemy import literal_column
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from .sql import DIALECT, Source, columns_of


class RowType:
    """How records become rows of one read: the class, its columns with their types, the jsonb among them."""

    def __init__(self, name: str, model: Any, types: dict[str, TypeEngine[Any]]) -> None:
        self.model, self.types = model, types
        self.names = tuple(types)
        names = ", ".join(self.names)
        body = f"def __init__(self, {names}):\n" + "".join(f"  self.{each} = {each}\n" for each in self.names)
        scope: dict[str, Any] = {}
        exec(body, scope)  # an ORM instance costs six times as much
        self.make: Callable[..., Any] = type(
            name, (), {"__slots__": self.names, "__init__": scope["__init__"], "row_type": self}
        )
        self._documents = [at for at, each in enumerate(self.names) if isinstance(types[each], JSONB)]

    def __call__(self, values: Sequence[Any]) -> Any:
        if self._documents:
            values = list(values)
            for at in self._documents:
                if isinstance(values[at], str):
                    values[at] = orjson.loads(values[at])
        return self.make(*values)


@cache
def model_rows(model: Any) -> RowType:
    return RowType(model.__name__, model, {name: column.type for name, column in columns_of(model).items()})


_NAMED: dict[tuple[tuple[str, type, str], ...], RowType] = {}


def named_rows(*columns: tuple[str, TypeEngine[Any]]) -> RowType:
    """One for all columns of the same names and types: an expression makes its type anew each time it is written."""
    key = tuple((name, type(type_), type_.compile(DIALECT)) for name, type_ in columns)
    found = _NAMED.get(key)
    if found is None:
        found = _NAMED[key] = RowType("Row", None, dict(columns))
    return found


def rows_of(source: Source) -> RowType:
    if source.model:
        return model_rows(source.model)
    return named_rows(*((name, source.stored(name).type) for name in source.names))


class Shown:
    """A row shown as one particular type of a union or an interface."""

    __slots__ = ("row", "shown_as")

    def __init__(self, row: Any, shown_as: str) -> None:
        self.row, self.shown_as = row, shown_as

    def __getattr__(self, name: str) -> Any:
        return getattr(self.row, name)


def bare(row: Any) -> Any:
    """The row itself, without the type it is shown as."""
    return row.row if isinstance(row, Shown) else row


class Parent:
    """Stands for the parent rows while the read is asked, and remembers which of their columns it used."""

    def __init__(self, row_type: RowType) -> None:
        self._row_type = row_type
        self.names: list[str] = []
        self.types: list[TypeEngine[Any]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        type_ = self._row_type.types[name]
        if name not in self.names:
            self.names.append(name)
            self.types.append(type_)
        return literal_column(f'parent."{name}"', type_)


class Document:
    """A jsonb document: its keys as attributes, null where a key is missing."""

    __slots__ = ("_data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return wrapped(self._data.get(name))


def wrapped(value: Any) -> Any:
    if isinstance(value, dict):
        return Document(value)
    return [wrapped(each) for each in value] if isinstance(value, list) else value
