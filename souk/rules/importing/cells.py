"""One cell → one value: numbers as people write them, prices with their currencies and words, years, ordinals.

Every parser is total: it answers a value, None for a blank, or raises `Bad` with a reason in a few words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from fractions import Fraction
from functools import cache

from souk.rules.money import CURRENCY_DIGITS, MAX_MINOR, round_half_up

BLANK = frozenset({"", "-", "--", "—", "–", "?", "n/a", "na", "n.a.", "nil", "none", "null", "nan", "#n/a"})
"""What stands for nothing, in lower case."""

ON_REQUEST = frozenset(
    [
        "call",
        "call us",
        "call now",
        "call for price",
        "call for the price",
        "please call",
        "contact",
        "contact us",
        "contact seller",
        "contact dealer",
        "ask",
        "ask for price",
        "ask price",
        "ask seller",
        "enquire",
        "inquire",
        "on request",
        "price on request",
        "upon request",
        "request",
        "por",
        "p.o.r",
        "poa",
        "p.o.a",
        "price on application",
        "on application",
        "tba",
        "tbc",
        "to be announced",
        "negotiable",
        "price negotiable",
        "auf anfrage",
        "preis auf anfrage",
        "vb",
        "sur demande",
        "prix sur demande",
        "a consultar",
        "su richiesta",
        "op aanvraag",
        "اتصل",
        "عند الطلب",
    ]
)
"""A price that has to be asked for, in lower case."""

MULTIPLIERS: Mapping[str, int] = {
    **dict.fromkeys(("k", "thousand", "thousands", "hazar", "hazaar"), 1_000),
    **dict.fromkeys(("lakh", "lakhs", "lac", "lacs", "l"), 100_000),
    **dict.fromkeys(("m", "mn", "million", "millions", "mio"), 1_000_000),
    **dict.fromkeys(("cr", "crs", "crore", "crores"), 10_000_000),
}

RANGE = "is a range"
BLANK_CELL = "is blank"

_SIGNS: Mapping[str, str] = {
    "₹": "INR",
    "rs": "INR PKR LKR NPR MUR SCR",
    "re": "INR",
    "rupees": "INR PKR LKR NPR MUR SCR",
    "£": "GBP EGP LBP SYP GIP FKP SHP SSP SDG",
    "€": "EUR",
    "euro": "EUR",
    "euros": "EUR",
    "$": "USD AUD CAD NZD SGD HKD TWD MXN ARS CLP COP BSD BBD BMD BND BZD FJD GYD JMD KYD LRD NAD SBD SRD TTD XCD",
    "us$": "USD",
    "usd$": "USD",
    "a$": "AUD",
    "r$": "BRL",
    "¥": "JPY CNY",
    "₫": "VND",
    "đ": "VND",
    "₽": "RUB",
    "₺": "TRY",
    "tl": "TRY",
    "₩": "KRW",
    "฿": "THB",
    "₱": "PHP",
    "₦": "NGN",
    "₴": "UAH",
    "rp": "IDR",
    "rm": "MYR",
    "zł": "PLN",
    "zl": "PLN",
    "kr": "SEK NOK DKK ISK",
    "kč": "CZK",
    "ft": "HUF",
    "lei": "RON",
    "fr": "CHF",
    "sr": "SAR SCR",
    "ریال": "SAR IRR OMR QAR YER",
    "ر.س": "SAR",
    "ريال": "SAR OMR QAR YER",
    "د.إ": "AED",
    "dh": "AED MAD",
    "dhs": "AED MAD",
    "r": "ZAR",
}
_NOISE = frozenset(
    {"only", "onwards", "price", "asking", "net", "fixed", "negotiable", "neg", "ono", "o.n.o", "/-", "/=", "."}
)

_NUMBER = r"(?:\d+(?:\.\d+)?[eE]\+?\d{1,2}(?!\w)|\d(?:[\d.,'’ \u00a0\u202f]*\d)?)"
_EXPONENT = re.compile(r"(\d+(?:\.\d+)?)[eE]\+?(\d{1,2})")
_LETTERS = r"[^\W\d_]+"
_MEASURE = re.compile(rf"(?P<sign>[-−])?\s*(?P<number>{_NUMBER})\s*(?P<unit>{_LETTERS}(?:/{_LETTERS})?)?")
_RANGE = re.compile(rf"{_NUMBER}\s*(?:-|–|—|\bto\b)\s*{_NUMBER}")
_REST = re.compile(r"\s*(?:$|[@(/].*$|at\b.*$)", re.DOTALL)
_PRICE_PART = re.compile(rf"(?P<number>{_NUMBER})\s*(?P<word>{_LETTERS})?")
_PRICE_WORDS = re.compile(r"/[-=]|[^\W\d_]+(?:\.[^\W\d_]+)*\$?|[^\s\w.,]")
_GROUPED = {
    sep: re.compile(
        rf"\d{{1,3}}(?:{re.escape(sep)}\d{{3}})+|\d{{1,2}}(?:{re.escape(sep)}\d{{2}})*{re.escape(sep)}\d{{3}}"
    )
    for sep in (",", ".", "'", "’", " ")
}
_LONGEST = 300  # characters; patterns take the square of their time, and Python itself refuses thousands of digits
_PLAIN = re.compile(r"([0-9]{1,9}) ?([A-Za-z]{1,12})?", re.ASCII)
"""A whole number, perhaps with its unit: what most cells hold."""
_ORDINALS = {
    word: n
    for n, words in enumerate(
        [
            "first one single",
            "second two",
            "third three",
            "fourth four",
            "fifth five",
            "sixth six",
            "seventh seven",
            "eighth eight",
        ],
        1,
    )
    for word in words.split()
}
_ORDINAL = re.compile(r"(\d{1,2})(?:\.0+)?(?:st|nd|rd|th)?(?!\d)")


_ROUNDED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+")


class Bad(Exception):
    """A cell that does not hold what its column should; `reason` says why in a few words."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def squeeze(cell: str) -> str:
    """The cell with white space unified, digits of other scripts in ASCII, lone bytes refused."""
    if cell.isascii():
        return " ".join(cell.split())
    plain = unicodedata.normalize("NFKC", cell)
    if any("\ud800" <= c <= "\udfff" for c in plain):
        raise Bad("is not UTF-8")
    digits = "".join(str(unicodedata.digit(c)) if c.isdigit() and not c.isascii() else c for c in plain)
    return " ".join(digits.replace("٫", ".").replace("٬", ",").replace("ـ", "").split())


