"""Tables as files, written row by row: CSV as it goes, a workbook by way of a directory of its own."""

import asyncio
import tempfile
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

from ..resolvers.report import lines
from ..rules.export import XLSX_TEXT, harmless

Rows = AsyncIterable[list[list[Any]]]
CHUNK = 1 << 20
DIGITS = 15
"""Of a number in a sheet: what has more is kept as text, exact."""


async def csv_of(heading: Sequence[str], rows: Rows) -> AsyncIterator[bytes]:
    """RFC 4180, UTF-8. Without a byte order mark: who reads CSV is a program, and many take it for a part of the heading."""
    yield lines([heading]).encode()
    async for some in rows:
        yield lines([[_told(cell) for cell in row] for row in some]).encode()


def _told(cell: Any) -> Any:
    return ("true" if cell else "false") if isinstance(cell, bool) else cell


async def xlsx_of(heading: Sequence[str], rows: Rows, created: datetime) -> AsyncIterator[bytes]:
    """A workbook of one sheet, the same bytes for the same rows."""
    with tempfile.TemporaryDirectory(prefix="souk-xlsx-") as directory:
        path = Path(directory) / "file.xlsx"
        sheet = Sheet(path, created)
        await asyncio.to_thread(sheet.add, [list(heading)])
        async for some in rows:
            await asyncio.to_thread(sheet.add, some)
        await asyncio.to_thread(sheet.close)
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK):
                yield chunk


class Sheet:
    """A sheet that is written downwards and kept on disk."""

    def __init__(self, path: Path, created: datetime) -> None:
        options = {
            "constant_memory": True,
            "tmpdir": str(path.parent),
            "strings_to_formulas": False,
            "strings_to_urls": False,
        }
        self.book = xlsxwriter.Workbook(str(path), options)
        self.book.use_zip64()
        self.book.set_properties({"created": created.replace(tzinfo=None)})
        self.sheet = self.book.add_worksheet()
        self.sheet.freeze_panes(1, 0)
        self.formats: dict[int, Any] = {}
        self.at = 0

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        for row in rows:
            for column, cell in enumerate(harmless(row)):
                self._put(column, cell)
            self.at += 1

    def close(self) -> None:
        self.book.close()

    def _put(self, column: int, cell: Any) -> None:
        match cell:
            case None:
                return
            case bool():
                self.sheet.write_boolean(self.at, column, cell)
            case int() | Decimal() if len(Decimal(cell).as_tuple().digits) <= DIGITS:
                self.sheet.write_number(self.at, column, float(cell), self._format(Decimal(cell)))
            case _:
                self.sheet.write_string(self.at, column, str(cell)[:XLSX_TEXT])

    def _format(self, number: Decimal) -> Any:
        """As many digits after the point as the number has."""
        exponent = number.as_tuple().exponent
        digits = -exponent if isinstance(exponent, int) else 0
        if digits <= 0:
            return None
        if digits not in self.formats:
            self.formats[digits] = self.book.add_format({"num_format": "0." + "0" * digits})
        return self.formats[digits]
