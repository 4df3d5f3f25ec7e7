"""SKUs, policies, observations and sales out of a file: exact amounts, times, outcomes, and what is refused."""

import gzip
import io
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules.alert import breaches
from souk.rules.enums import PolicyKind
from souk.rules.errors import Invalid, InvalidInput
from souk.rules.importing import ParsedRow, PriceMapping
from souk.rules.importing.cells import Bad
from souk.rules.importing.price_rows import limit, moment, share
from souk.rules.importing.prices import read_price_mapping
from souk.rules.importing.walking import mapping_of, walk

SEEN = """
what = "PRICE_OBSERVATIONS"
name = "seen"
currency = "{currency}"
key = ["id"]
decimal = "."
timezone = "Asia/Kolkata"
[fields.sku]
from = "sku"
[fields.seller]
from = "shop"
words = {{ "" = "(blank)" }}
[fields.captured_at]
from = "at"
[fields.price]
from = "price"
words = {{ captcha = "ACCESS_LIMITED" }}
{more}
"""


def rows(text: str | bytes, mapping: str) -> list[ParsedRow]:
    content = text.encode() if isinstance(text, str) else text
    return list(walk(io.BytesIO(content), mapping_of(mapping), this_year=2026))


def seen(price: str, at: str = "1638027706", currency: str = "INR", more: str = "", extra: str = "") -> ParsedRow:
    header = "id,sku,shop,at,price" + (",list" if extra else "")
    row = f'1,S-1,,{at},"{price}"' + (f",{extra}" if extra else "")
    return rows(f"{header}\n{row}\n", SEEN.format(currency=currency, more=more))[0]


@pytest.mark.parametrize(
    ("cell", "price", "outcome", "warned"),
    [
        ("379", 37_900, "FOUND", []),
        ("104.99 ", 10_499, "FOUND", []),
        ("₹ 1,20,000", 12_000_000, "FOUND", []),
        ("", None, "INSUFFICIENT", []),
        ("0", None, "INSUFFICIENT", []),
        ("n/a", None, "INSUFFICIENT", []),
        ("Call", None, "INSUFFICIENT", []),
        ("captcha", None, "ACCESS_LIMITED", []),
        ("<div>", None, "PARSE_FAILED", ["is not a price"]),
        ("12.345", None, "PARSE_FAILED", ["has more than 2 digits after the point"]),
        ("$5", None, "PARSE_FAILED", ["is in another currency"]),
        ("-5", None, "PARSE_FAILED", ["is not a price"]),
    ],
)
def test_what_a_look_gave(cell: str, price: int | None, outcome: str, warned: list[str]) -> None:
    row = seen(cell)
    assert (row.refusal, row.values["price"], row.values["outcome"]) == (None, price, outcome)
    assert [each.reason for each in row.warnings] == warned
    assert row.values["seller"] == "(blank)"


def test_a_price_beside_no_list_price_is_not_enough_to_tell() -> None:
    more = '[fields.list_price]\nfrom = "list"\ndivide = 100000'
    scaled = more + '\n[fields.units]\nfrom = "id"'
    found = seen("281000000000", currency="VND", more=more.replace("list_price", "list_price"), extra="0")
    assert (found.values["price"], found.values["outcome"]) == (281_000_000_000, "INSUFFICIENT")
    found = seen("5", currency="VND", more=scaled, extra="402000000000")
    assert (found.values["list_price"], found.values["outcome"], found.values["units"]) == (4_020_000, "FOUND", 1)


@pytest.mark.parametrize(
    ("cell", "zone", "dates", "expected"),
    [
        ("1638027706", None, "DMY", "2021-11-27T15:41:46+00:00"),
        ("1638027706.0", None, "DMY", "2021-11-27T15:41:46+00:00"),
        ("1638027706123", None, "DMY", "2021-11-27T15:41:46+00:00"),
        ("2025-07-01T03:36:34.931277Z", None, "DMY", "2025-07-01T03:36:34.931277+00:00"),
        ("2010-12-01 08:26:00", "Europe/London", "DMY", "2010-12-01T08:26:00+00:00"),
        ("2010-12-01 08:26:00", "Asia/Kolkata", "DMY", "2010-12-01T02:56:00+00:00"),
        ("03-04-2025", "UTC", "DMY", "2025-04-03T00:00:00+00:00"),
        ("03-04-2025 7:05", "UTC", "MDY", "2025-03-04T07:05:00+00:00"),
        ("?", None, "DMY", None),
    ],
)
def test_times_as_files_write_them(cell: str, zone: str | None, dates: str, expected: str | None) -> None:
    assert moment(cell, ZoneInfo(zone) if zone else None, dates) == expected


