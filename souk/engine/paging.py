"""Keyset pages: the order is the one the read declares, the cursor is the order's columns of one row.

A cursor is base64(3 bytes naming the order, then the columns in binary): PostgreSQL and Python write the same bytes.
"""

import base64
import binascii
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Date, DateTime, Integer, Select, Uuid, asc, desc, literal, tuple_
from sqlalchemy.sql import operators
from sqlalchemy.types import String

from .errors import BadUserInput
from .sql import Source
from .symbols import BadInput, Getter, derived, getter, is_symbol

DEFAULT, LARGEST, COUNTED = 20, 100, 10_001
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
DAY = date(2000, 1, 1)
MICROSECOND = timedelta(microseconds=1)


class Part(NamedTuple):
    """How one kind of column is packed: PostgreSQL's `send`, Python's pack and unpack, its width (None: the rest)."""

    send: str
    width: int | None
    pack: Callable[[Any], bytes]
    unpack: Callable[[bytes], Any]


PARTS: dict[type, Part] = {
    Uuid: Part("uuid_send({})", 16, lambda v: v.bytes, lambda b: UUID(bytes=b)),
    BigInteger: Part("int8send({})", 8, lambda v: struct.pack(">q", v), lambda b: struct.unpack(">q", b)[0]),
    Integer: Part("int4send({})", 4, lambda v: struct.pack(">i", v), lambda b: struct.unpack(">i", b)[0]),
    DateTime: Part("timestamptz_send({})", 8, lambda v: struct.pack(">q", (v - EPOCH) // MICROSECOND), lambda b: EPOCH + struct.unpack(">q", b)[0] * MICROSECOND),
    Date: Part("date_send({})", 4, lambda v: struct.pack(">i", (v - DAY).days), lambda b: DAY + timedelta(struct.unpack(">i", b)[0])),
    String: Part("convert_to({}, 'UTF8')", None, lambda v: v.encode(), bytes.decode),
}  # fmt: skip


class Order:
    """The order of a read, made total by the row's id. Only `paged` orders can be continued from a cursor."""

    def __init__(self, read: Select[Any], paged: bool = True) -> None:
        source = Source(read)
        self.columns: list[Any] = []
        self.names: list[str] = []
        self.down: list[bool] = []
        self._last: tuple[str | None, list[Any]] = (None, [])
        for clause in read._order_by_clauses:
            column = getattr(clause, "element", clause)
            name = getattr(column, "key", None)
            if name not in source.names:
                raise TypeError(f"Order by a column of the read's model, not by {column}.")
            self._add(source, name, getattr(clause, "modifier", None) is operators.desc_op)
        if source.model and "id" not in self.names:
            self._add(source, "id", self.down[-1] if self.down else True)
        if paged:
            self._fit_for_cursors(source)

    def _add(self, source: Source, name: str, down: bool) -> None:
        self.columns.append(source.clause(name))
        self.names.append(name)
        self.down.append(down)

    def _fit_for_cursors(self, source: Source) -> None:
        where = f"{source.model.__name__ if source.model else 'a read'} by {', '.join(self.names)}"
        if len(set(self.down)) > 1:
            raise TypeError(f"A paged read is ordered in one direction: {where}.")
        if any(source.stored(name).nullable for name in self.names):
            raise TypeError(f"A paged read is ordered by columns that are never null: {where}.")
        parts = [
            next((part for kind, part in PARTS.items() if isinstance(source.stored(name).type, kind)), None)
            for name in self.names
        ]
        if any(part is None for part in parts) or sum(part is not None and part.width is None for part in parts) > 1:
            raise TypeError(f"A cursor cannot hold this order: {where}.")
        self.parts = [part for part in parts if part is not None]
        self.descending = self.down[0]
        named = f"{source.model.__name__} {self.names} {self.descending}"
        self.tag = hashlib.blake2s(named.encode(), digest_size=3).digest()
        self.fixed = sum(part.width or 0 for part in self.parts)
        self.exact = all(part.width for part in self.parts)

    def by(self, backward: bool = False) -> list[Any]:
        return [
            (desc if down ^ backward else asc)(column) for column, down in zip(self.columns, self.down, strict=True)
        ]

    def text(self, alias: str, backward: bool = False) -> str:
        return ", ".join(
            f"{alias}.{name} {'DESC' if down ^ backward else 'ASC'}"
            for name, down in zip(self.names, self.down, strict=True)
        )

    def cursor_in_sql(self, alias: str) -> str:
        sent = " || ".join(
            part.send.format(f"{alias}.{name}") for part, name in zip(self.parts, self.names, strict=True)
        )
        encoded = f"encode('\\x{self.tag.hex()}'::bytea || {sent}, 'base64')"
        return encoded if self.exact and self.fixed < 54 else rf"translate({encoded}, E'\n', '')"

    def cursor(self, row: Any) -> str:
        packed = b"".join(part.pack(getattr(row, name)) for part, name in zip(self.parts, self.names, strict=True))
        return base64.b64encode(self.tag + packed).decode()

    def read_cursor(self, text: str) -> list[Any]:
        """The values of the order's columns; remembers the last cursor, because each column asks."""
        if text == self._last[0]:
            return self._last[1]
        values = self._values(text)
        self._last = (text, values)
        return values

    def _values(self, text: str) -> list[Any]:
        try:
            data = base64.b64decode(text, validate=True)
            rest = len(data) - 3 - self.fixed
            if data[:3] != self.tag or rest < 0 or (self.exact and rest):
                raise ValueError
            values, at = [], 3
            for part in self.parts:
                width = rest if part.width is None else part.width
                values.append(part.unpack(data[at : at + width]))
                at += width
            if any(isinstance(value, str) and "\0" in value for value in values):
                raise ValueError
            return values
        except (ValueError, OverflowError, binascii.Error) as error:
            raise BadInput("Not a cursor of this list.") from error

    def beyond(self, cursor: Any, backward: bool) -> ColumnElement[bool]:
        """Rows after (or before) the cursor, which may be a symbol."""
        if is_symbol(cursor):
            values = [derived(cursor, column.type, self._value(at)) for at, column in enumerate(self.columns)]
        else:
            values = [
                literal(value, column.type)
                for value, column in zip(self.read_cursor(cursor), self.columns, strict=True)
            ]
        left, right = tuple_(*self.columns), tuple_(*values)
        return left < right if self.descending ^ backward else left > right

    def checks(self, window: "Window") -> list[Getter]:
        """That the cursors are good, asked even where the statement needs no row (`WHERE false` drops its parameters)."""
        cursors = [getter(each) for each in (window.after, window.before) if is_symbol(each)]
        return [lambda actor, values, get=get: self.read_cursor(get(actor, values)) for get in cursors]  # type: ignore[misc]

    def _value(self, at: int) -> Callable[[str], Any]:
        return lambda text: self.read_cursor(text)[at]


def checked_size(size: int) -> int:
    if not 1 <= size <= LARGEST:
        raise BadInput(f"A page has 1 to {LARGEST} rows.")
    return size


@dataclass(frozen=True)
class Window:
    """Which page was asked for. Each part may be a symbol."""

    first: Any = None
    after: Any = None
    last: Any = None
    before: Any = None

    @property
    def backward(self) -> bool:
        return self.last is not None

    @cached_property
    def size(self) -> Any:
        if self.first is not None and self.last is not None:
            raise BadInput("Ask for first or for last, not both.")
        size = self.last if self.backward else DEFAULT if self.first is None else self.first
        return derived(size, Integer(), checked_size) if is_symbol(size) else checked_size(size)

    def of(self, read: Select[Any], order: Order) -> Select[Any]:
        if self.after is not None:
            read = read.where(order.beyond(self.after, backward=False))
        if self.before is not None:
            read = read.where(order.beyond(self.before, backward=True))
        return read.order_by(None).order_by(*order.by(self.backward))


PAGE_ARGUMENTS = ("first", "after", "last", "before")


def split(arguments: dict[str, Any]) -> tuple[dict[str, Any], Window]:
    """The read's own arguments, and the window of the page."""
    own = {name: value for name, value in arguments.items() if name not in PAGE_ARGUMENTS}
    return own, Window(**{name: arguments.get(name) for name in PAGE_ARGUMENTS})


def refused(error: BadInput) -> BadUserInput:
    return BadUserInput(str(error))