def _figure(cell: str) -> str:
    """A squeezed cell that may be a figure. One of more characters than any has is refused before a pattern looks at it."""
    text = squeeze(cell)
    if len(text) > _LONGEST:
        raise Bad("is too long")
    return text


def is_blank(text: str) -> bool:
    """Whether a squeezed cell stands for nothing."""
    return text.casefold() in BLANK


def number(text: str, *, decimal: str | None = None, three_are_thousands: bool = False) -> int | Fraction:
    """The exact value of "1,23,456.50", "1.234.567,89", "12 500", "2015.0" or "1.5e6".

    With both separators the last one is the decimal one. One alone: several times, or a comma before exactly three
    digits, it groups; else it is decimal. A single point before three digits groups only with `three_are_thousands`
    (prices in a currency of two digits: 1.250 € is 1250). `decimal` ("." or ",") ends all doubt. Raises Bad.
    """
    if len(text) > _LONGEST:
        raise Bad("is too large")
    if text.isascii() and text.isdigit():
        return int(text)
    if match := _EXPONENT.fullmatch(text):
        return Fraction(match[1]) * Fraction(10 ** int(match[2]))
    plain = text.replace("\u00a0", " ").replace("\u202f", " ")
    point = decimal or _decimal_point(plain, three_are_thousands)
    whole, _, fraction = plain.rpartition(point) if point and point in plain else (plain, "", "")
    if fraction and not fraction.isdigit():
        raise Bad("is not a number")
    if not fraction.strip("0"):
        return int(_ungrouped(whole))
    return Fraction(f"{_ungrouped(whole)}.{fraction}")


