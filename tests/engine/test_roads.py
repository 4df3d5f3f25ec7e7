"""What the two roads promise, besides equal answers (test_differential)."""

import asyncio
import copy
from typing import Any

import orjson
import pytest
from sqlalchemy import select, true
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from souk.engine import batch
from souk.engine.pool import Pool
from souk.engine.rows import model_rows
from souk.engine.run import Runner
from souk.engine.sql import Parameters, columns_of
from souk.engine.symbols import Viewer, write_id
from souk.rules.actor import Actor, Role

from . import permissions
from .database import TENANTS, actors, decrypt
from .models import Listing, Offer
from .schema import schema

DEEP = """query($n: Int) { listings(first: $n) { nodes { title dealer { name } offers(first: $n) { totalCount
  nodes { buyer { name } listing { title } } } again: offers(first: 2, status: OPEN) { nodes { id } } } } }"""
MODELS = ("Listing", "Offer", "Buyer", "Dealer")


async def test_statements_do_not_depend_on_the_size_of_a_page(runner: Runner, who: list[Actor], ask: Any) -> None:
    counts = []
    for size in (1, 5, 50):
        answer = await runner.batched(DEEP, {"n": size}, None, ask(who[0]))
        assert len(orjson.loads(answer.body)["data"]["listings"]["nodes"]) == size
        assert runner.last_reads is not None
        counts.append(runner.last_reads.statements)
    assert counts == [7, 7, 7]  # page, dealers, offers, counts, open offers, buyers, listings


async def test_a_guard_that_only_sql_answers_is_asked_once_for_all_rows(
    runner: Runner, who: list[Actor], ask: Any
) -> None:
    text = "query($n: Int) { offers(first: $n) { nodes { buyer { email } party { __typename } } } listings(first: $n) { nodes { dealer { active } } } }"
    counts = []
    for size in (2, 20):
        await runner.batched(text, {"n": size}, None, ask(who[1]))
        assert runner.last_reads is not None
        counts.append(runner.last_reads.statements)
    assert counts == [7, 7]  # offers, buyers, e-mail guard, party guard, listings, dealers, active


async def test_a_fused_answer_is_one_statement(runner: Runner, who: list[Actor], ask: Any) -> None:
    ran = "select sum(generic_plans + custom_plans)::int from pg_prepared_statements where statement like 'WITH s AS%'"
    assert isinstance(await runner.fused(DEEP, {"n": 1}, None, ask(who[0])), object)
    connection = runner.pool._idle[-1].raw
    before = await connection.fetchval(ran)
    await runner.fused(DEEP, {"n": 50}, None, ask(who[0]))
    assert await connection.fetchval(ran) == before + 1
    assert runner.pool.open == 1


async def test_a_plan_is_shared_by_values_and_split_by_facts_presence_and_enums(
    runner: Runner, who: list[Actor], ask: Any
) -> None:
    text = "query($f: ListingFilter, $o: ListingOrder = NEWEST, $x: Boolean!) { listings(filter: $f, orderBy: $o) { nodes { id title @include(if: $x) } } }"
    some = [write_id("Listing", TENANTS[0]), write_id("Listing", TENANTS[1])]
    operation = runner.operation(text)
    assert operation is not None
    for variables, plans in [
        ({"x": True}, 1), ({"x": True, "f": None}, 2), ({"x": False}, 3), ({"x": True, "f": {"minPrice": 5}}, 4),
        ({"x": True, "f": {"minPrice": 7}}, 4), ({"x": True, "f": {"years": [1, 2]}}, 5), ({"x": True, "f": {"years": [2020]}}, 5),
        ({"x": True, "o": "TITLE"}, 6), ({"x": True, "f": {"status": "SOLD"}}, 7), ({"x": True, "f": {"status": "ACTIVE"}}, 8),
        ({"x": True, "f": {"statuses": ["ACTIVE"]}}, 9), ({"x": True, "f": {"statuses": ["SOLD", "DRAFT"]}}, 10),
        ({"x": True, "f": {"ids": some}}, 11), ({"x": True, "f": {"ids": some[:1]}}, 11), ({"x": True, "f": {"ids": ["nonsense"]}}, 12),
        ({"x": True, "f": {"ids": ["Tm90VHlwZTox"]}}, 12),
        ({"x": True, "f": {"ranges": [{"least": "1"}]}}, 13), ({"x": True, "f": {"ranges": [{"least": "2"}]}}, 13),
        ({"x": True, "f": {"ranges": [{"least": "2"}, {"most": "3"}]}}, 14),
    ]:  # fmt: skip
        fused = await runner.fused(text, variables, None, ask(who[0]))
        assert not isinstance(fused, str), fused
        assert fused.body == (await runner.batched(text, variables, None, ask(who[0]))).body
        assert len(operation.plans) == plans, variables
    await runner.fused(text, {"x": True}, None, ask(who[1]))
    assert len(operation.plans) == 15
    too_many = {"x": True, "f": {"statuses": ["ACTIVE"] * 21}}
    assert (
        await runner.fused(text, too_many, None, ask(who[0]))
        == "a list of more than 20 values that are part of the plan"
    )


