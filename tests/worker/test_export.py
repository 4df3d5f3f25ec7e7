"""Exports: exact bytes, nothing that its creator may not read, the same file whatever happens meanwhile."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

import openpyxl
import pytest
import pytest_asyncio

from souk.db.session import system_actor
from souk.models import (
    Alert,
    MembershipTeam,
    Offer,
    ServiceToken,
    Sku,
    Task,
    Team,
    Ticket,
    VehicleDetail,
    new_id,
)
from souk.resolvers.export import expire, reading
from souk.resolvers.export.reading import Reader
from souk.rules import export as rules
from souk.rules.actor import Actor, Role
from souk.worker import batch as engine
from tests.resolvers.listings import listing
from tests.worker.exported import Exporting
from tests.world import NOW, World


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


@pytest_asyncio.fixture
async def export(world: World, doors: Any) -> Exporting:
    return Exporting(world, doors[1], doors[2])


def id_of(n: int) -> UUID:
    return UUID(int=n)


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


async def shelf(world: World) -> None:
    """Three listings of two dealers, of which one has texts that a spreadsheet would run."""
    await world.add(
        listing(
            world, '=HYPERLINK("x")', id=id_of(1), created_at=NOW - timedelta(days=3), description="+1, or\nmore",
            floor_minor=9_050, city="@Pune",
        ),
        listing(world, "Draft, \u0939\u093f\u0928\u094d\u0926\u0940", id=id_of(2), created_at=NOW - timedelta(days=2), status="DRAFT", price=None, kind="VEHICLE"),
        listing(world, "Of others", id=id_of(3), created_at=NOW - timedelta(days=1), dealer_id=world.other_dealer, currency="JPY", price=250),
    )  # fmt: skip
    await world.add(VehicleDetail(id=id_of(2), make="Hero", make_key="hero", year=2015))


async def test_the_bytes_of_listings(world: World, export: Exporting) -> None:
    await shelf(world)
    columns = [
        "id",
        "status",
        "title",
        "description",
        "price",
        "floor",
        "negotiable",
        "city",
        "vehicle.make",
        "vehicle.year",
        "dealer",
        "createdAt",
        "version",
    ]
    content = await export(Role.OPS, "LISTINGS", columns=columns)
    first, second = world.id("Dealer", world.dealer), world.id("Dealer", world.other_dealer)
    assert content.decode() == (
        "id,status,title,description,price,priceCurrency,floor,floorCurrency,negotiable,city,vehicle.make,vehicle.year,"
        "dealerId,dealerName,createdAt,version\r\n"
        f"""{world.id("Listing", id_of(1))},ACTIVE,"'=HYPERLINK(""x"")","'+1, or\nmore",100.00,INR,90.50,INR,true,'@Pune,,,"""
        f"{first},First Motors,2026-11-19T09:00:00Z,1\r\n"
        f'{world.id("Listing", id_of(2))},DRAFT,"Draft, हिन्दी",,,,,,true,,Hero,2015,{first},First Motors,2026-11-20T09:00:00Z,1\r\n'
        f"{world.id('Listing', id_of(3))},ACTIVE,Of others,,250,JPY,,,true,,,,{second},Second Motors,2026-11-21T09:00:00Z,1\r\n"
    )


async def test_a_dealer_gets_its_own_rows_and_a_customer_no_column_of_the_inside(
    world: World, export: Exporting
) -> None:
    await shelf(world)
    heading, *rows = table(await export(Role.DEALER, "LISTINGS"))
    assert [row[0] for row in rows] == [world.id("Listing", id_of(n)) for n in (1, 2)]
    assert rows[0][heading.index("floor")] == "90.50"
    heading, *rows = table(await export(world.other_dealer_actor, "LISTINGS"))
    assert [row[heading.index("title")] for row in rows] == ["Of others"]
    heading, *rows = table(await export(Role.CUSTOMER, "LISTINGS"))
    inside = {"floor", "autoAccept", "autoDecline", "statusReason"}
    assert (inside & set(heading), rows) == (set(), [])
    token = world.service("batch:export", "batch:read", "listing:read")
    heading, *rows = table(await as_token(world, export, token, "LISTINGS"))
    assert not inside & set(heading)
    assert [row[heading.index("title")] for row in rows] == ['\'=HYPERLINK("x")', "Of others"]


