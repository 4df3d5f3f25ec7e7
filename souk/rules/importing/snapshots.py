"""Prices seen at competitors, as rows: competitor (its domain), sku (its code), captured_at, price, currency, url."""

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b

from souk.rules.importing import cells
from souk.rules.importing.cells import Bad
from souk.rules.importing.parse import ParsedRow, Value, Warned
from souk.rules.importing.reading import Sheet
from souk.rules.money import CURRENCY_DIGITS

NAME = "competitor_snapshots"
COLUMNS = ("competitor", "sku", "captured_at", "price", "currency", "url")
NEEDED = COLUMNS[:5]


def parse_snapshots(sheet: Sheet) -> Iterator[ParsedRow]:
    """The rows of a sheet. A snapshot without competitor, SKU, time and price tells nothing: such a row is refused."""
    places = {name: sheet.column(name) for name in COLUMNS}
    for number, row in enumerate(sheet.rows, 1):
        cell = {name: row[at].strip() if at is not None and at < len(row) else "" for name, at in places.items()}
        values: dict[str, Value] = {
            "competitor": cell["competitor"].casefold(),
            "sku": cell["sku"],
            "currency": cell["currency"].upper(),
            "url": cell["url"][:2000] or None,
        }
        refusal = next((Warned(name, "", "is blank") for name in NEEDED if not cell[name]), None)
        refusal = refusal or _amount(cell, values) or _moment(cell, values)
        key = blake2b("\x1f".join(cell.values()).encode("utf-8", "surrogatepass"), digest_size=16).digest()
        yield ParsedRow(number, key, key, None, values, (), refusal)


def _amount(cell: dict[str, str], values: dict[str, Value]) -> Warned | None:
    currency = str(values["currency"])
    if currency not in CURRENCY_DIGITS:
        return Warned("currency", cell["currency"][:200], "is no currency of ISO 4217")
    try:
        values["price"] = cells.price(cell["price"], currency)
    except Bad as bad:
        return Warned("price", cell["price"][:200], bad.reason)
    return Warned("price", cell["price"][:200], "holds no amount") if values["price"] is None else None


def _moment(cell: dict[str, str], values: dict[str, Value]) -> Warned | None:
    try:
        moment = datetime.fromisoformat(cell["captured_at"])
    except ValueError:
        return Warned("captured_at", cell["captured_at"][:200], "is no time of RFC 3339")
    if moment.tzinfo is None:
        return Warned("captured_at", cell["captured_at"][:200], "says no offset from UTC")
    values["captured_at"] = moment.astimezone(UTC).isoformat()
    return None
