"""What the front door costs a request: microseconds from the ASGI scope to the last byte, beside the answer itself.

    python -m benchmarks.front_door [--requests 200] [--rounds 60]

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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

import structlog
from pydantic import SecretStr

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.models import Dealer, new_id
from souk.models.people import Session
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import App, create_app
from souk.web.logging import configure
from souk.web.operations import Parts
from souk.web.wire import build
from tests.world import Souk, World, make_world

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
    structlog.configure(logger_factory=structlog.BytesLoggerFactory(nowhere))
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
                    spent = [await measure(app, token, query, variables, requests) for _ in range(rounds)]
                    print(f"{name:16} {min(spent):8.1f} µs a request", flush=True)
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


async def measure(app: App, token: str, query: str, variables: dict[str, Any], requests: int) -> float:
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = [
        (b"host", b"souk.test"), (b"authorization", f"Bearer {token}".encode()),
        (b"content-type", b"application/json"), (b"accept", b"application/graphql-response+json"),
        (b"content-length", str(len(body)).encode()), (b"user-agent", b"benchmark"),
    ]  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    gc.collect()
    gc.disable()
    began = perf_counter()
    for _ in range(requests):
        await app(
            {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers,
             "client": ("127.0.0.1", 1)},
            receive, send,
        )  # fmt: skip
        assert status == 200, status
    spent = perf_counter() - began
    gc.enable()
    return spent / requests * 1e6


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=60)
    given = parser.parse_args()
    with open(os.devnull, "wb") as null:  # lines are made and written, as in production, and read by nobody
        asyncio.run(main(given.requests, given.rounds, null))