async def as_token(world: World, export: Exporting, token: Actor, list_: str) -> bytes:
    row = ServiceToken(
        id=token.token_id, name="Feed", prefix="feed", hash=new_id().bytes, scopes=sorted(token.scopes), expires_at=NOW + timedelta(days=9),
    )  # fmt: skip
    await world.add(row)
    return await export(token, list_)


async def test_the_bytes_of_alerts(world: World, export: Exporting) -> None:
    thing = Sku(id=new_id(), code="CB", name="CB", currency="INR")
    await world.add(thing)
    for n, (dealer, told) in enumerate(((world.dealer, NOW), (world.dealer, None), (world.other_dealer, NOW)), 1):
        await world.add(
            Alert(
                id=id_of(n), kind="MAP_BREACH", status="RESOLVED" if n == 2 else "OPEN", resolved_at=NOW if n == 2 else None, severity="HIGH", score_tenths=725, cycle=n, dealer_id=dealer, sku_id=thing.id,
                price_minor=85_000, policy_minor=100_000, currency="INR", impact={}, impact_minor=-1_250 * n, first_seen_at=NOW, last_seen_at=NOW,
                notice_sent_at=told, created_at=NOW - timedelta(days=9 - n),
            )
        )  # fmt: skip
    columns = ["score", "cycle", "sku", "price", "limit", "atRisk", "noticeSentAt", "resolvedAt"]
    heading = "score,cycle,skuId,skuCode,price,priceCurrency,limit,limitCurrency,atRisk,atRiskCurrency,noticeSentAt,resolvedAt\r\n"
    rows = [
        f"72.5,{n},{world.id('Sku', thing.id)},CB,850.00,INR,1000.00,INR,{risk},INR,{told},{'2026-11-22T09:00:00Z' if n == 2 else ''}\r\n"
        for n, risk, told in (
            (1, "-12.50", "2026-11-22T09:00:00Z"),
            (2, "-25.00", ""),
            (3, "-37.50", "2026-11-22T09:00:00Z"),
        )
    ]
    assert (await export(Role.ADMIN, "ALERTS", columns=columns)).decode() == heading + "".join(rows)
    assert (await export(Role.DEALER, "ALERTS", columns=columns)).decode() == heading + rows[0]
    many = await export(
        Role.OPS, "ALERTS", columns=columns[:2], filter={"minCycle": 2, "dealerId": world.id("Dealer", world.dealer)}
    )
    assert many == b"score,cycle\r\n72.5,2\r\n"


async def test_the_bytes_of_offers(world: World, export: Exporting) -> None:
    await shelf(world)
    given: dict[str, Any] = {
        "direction": "BUY", "head_party": "PROPOSER", "currency": "INR", "listing_id": id_of(1), "owner_dealer_id": world.dealer,
        "expires_at": NOW + timedelta(days=1),
    }  # fmt: skip
    people = (
        {"proposer_user_id": world.actors[Role.CUSTOMER].user_id},
        {"proposer_dealer_id": world.other_dealer, "proposer_user_id": world.other_dealer_actor.user_id},
    )
    for n, who in enumerate(people, 1):
        offer = Offer(
            id=id_of(n),
            status="PENDING",
            amount_minor=n,
            proposer_amount_minor=n,
            created_at=NOW - timedelta(hours=9 - n),
            **given,
            **who,
        )
        await world.add(offer)
    columns = ["id", "status", "amount", "proposerDealer", "createdAt"]
    heading = "id,status,amount,amountCurrency,proposerDealerId,proposerDealerName,createdAt\r\n"
    first = f"{world.id('Offer', id_of(1))},PENDING,0.01,INR,,,2026-11-22T01:00:00Z\r\n"
    second = f"{world.id('Offer', id_of(2))},PENDING,0.02,INR,{world.id('Dealer', world.other_dealer)},Second Motors,2026-11-22T02:00:00Z\r\n"
    assert (await export(Role.DEALER, "OFFERS", columns=columns)).decode() == heading + first + second
    assert (await export(world.other_dealer_actor, "OFFERS", columns=columns)).decode() == heading + second
    assert (await export(Role.CUSTOMER, "OFFERS", columns=columns)).decode() == heading + first


