"""Rows → SKUs, price policies, price observations and sales, by a mapping of `prices`: values, warnings, refusals.

Amounts are exact until they are stored. A policy's may have more digits than its currency, as 0.9 × 999.99 has: it is then
moved to the next whole minor unit towards what it allows, a floor up and a ceiling down, so that every price of whole
minor units breaches it exactly when it breaches the exact amount. Any other amount with more digits is not rounded but
refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from fractions import Fraction
from math import ceil, floor
from zoneinfo import ZoneInfo

from souk.rules import text
from souk.rules.enums import ImportWhat, PolicyKind, SnapshotOutcome
from souk.rules.errors import Refused
from souk.rules.importing import cells
from souk.rules.importing.cells import Bad
from souk.rules.importing.parse import ParsedRow, Value, Warned, cells_of, hash_of
from souk.rules.importing.prices import KINDS, NEEDED, Cell, PriceMapping
from souk.rules.importing.reading import Sheet
from souk.rules.money import CURRENCY_DIGITS, MAX_MINOR, round_half_up

_SHOWN = 200
_REMEMBERED = 8_192
_EPOCH = re.compile(r"\d{9,10}(?:\.0+)?|\d{12,13}")
_DAY = re.compile(r"(\d{1,2})[-./](\d{1,2})[-./](\d{4})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_OUTCOMES = frozenset(SnapshotOutcome.__members__)
Exact = Fraction | str | int | None
Read = tuple[Exact, str | None]
"""A value, or None and the reason why there is none; None without a reason is a blank."""


def parse_prices(sheet: Sheet, mapping: PriceMapping) -> Iterator[ParsedRow]:
    """The rows of a sheet, one by one, in order; memory does not grow with them."""
    fields = [_Field(each, cells_of(sheet, each.columns), mapping) for each in mapping.fields]
    fields += [
        _Field(Cell(name, (), KINDS[name]), _constantly(cell), mapping) for name, cell in mapping.constants.items()
    ]
    fields.sort(key=lambda each: each.cell.name != "currency")  # amounts are read in it
    key, width = cells_of(sheet, mapping.key) if mapping.key else None, len(sheet.header)
    for number, row in enumerate(sheet.rows, 1):
        warnings: list[Warned] = []
        if len(row) != width:
            warnings.append(Warned("", str(len(row)), f"has {len(row)} cells, the header {width}"))
            row += [""] * (width - len(row))
        whole = hash_of("\x1f".join(row))
        seen = _Row(mapping, warnings)
        for each in fields:
            seen.take(each, row)
        values = seen.values()
        yield ParsedRow(
            number, whole if key is None else hash_of(key(row)), whole, None, values, tuple(warnings), seen.refusal
        )


class _Field:
    """A field made ready: where its cell is, and what was read before."""

    def __init__(self, cell: Cell, of: Callable[[list[str]], str], mapping: PriceMapping) -> None:
        self.cell, self.of = cell, of
        self.header = " + ".join(cell.columns) or cell.name
        self.zone: tzinfo | None = ZoneInfo(mapping.timezone) if mapping.timezone else None
        self.decimal, self.dates = mapping.decimal, mapping.dates
        self.memo: dict[tuple[str | None, str], Read] = {}

    def read(self, row: list[str], currency: str | None) -> tuple[str, Read]:
        cell = self.of(row)
        at = (currency, cell)
        got = self.memo.get(at)
        if got is None:
            if len(self.memo) >= _REMEMBERED:
                self.memo.clear()
            got = self.memo[at] = self._read(cell, currency)
        return cell, got

    def _read(self, cell: str, currency: str | None) -> Read:
        cell = cell.replace("\ufeff", "").replace("\u200b", "")
        if self.cell.words:
            cell = self.cell.words.get(" ".join(cell.split()).casefold(), cell)
        try:
            return self._parsed(cell, currency)
        except Bad as bad:
            return None, bad.reason
        except Refused as refused:
            return None, refused.message

    def _parsed(self, cell: str, currency: str | None) -> Read:
        match self.cell.parser:
            case "amount":
                if cell in _OUTCOMES or currency is None:
                    return cell, None
                if cells.is_blank(cells.squeeze(cell)):
                    return None, None
                value = cells.amount(cell, currency, decimal=self.decimal)
                return (value * self.cell.factor or None) if value is not None else None, None
            case "moment":
                return self._bounded(moment(cell, self.zone, self.dates)), None
            case "code":
                return cells.code(cell), None
            case "ean":
                return cells.code(cell, (8, 13)), None
            case "upc":
                return cells.code(cell, (12,)), None
            case "integer":
                return whole_number(cell), None
            case "share":
                return share(cell, self.decimal), None
            case "currency":
                word = cell.strip().upper()
                return (word, None) if word in CURRENCY_DIGITS else (None, "is no currency of ISO 4217")
            case "kind":
                word = cell.strip().upper().replace(" ", "_")
                known = word in PolicyKind.__members__
                return (word, None) if known else (None, f"is none of {', '.join(PolicyKind)}")
            case "url":
                return text.optional_line(cell[:2000], 2000), None
            case "name":
                return _name(cell)
        squeezed = " ".join(cell.split())
        return (None if cells.is_blank(squeezed) else text.line(squeezed, 200)), None

    def _bounded(self, found: str | None) -> str | None:
        since, before = self.cell.since, self.cell.before
        if found is not None and (since is not None or before is not None):
            at = datetime.fromisoformat(found)
            if (since is not None and at < since) or (before is not None and at >= before):
                raise Bad("is outside the time that is brought in")
        return found


class _Row:
    """One row on its way from cells to values."""

    def __init__(self, mapping: PriceMapping, warnings: list[Warned]) -> None:
        self.mapping, self.warnings = mapping, warnings
        self.exact: dict[str, Exact] = {"currency": mapping.currency}
        self.shown: dict[str, tuple[str, str]] = {}
        self.bad: dict[str, Warned] = {}
        self.refusal: Warned | None = None

    def take(self, field: _Field, row: list[str]) -> None:
        name = field.cell.name
        currency = self.exact["currency"]
        cell, (value, reason) = field.read(row, str(currency) if currency else None)
        self.exact[name] = value
        self.shown[name] = (field.header, cell.strip()[:_SHOWN])
        if reason is not None:
            self.bad[name] = Warned(*self.shown[name], reason)

    def values(self) -> dict[str, Value]:
        """What the row says, in minor units. Whatever it cannot do without and has not, refuses it."""
        what = self.mapping.what
        read = {
            ImportWhat.SKUS: self._sku,
            ImportWhat.PRICE_POLICIES: self._policy,
            ImportWhat.PRICE_OBSERVATIONS: self._observation,
            ImportWhat.SALES: self._sale,
        }[what]
        if self.exact["currency"] is None:
            self._refuse("currency", "is blank")
            return {}
        values = read()
        # a price that cannot be read is an observation all the same: of the look, and what came of it
        lookable = {"price"} if what is ImportWhat.PRICE_OBSERVATIONS else set[str]()
        for name in (*NEEDED[what], "seller", "captured_at", "valid_from", "valid_to"):
            if name in lookable or name not in self.exact:
                continue
            if values.get(name) is None and (
                name in NEEDED[what] or name in self.bad or name in ("seller", "captured_at")
            ):
                self._refuse(name, "is blank")
        if self.refusal is None:
            self.warnings += [warned for name, warned in self.bad.items()]
        return values

    def _sku(self) -> dict[str, Value]:
        return self._plain("code", "name", "brand", "ean", "upc", "mpn", "currency") | self._amounts("mrp", "cost")

    def _policy(self) -> dict[str, Value]:
        values = self._plain("sku", "kind", "currency", "tolerance_bp", "valid_from", "valid_to")
        values |= self._amounts("tolerance")
        amount, kind = self.exact.get("amount"), values["kind"]
        values["amount"] = None
        if isinstance(amount, Fraction) and kind is not None:
            values["amount"] = limit(amount, PolicyKind[str(kind)], str(values["currency"]))
        bp = values["tolerance_bp"]
        if isinstance(bp, int) and not 0 <= bp <= 10_000:
            self._refuse("tolerance_bp", "is not 0 to 10,000")
        begins, ends = values["valid_from"], values["valid_to"]
        if begins is not None and ends is not None and str(ends) <= str(begins):
            self._refuse("valid_to", "is not after it begins")
        return values

    def _observation(self) -> dict[str, Value]:
        match = ("match",) if self.mapping.fills("match") else ()
        values = self._seen("units", "url", *match) | self._amounts("price", "list_price")
        price = self.exact.get("price")
        if isinstance(price, str):
            values["outcome"], values["price"] = price, None
        elif "price" in self.bad:
            values["outcome"] = "PARSE_FAILED"
        elif values["price"] is None:
            values["outcome"] = "INSUFFICIENT"
        elif self.mapping.fills("list_price") and values["list_price"] is None:
            values["outcome"] = "INSUFFICIENT"  # a price beside nothing says nothing
        else:
            values["outcome"] = "FOUND"
        if isinstance(values["units"], int) and values["units"] <= 0:
            self._refuse("units", "is not above 0")
        return values

    def _sale(self) -> dict[str, Value]:
        values = self._seen("units") | self._amounts("price") | {"outcome": "FOUND"}
        if isinstance(values["units"], int) and values["units"] <= 0:
            self._refuse("units", "is a return or a cancellation" if values["units"] < 0 else "sold nothing")
        if values["price"] is None:
            self._refuse("price", "holds no price")
        if "description" in self.shown and self.exact["description"] is None:
            self.bad["description"] = Warned(*self.shown["description"], "says nothing")
        return values

    def _seen(self, *more: str) -> dict[str, Value]:
        return self._plain("sku", "seller", "captured_at", "currency", "channel", "name", "brand", *more)

    def _plain(self, *names: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for name in names:
            value = self.exact.get(name)
            found[name] = None if isinstance(value, Fraction) else value
        return found

    def _amounts(self, *names: str) -> dict[str, Value]:
        found: dict[str, Value] = {}
        currency = str(self.exact["currency"])
        for name in names:
            value, found[name] = self.exact.get(name), None
            if isinstance(value, Fraction):
                try:
                    found[name] = cells.minor(value, currency)
                except Bad as bad:
                    self.bad[name] = Warned(*self.shown[name], bad.reason)
        return found

    def _refuse(self, name: str, reason: str) -> None:
        if self.refusal is None:
            self.refusal = self.bad.pop(name, None) or Warned(*self.shown.get(name, (name, "")), reason)


def limit(amount: Fraction, kind: PolicyKind, currency: str) -> int:
    """The limit in whole minor units that the same prices of whole minor units breach as the exact amount.

    p < L for a whole p exactly when p < ⌈L⌉, p > L exactly when p > ⌊L⌋. Raises Bad for none and for too much.
    """
    exact = amount * 10 ** CURRENCY_DIGITS[currency]
    minor: int = floor(exact) if kind is PolicyKind.MRP_CEILING else ceil(exact)
    if not 0 < minor <= MAX_MINOR:
        raise Bad("is too large" if minor > 0 else "is less than one minor unit")
    return minor


def moment(cell: str, zone: tzinfo | None, dates: str = "DMY") -> str | None:
    """An instant as RFC 3339 in UTC: of seconds or milliseconds since 1970, of RFC 3339, or of a day and a time in `zone`.

    A day without a time is its beginning. Raises Bad, also for a time that names no offset where there is no zone.
    """
    written = cells.squeeze(cell)
    if cells.is_blank(written):
        return None
    try:
        if _EPOCH.fullmatch(written):
            since = int(written.partition(".")[0])
            return datetime.fromtimestamp(since if since < 10**11 else since // 1000, UTC).isoformat()
        if match := _DAY.fullmatch(written):
            day, month = (match[1], match[2]) if dates == "DMY" else (match[2], match[1])
            hour, minute, second = (each or "0" for each in match.groups()[3:])
            written = f"{match[3]}-{month:0>2}-{day:0>2}T{hour:0>2}:{minute:0>2}:{second:0>2}"
        found = datetime.fromisoformat(written)
    except (ValueError, OverflowError):
        raise Bad("is no time") from None
    if found.tzinfo is None:
        if zone is None:
            raise Bad("says no offset from UTC")
        found = found.replace(tzinfo=zone)
    try:
        return found.astimezone(UTC).isoformat()
    except OverflowError:
        raise Bad("is no time") from None


def _name(cell: str) -> Read:
    """What something is called: anything but nothing, "NA" too; cut where it is too long, with a warning."""
    squeezed = " ".join(cell.split())
    if len(squeezed) <= 200:
        return (text.line(squeezed, 200) if squeezed else None), None
    return text.line(squeezed[:200], 200), "is longer than 200 characters"


def whole_number(cell: str) -> int | None:
    """A whole number with its sign, "6.0" included. Raises Bad."""
    written = cells.squeeze(cell)
    if cells.is_blank(written):
        return None
    negative = written.startswith(("-", "−"))
    value = cells.integer(written[1:].lstrip() if negative else written, 0, 2**31 - 1)
    return -value if negative and value is not None else value


def share(cell: str, decimal: str | None = None) -> int | None:
    """A share from 0 to 1, or of a hundred with a percent sign, in basis points (HALF_UP). Raises Bad."""
    written = cells.squeeze(cell)
    if cells.is_blank(written):
        return None
    number = cells.number(written.removesuffix("%").rstrip(), decimal=decimal)
    exact = Fraction(number) / (100 if written.endswith("%") else 1)
    if exact > 1:
        raise Bad("is not a share from 0 to 1")
    return round_half_up(exact * 10_000)


def _constantly(cell: str) -> Callable[[list[str]], str]:
    return lambda row: cell
