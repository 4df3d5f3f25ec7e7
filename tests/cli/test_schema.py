"""`souk schema`: the committed text is the program's, and what clients rely on does not vanish unannounced."""

from datetime import date
from pathlib import Path

import pytest
import typer
from graphql import build_schema

from souk.cli.schema import broken, check, printed, undated
from souk.schema import schema

ROOT = Path(__file__).parent.parent.parent
TODAY = date(2026, 11, 22)
DUE, LATER = "use b; removed after 2026-11-21", "use b; removed after 2026-11-22"


def text(a: str = "", value: str = "", argument: str = "", given: str = "", more: str = "") -> str:
    return f"""
    type Query {{ {a} b({argument} d: Int): Int e(input: I): E }}
    enum E {{ {value} G }}
    input I {{ {given} i: Int }}
    {more}
    """


CHANGES = [
    (lambda why: text(a=f"a: Int {why}"), "Field Query.a was removed."),
    (lambda why: text(value=f"F {why}"), "Enum value E.F was removed."),
    (lambda why: text(argument=f"c: Int {why}"), "Argument Query.b(c:) was removed."),
    (lambda why: text(given=f"h: Int {why}"), "Field I.h was removed."),
]


@pytest.mark.parametrize(("before", "said"), CHANGES)
def test_what_is_gone_was_announced_and_its_day_has_come(before, said) -> None:
    assert broken(before(""), text(), TODAY) == [said]
    assert broken(before('@deprecated(reason: "use b")'), text(), TODAY) == [said]
    assert broken(before(f'@deprecated(reason: "{LATER}")'), text(), TODAY) == [said]
    assert broken(before(f'@deprecated(reason: "{DUE}")'), text(), TODAY) == []
    assert broken(text(), before(""), TODAY) == []


def test_a_type_may_go_with_the_last_field_that_leads_to_it() -> None:
    type_ = "type T { x: Int }"
    assert broken(text(a=f'a: T @deprecated(reason: "{DUE}")', more=type_), text(), TODAY) == []
    staying = "T was removed."
    assert staying in broken(text(a="a: T", more=type_), text(), TODAY)


def test_a_deprecation_says_when() -> None:
    assert undated(build_schema(text(a='a: Int @deprecated(reason: "use b")'))) == [
        "Query.a: a deprecation reads “… use X; removed after YYYY-MM-DD”."
    ]
    assert undated(build_schema(text(a=f'a: Int @deprecated(reason: "{LATER}")'))) == []
    assert undated(schema._schema) == []


def test_the_committed_schema_is_the_programs(tmp_path: Path) -> None:
    assert (ROOT / "schema.graphql").read_text() == printed(), "make schema"
    other, earlier = tmp_path / "schema.graphql", tmp_path / "earlier.graphql"
    other.write_text(printed() + "\n")
    with pytest.raises(typer.Exit):
        check(file=other)
    other.write_text(printed())
    check(file=other)
    earlier.write_text(printed().replace("type Query {", "type Query {\n  gone: Int\n", 1))
    with pytest.raises(typer.Exit):
        check(file=other, against=earlier)
