"""How the columns of a file become SKUs, price policies, price observations or sales: a TOML text, read and checked.

what = "PRICE_OBSERVATIONS"     # SKUS, PRICE_POLICIES, PRICE_OBSERVATIONS or SALES
name = "price_list"             # its name; keys are unique below it
currency = "INR"                # of every amount, unless a column says so
key = ["id"]                    # columns that tell a row; without: a hash of the whole row
decimal = "."                   # "." or ",": ends all doubt about numbers
timezone = "Asia/Kolkata"       # of times that name no offset from UTC
dates = "DMY"                   # or "MDY": of 03-04-2025
seller = "DEALER"               # or "COMPETITOR": what `seller` names
apart = true                    # sellers differ by case: "ACME" is not "Acme"
create = ["SKU", "SELLER"]      # what is made where it is not known yet

[constants]                     # fields that no column holds, as a cell would say them
kind = "MAP"

[fields.amount]                 # one table per field
from = "mrp"                    # a column, or several that are joined by a space; "price#2" is the second of that name
times = 0.9                     # amounts: by what they are multiplied, exactly
divide = 100000                 # and divided
words = { "" = "(blank)" }      # cells (in any case) → what they mean, before parsing
since = "2022-01-01T00:00:00Z"  # times: a row of an earlier one is refused
before = "2023-02-01T00:00:00Z" # and of this one or a later one
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from souk.rules.enums import ImportWhat
from souk.rules.errors import Invalid, Problems
from souk.rules.money import CURRENCY_DIGITS

SELLERS = ("DEALER", "COMPETITOR")
MAKES = ("SKU", "SELLER")
KINDS: Dict[str, str] = {
    "sku": "code", "code": "code", "name": "name", "brand": "name", "description": "text", "seller": "name",
    "channel": "text", "url": "url", "currency": "currency", "kind": "kind", "mrp": "amount", "cost": "amount",
    "price": "amount", "list_price": "amount", "amount": "amount", "tolerance": "amount", "tolerance_bp": "integer",
    "units": "integer", "captured_at": "moment", "valid_from": "moment", "valid_to": "moment", "ean": "ean",
    "upc": "upc", "mpn": "code", "match": "share",
}  # fmt: skip
"""Field → how its cells are read."""
FIELDS: Dict[ImportWhat, tuple[str, ...]] = {
    ImportWhat.SKUS: ("code", "name", "brand", "mrp", "cost", "currency", "ean", "upc", "mpn"),
    ImportWhat.PRICE_POLICIES: (
        "sku", "kind", "amount", "currency", "tolerance", "tolerance_bp", "valid_from", "valid_to",
    ),
    ImportWhat.PRICE_OBSERVATIONS: (
        "sku", "seller", "price", "list_price", "captured_at", "currency", "units", "channel", "url", "match", "name",
        "brand",
    ),
    ImportWhat.SALES: (
        "sku", "seller", "price", "units", "captured_at", "currency", "channel", "description", "name", "brand",
    ),
}  # fmt: skip
NEEDED: Dict[ImportWhat, tuple[str, ...]] = {
    ImportWhat.SKUS: ("code", "name"),
    ImportWhat.PRICE_POLICIES: ("sku", "kind", "amount"),
    ImportWhat.PRICE_OBSERVATIONS: ("sku", "price"),
    ImportWhat.SALES: ("sku", "price", "units", "captured_at"),
}
"""The fields that a mapping has to fill. Whose price it is may also be said by the plan."""

_TOP = {
    "what", "name", "about", "currency", "key", "decimal", "timezone", "dates", "seller", "apart", "create", "constants",
    "fields",
}  # fmt: skip
_OPTIONS = {"from", "times", "divide", "words", "since", "before"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One field: where it comes from, how it is read, by what an amount is multiplied, from when until when a time may be."""

    name: str
    columns: tuple[str, ...]
    parser: str
    factor: Fraction = Fraction(1)
    words: Dict[str, str] = field(default_factory=dict)
    since: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True)
class PriceMapping:
    """A mapping as read: `fields` in order, `constants` by field as cells, key columns by name."""

    what: ImportWhat
    name: str
    fields: tuple[Cell, ...]
    constants: Dict[str, str]
    currency: str | None = None
    key: tuple[str, ...] = ()
    decimal: str | None = None
    timezone: str | None = None
    dates: str = "DMY"
    seller: str = "DEALER"
    apart: bool = False
    create: frozenset[str] = frozenset()
    about: str = ""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Every column that it names; a file has to have them all."""
        return tuple(dict.fromkeys((*(c for f in self.fields for c in f.columns), *self.key)))

    @property
    def required_columns(self) -> tuple[str, ...]:
        return self.columns

    def fills(self, name: str) -> bool:
        """Whether a column or a constant holds this field."""
        return name in self.constants or any(each.name == name for each in self.fields)


def is_price_mapping(text: str) -> bool:
    """Whether a TOML text says `what` it brings in; a mapping of listings need not."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return bool(table.get("what", ImportWhat.LISTINGS) != ImportWhat.LISTINGS)


