"""Statements of two tenants under way on one connection: each sees what its own tenant has, by the policies alone."""

import asyncio
from time import monotonic
from typing import Any

from souk.engine.deadlines import Deadlines
from souk.engine.pool import Pool
from souk.engine.question import Question
from souk.engine.run import Runner
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.isolation.conftest import Two
from tests.isolation.test_wall import LISTS, no_predicates
from tests.world import KEYRING

__all__ = ["no_predicates"]  # a fixture
TURNS = 40


async def test_tenants_in_turn_on_a_shared_connection_see_their_own(two: Two, no_predicates: None, size: Any) -> None:
    pool = Pool(dsn=two.url, settings={"role": "souk_app"}, size=1, short=3600, patience=600)
    runner, deadlines = Runner(schema, pool, decrypt=KEYRING.open), Deadlines(600)
    owners = [two.here.actors[Role.OWNER], two.there.actors[Role.OWNER]]
    texts = [f"{{ {name}(first: 100) {{ totalCount nodes {{ __typename id }} }} }}" for name in LISTS]
    alone = {}
    for text in texts:
        for owner in owners:
            answer = await runner.answer(text, None, None, two.context(owner))
            assert answer.fused, answer.reason
            alone[text, owner.tenant_id] = answer.body
    behind = 0

    def ask(text: str, owner: Actor) -> "asyncio.Future[bytes | None]":
        nonlocal behind
        found = runner.at_hand(text, {}, None, owner)
        assert found is not None
        heard: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        question = Question(pool, *found, deadlines, monotonic(), lambda it: heard.set_result(it.result()))
        assert question.ask()
        behind += pool._all[0].users == 2
        return heard

    bare = {}
    for round_ in range(size(2, TURNS)):
        asked = [(text, owner) for text in texts for owner in (owners if round_ % 2 else owners[::-1])]
        answers = await asyncio.gather(*(ask(*each) for each in asked))
        for (text, owner), body in zip(asked, answers):
            assert body is not None and body == bare.setdefault((text, owner.tenant_id), body)
    for (text, tenant_id), body in bare.items():
        whole = alone[text, tenant_id]
        assert body == whole or whole.startswith(body[:-1]), (text, body[:200], whole[:200])
    foreign = [[id_.encode() for ids in each.own.values() for id_ in ids] for each in (two.there, two.here)]
    for owner, ids in zip(owners, foreign):
        seen = b"".join(body for (_, tenant_id), body in bare.items() if tenant_id == owner.tenant_id)
        assert not [each for each in ids if each in seen] and seen.count(b'"id":') > 100
    assert behind > len(texts) and (pool.busy, pool.waiting) == (0, 0)
    await pool.close()
