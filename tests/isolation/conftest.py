"""Two full tenants: the fuzz acts in one, and the other, with the canary in it, is what must neither show nor change."""

import base64
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from souk.context import Context
from souk.db.session import Database
from souk.engine.run import Refused, Runner
from souk.gateways.storage import Directory
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import STORED, Bazaar, make_bazaar
from tests.isolation.canary import WORD, digest, plant
from tests.isolation.positions import Position, positions
from tests.world import KEYRING, NOW, PATIENT, Souk

CURSOR = re.compile(rb'"cursor":"([A-Za-z0-9+/=]+)"')
FILE = """model_name,model_year,kms_driven,owner,location,mileage,power,price
A motorcycle 220 2017,2017,17000 Km,first owner,pune,35 kmpl,19 bhp,63500
"""
TOKEN = re.compile(rb'"([A-Za-z0-9+/]{40,}={0,2})"')


@dataclass
class Two:
    """`here` acts, `there` is foreign, `watching` sees both. `cursors` are those of `there`, by the position that gave them."""

    souk: Souk
    db: Database
    url: str
    watching: asyncpg.Connection
    here: Bazaar
    there: Bazaar
    positions: list[Position]
    cursors: dict[str, str] = field(default_factory=dict)
    planted: set[str] = field(default_factory=set)
    refused: dict[str, str] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)
    foreign: frozenset[bytes] = frozenset()
    calls: int = 0

    def context(self, actor: Actor) -> Context:
        return Context(actor, request_id="fuzz", now=NOW, db=self.db)

    async def ask(
        self, position: Position, actor: Actor, variables: dict[str, Any], runner: Runner | None = None
    ) -> bytes:
        """The answer's bytes, of a subscription those of its first events; neither canary nor foreign ids in it."""
        runner, context = runner or self.souk.runner, self.context(actor)
        self.calls += 1
        if position.kind == "subscription":
            try:
                plan = runner.events_plan(position.document, None, variables, context)
                body = b"\n".join(payload for _, payload in await plan.fetch(0, 20))
            except Refused as refused:
                body = refused.answer.body
        else:
            body = (await runner.answer(position.document, variables, None, context)).body
        self.clean(body, position.document, variables, actor)
        return body

    def clean(self, body: bytes, *what: Any) -> None:
        assert WORD.encode() not in body.lower(), ("the canary", body, *what)
        leaked = self.foreign.intersection(TOKEN.findall(body))
        assert not leaked, (leaked, body, *what)
        assert b'"code":"INTERNAL"' not in body, (body, *what)


@pytest_asyncio.fixture(scope="module")
async def two(souk: Souk, database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    files = tmp_path_factory.mktemp("files")
    (files / STORED).parent.mkdir()
    (files / STORED).write_text(FILE)
    db = Database(database, KEYRING, limits=PATIENT, files=Directory(files))
    watching = await asyncpg.connect(database)
    made = Two(
        souk, db, database, watching, await make_bazaar(souk), await make_bazaar(souk), positions(schema._schema)
    )
    owner = made.there.actors[Role.OWNER]
    for position in made.positions:
        if position.cursor:
            body = (await souk.runner.answer(position.document, {"it": None}, None, made.context(owner))).body
            if found := CURSOR.findall(body):
                made.cursors[position.path] = found[len(found) // 2].decode()
    made.planted, made.refused = await plant(database, made.there)
    made.before = await digest(watching, made.there.tenant_id)
    made.foreign = frozenset(id_.encode() for ids in made.there.own.values() for id_ in ids)
    yield made
    await watching.close()
    await db.close()


def nearby(cursor: str) -> str:
    """The same place in the order, at a row that nobody has."""
    data = bytearray(base64.b64decode(cursor))
    data[-1] ^= 0xFF
    data[-2] ^= 0x55
    return base64.b64encode(bytes(data)).decode()
