"""What is asked without a task is answered like everything else, on real rows: the good, the refused, and what breaks."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.db.events import Hub
from souk.models import Dealer, new_id
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.server import Server
from souk.web.wire import build
from tests.serving import KEYS, serving
from tests.web.conftest import listening
from tests.web.test_lane import Line, request
from tests.web.test_wire import signed_in
from tests.world import World

DEALERS = "query Dealers($first: Int) { dealers(first: $first) { nodes { name city standing } } }"
ASKED = {"query": DEALERS, "variables": {"first": 2}}


class Served:
    """A server of real rows; `tasks` counts the answers that took one."""

    def __init__(self, server: Server, world: World) -> None:
        self.server, self.app, self.world, self.tasks = server, server.app, world, 0
        self.port = server.servers[0].sockets[0].getsockname()[1]

    @property
    def pool(self) -> Any:
        return self.app._parts.runner.pool  # type: ignore[union-attr]

    def spent(self) -> float:
        """What has been charged, in points of all buckets together."""
        kept = self.app.lane.operations.limits.buckets._kept  # type: ignore[attr-defined]
        return sum(bucket[0] for bucket in kept.values())


@pytest_asyncio.fixture
async def served(world: World, database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Served:
            given = {"database_url": SecretStr(database), "encryption_keys": SecretStr(KEYS), "port": 0, **settings}
            heard, wake = asyncio.Event(), Hub._wake

            def woken(self: Hub, subjects: Any) -> None:
                wake(self, subjects)
                heard.set()

            monkeypatch.setattr(Hub, "_wake", woken)
            server = await stack.enter_async_context(listening(create_app(Settings(**given), build)))
            await heard.wait()  # when it begins to listen it forgets every session
            made = Served(server, world)
            protocol = server.config.http_protocol_class
            start = protocol.start  # type: ignore[attr-defined]

            def counted(self: Any, cycle: Any) -> None:
                made.tasks += 1
                start(self, cycle)

            monkeypatch.setattr(protocol, "start", counted)
            return made

        yield make


@asynccontextmanager
async def line(served: Served, role: Role = Role.OPS) -> AsyncIterator[tuple[Line, str]]:
    token, _ = await signed_in(served.world, role)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        async with asyncio.timeout(60):
            yield Line(served, reader, writer), token
    finally:
        writer.close()


async def test_a_query_that_comes_again_is_answered_without_a_task(served: Callable[..., Any]) -> None:
    at = await served()
    await at.world.add(*(Dealer(id=new_id(), kind="DEALERSHIP", name=f"Dealer {n}", city="Pune", city_key="pune",
                                verification="VERIFIED", standing="GOOD") for n in range(3)))  # fmt: skip
    async with line(at) as (one, token):
        first = await one.ask(ASKED, token)  # a new head, a new plan
        again = [await one.ask(ASKED, token) for _ in range(3)]
        other = await one.ask({"query": DEALERS, "variables": {"first": 1}}, token)
    assert first[0] == 200 and len(json.loads(first[2])["data"]["dealers"]["nodes"]) == 2
    assert [each[2] for each in again] == [first[2]] * 3
    assert [_without_charge(each[1]) for each in again] == [_without_charge(first[1])] * 3
    assert len(json.loads(other[2])["data"]["dealers"]["nodes"]) == 1
    assert (one.short, at.tasks) == (4, 0)
    assert (at.pool.busy, at.app.lane.operations.deadlines._open) == (0, set())
    text = at.app.metrics.text().decode()
    assert 'document="",kind="query",operation="dealers",transport="http"} 5.0' in text


def _without_charge(head: bytes) -> bytes:
    return re.sub(rb"ratelimit: [^\r]+", b"", head)


async def test_points_are_counted_as_on_the_long_way(served: Callable[..., Any]) -> None:
    at = await served()
    at.app.lane.operations.limits.buckets.clock = lambda: 0.0  # nothing comes back
    async with line(at) as (one, token):
        left = []
        for _ in range(3):
            answer = await one.ask(ASKED, token)
            left.append(int(re.search(rb'ratelimit: "points";r=(\d+)', answer[1])[1]))  # type: ignore[index]
            actual = json.loads(answer[2])["extensions"]["cost"]["actual"]
    assert (one.short, at.tasks) == (2, 0)
    assert [left[0] - left[1], left[1] - left[2]] == [actual, actual]


async def test_whoever_has_no_points_is_told_so(served: Callable[..., Any]) -> None:
    at = await served(limit_scale=0.0005)
    at.app.lane.operations.limits.buckets.clock = lambda: 0.0
    async with line(at) as (one, token):
        codes = [(await one.ask({"query": "{ viewer { role } }"}, token))[0] for _ in range(8)]
    assert codes == sorted(codes) and codes[0] == 200 and codes[-1] == 429
    assert (one.short, at.tasks) == (7, codes.count(429))


async def test_what_is_refused_or_sealed_is_told_by_a_task(served: Callable[..., Any]) -> None:
    at = await served()
    query = {"query": "{ dealers(first: 1) { nodes { name phone } } auditEvents(first: 1) { nodes { id } } }"}
    async with line(at, Role.SALES) as (one, token):
        first, again = await one.ask(query, token), await one.ask(query, token)
    assert first[0] == again[0] == 200
    cut = re.compile(rb'"requestId":"[^"]+"')
    assert cut.sub(b"", first[2]) == cut.sub(b"", again[2])
    assert b'"code":"FORBIDDEN"' in again[2] and (one.short, at.tasks) == (1, 1)


async def test_a_statement_that_became_stale_is_asked_again(served: Callable[..., Any]) -> None:
    at = await served()
    async with line(at) as (one, token):
        first = await one.ask(ASKED, token)
        (connection,) = at.pool._idle
        plan, prepared = next(iter(connection._exchange.statements.items()))
        await connection.raw.execute(f"DEALLOCATE {prepared.name.decode()}")
        again = await one.ask(ASKED, token)
        third = await one.ask(ASKED, token)
    assert plan is not None
    assert [each[2] for each in (again, third)] == [first[2]] * 2
    assert (one.short, at.tasks, at.pool.busy) == (2, 1, 0)


@asynccontextmanager
async def held(at: Served) -> AsyncIterator[None]:
    """A lock on the table of dealers, from another connection: whoever reads it waits."""
    async with at.world.souk.owner.engine.connect() as connection:
        await connection.exec_driver_sql("LOCK TABLE dealer IN ACCESS EXCLUSIVE MODE")
        yield


async def waiting(world: World) -> int:
    """The backend that waits for it."""
    sql = """SELECT pid FROM pg_locks JOIN pg_stat_activity a USING (pid)
             WHERE NOT granted AND relation = 'dealer'::regclass AND a.datname = current_database()"""
    async with asyncio.timeout(20):
        while not (found := await world.at_the_door(sql)):
            await asyncio.sleep(0.01)
    pid: int = found[0].pid
    return pid


async def test_a_connection_that_is_lost_meanwhile_is_a_retryable_error(
    served: Callable[..., Any], database: str
) -> None:
    at = await served(lock_timeout=20)
    async with line(at) as (one, token):
        first = await one.ask(ASKED, token)
        async with held(at):
            one.write(ASKED, token)
            killer = await asyncpg.connect(database)
            assert await killer.fetchval("SELECT pg_terminate_backend($1)", await waiting(at.world)) is True
            await killer.close()
            answer = await one.read()
        again = await one.ask(ASKED, token)
    error = json.loads(answer[2])["errors"][0]["extensions"]
    assert (answer[0], error["code"], error["retryable"]) == (503, "UNAVAILABLE", True)
    assert again[2] == first[2]
    assert (at.tasks, at.pool.busy, at.app.lane.operations.deadlines._open) == (2, 0, set())  # and one to connect again


async def test_whoever_was_behind_a_statement_whose_connection_is_lost_is_answered(
    served: Callable[..., Any], database: str
) -> None:
    at = await served(read_pool_size=1, lock_timeout=20, read_share_below=3600)
    async with line(at) as (one, token), line(at) as (two, other):
        first, second = await one.ask(ASKED, token), await two.ask(ASKED, other)
        async with held(at):
            one.write(ASKED, token)
            behind = await waiting(at.world)
            two.write(ASKED, other)
            async with asyncio.timeout(20):
                while at.pool._all[0].users != 2:
                    await asyncio.sleep(0.01)
            killer = await asyncpg.connect(database)
            assert await killer.fetchval("SELECT pg_terminate_backend($1)", behind) is True
            await killer.close()
            lost = await one.read()
            await waiting(at.world)  # it was asked again
        answered = await two.read()
    error = json.loads(lost[2])["errors"][0]["extensions"]
    assert (first[0], lost[0], error["code"], error["retryable"]) == (200, 503, "UNAVAILABLE", True)
    assert (answered[0], answered[2]) == (200, second[2])
    assert (at.pool.busy, at.pool.open, at.app.lane.operations.deadlines._open) == (0, 1, set())


async def test_a_lock_that_is_not_had_in_time_is_the_databases_error(served: Callable[..., Any]) -> None:
    at = await served(lock_timeout=0.1)
    async with line(at) as (one, token):
        first = await one.ask(ASKED, token)
        async with held(at):
            answer = await one.ask(ASKED, token)
            long = await one.ask(ASKED, token, head="x-request-id: 0123456789\r\n")
        again = await one.ask(ASKED, token)
    assert (answer[0], json.loads(answer[2])["errors"][0]["extensions"]["code"]) == (200, "CONFLICT")
    own = re.compile(rb'"requestId":"[^"]+"')
    assert (long[0], own.sub(b"", long[2]), one.short) == (200, own.sub(b"", answer[2]), 2)
    assert again[2] == first[2] and at.pool.busy == 0


async def test_what_takes_longer_than_a_request_may_is_ended(served: Callable[..., Any]) -> None:
    at = await served(request_timeout=2, lock_timeout=20, statement_timeout=20)
    async with line(at) as (one, token):
        first = await one.ask(ASKED, token)
        async with held(at):
            answer = await one.ask(ASKED, token)
            assert (at.pool.busy, at.app.lane.operations.deadlines._open) == (0, set())
        again = await one.ask(ASKED, token)
    assert (answer[0], json.loads(answer[2])["errors"][0]["extensions"]["code"]) == (504, "DEADLINE_EXCEEDED")
    assert again[2] == first[2] and (one.short, at.tasks) == (2, 2)  # and one to connect again


async def in_line(at: Served) -> None:
    async with asyncio.timeout(20):
        while at.pool.waiting == 0:
            await asyncio.sleep(0.01)


async def test_where_every_connection_is_at_work_it_waits_in_line(served: Callable[..., Any]) -> None:
    at = await served(read_pool_size=1, lock_timeout=20)
    async with line(at) as (one, token), line(at) as (two, other):
        await one.ask(ASKED, token)
        await two.ask(ASKED, other)
        async with held(at):
            one.write(ASKED, token)
            await waiting(at.world)
            two.write(ASKED, other)
            await in_line(at)
        answers = [await one.read(), await two.read()]
    assert [each[0] for each in answers] == [200, 200] and answers[0][2] == answers[1][2]
    assert (at.tasks, at.pool.busy, at.pool.waits._open) == (0, 0, set())


async def test_whoever_waits_in_line_for_too_long_is_told_so(served: Callable[..., Any]) -> None:
    at = await served(read_pool_size=1, lock_timeout=20, pool_wait=1)
    async with line(at) as (one, token), line(at) as (two, other):
        await one.ask(ASKED, token)
        await two.ask(ASKED, other)
        async with held(at):
            one.write(ASKED, token)
            await waiting(at.world)
            answer = await two.ask(ASKED, other)
            assert (at.pool.waiting, at.pool.waits._open) == (0, set())
        assert (await one.read())[0] == 200
    error = json.loads(answer[2])["errors"][0]["extensions"]
    assert (answer[0], error["code"], error["retryable"]) == (503, "OVERLOADED", True)
    assert at.pool.busy == 0


async def test_whoever_waits_in_line_gets_a_new_connection_where_the_old_one_is_lost(
    served: Callable[..., Any], database: str
) -> None:
    at = await served(read_pool_size=1, lock_timeout=20)
    async with line(at) as (one, token), line(at) as (two, other):
        first = await one.ask(ASKED, token)
        await two.ask(ASKED, other)
        async with held(at):
            one.write(ASKED, token)
            pid = await waiting(at.world)
            two.write(ASKED, other)
            await in_line(at)
            killer = await asyncpg.connect(database)
            assert await killer.fetchval("SELECT pg_terminate_backend($1)", pid) is True
            await killer.close()
            lost = await one.read()
        answer = await two.read()
    assert (lost[0], answer[0], answer[2]) == (503, 200, first[2])
    assert (at.pool.open, at.pool.busy, at.pool.waiting) == (1, 0, 0)


async def test_what_waits_in_line_is_ended_with_its_request(served: Callable[..., Any]) -> None:
    at = await served(read_pool_size=1, lock_timeout=20, statement_timeout=20, request_timeout=2, pool_wait=20)
    async with line(at) as (one, token), line(at) as (two, other):
        await one.ask(ASKED, token)
        await two.ask(ASKED, other)
        async with held(at):
            one.write(ASKED, token)
            await waiting(at.world)
            two.write(ASKED, other)
            answers = [await one.read(), await two.read()]
    assert [(each[0], json.loads(each[2])["errors"][0]["extensions"]["code"]) for each in answers] == [
        (504, "DEADLINE_EXCEEDED")
    ] * 2
    async with asyncio.timeout(20):
        while at.pool.busy:  # the line was handed a new connection, which nobody wants any more
            await asyncio.sleep(0.01)


async def test_whoever_hangs_up_leaves_nothing_behind(served: Callable[..., Any]) -> None:
    at = await served(lock_timeout=20)
    async with line(at) as (one, token):
        await one.ask(ASKED, token)
        async with held(at):
            one.write(ASKED, token)
            await waiting(at.world)
            one.writer.transport.abort()
            async with asyncio.timeout(20):
                while at.server.server_state.connections:
                    await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        while at.pool.busy or at.app.lane.operations.deadlines._open:
            await asyncio.sleep(0.01)
    async with line(at) as (one, token):
        assert (await one.ask(ASKED, token))[0] == 200


async def test_requests_in_one_piece_are_answered_in_their_order(served: Callable[..., Any]) -> None:
    at = await served()
    async with line(at) as (one, token):
        await one.ask(ASKED, token)
        small = {"query": DEALERS, "variables": {"first": 1}}
        one.writer.write(request(ASKED, token) + request(small, token) + request(ASKED, token))
        sizes = [len(json.loads((await one.read())[2])["data"]["dealers"]["nodes"]) for _ in range(3)]
    count = await at.world.rows("SELECT count(*) FROM dealer")
    assert sizes == [min(2, count[0][0]), min(1, count[0][0]), min(2, count[0][0])]


async def test_a_process_that_is_told_to_end_answers_what_it_was_asked(world: World, database: str) -> None:
    token, _ = await signed_in(world, Role.OPS)
    async with serving(database, lock_timeout=20) as (process, url):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))

        async def read() -> tuple[bytes, Any]:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
            return head, json.loads(await reader.readexactly(length))["data"]

        async with asyncio.timeout(60):
            for _ in range(2):
                writer.write(request(ASKED, token))
                _, before = await read()
            async with world.souk.owner.engine.connect() as lock:
                await lock.exec_driver_sql("LOCK TABLE dealer IN ACCESS EXCLUSIVE MODE")
                writer.write(request(ASKED, token))
                await waiting(world)
                process.terminate()
                while await is_ready(url):
                    await asyncio.sleep(0.01)
            _, after = await read()
            assert (await reader.read(), await process.wait()) == (b"", 0)
        writer.close()
    assert after == before


async def is_ready(url: str) -> bool:
    """Whether the process still says that it is ready."""
    async with httpx.AsyncClient(base_url=url) as other:
        try:
            return (await other.get("/readyz")).status_code == 200
        except httpx.HTTPError:
            return False
