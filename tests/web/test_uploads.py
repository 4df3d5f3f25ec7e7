"""Files come in by `POST /uploads`: streamed, bounded, permitted, and then used by an import over the API."""

import base64
import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import httpx
import pytest_asyncio
from pydantic import SecretStr

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.wire import build
from souk.worker.bringing import to_the_end
from tests.serving import KEYS
from tests.web.test_wire import signed_in
from tests.world import KEYRING, PATIENT, World

CONTENT = b"id,name,price\n1,Honda CB Shine,50000\n2,,60000\n3,Hero Splendor,on request\n"
MAPPING = 'name = "mine"\nkind = "VEHICLE"\ncurrency = "INR"\nkey = ["id"]\n[fields.title]\nfrom = "name"\n[fields.price]\nfrom = "price"\n'


@pytest_asyncio.fixture
async def app(database: str, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    given = Settings(
        database_url=SecretStr(database), encryption_keys=SecretStr(KEYS), data_dir=tmp_path, upload_limit=100
    )
    made = create_app(given, build)
    async with made.running(), httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://x.test") as one:
        yield one


async def hand_over(app: httpx.AsyncClient, token: str | None, content: bytes, **headers: str) -> httpx.Response:
    given = {"authorization": f"Bearer {token}"} if token else {}
    return await app.post("/uploads", content=content, headers={**given, "content-type": "text/csv", **headers})


async def test_a_file_is_kept_and_imported(app: httpx.AsyncClient, world: World, tmp_path: Path, database: str) -> None:
    token, _ = await signed_in(world, Role.OPS)
    name = {"content-disposition": 'attachment; filename="../my bikes.csv"'}
    response = await hand_over(app, token, CONTENT, **name)
    assert response.status_code == 201
    upload = response.json()["id"]
    kind, id_ = base64.b64decode(upload).decode().split(":")
    (row,) = await world.rows("SELECT id, name, size, sha256, media_type, creator_id, stored_as FROM upload")
    assert (kind, UUID(id_), row.name, row.size, row.sha256, row.media_type) == (
        "Upload", row.id, "my bikes.csv", len(CONTENT), sha256(CONTENT).digest(), "text/csv"
    )  # fmt: skip
    assert (tmp_path / "files" / row.stored_as).read_bytes() == CONTENT

    async def do(name: str, selected: str, /, **given: object) -> dict[str, object]:
        type_ = name[0].upper() + name[1:] + "Input"
        document = (
            f"mutation($i: {type_}!) {{ {name}(input: $i) {{ {selected} userErrors {{ code message field }} }} }}"
        )
        asked = {"query": document, "variables": {"i": given}}
        answered = (await app.post("/graphql", json=asked, headers={"authorization": f"Bearer {token}"})).json()
        assert answered.get("data", {}).get(name), answered
        payload: dict[str, object] = answered["data"][name]
        return payload

    plan = {"mapping": MAPPING, "dealerId": world.id("Dealer", world.dealer)}
    preview = await do(
        "batchPreview", "preview { id total actionable warnings items { nodes { n warnings } } }",
        kind="IMPORT", selection={"uploadId": upload}, plan=plan,
    )  # fmt: skip
    assert preview["userErrors"] == []
    seen = preview["preview"]
    assert isinstance(seen, dict)
    assert (seen["total"], seen["actionable"]) == (3, 2)
    assert seen["warnings"] == ["1 rows are refused: their title or price cannot be had."]
    made = await do("batchCreate", "batch { id }", previewId=seen["id"], idempotencyKey=world.key())
    id_of = made["batch"]["id"]  # type: ignore[index]
    await do("batchStart", "batch { status }", id=id_of, idempotencyKey=world.key())
    worker = Database(database, KEYRING, "souk_worker", PATIENT, files=Directory(tmp_path / "files"))
    done = await to_the_end(worker, world.tenant_id, UUID(base64.b64decode(id_of).decode().split(":")[1]))
    await worker.close()
    assert (done.status, done.imported, done.refused, done.rows) == ("COMPLETED", 2, 1, 3)
    listed = await world.rows("SELECT title, price_minor, status FROM listing ORDER BY title")
    assert listed == [("Hero Splendor", None, "ACTIVE"), ("Honda CB Shine", 5_000_000, "ACTIVE")]
    lost = await world.rows("SELECT n, outcome, warnings FROM batch_item WHERE warnings <> '[]'")
    assert lost == [(2, "REFUSED", [{"column": "name", "value": "", "reason": "is blank"}])]


async def test_what_is_refused_leaves_nothing(app: httpx.AsyncClient, world: World, tmp_path: Path) -> None:
    ops, _ = await signed_in(world, Role.OPS)
    sales, _ = await signed_in(world, Role.SALES)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * 50

    async def told(response: httpx.Response) -> tuple[int, str]:
        return response.status_code, response.json()["errors"][0]["extensions"]["code"]

    assert await told(await hand_over(app, None, CONTENT)) == (401, "UNAUTHENTICATED")
    assert await told(await hand_over(app, sales, CONTENT)) == (403, "FORBIDDEN")
    assert await told(await hand_over(app, ops, b"x" * 101)) == (413, "BAD_REQUEST")
    assert await told(await hand_over(app, ops, endless())) == (413, "BAD_REQUEST")  # type: ignore[arg-type]
    assert await told(await hand_over(app, ops, b"")) == (400, "BAD_REQUEST")
    got = await app.get("/uploads", headers={"authorization": f"Bearer {ops}"})
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert await world.rows("SELECT count(*) FROM upload") == [(0,)]
    assert [path for path in os.walk(tmp_path) if path[2]] == []
