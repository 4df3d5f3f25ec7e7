"""Files as they come: every quirk once, in small files of our own; and the file that ships, counted."""

import codecs
import re
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules.errors import Invalid, InvalidInput
from souk.rules.importing import ParsedRow, Warned, load, open_sheet, parse, read_mapping, shipped
from souk.rules.importing.cells import price
from souk.rules.importing.mapping import FIELDS

parsing = sys.modules["souk.rules.importing.parse"]

MAPPING = """
name = "ours"
kind = "VEHICLE"
currency = "INR"
dealer = "seller"

[constants]
fuel = "PETROL"

[fields.title]
from = "what"

[fields.price]
from = "asking"

[fields.city]
from = "town"
case = "title"

[fields.make]
from = "what"
names = ["Acme", "Acme Royal"]

[fields.model]
from = "what"

[fields.year]
from = "made"

[fields.km]
from = "driven"
may_hold = ["mileage_kmpl_tenths"]

[fields.mileage_kmpl_tenths]
from = "drinks"
prefixes = ["mileage"]
"""
HEADER = "what,made,driven,drinks,town,asking,seller"


def rows(data: str | bytes | Iterable[bytes], mapping: str = MAPPING) -> list[ParsedRow]:
    source = data.encode() if isinstance(data, str) else data
    made = read_mapping(mapping)
    return list(parse(open_sheet(BytesIO(source) if isinstance(source, bytes) else source, made), made, this_year=2026))


def one(line: str) -> ParsedRow:
    (row,) = rows(f"{HEADER}\n{line}\n")
    return row


def test_a_good_row_gives_every_field() -> None:
    row = one("Acme Royal Sprint 350 2017,2017,17000 Km,35 kmpl,delhi,63500,Best  Wheels")
    assert row.values == {
        "fuel": "PETROL",
        "title": "Acme Royal Sprint 350 2017",
        "price": 6350000,
        "city": "Delhi",
        "make": "Acme Royal",
        "model": "Sprint 350",
        "year": 2017,
        "km": 17000,
        "mileage_kmpl_tenths": 350,
    }
    assert (row.number, row.dealer, row.warnings, row.refusal) == (1, "Best Wheels", (), None)
    assert row.key == row.row_hash
    assert len(row.key) == 16


def test_a_bad_cell_is_empty_and_a_warning() -> None:
    row = one("Acme X,1850,Mileage 65 Kmpl,35-40 kmpl,,63500,")
    assert row.warnings == (
        Warned("made", "1850", "is an impossible year"),
        Warned("driven", "Mileage 65 Kmpl", "holds the value of drinks"),
        Warned("drinks", "35-40 kmpl", "is a range"),
    )
    assert [row.values[f] for f in ("year", "km", "mileage_kmpl_tenths", "city")] == [None] * 4
    assert (row.dealer, row.refusal, row.values["price"]) == (None, None, 6350000)
    assert one("Acme X,2017,Mileage 35-40 Kmpl,35,,1,").warnings[0].reason == "holds the value of drinks"


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        (",2017,1,1,a,63500,", Warned("what", "", "is blank")),
        ("  ,2017,1,1,a,63500,", Warned("what", "", "is blank")),
        ("Acme X,2017,1,1,a,,", Warned("asking", "", "is blank")),
        ("Acme X,2017,1,1,a,cheap,", Warned("asking", "cheap", "is not a price")),
        (",2017,1,1,a,cheap,", Warned("what", "", "is blank")),
        (",,,,,,", Warned("what", "", "is blank")),
    ],
)
def test_only_title_and_price_refuse_a_row(line: str, refusal: Warned) -> None:
    assert one(line).refusal == refusal


@pytest.mark.parametrize("asking", ["0", "Call", "on request", "0.00"])
def test_a_price_on_request_is_null_and_no_fault(asking: str) -> None:
    row = one(f"Acme X,2017,1,1,a,{asking},")
    assert (row.values["price"], row.refusal, row.warnings) == (None, None, ())


