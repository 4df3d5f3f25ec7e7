"""docs/routes.md, the shipped documents and the schema say the same; each document is what it says, and has a contract."""

import re
from pathlib import Path

import pytest
from graphql import OperationDefinitionNode, parse

from souk.documents.shipped import Shipped, shipped
from souk.rules.manifest import digest
from souk.rules.signin import ALONE
from souk.schema import schema
from souk.settings import Settings
from souk.web.documents import judge_of
from tests.documents.asking import NAMED

ROOT = Path(__file__).parent.parent.parent
ROW = re.compile(r"^\| ((?:GET|POST|PATCH) \S+) \| (.+?) \|$", re.MULTILINE)
PAGE = (ROOT / "docs" / "routes.md").read_text(encoding="utf-8")
MARKETPLACE, PHAROS = (ROW.findall(part) for part in PAGE.split("## PharOS"))
SIGNING = dict(re.findall(r"^\| `(\w+)`.* \| (\w+) \|$", PAGE.split("## Signing in")[1], re.MULTILINE))
LATER = re.compile(r"later: `(\w+)`")


def test_all_routes_are_there_once() -> None:
    assert (len(MARKETPLACE), len(PHAROS)) == (30, 14)
    assert len({route for route, _ in (*MARKETPLACE, *PHAROS)}) == 44


def test_each_route_has_its_documents_and_each_document_its_route() -> None:
    told = {
        (name, route)
        for route, cell in (*MARKETPLACE, *PHAROS)
        if not LATER.fullmatch(cell)
        for name in cell.split(", ")
    }
    assert told == {(each.name, route) for each in NAMED.values() for route in each.routes}
    assert {name for name, each in NAMED.items() if not each.routes} == set(SIGNING.values())


def test_each_mutation_that_signs_in_has_its_document() -> None:
    roots = schema._schema
    assert roots.query_type and roots.mutation_type
    assert set(SIGNING) >= ALONE and set(SIGNING) <= set(roots.mutation_type.fields)
    for mutation, name in SIGNING.items():
        assert f"  {mutation}(input: $input)" in NAMED[name].text


def test_what_is_to_come_is_not_there_yet() -> None:
    roots = schema._schema
    assert roots.query_type and roots.mutation_type
    there = {*roots.query_type.fields, *roots.mutation_type.fields}
    waiting = {found[1] for _, cell in (*MARKETPLACE, *PHAROS) if (found := LATER.fullmatch(cell))}
    assert len(waiting) == 10
    assert waiting & there == set(), "give the route its document"


@pytest.mark.parametrize("each", NAMED.values(), ids=lambda each: each.name)
def test_a_document_is_known_by_the_hash_of_its_file_and_costs_what_it_says(each: Shipped) -> None:
    file = ROOT / "souk" / "documents" / "operations" / f"{each.name}.graphql"
    assert digest(file.read_text(encoding="utf-8")) == each.sha256
    (operation,) = (node for node in parse(each.text).definitions if isinstance(node, OperationDefinitionNode))
    assert operation.name and operation.name.value == each.name
    judge = judge_of(Settings())
    assert judge(each.text) == (each.name, each.ceiling)
    assert judge.worst(each.text) == each.ceiling < judge.most


def test_each_document_has_a_contract() -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_[ms]*.py"))
    assert {name for name in NAMED if f'"{name}"' not in told} == set()
    assert len(shipped()) == len(NAMED) == 45
