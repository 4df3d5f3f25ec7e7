"""A screenshot joins the evidence of an alert: its hash is taken anew, the chain covers it, whoever sees the alert gets it."""

from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.resolvers.importing import EXPIRY
from souk.rules.actor import Role
from souk.worker.due import TIMERS
from tests.resolvers.margin import listing, policy, see, sku
from tests.web.test_uploads import app, hand_over
from tests.web.test_wire import signed_in
from tests.world import KEYRING, NOW, World

__all__ = ["app"]
PICTURE = b"\x89PNG\r\n\x1a\n a page with a price"
SHOWN = """query($id: ID!) { alert(id: $id) { version evidenceChain { head verified brokenAt } evidenceSnapshots { nodes {
  n hash outcome price { amount } url attachment { name mediaType bytes sha256 url } } } } }"""
ADD = """mutation($i: AlertAddEvidenceInput!) { alertAddEvidence(input: $i) { alert { version } userErrors { code field } } }"""


async def asked(app: httpx.AsyncClient, token: str, query: str, **variables: Any) -> Any:
    response = await app.post(
        "/graphql", json={"query": query, "variables": variables}, headers={"authorization": f"Bearer {token}"}
    )
    return response.json()


async def breach(world: World) -> str:
    """An alert about a listing of the first dealer."""
    thing = await sku(world)
    await policy(world, thing)
    await see(world, await listing(world, thing, 90_000), 90_000, NOW)
    [row] = await world.rows("SELECT id FROM alert")
    return world.id("Alert", row.id)


async def handed_over(app: httpx.AsyncClient, token: str, content: bytes = PICTURE, kind: str = "image/png") -> str:
    named = {"content-disposition": 'attachment; filename="page 1.png"', "content-type": kind}
    response = await hand_over(app, token, content, **named)
    assert response.status_code == 201
    id_: str = response.json()["id"]
    return id_


async def test_a_picture_is_in_the_chain_and_is_had_by_whoever_sees_the_alert(
    app: httpx.AsyncClient, world: World, database: str, tmp_path: Path
) -> None:
    alert, (token, _) = await breach(world), await signed_in(world, Role.OPS)
    upload = await handed_over(app, token)
    before = (await asked(app, token, SHOWN, id=alert))["data"]["alert"]
    given = {"id": alert, "uploadId": upload, "url": "https://shop.example/thing", "expectedVersion": before["version"]}
    done = (await asked(app, token, ADD, i=given))["data"]["alertAddEvidence"]
    assert done == {"alert": {"version": before["version"] + 1}, "userErrors": []}

    shown = (await asked(app, token, SHOWN, id=alert))["data"]["alert"]
    (*first, last), digest = shown["evidenceSnapshots"]["nodes"], sha256(PICTURE).hexdigest()
    assert first == before["evidenceSnapshots"]["nodes"] and first[-1]["attachment"] is None
    path = last["attachment"].pop("url")
    assert last["attachment"] == {
        "name": "page 1.png",
        "mediaType": "image/png",
        "bytes": str(len(PICTURE)),
        "sha256": digest,
    }
    assert (last["n"], last["outcome"], last["price"], last["url"]) == (
        len(first) + 1, "FOUND", {"amount": "900.00"}, "https://shop.example/thing",
    )  # fmt: skip
    assert shown["evidenceChain"] == {"head": last["hash"], "verified": True, "brokenAt": None}
    assert (await world.data(Role.OPS, SHOWN, {"id": alert}))["alert"]["version"] == shown["version"]

    dealer, _ = await signed_in(world, Role.DEALER)
    viewer, _ = await signed_in(world, Role.VIEWER)
    customer, _ = await signed_in(world, Role.CUSTOMER)
    bearer = {who: {"authorization": f"Bearer {t}"} for who, t in
              {"OPS": token, "DEALER": dealer, "VIEWER": viewer, "CUSTOMER": customer}.items()}  # fmt: skip
    got = await app.get(path, headers=bearer["OPS"])
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, PICTURE, "image/png")
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''page%201.png"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert (await app.head(path, headers=bearer["OPS"])).content == b""
    assert (await app.post(path, headers=bearer["OPS"])).status_code == 405
    assert (await app.get(path, headers=bearer["DEALER"])).status_code == 404, "no notice was sent yet"
    assert (await app.get(path, headers=bearer["CUSTOMER"])).status_code == 403
    assert (await app.get(path)).status_code in (401, 403)
    await world.rows("UPDATE alert SET notice_sent_at = now() RETURNING 1")
    assert (await app.get(path, headers=bearer["DEALER"])).content == PICTURE

    # evidence outlives the upload, and a hash that is another breaks the chain
    row = (await world.rows("SELECT id, expires_at FROM upload"))[0]
    worker = Database(database, KEYRING, "souk_worker", files=Directory(tmp_path / "files"))
    later = row.expires_at + timedelta(days=1)
    async with worker.transaction(world.actor(Role.OWNER), "test", now=later, system=True) as tx:
        await TIMERS[EXPIRY](tx, row.id)
    await worker.close()
    assert (await app.get(path, headers=bearer["OPS"])).content == PICTURE
    forged = "ALTER TABLE evidence_snapshot DISABLE TRIGGER append_only"
    sql = "UPDATE evidence_snapshot SET upload_sha256 = sha256('another') WHERE upload_id IS NOT NULL"
    async with world.souk.owner.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT set_config('souk.tenant_id', '{world.tenant_id}', true)")
        for each in (forged, sql, forged.replace("DISABLE", "ENABLE ALWAYS")):
            await connection.exec_driver_sql(each)
    broken = (await asked(app, token, SHOWN, id=alert))["data"]["alert"]["evidenceChain"]
    assert (broken["verified"], broken["brokenAt"]) == (False, last["n"])


