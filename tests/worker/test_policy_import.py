"""`pricePolicyImport`: policies out of a file by its columns, as a preview that becomes a batch."""

from datetime import UTC, datetime
from typing import Any

import pytest

from souk.engine.symbols import read_id, write_id
from souk.models import Sku, new_id
from souk.rules.actor import Role
from souk.worker.bringing import to_the_end, upload_file
from tests.worker.bringing import Bring, counts

PREVIEW = "preview { id kind total actionable warnings }"
FILE = """code,list price,what,money,from
PH-1,1299.00,MAP,INR,2026-03-01
PH-2,1000.05,MAP,INR,2026-04-01
PH-3,649,MRP_FLOOR,INR,2026-03-01
PH-4,on request,MAP,INR,2026-03-01
"""


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


async def asked(bring: Bring, who: Role = Role.ADMIN, *, content: str = FILE, **given: Any) -> Any:
    app, _, files = bring.doors
    world = bring.world
    path = bring.path / "policies.csv"
    path.write_text(content)
    upload = await upload_file(app, files, world.tenant_id, path, now=world.now, limit=10_000)
    world.souk.app.files = files
    columns = {"skuColumn": "code", "amountColumn": "list price", "uploadId": write_id("Upload", upload.id)}
    return await world.do(who, "pricePolicyImport", PREVIEW, **columns | given)


async def imported(bring: Bring, **given: Any) -> Any:
    world = bring.world
    await world.add(*(Sku(id=new_id(), code=f"PH-{n}", name=f"Thing {n}", currency="INR") for n in range(1, 5)))
    payload = await asked(bring, **given)
    assert payload["userErrors"] == []
    preview = payload["preview"]
    made = await world.do(
        Role.ADMIN, "batchCreate", "batch { id }", previewId=preview["id"], idempotencyKey=world.key()
    )
    id_ = made["batch"]["id"]
    await world.do(Role.ADMIN, "batchStart", "batch { status }", id=id_, idempotencyKey=world.key())
    batch = read_id(id_)
    assert batch is not None
    return preview, await to_the_end(bring.doors[1], world.tenant_id, batch.row_id, now=world.now)


POLICIES = """
SELECT s.code, p.kind, p.currency, p.amount_minor, p.tolerance_bp, p.valid_from
FROM price_policy p JOIN sku s ON s.tenant_id = p.tenant_id AND s.id = p.sku_id ORDER BY s.code
"""


async def test_a_map_of_nine_tenths_of_a_column(bring: Bring) -> None:
    since = datetime(2026, 5, 1, tzinfo=UTC)
    preview, done = await imported(
        bring, times="0.9", kind="MAP", currencyCode="INR", validFrom=since.isoformat(), toleranceBp=50
    )
    assert (preview["kind"], preview["total"], preview["actionable"]) == ("IMPORT", 4, 3)
    assert preview["warnings"] == ["1 rows are refused: they lack what they need."]
    assert counts(done)[:6] == ("COMPLETED", 4, 3, 0, 0, 1)
    assert await bring.world.rows(POLICIES) == [
        ("PH-1", "MAP", "INR", 116_910, 50, since),
        ("PH-2", "MAP", "INR", 90_005, 50, since),  # 900.045 is not allowed, 900.05 is
        ("PH-3", "MAP", "INR", 58_410, 50, since),
    ]


async def test_columns_say_what_differs_from_row_to_row(bring: Bring) -> None:
    columns = {"kindColumn": "what", "currencyColumn": "money", "validFromColumn": "from", "timezone": "Asia/Kolkata"}
    _, done = await imported(bring, **columns)
    assert counts(done)[:6] == ("COMPLETED", 4, 3, 0, 0, 1)
    march, april = datetime(2026, 2, 28, 18, 30, tzinfo=UTC), datetime(2026, 3, 31, 18, 30, tzinfo=UTC)
    assert await bring.world.rows(POLICIES) == [
        ("PH-1", "MAP", "INR", 129_900, 0, march),
        ("PH-2", "MAP", "INR", 100_005, 0, april),
        ("PH-3", "MRP_FLOOR", "INR", 64_900, 0, march),
    ]


KNOWN = {"kind": "MAP", "currencyCode": "INR"}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, [("REQUIRED", ["kind"]), ("REQUIRED", ["currencyCode"])]),
        (KNOWN | {"times": "0"}, [("INVALID", ["times"])]),
        (KNOWN | {"times": "-0.9"}, [("INVALID", ["times"])]),
        (KNOWN | {"toleranceBp": 10_001}, [("OUT_OF_RANGE", ["toleranceBp"])]),
        (KNOWN | {"toleranceBp": -1}, [("OUT_OF_RANGE", ["toleranceBp"])]),
        (KNOWN | {"skuColumn": ""}, [("INVALID", ["skuColumn"])]),
        (KNOWN | {"timezone": "Mars/Olympus"}, [("INVALID", ["timezone"])]),
        (KNOWN | {"amountColumn": "mrp"}, [("INVALID", ["uploadId"])]),
        (KNOWN | {"amountColumn": 'a"\nwhat = "SALES'}, [("INVALID", ["uploadId"])]),
        (KNOWN | {"uploadId": write_id("Upload", new_id())}, [("NOT_FOUND", ["uploadId"])]),
    ],
)
async def test_what_is_wrong_is_told_where_it_was_said(bring: Bring, given: Any, wrong: Any) -> None:
    payload = await asked(bring, **given)
    assert payload["preview"] is None
    assert [(each["code"], each["field"]) for each in payload["userErrors"]] == wrong
    assert await bring.world.rows("SELECT count(*) FROM batch_preview") == [(0,)]


@pytest.mark.parametrize(
    ("who", "may"), [(Role.OWNER, True), (Role.ADMIN, True), (Role.OPS, False), (Role.SALES, False)]
)
async def test_who_may_not_write_policies_may_not_import_them(bring: Bring, who: Role, may: bool) -> None:
    app, _, files = bring.doors
    path = bring.path / "policies.csv"
    path.write_text(FILE)
    upload = await upload_file(app, files, bring.world.tenant_id, path, now=bring.world.now, limit=10_000)
    bring.world.souk.app.files = files
    document = "mutation($i: PricePolicyImportInput!) { pricePolicyImport(input: $i) { preview { total } } }"
    columns = {"skuColumn": "code", "amountColumn": "list price"}
    given = {"uploadId": write_id("Upload", upload.id), **columns, **KNOWN}
    answer = await bring.world.ask(who, document, {"i": given})
    if may:
        assert answer["data"] == {"pricePolicyImport": {"preview": {"total": 4}}}
    else:
        assert answer["data"] == {"pricePolicyImport": None}
        assert [each["extensions"]["code"] for each in answer["errors"]] == ["FORBIDDEN"]
        assert await bring.world.rows("SELECT count(*) FROM batch_preview") == [(0,)]
