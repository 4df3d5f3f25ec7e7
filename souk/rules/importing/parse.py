"""Rows → values by a mapping: what could be read, what could not and why, and whether the row can be had at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from operator import itemgetter
from typing import NamedTuple

from souk.rules import text
from souk.rules.enums import Availability, Fuel
from souk.rules.errors import Refused
from souk.rules.importing import cells
from souk.rules.importing.cells import Bad
from souk.rules.importing.mapping import FieldSpec, Mapping
from souk.rules.importing.reading import Sheet

Value = str | int | None
Read = tuple[Value, str | None]
"""A value, or None and the reason why there is none; None without a reason is a blank."""

REQUIRED = ("title", "price")
_SHOWN = 200
_REMEMBERED = 8_192
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_INVISIBLE = str.maketrans("", "", "\u200b\u200e\u200f\u2060\ufeff")
_YEAR_AT_END = re.compile(r"\s+(?:19|20)\d\d$")
_CHOICES = {"fuel": frozenset(Fuel.__members__), "availability": frozenset(Availability.__members__)}


class Warned(NamedTuple):
    """A cell left empty: its column, what stood in it (at most 200 characters), why."""

    column: str
    value: str
    reason: str


class ParsedRow(NamedTuple):
    """One row of a file; `number` counts from 1 below the header.

    `key` (16 bytes, BLAKE2b) tells the row: the hash of its key columns, or of the whole row. `row_hash` is always the
    whole row's: with the same key and another one, the row has changed. `dealer` is the text that names the dealer.
    `values` holds every field of the mapping; `price` is in minor units, None for on request. `refusal`: why the row
    cannot be had, as the column, its value and the reason.
    """

    number: int
    key: bytes
    row_hash: bytes
    dealer: str | None
    values: dict[str, Value]
    warnings: tuple[Warned, ...]
    refusal: Warned | None


class _Column(NamedTuple):
    """A field made ready: where its cell is, what it was called, what was read before, and the parser."""

    name: str
    header: str
    cell: Callable[[list[str]], str]
    memo: dict[str, Read]
    read: Callable[[str], Read]


def parse(sheet: Sheet, mapping: Mapping, *, this_year: int) -> Iterator[ParsedRow]:
    """The rows of a sheet, one by one, in order; memory does not grow with them.

    A row is refused only when its title or its price cannot be had; any other bad cell is None and a warning; a blank is
    None without one. Raises Invalid where the file itself cannot be read on.
    """
    columns = _columns(sheet, mapping, this_year)
    width = len(sheet.header)
    key = cells_of(sheet, mapping.key) if mapping.key else None
    dealer = cells_of(sheet, (mapping.dealer,)) if mapping.dealer else None
    constants = dict(mapping.constants)
    for number, row in enumerate(sheet.rows, 1):
        values: dict[str, Value] = dict(constants)
        warnings: tuple[Warned, ...] = ()
        refusal: Warned | None = None
        if len(row) != width:
            warnings = (Warned("", str(len(row)), f"has {len(row)} cells, the header {width}"),)
            row += [""] * (width - len(row))
        for name, header, cell_of, memo, read in columns:
            cell = cell_of(row)
            got = memo.get(cell)
            if got is None:
                if len(memo) >= _REMEMBERED:
                    memo.clear()
                got = memo[cell] = read(cell)
            values[name], reason = got
            if reason is not None:
                warned = Warned(header, cell.strip()[:_SHOWN], reason)
                if values[name] is None and name in REQUIRED:
                    refusal = refusal or warned
                else:
                    warnings += (warned,)
        whole = hash_of("\x1f".join(row))
        yield ParsedRow(
            number,
            whole if key is None else hash_of(key(row)),
            whole,
            (" ".join(dealer(row).split()) or None) if dealer else None,
            values,
            warnings,
            refusal,
        )


def hash_of(joined: str) -> bytes:
    """What tells a row: 16 bytes of its cells."""
    return blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def cells_of(sheet: Sheet, names: tuple[str, ...]) -> Callable[[list[str]], str]:
    """What gives a row's cells of these columns, joined; columns that the file lacks give nothing."""
    places = [place for place in map(sheet.column, names) if place is not None]
    if len(places) == 1:
        return itemgetter(places[0])
    return lambda row: " ".join(row[place] for place in places)


def _columns(sheet: Sheet, mapping: Mapping, this_year: int) -> list[_Column]:
    readers = {spec.name: _reader(spec, mapping, this_year) for spec in mapping.fields}
    columns = []
    for spec in mapping.fields:
        others = tuple((_header(mapping, name), readers[name]) for name in spec.may_hold)
        read = _forgiving(readers[spec.name], others) if others else readers[spec.name]
        columns.append(_Column(spec.name, " + ".join(spec.columns), cells_of(sheet, spec.columns), {}, read))
    return columns


