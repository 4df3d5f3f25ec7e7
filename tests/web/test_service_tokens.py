"""Service tokens at the front door: how they travel, when they end, when they were last used."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx

from souk.db.uses import Uses
from souk.rules.actor import Role
from tests.web.test_wire import signed_in
from tests.world import World

CREATE = """mutation($input: ServiceTokenCreateInput!) { serviceTokenCreate(input: $input) {
  token serviceToken { id } userErrors { code message } } }"""
REVOKE = "mutation($input: ServiceTokenRevokeInput!) { serviceTokenRevoke(input: $input) { userErrors { code } } }"
VIEWER = "{ viewer { role tokenName scopes } listings { totalCount } offers { totalCount } }"


async def call(client: httpx.AsyncClient, query: str, variables: Any = None, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/graphql", json={"query": query, "variables": variables or {}}, headers=given)


async def proven_owner(world: World) -> str:
    """The token of an owner who has just shown that it is they."""
    token, row = await signed_in(world, Role.OWNER)
    await world.rows("UPDATE session SET mfa_at = now() WHERE id = :id RETURNING id", id=row.id)
    return token


async def made(client: httpx.AsyncClient, owner: str, *scopes: str) -> tuple[str, str]:
    """A token and its id."""
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {"input": {"name": "Feed", "scopes": list(scopes), "expiresAt": until}}
    payload = (await call(client, CREATE, given, authorization=f"Bearer {owner}")).json()["data"]["serviceTokenCreate"]
    assert payload["userErrors"] == []
    return payload["token"], payload["serviceToken"]["id"]


async def test_a_token_travels_in_two_headers_and_may_what_its_scopes_say(app: httpx.AsyncClient, world: World) -> None:
    owner = await proven_owner(world)
    token, _ = await made(app, owner, "listing:read")
    bodies = [
        (await call(app, VIEWER, authorization=f"Bearer {token}")).json(),
        (await call(app, VIEWER, x_internal_token=token)).json(),
    ]
    for body in bodies:
        assert body["data"] == {
            "viewer": {"role": "SERVICE", "tokenName": "Feed", "scopes": ["listing:read"]},
            "listings": {"totalCount": 0},
            "offers": None,
        }
        assert [(e["path"], e["extensions"]["code"]) for e in body["errors"]] == [(["offers"], "FORBIDDEN")]
    person = await call(app, VIEWER, x_internal_token=owner)
    assert (person.status_code, person.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    wrong = await call(app, VIEWER, authorization=f"Bearer {token[:-1]}{'A' if token[-1] != 'A' else 'B'}")
    assert (wrong.status_code, wrong.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_a_revoked_token_ends_in_every_process_within_a_second(
    app: httpx.AsyncClient, live: str, world: World
) -> None:
    """Revoked in one process, asked for without a pause in this one and in the other."""
    owner = await proven_owner(world)
    token, id_ = await made(app, owner, "listing:read")
    async with httpx.AsyncClient(base_url=live) as there:
        for client in (app, there):
            assert (await call(client, VIEWER, x_internal_token=token)).status_code == 200
        answer = await call(there, REVOKE, {"input": {"id": id_}}, authorization=f"Bearer {owner}")
        revoked = monotonic()
        assert answer.json()["data"]["serviceTokenRevoke"]["userErrors"] == []
        for client in (app, there):
            while (await call(client, VIEWER, x_internal_token=token)).status_code != 401:
                assert monotonic() - revoked < 5
            assert monotonic() - revoked < 1


async def test_the_last_use_is_shown(app: httpx.AsyncClient, world: World) -> None:
    owner = await proven_owner(world)
    token, id_ = await made(app, owner, "listing:read")
    began = datetime.now(UTC)
    assert (await call(app, VIEWER, x_internal_token=token)).status_code == 200
    shown = "query($id: ID!) { serviceToken(id: $id) { lastUsedAt version } }"
    async with asyncio.timeout(10):
        while True:
            body = (await call(app, shown, {"id": id_}, authorization=f"Bearer {owner}")).json()
            if body["data"]["serviceToken"]["lastUsedAt"] is not None:
                break
    assert body["data"]["serviceToken"]["version"] == 1
    assert await world.rows("SELECT last_used_at >= :began AS late FROM service_token", began=began) == [(True,)]


async def test_a_use_is_written_once_a_minute_by_all_processes_together(app: httpx.AsyncClient, world: World) -> None:
    owner = await proven_owner(world)
    await made(app, owner, "listing:read")
    id_ = (await world.rows("SELECT id FROM service_token"))[0].id
    one, two = Uses(world.souk.app.engine), Uses(world.souk.app.engine)
    audited = await world.rows("SELECT count(*) FROM audit_event")

    async def shown(process: Uses, seconds: float) -> float:
        process.note(world.tenant_id, id_, world.now + timedelta(seconds=seconds))
        await process.write()
        last = (await world.rows("SELECT last_used_at FROM service_token"))[0].last_used_at
        return float((last - world.now).total_seconds())

    assert await shown(one, 0) == 0
    assert await shown(one, 59) == 0
    assert await shown(two, 30) == 0, "another process, within the minute"
    assert await shown(one, 60) == 60
    assert await shown(two, 121) == 121
    assert await shown(two, 300) == 300
    two.note(world.other_customer.tenant_id, world.dealer, world.now)  # one that is nowhere
    await two.write()
    assert await world.rows("SELECT count(*) FROM audit_event") == audited