@pytest.mark.parametrize(
    ("cell", "bp"),
    [
        ("0.92", 9200),
        ("1", 10_000),
        ("0", 0),
        ("92 %", 9200),
        ("92.5%", 9250),
        ("0.00005", 1),
        ("", None),
        (" 0,5", 5000),
    ],
)
def test_a_share_is_a_part_of_one_or_of_a_hundred(cell: str, bp: int | None) -> None:
    assert share(cell) == bp


@pytest.mark.parametrize("cell", ["1.01", "101%", "-0.1", "half", "%", "92"])
def test_what_is_no_share_says_so(cell: str) -> None:
    with pytest.raises(Bad):
        share(cell)


@pytest.mark.parametrize(
    "cell", ["31-02-2025", "yesterday", "99999999999999999999", "2010-12-01 08:26:00", "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_says_so(cell: str) -> None:
    with pytest.raises(Bad):
        moment(cell, None)


def test_a_row_without_time_or_thing_is_refused_and_so_is_one_outside_the_time() -> None:
    assert seen("5", at="").refusal == ("at", "", "is blank")
    assert seen("5", at="soon").refusal == ("at", "soon", "is no time")
    bounded = SEEN.format(currency="INR", more="").replace(
        'from = "at"', 'from = "at"\nbefore = "2021-01-01T00:00:00Z"'
    )
    late = rows("id,sku,shop,at,price\n1,S-1,A,1638027706,5\n", bounded)[0]
    assert late.refusal == ("at", "1638027706", "is outside the time that is brought in")
    cut = rows("id,sku,shop,at,price\n1,7.94E+11,A,1638027706,5\n", SEEN.format(currency="INR", more=""))[0]
    assert cut.refusal == ("sku", "7.94E+11", "was cut by a spreadsheet")


POLICY = """
what = "PRICE_POLICIES"
currency = "{currency}"
decimal = "."
[constants]
kind = "{kind}"
[fields.sku]
from = "sku"
[fields.amount]
from = "mrp"
times = {times}
divide = {divide}
"""


@pytest.mark.parametrize(
    ("cell", "currency", "kind", "times", "divide", "expected"),
    [
        ("49999", "INR", "MAP", "0.9", 1, 4_499_910),  # 44,999.1
        ("71687", "INR", "MAP", "0.9", 1, 6_451_830),
        ("999.99", "INR", "MAP", "0.9", 1, 90_000),  # 899.991: every price of whole paise below it is below 900.00
        ("999.99", "INR", "MRP_CEILING", "0.9", 1, 89_999),
        ("2499000000000", "VND", "MAP", "0.9", 100_000, 22_491_000),
        ("11100000", "VND", "MAP", "0.9", 100_000, 100),  # 99.9
        ("10", "KWD", "MRP_FLOOR", '"1/3"', 1, 3_334),
    ],
)
def test_a_policy_as_a_share_of_a_column(
    cell: str, currency: str, kind: str, times: str, divide: int, expected: int
) -> None:
    mapping = POLICY.format(currency=currency, kind=kind, times=times, divide=divide)
    (row,) = rows(f"sku,mrp\nS-1,{cell}\n", mapping)
    assert (row.refusal, row.values["amount"]) == (None, expected)


@given(
    st.integers(1, 10**9), st.integers(1, 30_000), st.integers(-200, 200), st.sampled_from(PolicyKind),
    st.sampled_from(["INR", "VND", "KWD"]),
)  # fmt: skip
def test_a_rounded_limit_is_breached_by_the_same_prices_as_the_exact_one(
    mrp: int, bp: int, offset: int, kind: PolicyKind, currency: str
) -> None:
    digits = {"INR": 2, "VND": 0, "KWD": 3}[currency]
    exact = Fraction(mrp * bp, 10_000)
    try:
        stored = limit(exact / 10**digits, kind, currency)
    except Bad:
        assert exact < 1
        return
    price = int(exact) + offset
    past = price > exact if kind is PolicyKind.MRP_CEILING else price < exact
    assert breaches(kind, stored, price) is past
    assert abs(stored - exact) < 1


SALE = """
what = "SALES"
name = "shop"
currency = "GBP"
timezone = "Europe/London"
[fields.sku]
from = "StockCode"
[fields.units]
from = "Quantity"
[fields.price]
from = "UnitPrice"
[fields.captured_at]
from = "InvoiceDate"
[fields.description]
from = "Description"
"""
SALE_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice\r\n"


@pytest.mark.parametrize(
    ("row", "refusal", "warnings"),
    [
        ("536365,85123A,LANTERN,6,2010-12-01 08:26:00,2.55", None, []),
        ("536365,85123A,?,6.0,2010-12-01 08:26:00,2.55", None, [("Description", "?", "says nothing")]),
        ("536365,85123A,,6,2010-12-01 08:26:00,2.55", None, [("Description", "", "says nothing")]),
        ("C536379,D,Discount,-1,2010-12-01 09:41:00,27.5", ("Quantity", "-1", "is a return or a cancellation"), []),
        ("536414,22139,,56,2010-12-01 11:52:00,0.0", ("UnitPrice", "0.0", "holds no price"), []),
        ("536414,22139,X,0,2010-12-01 11:52:00,1", ("Quantity", "0", "sold nothing"), []),
        ("536414,22139,X,many,2010-12-01 11:52:00,1", ("Quantity", "many", "is not a number"), []),
        ("536414,,X,1,2010-12-01 11:52:00,1", ("StockCode", "", "is blank"), []),
    ],
)
def test_what_is_no_sale_is_refused(row: str, refusal: Any, warnings: list[Any]) -> None:
    (found,) = rows(SALE_HEADER + row + "\r\n", SALE)
    assert found.refusal == refusal
    if refusal is None:
        assert list(found.warnings) == warnings
        assert (found.values["units"], found.values["price"]) == (6, 255)


SKUS = """
what = "SKUS"
currency = "USD"
decimal = "."
[fields.code]
from = "no"
[fields.name]
from = "name"
[fields.mrp]
from = "price#2"
[fields.ean]
from = "ean"
[fields.upc]
from = "upc"
"""


def test_numbers_of_the_trade_cut_by_a_spreadsheet_are_left_empty() -> None:
    text = "\ufeffno;name;price;price;ean;upc\r\nA-1;Thing;1;69.00 ;7.94E+11;794000000000.0\r\nA-2;Other\r\n"
    first, second = rows(gzip.compress(text.encode()), SKUS)
    assert first.values == {
        "code": "A-1", "name": "Thing", "brand": None, "ean": None, "upc": "794000000000", "mpn": None,
        "currency": "USD", "mrp": 6900, "cost": None,
    }  # fmt: skip
    (long,) = rows(text.replace("Thing", "T" * 201).replace("A-2;Other\r\n", "").encode(), SKUS)
    assert (long.values["name"], long.warnings[0].reason) == ("T" * 200, "is longer than 200 characters")
    assert first.warnings == (("ean", "7.94E+11", "was cut by a spreadsheet"),)
    assert (second.refusal, second.values["mrp"]) == (None, None)
    assert second.warnings == (("", "2", "has 2 cells, the header 6"),)


def test_a_column_that_is_missing_and_a_packed_file_that_is_broken_are_named() -> None:
    with pytest.raises(Invalid, match="The file has no column price#2, ean, upc"):
        rows("no;name;price\nA;B;1\n", SKUS)
    with pytest.raises(Invalid, match="cannot be read"):
        rows(gzip.compress(b"no;name;price;price;ean;upc\nA;B;1;2;;\n" * 5000)[:-40], SKUS)


@pytest.mark.parametrize(
    ("change", "paths"),
    [
        (('what = "SKUS"', 'what = "THINGS"'), [("mapping", "what")]),
        (('currency = "USD"', ""), [("mapping", "currency")]),
        (('[fields.name]\nfrom = "name"', ""), [("mapping", "fields", "name")]),
        (('from = "ean"', 'from = "ean"\ntimes = 2'), [("mapping", "fields", "ean", "times")]),
        (('from = "price#2"', 'from = "price#2"\ndivide = 0'), [("mapping", "fields", "mrp", "divide")]),
        (('decimal = "."', 'decimal = ";"\ncreate = ["LISTING"]'), [("mapping", "decimal"), ("mapping", "create")]),
        (("[fields.upc]", "[fields.captured_at]"), [("mapping", "fields", "captured_at")]),
    ],
)
def test_every_problem_of_a_mapping_is_named_by_its_path(change: tuple[str, str], paths: list[Any]) -> None:
    with pytest.raises((InvalidInput, Invalid)) as found:
        read_price_mapping(SKUS.replace(*change))
    problems = found.value.problems if isinstance(found.value, InvalidInput) else [found.value]
    assert [each.field for each in problems] == paths


def test_a_mapping_that_says_what_is_one_of_prices() -> None:
    assert isinstance(mapping_of(SKUS), PriceMapping)
    assert not isinstance(mapping_of("used_bikes"), PriceMapping)
