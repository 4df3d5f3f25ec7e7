"""The pool: bounded, last in first out, and on its feet again after the server went away."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import orjson
import pytest

from souk.engine.errors import Overloaded, Stopped, Unavailable
from souk.engine.pool import Pool
from souk.engine.run import Runner
from souk.rules.actor import Actor, Role

from .conftest import where_of
from .database import TENANTS, create, decrypt
from .schema import schema

COUNT = "{ listings { totalCount } }"


async def test_the_last_connection_given_back_is_the_next_one_taken(where: Any) -> None:
    pool = Pool(**where, size=3)
    one, two = await pool.acquire(), await pool.acquire()
    pool.release(one)
    pool.release(two)
    assert await pool.acquire() is two
    assert await pool.acquire() is one
    assert pool.open == 2
    pool.release(one)
    pool.release(two)
    await pool.close()
    assert pool.open == 0


async def test_waiting_is_bounded_and_whoever_waits_gets_the_next_free_connection(where: Any) -> None:
    pool = Pool(**where, size=1, patience=0.05)
    one = await pool.acquire()
    with pytest.raises(Overloaded) as refused:
        await pool.acquire()
    assert refused.value.extensions == {"code": "OVERLOADED", "retryable": True}
    pool.patience = 30
    waiting = asyncio.ensure_future(pool.acquire())
    late = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    pool.release(one)
    assert await waiting is one
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    again = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    pool.release(one, broken=True)  # its place is taken by a new one
    fresh = await again
    assert fresh is not one and pool.open == 1
    pool.release(fresh)
    await pool.close()


async def test_an_overloaded_pool_is_a_typed_error_on_both_roads(where: Any, who: list[Actor], ask: Any) -> None:
    pool = Pool(**where, size=1, patience=0.01)
    runner = Runner(schema, pool)
    held = await pool.acquire()
    answer = await runner.answer(COUNT, None, None, ask(who[0]))
    expected = {"code": "OVERLOADED", "retryable": True, "requestId": "r1"}
    assert orjson.loads(answer.body) == {
        "data": None,
        "errors": [{"message": Overloaded.default, "extensions": expected}],
    }
    assert (answer.executed, answer.code) == (True, "OVERLOADED")
    batched = orjson.loads((await runner.batched(COUNT, None, None, ask(who[0]))).body)
    assert batched["data"] == {"listings": None}
    assert [(e["path"], e["extensions"]) for e in batched["errors"]] == [(["listings", "totalCount"], expected)]
    pool.release(held)
    assert orjson.loads((await runner.answer(COUNT, None, None, ask(who[0]))).body) == {
        "data": {"listings": {"totalCount": 60}}
    }
    await pool.close()


async def test_prepared_statements_are_bounded_per_connection(where: Any, who: list[Actor], ask: Any) -> None:
    pool = Pool(**where, size=1, statements=2)
    runner = Runner(schema, pool)
    for size in range(1, 6):
        await runner.answer(f"{{ listings(first: {size}) {{ nodes {{ id }} }} }}", None, None, ask(who[0]))
    connection = await pool.acquire()
    await connection.raw.fetchval("select 1")  # dropped statements are closed with the next one
    assert len(connection.statements) == 2
    assert (
        await connection.raw.fetchval("select count(*) from pg_prepared_statements where statement like 'WITH s AS%'")
        == 2
    )
    pool.release(connection)
    await pool.close()


async def test_a_document_that_is_forgotten_takes_its_statements_along(where: Any, who: list[Actor], ask: Any) -> None:
    pool = Pool(**where, size=1)
    runner = Runner(schema, pool, documents=2)
    for size in range(1, 6):
        await runner.answer(f"{{ listings(first: {size}) {{ nodes {{ id }} }} }}", None, None, ask(who[0]))
    connection = await pool.acquire()
    assert list(connection.statements) == [
        plan for document in runner.documents for each in document.operations for plan in each.plans.values()
    ]
    assert len(connection._exchange.statements) == 2
    pool.release(connection)
    await pool.close()


async def test_plans_and_documents_are_bounded(where: Any, who: list[Actor], ask: Any) -> None:
    runner = Runner(schema, Pool(**where), documents=3, plans=70)
    text = "query($y: [ListingStatus!]) { listings(filter: {statuses: $y}) { totalCount } }"
    words = ["DRAFT", "ACTIVE", "SOLD"]
    for n in range(80):
        plan = runner.explain(text, {"y": [words[(n // 3**k) % 3] for k in range(4)]}, None, ask(who[0]))
        assert plan.fused  # type: ignore[union-attr]
    operation = runner.operation(text)
    assert operation is not None and len(operation.plans) == 64
    for n in range(5):
        await runner.answer(f"{{ listings(first: {n + 1}) {{ totalCount }} }}", None, None, ask(who[0]))
    assert len(runner.documents) == 3
    await runner.pool.close()


async def test_large_documents_make_room_for_fewer(where: Any, who: list[Actor], ask: Any) -> None:
    runner = Runner(schema, Pool(**where))
    small, large = "{ listings(first: 1) { totalCount } }", "{ listings(first: 2) { nodes { id title } totalCount } }"
    for text in (small, large):
        await runner.answer(text, None, None, ask(who[0]))
    weights = [len(text) + len(runner.explain(text, {}, None, ask(who[0])).sql) for text in (small, large)]  # type: ignore[union-attr,arg-type]
    assert [each.parsed.characters for each in runner.documents] == weights

    runner.documents.characters = sum(weights)
    assert runner.documents.known(small) is not None  # the one of the two that was used last
    await runner.answer("{ nothing }", None, None, ask(who[0]))  # what is wrong is kept too
    assert [runner.documents.known(text) is not None for text in (small, large)] == [True, False]
    runner.documents.characters = 1
    await runner.answer(large, None, None, ask(who[0]))
    assert [each.parsed.characters for each in runner.documents] == weights[
        1:
    ]  # the one that is asked for, whatever it has
    await runner.pool.close()


async def test_a_plan_that_is_dropped_no_longer_counts(where: Any, who: list[Actor], ask: Any) -> None:
    runner = Runner(schema, Pool(**where))
    text = "query($y: [ListingStatus!]) { listings(filter: {statuses: $y}) { totalCount } }"
    words = ["DRAFT", "ACTIVE", "SOLD"]
    for n in range(80):
        runner.explain(text, {"y": [words[(n // 3**k) % 3] for k in range(4)]}, None, ask(who[0]))
    (document,) = runner.documents
    kept = [plan.sql for each in document.operations for plan in each.plans.values()]
    assert (len(kept), document.parsed.plans, document.parsed.characters) == (64, 64, len(text) + sum(map(len, kept)))
    await runner.pool.close()


async def test_a_migration_does_not_break_prepared_statements(
    where: Any, root: Any, owner: Any, who: list[Actor], ask: Any
) -> None:
    pool = Pool(**where, size=1)
    runner = Runner(schema, pool)
    text = "{ listings(first: 3) { nodes { id title extra } } }"
    before = await runner.fused(text, None, None, ask(who[0]))
    batched = await runner.batched(text, None, None, ask(who[0]))
    await owner.execute("alter table listing alter column title type varchar(4000)")
    try:
        assert (await runner.fused(text, None, None, ask(who[0]))).body == before.body  # type: ignore[union-attr]
        assert (await runner.answer(text, None, None, ask(who[0]))).fused
        connection = await pool.acquire()
        await connection.raw.execute("deallocate all")
        pool.release(connection)
        answer = await runner.fused(text, None, None, ask(who[0]))
        assert not isinstance(answer, str) and answer.body == batched.body
    finally:
        await owner.execute("alter table listing alter column title type text")
    assert (await runner.batched(text, None, None, ask(who[0]))).body == batched.body
    await pool.close()


async def test_a_statement_that_takes_too_long_is_a_deadline(
    where: Any, owner: Any, who: list[Actor], ask: Any
) -> None:
    pool = Pool(**where, size=2, settings={"lock_timeout": "0", "statement_timeout": "100"})
    runner = Runner(schema, pool)
    async with owner.transaction():
        await owner.execute("lock table listing in access exclusive mode")
        answer = await runner.answer(COUNT, None, None, ask(who[0]))
        assert answer.code == "DEADLINE_EXCEEDED"
        assert orjson.loads(answer.body)["errors"][0]["extensions"] == {
            "code": "DEADLINE_EXCEEDED",
            "retryable": True,
            "requestId": "r1",
        }
        batched = orjson.loads((await runner.batched(COUNT, None, None, ask(who[0]))).body)
        assert [e["extensions"]["code"] for e in batched["errors"]] == ["DEADLINE_EXCEEDED"]
    assert (await runner.answer(COUNT, None, None, ask(who[0]))).fused
    await pool.close()


async def test_a_cancelled_caller_gives_its_place_back(where: Any, owner: Any, who: list[Actor], ask: Any) -> None:
    pool = Pool(**where, size=1)
    runner = Runner(schema, pool)
    async with owner.transaction():
        await owner.execute("lock table listing in access exclusive mode")
        for road in (runner.fused, runner.batched):
            asking = asyncio.ensure_future(road(COUNT, None, None, ask(who[0])))
            await _blocked(owner)
            asking.cancel()
            if road == runner.batched:  # its statement ends with the lock
                break
            assert isinstance((await asyncio.gather(asking, return_exceptions=True))[0], asyncio.CancelledError)
    await asyncio.gather(asking, return_exceptions=True)
    assert (await runner.answer(COUNT, None, None, ask(who[0]))).fused
    assert pool.open == 1
    await pool.close()


async def _blocked(owner: Any) -> None:
    """Until somebody waits for the lock that `owner` holds."""
    while not await owner.fetchval(
        "select count(*) from pg_locks where not granted and relation = 'listing'::regclass"
    ):
        pass


async def test_every_new_connection_is_set_up(where: Any) -> None:
    async def setup(connection: Any) -> None:
        await connection.execute("set application_name = 'engine test'")

    pool = Pool(**where, setup=setup)
    connection = await pool.acquire()
    assert await connection.raw.fetchval("show application_name") == "engine test"
    assert await connection.raw.fetchval("show plan_cache_mode") == "force_generic_plan"
    pool.release(connection)
    await pool.close()

    async def wrong(connection: Any) -> None:
        await connection.execute("set role nobody_at_all")

    broken = Pool(**where, setup=wrong)
    with pytest.raises(asyncpg.PostgresError):
        await broken.acquire()
    assert broken.open == 0


@pytest.mark.own_server
async def test_a_restart_of_the_server_costs_one_typed_error_at_most(own_server: Callable[[], Any], ask: Any) -> None:
    server = own_server()
    where = await create(where_of(server.start()), "market", 20, 20)
    runner = Runner(schema, Pool(**where), decrypt=decrypt)
    actor = Actor(TENANTS[0], Role.ADMIN)
    expected = {"data": {"listings": {"totalCount": 20}}}
    assert orjson.loads((await runner.answer(COUNT, None, None, ask(actor))).body) == expected
    server.stop("immediate")
    for road in ("answer", "batched"):
        answer = await getattr(runner, road)(COUNT, None, None, ask(actor))
        assert {e["extensions"]["code"] for e in orjson.loads(answer.body)["errors"]} == {"UNAVAILABLE"}
    server.start()
    assert orjson.loads((await runner.answer(COUNT, None, None, ask(actor))).body) == expected
    assert orjson.loads((await runner.batched(COUNT, None, None, ask(actor))).body) == expected
    await runner.pool.close()


async def test_no_server_at_all_is_unavailable(ask: Any, who: list[Actor]) -> None:
    runner = Runner(schema, Pool(host="127.0.0.1", port=1, user="nobody", database="nowhere"))
    answer = await runner.answer(COUNT, None, None, ask(who[0]))
    assert answer.code == "UNAVAILABLE"
    assert issubclass(Unavailable, Stopped)


async def test_what_is_unexpected_is_internal_and_tells_nothing(runner: Runner, who: list[Actor], ask: Any) -> None:
    def broken(data: bytes, aad: bytes) -> str:
        raise KeyError("secret-key-7")

    runner.decrypt = broken
    for road in (runner.answer, runner.batched):
        answer = await road("{ offers(first: 60) { nodes { buyer { phone } } } }", None, None, ask(who[0]))
        assert b"secret" not in answer.body
        codes = {
            (e["message"], e["extensions"]["code"], e["extensions"]["requestId"])
            for e in orjson.loads(answer.body)["errors"]
        }
        assert codes == {("Internal error.", "INTERNAL", "r1")}


async def test_a_nul_in_a_variable_is_bad_input(runner: Runner, who: list[Actor], ask: Any) -> None:
    text = "query($t: [String!]!) { listings(filter: {titles: $t}) { totalCount } }"
    answer = await runner.answer(text, {"t": ["a\0b"]}, None, ask(who[0]))
    assert [e["extensions"]["code"] for e in orjson.loads(answer.body)["errors"]] == ["BAD_USER_INPUT"]
    assert b"encoding" not in answer.body
