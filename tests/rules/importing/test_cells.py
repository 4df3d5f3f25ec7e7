"""Cells: what people write in spreadsheets, read exactly or refused with a reason."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules.importing.cells import Bad, integer, measure, number, ordinal, price, year
from souk.rules.importing.mapping import FIELDS


@pytest.mark.parametrize(
    ("cell", "currency", "minor"),
    [
        ("63500", "INR", 6350000),
        ("63500.0", "INR", 6350000),
        ("63,500", "INR", 6350000),
        ("1,23,456.50", "INR", 12345650),
        ("₹ 63,500/-", "INR", 6350000),
        ("Rs. 63,500 only", "INR", 6350000),
        ("INR 63 500", "INR", 6350000),
        ("1.25 lakh", "INR", 12500000),
        ("₹1.25 Lac", "INR", 12500000),
        ("Rs 2 crore 50 lakh", "INR", 2_50_00_000_00),
        ("1.5 Cr", "INR", 1_50_00_000_00),
        ("45k", "INR", 4500000),
        ("1.5e6", "INR", 150000000),
        ("1.234.567,89 €", "EUR", 123456789),
        ("1 234,50 EUR", "EUR", 123450),
        ("1\u00a0234\u202f567", "EUR", 123456700),
        ("1'234.50", "CHF", 123450),
        ("1.250 €", "EUR", 125000),
        ("1.250", "KWD", 1250),
        ("12,5", "EUR", 1250),
        ("£6,699 ono", "GBP", 669900),
        ("US$ 1,999.99", "USD", 199999),
        ("١٢٣٤", "SAR", 123400),
        ("1,150.00 SAR", "SAR", 115000),
        ("500", "JPY", 500),
        ("0", "INR", None),
        ("₹ 0.00", "INR", None),
        ("Call", "INR", None),
        ("call for price", "INR", None),
        ("On Request", "INR", None),
        ("P.O.A.", "GBP", None),
        ("Preis auf Anfrage", "EUR", None),
    ],
)
def test_prices(cell: str, currency: str, minor: int | None) -> None:
    assert price(cell, currency) == minor


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "is blank"),
        ("n/a", "is blank"),
        ("-500", "is not a price"),
        ("about a lot", "is not a price"),
        ("$ 500", "is in another currency"),
        ("500 EUR", "is in another currency"),
        ("500 - 600", "is a range"),
        ("500 to 600", "is a range"),
        ("63500 17000", "is not a number"),
        ("63500 / 17000", "holds several numbers"),
        ("12.3456", "has more than 2 digits after the point"),
        ("1,2,3", "is not a number"),
        ("12 bananas", "is not a price"),
        ("9" * 30, "is too large"),
        ("\udcff12", "is not UTF-8"),
    ],
)
def test_what_is_no_price(cell: str, reason: str) -> None:
    with pytest.raises(Bad) as bad:
        price(cell, "INR")
    assert bad.value.reason == reason


@given(st.integers(1, 10**12), st.sampled_from([",", ".", " ", "'"]), st.booleans())
def test_grouped_amounts_come_back(minor: int, sign: str, cents: bool) -> None:
    whole = f"{minor:,}".replace(",", sign)
    point = "," if sign == "." else "."
    text = f"{whole}{point}05" if cents else whole
    three = sign == "." or not cents
    assert number(text, three_are_thousands=three) == Fraction(minor) + (Fraction(5, 100) if cents else 0)


@given(st.integers(10**5, 10**12))
def test_indian_groups_come_back(value: int) -> None:
    head, tail = divmod(value, 1000)
    pairs = []
    while head:
        head, pair = divmod(head, 100)
        pairs.append(f"{pair:02d}" if head else str(pair))
    assert number(",".join([*reversed(pairs), f"{tail:03d}"])) == value


@given(st.text(max_size=40), st.sampled_from(["INR", "KWD", "JPY"]))
def test_any_cell_is_read_or_bad(cell: str, currency: str) -> None:
    spec = FIELDS["km"]
    for read in (
        lambda: price(cell, currency),
        lambda: measure(cell, spec.units, 0, 10**6, bare="km"),
        lambda: integer(cell, 0, 100),
        lambda: year(cell, 2026),
        lambda: ordinal(cell, 1, 9),
    ):
        with suppress(Bad):
            value = read()
            assert value is None or value >= 0


def power(cell: str) -> int | None:
    spec = FIELDS["power_bhp_tenths"]
    return measure(cell, spec.units, spec.low, spec.high, scale=spec.scale, bare=spec.bare)


def test_measures_take_their_units_with_them() -> None:
    km = FIELDS["km"].units
    assert measure("17000 Km", km, 0, None) == 17000
    assert measure("17,000km", km, 0, None) == 17000
    assert measure("2015.0", km, 0, None, bare="km") == 2015
    assert measure("18", km, 0, None, bare="mi") == 29
    assert measure("", km, 0, None) is None
    assert [power(cell) for cell in ("19.80 bhp", "19 Bhp", "10.06kW (13.68 Ps)", "20.2 PS", "25 bhp @ 9,000 rpm")] == [
        198,
        190,
        135,
        199,
        250,
    ]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("35-40 km", "is a range"),
        ("Yes Km", "is not a number with its unit"),
        ("65 kmpl", "has the unit kmpl"),
        ("-5 km", "is out of range"),
        ("9999999 km", "is out of range"),
        ("12 km or so", "is not a number with its unit"),
    ],
)
def test_what_is_no_distance(cell: str, reason: str) -> None:
    with pytest.raises(Bad) as bad:
        measure(cell, FIELDS["km"].units, 0, 2_000_000, bare="km")
    assert bad.value.reason == reason


def test_whole_numbers_years_and_ordinals() -> None:
    assert integer("2015.0", None, None) == 2015
    assert year("2027.0", 2026) == 2027
    assert [ordinal(c, 1, 9) for c in ("first owner", "2nd Owner", "3.0", "fourth owner or more", "")] == [
        1,
        2,
        3,
        4,
        None,
    ]
    for read, cell, reason in (
        (lambda c: integer(c, None, None), "1.5", "is not a whole number"),
        (lambda c: year(c, 2026), "1923", "is an impossible year"),
        (lambda c: year(c, 2026), "2028", "is an impossible year"),
        (lambda c: ordinal(c, 1, 9), "many", "is not a count"),
        (lambda c: ordinal(c, 1, 9), "0", "is out of range"),
    ):
        with pytest.raises(Bad) as bad:
            read(cell)
        assert bad.value.reason == reason


def test_a_mapping_may_end_all_doubt_about_numbers() -> None:
    assert number("1,234") == 1234
    assert number("1,234", decimal=",") == Fraction("1.234")
    assert number("1.234") == Fraction("1.234")
    assert number("1.234", decimal=",") == 1234
    assert number("1.234", three_are_thousands=True) == 1234


@pytest.mark.parametrize("digits", ["9" * 301, "1" * 5_000, "1." + "0" * 5_000, "9" * 400 + "e5", "9" * 100_000])
def test_a_number_of_absurd_length_is_bad_like_any_other_cell(digits: str) -> None:
    with pytest.raises(Bad):
        number(digits)
    with pytest.raises(Bad):
        price(digits, "INR")
    with pytest.raises(Bad):
        integer(digits, 0, None)
    with pytest.raises(Bad):
        year(digits, 2026)


@pytest.mark.parametrize(("cell", "value"), [("0", None), ("00", None), ("1", 100), ("99999999999", 9_999_999_999_900)])
def test_a_price_of_digits_alone(cell: str, value: int | None) -> None:
    assert price(cell, "INR") == value


def test_plain_measures_and_units_mean_the_same_as_written_out() -> None:
    units = {"km": Fraction(1), "mi": Fraction("1.609344")}
    cases = {"17000": 17_000, "17000 Km": 17_000, "17000Km": 17_000, "17000  km": 17_000, "17,000 km": 17_000}
    assert {cell: measure(cell, units, 0, 2_000_000, bare="km") for cell in cases} == cases
    assert measure("10 mi", units, 0, 2_000_000, bare="km") == 16
    for cell in ("17000 kg", "2000001 km", "17000 km km"):
        with pytest.raises(Bad):
            measure(cell, units, 0, 2_000_000, bare="km")
