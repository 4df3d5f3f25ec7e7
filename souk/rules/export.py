"""An export: how a list is cut into items, how long its file is kept, and what a file can hold."""

from collections.abc import Iterable
from typing import Any

SLICE = 1_000
"""Rows that one item reads."""
AT_ONCE = 5
"""Items of one step at most: a step keeps its rows in memory, and the lock of its batch."""
KEPT_DAYS = 7
XLSX_ROWS = 1_048_575
"""What a sheet has besides its heading."""
XLSX_TEXT = 32_767
"""Characters of a cell of a sheet; what is longer is cut."""
FILE_BYTES = 1 << 30
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def items_of(rows: int) -> int:
    """How many items an export of so many rows has: its slices, and the file."""
    return -(-rows // SLICE) + 1


def plain(cell: str) -> str:
    """A text that a spreadsheet does not take for a formula (OWASP, CSV injection)."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def harmless(cells: Iterable[Any]) -> list[Any]:
    """A row whose texts are `plain`; numbers stay numbers."""
    return [plain(cell) if isinstance(cell, str) else cell for cell in cells]