async def test_nodes_come_in_the_order_of_their_ids(runner: Runner, who: list[Actor], owner: Any, ask: Any) -> None:
    rows = [
        write_id(m, r["id"])
        for m in ("Offer", "Listing")
        for r in await owner.fetch(f"select id from {m.lower()} where tenant_id = $1 limit 3", TENANTS[0])
    ]
    foreign = write_id(
        "Listing", await owner.fetchval("select id from listing where tenant_id = $1 limit 1", TENANTS[1])
    )
    ids = [rows[4], "nonsense", rows[0], foreign, rows[5], rows[4], "Tm90VHlwZTox"]
    text = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Listing { title floor { amount } } ... on Offer { amount { amount } } } }"
    literal = (
        "{ nodes(ids: ["
        + ", ".join(f'"{each}"' for each in ids)
        + "]) { __typename id ... on Listing { title floor { amount } } ... on Offer { amount { amount } } } }"
    )
    mixed = 'query($a: ID!, $b: ID!) { nodes(ids: [$a, "x", $b]) { id } }'
    for actor in who:
        for document, variables in [
            (text, {"ids": ids}),
            (literal, {}),
            (mixed, {"a": rows[1], "b": rows[4]}),
            (text, {"ids": []}),
            (text, {"ids": ["x"] * 3}),
        ]:
            fused = await runner.fused(document, variables, None, ask(actor))
            assert not isinstance(fused, str), fused
            assert fused.body == (await runner.batched(document, variables, None, ask(actor))).body
        found = orjson.loads((await runner.answer(text, {"ids": ids}, None, ask(actor))).body)
        if actor.role == "ADMIN":
            assert [each and each["id"] for each in found["data"]["nodes"]] == [
                rows[4],
                None,
                rows[0],
                None,
                rows[5],
                rows[4],
                None,
            ]
        if actor.role == "PUBLIC":
            assert [
                (each["path"], each["extensions"]["code"]) for each in found["errors"] if each["path"] == ["nodes", 2]
            ] == [(["nodes", 2], "FORBIDDEN")]
    many = await runner.answer(text, {"ids": [rows[0]] * 101}, None, ask(who[0]))
    assert orjson.loads(many.body)["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (
        len(
            orjson.loads((await runner.answer(text, {"ids": [rows[0]] * 100}, None, ask(who[0]))).body)["data"]["nodes"]
        )
        == 100
    )


@pytest.mark.parametrize("parallel", ["off", "on"])
async def test_the_wall_holds_when_the_application_forgets_everything(
    where: Any, root: Any, owner: Any, ask: Any, parallel: str, monkeypatch: Any
) -> None:
    """No tenant predicate, no permission predicate: row-level security alone keeps the tenants apart, on one connection."""
    monkeypatch.setattr(batch, "ENFORCE_TENANT", False)
    for name in ("SeesListing", "SeesOffer", "SeesBuyer", "SeesDealer"):
        monkeypatch.setattr(getattr(permissions, name), "rows", lambda self, viewer: true())
    own = {
        tenant: {
            write_id(m, r["id"])
            for m in MODELS
            for r in await owner.fetch(f"select id from {m.lower()} where tenant_id = $1", tenant)
        }
        for tenant in TENANTS
    }
    text = """{ listings(first: 100) { totalCount nodes { id dealer { id listings(first: 50) { nodes { id } } }
      offers(first: 50) { totalCount nodes { id buyer { id } listing { id } } } } } offers(first: 100) { nodes { id } } }"""
    one = "query($id: ID!) { node(id: $id) { id } listing(id: $id) { id } nodes(ids: [$id]) { id } }"
    modern = await owner.fetchval("SELECT current_setting('server_version_num')::int >= 160000")
    pool = Pool(**where, size=1, settings={"debug_parallel_query" if modern else "force_parallel_mode": parallel})
    runner = Runner(schema, pool, decrypt=decrypt)
    seen: dict[Any, bytes] = {}
    for _ in range(5):
        for tenant, other in zip(TENANTS, reversed(TENANTS), strict=True):
            actor = (await actors(owner, tenant))[0]
            fused = await runner.fused(text, {}, None, ask(actor))
            assert not isinstance(fused, str), fused
            ids = set(find_ids(orjson.loads(fused.body)["data"]))
            assert ids and ids <= own[tenant]
            assert seen.setdefault(tenant, fused.body) == fused.body
            assert (await runner.batched(text, {}, None, ask(actor))).body == fused.body
            nothing = {"node": None, "listing": None, "nodes": [None]}
            foreign = next(iter(own[other]))
            for road in (runner.fused, runner.batched):
                assert orjson.loads((await road(one, {"id": foreign}, None, ask(actor))).body) == {"data": nothing}
    assert orjson.loads(seen[TENANTS[0]])["data"]["listings"]["totalCount"] == 60
    connection = await pool.acquire()
    assert await connection.raw.fetchval("select count(*) from listing") == 0  # nothing stays behind
    pool.release(connection)
    await pool.close()
    # The negative control: the owner sees through the wall, so the same statement must leak.
    blind = Runner(schema, Pool(**{**where, **root}))
    leaked = await blind.fused("{ listings { totalCount } }", {}, None, ask(actor))
    assert not isinstance(leaked, str)
    assert orjson.loads(leaked.body)["data"]["listings"]["totalCount"] == 120
    await blind.pool.close()


