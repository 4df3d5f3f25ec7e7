"""The thresholds of a tenant: who changes them, that each change is kept, and that the code which has one reads it."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import souk
from souk.db.session import Database
from souk.models import TenantSettings
from souk.resolvers.settings import COLUMNS, SHOWN
from souk.resolvers.ticket.timers import close_resolved
from souk.rules.actor import Role
from souk.rules.settings import THRESHOLDS
from souk.schema import schema
from souk.worker.batch import Step, step
from tests.resolvers import listings
from tests.resolvers.ladder import Ladder
from tests.resolvers.margin import at, policy, report, sku, statuses
from tests.resolvers.proving import with_session
from tests.resolvers.test_alert import IMPACT, golden
from tests.resolvers.test_batch import Shop
from tests.resolvers.test_dead_stock import look, stock
from tests.resolvers.test_lead import the_lead
from tests.resolvers.trade import a_listing, answered, codes, offered
from tests.worker import bench
from tests.worker.conftest import _bench, make_run, worker_db
from tests.world import NOW, World, make_world

__all__ = ["_bench"]

__all__ = ["worker_db"]
ALL = " ".join(SHOWN[name] for name in THRESHOLDS)
MONEY = "fourEyes { amount currencyCode } refundAuto { amount } severityRef { amount currencyCode }"
READ = (
    f"{{ settings {{ id version current createdAt changedBy {{ name }} autoApprove passwordSignIn {MONEY} {ALL} }} }}"
)
HISTORY = "{ settingsHistory { totalCount nodes { version current changedBy { name } listingDays } } }"


async def change(world: World, who: Role = Role.ADMIN, version: int | None = None, **given: Any) -> dict[str, Any]:
    if version is None:
        version = (await world.rows("SELECT n FROM tenant_settings WHERE current"))[0].n
    return await world.do(who, "settingsUpdate", "settings { version }", expectedVersion=version, **given)


def inr(amount: str) -> list[dict[str, str]]:
    return [{"amount": amount, "currencyCode": "INR"}]


async def test_the_defaults_are_those_of_the_table(world: World) -> None:
    found = (await world.data(Role.OPS, READ))["settings"]
    assert {name: found[SHOWN[name]] for name in THRESHOLDS} == {name: of.default for name, of in THRESHOLDS.items()}
    assert (found["version"], found["current"], found["changedBy"], found["autoApprove"]) == (1, True, None, False)
    assert (found["fourEyes"], found["refundAuto"], found["severityRef"]) == (inr("50000.00"), [], inr("10000.00"))
    by_id = await world.data(Role.OPS, "query($id: ID!) { node(id: $id) { id } }", {"id": found["id"]})
    assert by_id["node"] == {"id": found["id"]}


async def test_a_change_makes_a_version_and_the_former_stays(world: World) -> None:
    changed = await change(
        world, listingDays=45, autoApprove=True, fourEyes=[*inr("1.50"), {"amount": "200", "currencyCode": "JPY"}]
    )
    assert changed == {"settings": {"version": 2}, "userErrors": []}
    assert (await change(world, Role.OWNER, listingDays=30, refundAuto=inr("10.00")))["settings"] == {"version": 3}
    found = (await world.data(Role.ADMIN, READ))["settings"]
    assert (found["version"], found["listingDays"], found["autoApprove"], found["leadDays"]) == (3, 30, True, 30)
    assert found["fourEyes"] == [*inr("1.50"), {"amount": "200", "currencyCode": "JPY"}]
    assert (found["refundAuto"], found["changedBy"]) == ([{"amount": "10.00"}], {"name": "OWNER person"})
    history = (await world.data(Role.ADMIN, HISTORY))["settingsHistory"]
    assert history == {"totalCount": 3, "nodes": [
        {"version": 3, "current": True, "changedBy": {"name": "OWNER person"}, "listingDays": 30},
        {"version": 2, "current": False, "changedBy": {"name": "ADMIN person"}, "listingDays": 45},
        {"version": 1, "current": False, "changedBy": None, "listingDays": 60},
    ]}  # fmt: skip
    told = "SELECT data FROM domain_event WHERE type = 'settings.updated' ORDER BY at, data->>'version'"
    assert [row.data["changes"].get("listingDays") for row in await world.rows(told)] == [[60, 45], [45, 30]]
    audited = "SELECT op, subject_type FROM audit_event WHERE op = 'settingsUpdate'"
    assert await world.rows(audited) == [("settingsUpdate", "TenantSettings")] * 2


async def test_everything_wrong_is_told_at_once_and_changes_nothing(world: World) -> None:
    wrong = await change(
        world, listingDays=0, carryBp=10_001, undoSeconds=-1,
        fourEyes=[*inr("1.00"), *inr("2.00"), {"amount": "1.5", "currencyCode": "JPY"}, *inr("0")],
    )  # fmt: skip
    assert sorted((e["code"], ".".join(e["field"])) for e in wrong["userErrors"]) == [
        ("DUPLICATE", "fourEyes.1.currencyCode"),
        ("DUPLICATE", "fourEyes.3.currencyCode"),
        ("INVALID", "fourEyes.2"),
        ("OUT_OF_RANGE", "carryBp"),
        ("OUT_OF_RANGE", "fourEyes.3"),
        ("OUT_OF_RANGE", "listingDays"),
        ("OUT_OF_RANGE", "undoSeconds"),
    ]
    assert codes(await change(world)) == [("REQUIRED", None)]
    stale = await world.ask(
        Role.ADMIN,
        "mutation($i: SettingsUpdateInput!) { settingsUpdate(input: $i) { userErrors { code ... on StaleVersion { currentVersion } } } }",
        {"i": {"expectedVersion": 7, "listingDays": 5}},
    )
    assert stale["data"]["settingsUpdate"]["userErrors"] == [{"code": "STALE_VERSION", "currentVersion": 1}]
    many = [{"amount": "1.00", "currencyCode": "INR"}] * 51
    assert codes(await change(world, fourEyes=many)) == [("LIMIT_EXCEEDED", ["fourEyes"])]
    assert await world.rows("SELECT n, listing_days FROM tenant_settings") == [(1, 60)]


@pytest.mark.parametrize("name", THRESHOLDS)
async def test_the_bounds_are_kept_by_the_api_and_by_the_database(world: World, name: str) -> None:
    of = THRESHOLDS[name]
    for value, fits in ((of.low - 1, False), (of.low, True), (of.high, True), (of.high + 1, False)):
        found = await change(world, **{SHOWN[name]: value})
        assert ([each["code"] for each in found["userErrors"]] == []) is fits, value
        if not fits:
            with pytest.raises(Exception, match=f"ck_tenant_settings_{name}"):
                await world.set(**{name: value})
    assert await world.rows(f"SELECT n, {name} FROM tenant_settings WHERE current") == [(3, of.high)]


async def test_owner_and_admin_change_and_ops_looks(world: World) -> None:
    document = "mutation { settingsUpdate(input: {expectedVersion: 1, listingDays: 5}) { settings { id } } }"
    for role in (Role.OPS, Role.SALES, Role.AGENT, Role.VIEWER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        assert (await world.ask(role, document))["data"] == {"settingsUpdate": None}, role
        if role is not Role.OPS:
            for query in ("{ settings { id } }", "{ settingsHistory { totalCount } }"):
                assert set((await world.ask(role, query))["data"].values()) == {None}, role
    assert await world.rows("SELECT n, listing_days FROM tenant_settings") == [(1, 60)]


async def test_of_many_who_change_at_once_one_does_each_time(world: World) -> None:
    for round_ in range(1, 4):
        found = await asyncio.gather(*(change(world, version=round_, listingDays=n) for n in range(10, 20)))
        said = sorted(each["userErrors"][0]["code"] if each["userErrors"] else "" for each in found)
        assert said == ["", *["STALE_VERSION"] * 9]
    versions = await world.rows("SELECT n, current FROM tenant_settings ORDER BY n")
    assert versions == [(1, False), (2, False), (3, False), (4, True)]


@pytest.mark.parametrize("role", ["souk_app", "souk_owner"])
async def test_a_version_is_never_changed_afterwards(world: World, database: str, role: str) -> None:
    await change(world, listingDays=5)
    connection = await asyncpg.connect(database, server_settings={"role": role})
    try:
        for statement in (
            "UPDATE tenant_settings SET listing_days = 6 WHERE n = 1",
            "UPDATE tenant_settings SET listing_days = 6 WHERE n = 2",
            "UPDATE tenant_settings SET current = true WHERE n = 1",
            "UPDATE tenant_settings SET current = false, changed_by = NULL WHERE n = 2",
            "DELETE FROM tenant_settings WHERE n = 1",
        ):
            async with connection.transaction():
                await connection.execute("SELECT set_config('souk.tenant_id', $1, true)", str(world.tenant_id))
                with pytest.raises((asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)):
                    async with connection.transaction():
                        await connection.execute(statement)
    finally:
        await connection.close()
    kept = await world.rows("SELECT n, current, listing_days FROM tenant_settings ORDER BY n")
    assert kept == [(1, False, 60), (2, True, 5)]


# Who reads what -----------------------------------------------------------------------------------------------------------

Proof = Callable[[World, Database], Awaitable[None]]
READERS: dict[str, Proof] = {}
LATER = {
    "refund_auto": "money", "credit_adjust_limit": "money", "inspection_hours": "money", "invalid_report_hours": "money",
    "reopen_days": "desk", "reopen_cooldown_minutes": "desk",
}  # fmt: skip
"""Thresholds of which nothing there is depends yet, and what will."""


def reads(*names: str) -> Callable[[Proof], Proof]:
    """A proof that these thresholds are read: it flips them and sees the effect."""

    def register(proof: Proof) -> Proof:
        READERS.update(dict.fromkeys(names, proof))
        return proof

    return register


@reads("listing_days")
async def listing_days(world: World, db: Database) -> None:
    await change(world, listingDays=7)
    row = listings.listing(world, "A thing", status="PENDING_REVIEW")
    (id_,) = await listings.add(world, row)
    await world.do(Role.OPS, "listingModerate", "listing { id }", id=id_, action="APPROVE", expectedVersion=1)
    assert await listings.kept(world, row.id, "status", "expires_at") == ("ACTIVE", NOW + timedelta(days=7))


@reads("auto_approve")
async def auto_approve(world: World, db: Database) -> None:
    for n, (approves, status) in enumerate([(False, "PENDING_REVIEW"), (True, "ACTIVE")]):
        await change(world, autoApprove=approves)
        row = listings.listing(world, f"Thing {n}", status="DRAFT")
        (id_,) = await listings.add(world, row)
        await world.do(Role.DEALER, "listingSubmit", "listing { id }", id=id_, expectedVersion=1)
        assert await listings.kept(world, row.id, "status") == (status,)


@reads("password_sign_in")
async def password_sign_in(world: World, db: Database) -> None:
    who = await with_session(world, Role.ADMIN, NOW)
    for allowed, refusals in ((True, []), (False, ["FORBIDDEN"])):
        await change(world, passwordSignIn=allowed)
        chosen = await world.do(who, "passwordSet", "user { id }", password="tidal-quartz-91")
        assert [each["code"] for each in chosen["userErrors"]] == refusals


@reads("lead_days")
async def lead_days(world: World, db: Database) -> None:
    await change(world, leadDays=3)
    id_ = await the_lead(world)
    assert await world.rows("SELECT expires_at FROM lead") == [(NOW + timedelta(days=3),)]
    await world.do(Role.OPS, "leadSetStatus", "lead { id }", id=id_, to="CONTACTED")
    await world.do(Role.OPS, "leadSetStatus", "lead { id }", id=id_, to="LOST", lostReason="PRICE")
    await change(world, leadDays=90)
    world.now += timedelta(days=29)
    again = await world.do(Role.OPS, "leadReopen", "lead { status }", id=id_)
    assert again["lead"] == {"status": "CONTACTED"}, "what it was lost under does not count"
    assert await world.rows("SELECT expires_at FROM lead") == [(world.now + timedelta(days=90),)]


@reads("offer_hours", "max_offer_rounds")
async def offers(world: World, db: Database) -> None:
    await change(world, offerHours=5, maxOfferRounds=2)
    id_ = (await offered(world, Role.CUSTOMER, await a_listing(world), "500.00"))["offer"]["id"]
    assert await world.rows("SELECT expires_at FROM offer") == [(NOW + timedelta(hours=5),)]
    assert codes(await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="900.00")) == []
    over = await answered(world, Role.CUSTOMER, "offerCounter", id_, 2, amount="600.00")
    assert codes(over) == [("LIMIT_EXCEEDED", None)]
    await change(world, maxOfferRounds=3)
    assert codes(await answered(world, Role.CUSTOMER, "offerCounter", id_, 2, amount="600.00")) == []


@reads("deal_payment_hours")
async def deal_payment_hours(world: World, db: Database) -> None:
    await change(world, dealPaymentHours=9)
    id_ = (await offered(world, Role.CUSTOMER, await a_listing(world), "500.00"))["offer"]["id"]
    assert codes(await answered(world, Role.DEALER, "offerAccept", id_, 1)) == []
    assert await world.rows("SELECT payment_due_at FROM deal") == [(NOW + timedelta(hours=9),)]


@reads("dead_stock_days", "carry_bp")
async def dead_stock(world: World, db: Database) -> None:
    await change(world, deadStockDays=10, carryBp=1000)
    await stock(world, days=10, units=73, cost=10_000)
    assert await look(world) == [("OPEN", 2_000)]  # 73 · 100.00 · 10 % · 10 / 365
    await change(world, deadStockDays=11)
    assert await look(world) == [("RESOLVED", 2_000)]


@reads("severity_ref", "horizon_days", "run_rate_days", "cascade_bp")
async def impact(world: World, db: Database) -> None:
    """The worked example: 14 days are 28 units; horizon 30 → 10, ρ 0.15 → 0.30, and a loss of 1,800 is all of 1,800."""
    await change(world, horizonDays=10, cascadeBp=3000, severityRef=inr("1800.00"), runRateDays=28)
    await golden(world)
    [alert] = (await world.data(Role.OPS, IMPACT))["alerts"]["nodes"]
    amounts = {term["name"]: term["amount"]["amount"] for term in alert["impact"]["terms"]}
    # 127 units in 28 days at a gap of 150.00 over 10 days; four peers with 21 units each in the same window
    assert amounts["RUN_RATE_EXPOSURE"] == "6803.57"
    assert amounts["CASCADE_EXPOSURE"] == "1350.00"
    assert alert["score"] != "41.8"


@reads("rebreach_days")
async def rebreach_days(world: World, db: Database) -> None:
    await change(world, rebreachDays=2)
    thing = await sku(world)
    await policy(world, thing)
    for day, price in ((0, 850), (1, 1000), (4, 850)):
        await report(world, thing, price * 100, NOW + timedelta(days=day))
    assert [(status, cycle) for status, cycle, _ in await statuses(world)] == [("RESOLVED", 1), ("OPEN", 1)]


@reads("cure_hours", "undo_seconds")
async def enforcement(world: World, db: Database) -> None:
    await change(world, cureHours=1, undoSeconds=60)
    shop = Shop(world, db)
    await shop.breach(world.dealer)
    batch = (await shop.create())["batch"]
    await shop.act(Role.OPS, "batchStart", batch["id"])
    (row,) = await world.rows("SELECT id, not_before FROM batch")
    assert row.not_before == shop.now + timedelta(seconds=60)
    assert await step(shop.db, world.tenant_id, row.id, now=shop.now, size=200) == Step(row.not_before)
    await shop.work(batch["id"])
    due = shop.now + timedelta(hours=1)
    assert await world.rows("SELECT cure_due_at FROM dealer WHERE notice = 1") == [(due,)]
    assert await world.rows("SELECT cure_due_at FROM alert") == [(due,)]


@reads("four_eyes")
async def four_eyes(world: World, db: Database) -> None:
    shop = Shop(world, db)
    await shop.breach(world.dealer, impact=100_000)
    assert (await shop.create())["batch"]["status"] == "READY"
    await change(world, fourEyes=inr("1000.00"))
    assert (await shop.create())["batch"]["status"] == "PENDING_APPROVAL"
    await change(world, fourEyes=inr("1000.01"))
    assert (await shop.create())["batch"]["status"] == "READY"
    await change(world, fourEyes=[])
    assert (await shop.create())["batch"]["status"] == "PENDING_APPROVAL", "no amount for the currency: always"


@reads("preview_minutes")
async def preview_minutes(world: World, db: Database) -> None:
    await change(world, previewMinutes=3)
    shop = Shop(world, db)
    await shop.breach(world.dealer)
    preview = (await shop.preview())["preview"]
    world.now += timedelta(minutes=3, seconds=1)
    late = await world.do(
        Role.OPS, "batchCreate", "batch { id }", previewId=preview["id"], idempotencyKey=world.key(), title="Late"
    )
    assert codes(late)[0][0] == "PREVIEW_EXPIRED"


@reads("failure_threshold_pct", "failure_threshold_min")
async def failure_threshold(world: World, db: Database) -> None:
    bad = {f"n{n}": "refuse" for n in range(1, 3)}
    bench.install()  # `_bench` takes it back
    for pct, least, status in ((20, 20, "COMPLETED_WITH_ERRORS"), (20, 4, "FAILED"), (60, 4, "COMPLETED_WITH_ERRORS")):
        await change(world, failureThresholdPct=pct, failureThresholdMin=least)
        run = await make_run(world, db, bench.items(8, **bad))
        await run.to_end(size=4)
        assert (await run.row()).status == status, (pct, least)


@reads("auto_close_hours", "auto_resolve_days")
async def tickets(world: World, db: Database) -> None:
    await change(world, autoCloseHours=5, autoResolveDays=2)
    made = await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Hello", body="Hi")
    id_ = made["ticket"]["id"]
    now = world.now = NOW + timedelta(minutes=1)
    await world.do(Role.OPS, "commentAdd", "comment { id }", id=id_, body="Which?", visibility="PUBLIC")

    async def move(to: str, **more: Any) -> None:
        (row,) = await world.rows("SELECT version FROM ticket")
        payload = await world.do(
            Role.OPS, "ticketTransition", "ticket { status }", id=id_, to=to, expectedVersion=row.version, **more
        )
        assert payload["userErrors"] == []

    due = "SELECT kind, due_at FROM souk.work WHERE tenant_id = :t"
    await move("WAITING_ON_REQUESTER")
    assert await world.rows(due, t=world.tenant_id) == [("ticket.resolve", now + timedelta(days=2))]
    await move("RESOLVED", resolution="Done.")
    assert await world.rows(due, t=world.tenant_id) == [("ticket.close", now + timedelta(hours=5))]
    await change(world, autoCloseHours=9)
    (row,) = await world.rows("SELECT id FROM ticket")
    async with at(world, now + timedelta(hours=6)) as tx:
        await close_resolved(tx, row.id)
    assert await world.rows("SELECT status FROM ticket") == [("RESOLVED",)]
    assert await world.rows(due, t=world.tenant_id) == [("ticket.close", now + timedelta(hours=9))], (
        "and is asked again"
    )
    async with at(world, now + timedelta(hours=9)) as tx:
        await close_resolved(tx, row.id)
    assert await world.rows("SELECT status FROM ticket") == [("CLOSED",)]


@reads("rollback_hours")
async def rollback_hours(world: World, db: Database) -> None:
    ladder = Ladder(world, db)
    await ladder.breach(world.dealer)
    id_ = await ladder.run()
    await change(world, rollbackHours=2)
    world.now += timedelta(hours=2, seconds=1)
    late = await ladder.act(Role.OPS, "batchRollback", id_)
    assert [each["message"] for each in late["userErrors"]] == ["It ended more than 2 hours ago."]
    await change(world, rollbackHours=3)
    assert (await ladder.back(id_))["status"] == "ROLLED_BACK"


@pytest.mark.parametrize("proof", dict.fromkeys(READERS.values()), ids=lambda proof: proof.__name__)
async def test_a_threshold_is_read_by_what_depends_on_it(world: World, worker_db: Database, proof: Proof) -> None:
    other = await make_world(world.souk)
    await proof(world, worker_db)
    assert await other.rows("SELECT n, listing_days FROM tenant_settings") == [(1, 60)]


def test_each_threshold_has_a_proof_or_waits_for_its_reader() -> None:
    """The sources say which are read; a part that reads another one moves it here from LATER to a proof."""
    assert set(READERS) | set(LATER) == set(COLUMNS)
    assert not set(READERS) & set(LATER)
    root = Path(souk.__path__[0])
    read = set()
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] in ("resolvers", "worker") and path.name != "settings.py":
            read |= set(re.findall(r"settings(?:\(\)\))?\.([a-z_]+)", path.read_text(encoding="utf-8")))
    assert read & set(COLUMNS) == set(READERS)


def test_each_column_is_carried_over_into_the_next_version() -> None:
    """What is not among these would fall back to its default with the next change of something else."""
    of_the_version = {"tenant_id", "id", "created_at", "n", "current", "changed_by"}
    assert {column.key for column in TenantSettings.__table__.columns} - of_the_version == set(COLUMNS)


def test_what_is_shown_and_what_is_changed_are_the_same_thresholds() -> None:
    types = schema._schema.type_map
    shown, given = set(types["TenantSettings"].fields), set(types["SettingsUpdateInput"].fields)  # type: ignore[union-attr]
    assert shown - given == {"id", "version", "current", "createdAt", "changedBy"}
    assert given - shown == {"expectedVersion"}
    assert given - {"expectedVersion"} == set(SHOWN.values())
