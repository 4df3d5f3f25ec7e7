"""Whether a server keeps what it should forget: its memory, minute by minute, under mixed work that goes on and on.

    python -m benchmarks.soak [--settle 14] [--minutes 10] [--callers 4]

Shipped documents, documents that nobody asked before, mutations, subscriptions over sockets and event streams that come and
go, with and without goodbye, and all that is refused: at once, against one `souk serve`. Told is what the process holds
resident, each minute what was done until then, and at the end how it grew after it had settled. Before the first minute as
many documents are asked as a process keeps; a process has settled when it has once held as much as it ever needs at one
moment, for Python gives none of that back. Needs Linux.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import httpx
from websockets.asyncio.client import connect

from benchmarks.live import FOLLOW, KEYS, cpu, memory, publish, served
from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.events import Relay
from souk.db.sealing import Keyring
from souk.db.session import Database
from souk.documents.shipped import shipped
from souk.models import Batch
from souk.schema import schema
from tests import bazaar as bazaar_of
from tests import world
from tests.bazaar import make_bazaar
from tests.engine.generate import Generator, Pools
from tests.world import PATIENT, Souk, World

SEED, SAMPLE = 20_261_126, 5.0
KNOWN = 1_000  # documents that a process keeps, with their plans; until there are as many it must grow
TASK = "mutation($input: TaskCreateInput!) { taskCreate(input: $input) { task { id version } userErrors { code } } }"
MOVE = "mutation($input: TaskTransitionInput!) { taskTransition(input: $input) { task { id status } userErrors { code } } }"
WRONG: list[bytes] = [
    b"", b"{", b"[]", b'{"query": 1}', b'{"query": "{"}', b'{"query": "{ nothing }"}', b'{"documentId": "sha256:00"}',
    json.dumps({"query": "{ " + " ".join(f"a{n}: __typename" for n in range(5_000)) + " }"}).encode(),
    json.dumps({"query": "{ listings(first: 1000) { nodes { id } } }"}).encode(),
    json.dumps({"query": "query($n: Int!) { listings(first: $n) { nodes { id } } }", "variables": {"n": "x"}}).encode(),
]  # fmt: skip


@dataclass
class Work:
    """What the callers share. `done` counts what came back, by kind and status."""

    address: str
    ws: str
    token: str
    batch: str
    pools: Pools
    ids: dict[str, list[str]]
    until: float = 0.0
    done: Counter[str] = field(default_factory=Counter)
    published: int = 0

    def follow(self, rng: random.Random) -> dict[str, Any]:
        """Resumes a minute back at most: all of it would be longer each minute."""
        return {"query": FOLLOW, "variables": {"id": self.batch, "after": max(0, self.published - rng.randrange(600))}}

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


async def ask(work: Work, http: httpx.AsyncClient, kind: str, body: Any, **headers: str) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    given = {"content-type": "application/json", **work.headers, **headers}
    response = await http.post("/graphql", content=content, headers=given)
    work.done[f"{kind} {response.status_code}"] += 1
    if response.status_code >= 500:
        print(
            f"{response.status_code} after {response.elapsed.total_seconds():.3f} s: {response.text[:300]}", flush=True
        )
    return response.json() if response.status_code == 200 else None


async def reads(work: Work, http: httpx.AsyncClient, rng: random.Random) -> None:
    each = rng.choice([one for one in shipped().values() if "\nquery" in one.text])
    given = {
        "id": rng.choice(work.ids["Alert"] + work.ids["Listing"]),
        "batchId": work.ids["Batch"][0],
        "query": "listing",
    }
    given |= {"first": rng.choice([1, 5, 20])}
    named = {name: value for name, value in given.items() if f"${name}:" in each.text}
    await ask(work, http, "shipped", {"documentId": each.id, "variables": named})


async def asks(work: Work, http: httpx.AsyncClient, rng: random.Random) -> None:
    generator = Generator(schema._schema, rng, work.pools, depth=rng.randint(2, 5))
    text = generator.document()
    await ask(work, http, "ad hoc", {"query": text, "variables": generator.values()})


async def writes(work: Work, http: httpx.AsyncClient, rng: random.Random) -> None:
    key = {"idempotencyKey": secrets.token_hex(16)}
    made = await ask(
        work, http, "write", {"query": TASK, "variables": {"input": {"kind": "FOLLOW_UP", "title": "Call", **key}}}
    )
    task = ((made or {}).get("data") or {}).get("taskCreate", {}).get("task")
    if task is not None:
        given = {"id": task["id"], "expectedVersion": task["version"], "to": "IN_PROGRESS"}
        await ask(work, http, "write", {"query": MOVE, "variables": {"input": given}})


async def errs(work: Work, http: httpx.AsyncClient, rng: random.Random) -> None:
    headers = {"authorization": f"Bearer {secrets.token_hex(16)}"} if rng.random() < 0.2 else {}
    await ask(work, http, "wrong", rng.choice(WRONG), **headers)


async def sockets(work: Work, http: httpx.AsyncClient, rng: random.Random) -> None:
    """Follow for a while; leave with `complete`, with a close, or by vanishing."""
    async with connect(f"{work.ws}/graphql", subprotocols=["graphql-transport-ws"], close_timeout=1) as ws:  # type: ignore[list-item]
        await ws.send(json.dumps({"type": "connection_init", "payload": work.headers}))
        await ws.recv()
        for n in range(rng.randint(1, 5)):
            await ws.send(json.dumps({"id": str(n), "type": "subscribe", "payload": work.follow(rng)}))
        with suppress(TimeoutError):
            async with asyncio.timeout(rng.random() * 3):
                while True:
                    await ws.recv()
                    work.done["event"] += 1
        way = rng.randrange(3)
        if way == 0:
            await ws.send(json.dumps({"id": "0", "type": "complete"}))
        elif way == 1:
            ws.transport.abort()
    work.done["socket"] += 1


async def streams(work: Work, http: httpx.AsyncClient, rng: random.Random) -> None:
    headers = {"accept": "text/event-stream", **work.headers}
    with suppress(TimeoutError):
        async with (
            asyncio.timeout(rng.random() * 3),
            http.stream("POST", "/graphql", json=work.follow(rng), headers=headers) as one,
        ):
            async for line in one.aiter_lines():
                work.done["event"] += line.startswith("data: {")
    work.done["stream"] += 1


CALLS = [(reads, 8), (asks, 4), (writes, 2), (errs, 2)]
FOLLOWS = [(sockets, 2), (streams, 1)]


async def caller(work: Work, seed: int, mix: list[tuple[Any, int]]) -> None:
    rng = random.Random(seed)
    kinds, shares = zip(*mix, strict=True)
    async with httpx.AsyncClient(base_url=work.address, timeout=30) as http:
        while perf_counter() < work.until:
            await rng.choices(kinds, shares)[0](work, http, rng)


async def filled(work: Work) -> None:
    """Ask as many documents as a process keeps, so that from then on each new one takes the place of another."""

    async def some(seed: int) -> None:
        rng = random.Random(seed)
        async with httpx.AsyncClient(base_url=work.address, timeout=30) as http:
            for _ in range(KNOWN // 3):
                await asks(work, http, rng)

    await asyncio.gather(*(some(SEED * n) for n in range(2, 6)))
    work.done.clear()


async def publisher(work: Work, url: str, tenant: World, batch: Batch) -> None:
    """An event of the batch that is followed, ten times a second."""
    writer, relay = Database(url, Keyring(KEYS), "souk_worker", PATIENT, wait=30), Relay(url, "souk_worker")
    writer.committed.append(relay.tell)
    await relay.start()
    try:
        while perf_counter() < work.until:
            work.published = int(await publish(writer, tenant, batch))
            await asyncio.sleep(0.1)
    finally:
        await relay.stop()
        await writer.close()


async def watched(work: Work, pid: int) -> list[tuple[float, int]]:
    """Seconds and KiB, and a line each minute."""
    began, found = perf_counter(), list[tuple[float, int]]()
    told = 0
    while perf_counter() < work.until:
        await asyncio.sleep(SAMPLE)
        passed = perf_counter() - began
        found.append((passed, memory(pid)))
        if passed // 60 > told or perf_counter() >= work.until:
            told = int(passed // 60)
            counted = ", ".join(f"{name} {n}" for name, n in sorted(work.done.items()))
            print(
                f"{passed / 60:4.1f} min  {found[-1][1] / 1024:7.1f} MiB  {cpu(pid):6.0f} s of CPU  {counted}",
                flush=True,
            )
    return found


def slope(points: list[tuple[float, int]]) -> float:
    """KiB a minute, by least squares."""
    n = len(points)
    x, y = sum(at for at, _ in points) / n, sum(kib for _, kib in points) / n
    return 60 * sum((at - x) * (kib - y) for at, kib in points) / sum((at - x) ** 2 for at, _ in points)


async def main(settle: float, minutes: float, callers: int) -> None:
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            world.KEYRING = bazaar_of.KEYRING = Keyring(KEYS)  # what the tests seal the server must open
            souk = Souk.open(url)
            bazaar = await make_bazaar(souk)
            more = {"SOUK_LIMIT_SCALE": "100000", "SOUK_SOCKETS_PER_SESSION": "1000"}
            async with served(bazaar.world, url, 1000, **more) as (pid, asked, batch):
                where = f"{asked['host']}:{asked['port']}"
                pools: Pools = {"ids": bazaar.own, "cursors": {}, "rare": ["permissionMatrix"]}
                followed = asked["payload"]["variables"]["id"]
                work = Work(f"http://{where}", f"ws://{where}", asked["token"], followed, pools, bazaar.own)
                await filled(work)
                work.until = perf_counter() + (settle + minutes) * 60
                async with asyncio.TaskGroup() as all_of_it:
                    all_of_it.create_task(publisher(work, url, bazaar.world, batch))
                    for n in range(callers):
                        all_of_it.create_task(caller(work, SEED + n, CALLS))
                        all_of_it.create_task(caller(work, -SEED - n, FOLLOWS))
                    samples = all_of_it.create_task(watched(work, pid))
                await asyncio.sleep(5)
                idle = memory(pid)
            await souk.close()
        finally:
            server.stop()
    points = samples.result()
    print(f"{idle / 1024:.1f} MiB when all have gone; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for name, some in (
        (f"the first {settle:g} min", [each for each in points if each[0] < settle * 60]),
        (f"the {minutes:g} min after them", [each for each in points if each[0] >= settle * 60]),
    ):
        if len(some) > 2:
            first, last, most = (kib / 1024 for kib in (some[0][1], some[-1][1], max(kib for _, kib in some)))
            print(
                f"{name}: from {first:.1f} to {last:.1f} MiB, {most:.1f} MiB at most, {slope(some):+.0f} KiB a minute"
            )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--settle", type=float, default=14, help="minutes before those that are judged")
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--callers", type=int, default=4, help="and as many who follow")
    known = arguments.parse_args()
    asyncio.run(main(known.settle, known.minutes, known.callers))
