"""Mutations' entities and subscriptions' events, on both roads."""

from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest

from souk.context import Context
from souk.engine.run import Refused, Runner
from souk.engine.symbols import write_id
from souk.rules.actor import Actor

from .database import TENANTS

SELL = """mutation M($a: ListingSellInput!, $x: Boolean!, $n: Int) {
  first: listingSell(input: $a) { userErrors l: listing { id status title ...F } listing { dealer @include(if: $x) { name } } }
  second: listingSell(input: {id: "nonsense"}) { listing { id } userErrors __typename }
  third: listingSell(input: $a) { listing { status f: floor { amount } secretDamages { part } offers(first: $n) { totalCount } } userErrors }
} fragment F on Listing { floor { amount currencyCode } price { amount } }"""
FOLLOW = """subscription S($id: ID!, $after: BigInt) { e: listingEvents(listingId: $id, after: $after) { __typename seq at
  ... on Moved { movedFrom } ... on Logged { lines { text } } subject { __typename ... on Node { id } ... on Listing { floor { amount } } } } }"""


def selling(where: dict[str, Any], actor: Actor) -> Context:
    async def sell(row_id: UUID, title: str | None) -> None:
        connection = await asyncpg.connect(**where)
        async with connection.transaction():
            await connection.execute("select set_config('souk.tenant_id', $1, true)", str(actor.tenant_id))
            await connection.execute(
                "update listing set status = 'SOLD', title = coalesce($2, title) || '!' where id = $1", row_id, title
            )
        await connection.close()

    context = Context(actor, request_id="r1")
    context.db = sell  # type: ignore[assignment]
    return context


async def listing_of(owner: Any, tenant: UUID = TENANTS[0]) -> UUID:
    return await owner.fetchval("select id from listing where tenant_id = $1 order by id limit 1", tenant)


async def test_an_entity_of_a_payload_is_read_after_each_mutation_and_alike_on_both_roads(
    runner: Runner, owner: Any, who: Any, where: Any
) -> None:
    row_id = await owner.fetchval("select id from listing where dealer_id = $1 order by id limit 1", who[1].dealer_id)
    variables = {"a": {"id": write_id("Listing", row_id), "title": "new"}, "x": True, "n": 2}
    for actor in who[:3]:
        answers = []
        for road in (runner.fused, runner.batched):
            await owner.execute("update listing set status = 'ACTIVE' where id = $1", row_id)
            answers.append(await road(SELL, variables, None, selling(where, actor)))
        fused, batched = answers
        assert (fused.fused, fused.reason) == (True, None)
        assert not batched.fused
        assert fused.body == batched.body
        body = orjson.loads(fused.body)
        assert body["data"]["first"]["l"]["status"] == "SOLD"
        assert body["data"]["first"]["l"]["title"] == "new!"
        assert body["data"]["second"] == {
            "listing": None,
            "userErrors": ["NOT_FOUND"],
            "__typename": "ListingSellPayload",
        }
        paths = [error["path"] for error in body.get("errors", ())]
        assert paths == (
            []
            if actor.role != "CUSTOMER"
            else [["first", "l", "floor"], ["third", "listing", "f"], ["third", "listing", "secretDamages"]]
        )
    assert await owner.fetchval("select title from listing where id = $1", row_id) == "new!"


async def test_a_mutation_shut_to_the_role_does_not_run(runner: Runner, owner: Any, who: Any, where: Any) -> None:
    row_id = await listing_of(owner)
    before = await owner.fetchrow("select * from listing where id = $1", row_id)
    text = "mutation($a: ListingSellInput!) { listingSell(input: $a) { userErrors listing { id } } }"
    answer = await runner.answer(text, {"a": {"id": write_id("Listing", row_id)}}, None, selling(where, who[3]))
    body = orjson.loads(answer.body)
    assert body["data"] == {"listingSell": None}
    assert [(e["path"], e["extensions"]) for e in body["errors"]] == [
        (["listingSell"], {"code": "FORBIDDEN", "retryable": False, "requestId": "r1"})
    ]
    assert await owner.fetchrow("select * from listing where id = $1", row_id) == before


async def test_events_are_one_statement_for_all_who_see_the_same(
    runner: Runner, owner: Any, who: Any, ask: Any
) -> None:
    row_id = await owner.fetchval(
        "select listing_id from event e join listing l using (tenant_id) where l.id = listing_id and tenant_id = $1 and status <> 'DRAFT' "
        "group by 1 order by count(*) desc, 1 limit 1",
        TENANTS[0],
    )
    seqs = [r["seq"] for r in await owner.fetch("select seq from event where listing_id = $1 order by seq", row_id)]
    assert len(seqs) > 3
    variables = {"id": write_id("Listing", row_id), "after": str(seqs[0])}
    keys = []
    for actor in who:
        fused = runner.events_plan(FOLLOW, "S", variables, ask(actor))
        batched = runner.events_plan(FOLLOW, "S", variables, ask(actor), fused=False)
        assert (fused.fused, fused.reason, fused.after, batched.after, batched.fused) == (
            True,
            None,
            seqs[0],
            seqs[0],
            False,
        )
        found = await fused.fetch(fused.after, 2)
        assert [seq for seq, _ in found] == seqs[1:3]
        everything = await fused.fetch(None, 100)
        assert [seq for seq, _ in everything] == seqs
        assert everything == await batched.fetch(None, 100)
        assert orjson.loads(found[0][1])["data"]["e"]["seq"] == str(seqs[1])
        assert await fused.fetch(seqs[-1], 5) == []
        keys.append(fused.key)
        other = runner.events_plan(FOLLOW, "S", variables | {"after": None}, ask(actor))
        assert other.key[1] == fused.key[1]
    again = runner.events_plan(FOLLOW, "S", variables | {"after": str(seqs[2])}, ask(who[0]))
    assert again.key == keys[0] and again.after == seqs[2]
    assert len(set(keys)) == 4


async def test_another_tenants_stream_is_silent(runner: Runner, owner: Any, who: Any, ask: Any) -> None:
    foreign = await owner.fetchval("select listing_id from event where tenant_id = $1 limit 1", TENANTS[1])
    for fused in (True, False):
        plan = runner.events_plan(FOLLOW, None, {"id": write_id("Listing", foreign)}, ask(who[0]), fused=fused)
        assert await plan.fetch(None) == []


@pytest.mark.parametrize(
    ("text", "variables", "code", "message"),
    [
        ("subscription { listingEvents { seq } }", {}, "BAD_REQUEST", "argument 'ID!' of type"),
        (FOLLOW, {"id": 5.5}, "BAD_USER_INPUT", "$id"),
        (FOLLOW, {"id": "x", "after": "9" * 30}, "BAD_USER_INPUT", "BigInt"),
        ("{ __typename }", {}, "BAD_USER_INPUT", "not a subscription"),
        ("nonsense", {}, "BAD_REQUEST", "Syntax"),
    ],
)
async def test_a_subscription_that_cannot_start_says_why(
    runner: Runner, who: Any, ask: Any, text: str, variables: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        runner.events_plan(text, None, variables, ask(who[0]))
    error = orjson.loads(refused.value.answer.body)["errors"][0]
    assert error["extensions"]["code"] == refused.value.answer.code == code
    assert message in error["message"] or message == "argument 'ID!' of type"
