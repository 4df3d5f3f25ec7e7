"""Money: exact integers, ISO's digits, one rounding."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules.errors import Invalid, OutOfRange
from souk.rules.money import (
    CURRENCY_DIGITS,
    MAX_MINOR,
    MIN_MINOR,
    Money,
    basis_points,
    format_amount,
    parse_amount,
    round_half_up,
    rounded,
    total,
)

minors = st.integers(MIN_MINOR, MAX_MINOR)
currencies = st.sampled_from(sorted(CURRENCY_DIGITS))


@given(minors, currencies)
def test_what_is_written_reads_back(minor: int, currency: str) -> None:
    text = format_amount(minor, currency)
    assert parse_amount(text, currency) == minor
    assert len(text.partition(".")[2]) == CURRENCY_DIGITS[currency]


@given(st.text() | st.from_regex(r"-?[0-9]{0,30}\.?[0-9]{0,6}", fullmatch=True), currencies)
def test_any_text_is_an_amount_or_refused(text: str, currency: str) -> None:
    try:
        minor = parse_amount(text, currency)
    except (Invalid, OutOfRange):
        return
    assert Fraction(minor, 10 ** CURRENCY_DIGITS[currency]) == Fraction(text)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("1150.00", "SAR", 115000),
        ("1150", "SAR", 115000),
        ("-0.05", "INR", -5),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("0.0001", "CLF", 1),
        ("92233720368547758.07", "EUR", MAX_MINOR),
        ("-92233720368547758.08", "EUR", MIN_MINOR),
    ],
)
def test_amounts_are_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1.234", "SAR"),
        ("1.230", "SAR"),
        ("1.0", "JPY"),
        ("1.", "SAR"),
        (".5", "SAR"),
        ("1e3", "SAR"),
        ("+1", "SAR"),
        ("1,000.00", "SAR"),
        (" 1", "SAR"),
        ("1\n", "SAR"),
        ("١", "SAR"),
        ("", "SAR"),
        ("9" * 5000, "SAR"),
        ("1.00", "XXX"),
        ("1.00", "sar"),
    ],
)
def test_what_is_no_amount_is_refused_not_rounded(text: str, currency: str) -> None:
    with pytest.raises(Invalid):
        parse_amount(text, currency)


@pytest.mark.parametrize("text", ["92233720368547758.08", "-92233720368547758.09", "9" * 60])
def test_sixty_four_bits_are_the_bound(text: str) -> None:
    with pytest.raises(OutOfRange):
        parse_amount(text, "EUR")


def test_a_sum_is_one_amount_per_currency_in_order() -> None:
    amounts = [Money(5, "SAR"), Money(7, "INR"), Money(-2, "SAR"), Money(1, "INR")]
    assert total(amounts) == [Money(8, "INR"), Money(3, "SAR")]
    assert total([]) == []


def test_currencies_never_mix() -> None:
    assert Money(5, "SAR") - Money(7, "SAR") == -Money(2, "SAR")
    with pytest.raises(ValueError, match="no implicit exchange"):
        Money(1, "SAR") + Money(1, "INR")
    with pytest.raises(OutOfRange):
        Money(MAX_MINOR, "SAR") + Money(1, "SAR")
    assert str(Money(115000, "SAR")) == "SAR 1150.00"


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**6))
def test_rounding_is_half_up_as_decimal_does_it(numerator: int, denominator: int) -> None:
    exact = Fraction(numerator, denominator)
    result = round_half_up(exact)
    assert abs(result - exact) <= Fraction(1, 2)
    if abs(result - exact) == Fraction(1, 2):
        assert abs(result) > abs(exact)
    halves = Fraction(numerator, 2)
    assert round_half_up(halves) == int(Decimal(numerator / 2).quantize(Decimal(1), ROUND_HALF_UP))


def test_basis_points_round_once() -> None:
    assert basis_points(100000, 1500) == 15000
    assert basis_points(3333, 1500) == 500
    assert basis_points(10, 1500) == 2
    assert basis_points(-10, 1500) == -2
    assert rounded(Fraction(4183, 100), 1) == Fraction(418, 10)


def test_iso_gives_the_digits() -> None:
    assert len(CURRENCY_DIGITS) == 167
    assert {c for c, d in CURRENCY_DIGITS.items() if d == 3} == {"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"}
    assert (CURRENCY_DIGITS["IRR"], CURRENCY_DIGITS["ISK"], CURRENCY_DIGITS["HUF"], CURRENCY_DIGITS["UGX"]) == (
        2,
        0,
        2,
        0,
    )
