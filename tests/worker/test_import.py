"""The listing import over the batch engine: exact counts, exact warnings, and nothing on the second run."""

import csv
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from souk.models import DealerRestriction, PricePolicy, PricePolicyVersion, Sku, new_id
from souk.worker.batch import RUN, step
from souk.worker.bringing import begin, upload_file, write_report
from souk.worker.importing import ROWS
from souk.worker.loop import Worker
from tests.worker.bringing import Bring, counts

DATA = Path(__file__).parents[2] / "souk" / "worker" / "data"


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


async def test_the_shipped_file_and_again(bring: Bring, size: Any, tmp_path: Path) -> None:
    world, whole = bring.world, DATA / "india_used_bikes_bikes.csv"
    rows, priced, warned = size((1_000, 1_000, 290), (7_857, 7_826, 2_107))
    file = tmp_path / "bikes.csv"
    with whole.open(newline="") as given, file.open("w", newline="") as taken:
        csv.writer(taken).writerows(islice(csv.reader(given), 1 + rows))
    found = await bring(file, "used_bikes", world.dealer)
    assert counts(found) == ("COMPLETED", rows, rows, 0, 0, 0, warned)
    live = "SELECT status, count(*), count(price_minor) FROM listing GROUP BY 1"
    before = await world.rows(live)
    assert before == [("ACTIVE", rows, priced)]
    again = await bring(file, "used_bikes", world.dealer)
    assert counts(again) == ("COMPLETED", rows, 0, 0, rows, 0, warned)
    assert await world.rows(live) == before
    assert await world.rows("SELECT max(version), max(updated_at) FROM listing") == [(1, world.now)]


MAPPING = """
name = "mine"
kind = "VEHICLE"
currency = "INR"
key = ["id"]
dealer = "seller"
[fields.title]
from = "name"
[fields.price]
from = "price"
[fields.km]
from = "driven"
[fields.sku]
from = "sku"
"""
HEADER = "id;name;price;driven;seller;sku\r\n"


async def test_rows_with_a_key_are_created_changed_left_alone_or_refused(bring: Bring) -> None:
    world = bring.world
    first = HEADER + (
        "1;Honda CB Shine;Rs. 1.2 lakh;17000 Km;Second Motors;\r\n"
        "2;Hero Splendor;Call;;first motors;\r\n"
        "3;;50000;1;Second Motors;\r\n"
        "4;TVS Apache;much;1;Second Motors;\r\n"
        "5;KTM Duke;90000;many;Nobody;\r\n"
        "1;Honda CB Shine;Rs. 1.2 lakh;17000 Km;Second Motors;\r\n"
        "2;Hero Splendor Plus;60000;;first motors;\r\n"
    )
    found = await bring(b"\xef\xbb\xbf" + first.encode(), MAPPING)
    assert counts(found) == ("COMPLETED", 7, 2, 1, 1, 3, 0)
    listed = "SELECT title, price_minor, dealer_id, status, version FROM listing ORDER BY title"
    assert await world.rows(listed) == [
        ("Hero Splendor Plus", 6_000_000, world.dealer, "ACTIVE", 1),
        ("Honda CB Shine", 12_000_000, world.other_dealer, "ACTIVE", 1),
    ]
    lost = (
        "SELECT n, outcome, w ->> 'column', w ->> 'value' FROM batch_item, jsonb_array_elements(warnings) w ORDER BY n"
    )
    assert await world.rows(lost) == [
        (3, "REFUSED", "name", ""), (4, "REFUSED", "price", "much"), (5, "REFUSED", "driven", "many"),
        (5, "REFUSED", "seller", "Nobody"),
    ]  # fmt: skip
    events = "SELECT type, count(*) FROM domain_event WHERE subject_type = 'Listing' GROUP BY 1"
    assert await world.rows(events) == [("listing.imported", 2)]
    assert await world.rows(
        "SELECT kind, count(*) FROM souk.work WHERE tenant_id = :t GROUP BY 1 ORDER BY 1", t=world.tenant_id
    ) == [("listing.expiry", 2), ("upload.expiry", 1)]

    second = first.replace("17000 Km", "18000 Km").replace("2;Hero Splendor;Call;;first motors;\r\n", "")
    found = await bring(second.encode(), MAPPING)
    assert counts(found) == ("COMPLETED", 6, 0, 1, 2, 3, 0)
    assert await world.rows("SELECT l.version, d.km FROM listing l JOIN vehicle_detail d USING (tenant_id, id) ORDER BY 2") == [
        (2, 18_000), (1, None)
    ]  # fmt: skip
    images = "SELECT a.changes FROM audit_event a ORDER BY seq DESC LIMIT 1"
    (changes,) = (await world.rows(images))[0]
    assert [columns for name, columns in changes.items() if name.startswith("Listing")] == [{"km": [17_000, 18_000]}]


