"""The limit: bare ASGI, asyncpg, one statement a document, as `souk_app` and with the policies on.

It signs nobody in (a token is looked up in a dict), counts no cost, checks no permission and logs nothing: what is left is
a socket, uvicorn, asyncpg and PostgreSQL.
"""

import asyncio
import json
import os
from base64 import b64decode
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from .statements import DASHBOARD, POINT, page

TENANTS = {b"Bearer " + token.encode(): UUID(id) for token, id in json.loads(os.environ["PEERS_TENANTS"])}
NAMES: dict[str, str] = json.loads(os.environ["PEERS_DOCUMENTS"])
TAG = os.environ["PEERS_CURSOR_TAG"]
STATEMENTS = {
    "point": POINT,
    "page": page(TAG, after=False),
    "following": page(TAG, after=True),
    "dashboard": DASHBOARD,
}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SIZE = 4
SETTINGS = {"role": "souk_app", "plan_cache_mode": "force_generic_plan", "TimeZone": "UTC", "jit": "off"}


class Pool:
    """Connections with their prepared statements, the last one used first."""

    def __init__(self) -> None:
        self.idle: list[dict[str, Any]] = []
        self.waiting: deque[asyncio.Future[dict[str, Any]]] = deque()

    async def open(self) -> None:
        for _ in range(SIZE):
            connection = await asyncpg.connect(os.environ["PEERS_DATABASE_URL"], server_settings=SETTINGS)
            await connection.set_type_codec(
                "text", schema="pg_catalog", encoder=str.encode, decoder=bytes, format="binary"
            )
            self.idle.append({name: await connection.prepare(sql) for name, sql in STATEMENTS.items()})

    async def answer(self, name: str, values: list[Any]) -> bytes:
        if self.idle:
            statements = self.idle.pop()
        else:
            waiter: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
            self.waiting.append(waiter)
            statements = await waiter
        try:
            found: bytes = await statements[name].fetchval(*values)
        finally:
            if self.waiting:
                self.waiting.popleft().set_result(statements)
            else:
                self.idle.append(statements)
        return found


pool = Pool()


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await pool.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    message = await receive()
    body = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    tenant = TENANTS[next(value for name, value in scope["headers"] if name == b"authorization")]
    asked = orjson.loads(body)
    name = NAMES[asked["documentId"]]
    values: list[Any] = [tenant]
    variables = asked["variables"]
    if name == "point":
        values.append(b64decode(variables["id"]).removeprefix(b"Listing:").decode())
    elif name == "page" and variables.get("after"):
        place = b64decode(variables["after"])
        moment = EPOCH + timedelta(microseconds=int.from_bytes(place[3:11], "big", signed=True))
        name, values = "following", [tenant, moment, UUID(bytes=place[11:])]
    answer = await pool.answer(name, values)
    length = str(len(answer)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [
        (b"content-type", b"application/graphql-response+json; charset=utf-8"), (b"content-length", length)]})  # fmt: skip
    await send({"type": "http.response.body", "body": answer})
