"""What a mutation's answer says when time is up or the connection breaks: never "again" where that could do it twice."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Any
from uuid import UUID

import orjson
import pytest
import pytest_asyncio

from souk.rules.actor import Role
from souk.settings import Settings
from souk.web import operations, parts
from souk.web.gate import GraphQLRequest
from souk.web.guard import Guard
from souk.web.operations import Operations
from souk.web.parts import Call, Parts
from souk.web.sessions import Credential
from tests.web.test_http import ask, error, refusal
from tests.world import World

MEDIA = {"accept": "application/graphql-response+json"}
SHORT = {"request_timeout": 0.02, "commit_grace": 0.02}


@pytest.mark.parametrize(("keyed", "retryable"), [("true", True), ("false", False)])
async def test_a_mutation_that_outlives_its_answer_is_finished_all_the_same(client, shop, keyed, retryable) -> None:
    http = await client(**SHORT)
    response = await ask(http, f"mutation {{ slow(keyed: {keyed}) }}")
    assert refusal(response)[:2] == (504, "DEADLINE_EXCEEDED")
    assert error(response)["extensions"]["retryable"] is retryable
    assert (shop.total, shop.last.effects.late) == (0, True)
    shop.release.set()
    await http.app._http.operations.settle()
    assert shop.total == 1


async def test_what_ends_within_the_grace_is_told(client, shop) -> None:
    http = await client(request_timeout=0.02, commit_grace=30)
    asking = asyncio.create_task(ask(http, "mutation { slow(keyed: false) }"))
    await shop.holding.wait()
    while not shop.last.effects.late:
        await asyncio.sleep(0)
    shop.release.set()
    assert (await asking).json() == {"data": {"slow": 1}}


class Clock:
    """The time of requests, moved on by what happens in them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("document", "left"),
    [("mutation { sessionRefresh }", 1), ("mutation { slow(keyed: false) }", 6)],
)
async def test_the_time_of_a_request_is_counted_from_its_first_byte_and_signing_in_has_less(
    client, shop, monkeypatch, document, left
) -> None:
    """Ten seconds and five, of which the body took four; what is left is what the operation gets."""
    clock, waits = Clock(), []
    for each in (operations, parts):
        monkeypatch.setattr(each, "monotonic", clock)
    wait = asyncio.wait

    class Watched:
        """asyncio, as the module under test sees it; nothing of its time is really waited for."""

        def __getattr__(self, name: str) -> Any:
            return getattr(asyncio, name)

        def wait(self, tasks: Any, timeout: float | None = None) -> Any:
            waits.append(timeout)
            return wait(tasks, timeout=0)

    monkeypatch.setattr(operations, "asyncio", Watched())

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"query":'
        clock.now += 4
        yield orjson.dumps(document) + b"}"

    http = await client()
    response = await http.post("/graphql", content=slowly(), headers={"content-type": "application/json", **MEDIA})
    assert refusal(response)[:2] == (504, "DEADLINE_EXCEEDED")
    assert waits[0] == left
    assert shop.total == 0
    shop.release.set()
    await http.app._http.operations.settle()


async def test_the_time_of_a_query_is_counted_from_its_first_byte(client, shop, monkeypatch) -> None:
    monkeypatch.setattr(parts, "monotonic", lambda: monotonic() - 9.9)
    http, began = await client(request_timeout=10), monotonic()
    assert refusal(await ask(http, "{ hold }"))[:2] == (504, "DEADLINE_EXCEEDED")
    assert monotonic() - began < 5


async def test_a_sign_in_that_hangs_ends_after_its_own_time(client, shop) -> None:
    http = await client(sign_in_timeout=0.02, commit_grace=0.02)
    response = await ask(http, "mutation { sessionRefresh }")
    assert refusal(response)[:2] == (504, "DEADLINE_EXCEEDED")
    shop.release.set()
    assert (await ask(http, "mutation { slow(keyed: false) }")).json() == {"data": {"slow": 2}}
    await http.app._http.operations.settle()


@pytest.mark.parametrize(("keyed", "retryable"), [("true", True), ("false", False)])
async def test_an_error_after_the_commit_may_have_happened_is_not_retryable(client, shop, keyed, retryable) -> None:
    shop.total = 12
    shop.release.set()
    response = await ask(await client(), f"mutation {{ slow(keyed: {keyed}) }}")
    assert error(response)["extensions"]["retryable"] is retryable


class Lost(ConnectionError):
    """The answer to the commit never came."""


@pytest_asyncio.fixture
async def lost(world: World) -> AsyncIterator[list[UUID]]:
    """Every commit happens, and nobody hears of it; the list has the subjects of each."""
    seen: list[UUID] = []

    def lose(_tenant: UUID, subjects: set[UUID]) -> None:
        seen.extend(subjects)
        raise Lost

    world.souk.app.committed.append(lose)
    yield seen
    world.souk.app.committed.remove(lose)


@pytest.mark.parametrize("keyed", [False, True])
async def test_a_connection_lost_while_committing(world: World, lost: list[UUID], keyed: bool) -> None:
    settings, contexts = Settings(), []

    def context(*_: Any) -> Any:
        contexts.append(world.context(Role.ADMIN))
        return contexts[-1]

    made = Operations(settings, Guard(settings), Parts(world.souk.runner, None, context))  # type: ignore[arg-type]
    document = "mutation($i: DealerCreateInput!) { dealerCreate(input: $i) { dealer { name } userErrors { code } } }"
    given = {"kind": "DEALERSHIP", "name": "Unheard Motors", "phone": "+919800000077"}
    request = GraphQLRequest(document, {"i": {**given, "idempotencyKey": world.key()} if keyed else given}, None)
    call = Call("r", Credential(None, "", None))
    result = await made.answer(request, made.check(request), world.actor(Role.ADMIN), call)
    (told,) = orjson.loads(result.told.body)["errors"]
    assert told["extensions"] == {"code": "UNAVAILABLE", "retryable": keyed, "requestId": "r"}
    assert [(row.id,) for row in await world.rows("SELECT id FROM dealer WHERE name = 'Unheard Motors'")] == [
        (each,) for each in lost
    ]
    assert contexts[0].effects.unsettled == (not keyed)


async def test_a_refused_mutation_leaves_nothing_unsettled(world: World) -> None:
    context = world.context(Role.ADMIN)
    document = 'mutation { dealerCreate(input: {kind: DEALERSHIP, name: ""}) { userErrors { code } } }'
    answer = await world.souk.runner.answer(document, {}, None, context)
    assert b"userErrors" in answer.body and b'"code"' in answer.body
    assert context.effects.unsettled == 0
