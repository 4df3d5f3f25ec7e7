"""Cookies and tokens: what counts as a credential, from whom, and how it is set and taken back."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from pydantic import SecretStr

from souk.models import TenantHost, new_id
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.wire import build
from tests.resolvers.signing import OTP_REQUEST, OTP_VERIFY, SESSION
from tests.serving import KEYS
from tests.web.door import ROLE, Client, email, visitor
from tests.web.test_http import refusal
from tests.world import World

PREFLIGHT = {"graphql-require-preflight": "1"}
REVOKE = "mutation($i: SessionRevokeInput!) { sessionRevoke(input: $i) { session { id } userErrors { code } } }"
SWITCH = f"mutation($i: SessionSwitchInput!) {{ sessionSwitch(input: $i) {{ {SESSION} }} }}"


@pytest.fixture
def browser(app: httpx.AsyncClient, world: World) -> Client:
    """A page of the host that sends what it must; the cookie jar is httpx's."""
    return visitor(app, world, **PREFLIGHT)


async def test_a_browser_signs_in_by_cookie_and_no_token_is_in_the_answer(browser: Client, world: World) -> None:
    challenge = (await browser.do(OTP_REQUEST, {"email": email(world, Role.OPS)}))["challengeId"]
    given = {"id": challenge, "code": await browser.code(email(world, Role.OPS)), "carrier": "COOKIE"}
    response = await browser.send(OTP_VERIFY, given)
    session = response.json()["data"]["otpVerify"]["session"]
    assert (session["carrier"], session["token"], session["refreshToken"], session["refreshUntil"]) == (
        "COOKIE",
        None,
        None,
        None,
    )
    cookie = response.headers["set-cookie"]
    token = cookie.partition("souk=")[2].partition(";")[0]
    assert cookie == f"souk={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={14 * 86400}"
    assert token.startswith("souk_") and token not in response.text
    assert "cookie" in response.headers["vary"]
    assert await browser.role() == "OPS"
    (row,) = await world.rows("SELECT carrier, idle_seconds, ends_at - created_at AS long FROM session")
    assert row == ("COOKIE", 12 * 3600, timedelta(days=14))


async def test_in_production_the_cookie_is_bound_to_the_host(database: str, world: World) -> None:
    name = f"{world.tenant_id.hex}.test"
    await world.add(TenantHost(id=new_id(), host=name))
    given = Settings(
        env="production",
        ad_hoc_documents=("visitor", "browser"),
        database_url=SecretStr(database),
        encryption_keys=SecretStr(KEYS),
    )
    made = create_app(given, build)
    async with (
        made.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url=f"https://{name}") as http,
    ):
        browser = Client(http, world, PREFLIGHT)
        challenge = (await browser.do(OTP_REQUEST, {"email": email(world, Role.OPS)}))["challengeId"]
        given_ = {"id": challenge, "code": await browser.code(email(world, Role.OPS)), "carrier": "COOKIE"}
        response = await browser.send(OTP_VERIFY, given_)
        token = response.headers["set-cookie"].partition("=")[2].partition(";")[0]
        assert response.headers["set-cookie"] == (
            f"__Host-souk={token}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={14 * 86400}"
        )
        assert await browser.role() == "OPS"
        http.cookies.clear()
        assert await browser.role(cookie=f"souk={token}") is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"apollo-require-preflight": "true"}, 200),
        ({"x-apollo-operation-name": "Q"}, 200),
        ({"graphql-require-preflight": "1"}, 200),
        ({"graphql-require-preflight": " "}, 403),
        (PREFLIGHT | {"sec-fetch-site": "same-origin", "origin": "http://souk.test"}, 200),
        (PREFLIGHT | {"sec-fetch-site": "cross-site"}, 403),
        (PREFLIGHT | {"sec-fetch-site": "same-site"}, 403),
        (PREFLIGHT | {"origin": "http://evil.test"}, 403),
        (PREFLIGHT | {"origin": "null"}, 403),
        (PREFLIGHT | {"origin": "http://app.souk.test"}, 403),
    ],
)
async def test_a_cookie_counts_only_from_a_page_of_this_host_that_asks_first(
    app: httpx.AsyncClient, world: World, headers: dict[str, str], status: int
) -> None:
    await visitor(app, world, **PREFLIGHT).sign_in(email(world, Role.OPS), carrier="COOKIE")
    response = await Client(app, world, {}).send(ROLE, **headers)
    assert response.status_code == status
    if status == 200:
        assert {"data": response.json()["data"]} == {"data": {"viewer": {"role": "OPS"}}}
    else:
        assert refusal(response)[1] == "FORBIDDEN"
    before = await world.rows("SELECT count(*) FROM session WHERE revoked_at IS NULL")
    done = await Client(app, world, {}).send(REVOKE, {}, **headers)
    after = await world.rows("SELECT count(*) FROM session WHERE revoked_at IS NULL")
    assert (done.status_code, before[0][0] - after[0][0]) == (status, 1 if status == 200 else 0)


