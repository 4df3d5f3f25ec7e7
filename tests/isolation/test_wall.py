"""Row-level security alone: every permission says yes, the tenant predicate is gone, and still nothing comes through."""

from typing import Any

import pytest
from sqlalchemy import true

from souk.engine import batch
from souk.engine.pool import Pool
from souk.engine.run import Runner
from souk.permissions.base import AnyOf, Permission
from souk.rules.actor import Role
from souk.schema import schema
from tests.isolation.canary import WORD
from tests.isolation.conftest import TOKEN, Two, nearby
from tests.isolation.test_fuzz import Fuzz, type_of
from tests.world import KEYRING

LISTS = [name for name, field in schema._schema.query_type.fields.items() if str(field.type).endswith("Connection")]  # type: ignore[union-attr]


@pytest.fixture
def no_predicates(monkeypatch: pytest.MonkeyPatch) -> None:
    for permission in _every(Permission):
        for name, answer in (("rows", lambda self, viewer: true()), ("allows", lambda self, actor, row: True)):
            if name in permission.__dict__:
                monkeypatch.setattr(permission, name, answer)
    monkeypatch.setattr(batch, "ENFORCE_TENANT", False)
    return


def _every(of: type[Any]) -> set[type[Any]]:
    return {of, AnyOf} | {each for sub in of.__subclasses__() for each in _every(sub)}


async def asked(two: Two, runner: Runner, foreign: Any) -> bytes:
    """Every list, and every query position with the ids and cursors of the other tenant, as the OWNER."""
    fuzz, owner, bodies = await Fuzz(two).prepare(), two.here.actors[Role.OWNER], []
    for name in LISTS:
        text = f"{{ {name}(first: 100) {{ totalCount nodes {{ __typename id }} }} }}"
        bodies.append((await runner.answer(text, None, None, two.context(owner))).body)
    for position in (each for each in two.positions if each.kind == "query"):
        if position.cursor:
            pairs = (
                [(two.cursors[position.path], nearby(two.cursors[position.path]))]
                if position.path in two.cursors
                else []
            )
        else:
            types = [type_of(position)] if type_of(position) in two.there.own else ["Listing", "Ticket"]
            pairs = [(id_, fuzz.unknown(type_)) for type_ in types for id_ in two.there.own[str(type_)][:3]]
        for one, nobodys in pairs:
            given = [{"it": each} if position.cursor else fuzz.variables(position, each) for each in (one, nobodys)]
            answers = [(await runner.answer(position.document, each, None, two.context(owner))).body for each in given]
            bodies += answers
            foreign(position, *answers)
    return b"\n".join(bodies)


async def test_row_security_alone_lets_nothing_through(two: Two, no_predicates: None) -> None:
    pool = Pool(dsn=two.url, settings={"role": "souk_app"})
    try:
        body = await asked(two, Runner(schema, pool, decrypt=KEYRING.open), _equal)
    finally:
        await pool.close()
    assert WORD.encode() not in body
    assert not two.foreign.intersection(TOKEN.findall(body))
    own = {id_.encode() for ids in two.here.own.values() for id_ in ids}
    assert len(own.intersection(TOKEN.findall(body))) > 100


def _equal(position: Any, foreign: bytes, unknown: bytes) -> None:
    assert foreign == unknown, (position.path, foreign, unknown)


async def test_without_row_security_the_same_leaks(two: Two, no_predicates: None) -> None:
    """The negative control: a superuser sees through the wall, so the test above can fail."""
    pool = Pool(dsn=two.url)
    try:
        body = await asked(two, Runner(schema, pool, decrypt=KEYRING.open), lambda *_: None)
    finally:
        await pool.close()
    assert len(two.foreign.intersection(TOKEN.findall(body))) > 100