def _decimal_point(text: str, three_are_thousands: bool) -> str | None:
    last = max(text.rfind("."), text.rfind(","))
    if last < 0:
        return None
    sign, other = text[last], "," if text[last] == "." else "."
    if other in text:
        return sign
    if text.count(sign) > 1:
        return None
    groups = len(text) - last - 1 == 3 and text[0] != "0" and last <= 3
    if groups and (sign == "," or three_are_thousands):
        return None
    return sign


def _ungrouped(whole: str) -> str:
    if whole.isdigit():
        return whole
    for sign, pattern in _GROUPED.items():
        if sign in whole and pattern.fullmatch(whole):
            return whole.replace(sign, "")
    raise Bad("is not a number")


def integer(cell: str, low: int | None, high: int | None, *, decimal: str | None = None) -> int | None:
    """A whole number, "2015.0" included, within bounds."""
    return measure(cell, {}, low, high, decimal=decimal)


def measure(
    cell: str,
    units: Mapping[str, Fraction],
    low: int | None,
    high: int | None,
    *,
    scale: int = 1,
    bare: str | None = None,
    prefixes: tuple[str, ...] = (),
    decimal: str | None = None,
) -> int | None:
    """A number with one of `units` after it, times the unit's factor and `scale`, as an integer (HALF_UP).

    Without a unit, `bare` names the one meant. What follows "@", "at", "/" or "(" is a remark. With no units at all the
    number must be whole. Bounds are in the base unit. Raises Bad for ranges, other units and other words.
    """
    if (plain := _PLAIN.fullmatch(cell)) is not None:
        factor = units.get((plain[2] or bare or "").casefold()) if units else (1 if plain[2] is None else None)
        if factor is not None and factor == 1:
            whole = int(plain[1])
            if (low is None or whole >= low) and (high is None or whole <= high):
                return whole * scale
    text = _figure(cell)
    lower = text.casefold()
    for prefix in prefixes:
        if lower.startswith(prefix):
            text = text[len(prefix) :].lstrip(" :")
            break
    if is_blank(text):
        return None
    if _RANGE.match(text):
        raise Bad(RANGE)
    match = _MEASURE.match(text)
    if match is None or not (_REST.match(text, match.end()) if units else match.end() == len(text)):
        raise Bad("is not a number" if not units else "is not a number with its unit")
    unit = (match["unit"] or bare or "").casefold()
    if units and unit and unit not in units:
        raise Bad(f"has the unit {unit}")
    if not units and unit:
        raise Bad("is not a number")
    value = number(match["number"], decimal=decimal) * units.get(unit, Fraction(1))
    if match["sign"]:
        value = -value
    if not units and value.denominator != 1:
        raise Bad("is not a whole number")
    if (low is not None and value < low) or (high is not None and value > high):
        raise Bad("is out of range")
    return round_half_up(value * scale)


def year(cell: str, this_year: int, *, oldest: int = 1950) -> int | None:
    """A model year from 1950 to the next. Raises Bad for impossible ones."""
    value = integer(cell, None, None)
    if value is not None and not oldest <= value <= this_year + 1:
        raise Bad("is an impossible year")
    return value


def ordinal(cell: str, low: int | None, high: int | None) -> int | None:
    """The number of "first owner", "2nd", "3.0" or "Fourth Owner or More"."""
    text = _figure(cell).casefold()
    if is_blank(text):
        return None
    match = _ORDINAL.match(text)
    value = int(match[1]) if match else _ORDINALS.get(text.split()[0])
    if value is None:
        raise Bad("is not a count")
    if (low is not None and value < low) or (high is not None and value > high):
        raise Bad("is out of range")
    return value