def test_a_title_is_mended_where_it_can_be() -> None:
    row = one(f"Acme {'x' * 300},2017,1,1,a,1,")
    assert (len(str(row.values["title"])), row.warnings[0].reason) == (200, "is longer than 200 characters")
    row = one("Acme\x00X,2017,1,1,a,1,")
    assert (row.values["title"], row.warnings[0].reason) == ("Acme X", "held characters that cannot be shown")
    (row,) = rows(HEADER.encode() + b"\nAcme\xff X,2017,1,1,B\xffrn,1,\n")
    assert [(w.column, w.reason) for w in row.warnings] == [
        ("what", "held characters that cannot be shown"),
        ("town", "Control characters are not allowed."),
    ]
    assert (row.values["title"], row.values["city"], row.values["make"]) == ("Acme X", None, None)
    assert one("Acme\u200e  X,2017,1,1,a,1,").values["title"] == "Acme X"


LINES = ['"Acme\nX",2017,"17,000 km",35,a,"63,500",S', "Acme Y,2018,1,1,b,2,T"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_files_of_every_make_read_alike(delimiter: str, end: str, encoding: str) -> None:
    header, first, second = HEADER.replace(",", delimiter), '"Acme\nX"|2017|"17,000 km"|35|a|"63,500"|S', LINES[1]
    text = end.join([header, first.replace("|", delimiter), second.replace(",", delimiter), "", ""])
    found = rows(text.encode(encoding))
    assert [(r.number, r.values["title"], r.values["km"], r.values["price"], r.warnings) for r in found] == [
        (1, "Acme X", 17000, 6350000, ()),
        (2, "Acme Y", 1, 200, ()),
    ]


def test_columns_are_found_by_name_in_any_case_and_order() -> None:
    (row,) = rows("ASKING, What ,extra,extra\n5,Acme X,1,2\n")
    assert (row.values["price"], row.values["title"], row.values["km"], row.warnings) == (500, "Acme X", None, ())


def test_rows_that_are_too_short_or_too_long_say_so() -> None:
    short, long = rows("asking,what,town\n5,Acme X\n6,Acme Y,Delhi,more\n")
    assert (short.warnings, short.values["city"]) == ((Warned("", "2", "has 2 cells, the header 3"),), None)
    assert (long.warnings, long.values["city"]) == ((Warned("", "4", "has 4 cells, the header 3"),), "Delhi")


def test_the_key_is_the_row_or_the_columns_named() -> None:
    text = "what,asking,id\nAcme X,1,7\nAcme X,1,7\nAcme X,2,7\n"
    whole = rows(text)
    assert whole[0].key == whole[1].key != whole[2].key
    keyed = rows(text, MAPPING.replace('dealer = "seller"', 'key = ["id"]'))
    assert keyed[0].key == keyed[1].key == keyed[2].key
    assert keyed[0].row_hash == whole[0].key
    assert keyed[0].row_hash == keyed[1].row_hash != keyed[2].row_hash


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_chunks_of_any_size_are_one_file(sizes: list[int]) -> None:
    data = "\n".join([HEADER, *LINES, ""]).encode(encoding="utf-8-sig")

    def chunks() -> Iterator[bytes]:
        at, turn = 0, 0
        while at < len(data):
            size = sizes[turn % len(sizes)]
            yield data[at : at + size]
            at, turn = at + size, turn + 1

    assert rows(chunks()) == rows(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_rows_or_refused(data: bytes) -> None:
    try:
        found = rows(b"what,asking\n" + data)
    except Invalid:
        return
    for row in found:
        assert (row.refusal is not None) == (row.values["title"] is None or row.refusal is not None)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The file holds no header."),
        (b"\n\n", "The file holds no header."),
        (codecs.BOM_UTF8, "The file holds no header."),
        (b"title,price\n", "The file has no column what, asking."),
        (b'what,asking\n"' + b"x" * 200_000, "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        rows(data)


def test_memory_does_not_grow_with_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "_REMEMBERED", 100)

    def lines(n: int) -> Iterator[bytes]:
        yield HEADER.encode() + b"\n"
        for i in range(n):
            yield b"Acme Sprint %d,2017,%d km,35 kmpl,delhi,%d,S\n" % (i, i, i + 1)

    def peak(n: int) -> int:
        made = read_mapping(MAPPING)
        tracemalloc.start()
        count = sum(1 for _ in parse(open_sheet(lines(n), made), made, this_year=2026))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == n
        return used

    assert peak(9_000) < peak(3_000) * 1.2


def test_a_mapping_names_all_that_is_wrong_with_it() -> None:
    text = """
kind = "BOAT"
currency = "XXX"
colour = "red"
decimal = "!"
dealer = 3
[constants]
wings = 2
[fields.title]
from = "t"
size = 3
[fields.km]
from = "k"
min = "low"
may_hold = ["mileage_kmpl_tenths"]
units = { km = "far" }
[fields.sail]
from = "s"
"""
    with pytest.raises(InvalidInput) as caught:
        read_mapping(text)
    assert {p.field for p in caught.value.problems} == {
        ("mapping", "kind"),
        ("mapping", "currency"),
        ("mapping", "colour"),
        ("mapping", "decimal"),
        ("mapping", "dealer"),
        ("mapping", "constants", "wings"),
        ("mapping", "fields", "title"),
        ("mapping", "fields", "price"),
        ("mapping", "fields", "km"),
        ("mapping", "fields", "km", "may_hold"),
        ("mapping", "fields", "km", "units"),
        ("mapping", "fields", "sail"),
    }
    with pytest.raises(Invalid, match="no TOML"):
        read_mapping("= 3")
    with pytest.raises(Invalid, match="no mapping"):
        load("../secrets")


def test_the_guide_names_every_field_and_reads_its_own_prices() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "importing.md").read_text(encoding="utf-8")
    named = re.search(r"The fields: (.*?)A name", guide, re.DOTALL)
    assert named is not None
    assert set(re.findall(r"[a-z_]{2,}", " ".join(re.findall(r"`([^`]+)`", named[1])))) == FIELDS.keys()
    told = re.search(r"What a price may look like: (.*?)where", guide, re.DOTALL)
    assert told is not None
    *cells, last = re.findall(r"`([^`]+)`", told[1])
    assert [price(cell, "INR") for cell in cells] == [12_000_000, 12_000_000, 1_500_000_000, 669_900, 3_500_000]
    assert price(last, "EUR") == 125_000


def test_the_mappings_that_ship_are_sound() -> None:
    assert shipped() == ("uk_dealer_list_2026", "uk_dealer_listings", "used_bikes", "used_bikes_32k")
    assert [load(name).name for name in shipped()] == list(shipped())


def test_a_list_in_miles_with_cut_off_names() -> None:
    text = "Make,Model,Year,Price,Mileage,Engine\r\nAcme,Sprint 50 QT…,2026,1250,100,50\r\nAcme,Li… 9,2026,1750,,\r\n"
    made = load("uk_dealer_list_2026")
    found = list(parse(open_sheet(BytesIO(text.encode()), made), made, this_year=2026))
    assert [(r.values["title"], r.values["km"], r.values["price"]) for r in found] == [
        ("Acme Sprint 50 QT", 161, 125000),
        ("Acme Li 9", None, 175000),
    ]


def test_whole_numbers_written_as_floats() -> None:
    text = "bike_name,price,kms_driven,owner,age,power,brand,model\nAcme X 110cc,35000.0,17654.0,1.0,3.0,110.0,Acme,X\n"
    made = load("used_bikes_32k")
    (row,) = parse(open_sheet(BytesIO(text.encode()), made), made, this_year=2026)
    assert (row.values["price"], row.values["km"], row.values["owners"]) == (3500000, 17654, 1)
    assert row.warnings == ()


def test_the_file_that_ships_is_had_whole() -> None:
    made = load("used_bikes")
    data = files("souk.worker").joinpath("data", "india_used_bikes_bikes.csv").read_bytes()
    found = list(parse(open_sheet(BytesIO(data), made), made, this_year=2026))
    assert len(found) == len({row.key for row in found}) == 7857
    assert [row for row in found if row.refusal] == []
    warned = Counter((w.column, w.reason) for row in found for w in row.warnings)
    assert warned == {
        ("kms_driven", "holds the value of mileage"): 1985,
        ("mileage", "is a range"): 82,
        ("mileage", "is not a number with its unit"): 36,
        ("kms_driven", "is not a number with its unit"): 3,
        ("power", "is a range"): 1,
    }
    assert warned.total() == 2107
    assert sum(row.values["price"] is None for row in found) == 31
    assert sum(row.values["city"] is None for row in found) == 19
    assert sum(row.dealer is None for row in found) == 19
    assert min(int(str(row.values["year"])) for row in found) == 1950
    assert sum(row.values["make"] is None for row in found) == 9
