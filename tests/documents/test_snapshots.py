"""A dozen telling documents, each with the statement that reads it and its answer: a change of either is seen as a diff.

`NAME.graphql` says who asks and with which variables; in them `Listing:1` stands for the id of the first listing of
`small.py`. `pytest tests/documents/test_snapshots.py --write-snapshots` writes `NAME.sql` and `NAME.json` anew.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
import pytest_asyncio

from souk.context import Rehearsal
from souk.documents.fused import coerced, facts_of, left_over, samples
from souk.engine.document import Document, Operation
from souk.engine.fuse import ROW_ID, Plan
from souk.engine.readable import WIDTH, readable
from souk.engine.roads import parts
from souk.engine.symbols import ATTRIBUTES
from souk.rules.actor import Role
from souk.schema import schema
from tests.documents.asking import NAMED
from tests.documents.small import KINDS, make_small, row
from tests.world import Souk, World

HERE = Path(__file__).parent
NAMES = sorted(each.stem for each in HERE.glob("*.graphql"))
_FACT = re.compile(r"^# (As|Variables): (.+)$", re.MULTILINE)
_ID = re.compile(rf"({'|'.join(KINDS)}):(\d+)")
Keep = Callable[[Path, str], None]


class Snapshot(NamedTuple):
    """A document, who asks, and with what."""

    text: str
    role: Role
    variables: dict[str, Any]


def read(name: str, world: World) -> Snapshot:
    text = (HERE / f"{name}.graphql").read_text(encoding="utf-8")
    facts = dict(_FACT.findall(text))
    variables = _ids(json.loads(facts.get("Variables", "{}")), world)
    return Snapshot(text, Role(facts["As"]), variables)


def _ids(given: Any, world: World) -> Any:
    """The same with the ids that `Kind:number` stands for."""
    if isinstance(given, dict):
        return {name: _ids(each, world) for name, each in given.items()}
    if isinstance(given, list):
        return [_ids(each, world) for each in given]
    found = _ID.fullmatch(given) if isinstance(given, str) else None
    return given if found is None else world.id(found[1], row(found[1], int(found[2])))


@pytest_asyncio.fixture(scope="module")
async def small(souk: Souk) -> AsyncIterator[World]:
    yield await make_small(souk)


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Keep:
    """`kept(file, text)`: it is what the file holds, or, when they are written, what it holds from now on."""

    def compare(file: Path, text: str) -> None:
        if request.config.getoption("--write-snapshots"):
            file.write_text(text, encoding="utf-8")
        assert file.read_text(encoding="utf-8") == text, "look at the difference; --write-snapshots writes it"

    return compare


def test_there_is_a_dozen_and_each_is_whole() -> None:
    assert len(NAMES) >= 12
    there = {each.name for end in ("sql", "json") for each in HERE.glob(f"*.{end}")}
    assert there == {f"{name}.{end}" for name in NAMES for end in ("sql", "json")}


@pytest.mark.parametrize("name", NAMES)
def test_the_statement_is_as_it_was_looked_at(name: str, small: World, kept: Keep) -> None:
    text, role, variables = read(name, small)
    (operation,) = Document(schema, text).operations
    values = coerced(operation, variables)
    lines: list[str] = []
    for part in parts(operation, small.actors[role].facts, values):
        assert isinstance(part.plan, Plan), part.reason
        lines += [f"-- {part.name}", *_parameters(part.plan, small, role, values), readable(part.plan.sql), ""]
    kept(HERE / f"{name}.sql", "\n".join(lines))


def _parameters(plan: Plan, world: World, role: Role, values: dict[str, Any]) -> Iterator[str]:
    """What each parameter is, and what the marks in the text stand for."""
    actor = world.actors[role]
    given = plan.parameters.bind(actor, values | {ROW_ID: "the changed row"})
    known = {value: name for name in reversed(ATTRIBUTES) if isinstance(value := getattr(actor, name), UUID)}
    for n, value in enumerate(given, 1):
        named = isinstance(value, UUID) and value in known
        yield f"-- ${n} = {f'the asker: {known[value]}' if named else _shown(value)}"
    for n, (refusal, asked) in enumerate(zip(plan.refusals, plan.asked, strict=True)):
        yield rf"-- \x02{n}\x02 = {refusal['extensions']['code']}: {': '.join(asked)}"
    for n, (table, column) in enumerate(plan.seals):
        yield rf"-- \x03{n}: … \x03 = {table}.{column}, opened by the server"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return value.isoformat() if isinstance(value, datetime) else str(value) if isinstance(value, UUID) else repr(value)


@pytest.mark.parametrize("name", NAMES)
async def test_the_answer_is_as_it_was_looked_at(name: str, small: World, kept: Keep) -> None:
    """A query on both roads; a mutation as a dry run, which leaves the world as it is."""
    text, role, variables = read(name, small)
    operation = small.souk.runner.operation(text)
    assert isinstance(operation, Operation)
    if operation.is_query:
        answer = await small.ask(role, text, variables)
    else:
        context = small.context(role)
        context.rehearsal = Rehearsal()
        found = await small.souk.runner.answer(text, variables, None, context)
        assert found.fused, found.reason
        answer = json.loads(found.body)
    kept(HERE / f"{name}.json", json.dumps(answer, ensure_ascii=False, indent=2) + "\n")


@pytest.mark.parametrize("name", NAMES)
def test_nobody_else_is_left_to_the_executor(name: str) -> None:
    assert left_over((HERE / f"{name}.graphql").read_text(encoding="utf-8")) == []


def test_a_readable_statement_has_the_same_words_in_lines_that_fit() -> None:
    """All that ships: only white space differs, and what is too long is a text."""
    for each in NAMED.values():
        for operation in Document(schema, each.text).operations:
            values = coerced(operation, next(samples(operation)))
            for part in parts(operation, facts_of(Role.DEALER)[0], values):
                assert isinstance(part.plan, Plan)
                made = readable(part.plan.sql)
                assert "".join(made.split()) == "".join(part.plan.sql.split())
                bare = re.sub(r"'(?:[^']|'')*'", "''", made)
                assert [line for line in bare.splitlines() if len(line) > WIDTH + 20] == []
                assert readable(made) == made