async def test_a_listing_that_is_fixed_is_not_changed(bring: Bring) -> None:
    world, row = bring.world, "1;Honda CB Shine;50000;;First Motors;\r\n"
    await bring((HEADER + row).encode(), MAPPING)
    await world.rows("UPDATE listing SET status = 'RESERVED' RETURNING id")
    found = await bring((HEADER + row.replace("50000", "60000")).encode(), MAPPING)
    assert counts(found) == ("COMPLETED", 1, 0, 0, 0, 1, 0)
    assert await world.rows("SELECT price_minor FROM listing") == [(5_000_000,)]
    assert await world.rows("SELECT error_message FROM batch_item WHERE outcome = 'REFUSED'") == [
        ("row: the listing is RESERVED.",)
    ]


async def test_only_a_verified_dealer_in_order_goes_live_by_itself(bring: Bring) -> None:
    world = bring.world
    await world.rows("UPDATE dealer SET verification = 'PENDING' WHERE id = :id RETURNING id", id=world.dealer)
    await world.rows("UPDATE dealer SET standing = 'SUSPENDED' WHERE id = :id RETURNING id", id=world.other_dealer)
    rows = "1;Honda CB Shine;50000;;First Motors;\r\n2;KTM Duke;60000;;Second Motors;\r\n"
    assert counts(await bring((HEADER + rows).encode(), MAPPING)) == ("COMPLETED", 2, 2, 0, 0, 0, 1)
    listed = "SELECT title, status, expires_at IS NULL FROM listing ORDER BY title"
    assert await world.rows(listed) == [("Honda CB Shine", "PENDING_REVIEW", True), ("KTM Duke", "DRAFT", True)]


async def test_a_price_past_the_policy_of_its_sku_raises_an_alert(bring: Bring) -> None:
    world = bring.world
    sku, policy = Sku(id=new_id(), code="CB", name="CB", currency="INR"), new_id()
    limit = {
        "currency": "INR",
        "amount_minor": 5_000_000,
        "tolerance_bp": 0,
        "tolerance_minor": 0,
        "valid_from": world.now,
    }
    await world.add(
        sku,
        PricePolicy(id=policy, sku_id=sku.id, kind="MAP", head_version=1, **limit),
        PricePolicyVersion(id=new_id(), policy_id=policy, n=1, recorded_at=world.now, **limit),
    )
    rows = "1;Honda CB Shine;40000;;First Motors;CB\r\n2;Honda CB;60000;;Second Motors;CB\r\n3;Other;1;;Second Motors;XX\r\n"
    assert counts(await bring((HEADER + rows).encode(), MAPPING)) == ("COMPLETED", 3, 3, 0, 0, 0, 1)
    assert await world.rows("SELECT kind, dealer_id, price_minor FROM alert") == [
        ("MAP_BREACH", world.dealer, 4_000_000)
    ]


async def test_the_report_names_row_column_value_and_reason(bring: Bring, tmp_path: Path) -> None:
    rows = "1;Honda CB Shine;50000;=1+1;First Motors;\r\n2;;1;;First Motors;\r\n"
    found = await bring((HEADER + rows).encode(), MAPPING)
    path = tmp_path / "report.csv"
    with path.open("w", newline="") as file:
        await write_report(bring.doors[1], bring.world.tenant_id, found.batch_id, file)
    assert path.read_text().splitlines()[0] == "row,column,value,reason,outcome"
    assert [line.split(",")[:3] for line in path.read_text().splitlines()[1:]] == [
        ["1", "driven", "'=1+1"],
        ["2", "name", ""],
    ]


