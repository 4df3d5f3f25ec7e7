"""The parts of the engine, one by one: scalars, symbols, text, orders, cursors."""

import base64
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import ARRAY, BigInteger, Integer, String, Text, select
from sqlalchemy.dialects.postgresql import JSONB

from souk.engine import scalars
from souk.engine.check import SchemaProblems, check_schema
from souk.engine.errors import Forbidden, Overloaded, Stopped, Unavailable, place, sorted_by_place, typed
from souk.engine.money import amount_in_python
from souk.engine.paging import Order, Window
from souk.engine.rows import Document, named_rows, wrapped
from souk.engine.sql import COMPILED, Parameters
from souk.engine.symbols import BadInput, Viewer, among, derived, id_type, key, keys, read_id, symbol, write_id
from souk.engine.text import Literal, concat
from souk.rules.actor import Actor, Facts, Role

from .models import Dealer, Listing, Offer
from .schema import schema

ONE = UUID(int=1)
ACTOR = Actor(ONE, Role.DEALER, dealer_id=UUID(int=5), team_ids=(UUID(int=6),))
READ = {
    name: scalars.SCALARS[getattr(scalars, name)].parse_value
    for name in (
        "BigInt",
        "DateTime",
        "Date",
        "Decimal",
        "CurrencyCode",
        "EmailAddress",
        "PhoneNumber",
        "URL",
        "CountryCode",
        "LocaleCode",
        "TimeZone",
        "JSON",
    )
}

# Scalars

GOOD: list[tuple[str, Any, Any]] = [
    ("BigInt", "9223372036854775807", 2**63 - 1),
    ("BigInt", -5, -5),
    ("DateTime", "2026-01-01T01:00:30.12+01:00", datetime(2026, 1, 1, 0, 0, 30, 120000, tzinfo=UTC)),
    ("DateTime", "2026-01-01t00:00:00.123456789z", datetime(2026, 1, 1, microsecond=123456, tzinfo=UTC)),
    ("Date", "2024-02-29", date(2024, 2, 29)),
    ("Decimal", "-1150.00", "-1150.00"),
    ("CurrencyCode", "EUR", "EUR"),
    ("EmailAddress", "a.b@example.co", "a.b@example.co"),
    ("PhoneNumber", "+4915112345678", "+4915112345678"),
    ("URL", "https://example.com/a?b=ü", "https://example.com/a?b=ü"),
    ("CountryCode", "SA", "SA"),
    ("LocaleCode", "zh-Hant-TW", "zh-Hant-TW"),
    ("TimeZone", "Europe/Berlin", "Europe/Berlin"),
    ("JSON", {"a": [1, None]}, {"a": [1, None]}),
]
BAD: list[tuple[str, Any]] = [
    ("BigInt", "9223372036854775808"), ("BigInt", "1_0"), ("BigInt", True), ("BigInt", 1.5), ("BigInt", "٣"), ("BigInt", "9" * 5000),
    ("DateTime", "2026-01-01"), ("DateTime", "2026-01-01T00:00:00"), ("DateTime", "0001-01-01T00:00:00+14:00"), ("DateTime", "9999-12-31T23:59:59-01:00"),
    ("DateTime", "0001-01-01T00:00:00Z"), ("DateTime", "9999-12-31T23:59:59.999999Z"), ("DateTime", "9999-12-31T18:59:59.9999999-05:00"),
    ("DateTime", "2026-02-30T00:00:00Z"), ("DateTime", 5), ("Date", "2026-02-30"), ("Date", "20260101"), ("Decimal", "1e5"), ("Decimal", "NaN"),
    ("Decimal", 1.5), ("CurrencyCode", "eur"), ("EmailAddress", "a@b"), ("EmailAddress", "a\0@b.co"), ("PhoneNumber", "0151"), ("URL", "javascript:alert(1)"),
    ("URL", "https://[bad"), ("CountryCode", "DEU"), ("LocaleCode", "DE"), ("TimeZone", "../etc/passwd"), ("JSON", {"a": "\0"}), ("TimeZone", None),
    ("JSON", float("nan")), ("JSON", {"a": [float("-inf")]}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_scalar_is_read(name: str, text: Any, value: Any) -> None:
    assert READ[name](text) == value


@pytest.mark.parametrize(("name", "text"), BAD)
def test_what_is_no_such_scalar_is_bad_input(name: str, text: Any) -> None:
    with pytest.raises(GraphQLError) as refused:
        READ[name](text)
    assert refused.value.message == f"This is not a valid {name}."
    assert refused.value.extensions == {"code": "BAD_USER_INPUT", "retryable": False}


GIVEN = st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text()))
NEARLY = st.from_regex(
    r"[-+]?[0-9]{1,25}([.,][0-9]{0,4})?|[A-Za-z]{2,3}([-/_][A-Za-z]{1,4})?|[0-9]{4}-[0-9]{2}-[0-9]{2}(T.{0,14})?"
)


