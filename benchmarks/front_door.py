"""What the front door costs a request: microseconds from its first byte to the answer's last, beside the answer itself.

    python -m benchmarks.front_door [--requests 200] [--rounds 60]

The first figure is that of a head which the connection has sent before, the second that of one which is new each time.

Each document is answered once by the engine; from then on its bytes are at hand, so that what is measured is everything
around: gate, guard, session, buckets, cost, headers, log and counters. The least of many short rounds is told, for the
machine may be busy. To see what a change costs, run it on both sides of the change.
"""

import argparse
import asyncio
import base64
import gc
import hashlib
import json
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from types import SimpleNamespace
from typing import Any, BinaryIO

import structlog
import uvloop
from pydantic import SecretStr
from uvicorn.server import ServerState

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.models import Dealer, new_id
from souk.models.people import Session
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import App, create_app
from souk.web.joined import Http
from souk.web.logging import configure, lines_to
from souk.web.parts import Parts
from souk.web.server import config_of
from souk.web.wire import build
from tests.world import Souk, World, make_world

NEW = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"  # heads with it are not remembered
KEYS = "bench:" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
DOCUMENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "{ __typename }": ("{ __typename }", {}),
    "one row": ("{ viewer { role user { name } } }", {}),
    "50 rows": (
        "query Dealers($first: Int!) { dealers(first: $first) { pageInfo { hasNextPage endCursor } "
        "nodes { id name city standing verification createdAt } } }",
        {"first": 50},
    ),
}


async def main(requests: int, rounds: int, nowhere: BinaryIO) -> None:
    configure(Settings(log_format="json"))
    to = lines_to(nowhere)  # as in production, but read by nobody
    structlog.configure(logger_factory=lambda *_: to)
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            souk = Souk.open(url)
            token = await signed_in(await make_world(souk))
            await souk.close()
            settings = Settings(database_url=SecretStr(url), encryption_keys=SecretStr(KEYS), limit_scale=1000)
            app = create_app(settings, at_hand)
            async with app.running():
                for name, (query, variables) in DOCUMENTS.items():
                    await measure(app, token, query, variables, 1)
                    gc.freeze()  # what is there by now is looked through no more
                    known, new = [], []
                    for _ in range(rounds):
                        known.append(await measure(app, token, query, variables, requests))
                        new.append(await measure(app, token, query, variables, requests, NEW))
                    print(f"{name:16} {min(known):8.1f} µs a request, {min(new):8.1f} with a new head", flush=True)
        finally:
            server.stop()


class AtHand:
    """A runner that asks another one once for each document."""

    def __init__(self, runner: Any) -> None:
        self.runner, self.kept = runner, dict[str, Any]()

    async def answer(self, text: str, variables: dict[str, Any], name: str | None, context: Any) -> Any:
        if text not in self.kept:
            self.kept[text] = await self.runner.answer(text, variables, name, context)
        return self.kept[text]

    def at_hand(self, text: str, *_: Any) -> tuple[str, list[Any]] | None:
        return (text, []) if text in self.kept else None

    def begin(self, plan: str, values: list[Any], deadlines: Any, began: float, heard: Callable[[Any], None]) -> Any:
        asked = SimpleNamespace(plain=self.kept[plan].body, expired=False)
        asyncio.get_running_loop().call_soon(heard, asked)
        return asked


@asynccontextmanager
async def at_hand(settings: Settings) -> AsyncIterator[Parts]:
    async with build(settings) as parts:
        yield replace(parts, runner=AtHand(parts.runner))


async def signed_in(world: World) -> str:
    """The token of somebody in operations, in a tenant with 60 dealers."""
    dealers = [
        Dealer(id=new_id(), kind="DEALERSHIP", name=f"Dealer {n}", city="Pune", city_key="pune", phone="+919800000001",
               email="dealer@example.com", tax_id="TAX-1", verification="VERIFIED", standing="GOOD")
        for n in range(60)
    ]  # fmt: skip
    token = secrets.token_urlsafe(32)
    ops, until = world.actors[Role.OPS], datetime.now(UTC) + timedelta(days=1)
    session = Session(
        id=new_id(), account_id=ops.account_id, membership_id=ops.membership_id, carrier="BEARER",
        hash=hashlib.sha256(token.encode()).digest(), expires_at=until, ends_at=until,
    )  # fmt: skip
    await world.add(*dealers, session)
    return token


class Wire(asyncio.Transport):
    """A connection without a network: `answer` is what comes back."""

    answer: asyncio.Future[bytes]

    def write(self, data: Any) -> None:
        self.answer.set_result(data)

    def close(self) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 8000)}.get(name, default)


def connected(app: App) -> tuple[Http, Wire]:
    """A connection of a server that serves `app`."""
    config = config_of(app.settings, app)
    config.load()
    protocol, wire = Http(config, ServerState(), {}), Wire()
    protocol.connection_made(wire)
    return protocol, wire


async def measure(app: App, token: str, query: str, variables: dict[str, Any], requests: int, more: str = "") -> float:
    """Microseconds a request on one connection; `more` are lines of its head."""
    body = json.dumps({"query": query, "variables": variables})
    sent = (
        f"POST /graphql HTTP/1.1\r\nhost: souk.test\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
        f"accept: application/graphql-response+json\r\nuser-agent: benchmark\r\n{more}content-length: {len(body)}\r\n\r\n{body}"
    ).encode()
    protocol, wire = connected(app)
    loop = asyncio.get_running_loop()
    gc.collect()
    gc.disable()
    began = perf_counter()
    for _ in range(requests):
        wire.answer = loop.create_future()
        protocol.data_received(sent)
        answer = await wire.answer
        assert answer.startswith(b"HTTP/1.1 200"), answer
    spent = perf_counter() - began
    gc.enable()
    protocol.connection_lost(None)
    return spent / requests * 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    with open(os.devnull, "wb") as null:
        asyncio.Runner(loop_factory=uvloop.new_event_loop).run(main(given.requests, given.rounds, null))
