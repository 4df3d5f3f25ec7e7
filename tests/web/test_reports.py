"""`GET /batches/{id}/report.csv`: what an import lost, for whoever sees the batch, in pages of rows."""

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.resolvers import report
from souk.rules.actor import Role
from souk.web import reports
from souk.worker.bringing import begin, to_the_end, upload_file, write_report
from tests.resolvers.test_batch import Shop
from tests.web.test_wire import signed_in
from tests.worker.conftest import worker_db
from tests.world import KEYRING, Souk, World, make_world

__all__ = ["worker_db"]
MAPPING = """
name = "mine"
kind = "VEHICLE"
currency = "INR"
key = ["id"]
[fields.title]
from = "name"
[fields.price]
from = "price"
[fields.km]
from = "driven"
[fields.year]
from = "year"
"""
ROWS = (
    b"id,name,price,driven,year\n"
    b'1,Honda CB,50000,"=1+1, or\nmore",2015\n'
    b"2,,60000,1,2015\n"
    b"3,Hero Splendor,on request,10,2016\n"
    b"4,TVS Apache,70000,many,3016\n"
)
LOST = [
    ["1", "driven", "'=1+1, or\nmore", "UNCHANGED"],
    ["2", "name", "", "REFUSED"],
    ["4", "driven", "many", "CREATED"],
    ["4", "year", "3016", "CREATED"],
]


@pytest_asyncio.fixture
async def batch(world: World, database: str, tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """The global id of an import that lost cells, and its report as the command writes it."""
    files = Directory(tmp_path / "files")
    app, worker = Database(database, KEYRING, files=files), Database(database, KEYRING, "souk_worker", files=files)
    for content in (ROWS.splitlines(keepends=True)[0] + b'1,Honda CB,50000,"=1+1, or\nmore",2015\n', ROWS):
        path = tmp_path / "rows.csv"
        path.write_bytes(content)
        upload = await upload_file(app, files, world.tenant_id, path, now=world.now, limit=10_000)
        made = await begin(app, world.tenant_id, upload, MAPPING, now=world.now, dealer_id=world.dealer)
        done = await to_the_end(worker, world.tenant_id, made, now=world.now)
    assert (done.status, done.rows) == ("COMPLETED", 4)
    with io.StringIO(newline="") as file:
        await write_report(worker, world.tenant_id, made, file)
        written = file.getvalue()
    yield world.id("Batch", made), written
    for each in (app, worker):
        await each.close()


async def get(app: httpx.AsyncClient, id_: str, token: str | None, method: str = "GET") -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await app.request(method, f"/batches/{id_}/report.csv", headers={**headers, "x-request-id": "the-same-id"})


@pytest.mark.parametrize("page", [1, 3, 5_000])
async def test_every_lost_cell_is_named(
    app: httpx.AsyncClient, world: World, batch: tuple[str, str], page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (report, reports):
        monkeypatch.setattr(module, "PAGE", page)
    token, _ = await signed_in(world, Role.OPS)
    answer = await get(app, batch[0], token)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="report.csv"'
    header, *rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert header == ["row", "column", "value", "reason", "outcome"]
    assert [[*row[:3], row[4]] for row in rows] == LOST
    assert all(row[3] for row in rows)
    assert rows == list(csv.reader(io.StringIO(batch[1], newline="")))[1:]  # the command says the same
    empty = await get(app, batch[0], token, "HEAD")
    assert (empty.status_code, empty.content, empty.headers["content-type"]) == (
        200,
        b"",
        answer.headers["content-type"],
    )


async def test_whoever_does_not_see_the_batch_gets_nothing(
    app: httpx.AsyncClient, souk: Souk, world: World, batch: tuple[str, str]
) -> None:
    ops, _ = await signed_in(world, Role.OPS)
    dealer, _ = await signed_in(world, Role.DEALER)
    customer, _ = await signed_in(world, Role.CUSTOMER)
    foreign, _ = await signed_in(await make_world(souk), Role.OWNER)

    async def told(token: str | None, id_: str = batch[0], method: str = "GET") -> tuple[int, str, bytes]:
        answer = await get(app, id_, token, method)
        return answer.status_code, answer.json()["errors"][0]["extensions"]["code"], answer.content

    unknown = await told(ops, world.id("Batch", world.dealer))
    assert unknown[:2] == (404, "BAD_REQUEST")
    assert await told(foreign) == unknown  # another tenant's is as one that is nowhere
    assert await told(dealer) == unknown  # and so is somebody else's
    assert await told(ops, world.id("Dealer", world.dealer)) == unknown
    assert await told(ops, "nonsense") == unknown
    assert await told(customer) == unknown
    slug = {"x-souk-tenant": f"t-{world.tenant_id.hex[:12]}"}
    visitor = await app.get(f"/batches/{batch[0]}/report.csv", headers=slug)
    assert (visitor.status_code, visitor.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")
    assert (await told(None))[:2] == (401, "UNAUTHENTICATED")
    assert (await told(ops, method="POST"))[:2] == (405, "BAD_REQUEST")


async def test_of_an_enforcement_it_names_every_item_and_no_cell_is_a_formula(
    app: httpx.AsyncClient, world: World, worker_db: Database
) -> None:
    shop = Shop(world, worker_db)
    for dealer in (world.dealer, world.other_dealer):
        await shop.breach(dealer)
    batch = (await shop.create())["batch"]["id"]
    await shop.act(Role.OPS, "batchStart", batch)
    await shop.work(batch)
    async with world.souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        await connection.execute(text("UPDATE dealer SET name = '=cmd()' WHERE id = :id"), {"id": world.other_dealer})
    token, _ = await signed_in(world, Role.OPS)
    answer = await get(app, batch, token)
    header, *rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert header == [
        "item", "action", "target", "dealer", "status", "outcome", "error", "reason", "impact", "currency", "settled",
    ]  # fmt: skip
    assert [row[:10] for row in rows] == [
        [str(n), "SEND_WARNING", alert, dealer, "SUCCEEDED", "WARNED", "", "", "1000.00", "INR"]
        for n, (alert, dealer) in enumerate(zip(shop.ids(), ("First Motors", "'=cmd()"), strict=True), 1)
    ]
    assert all(row[10].startswith("2026-11-22T09:") and row[10].endswith("Z") for row in rows)