READ_AS = {"BigInt": int, "DateTime": datetime, "Date": date}


@given(st.sampled_from(sorted(READ)), st.one_of(GIVEN, NEARLY))
def test_parsers_are_total(name: str, value: Any) -> None:
    """A value as the scalar is read, or BAD_USER_INPUT; anything else would be an exception in somebody's face."""
    try:
        found = READ[name](value)
    except GraphQLError as refused:
        told = refused.message, refused.extensions
        assert told == (f"This is not a valid {name}.", {"code": "BAD_USER_INPUT", "retryable": False})
    else:
        assert found == value if name == "JSON" else type(found) is READ_AS.get(name, str)


FIRST, LAST = (datetime(year, 1, 2, tzinfo=UTC).replace(tzinfo=None) for year in (1, 9999))


@given(st.datetimes(FIRST, LAST, timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9))])))
def test_a_moment_survives_the_wire(moment: datetime) -> None:
    text = scalars.write_time(moment)
    assert text.endswith("Z") and ("." not in text or not text.endswith("0Z"))
    assert scalars.read_time(text) == moment


@pytest.mark.parametrize(
    ("minor", "currency", "amount"),
    [(5, "EUR", "0.05"), (-5, "EUR", "-0.05"), (0, "EUR", "0.00"), (115000, "EUR", "1150.00"), (7, "JPY", "7"), (-7, "KWD", "-0.007"), (10**15, "KWD", "1000000000000.000")],
)  # fmt: skip
def test_an_amount_has_the_digits_of_its_currency(minor: int, currency: str, amount: str) -> None:
    assert amount_in_python(Document({"minor": minor, "currency": currency})) == amount


# Symbols


def test_a_viewer_has_real_facts_and_symbols_for_the_rest() -> None:
    viewer = Viewer(Facts(Role.AGENT, frozenset({"a"}), False, True))
    assert (viewer.role, viewer.scopes, viewer.of_dealer, viewer.all_teams) == (
        Role.AGENT,
        frozenset({"a"}),
        False,
        True,
    )
    parameters = Parameters()
    found = select(Listing.id).where(
        Listing.dealer_id == viewer.dealer_id,
        Listing.dealer_id == viewer.team_ids.any_(),
        Listing.tenant_id == viewer.tenant_id,
    )
    text = parameters.render(found)
    assert "IS NULL" not in text and "$1::UUID" in text and "$2::UUID[]" in text
    assert parameters.bind(ACTOR, {}) == [UUID(int=5), [UUID(int=6)], ONE]
    with pytest.raises(TypeError):
        bool(viewer.dealer_id)
    with pytest.raises(AttributeError):
        _ = viewer.password


def test_a_none_of_a_real_viewer_is_bound_and_equals_nothing() -> None:
    viewer = Viewer.of(Actor(ONE, Role.PUBLIC))
    compiled = select(Listing.id).where(Listing.dealer_id == viewer.dealer_id).compile()
    assert "IS NULL" not in str(compiled)
    assert list(compiled.params.values()) == [None]


