"""`GET /exports/{batch}`: the file, byte for byte, for who asked for it; for everybody else there is none."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.models import new_id
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web import respond
from souk.web.app import create_app
from souk.web.wire import build
from tests.resolvers.listings import listing
from tests.serving import KEYS
from tests.web.test_wire import signed_in
from tests.worker.exported import Exporting
from tests.world import KEYRING, World


@pytest_asyncio.fixture
async def app(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    given = Settings(database_url=SecretStr(database), encryption_keys=SecretStr(KEYS), data_dir=tmp_path)
    made = create_app(given, build)
    async with made.running(), httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://x.test") as one:
        yield one


@pytest_asyncio.fixture
async def export(world: World, database: str, tmp_path: Path) -> AsyncIterator[Exporting]:
    """Two listings, and an export that is worked at now, so that its file is kept for a while."""
    world.now = datetime.now(UTC).replace(microsecond=0)
    await world.add(*(listing(world, title, created_at=world.now - timedelta(days=1)) for title in ("One", "Two")))
    files = Directory(tmp_path / "files")
    worker = Database(database, KEYRING, "souk_worker", files=files)
    yield Exporting(world, worker, files)
    await worker.close()


async def get(app: httpx.AsyncClient, path: str, token: str | None, method: str = "GET") -> httpx.Response:
    return await app.request(method, path, headers={"authorization": f"Bearer {token}"} if token else {})


@pytest.mark.parametrize(
    ("format", "media"),
    [
        ("CSV", "text/csv; charset=utf-8"),
        ("XLSX", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ],
)
async def test_whoever_asked_gets_the_file_and_nobody_else(
    app: httpx.AsyncClient, world: World, export: Exporting, format: str, media: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(respond, "CHUNK", 7)
    batch = await export.ask(Role.OPS, "LISTINGS", columns=["title"], format=format)
    path = f"/exports/{world.id('Batch', batch)}"
    tokens = {role: (await signed_in(world, role))[0] for role in (Role.OPS, Role.OWNER, Role.DEALER, Role.VIEWER)}
    assert (await get(app, path, tokens[Role.OPS])).status_code == 404  # not yet
    await export.to_end(batch)
    content = await export.content(batch)
    answer = await get(app, path, tokens[Role.OPS])
    assert (answer.status_code, answer.content) == (200, content)
    told = ("content-type", "content-length", "content-disposition", "cache-control", "x-content-type-options")
    name = f'attachment; filename="listings-{world.now:%Y-%m-%d}.{format.lower()}"'
    assert [answer.headers[each] for each in told] == [media, str(len(content)), name, "no-store", "nosniff"]
    empty = await get(app, path, tokens[Role.OPS], "HEAD")
    assert (empty.status_code, empty.content, empty.headers["content-length"]) == (200, b"", str(len(content)))
    unknown = await get(app, f"/exports/{world.id('Batch', new_id())}", tokens[Role.OPS])
    for role in (Role.OWNER, Role.DEALER):
        found = await get(app, path, tokens[role])
        assert (found.status_code, found.json()["errors"][0]["message"]) == (
            404,
            unknown.json()["errors"][0]["message"],
        )
    assert (await get(app, path, tokens[Role.VIEWER])).status_code == 403
    assert (await get(app, path, None)).status_code == 401
    assert (await get(app, path, tokens[Role.OPS], "POST")).status_code == 405


async def test_the_same_person_in_another_role_gets_none(
    app: httpx.AsyncClient, world: World, export: Exporting
) -> None:
    batch = await export.ask(Role.OPS, "LISTINGS")
    await export.to_end(batch)
    path, (token, _) = f"/exports/{world.id('Batch', batch)}", await signed_in(world, Role.OPS)
    assert (await get(app, path, token)).status_code == 200
    await world.rows(
        "UPDATE membership SET role = 'ADMIN' WHERE id = :id RETURNING id", id=world.actors[Role.OPS].membership_id
    )
    token, _ = await signed_in(world, Role.OPS)  # the door knows the new session only as what it is now
    assert (await get(app, path, token)).status_code == 404


async def test_a_file_whose_days_are_over_is_gone(app: httpx.AsyncClient, world: World, export: Exporting) -> None:
    batch = await export.ask(Role.OPS, "LISTINGS")
    await export.to_end(batch)
    token, _ = await signed_in(world, Role.OPS)
    path = f"/exports/{world.id('Batch', batch)}"
    await world.rows("UPDATE export SET expires_at = now() - interval '1 second' RETURNING id")
    over = await get(app, path, token)
    assert (over.status_code, over.json()["errors"][0]["message"]) == (
        410,
        "The file is no longer kept; export the list anew.",
    )
    await world.rows("UPDATE export SET expires_at = now() + interval '1 day' RETURNING id")
    await export.files.remove((await export.row(batch)).stored_as)
    assert (await get(app, path, token)).status_code == 410