async def test_a_workbook_holds_the_same_cells_and_runs_none_of_them(world: World, export: Exporting) -> None:
    await shelf(world)
    columns = ["title", "price", "negotiable", "capacity", "createdAt", "version"]
    batch = await export.ask(Role.OPS, "LISTINGS", columns=columns, format="XLSX")
    await export.to_end(batch)
    content = await export.content(batch)
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert sheet is not None
    assert list(sheet.iter_rows(values_only=True)) == [
        ("title", "price", "priceCurrency", "negotiable", "capacity", "createdAt", "version"),
        ('\'=HYPERLINK("x")', 100, "INR", True, None, "2026-11-19T09:00:00Z", 1),
        ("Draft, हिन्दी", None, None, True, None, "2026-11-20T09:00:00Z", 1),
        ("Of others", 250, "JPY", True, None, "2026-11-21T09:00:00Z", 1),
    ]
    assert (sheet["A2"].data_type, sheet["B2"].number_format, sheet["B4"].number_format) == ("s", "0.00", "General")
    row = await export.row(batch)
    assert (row.row_count, row.size, row.sha256, row.name) == (
        3,
        len(content),
        sha256(content).digest(),
        "listings-2026-11-22.xlsx",
    )
    assert await export(Role.OPS, "LISTINGS", columns=columns, format="XLSX") == content


