"""How long after its commit an event reaches 1,000 subscribers, over real sockets, at ten events a second.

    python -m benchmarks.live [--subscribers 1000] [--seconds 20]

Server, subscribers and PostgreSQL share the machine; the time is from the commit's return to the frame's arrival.
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
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import select

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
from souk.rules.enums import LogLevel
from tests.world import Souk, World, make_world

FOLLOW = "subscription($id: ID!) { batchEvents(batchId: $id) { seq ... on BatchLogAppended { lines { message } } } }"
KEYS = "bench:" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
EVERY = 0.1


async def main(subscribers: int, seconds: int) -> None:
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            souk = Souk.open(url)
            await measure(await make_world(souk), url, subscribers, seconds)
            await souk.close()
        finally:
            server.stop()


async def measure(world: World, url: str, subscribers: int, seconds: int) -> None:
    batch = Batch(
        id=new_id(), kind="ENFORCEMENT", status="RUNNING", title="Live", selection={}, plan={}, impact={},
        allow_drift="REFUSE", seq_head=0, log_head=0, total=0, **dict.fromkeys(
            ("pending", "running", "waiting", "succeeded", "failed", "dead", "skipped", "cancelled", "compensated"), 0
        ),
    )  # fmt: skip
    token = secrets.token_urlsafe(32)
    until = datetime.now(UTC) + timedelta(days=1)
    member = world.actors[Role.OPS].membership_id
    digest = hashlib.sha256(token.encode()).digest()
    session = Session(id=new_id(), membership_id=member, carrier="BEARER", hash=digest, expires_at=until)
    await world.add(batch, session)

    given = {
        "SOUK_DATABASE_URL": url, "SOUK_ENCRYPTION_KEYS": KEYS, "SOUK_PORT": "0", "SOUK_LOG_FORMAT": "json",
        "SOUK_SOCKETS_PER_SESSION": str(subscribers + 1), "SOUK_SOCKETS_PER_ADDRESS": str(subscribers + 1),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", "serve", env={**os.environ, **given}, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said = ""
    while '"listening"' not in said:
        said = (await process.stderr.readline()).decode()
    address = json.loads(said)["address"]
    drained = asyncio.create_task(process.stderr.read())
    writer = Database(url, Keyring(KEYS), "souk_worker")
    relay = Relay(url, "souk_worker")
    writer.committed.append(relay.tell)
    await relay.start()

    committed: dict[bytes, float] = {}
    arrived: list[tuple[bytes, float]] = []
    host, _, port = address.rpartition(":")
    loop = asyncio.get_running_loop()
    followers: list[Subscriber] = []
    try:
        for _ in range(subscribers):
            _, follower = await loop.create_connection(
                lambda: Subscriber(write_id("Batch", batch.id), token, lambda seq, at: arrived.append((seq, at))),
                host, int(port),
            )  # fmt: skip
            followers.append(follower)
            await follower.open
        await asyncio.sleep(1)
        number = round(seconds / EVERY)
        began = perf_counter()
        for n in range(number):
            await asyncio.sleep(max(0.0, began + n * EVERY - perf_counter()))
            seq = await publish(writer, world, batch)
            committed[seq.encode()] = perf_counter()
        async with asyncio.timeout(30):
            while min(each.count for each in followers) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        waits = [max(0.0, at - committed[seq]) for seq, at in arrived]
    finally:
        await relay.stop()
        await writer.close()
        process.terminate()
        await process.wait()
        drained.cancel()
    cuts = statistics.quantiles(waits, n=100)
    print(
        f"{subscribers} subscribers, {number} events at {1 / EVERY:g}/s, {len(waits)} deliveries, none missing:"
        f" p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms,"
        f" max {max(waits) * 1000:.1f} ms"
    )


class Subscriber(asyncio.Protocol):
    """A WebSocket client that costs next to nothing: what is measured is the server."""

    def __init__(self, id: str, token: str, heard: Callable[[bytes, float], None]) -> None:
        self.id, self.token, self.heard = id, token, heard
        self.data, self.acknowledged, self.count = b"", False, 0
        self.open = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        lines = ["GET /graphql HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
                 "Sec-WebSocket-Protocol: graphql-transport-ws", "", ""]  # fmt: skip
        transport.write("\r\n".join(lines).encode())

    def say(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        length = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE, len(body) >> 8, len(body) & 255])
        self.transport.write(b"\x81" + length + b"\0\0\0\0" + body)

    def data_received(self, data: bytes) -> None:
        self.data += data
        if not self.acknowledged and b"\r\n\r\n" in self.data:
            self.acknowledged = True
            self.data = self.data.split(b"\r\n\r\n", 1)[1]
            self.say({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}})
        while self.acknowledged and len(self.data) >= 4:
            short = self.data[1] & 127
            start, length = (4, self.data[2] << 8 | self.data[3]) if short == 126 else (2, short)
            if len(self.data) < start + length:
                return
            frame, self.data = self.data[start : start + length], self.data[start + length :]
            self.frame(frame)

    def frame(self, frame: bytes) -> None:
        if b'"connection_ack"' in frame:
            self.say({"id": "1", "type": "subscribe", "payload": {"query": FOLLOW, "variables": {"id": self.id}}})
            self.open.set_result(None)
        elif b'"next"' in frame:
            self.count += 1
            at = frame.index(b'"seq":"') + 7
            seq = frame[at : frame.index(b'"', at)]
            assert int(seq) == self.count, "an event is missing, or came twice"
            self.heard(seq, perf_counter())


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
    known = arguments.parse_args()
    asyncio.run(main(known.subscribers, known.seconds))
