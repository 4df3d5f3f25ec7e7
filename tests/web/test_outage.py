"""PostgreSQL goes and comes back under writes; a process is told to end while it is at work. Nothing promised is lost."""

import asyncio
import json
import signal
from collections import Counter
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any

import httpx
import psutil
import pytest
from pydantic import SecretStr

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.wire import build
from tests.serving import KEYS, serving
from tests.web.test_streams import Heard
from tests.web.test_wire import signed_in
from tests.worker import bench
from tests.worker.conftest import Make, _bench, make, make_run, worker_db
from tests.worker.test_process import Workers, ended, fresh
from tests.world import Souk, World, make_world

__all__ = ["_bench", "make", "worker_db"]
GRAPHQL = {"accept": "application/graphql-response+json"}
CREATE = """mutation($input: DealerCreateInput!) {
  dealerCreate(input: $input) { dealer { id name } userErrors { code } idempotencyReplayed } }"""
FOLLOW = "subscription($id: ID!) { batchEvents(batchId: $id) { seq } }"


class Caller:
    """Makes dealers one after the other; each with one key, sent again for as long as the answer says that it may be."""

    def __init__(self, http: httpx.AsyncClient, token: str, name: str) -> None:
        self.http, self.name = http, name
        self.headers = {**GRAPHQL, "authorization": f"Bearer {token}"}
        self.acknowledged: list[tuple[str, str]] = []
        self.codes: Counter[tuple[int, str]] = Counter()

    async def work(self, over: asyncio.Event) -> None:
        for number in count():
            if over.is_set():
                return
            await self._one(f"{self.name} {number}")

    async def _one(self, name: str) -> None:
        given = {"kind": "DEALERSHIP", "name": name, "phone": "+919800000078", "idempotencyKey": f"key-of-{name:>16}"}
        while True:
            body = {"query": CREATE, "variables": {"input": given}}
            response = await self.http.post("/graphql", json=body, headers=self.headers)
            answer = response.json()
            payload = (answer.get("data") or {}).get("dealerCreate")
            if payload and payload["dealer"]:
                self.acknowledged.append((payload["dealer"]["name"], payload["dealer"]["id"]))
                return
            if payload and not answer.get("errors") and not payload["userErrors"]:
                raise AssertionError(answer)  # neither done nor refused
            for problem in (payload or {}).get("userErrors", ()):
                assert problem["code"] == "IDEMPOTENCY_IN_FLIGHT", problem
            for error in answer.get("errors", ()):
                self.codes[response.status_code, error["extensions"]["code"]] += 1
                assert error["extensions"]["retryable"] is True, error
            await asyncio.sleep(0.01)


@pytest.mark.own_server
async def test_postgresql_may_stop_and_start_under_writes(own_server: Callable[[], Embedded], size: Callable) -> None:
    server = own_server()
    url = server.start()
    await migrations.upgrade(sqlalchemy_url(url))
    souk = Souk.open(url)
    world = await make_world(souk)
    token, _ = await signed_in(world, Role.ADMIN)
    workers, number = await Workers.over(url), size(400, 2000)
    run = await make_run(world, souk.app, bench.items(number), slow=0.01)
    await fresh(run)
    worker = await workers.start()
    made = create_app(Settings(database_url=SecretStr(url), encryption_keys=SecretStr(KEYS), session_cache=0), build)
    transport, over = httpx.ASGITransport(made), asyncio.Event()
    async with made.running(), httpx.AsyncClient(transport=transport, base_url="http://x.test", timeout=60) as http:
        callers = [Caller(http, token, f"Caller {number}") for number in range(6)]
        working = [asyncio.create_task(caller.work(over)) for caller in callers]
        for turn, mode in enumerate(size(["immediate", "fast"], ["immediate", "fast"] * 5)):
            before = sum(len(caller.acknowledged) for caller in callers)
            enough = before + 12
            await until(lambda enough=enough: sum(len(each.acknowledged) for each in callers) > enough, working)
            assert turn or (await run.row()).ended_at is None
            await asyncio.to_thread(server.stop, mode)
            response = await http.post(
                "/graphql", json={"query": "{ __typename }"}, headers=callers[0].headers | GRAPHQL
            )
            (error,) = response.json()["errors"]
            assert (response.status_code, error["extensions"]["code"]) == (503, "UNAVAILABLE")
            assert error["extensions"]["retryable"] and response.headers["retry-after"] == "1"
            assert (await http.get("/readyz")).json() == {"ok": False, "reason": "database"}
            await asyncio.to_thread(server.start)
            await until_ready(http)
        after = [len(caller.acknowledged) for caller in callers]
        await until(
            lambda: all(len(each.acknowledged) > was for each, was in zip(callers, after, strict=True)), working
        )
        over.set()
        await souk.owner.engine.dispose()  # its connections are from before the outage
        await ended(run)
        assert psutil.pid_exists(worker)  # the one that was there from the start: nobody started another
        assert await workers.end(worker, signal.SIGTERM) == 0
        await asyncio.gather(*working)
    known = {code for caller in callers for code in caller.codes}
    # a busy machine holds the head of the chain for longer than somebody waits for it: that is CONFLICT
    assert known <= {(status, code) for status in (200, 503) for code in ("UNAVAILABLE", "OVERLOADED")} | {
        (200, "CONFLICT")
    }
    assert (503, "UNAVAILABLE") in known
    told = sorted(each for caller in callers for each in caller.acknowledged)
    assert (await run.row()).status == "COMPLETED" and await run.effects() == [1] * number
    await run.hold()
    await workers.close()
    rows = await world.rows("SELECT name, id FROM dealer WHERE name LIKE 'Caller %'")
    assert sorted((row.name, world.id("Dealer", row.id)) for row in rows) == told  # each once, none unheard of
    events = await world.rows("SELECT count(*) AS n FROM domain_event WHERE type = 'dealer.created'")
    assert events[0].n == len(told)
    await souk.close()
    server.stop("immediate")


