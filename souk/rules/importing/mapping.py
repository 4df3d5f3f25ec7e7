"""How the columns of a file become the fields of a listing: a TOML text, read and checked.

name = "used_bikes"             # its name
about = "…"                     # whose file, for people
kind = "VEHICLE"                # VEHICLE, CASTING_CALL or PRODUCT
currency = "INR"                # of every price
key = ["id"]                    # columns that tell a row; without: a hash of the whole row
dealer = "seller"               # column that names the dealer; without: the dealer the import is for
decimal = "."                   # "." or ",": ends all doubt about numbers; without: told cell by cell

[constants]                     # fields that no column holds
fuel = "PETROL"

[fields.km]                     # one table per field; FIELDS lists them with their parsers
from = "kms_driven"             # a column, or several that are joined by a space
units = { km = 1, kms = 1 }     # words after the number → factor (a number or a decimal text)
bare = "km"                     # the unit of a number without one
prefixes = ["mileage"]          # words that may stand before the number
may_hold = ["mileage_kmpl"]     # fields whose value this column sometimes holds by mistake
words = { first = "1" }         # cells (in any case) → what they mean, before parsing
names = ["Royal Enfield"]       # make: the makers to look for at the start of a text; model takes what follows
drop = ["…"]                    # pieces of text to leave out
case = "title"                  # text: Capitalise Every Word
min = 0                         # bounds
max = 2000000
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from importlib.resources import files
from typing import Any

from souk.rules.enums import ListingKind
from souk.rules.errors import Invalid, Problems, Refused
from souk.rules.money import CURRENCY_DIGITS


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field: where it comes from and how its cells are read. Bounds are in the field's base unit."""

    name: str
    columns: tuple[str, ...]
    parser: str
    low: int | None = None
    high: int | None = None
    scale: int = 1
    units: Dict[str, Fraction] = field(default_factory=dict)
    bare: str | None = None
    prefixes: tuple[str, ...] = ()
    may_hold: tuple[str, ...] = ()
    words: Dict[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    case: str | None = None


_KM = {"km": Fraction(1), "kms": Fraction(1), "mi": Fraction("1.609344"), "miles": Fraction("1.609344")}
_BHP = {
    **dict.fromkeys(("bhp", "hp"), Fraction(1)),
    **dict.fromkeys(("ps", "cv"), Fraction("0.98632")),
    "kw": Fraction("1.34102"),
}

FIELDS: Dict[str, FieldSpec] = {
    spec.name: spec
    for spec in (
        FieldSpec("title", (), "text", 1, 200),
        FieldSpec("description", (), "body", None, 10_000),
        FieldSpec("price", (), "price"),
        FieldSpec("city", (), "text", None, 100),
        FieldSpec("make", (), "make", None, 80),
        FieldSpec("model", (), "model", None, 120),
        FieldSpec("year", (), "year"),
        FieldSpec("km", (), "measure", 0, 2_000_000, units=_KM, bare="km"),
        FieldSpec("fuel", (), "choice"),
        FieldSpec("owners", (), "ordinal", 1, 99),
        FieldSpec("power_bhp_tenths", (), "measure", 1, 2_000, 10, _BHP, "bhp"),
        FieldSpec("mileage_kmpl_tenths", (), "measure", 1, 1_000, 10, {"kmpl": Fraction(1)}, "kmpl"),
        FieldSpec("registration_number", (), "text", None, 20),
        FieldSpec("capacity", (), "integer", 1, 1_000_000),
        FieldSpec("source_id", (), "text", None, 100),
        FieldSpec("external_id", (), "text", None, 200),
        FieldSpec("availability", (), "choice"),
        FieldSpec("sku", (), "text", None, 100),
    )
}
"""The fields that a listing's mapping may fill. A name that ends in `_tenths` counts tenths of its unit."""

_TOP = {"what", "name", "about", "kind", "currency", "key", "dealer", "decimal", "constants", "fields"}
_OPTIONS = {"from", "units", "bare", "prefixes", "may_hold", "words", "names", "drop", "case", "min", "max"}


@dataclass(frozen=True)
class Mapping:
    """A mapping as read: `fields` in order, `constants` by field, key and dealer columns by name."""

    name: str
    kind: str
    currency: str
    fields: tuple[FieldSpec, ...]
    constants: Dict[str, str | int]
    key: tuple[str, ...] = ()
    dealer: str | None = None
    decimal: str | None = None
    about: str = ""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column that it names."""
        dealer = (self.dealer,) if self.dealer else ()
        return tuple(dict.fromkeys((*(c for f in self.fields for c in f.columns), *self.key, *dealer)))

    @cached_property
    def required_columns(self) -> tuple[str, ...]:
        """The columns without which no row can be had: title, price and key."""
        needed = (c for f in self.fields if f.name in ("title", "price") for c in f.columns)
        return tuple(dict.fromkeys((*needed, *self.key)))


def shipped() -> tuple[str, ...]:
    """The names of the mappings that come with the package."""
    folder = files("souk.rules.importing").joinpath("mappings")
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


def load(name: str) -> Mapping:
    """A mapping that comes with the package. Raises Invalid for any other name."""
    if name not in shipped():
        raise Invalid(f"There is no mapping {name!r}; there are {', '.join(shipped())}.", field="mapping")
    text = files("souk.rules.importing").joinpath("mappings", f"{name}.toml").read_text(encoding="utf-8")
    return read_mapping(text)


def read_mapping(text: str) -> Mapping:
    """A mapping from its TOML text. Raises Invalid for what is no TOML, InvalidInput listing all that is wrong in it."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise Invalid(f"The mapping is no TOML: {problem}.", field="mapping") from problem
    problems = Problems()
    for unknown in sorted(table.keys() - _TOP):
        problems.add(Invalid("Not a key of a mapping."), "mapping", unknown)
    kind, currency, decimal = table.get("kind"), table.get("currency"), table.get("decimal")
    if kind not in ListingKind.__members__:
        problems.add(Invalid(f"One of {', '.join(ListingKind)}."), "mapping", "kind")
    if currency not in CURRENCY_DIGITS:
        problems.add(Invalid("A currency of ISO 4217."), "mapping", "currency")
    if decimal not in (None, ".", ","):
        problems.add(Invalid('"." or ",".'), "mapping", "decimal")
    fields = _fields(table.get("fields"), problems)
    constants = _constants(table.get("constants", {}), {spec.name for spec in fields}, problems)
    for needed in {"title", "price"} - {spec.name for spec in fields}:
        problems.add(Invalid("A listing needs it."), "mapping", "fields", needed)
    key = _texts(table.get("key", []), problems, "key")
    dealer = table.get("dealer")
    if dealer is not None and not isinstance(dealer, str):
        problems.add(Invalid("The name of a column."), "mapping", "dealer")
    problems.check()
    return Mapping(
        str(table.get("name", "")),
        str(kind),
        str(currency),
        fields,
        constants,
        key,
        dealer,
        decimal,
        str(table.get("about", "")),
    )


def _fields(tables: Any, problems: Problems) -> tuple[FieldSpec, ...]:
    if not isinstance(tables, dict) or not tables:
        problems.add(Invalid("At least title and price."), "mapping", "fields")
        return ()
    found = []
    for name, options in tables.items():
        if name not in FIELDS:
            problems.add(Invalid(f"Not a field; there are {', '.join(FIELDS)}."), "mapping", "fields", name)
        elif not isinstance(options, dict) or options.keys() - _OPTIONS or "from" not in options:
            problems.add(Invalid(f"A table with from and {', '.join(sorted(_OPTIONS))}."), "mapping", "fields", name)
        else:
            found.append(_field(FIELDS[name], options, problems))
    names = {spec.name for spec in found}
    for spec in found:
        if set(spec.may_hold) - names:
            problems.add(Invalid("Names of mapped fields."), "mapping", "fields", spec.name, "may_hold")
    return tuple(found)


def _field(base: FieldSpec, options: Dict[str, Any], problems: Problems) -> FieldSpec:
    at = ("fields", base.name)
    units = base.units
    if "units" in options:
        try:
            units = {str(unit).casefold(): Fraction(str(factor)) for unit, factor in options["units"].items()}
        except (AttributeError, ValueError, ZeroDivisionError):
            problems.add(Invalid("Words with their factors."), "mapping", *at, "units")
    bounds = [options.get("min", base.low), options.get("max", base.high)]
    for bound in bounds:
        if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
            problems.add(Invalid("Bounds are whole numbers."), "mapping", *at)
            bounds = [base.low, base.high]
            break
    words = options.get("words", {})
    if not isinstance(words, dict) or not all(isinstance(meant, str) for meant in words.values()):
        problems.add(Invalid("Cells with what they mean, both texts."), "mapping", *at, "words")
        words = {}
    if options.get("case") not in (None, "title"):
        problems.add(Invalid('"title".'), "mapping", *at, "case")
    source = options["from"]
    return FieldSpec(
        base.name,
        _texts([source] if isinstance(source, str) else source, problems, *at, "from"),
        base.parser,
        bounds[0],
        bounds[1],
        base.scale,
        units,
        str(options["bare"]).casefold() if "bare" in options else base.bare,
        tuple(p.casefold() for p in _texts(options.get("prefixes", []), problems, *at, "prefixes")),
        _texts(options.get("may_hold", []), problems, *at, "may_hold"),
        {cell.casefold(): meant for cell, meant in words.items()},
        _texts(options.get("names", []), problems, *at, "names"),
        _texts(options.get("drop", []), problems, *at, "drop"),
        options.get("case"),
    )


def _texts(value: Any, problems: Problems, *at: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(each, str) and each for each in value):
        return tuple(value)
    problems.add(Invalid("A list of texts."), "mapping", *at)
    return ()


def _constants(table: Any, mapped: set[str], problems: Problems) -> dict[str, str | int]:
    if not isinstance(table, dict):
        problems.add(Invalid("A table of fields."), "mapping", "constants")
        return {}
    for name, value in table.items():
        wrong: Refused | None = None
        if name not in FIELDS or name in mapped:
            wrong = Invalid("A field that no column fills.")
        elif isinstance(value, bool) or not isinstance(value, str | int):
            wrong = Invalid("A text or a whole number.")
        if wrong:
            problems.add(wrong, "mapping", "constants", name)
    return dict(table)
