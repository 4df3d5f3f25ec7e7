"""Signing in at a server: codes are read out of the letters that nobody has sent, in a tenant of the test's own."""

import re
from dataclasses import dataclass
from typing import Any

import httpx

from souk.db.sealing import Keyring, place
from souk.rules.actor import Role
from tests.resolvers.signing import OTP_REQUEST, OTP_VERIFY
from tests.serving import KEYS
from tests.world import World

MEDIA = "application/graphql-response+json"
KEYRING = Keyring(KEYS)
ROLE = "{ viewer { role } }"


def slug(world: World) -> str:
    return f"t-{world.tenant_id.hex[:12]}"


def email(world: World, role: Role) -> str:
    return f"{role.value.lower()}@{world.tenant_id.hex}.example.com"


@dataclass
class Client:
    """Somebody who calls one server; `headers` go with every request."""

    http: httpx.AsyncClient
    world: World
    headers: dict[str, str]

    async def send(self, query: str, input: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        body = {"query": query, **({"variables": {"i": input}} if input is not None else {})}
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.post("/graphql", json=body, headers={"accept": MEDIA, **self.headers, **more})

    async def do(self, query: str, input: dict[str, Any], **headers: str) -> Any:
        """The payload of one mutation that must not be refused."""
        response = await self.send(query, input, **headers)
        (payload,) = response.json()["data"].values()
        assert payload["userErrors"] == [], payload
        return payload

    async def letter(self, address: str) -> str:
        """The newest text on its way to an address."""
        rows = await self.world.rows("SELECT id, to_enc, body_enc FROM letter ORDER BY created_at DESC, id DESC")
        for row in rows:
            to, body = (
                KEYRING.open(getattr(row, name), place(self.world.tenant_id, "letter", name, row.id))
                for name in ("to_enc", "body_enc")
            )
            if to == address:
                return str(body)
        raise AssertionError(address)

    async def code(self, address: str) -> str:
        found = re.match(r"\d{6}", await self.letter(address))
        assert found
        return found[0]

    async def sign_in(self, address: str, **more: Any) -> Any:
        """The session of whoever has the address, opened over this server."""
        challenge = (await self.do(OTP_REQUEST, {"email": address}))["challengeId"]
        given = {"id": challenge, "code": await self.code(address), "register": {"name": "New"}, **more}
        return (await self.do(OTP_VERIFY, given))["session"]

    def with_token(self, token: str) -> "Client":
        return Client(self.http, self.world, {"authorization": f"Bearer {token}"})

    async def role(self, **headers: str) -> str | None:
        """As whom the server knows this client; None for an UNAUTHENTICATED one."""
        response = await self.send(ROLE, **headers)
        if response.status_code == 401:
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
            return None
        viewer = response.json()["data"]["viewer"]
        return viewer and str(viewer["role"])


def visitor(http: httpx.AsyncClient, world: World, **headers: str) -> Client:
    return Client(http, world, {"x-souk-tenant": slug(world), **headers})
