"""The scalars of the contract. Their parsers are total: any input gives a value or a GraphQL error, never an exception.

"Total" is meant in PostgreSQL's terms, too: what a parser lets through, the database can take.
"""

import re
import zoneinfo
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import InvalidOperation
from functools import cache
from typing import Any, NewType
from urllib.parse import urlsplit

import orjson
import strawberry
from graphql import GraphQLError
from sqlalchemy import BigInteger, Double, Integer, Text, Uuid
from sqlalchemy import Date as DateColumn
from sqlalchemy import DateTime as Timestamp
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from ..rules.money import CURRENCY_DIGITS

BigInt = NewType("BigInt", int)
DateTime = NewType("DateTime", datetime)
Date = NewType("Date", date)
Decimal = NewType("Decimal", str)
CurrencyCode = NewType("CurrencyCode", str)
EmailAddress = NewType("EmailAddress", str)
PhoneNumber = NewType("PhoneNumber", str)
URL = NewType("URL", str)
CountryCode = NewType("CountryCode", str)
LocaleCode = NewType("LocaleCode", str)
TimeZone = NewType("TimeZone", str)
JSON = NewType("JSON", object)

_OFFSET = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,6})?")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f]{1,64}@[^\s@\x00-\x1f\x7f.]+(\.[^\s@\x00-\x1f\x7f.]+)+")
_PHONE = re.compile(r"\+[1-9]\d{4,14}")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2}|-\d{3})?")
_COUNTRY = re.compile(r"[A-Z]{2}")