@pytest.mark.parametrize("what", ["kind", "changed", "gone", "future", "stale", "foreign"])
async def test_what_is_refused_changes_nothing(app: httpx.AsyncClient, world: World, tmp_path: Path, what: str) -> None:
    alert, (token, _) = await breach(world), await signed_in(world, Role.OPS)
    upload = await handed_over(app, token, kind="text/csv" if what == "kind" else "image/png")
    (row,) = await world.rows("SELECT stored_as FROM upload")
    file, version = tmp_path / "files" / row.stored_as, (await world.rows("SELECT version FROM alert"))[0].version
    given = {"id": alert, "uploadId": upload, "expectedVersion": version}
    expected: tuple[str, list[str] | None] = ("NOT_FOUND", ["uploadId"])
    match what:
        case "kind":
            expected = ("INVALID", ["uploadId"])
        case "changed":
            file.chmod(0o600)
            file.write_bytes(PICTURE + b"!")
            expected = ("INVALID", ["uploadId"])
        case "gone":
            file.unlink()
        case "future":
            given["capturedAt"] = "2999-01-01T00:00:00Z"
            expected = ("OUT_OF_RANGE", ["capturedAt"])
        case "stale":
            given["expectedVersion"] = version + 1
            expected = ("STALE_VERSION", ["expectedVersion"])
        case "foreign":
            given["uploadId"] = world.id("Upload", world.dealer)
    before = await world.rows("SELECT a.*, s.n FROM alert a JOIN evidence_snapshot s ON s.alert_id = a.id")
    (error,) = (await asked(app, token, ADD, i=given))["data"]["alertAddEvidence"]["userErrors"]
    assert (error["code"], error["field"]) == expected
    for role in (Role.SALES, Role.VIEWER, Role.DEALER):
        other, _ = await signed_in(world, role)
        denied = await asked(app, other, ADD, i=given)
        assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await world.rows("SELECT a.*, s.n FROM alert a JOIN evidence_snapshot s ON s.alert_id = a.id") == before
