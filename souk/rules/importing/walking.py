"""The rows of a file from some row on, whichever mapping they follow: what a preview and a worker share."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import BinaryIO

from souk.rules.errors import Invalid
from souk.rules.importing.mapping import Mapping, load, read_mapping, shipped
from souk.rules.importing.parse import ParsedRow, Warned, parse
from souk.rules.importing.price_rows import parse_prices
from souk.rules.importing.prices import PriceMapping, is_price_mapping, read_price_mapping
from souk.rules.importing.reading import open_sheet
from souk.rules.importing.snapshots import NAME, NEEDED, parse_snapshots

EXAMINED = 20_000
"""Rows of a file whose cells a preview reads; the rest it only counts."""
SHOWN = 100


@lru_cache(64)
def mapping_of(given: str) -> Mapping | PriceMapping | None:
    """A mapping by its shipped name, or as the TOML text itself; None for prices at competitors. Raises Invalid."""
    if given == NAME:
        return None
    if "=" in given or "\n" in given:
        return read_price_mapping(given) if is_price_mapping(given) else read_mapping(given)
    if given not in shipped():
        raise Invalid(f"There is no mapping {given!r}; there are {', '.join((*shipped(), NAME))}.", field="mapping")
    return load(given)


def walk(
    file: BinaryIO, mapping: Mapping | PriceMapping | None, *, this_year: int, after: int = 0
) -> Iterator[ParsedRow]:
    """The rows that come after row `after`, with their numbers in the file. Raises Invalid for a file that is none."""
    sheet = open_sheet(file, mapping)
    next(islice(sheet.rows, after - 1, None), None) if after else None
    if isinstance(mapping, PriceMapping):
        rows = parse_prices(sheet, mapping)
    elif mapping is not None:
        rows = parse(sheet, mapping, this_year=this_year)
    else:
        missing = [name for name in NEEDED if sheet.column(name) is None]
        if missing:
            raise Invalid(f"The file has no column {', '.join(missing)}.", field="file")
        rows = parse_snapshots(sheet)
    return (row._replace(number=row.number + after) for row in rows) if after else rows


@dataclass(slots=True)
class Survey:
    """What a file holds: `examined` rows were read with their cells, of `rows` in all."""

    rows: int = 0
    examined: int = 0
    refused: int = 0
    warned: int = 0
    cells: int = 0
    dealers: dict[str | None, int] = field(default_factory=dict)
    shown: list[tuple[int, str, list[Warned]]] = field(default_factory=list)


def survey(file: BinaryIO, mapping: Mapping | PriceMapping | None, *, this_year: int) -> Survey:
    """Read a file without doing anything. `shown` are its first rows that are refused or lose a cell."""
    found = Survey()
    rows = walk(file, mapping, this_year=this_year)  # held to the end: a reader that is let go closes the file
    for row in islice(rows, EXAMINED):
        found.examined += 1
        found.refused += row.refusal is not None
        found.warned += bool(row.warnings)
        found.cells += len(row.warnings)
        found.dealers[row.dealer] = found.dealers.get(row.dealer, 0) + 1
        if (row.refusal or row.warnings) and len(found.shown) < SHOWN:
            lost = [*row.warnings, *([row.refusal] if row.refusal else [])]
            found.shown.append((row.number, "REFUSED" if row.refusal else "WARNED", lost))
    found.rows = found.examined
    if found.examined == EXAMINED:
        file.seek(0)
        counted = open_sheet(file, mapping)
        found.rows = sum(1 for _ in counted.rows)
    return found