async def test_sigterm_with_a_write_and_a_subscription_in_flight(database: str, world: World, make: Make) -> None:
    run = await make(bench.items(1))
    token, _ = await signed_in(run.world, Role.ADMIN)
    headers = {**GRAPHQL, "authorization": f"Bearer {token}"}
    update = "mutation($i: DealerUpdateInput!) { dealerUpdate(input: $i) { dealer { city } userErrors { code } } }"
    given = {"id": run.world.id("Dealer", run.world.dealer), "city": "Nashik", "expectedVersion": 1}
    async with serving(database) as (process, address), httpx.AsyncClient(base_url=address, timeout=60) as http:
        events = {**headers, "accept": "text/event-stream"}
        body: dict[str, Any] = {"query": FOLLOW, "variables": {"id": run.world.id("Batch", run.id)}}
        async with http.stream("POST", "/graphql", json=body, headers=events) as response:
            heard = Heard(response)
            while (first := await heard.next())[0] is None:
                pass
            assert first == ("next", {"data": {"batchEvents": {"seq": "1"}}})
            async with run.world.souk.owner.engine.begin() as holder:
                await holder.exec_driver_sql(f"SET LOCAL souk.tenant_id = '{run.world.tenant_id}'")
                await holder.exec_driver_sql(f"SELECT FROM dealer WHERE id = '{run.world.dealer}' FOR UPDATE")
                writing = asyncio.create_task(
                    http.post("/graphql", json={"query": update, "variables": {"i": given}}, headers=headers)
                )
                while not await waiting_for_a_lock(run.world):
                    await asyncio.sleep(0.01)
                began = monotonic()
                process.send_signal(signal.SIGTERM)
                told = [event for event in await heard.events() if "errors" in json.dumps(event)]
                (error,) = told[0][1]["errors"]
                assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("SHUTTING_DOWN", True)
                assert not writing.done()
        answer = (await writing).json()
        assert answer["data"] == {"dealerUpdate": {"dealer": {"city": "Nashik"}, "userErrors": []}}
        async with asyncio.timeout(30 - (monotonic() - began)):
            assert await process.wait() == 0
    (row,) = await run.world.rows("SELECT city FROM dealer WHERE id = :id", id=run.world.dealer)
    assert row.city == "Nashik"


async def waiting_for_a_lock(world: World) -> bool:
    found = await world.rows(
        "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()"
    )
    return bool(found)


async def until(true: Callable[[], bool], working: list[asyncio.Task[None]]) -> None:
    async with asyncio.timeout(60):
        while not true():
            for task in working:
                assert not task.done(), task.exception()
            await asyncio.sleep(0.01)


async def until_ready(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while (await http.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
