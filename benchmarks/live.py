"""How long after its commit an event reaches 1,000 subscribers, over real sockets, at ten events a second.

    python -m benchmarks.live [--subscribers 1000] [--seconds 20] [--rate 10] [--rounds 1] [--items 0]

With `--items 10000` they follow an enforcement of so many alerts instead, by real steps of a worker, as fast as it goes.
With a rate that is more than the server can tell, `deliveries/s` is what it can: `--subscribers 2000 --rate 30`. Server,
subscribers and PostgreSQL share the machine, each a process of its own; the time is from the commit's return to the frame's
arrival. Where other work shares the machine too, the CPU per delivery says more than the time. Needs Linux.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import secrets
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import select

from benchmarks.enforcement import breaches, prepared
from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.db.events import Relay
from souk.db.sealing import Keyring
from souk.db.session import Database, system_actor
from souk.engine.symbols import write_id
from souk.models import Batch, new_id
from souk.models.people import Session
from souk.resolvers.chronicle import tell
from souk.rules.actor import Role
from souk.rules.enums import BatchAction, LogLevel
from souk.worker import enforcement
from souk.worker.batch import step
from tests.world import Souk, World, make_world

assert enforcement.Enforce

FOLLOW = """subscription($id: ID!, $after: BigInt) {
  batchEvents(batchId: $id, after: $after) { seq ... on BatchLogAppended { lines { message } } }
}"""
KEYS = "bench:" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


CHUNK = 200  # items of a step


async def main(subscribers: int, seconds: int, rate: float, rounds: int, items: int) -> None:
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            souk = Souk.open(url)
            world = await make_world(souk)
            for _ in range(rounds):
                await measure(world, url, subscribers, seconds, rate, items)
            await souk.close()
        finally:
            server.stop()


@asynccontextmanager
async def served(
    world: World, url: str, subscribers: int, batch: Batch | None = None, **more: str
) -> AsyncIterator[tuple[int, dict[str, Any], Batch]]:
    """A server process: its id, what its listeners are given, and the batch they follow: this one, or one of its own."""
    made = Batch(
        id=new_id(), kind="ENFORCEMENT", status="RUNNING", title="Live", selection={}, plan={}, impact={},
        allow_drift="REFUSE", seq_head=0, log_head=0, total=0, **dict.fromkeys(
            ("pending", "running", "waiting", "succeeded", "failed", "dead", "skipped", "cancelled", "compensated"), 0
        ),
    )  # fmt: skip
    token = secrets.token_urlsafe(32)
    until = datetime.now(UTC) + timedelta(days=1)
    who = world.actors[Role.OPS]
    digest = hashlib.sha256(token.encode()).digest()
    session = Session(
        id=new_id(), account_id=who.account_id, membership_id=who.membership_id, carrier="BEARER", hash=digest,
        expires_at=until, ends_at=until,
    )  # fmt: skip
    await world.add(session, *(() if batch else (made,)))
    batch = batch or made
    given = {
        "SOUK_DATABASE_URL": url, "SOUK_ENCRYPTION_KEYS": KEYS, "SOUK_PORT": "0", "SOUK_LOG_FORMAT": "json",
        "SOUK_SOCKETS_PER_SESSION": str(subscribers + 10), "SOUK_SOCKETS_PER_ADDRESS": str(subscribers + 10),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", "serve", env={**os.environ, **given, **more}, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said: dict[str, dict[str, Any]] = {}
    while not {"listening", "warm"} <= said.keys():  # its own documents take memory, which is nobody's who follows
        line = json.loads(await process.stderr.readline())
        said[line["event"]] = line
    host, _, port = said["listening"]["address"].rpartition(":")
    drained = asyncio.create_task(process.stderr.read())
    asked = {"host": host, "port": int(port), "token": token, "subscribers": subscribers,
             "payload": {"query": FOLLOW, "variables": {"id": write_id("Batch", batch.id)}}}  # fmt: skip
    try:
        yield process.pid, asked, batch
    finally:
        await ended(process)
        drained.cancel()


@asynccontextmanager
async def listening(asked: dict[str, Any]) -> AsyncIterator[asyncio.StreamReader]:
    """A process with all the subscribers, when all have subscribed; what it says next."""
    listeners = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.listeners", limit=2**30,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert listeners.stdin is not None and listeners.stdout is not None
    try:
        listeners.stdin.write(json.dumps(asked).encode() + b"\n")
        line = await listeners.stdout.readline()
        assert line == b"ready\n", line.decode()
        yield listeners.stdout
    finally:
        listeners.stdin.close()
        await ended(listeners)


async def ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    await process.wait()


async def measure(world: World, url: str, subscribers: int, seconds: int, rate: float, items: int) -> None:
    writer = Database(url, Keyring(KEYS), "souk_worker")
    relay = Relay(url, "souk_worker")
    writer.committed.append(relay.tell)
    await relay.start()
    number, committed, begun = round(seconds * rate), [0.0], None
    if items:
        await breaches(world, items)
        id_ = await prepared(world, BatchAction.SEND_WARNING)
        async with writer.transaction(system_actor(world.tenant_id), "bench", system=True) as tx:
            begun = await tx.session.get_one(Batch, (world.tenant_id, id_))
        committed += [0.0] * begun.seq_head  # told before anybody followed
        number = begun.seq_head + -(-items // CHUNK) + 2  # at the end a line and a state come with the items
    try:
        async with served(world, url, subscribers, begun) as (pid, asked, batch):
            empty = memory(pid)
            async with listening({**asked, "events": number, "seconds": 2 * seconds + 60}) as told:
                await asyncio.sleep(2)
                full = memory(pid)
                idle = await used(pid, asyncio.sleep(5)) / 5
                load = os.getloadavg()[0]
                began, before = perf_counter(), cpu(pid)
                due: datetime | None = datetime.now(UTC)
                while items and due is not None:
                    due = (await step(writer, world.tenant_id, batch.id, now=datetime.now(UTC), size=CHUNK)).due
                    committed += [perf_counter()] * (3 if due is None else 1)
                for n in range(0 if items else number):
                    await asyncio.sleep(max(0.0, began + n / rate - perf_counter()))
                    await publish(writer, world, batch)
                    committed.append(perf_counter())
                spent = perf_counter() - began
                result = json.loads(await told.readline())
                served_in = cpu(pid) - before
    finally:
        await relay.stop()
        await writer.close()
    assert "got" in result, result
    got = [(seq, at) for seq, at in result["got"] if committed[seq]]
    waits = [max(0.0, at - committed[seq]) for seq, at in got]
    last, number = max(at for _, at in got), sum(at > 0 for at in committed)
    first, spread = parts(got, committed)
    cuts, total = statistics.quantiles(waits, n=100), len(waits)
    print(
        f"{subscribers} subscribers, {number} events at {number / spent:.1f}/s, {total} deliveries, none missing:"
        f" p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms,"
        f" max {max(waits) * 1000:.1f} ms; {total / (last - began):.0f} deliveries/s\n"
        f"of an event: p95 {first * 1000:.1f} ms from its commit to the first subscriber, p95 {spread * 1000:.1f} ms from"
        f" the first to the last\n"
        f"server: {served_in / total * 1e6:.1f} us of CPU per delivery, {idle * 100:.1f} % of a core at rest,"
        f" {(full - empty) / subscribers:.1f} KiB per subscriber; clients: {result['cpu'] / total * 1e6:.1f} us per delivery;"
        f" load {load:.1f} before, {os.getloadavg()[0]:.1f} after, on {os.cpu_count()} cores",
        flush=True,
    )


def parts(got: list[tuple[int, float]], committed: list[float]) -> tuple[float, float]:
    """The 95th percentiles of the seconds until the first subscriber has an event, and from there to the last."""
    times: dict[int, list[float]] = {}
    for seq, at in got:
        times.setdefault(seq, []).append(at)
    firsts = [min(each) - committed[seq] for seq, each in times.items()]
    spreads = [max(each) - min(each) for each in times.values()]
    return statistics.quantiles(firsts, n=20)[18], statistics.quantiles(spreads, n=20)[18]


def cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, its own and the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def used(pid: int, meanwhile: Coroutine[Any, Any, None]) -> float:
    before = cpu(pid)
    await meanwhile
    return cpu(pid) - before


def memory(pid: int) -> int:
    """KiB that a process holds resident."""
    (line,) = (each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1])


async def publish(writer: Database, world: World, batch: Batch) -> str:
    async with writer.transaction(system_actor(world.tenant_id), "bench", system=True) as tx:
        row = (await tx.session.execute(select(Batch).where(Batch.id == batch.id).with_for_update())).scalar_one()
        await tell(tx, row, lines=[(LogLevel.INFO, "Something happened to an item of this batch.", None)])
        tx.emit("batch.items_settled", row)
    return str(row.seq_head)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--subscribers", type=int, default=1000)
    arguments.add_argument("--seconds", type=int, default=20)
    arguments.add_argument("--rate", type=float, default=10, help="events a second")
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument(
        "--items", type=int, default=0, help="of a running enforcement; 0: lines of a log, by the rate"
    )
    known = arguments.parse_args()
    asyncio.run(main(known.subscribers, known.seconds, known.rate, known.rounds, known.items))
