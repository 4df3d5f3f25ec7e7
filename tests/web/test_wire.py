"""The whole road over a real database: the door, readiness, an outage, and an orderly end."""

import secrets
from datetime import UTC, datetime
from hashlib import sha256

import httpx
from pydantic import SecretStr

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.models import ServiceToken, TenantHost, new_id
from souk.models.people import Session
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.wire import build
from tests.serving import KEYS
from tests.world import World

FOR_EVER = datetime(2100, 1, 1, tzinfo=UTC)
QUERY = {"query": "{ __typename listings { nodes { id } } }"}


async def ask(client: httpx.AsyncClient, **headers: str) -> tuple[int, str]:
    """The status, and the code of the first error or the typename."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    response = await client.post(
        "/graphql", json=QUERY, headers={"accept": "application/graphql-response+json", **given}
    )
    body = response.json()
    return response.status_code, body["data"]["__typename"] if body.get("data") else body["errors"][0]["extensions"][
        "code"
    ]


async def signed_in(world: World, role: Role, until: datetime = FOR_EVER) -> tuple[str, Session]:
    token = secrets.token_urlsafe(32)
    who = world.actors[role]
    row = Session(
        id=new_id(), account_id=who.account_id, membership_id=who.membership_id, carrier="BEARER",
        hash=sha256(token.encode()).digest(), expires_at=until, ends_at=until,
    )  # fmt: skip
    await world.add(row)
    return token, row


async def test_the_door_knows_sessions_service_tokens_hosts_and_slugs(app: httpx.AsyncClient, world: World) -> None:
    token, _ = await signed_in(world, Role.OPS)
    assert await ask(app, authorization=f"Bearer {token}") == (200, "Query")
    service = f"svc_{secrets.token_urlsafe(32)}"
    await world.add(
        ServiceToken(
            id=new_id(), name="feed", prefix=service[:8], hash=sha256(service.encode()).digest(),
            scopes=["listing:read"], expires_at=FOR_EVER, created_by=world.actors[Role.OWNER].user_id,
        )
    )  # fmt: skip
    assert await ask(app, x_internal_token=service) == (200, "Query")
    assert await ask(app, host="nobody.test") == (401, "UNAUTHENTICATED")
    name = f"{world.tenant_id.hex}.test"
    await world.add(TenantHost(id=new_id(), host=name))
    assert await ask(app, host=f"{name.upper()}:8000") == (200, "Query")
    assert await ask(app, x_souk_tenant=f"t-{world.tenant_id.hex[:12]}") == (200, "Query")
    assert await ask(app, authorization=f"Bearer {token}x") == (401, "UNAUTHENTICATED")


async def test_an_expired_session_is_none(app: httpx.AsyncClient, world: World) -> None:
    token, _ = await signed_in(world, Role.OPS, datetime(2026, 1, 1, tzinfo=UTC))
    assert await ask(app, authorization=f"Bearer {token}") == (401, "UNAUTHENTICATED")


async def test_it_is_not_ready_before_the_newest_revision(own_database: str) -> None:
    await migrations.downgrade(sqlalchemy_url(own_database), "-1")
    given = Settings(database_url=SecretStr(own_database), encryption_keys=SecretStr(KEYS))
    made = create_app(given, build)
    async with made.running(), httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://x.test") as one:
        response = await one.get("/readyz")
        assert (response.status_code, response.json()["ok"]) == (503, False)
        await migrations.upgrade(sqlalchemy_url(own_database))
        response = await one.get("/readyz")
        assert (response.status_code, response.json()) == (200, {"ok": True})