def _header(mapping: Mapping, name: str) -> str:
    return " + ".join(next(spec.columns for spec in mapping.fields if spec.name == name))


def _forgiving(
    read: Callable[[str], Read], others: tuple[tuple[str, Callable[[str], Read]], ...]
) -> Callable[[str], Read]:
    """A reader that names the column whose value the cell holds instead of its own."""

    def reading(cell: str) -> Read:
        value, reason = read(cell)
        if reason is not None:
            for header, other in others:
                found, bad = other(cell)
                if (found is not None and bad is None) or (bad == cells.RANGE != reason):
                    return None, f"holds the value of {header}"
        return value, reason

    return reading


def _reader(spec: FieldSpec, mapping: Mapping, this_year: int) -> Callable[[str], Read]:
    """One total function from a cell to a value or a reason."""
    parser = _parser(spec, mapping, this_year)

    def read(cell: str) -> Read:
        if not cell.isascii():
            cell = cell.translate(_INVISIBLE)
        for piece in spec.drop:
            cell = cell.replace(piece, "")
        if spec.words:
            cell = spec.words.get(" ".join(cell.split()).casefold(), cell)
        try:
            return parser(cell)
        except Bad as bad:
            return None, bad.reason

    return read


def _parser(spec: FieldSpec, mapping: Mapping, this_year: int) -> Callable[[str], Read]:
    low, high, decimal = spec.low, spec.high, mapping.decimal
    makers = spec.names or next(
        (f.names for f in mapping.fields if f.parser == "make" and f.columns == spec.columns), ()
    )

    def measure(cell: str) -> Read:
        return cells.measure(
            cell, spec.units, low, high, scale=spec.scale, bare=spec.bare, prefixes=spec.prefixes, decimal=decimal
        ), None

    parsers: dict[str, Callable[[str], Read]] = {
        "text": lambda cell: _text(cell, spec),
        "body": lambda cell: _body(cell, high or 10_000),
        "price": lambda cell: (cells.price(cell, mapping.currency, decimal=decimal), None),
        "year": lambda cell: (cells.year(cell, this_year), None),
        "integer": lambda cell: (cells.integer(cell, low, high, decimal=decimal), None),
        "ordinal": lambda cell: (cells.ordinal(cell, low, high), None),
        "measure": measure,
        "choice": lambda cell: _choice(cell, _CHOICES[spec.name]),
        "make": lambda cell: (_make(cell, makers), None),
        "model": lambda cell: (_model(cell, makers), None),
    }
    return parsers[spec.parser]


def _text(cell: str, spec: FieldSpec) -> Read:
    """One line. A title is mended where it can be (bad bytes, length), with a warning; any other text is left empty."""
    limit, least, title = spec.high or 200, spec.low or 1, spec.name == "title"
    reason = None
    cell = " ".join(cell.split())
    if title and _UNPRINTABLE.search(cell):
        cell, reason = _UNPRINTABLE.sub(" ", cell).strip(), "held characters that cannot be shown"
    if cells.is_blank(cell):
        return None, "is blank" if title else None
    if title and len(cell) > limit:
        cell, reason = cell[:limit], f"is longer than {limit} characters"
    try:
        line = text.line(cell, limit)
    except Refused as refused:
        return None, refused.message
    if len(line) < least:
        return None, f"is shorter than {least} characters"
    return (line.title() if spec.case == "title" else line), reason


def _body(cell: str, limit: int) -> Read:
    try:
        return text.optional_body(cell, limit), None
    except Refused as refused:
        return None, refused.message


def _choice(cell: str, words: frozenset[str]) -> Read:
    squeezed = cells.squeeze(cell)
    if cells.is_blank(squeezed):
        return None, None
    word = squeezed.upper().replace(" ", "_")
    return (word, None) if word in words else (None, f"is none of {', '.join(sorted(words))}")


def _make(cell: str, names: tuple[str, ...]) -> str | None:
    """The maker at the start of the text: the longest of the names; without names the whole text."""
    line = " ".join(cell.split())
    if not names:
        return text.optional_line(line, 80) if line.isprintable() else None
    folded = f"{line.casefold()} "
    return max((n for n in names if folded.startswith(f"{n.casefold()} ")), key=len, default=None)


def _model(cell: str, names: tuple[str, ...]) -> str | None:
    """What stands between the maker and the year of a text; without names the whole text."""
    line = " ".join(cell.split())
    if not line or not line.isprintable():
        return None
    maker = _make(line, names) if names else None
    if names:
        line = _YEAR_AT_END.sub("", line[len(maker) :].strip() if maker else line)
    return text.optional_line(line[:120], 120)