def find_ids(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str):
            yield value["id"]
        value = list(value.values())
    for child in value if isinstance(value, list) else ():
        yield from find_ids(child)


async def test_the_two_spellings_of_every_permission_agree(owner: Any, who: list[Actor]) -> None:
    checked = 0
    for permission in permissions.EVERY:
        if not permission.in_python:
            continue
        names = list(columns_of(permission.model))
        for actor in who:
            parameters = Parameters()
            sql = f"SELECT {parameters.render(permission().rows(Viewer(actor.facts)))}, {', '.join(names)} FROM {permission.model.__tablename__}"
            for answer, *values in await owner.fetch(sql, *parameters.bind(actor, {})):
                assert permission().allows(actor, model_rows(permission.model)(values)) == bool(answer), (
                    permission,
                    actor.role,
                )
                checked += 1
    assert checked > 1000


async def test_a_viewer_with_values_serves_a_session(where: Any, owner: Any, who: list[Actor]) -> None:
    engine = create_async_engine("postgresql+asyncpg://", connect_args=where)
    nobody = (
        copy.replace(who[1], dealer_id=None)
        if hasattr(copy, "replace")
        else Actor(who[1].tenant_id, Role.DEALER, who[1].user_id)
    )
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(select(1))
        await (await session.connection()).exec_driver_sql(f"select set_config('souk.tenant_id', '{TENANTS[0]}', true)")
        viewer, empty = Viewer.of(who[1]), Viewer.of(nobody)
        found = (await session.scalars(select(Offer).where(permissions.SeesOffer().rows(viewer)))).all()
        assert {each.dealer_id for each in found} == {who[1].dealer_id}
        assert (await session.scalars(select(Offer).where(permissions.SeesOffer().rows(empty)))).all() == []
        both = select(Offer).where(permissions.SeesOffer().rows(viewer) | permissions.SeesOffer().rows(empty))
        assert len((await session.scalars(both)).all()) == len(found)
        assert "IS NULL" not in str(select(Listing).where(Listing.dealer_id == empty.dealer_id))
        teams = Viewer.of(Actor(TENANTS[0], Role.AGENT, team_ids=(found[0].dealer_id,)))
        assert (
            await session.scalars(select(Offer).where(Offer.dealer_id == teams.team_ids.any_()))
        ).first() is not None
    await engine.dispose()


async def test_operations_are_chosen_by_name_and_missing_ones_named(runner: Runner, who: list[Actor], ask: Any) -> None:
    text = "query A { listings { totalCount } } query B { __typename }"
    assert (await runner.answer(text, None, "B", ask(who[0]))).body == b'{"data":{"__typename":"Query"}}'
    assert orjson.loads((await runner.answer(text, None, "A", ask(who[0]))).body)["data"] == {
        "listings": {"totalCount": 60}
    }
    for name, message in [
        (None, "Must provide operation name if query contains multiple operations."),
        ("C", "Unknown operation named 'C'."),
    ]:
        answer = await runner.answer(text, None, name, ask(who[0]))
        assert (answer.executed, answer.code) == (False, "BAD_REQUEST")
        body = orjson.loads(answer.body)
        assert body == {
            "errors": [
                {"message": message, "extensions": {"code": "BAD_REQUEST", "retryable": False, "requestId": "r1"}}
            ]
        }


async def test_at_most_a_hundred_errors_in_the_order_of_the_data(runner: Runner, who: list[Actor], ask: Any) -> None:
    fields = " ".join(f"f{i}: floor {{ amount }}" for i in range(4))
    text = f"{{ listings(first: 60) {{ nodes {{ {fields} }} }} }}"
    fused = await runner.fused(text, {}, None, ask(who[2]))
    assert not isinstance(fused, str)
    assert fused.body == (await runner.batched(text, {}, None, ask(who[2]))).body
    paths = [error["path"] for error in orjson.loads(fused.body)["errors"]]
    assert paths == [["listings", "nodes", i, f"f{k}"] for i in range(25) for k in range(4)]


async def test_many_questions_at_once_share_the_pool(runner: Runner, who: list[Actor], ask: Any) -> None:
    expected = {actor.role: (await runner.answer(DEEP, {"n": 9}, None, ask(actor))).body for actor in who}
    answers = await asyncio.gather(*(runner.answer(DEEP, {"n": 9}, None, ask(actor)) for actor in who * 10))
    assert [each.body for each in answers] == [expected[actor.role] for actor in who * 10]
    assert runner.pool.open <= 6