async def test_a_header_goes_before_a_cookie_and_needs_no_preflight(
    app: httpx.AsyncClient, world: World, browser: Client
) -> None:
    bearer = await browser.sign_in(email(world, Role.ADMIN))
    await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    assert await Client(app, world, {"authorization": f"Bearer {bearer['token']}"}).role() == "ADMIN"


async def test_a_cookie_is_not_set_for_whoever_does_not_prove_to_be_the_page(
    app: httpx.AsyncClient, world: World
) -> None:
    plain = visitor(app, world)
    challenge = (await plain.do(OTP_REQUEST, {"email": email(world, Role.OPS)}))["challengeId"]
    given = {"id": challenge, "code": await plain.code(email(world, Role.OPS)), "carrier": "COOKIE"}
    for headers in ({}, {"accept": "text/event-stream", **PREFLIGHT}, PREFLIGHT | {"sec-fetch-site": "cross-site"}):
        response = await plain.send(OTP_VERIFY, given, **headers)
        assert '"field":["carrier"]' in response.text
        assert "set-cookie" not in response.headers
    assert await world.rows("SELECT attempts FROM sign_in_challenge") == [(0,)]


async def test_a_revoked_session_takes_its_cookie_along(browser: Client, world: World) -> None:
    await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    response = await browser.send(REVOKE, {})
    assert response.headers["set-cookie"] == "souk=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    assert len(browser.http.cookies) == 0


async def test_a_cookie_that_is_no_longer_valid_is_taken_back_so_that_one_can_sign_in_again(
    browser: Client, world: World
) -> None:
    await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    async with world.souk.owner.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT set_config('souk.tenant_id', '{world.tenant_id}', true)")
        await connection.exec_driver_sql("UPDATE session SET revoked_at = now()")
    async with asyncio.timeout(5):
        while (response := await browser.send(ROLE)).status_code != 401:
            await asyncio.sleep(0.02)
    assert response.headers["set-cookie"] == "souk=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
    assert await browser.role() is None  # a visitor again


async def test_a_cookie_is_replaced_at_each_sign_in_and_its_session_ends(browser: Client, world: World) -> None:
    first = await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    before = browser.http.cookies["souk"]
    await world.rows("UPDATE sign_in_challenge SET created_at = created_at - interval '1 hour' RETURNING id")
    second = await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    assert second["id"] != first["id"] and browser.http.cookies["souk"] != before
    live = await world.rows("SELECT count(*) FROM session WHERE revoked_at IS NULL")
    assert live == [(1,)]


async def test_a_cookie_session_ends_when_it_lies_idle_and_each_use_puts_that_off(
    browser: Client, world: World
) -> None:
    await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    soon = datetime.now(UTC) + timedelta(seconds=30)
    await world.rows("UPDATE session SET idle_at = :soon, seen_at = NULL RETURNING id", soon=soon)
    assert await browser.role() == "OPS"
    (row,) = await world.rows("SELECT seen_at, idle_at FROM session")
    assert row.idle_at - row.seen_at == timedelta(hours=12)
    assert await browser.role() == "OPS"
    assert await world.rows("SELECT seen_at, idle_at FROM session") == [row], "not with every request"
    await world.rows("UPDATE session SET idle_at = now() RETURNING id")
    async with asyncio.timeout(5):
        while await browser.role() is not None:
            await asyncio.sleep(0.02)


async def test_of_two_cookies_with_the_name_none_counts(app: httpx.AsyncClient, world: World, browser: Client) -> None:
    await browser.sign_in(email(world, Role.OPS), carrier="COOKIE")
    token = app.cookies["souk"]
    app.cookies.clear()
    assert await browser.role(cookie=f"souk={token}") == "OPS"
    assert await browser.role(cookie=f"a=b; souk={token}") == "OPS"
    assert await browser.role(cookie=f"souk={token}; souk={token}") is None
    assert await browser.role(cookie=f"xsouk={token}") is None


async def test_what_signs_in_is_the_only_mutation_of_its_operation(app: httpx.AsyncClient, world: World) -> None:
    request = 'otpRequest(input: {email: "a@example.org"}) { challengeId }'
    guess = 'otpVerify(input: {id: "x", code: "1"}) { userErrors { code } }'
    plain = visitor(app, world)
    for document in (
        f"mutation {{ {request} b: {request} }}",
        f"mutation {{ a: {guess} b: {guess} }}",
        f"mutation {{ a: {guess} ...F }} fragment F on Mutation {{ b: {guess} }}",
        f"mutation {{ ... {{ a: {guess} }} ... {{ b: {guess} }} }}",
        f"mutation {{ __typename {guess} }}",
    ):
        assert refusal(await plain.send(document))[:2] == (400, "QUERY_TOO_COMPLEX"), document
    assert await world.rows("SELECT id FROM letter") == []
    assert (await plain.send(f"mutation {{ {guess} }}")).status_code == 200
