"""Money: signed 64-bit integers in minor units, with the digits that ISO 4217 gives each currency. No floats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from souk.rules.errors import Invalid, OutOfRange

MAX_MINOR = 2**63 - 1
MIN_MINOR = -(2**63)

_TWO_DIGITS = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
    CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
"""
_DIGITS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: _TWO_DIGITS,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

CURRENCY_DIGITS: dict[str, int] = {code: digits for digits, codes in _DIGITS.items() for code in codes.split()}
"""Currency → digits after the point, as ISO 4217 (List One, minor unit "CcyMnrUnts"), fund codes included.

ANG and BGN were withdrawn in 2025 and 2026 and stay for older amounts. Metals, units of account and test codes (XAU,
XDR, XTS, XXX …) have no minor unit and are no currency here.
"""

_AMOUNT = re.compile(r"-?[0-9]+(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units of one ISO 4217 currency: `Money(115000, "SAR")` is SAR 1,150.00."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        digits_of(self.currency)
        bounded(self.minor)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __str__(self) -> str:
        return f"{self.currency} {format_amount(self.minor, self.currency)}"

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add: there is no implicit exchange")
        return other.minor


def digits_of(currency: str) -> int:
    """Digits after the point. Raises Invalid for what is no currency."""
    digits = CURRENCY_DIGITS.get(currency)
    if digits is None:
        raise Invalid("This is not a currency of ISO 4217.", field="currencyCode")
    return digits


def bounded(minor: int) -> int:
    """The same amount. Raises OutOfRange where 64 bits do not hold it."""
    if not MIN_MINOR <= minor <= MAX_MINOR:
        raise OutOfRange("The amount is too large.", field="amount")
    return minor


def parse_amount(text: str, currency: str) -> int:
    """Minor units of a decimal string such as "1150.00" or "-3".

    At most the currency's digits: more are refused, never rounded, even when they are zeros. Raises Invalid, OutOfRange.
    """
    digits = digits_of(currency)
    match = _AMOUNT.fullmatch(text) if len(text) <= 64 else None
    if match is None:
        raise Invalid("An amount is a decimal number such as 1150.00.", field="amount")
    fraction = match[1] or ""
    if len(fraction) > digits:
        raise Invalid(f"{currency} has {digits} digits after the point.", field="amount")
    whole = text.partition(".")[0]
    return bounded(int(whole + fraction + "0" * (digits - len(fraction))))


def format_amount(minor: int, currency: str) -> str:
    """The decimal string with exactly the currency's digits: 115000 SAR is "1150.00", 500 JPY "500"."""
    digits = digits_of(currency)
    sign = "-" if minor < 0 else ""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else sign + text


def total(amounts: Iterable[Money]) -> list[Money]:
    """One sum per currency, sorted by currency; empty for nothing."""
    sums: dict[str, int] = {}
    for amount in amounts:
        sums[amount.currency] = sums.get(amount.currency, 0) + amount.minor
    return [Money(sums[currency], currency) for currency in sorted(sums)]


def round_half_up(value: Fraction | int) -> int:
    """The nearest integer, a half away from zero (HALF_UP, as java.math.RoundingMode and decimal name it)."""
    exact = Fraction(value)
    quotient = (abs(exact.numerator) * 2 + exact.denominator) // (exact.denominator * 2)
    return quotient if exact >= 0 else -quotient


def basis_points(amount: int, bp: int) -> int:
    """`amount · bp / 10000`, rounded once, HALF_UP: 3333 at 1500 bp is 500."""
    return round_half_up(Fraction(amount * bp, 10_000))


def rounded(value: Fraction, digits: int) -> Fraction:
    """`value` to that many decimal places, HALF_UP."""
    scale = 10**digits
    return Fraction(round_half_up(value * scale), scale)
