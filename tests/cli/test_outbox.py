"""The whole way of a code: asked for at a server, handed on by a worker process, read by a person, signed in."""

import asyncio
import os
import re
import sys
from contextlib import asynccontextmanager
from typing import Any

import httpx

from souk.cli import console
from tests.cli.test_tenant import KEYS, command
from tests.gateways.local import mail_server
from tests.resolvers.signing import OTP_REQUEST, OTP_VERIFY
from tests.serving import ROOT, serving

__all__ = ["command"]


@asynccontextmanager
async def working(url: str, **settings: object) -> Any:
    """`souk worker` in a process of its own, and its log so far."""
    given = {
        "database_url": url,
        "encryption_keys": KEYS,
        "log_format": "json",
        "poll": 0.2,
        "lease": 10,
        "heartbeat": 1,
        **settings,
    }
    environment = {**os.environ, **{f"SOUK_{name.upper()}": str(value) for name, value in given.items()}}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", "worker", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    log: list[str] = []

    async def read(stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            log.append(line.decode())

    reading = asyncio.create_task(read(process.stderr))
    try:
        yield log
    finally:
        process.terminate()
        await process.wait()
        await reading


async def settled(command: Any, count: int) -> str:
    """What `souk outbox` prints, once so many letters are settled."""
    async with asyncio.timeout(60):
        while True:
            code, said = await command("outbox", "--tenant", "blue-bazaar")
            assert code == 0, said
            if len(re.findall(r"\b(SENT|KEPT)\b", said)) == count:
                return str(said)
            await asyncio.sleep(0.1)


async def test_a_code_goes_from_a_server_by_a_worker_to_a_person(
    own_database: str, command: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(console.out, "width", 240)  # however wide it was when the first command looked
    code, _ = await command("tenant", "create", "Blue Bazaar", "--owner", "ann@example.com")
    assert (code, await command("outbox", "--tenant", "blue-bazaar")) == (0, (0, "no letters"))
    async with (
        mail_server() as mail,
        serving(own_database, encryption_keys=KEYS) as (_, address),
        working(own_database, mail_url=f"smtp://127.0.0.1:{mail.port}") as log,
        httpx.AsyncClient(base_url=address, headers={"x-souk-tenant": "blue-bazaar"}, timeout=30) as client,
    ):

        async def ask(document: str, **given: Any) -> Any:
            answer = await client.post("/graphql", json={"query": document, "variables": {"i": given}})
            (payload,) = answer.json()["data"].values()
            assert payload["userErrors"] == []
            return payload

        challenge = (await ask(OTP_REQUEST, email="Ann@example.com"))["challengeId"]
        said = await settled(command, 1)
        ((to, letter),) = mail.letters
        assert to == "ann@example.com" and letter["subject"] == "Blue Bazaar: your code"
        secret = letter.get_payload()[:6]
        assert "SENT" in said and "(handed on)" in said and secret not in said
        session = (await ask(OTP_VERIFY, id=challenge, code=secret))["session"]
        assert session["role"] == "OWNER"

        challenge = (await ask(OTP_REQUEST, phone="+919812300055"))["challengeId"]
        said = await settled(command, 2)
        found = re.search(r"KEPT.*\+919812300055.* (\d{6}) is your code", said)
        assert found, said
        session = (await ask(OTP_VERIFY, id=challenge, code=found[1], register={"name": "Bo"}))["session"]
        assert session["role"] == "CUSTOMER"
    assert not any(secret in line or found[1] in line or "9812300055" in line for line in log), "no demo, nothing told"
