"""What the comparison with other servers stands on: sound documents, an eye for differences, honest ratios, exact pins."""

import json
import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from benchmarks.peers import compare, report
from benchmarks.peers.documents import DOCUMENTS, POSTGRAPHILE
from benchmarks.peers.load import Measured, _figures

ROOT = Path(__file__).parent.parent
NODE = ROOT / "benchmarks" / "peers" / "node"


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_is_one_of_souks_and_of_the_part_that_others_serve(name: str) -> None:
    for schema in (ROOT / "schema.graphql", NODE / "schema.graphql"):
        assert validate(build_schema(schema.read_text(encoding="utf-8")), parse(DOCUMENTS[name])) == [], schema


def test_every_document_has_its_spelling_for_postgraphile() -> None:
    assert POSTGRAPHILE.keys() == DOCUMENTS.keys()


def test_only_cursors_may_differ() -> None:
    def page(cursor: str | None, title: str) -> dict[str, object]:
        return {"edges": [{"cursor": cursor, "node": {"title": title}}], "pageInfo": {"endCursor": cursor}}

    assert compare.without_cursors(page("a", "x")) == compare.without_cursors(page("b", "x"))
    assert compare.without_cursors(page("a", "x")) != compare.without_cursors(page("a", "y"))
    assert compare.without_cursors(page("a", "x")) != compare.without_cursors(page(None, "x"))
    assert compare._where(page("a", "x"), page("a", "y")) == "edges.0.node.title: x and y"
    assert compare.fields(page("a", "x")) == 6


def test_a_ratio_is_taken_inside_a_round() -> None:
    result = report.Result([16], 3, 1, [])
    for souk, other in ((100.0, 50.0), (10.0, 2.0), (90.0, 30.0)):  # the machine was slow in the second round
        result.add(("point", 16, "souk"), Measured(souk, 1.0))
        result.add(("point", 16, "limit"), Measured(other, 4.0))
    assert result.ratio("point", 16, "limit", report.speed) == 3.0
    assert result.ratio("point", 16, "limit", report.cpu) == 0.25
    assert result.median(("point", 16, "souk"), report.speed) == 90.0


def test_an_aim_names_what_misses_it() -> None:
    assert report._aim([0.9, 0.9, 1.0], (0.85, 0.95, 0.95), report.speed) == "≥ 0.85 / 0.95 / 0.95; missed: page"
    assert report._aim([0.3, 0.1, 0.2], (1 / 3, 1 / 8, 1 / 4), report.cpu) == "≤ 0.333 / 0.125 / 0.25; reached"


def test_answers_that_are_not_200_are_seen() -> None:
    said = "  1200 requests in 2.00s, 1MB read\n  Socket errors: connect 0, read 0, write 0, timeout 3\n"
    said += "  Non-2xx or 3xx responses: 8\nRequests/sec:    599.50\n"
    assert _figures(said) == [("answers", 1200.0), ("Socket errors", 1.0), ("Non-2xx", 1.0), ("speed", 599.5)]


def test_the_other_servers_are_pinned_and_their_lock_has_no_addresses() -> None:
    pins = json.loads((NODE / "package.json").read_text())["dependencies"]
    lock = json.loads((NODE / "package-lock.json").read_text())["packages"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values())
    assert {name: lock[f"node_modules/{name}"]["version"] for name in pins} == pins
    assert not [name for name, each in lock.items() if "resolved" in each]
    assert not [name for name, each in lock.items() if name and "integrity" not in each]