def price(cell: str, currency: str, *, decimal: str | None = None) -> int | None:
    """Minor units; None for zero and for a price on request. Raises Bad as `amount` does, and for more digits than the
    currency has."""
    digits = CURRENCY_DIGITS[currency]
    if len(cell) < 12 and cell.isascii() and cell.isdigit():
        return int(cell) * 10**digits or None
    value = amount(cell, currency, decimal=decimal)
    return None if value is None else minor(value, currency)


def minor(value: Fraction, currency: str) -> int | None:
    """An amount in whole minor units; None for zero. Raises Bad for more digits than the currency has."""
    digits = CURRENCY_DIGITS[currency]
    exact = value * 10**digits
    if exact.denominator != 1:
        raise Bad(f"has more than {digits} digits after the point")
    if exact > MAX_MINOR:
        raise Bad("is too large")
    return int(exact) or None


def amount(cell: str, currency: str, *, decimal: str | None = None) -> Fraction | None:
    """The exact amount, in whole units of the currency; None for a price on request.

    Takes the currency's own signs and codes before or after the number, groups of three or Indian ones, "1.25 lakh",
    "2 crore 50 lakh", "₹ 63,500/- only". Raises Bad for blanks, other currencies, ranges, negative amounts, and anything
    else that is no price.
    """
    if len(cell) < 20 and cell.isascii() and cell.isdigit():
        return Fraction(int(cell))
    text = _figure(cell)
    lower = text.casefold().strip(" .!*")
    if is_blank(text):
        raise Bad(BLANK_CELL)
    if lower in ON_REQUEST:
        return None
    if _RANGE.search(text):
        raise Bad(RANGE)
    digits = CURRENCY_DIGITS[currency]
    value, found, rest = Fraction(0), False, text
    for part in _PRICE_PART.finditer(text):
        factor = MULTIPLIERS.get((part["word"] or "").casefold())
        if found and factor is None:
            raise Bad("holds several numbers")
        thousands = factor is None and digits != 3
        value += number(part["number"], decimal=decimal, three_are_thousands=thousands) * (factor or 1)
        found = True
        rest = rest.replace(part[0] if factor else part["number"], " ", 1)
    if not found:
        raise Bad("is not a price")
    for word in _PRICE_WORDS.findall(rest.casefold()):
        if word not in _signs(currency) and word not in _NOISE:
            raise Bad("is in another currency" if _is_currency(word) else "is not a price")
    return value


def code(cell: str, lengths: tuple[int, ...] = (), *, longest: int = 64) -> str | None:
    """What names a thing: its text, "794000000000.0" without the zero that a spreadsheet adds; None for a blank.

    `lengths` are those that a number of the trade may have. Raises Bad for "7.94E+11": a spreadsheet has cut it, so that
    many things have the same.
    """
    text = _figure(cell)
    if is_blank(text):
        return None
    if _ROUNDED.fullmatch(text):
        raise Bad("was cut by a spreadsheet")
    whole, point, zero = text.partition(".")
    if point and whole.isdigit() and not zero.strip("0"):
        text = whole
    if lengths:
        text = text.replace(" ", "").replace("-", "")
        if not text.isdigit() or len(text) not in lengths:
            raise Bad(f"has not {' or '.join(map(str, lengths))} digits")
    if len(text) > longest:
        raise Bad(f"is longer than {longest} characters")
    if not text.isprintable():
        raise Bad("holds control characters")
    return text


@cache
def _signs(currency: str) -> frozenset[str]:
    return frozenset({currency.casefold(), *(s for s, codes in _SIGNS.items() if currency in codes.split())})


def _is_currency(word: str) -> bool:
    return word in _SIGNS or word.upper() in CURRENCY_DIGITS