async def shelves(world: World, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Listings that make slices of three."""
    for module in (rules, reading):
        monkeypatch.setattr(module, "SLICE", 3)
    await world.add(
        *(
            listing(world, f"Thing {n}", id=id_of(n), created_at=NOW - timedelta(hours=n // 2))
            for n in range(1, rows + 1)
        )
    )


async def test_a_step_that_comes_to_no_commit_leaves_nothing_and_the_file_is_the_same(
    world: World, export: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelves(world, monkeypatch, 20)
    told = {"columns": ["id", "title", "price"]}
    whole = await export(Role.OPS, "LISTINGS", **told)
    assert len(table(whole)) == len({row[0] for row in table(whole)}) == 21
    batch, seen = await export.ask(Role.OPS, "LISTINGS", **told), []
    due: Any = world.now
    while due is not None:
        with monkeypatch.context() as patch:
            patch.setattr(engine, "finish", _killed)
            with pytest.raises(RuntimeError, match="killed"):
                await export.step(batch)
        due = await export.step(batch)
        (row,) = await world.rows("SELECT total, succeeded, pending FROM batch WHERE id = :id", id=batch)
        seen.append(tuple(row))
    assert seen == [(8, 5, 3), (8, 7, 1), (8, 8, 0)]
    assert await export.content(batch) == whole
    assert await world.rows("SELECT count(*) FROM export_part") == [(0,)]
    stored = [each for each in export.files.root.rglob("*") if each.is_file()]
    assert len(stored) == 2


async def _killed(*_: Any) -> bool:
    raise RuntimeError("killed")


async def test_a_slice_that_is_tried_again_keeps_the_file_waiting(
    world: World, export: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelves(world, monkeypatch, 7)
    whole = await export(Role.OPS, "LISTINGS", columns=["title"])
    batch, read = await export.ask(Role.OPS, "LISTINGS", columns=["title"]), Reader.rows

    async def fails_at_first(self: Reader, tx: Any, after: Any, upto: Any) -> Any:
        if after is not None and after.id == id_of(4) and tx.now == NOW:
            raise OSError("no")
        return await read(self, tx, after, upto)

    monkeypatch.setattr(Reader, "rows", fails_at_first)
    row = await export.to_end(batch)
    assert (row.status, row.total, row.succeeded) == ("COMPLETED", 4, 4)
    again = "SELECT n, attempt FROM batch_item WHERE batch_id = :id AND attempt > 1 ORDER BY n"
    assert await world.rows(again, id=batch) == [(2, 2), (4, 2)]
    assert await export.content(batch) == whole


@pytest.mark.parametrize("what", ["ended_at = now()", "role = 'SALES'"])
async def test_whoever_lost_the_right_gets_an_ended_batch_and_no_file(
    world: World, export: Exporting, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    await shelves(world, monkeypatch, 20)
    batch = await export.ask(Role.OPS, "LISTINGS")
    await export.step(batch)
    await world.rows(
        f"UPDATE membership SET {what} WHERE id = :id RETURNING id", id=world.actors[Role.OPS].membership_id
    )
    row = await export.to_end(batch)
    assert (row.status, row.succeeded, row.skipped, row.pending) == ("COMPLETED", 5, row.total - 5, 0)
    codes = "SELECT DISTINCT error_code FROM batch_item WHERE batch_id = :id AND status = 'SKIPPED'"
    assert await world.rows(codes, id=batch) == [("FORBIDDEN",)]
    kept = await export.row(batch)
    assert (kept.stored_as, kept.sha256, list(export.files.root.rglob("*"))) == (None, None, [])


async def expired(world: World, export: Exporting, batch: UUID, after: timedelta) -> None:
    async with export.worker.transaction(system_actor(world.tenant_id), "timer", now=NOW + after, system=True) as tx:
        await expire(tx, (await export.row(batch)).id)


async def test_a_cancelled_one_has_no_file_and_what_was_read_goes(
    world: World, export: Exporting, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelves(world, monkeypatch, 20)
    batch = await export.ask(Role.OPS, "LISTINGS")
    await export.step(batch)
    await expired(world, export, batch, timedelta(days=1))  # it still runs
    assert await world.rows("SELECT count(*) FROM export_part") == [(5,)]
    await world.do(Role.OPS, "batchCancel", "batch { status }", id=world.id("Batch", batch), idempotencyKey=world.key())
    assert (await export.to_end(batch)).status == "CANCELLED"
    back = await world.do(
        Role.OPS, "batchRollback", "batch { status }", id=world.id("Batch", batch), idempotencyKey=world.key()
    )
    assert back["userErrors"][0]["code"] == "FORBIDDEN"
    await expired(world, export, batch, timedelta(days=2))
    assert await world.rows("SELECT count(*) FROM export_part") == [(0,)]


async def test_the_file_is_told_to_its_creator_and_goes_after_its_days(world: World, export: Exporting) -> None:
    await shelf(world)
    batch = await export.ask(Role.OPS, "LISTINGS", columns=["title"], title="The shelf")
    id_ = world.id("Batch", batch)
    document = "query($id: ID!) { batch(id: $id) { title export { list format columns name rows bytes sha256 expiresAt url } } }"

    async def told(who: Role = Role.OPS) -> Any:
        return (await world.data(who, document, {"id": id_}))["batch"]["export"]

    made = {"list": "LISTINGS", "format": "CSV", "columns": ["title"], "name": "listings-2026-11-22.csv"}
    nothing = dict.fromkeys(("rows", "bytes", "sha256", "expiresAt", "url"))
    assert await told() == made | nothing
    await export.to_end(batch)
    content = await export.content(batch)
    whole = made | {
        "rows": "3",
        "bytes": str(len(content)),
        "sha256": sha256(content).hexdigest(),
        "expiresAt": "2026-11-29T09:00:00Z",
    }
    assert await told() == whole | {"url": f"/exports/{id_}"}
    assert await told(Role.OWNER) is None  # who sees the batch sees no file of another's
    await expired(world, export, batch, timedelta(days=6))
    assert await told() == whole | {"url": f"/exports/{id_}"}
    await expired(world, export, batch, timedelta(days=7))
    assert (await told(), [each for each in export.files.root.rglob("*") if each.is_file()]) == (
        whole | {"url": None},
        [],
    )
    due = "SELECT count(*) FROM souk.work WHERE tenant_id = :t AND kind = 'export.expiry'"
    assert await world.rows(due, t=world.tenant_id) == [(1,)]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"filter": {"status": ["NOWHERE"]}}, "at .status[0]: Value 'NOWHERE' does not exist in 'ListingStatus' enum."),
        ({"filter": {"colour": "red"}}, "not to include unknown field 'colour'"),
        ({"filter": ["ACTIVE"]}, "to be an object"),
        ({"filter": {"minPrice": {"amount": "1.234", "currencyCode": "INR"}}}, "2 digits"),
        ({"columns": ["title", "nope"]}, "LISTINGS has no column 'nope'; it has id, kind, status"),
        ({"columns": []}, "Name the columns"),
    ],
)
async def test_what_is_asked_wrongly_is_refused_with_the_reason(world: World, more: Any, reason: str) -> None:
    given = {"list": "LISTINGS", "format": "CSV", "idempotencyKey": world.key(), **more}
    document = "mutation($i: ExportCreateInput!) { exportCreate(input: $i) { userErrors { code } } }"
    found = await world.ask(Role.OPS, document, {"i": given})
    assert found["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert reason in found["errors"][0]["message"]
    assert await world.rows("SELECT id FROM batch") == []


async def test_what_one_may_not_read_one_may_not_export(world: World) -> None:
    async def refused(who: Role | Actor, list_: str, **more: Any) -> Any:
        payload = await world.do(
            who, "exportCreate", "batch { id }", list=list_, format="CSV", idempotencyKey=world.key(), **more
        )
        return [(each["code"], each["field"]) for each in payload["userErrors"]]

    assert await refused(Role.CUSTOMER, "LISTINGS", columns=["title", "floor"]) == [("FORBIDDEN", ["columns"])]
    assert await refused(Role.CUSTOMER, "ALERTS") == [("FORBIDDEN", ["list"])]
    assert await refused(world.service("batch:export"), "LISTINGS") == [("FORBIDDEN", ["list"])]
    assert await world.rows("SELECT id FROM batch") == []


async def test_what_is_asked_of_a_person_alone_is_what_is_theirs(world: World, export: Exporting) -> None:
    """SALES and AGENT export what is given to them to do."""
    await world.add(*(Task(id=id_of(n), kind="REVIEW", status="TODO", title=f"T{n}", due_order=NOW, created_at=NOW, assignee_id=who)
                      for n, who in ((1, world.actors[Role.SALES].user_id), (2, world.actors[Role.OPS].user_id))))  # fmt: skip
    assert await export(Role.SALES, "TASKS", columns=["title"]) == b"title\r\nT1\r\n"
    assert await export(Role.OPS, "TASKS", columns=["title"]) == b"title\r\nT1\r\nT2\r\n"
    agent, team = world.actors[Role.AGENT], Team(id=new_id(), name="Line")
    await world.rows("UPDATE membership SET all_teams = false WHERE id = :id RETURNING id", id=agent.membership_id)
    await world.add(team, MembershipTeam(id=new_id(), membership_id=agent.membership_id, team_id=team.id))
    asked = {
        "status": "OPEN",
        "priority": "NORMAL",
        "subject": "Why",
        "body_markdown": "x",
        "body_html": "x",
        "requester_replied_at": NOW,
    }
    asked["requester_id"] = world.actors[Role.CUSTOMER].user_id
    await world.add(
        *(
            Ticket(id=id_of(n), number=n, team_id=of, created_at=NOW, **asked)
            for n, of in ((1, team.id), (2, None), (3, team.id))
        )
    )
    assert (
        await export(replace(agent, all_teams=False, team_ids=(team.id,)), "TICKETS", columns=["number"])
        == b"number\r\n1\r\n3\r\n"
    )


def test_cells_that_a_spreadsheet_would_run() -> None:
    found = rules.harmless(["=1", "+1", "-1", "@a", "\ta", "\ra", "a=1", "", None, -5, Decimal("-5.00"), True])
    assert found == ["'=1", "'+1", "'-1", "'@a", "'\ta", "'\ra", "a=1", "", None, -5, Decimal("-5.00"), True]
