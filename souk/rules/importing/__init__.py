"""The pure half of an import: bytes → rows → values with warnings, by a mapping. No database, no clock.

mapping = load("used_bikes")                      # or read_mapping(text of a TOML file)
for row in parse(open_sheet(stream, mapping), mapping, this_year=2026):
    row.number, row.key, row.dealer, row.values, row.warnings, row.refusal
"""

from souk.rules.importing.mapping import FieldSpec, Mapping, load, read_mapping, shipped
from souk.rules.importing.parse import ParsedRow, Warned, parse
from souk.rules.importing.prices import PriceMapping
from souk.rules.importing.reading import Sheet, open_sheet
from souk.rules.importing.snapshots import NAME as SNAPSHOTS

__all__ = [
    "SNAPSHOTS",
    "FieldSpec",
    "Mapping",
    "ParsedRow",
    "PriceMapping",
    "Sheet",
    "Warned",
    "load",
    "open_sheet",
    "parse",
    "read_mapping",
    "shipped",
]
