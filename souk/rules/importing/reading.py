"""A file of separated values as rows, whatever wrote it: BOM, `,` `;` tab or `|`, CRLF, line breaks inside quotes, packed by gzip or not.

Read as a stream: memory does not grow with the file. A byte that is no UTF-8 spoils its cell alone.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from souk.rules.errors import Invalid
from souk.rules.importing.mapping import Mapping
from souk.rules.importing.prices import PriceMapping

DELIMITERS = (",", ";", "\t", "|")
CELL_LIMIT = 131_072
"""Characters of one cell; a quote that is never closed is refused there instead of swallowing the file."""
UNPACKED = 8 * 2**30
_HEAD = 65_536


@dataclass(slots=True)
class Sheet:
    """The header of a file and its rows still to come; `rows` can be walked once."""

    header: list[str]
    rows: Iterator[list[str]]
    delimiter: str
    encoding: str
    columns: dict[str, int] = field(default_factory=dict)

    def column(self, name: str) -> int | None:
        """The place of a column by its name, case and outer spaces aside; of several, the first."""
        return self.columns.get(name.strip().casefold())


def open_sheet(source: BinaryIO | Iterable[bytes], mapping: Mapping | PriceMapping | None = None) -> Sheet:
    """Read the header and stand before the first row. `source`: a binary file or its chunks.

    A mapping helps to tell the delimiter and says which columns must be there. Raises Invalid for a file that is empty,
    holds no header that fits, or (while its rows are walked) has a cell beyond CELL_LIMIT.
    """
    raw: Any = source if hasattr(source, "read") else _Chunks(iter(source))
    buffered: Any = raw if hasattr(raw, "peek") else io.BufferedReader(raw, _HEAD)
    if buffered.peek(2)[:2] == b"\x1f\x8b":
        buffered = io.BufferedReader(_Unpacked(buffered), _HEAD)
    head = buffered.peek(_HEAD)
    encoding = _encoding(head)
    text = io.TextIOWrapper(buffered, encoding=encoding, errors="surrogateescape", newline="")
    wanted = mapping.columns if mapping else ()
    delimiter = _delimiter(head.decode(encoding, "replace"), wanted)
    reader = csv.reader(text, delimiter=delimiter)
    rows = _rows(reader)
    header = [name.strip().lstrip("\ufeff") for name in next(rows, [])]
    if not any(header):
        raise Invalid("The file holds no header.", field="file")
    columns: dict[str, int] = {}
    for place, name in enumerate(header):
        columns.setdefault(name.casefold(), place)
    for place, name in enumerate(header):  # of several with one name, "name#2" is the second
        nth = sum(1 for other in header[: place + 1] if other.casefold() == name.casefold())
        columns.setdefault(f"{name.casefold()}#{nth}", place)
    sheet = Sheet(header, rows, delimiter, encoding, columns)
    missing = [name for name in (mapping.required_columns if mapping else ()) if sheet.column(name) is None]
    if missing:
        raise Invalid(f"The file has no column {', '.join(missing)}.", field="file")
    return sheet


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows that hold anything: empty lines are none."""
    try:
        for row in reader:
            if row:
                yield row
    except (csv.Error, UnicodeError, EOFError, gzip.BadGzipFile, zlib.error) as problem:
        line = getattr(reader, "line_num", 0)
        raise Invalid(f"Line {line} cannot be read: {problem}.", field="file") from problem


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def _delimiter(head: str, wanted: Sequence[str]) -> str:
    """The delimiter under which the first line holds most of the wanted columns, then most cells."""
    line = head.lstrip("\ufeff")
    names = {name.strip().casefold() for name in wanted}

    def fit(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader(io.StringIO(line, newline=""), delimiter=delimiter), [])
        return len(names & {cell.strip().casefold() for cell in cells}), len(cells)

    return max(DELIMITERS, key=fit)


class _Unpacked(io.RawIOBase):
    """A file packed by gzip as what is in it, which may be no more than `UNPACKED` bytes."""

    def __init__(self, packed: BinaryIO) -> None:
        self.file, self.left = gzip.GzipFile(fileobj=packed), UNPACKED

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        size = self.file.readinto(buffer)
        self.left -= size
        if self.left < 0:
            raise Invalid(f"The file unpacks to more than {UNPACKED} bytes.", field="file")
        return size


class _Chunks(io.RawIOBase):
    """Chunks of bytes as a file, however small they come: the head is read whole, so that it can be judged."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        filled = 0
        while filled < len(buffer):
            if not self.left:
                chunk = next(self.chunks, None)
                if chunk is None:
                    break
                self.left = memoryview(chunk)
            size = min(len(buffer) - filled, len(self.left))
            buffer[filled : filled + size] = self.left[:size]
            self.left, filled = self.left[size:], filled + size
        return filled
