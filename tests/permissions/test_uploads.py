"""upload:create: the one row of the matrix behind an address of its own, asked over HTTP as everybody."""

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.models import ServiceToken, new_id
from souk.permissions.roles import MATRIX
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.wire import build
from tests.serving import KEYS
from tests.web.test_wire import signed_in
from tests.world import NOW, World

CONTENT = b"id,name,price\n1,Honda CB Shine,50000\n"


@pytest_asyncio.fixture
async def app(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    given = Settings(database_url=SecretStr(database), encryption_keys=SecretStr(KEYS), data_dir=tmp_path)
    made = create_app(given, build)
    async with made.running(), httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://x.test") as one:
        yield one


async def service_token(world: World, *scopes: str) -> str:
    secret = f"svc_{world.key()}_{new_id().hex}"
    row = ServiceToken(id=new_id(), name="Feed", prefix="feed", hash=sha256(secret.encode()).digest(), scopes=list(scopes),
                       expires_at=NOW + timedelta(days=9000), created_at=NOW)  # fmt: skip
    await world.add(row)
    return secret


async def tokens(world: World, role: Role) -> list[tuple[str | None, bool]]:
    """Bearer tokens of the role, and whether the matrix lets them in."""
    if role is Role.SERVICE:
        return [
            (await service_token(world, "upload:create"), True), (await service_token(world, "batch:import"), False)
        ]  # fmt: skip
    if role is Role.PUBLIC:
        return [(None, False)]
    token, _ = await signed_in(world, role)
    return [(token, MATRIX["upload:create"].cells[role].letter != "-")]


@pytest.mark.parametrize("role", Role)
async def test_a_file_is_taken_from_whom_the_matrix_says(
    app: httpx.AsyncClient, world: World, role: Role, tmp_path: Path
) -> None:
    """Denied: 403 (401 without a token), no row, no file."""
    taken = 0
    for token, allowed in await tokens(world, role):
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = await app.post("/uploads", content=CONTENT, headers=headers | {"content-type": "text/csv"})
        assert answer.status_code == (201 if allowed else 401 if token is None else 403), answer.text
        taken += allowed
        made = await world.rows("SELECT creator_id, dealer_id FROM upload")
        assert len(made) == taken == sum(each.is_file() for each in (tmp_path / "files").rglob("*"))
        if allowed:
            actor = world.actors.get(role)
            assert tuple(made[0]) == ((actor.user_id, actor.dealer_id) if actor else (None, None))