def test_symbols_share_a_place_and_constants_never_do() -> None:
    parameters = Parameters()
    named = symbol(Listing.title.type, lambda actor, values: values["t"], "t")
    text = parameters.render(
        select(Listing.id).where(
            Listing.title == named, Listing.description == named, Listing.title == "a b", Listing.title == "100%"
        )
    )
    assert text.count("$1") == 2 and "$2" in text and "$3" in text
    assert parameters.bind(ACTOR, {"t": "x"}) == ["x", "a b", "100%"]
    assert parameters.render(select(Listing.id).where(Listing.status == "SOLD", Listing.year > 5)).count("$") == 0


def test_clauses_of_one_shape_keep_their_own_values_and_symbols() -> None:
    """They are compiled once; what is placed is theirs."""

    def made(first: str, second: str, title: str, status: str) -> tuple[str, list[object]]:
        parameters = Parameters()
        one, two = (
            symbol(Listing.title.type, lambda actor, values, name=name: values[name], name) for name in (first, second)
        )
        text = parameters.render(
            select(Listing.id).where(
                Listing.title == one, Listing.description == two, Listing.title == title, Listing.status == status
            )
        )
        return text, parameters.bind(ACTOR, {"a": "A", "b": "B"})

    text, values = made("a", "b", "a b", "SOLD")
    assert values == ["A", "B", "a b"] and "'SOLD'" in text
    before = len(COMPILED)
    assert made("b", "a", "c d", "DRAFT") == (text.replace("SOLD", "DRAFT"), ["B", "A", "c d"])
    assert len(COMPILED) == before
    shared, values = made("a", "a", "a b", "SOLD")
    assert (shared.count("$1"), shared.count("$2"), "$3" in shared, values) == (2, 1, False, ["A", "a b"])


def test_global_ids_are_read_totally() -> None:
    text = write_id("Listing", ONE)
    assert read_id(text) == ("Listing", ONE)
    assert key(text, Listing) == ONE and key(text, Offer) is None
    assert keys([text, "nonsense", write_id("Offer", ONE)], Listing) == [ONE]
    for wrong in ("", "==", "nonsense", base64.b64encode(b"a:b:c").decode(), base64.b64encode(b"\xff:x").decode(), "ü"):
        assert read_id(wrong) is None and id_type(wrong) == ""
    assert id_type(base64.b64encode(f"Nothing:{ONE}".encode()).decode()) == ""


def test_among_is_one_parameter_whatever_the_number() -> None:
    texts = []
    for values in ([], ["a"], ["a", "b"]):
        parameters = Parameters()
        texts.append(parameters.render(among(Listing.title, values)))
        assert parameters.bind(ACTOR, {}) == [values]
    assert len(set(texts)) == 1


def test_in_is_refused_with_the_word_to_use() -> None:
    with pytest.raises(TypeError, match="use among"):
        Parameters().render(select(Listing.id).where(Listing.year.in_([1, 2])))


# Text, orders, cursors