async def begun(bring: Bring, rows: int) -> tuple[UUID, Path]:
    """An import of so many rows, and where its file is kept."""
    app, _, files = bring.doors
    world, path = bring.world, bring.path / "rows.csv"
    path.write_text(
        "id;name;price;driven;seller;sku\n" + "".join(f"{n};Bike {n};50000;;;\n" for n in range(1, rows + 1))
    )
    upload = await upload_file(app, files, world.tenant_id, path, now=world.now, limit=10_000_000)
    batch = await begin(app, world.tenant_id, upload, MAPPING, now=world.now, dealer_id=world.dealer)
    return batch, bring.path / "files" / upload.stored_as


@pytest.mark.parametrize(
    ("rows", "read", "status", "failed", "pending"),
    [
        (5, 0, "COMPLETED_WITH_ERRORS", 5, 0),
        (60, 40, "COMPLETED_WITH_ERRORS", 20, 0),
        (300, 40, "FAILED", 100, 160),  # too many: nothing more is taken
    ],
)
async def test_a_file_that_is_gone_ends_the_batch(
    bring: Bring, rows: int, read: int, status: str, failed: int, pending: int
) -> None:
    """By a worker's own loop, which would put it off for ever."""
    world, worker = bring.world, bring.doors[1]
    batch, kept = await begun(bring, rows)
    if read:
        await step(worker, world.tenant_id, batch, now=world.now, size=read)
    kept.unlink()
    ROWS.forget(batch)  # another worker, or the same one after a while
    loop = Worker(worker, clock=lambda: world.now)
    loop.pacemaker.size = lambda _: 100  # type: ignore[method-assign]
    (held,) = [await loop.queue.take(world.tenant_id, RUN, batch, world.now)]
    assert held is not None
    await loop._serve(held)
    counts_ = "SELECT status, total, succeeded, failed, pending, waiting, dead FROM batch"
    assert await world.rows(counts_) == [(status, rows, read, failed, pending, 0, 0)]
    told = "SELECT n, error_code, error_message, attempt FROM batch_item WHERE status = 'FAILED' ORDER BY n"
    lost = [(n, "NOT_FOUND", "The file is no longer kept.", 1) for n in range(read + 1, read + failed + 1)]
    assert await world.rows(told) == lost
    assert await world.rows("SELECT count(*) FROM listing") == [(read,)]
    due = "SELECT kind FROM souk.work WHERE tenant_id = :t AND ref = :b"
    assert await world.rows(due, t=world.tenant_id, b=batch) == [], "and it does not come again"


@pytest.mark.parametrize(("kind", "status", "warnings"), [("LISTING_RESUME", "DRAFT", 1), ("OFFER", "ACTIVE", 0)])
async def test_what_a_dealer_that_may_not_list_brings_in_are_drafts(
    bring: Bring, kind: str, status: str, warnings: int
) -> None:
    world = bring.world
    lacked = {"dealer_id": world.dealer, "reason": "Below the agreed price.", "since": world.now}
    await world.add(DealerRestriction(id=new_id(), kind=kind, **lacked))
    rows = HEADER + "1;Honda CB Shine;60000;1;first motors;\r\n2;Hero Splendor;50000;1;second motors;\r\n"
    found = await bring(rows.encode(), MAPPING)
    assert counts(found) == ("COMPLETED", 2, 2, 0, 0, 0, warnings)
    assert await world.rows("SELECT title, status FROM listing ORDER BY title") == [
        ("Hero Splendor", "ACTIVE"), ("Honda CB Shine", status),
    ]  # fmt: skip
    told = await world.rows("SELECT warnings -> 0 ->> 'reason' FROM batch_item WHERE warnings <> '[]'")
    assert told == [("the dealer may not list now: a draft",)] * warnings
