"""How tests sign in: by codes, read out of the letters that nobody has sent yet."""

import json
import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from souk.context import Context
from souk.db.sealing import place
from souk.rules.actor import Actor, Caller, Role
from tests.world import KEYRING, World

OTP_REQUEST = """mutation($i: OtpRequestInput!) { otpRequest(input: $i) { challengeId expiresAt userErrors { __typename code field message
  ... on Cooldown { retryAt } } } }"""
SESSION = "session { id token refreshToken expiresAt refreshUntil carrier role membershipId } userErrors { code field message }"
OTP_VERIFY = f"mutation($i: OtpVerifyInput!) {{ otpVerify(input: $i) {{ {SESSION} }} }}"


def fresh() -> str:
    """An address nobody has."""
    return f"{uuid4().hex[:12]}@example.org"


@dataclass
class Signing:
    """One world's front door, as seen from one network address; `at` moves the clock on."""

    world: World
    address: str = "192.0.2.44"
    cookies: bool = False
    who: Actor | None = None

    def from_(self, address: str) -> "Signing":
        return replace(self, address=address)

    def as_(self, who: Actor) -> "Signing":
        return replace(self, who=who)

    def later(self, **of: float) -> None:
        self.world.now += timedelta(**of)

    def context(self) -> Context:
        made = self.world.context(self.who or Role.PUBLIC)
        made.caller = Caller(self.address, "Test/1", cookies=self.cookies, by_cookie=False)
        return made

    async def ask(self, document: str, **input: Any) -> Any:
        """The payload of the one mutation in the document."""
        made = self.context()
        answer = await self.world.souk.runner.answer(document, {"i": input}, None, made)
        found = json.loads(answer.body)
        assert "errors" not in found, found
        self.effects = made.effects
        (payload,) = found["data"].values()
        return payload

    async def request(self, **to: str) -> str:
        """A challenge."""
        payload = await self.ask(OTP_REQUEST, **to)
        assert payload["userErrors"] == []
        return str(payload["challengeId"])

    async def letters(self, address: str) -> list[str]:
        """The texts of the letters to an address, the oldest first."""
        rows = await self.world.rows("SELECT id, to_enc, body_enc FROM letter ORDER BY created_at, id")
        found = []
        for row in rows:
            opened = [
                KEYRING.open(getattr(row, name), place(self.world.tenant_id, "letter", name, row.id))
                for name in ("to_enc", "body_enc")
            ]
            if opened[0] == address:
                found.append(opened[1])
        return found

    async def code(self, address: str) -> str:
        """The newest code that is on its way to an address."""
        found = re.match(r"\d{6}", (await self.letters(address))[-1])
        assert found
        return found[0]

    async def verify(self, challenge: str, code: str, **more: Any) -> Any:
        return await self.ask(OTP_VERIFY, id=challenge, code=code, **more)

    async def sign_in(self, address: str, **more: Any) -> Any:
        """The session of whoever has the address; somebody new is called New."""
        given = {"phone": address} if address.startswith("+") else {"email": address}
        challenge = await self.request(**given)
        payload = await self.verify(challenge, await self.code(address), **{"register": {"name": "New"}, **more})
        assert payload["userErrors"] == [], payload
        return payload["session"]


def codes(payload: Any) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"