def read_price_mapping(text: str) -> PriceMapping:
    """A mapping from its TOML text. Raises Invalid for what is no TOML, InvalidInput listing all that is wrong in it."""
    try:
        table = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as problem:
        raise Invalid(f"The mapping is no TOML: {problem}.", field="mapping") from problem
    problems = Problems()
    what = ImportWhat.__members__.get(str(table.get("what")))
    if what is None or what is ImportWhat.LISTINGS:
        raise Invalid(f"One of {', '.join(ImportWhat)}.", field=("mapping", "what"))
    for unknown in sorted(table.keys() - _TOP):
        problems.add(Invalid("Not a key of a mapping."), "mapping", unknown)
    fields = _fields(what, table.get("fields"), problems)
    constants = _constants(what, table.get("constants", {}), {each.name for each in fields}, problems)
    filled = {*constants, *(each.name for each in fields)}
    for needed in [name for name in NEEDED[what] if name not in filled]:
        problems.add(Invalid("It has to be filled."), "mapping", "fields", needed)
    currency = table.get("currency")
    if currency is None and "currency" not in filled:
        problems.add(Invalid("A currency, or a column that says it."), "mapping", "currency")
    if currency is not None and currency not in CURRENCY_DIGITS:
        problems.add(Invalid("A currency of ISO 4217."), "mapping", "currency")
    given = {
        "decimal": _word(table, "decimal", (".", ","), problems),
        "timezone": _timezone(table.get("timezone"), problems),
        "dates": _word(table, "dates", ("DMY", "MDY"), problems) or "DMY",
        "seller": _word(table, "seller", SELLERS, problems) or "DEALER",
    }
    apart = table.get("apart", False)
    if not isinstance(apart, bool):
        problems.add(Invalid("true or false."), "mapping", "apart")
    create = _texts(table.get("create", []), problems, "create")
    for unknown in sorted(set(create) - set(MAKES)):
        problems.add(Invalid(f"Not {unknown}: {', '.join(MAKES)}."), "mapping", "create")
    key = _texts(table.get("key", []), problems, "key")
    problems.check()
    return PriceMapping(
        what, str(table.get("name", "")), fields, constants, currency, key, apart=apart, create=frozenset(create),
        about=str(table.get("about", "")), **given,
    )  # fmt: skip


def _word(table: Dict[str, Any], name: str, words: tuple[str, ...], problems: Problems) -> Any:
    given = table.get(name)
    if given is not None and given not in words:
        problems.add(Invalid(f"One of {', '.join(words)}."), "mapping", name)
    return given


def _timezone(given: Any, problems: Problems) -> str | None:
    if given is None:
        return None
    try:
        return ZoneInfo(given).key
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        problems.add(Invalid("A time zone such as Asia/Kolkata."), "mapping", "timezone")
        return None


def _fields(what: ImportWhat, tables: Any, problems: Problems) -> tuple[Cell, ...]:
    if not isinstance(tables, dict) or not tables:
        problems.add(Invalid(f"At least {', '.join(NEEDED[what])}."), "mapping", "fields")
        return ()
    found = []
    for name, options in tables.items():
        if name not in FIELDS[what]:
            problems.add(Invalid(f"Not a field; there are {', '.join(FIELDS[what])}."), "mapping", "fields", name)
        elif not isinstance(options, dict) or options.keys() - _OPTIONS or "from" not in options:
            problems.add(Invalid(f"A table with from and {', '.join(sorted(_OPTIONS))}."), "mapping", "fields", name)
        else:
            found.append(_cell(name, options, problems))
    return tuple(found)


def _cell(name: str, options: Dict[str, Any], problems: Problems) -> Cell:
    at = ("fields", name)
    factor = Fraction(1)
    for option in ("times", "divide"):
        number = options.get(option, 1)
        if KINDS[name] != "amount" and option in options:
            problems.add(Invalid("Only amounts have it."), "mapping", *at, option)
        elif isinstance(number, bool) or not isinstance(number, int | Decimal | str) or not _positive(number):
            problems.add(Invalid("A number above 0."), "mapping", *at, option)
        else:
            exact = Fraction(str(number))
            factor = factor * exact if option == "times" else factor / exact
    words = options.get("words", {})
    if not isinstance(words, dict) or not all(isinstance(meant, str) for meant in words.values()):
        problems.add(Invalid("Cells with what they mean, both texts."), "mapping", *at, "words")
        words = {}
    bounds = [_bound(name, option, options.get(option), problems) for option in ("since", "before")]
    source = options["from"]
    columns = _texts([source] if isinstance(source, str) else source, problems, *at, "from")
    meant = {cell.casefold(): meaning for cell, meaning in words.items()}
    return Cell(name, columns, KINDS[name], factor, meant, *bounds)


def _bound(name: str, option: str, given: Any, problems: Problems) -> datetime | None:
    if given is None:
        return None
    try:
        found = given if isinstance(given, datetime) else datetime.fromisoformat(given)
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None or KINDS[name] != "moment":
        problems.add(
            Invalid("A time with its offset from UTC, of a field that holds times."), "mapping", "fields", name, option
        )
        return None
    return found


def _positive(number: int | Decimal | str) -> bool:
    try:
        return Fraction(str(number)) > 0
    except (ValueError, ZeroDivisionError):
        return False


def _texts(value: Any, problems: Problems, *at: str) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(each, str) and each for each in value):
        return tuple(value)
    problems.add(Invalid("A list of texts."), "mapping", *at)
    return ()


def _constants(what: ImportWhat, table: Any, mapped: set[str], problems: Problems) -> dict[str, str]:
    if not isinstance(table, dict):
        problems.add(Invalid("A table of fields."), "mapping", "constants")
        return {}
    found = {}
    for name, value in table.items():
        if name not in FIELDS[what] or name in mapped:
            problems.add(Invalid("A field that no column fills."), "mapping", "constants", name)
        elif isinstance(value, bool | list | dict):
            problems.add(Invalid("What a cell would say."), "mapping", "constants", name)
        else:
            found[name] = str(value)
    return found