_ENDLESS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""The first and the last moment that Python has; asyncpg stores them as -infinity and infinity, which no answer can tell."""


def write_time(value: Any) -> str:
    """RFC 3339 in UTC; the fraction without trailing zeros, as PostgreSQL writes it. A text is one already."""
    if isinstance(value, str):
        return value
    utc: datetime = value.astimezone(UTC)
    text = f"{utc.year:04d}-{utc.month:02d}-{utc.day:02d}T{utc.hour:02d}:{utc.minute:02d}:{utc.second:02d}"
    return f"{text}.{utc.microsecond:06d}".rstrip("0") + "Z" if utc.microsecond else text + "Z"


def read_time(text: object) -> datetime:
    """A moment with its offset; fractions beyond microseconds are cut, years are 1 to 9999 in UTC, too."""
    if not isinstance(text, str) or not _OFFSET.fullmatch(text):
        raise ValueError
    found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper())).astimezone(UTC)
    if found in _ENDLESS:
        raise ValueError
    return found


def write_date(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


def read_date(text: object) -> date:
    if not isinstance(text, str) or not _DATE.fullmatch(text):
        raise ValueError
    return date.fromisoformat(text)


def read_big(text: object) -> int:
    if (
        isinstance(text, bool)
        or not isinstance(text, str | int)
        or not re.fullmatch(r"-?\d{1,19}", str(text), re.ASCII)
    ):
        raise ValueError
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def read_decimal(text: object) -> str:
    if isinstance(text, bool) or not isinstance(text, str | int) or not _DECIMAL.fullmatch(str(text)):
        raise ValueError
    return str(text)


def _matching(pattern: re.Pattern[str], longest: int) -> Callable[[object], str]:
    def read(text: object) -> str:
        if not isinstance(text, str) or len(text) > longest or not pattern.fullmatch(text):
            raise ValueError
        return text

    return read


def read_currency(text: object) -> str:
    if not isinstance(text, str) or not re.fullmatch("[A-Z]{3}", text):
        raise ValueError
    return text


def read_url(text: object) -> str:
    if not isinstance(text, str) or len(text) > 2048 or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError
    return text


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def read_zone(text: object) -> str:
    if not isinstance(text, str) or text not in _zones():
        raise ValueError
    return text


def read_json(value: object) -> object:
    try:
        text = orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError, RecursionError) as error:
        raise ValueError from error
    if b"\\u0000" in text or orjson.loads(text) != value:  # a number that is none is written as null
        raise ValueError
    return value


class _Total:
    """A parser that answers with a GraphQL error whatever goes wrong inside."""

    def __init__(self, name: str, read: Callable[[Any], Any]) -> None:
        self.name, self.read = name, read

    def __call__(self, value: Any) -> Any:
        try:
            return self.read(value)
        except (ValueError, TypeError, OverflowError, InvalidOperation, RecursionError):
            raise GraphQLError(
                f"This is not a valid {self.name}.", extensions={"code": "BAD_USER_INPUT", "retryable": False}
            ) from None


def _scalar(
    name: str, description: str, url: str, read: Callable[[Any], Any], write: Callable[[Any], Any] = str
) -> Any:
    return strawberry.scalar(
        name=name, description=description, specified_by_url=url, serialize=write, parse_value=_Total(name, read)
    )


def _plain(value: Any) -> Any:
    return getattr(value, "_data", value)


def _rfc(number: int) -> str:
    return f"https://www.rfc-editor.org/rfc/rfc{number}"


SCALARS: dict[Any, Any] = {
    BigInt: _scalar(
        "BigInt",
        "An integer of up to 64 bits, as a string.",
        "https://www.postgresql.org/docs/current/datatype-numeric.html",
        read_big,
    ),
    DateTime: _scalar("DateTime", "A moment, RFC 3339 in UTC with `Z`.", _rfc(3339), read_time, write_time),
    Date: _scalar("Date", "A calendar day, `YYYY-MM-DD`.", _rfc(3339), read_date, write_date),
    Decimal: _scalar(
        "Decimal", "An exact decimal number, as a string.", "https://speleotrove.com/decimal/", read_decimal
    ),
    CurrencyCode: _scalar(
        "CurrencyCode", "A currency, ISO 4217.", "https://www.iso.org/iso-4217-currency-codes.html", read_currency
    ),
    EmailAddress: _scalar("EmailAddress", "An e-mail address.", _rfc(5322), _matching(_EMAIL, 254)),
    PhoneNumber: _scalar(
        "PhoneNumber", "A telephone number, E.164.", "https://www.itu.int/rec/T-REC-E.164/", _matching(_PHONE, 16)
    ),
    URL: _scalar("URL", "An http or https address.", _rfc(3986), read_url),
    CountryCode: _scalar(
        "CountryCode",
        "A country, ISO 3166-1 alpha-2.",
        "https://www.iso.org/iso-3166-country-codes.html",
        _matching(_COUNTRY, 2),
    ),
    LocaleCode: _scalar(
        "LocaleCode", "A language with an optional script and region, BCP 47.", _rfc(5646), _matching(_LOCALE, 12)
    ),
    TimeZone: _scalar("TimeZone", "A time zone of the IANA database.", "https://www.iana.org/time-zones", read_zone),
    JSON: _scalar("JSON", "A value without a fixed shape.", _rfc(8259), read_json, _plain),
}

TEXTS = (
    "String",
    "Decimal",
    "CurrencyCode",
    "EmailAddress",
    "PhoneNumber",
    "URL",
    "CountryCode",
    "LocaleCode",
    "TimeZone",
)
_KINDS: dict[str, TypeEngine[Any]] = {
    "Int": Integer(),
    "Float": Double(),
    "BigInt": BigInteger(),
    "DateTime": Timestamp(timezone=True),
    "Date": DateColumn(),
    "UUID": Uuid(),
    "JSON": JSONB(),
}
STORED: dict[str, TypeEngine[Any]] = _KINDS | dict.fromkeys(TEXTS, Text())
"""How a variable of a scalar travels to the database."""


def digits_of(currency: str) -> int:
    """The digits after the point that ISO 4217 gives the currency."""
    return CURRENCY_DIGITS.get(currency, 2)