def test_concat_joins_literals_and_stays_under_the_limit_of_arguments() -> None:
    assert concat([Literal("{"), Literal('"a":'), "x", Literal("}'")]) == "concat('{\"a\":', x, '}''')"
    nested = concat([piece for n in range(150) for piece in (Literal(","), f"x{n}")])
    assert nested.count("concat(") == 5


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ((Listing.title.asc(), Listing.created_at.desc()), "one direction"),
        ((Listing.floor_minor.asc(),), "never null"),
        ((Listing.title.asc(), Listing.kind.asc()), "cannot hold"),
        ((Listing.damages.asc(),), "cannot hold"),
        ((Listing.year + 1,), "Order by a column"),
        ((Dealer.name.asc(),), "Order by a column"),
    ],
)
def test_an_order_that_cannot_be_paged_is_refused(order: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Order(select(Listing).order_by(*order))


def test_a_cursor_is_only_good_for_its_own_order() -> None:
    newest, title = (
        Order(select(Listing).order_by(Listing.created_at.desc())),
        Order(select(Listing).order_by(Listing.title.asc())),
    )
    row = Document({"id": ONE, "created_at": datetime(2026, 1, 1, tzinfo=UTC), "title": "日本"})
    assert newest.read_cursor(newest.cursor(row)) == [datetime(2026, 1, 1, tzinfo=UTC), ONE]
    assert title.read_cursor(title.cursor(row)) == ["日本", ONE]
    for wrong in (
        newest.cursor(row),
        "",
        "AAAA",
        "ü",
        newest.cursor(row)[:-4],
        base64.b64encode(title.tag + b"\0" + ONE.bytes).decode(),
    ):
        with pytest.raises(BadInput, match="Not a cursor of this list"):
            title.read_cursor(wrong)


@pytest.mark.parametrize("size", [0, -1, 101])
def test_a_page_has_one_to_a_hundred_rows(size: int) -> None:
    with pytest.raises(BadInput):
        _ = Window(first=size).size
    bound = derived(symbol(Listing.year.type, lambda actor, values: size), Listing.year.type, lambda n: n)
    with pytest.raises(BadInput):
        Window(last=bound).size.get(ACTOR, {})
    with pytest.raises(BadInput):
        _ = Window(first=1, last=1).size


# Errors


def test_errors_are_sorted_by_their_place_in_the_data() -> None:
    data = {"b": [{"x": None}, {"x": None}], "a": None}
    paths = [["a"], ["b", 1, "x"], ["b", 0, "x"], ["b", 1, "y"]]
    assert place(data, ["b", 1, "x"]) == [0, 1, 0]
    assert [e["path"] for e in sorted_by_place(data, [{"path": p} for p in paths])] == [
        ["b", 0, "x"],
        ["b", 1, "y"],
        ["b", 1, "x"],
        ["a"],
    ]


def test_what_stops_an_operation_has_a_code() -> None:
    assert Overloaded(retry_after_ms=50).extensions == {"code": "OVERLOADED", "retryable": True, "retryAfterMs": 50}
    assert Forbidden("No.").message == "No."
    assert isinstance(typed(ConnectionResetError()), Unavailable)
    assert typed(KeyError()) is None
    assert typed(stopped := Stopped()) is stopped


# Documents and schemas


def test_rows_of_the_same_names_and_types_are_of_one_class() -> None:
    """Each asking writes its expressions anew, with types of their own: a class kept for each would be kept for ever."""
    first = named_rows(("a", Integer()), ("b", ARRAY(Text())), ("c", String(3)))
    assert named_rows(("a", Integer()), ("b", ARRAY(Text())), ("c", String(3))) is first
    for other in (
        (("a", Integer()), ("b", ARRAY(Integer())), ("c", String(3))),
        (("a", Integer()), ("b", ARRAY(Text())), ("c", String(4))),
        (("a", BigInteger()), ("b", ARRAY(Text())), ("c", String(3))),
        (("c", Integer()), ("b", ARRAY(Text())), ("a", String(3))),
        (("a", Integer()), ("b", ARRAY(Text()))),
    ):
        assert named_rows(*other) is not first
    assert named_rows(("b", JSONB()))(['{"x":1}']).b == {"x": 1}


def test_a_document_has_no_keys_but_its_own() -> None:
    found = wrapped([{"a": {"b": 1}}])[0]
    assert (found.a.b, found.missing) == (1, None)
    with pytest.raises(AttributeError):
        found.__await__()


def test_the_check_of_a_schema_lists_every_offender() -> None:
    check_schema(schema, descriptions=False)
    with pytest.raises(SchemaProblems) as found:
        check_schema(schema)
    assert "ListingOrder.TITLE has no description." in found.value.problems
    assert "Listing.offers(minAmount:) has no description." in found.value.problems
    assert not [each for each in found.value.problems if "has no description" not in each]
