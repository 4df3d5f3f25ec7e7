"""In production mode a visitor signs in with registered documents alone, over a server of its own, by their ids."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio

from souk.models import TenantHost, new_id
from souk.rules.actor import Role
from tests.documents.asking import NAMED
from tests.resolvers.signing import fresh
from tests.resolvers.test_password import GOOD, chosen
from tests.resolvers.test_session import INVITE
from tests.serving import serving
from tests.web.door import Client, email, visitor
from tests.web.test_carriers import REVOKE
from tests.world import World


class Production:
    """A client of a server in production mode, which knows the tenant by its host name."""

    def __init__(self, http: httpx.AsyncClient, world: World, host: str) -> None:
        self.http, self.world, self.host = http, world, host

    async def run(self, name: str, /, _token: str | None = None, _headers: Any = None, **input: Any) -> Any:
        """The payload of the shipped mutation, sent by its id."""
        return next(iter((await self.sent(name, _token, _headers, **input)).json()["data"].values()))

    async def sent(self, name: str, _token: str | None = None, _headers: Any = None, **input: Any) -> httpx.Response:
        given = {"documentId": NAMED[name].id, "variables": {"input": input}}
        bearer = {"authorization": f"Bearer {_token}"} if _token else {}
        return await self.http.post("/graphql", json=given, headers={"host": self.host, **bearer, **(_headers or {})})

    async def role(self, token: str) -> str:
        """As whom the server takes the token: one registered query that any role is answered."""
        given = {"documentId": NAMED["AdminDealers"].id, "variables": {"first": 1}}
        response = await self.http.post("/graphql", json=given, headers={"authorization": f"Bearer {token}"})
        body = response.json()
        return "good" if body.get("data", {}).get("dealers") else body["errors"][0]["extensions"]["code"]

    async def code(self, address: str) -> str:
        return await Client(self.http, self.world, {}).code(address)


@pytest_asyncio.fixture
async def production(database: str, world: World) -> AsyncIterator[Production]:
    name = f"{world.tenant_id.hex}.test"
    await world.add(TenantHost(id=new_id(), host=name))
    async with (
        serving(database, env="production") as (_, address),
        httpx.AsyncClient(base_url=address, timeout=30) as http,
    ):
        yield Production(http, world, name)


async def test_a_known_and_a_new_person_sign_in_go_on_and_sign_out(production: Production, world: World) -> None:
    unregistered = {"query": 'mutation { otpRequest(input: {email: "a@example.org"}) { challengeId } }'}
    refused = await production.http.post("/graphql", json=unregistered, headers={"host": production.host})
    assert refused.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_REQUIRED"
    known = email(world, Role.OPS)
    asked = await production.run("OtpRequest", email=known)
    assert asked["userErrors"] == [] and asked["challengeId"]
    again = await production.run("OtpRequest", email=known)
    assert [(each["code"], bool(each["retryAt"])) for each in again["userErrors"]] == [("COOLDOWN", True)]
    done = await production.run("OtpVerify", id=asked["challengeId"], code=await production.code(known))
    assert done["userErrors"] == [] and done["session"]["role"] == "OPS"
    assert await production.role(done["session"]["token"]) == "good"

    renewed = (await production.run("SessionRefresh", refreshToken=done["session"]["refreshToken"]))["session"]
    assert await production.role(done["session"]["token"]) == "UNAUTHENTICATED"
    assert await production.role(renewed["token"]) == "good"
    switched = await production.run("SessionSwitch", renewed["token"], membershipId=renewed["membershipId"])
    assert switched["userErrors"] == [] and switched["session"]["id"] != renewed["id"]
    ended = await production.run("SessionRevoke", switched["session"]["token"])
    assert ended["session"]["id"] and await production.role(switched["session"]["token"]) == "UNAUTHENTICATED"

    new = fresh()
    asked = await production.run("OtpRequest", email=new)
    given = {"id": asked["challengeId"], "code": await production.code(new)}
    missing = await production.run("OtpVerify", **given)
    assert [each["code"] for each in missing["userErrors"]] == ["REQUIRED"]
    made = await production.run("OtpVerify", **given, register={"name": "Asha"})
    assert made["userErrors"] == [] and made["session"]["role"] == "CUSTOMER"
    assert await world.rows("SELECT count(*) FROM app_user WHERE name = 'Asha'") == [(1,)]
    everywhere = await production.run("SessionRevokeAll", made["session"]["token"])
    assert everywhere["ended"] == 1
    assert await production.role(made["session"]["token"]) == "UNAUTHENTICATED"


async def test_a_browser_signs_in_by_cookie(production: Production, world: World) -> None:
    page = {"graphql-require-preflight": "1"}
    address = email(world, Role.OPS)
    asked = await production.run("OtpRequest", _headers=page, email=address)
    given = {"id": asked["challengeId"], "code": await production.code(address), "carrier": "COOKIE"}
    response = await production.sent("OtpVerify", _headers=page, **given)
    session = response.json()["data"]["otpVerify"]["session"]
    assert (session["carrier"], session["token"], session["refreshToken"]) == ("COOKIE", None, None)
    assert response.headers["set-cookie"].startswith("__Host-souk=souk_")


async def test_a_password_signs_in_where_the_tenant_has_them(production: Production, world: World) -> None:
    address = email(world, Role.ADMIN)
    refused = await production.run("PasswordSignIn", email=address, password=GOOD)
    assert [each["code"] for each in refused["userErrors"]] == ["FORBIDDEN"]
    await chosen(world)
    done = await production.run("PasswordSignIn", email=address, password=GOOD)
    assert done["userErrors"] == [] and done["session"]["role"] == "ADMIN"
    wrong = await production.run("PasswordSignIn", email=address, password=GOOD + "x")
    assert [each["code"] for each in wrong["userErrors"]] == ["INVALID"]

    token = done["session"]["token"]
    how = await production.run("MfaChallenge", token)
    assert how["userErrors"] == [] and how["challengeId"]
    proven = await production.run(
        "MfaVerify", token, challengeId=how["challengeId"], code=await production.code(address)
    )
    assert proven["userErrors"] == [] and proven["provenUntil"]


async def test_an_invitation_is_accepted(app: httpx.AsyncClient, production: Production, world: World) -> None:
    session = await visitor(app, world).sign_in(email(world, Role.OWNER))
    owner, invited = Client(app, world, {"authorization": f"Bearer {session['token']}"}), fresh()
    await owner.do(INVITE, {"name": "Ines", "role": "SALES", "email": invited})
    link = (await owner.letter(invited)).rpartition(": ")[2].strip()
    assert link.startswith(f"https://{production.host}/invitation#souki_")
    await owner.do(REVOKE, {})
    refused = await production.run("UserAcceptInvite", token="souki_" + "x" * 43)
    assert [each["code"] for each in refused["userErrors"]] == ["INVALID"]
    done = await production.run("UserAcceptInvite", token=link.partition("#")[2])
    assert done["userErrors"] == [] and done["session"]["role"] == "SALES"
    assert await production.role(done["session"]["token"]) == "good"
    assert await world.rows("SELECT count(*) FROM session WHERE revoked_at IS NULL") == [(1,)]
