"""Batches through the API: previewed, made, started, steered, decided, watched."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from souk.db.session import Database
from souk.engine.symbols import write_id
from souk.models import Alert, Listing, Sku, new_id
from souk.rules.actor import Role
from souk.rules.errors import PreviewDrift
from souk.schema import errors as shown_errors
from souk.schema.errors import shown
from souk.worker import enforcement
from souk.worker.batch import Step, step
from tests.worker.conftest import worker_db
from tests.world import World

__all__ = ["worker_db"]
assert enforcement.ACTIONS
BATCH = "batch { id status counts { total pending succeeded failed skipped cancelled } impactSoFar { amount currencyCode } }"


class Shop:
    """A world with listings in breach."""

    def __init__(self, world: World, db: Database) -> None:
        self.world, self.db, self.now = world, db, world.now
        self.alerts: list[UUID] = []
        self.listings: list[UUID] = []

    async def breach(self, dealer: UUID, impact: int = 100_000) -> UUID:
        """A listing below the policy, with its alert; the dealer is under watch."""
        world = self.world
        sku = Sku(id=new_id(), code=f"SKU-{len(self.alerts)}", name="Thing", currency="INR")
        listing = Listing(
            id=new_id(), dealer_id=dealer, kind="PRODUCT", status="ACTIVE", title="Thing", price_minor=90_000,
            currency="INR", visibility="PUBLIC", sku_id=sku.id,
        )  # fmt: skip
        alert = Alert(
            id=new_id(), kind="MAP_BREACH", status="OPEN", severity="HIGH", score_tenths=700, cycle=1, dealer_id=dealer,
            sku_id=sku.id, listing_id=listing.id, price_minor=90_000, policy_minor=100_000, currency="INR",
            first_seen_at=world.now, last_seen_at=world.now, impact=[], impact_minor=impact, evidence_head=b"seen",
        )  # fmt: skip
        await world.add(sku, listing, alert)
        async with world.souk.app.transaction(world.actor(Role.OWNER), "test", now=world.now) as tx:
            await tx.session.execute(text("UPDATE dealer SET standing = 'WATCH' WHERE id = :id"), {"id": dealer})
            tx.emit("test.changed", alert)
        self.alerts.append(alert.id)
        self.listings.append(listing.id)
        return alert.id

    def ids(self) -> list[str]:
        return [write_id("Alert", each) for each in self.alerts]

    async def preview(self, who: Role = Role.OPS, action: str = "SEND_WARNING", **selection: Any) -> dict[str, Any]:
        given = selection or {"alertIds": self.ids()}
        items = "items { nodes { permitted state warnings target { id } } }"
        fields = f"preview {{ id total actionable impact {{ amount currencyCode }} {items} }}"
        return await self.world.do(
            who, "batchPreview", fields, kind="ENFORCEMENT", selection=given,
            plan={"action": action, "reason": "Below the agreed price."},
        )  # fmt: skip

    async def create(self, who: Role = Role.OPS, **more: Any) -> dict[str, Any]:
        preview = (await self.preview(who, **more))["preview"]
        return await self.world.do(
            who, "batchCreate", BATCH, previewId=preview["id"], idempotencyKey=self.world.key(), title="Week 47"
        )

    async def act(self, who: Role, mutation: str, id: str, **more: Any) -> dict[str, Any]:
        return await self.world.do(who, mutation, BATCH, id=id, idempotencyKey=self.world.key(), **more)

    async def work(self, id: str) -> None:
        """A worker does what there is to do, whatever time it takes."""
        (row,) = await self.world.rows("SELECT id FROM batch WHERE status = 'RUNNING'")
        while True:
            due = (await step(self.db, self.world.tenant_id, row.id, now=self.now, size=200)).due
            if due is None:
                return
            self.now = max(self.now, due)


@pytest.fixture
def shop(world: World, worker_db: Database) -> Shop:
    return Shop(world, worker_db)


async def test_a_warning_is_previewed_sent_once_per_dealer_and_gives_time_to_cure(shop: Shop) -> None:
    world = shop.world
    await shop.breach(world.dealer)
    await shop.breach(world.dealer)
    await shop.breach(world.other_dealer)
    preview = (await shop.preview())["preview"]
    assert (preview["total"], preview["actionable"], preview["impact"]) == (
        3, 3, [{"amount": "3000.00", "currencyCode": "INR"}],
    )  # fmt: skip
    state = {"status": "OPEN", "cycle": 1, "standing": "WATCH", "notice": 0}
    told: list[list[str]] = [[], ["Another alert of this dealer carries the notice."], []]
    assert preview["items"]["nodes"] == [
        {"permitted": True, "state": state, "warnings": warnings, "target": {"id": id_}}
        for id_, warnings in zip(shop.ids(), told, strict=True)
    ]
    assert await world.rows("SELECT standing, notice FROM dealer WHERE notice > 0") == []

    batch = (await shop.create())["batch"]
    assert (batch["status"], batch["counts"]["pending"]) == ("READY", 3)
    started = (await shop.act(Role.OPS, "batchStart", batch["id"]))["batch"]
    assert started["status"] == "RUNNING"
    # within undoSeconds nothing has happened
    (row,) = await world.rows("SELECT id, not_before FROM batch")
    assert row.not_before == shop.now + timedelta(seconds=5)
    assert await step(shop.db, world.tenant_id, row.id, now=shop.now, size=200) == Step(row.not_before)
    await shop.work(batch["id"])

    due = shop.now + timedelta(hours=72)
    assert await world.rows("SELECT DISTINCT standing, notice, cure_due_at FROM dealer") == [("WARNED", 1, due)]
    alerts = await world.rows("SELECT DISTINCT status, cure_due_at, notice_sent_at FROM alert")
    assert alerts == [("AWAITING_CURE", due, shop.now)]
    cures = "SELECT count(*), min(due_at) FROM souk.work WHERE kind = 'alert.cure' AND tenant_id = :t"
    assert await world.rows(cures, t=world.tenant_id) == [(3, due)]
    warned = await world.rows("SELECT count(*) FROM domain_event WHERE type = 'dealer.warned'")
    assert warned == [(2,)]
    audited = "SELECT DISTINCT subject_type, subject_id FROM audit_event WHERE op = 'batch:ITEMS'"
    assert await world.rows(audited) == [("Batch", row.id)]

    asked = """query($id: ID!) { batch(id: $id) { status title counts { total succeeded }
      impactSoFar { amount } availableTransitions { to mutation allowed }
      report { total durationMs groups { action status outcome items } }
      items(filter: {status: [SUCCEEDED]}) { totalCount nodes { n status outcome attempt impact { amount } before after
        attempts { n status } batch { title } target { id ... on Alert { status } } availableTransitions { to } } }
      creator { name } starter { name } approver { id } dealer { id }
      logs { nodes { n level message } } preview { total } } batches(filter: {status: [COMPLETED]}) { totalCount } }"""
    seen = await world.data(Role.OPS, asked, {"id": batch["id"]})
    assert (seen["batch"]["status"], seen["batch"]["title"]) == ("COMPLETED", "Week 47")
    assert seen["batch"]["impactSoFar"] == [{"amount": "3000.00"}]
    assert [node["outcome"] for node in seen["batch"]["items"]["nodes"]] == ["WARNED", "JOINED", "WARNED"]
    assert seen["batch"]["items"]["nodes"][0]["after"]["standing"] == "WARNED"
    assert [node["target"] for node in seen["batch"]["items"]["nodes"]] == [
        {"id": id_, "status": "AWAITING_CURE"} for id_ in shop.ids()
    ]
    assert seen["batch"]["items"]["nodes"][0]["availableTransitions"] == []
    people = {name: seen["batch"][name] for name in ("creator", "starter", "approver", "dealer")}
    ops = {"name": "OPS person"}
    assert people == {"creator": ops, "starter": ops, "approver": None, "dealer": None}
    assert seen["batch"]["report"]["groups"] == [
        {"action": "SEND_WARNING", "status": "SUCCEEDED", "outcome": "JOINED", "items": 1},
        {"action": "SEND_WARNING", "status": "SUCCEEDED", "outcome": "WARNED", "items": 2},
    ]
    assert [node["message"] for node in seen["batch"]["logs"]["nodes"]] == [
        "COMPLETED: 3 of 3 items succeeded.", "Started.", "Made of a preview of 3 items.",
    ]  # fmt: skip
    images = await world.ask(Role.VIEWER, "{ batches { nodes { items { nodes { outcome before } } } } }")
    assert {error["extensions"]["code"] for error in images["errors"]} == {"FORBIDDEN"}
    assert images["data"]["batches"]["nodes"][0]["items"]["nodes"][0] == {"outcome": "WARNED", "before": None}


async def test_a_listing_is_suspended_and_its_alert_waits_for_the_cure(shop: Shop) -> None:
    world = shop.world
    await shop.breach(world.dealer)
    batch = (await shop.create(action="SUSPEND_LISTING", alerts={"status": ["OPEN"], "severity": ["HIGH"]}))["batch"]
    await shop.act(Role.OPS, "batchStart", batch["id"])
    await shop.work(batch["id"])
    assert await world.rows("SELECT status, status_before_suspension FROM listing") == [("SUSPENDED", "ACTIVE")]
    assert await world.rows("SELECT status, notice_sent_at FROM alert") == [("AWAITING_CURE", None)]


async def test_what_changed_since_the_preview_refuses_the_start_or_is_skipped(shop: Shop) -> None:
    world = shop.world
    for _ in range(3):
        await shop.breach(world.dealer)
    batch = (await shop.create())["batch"]
    async with world.souk.app.transaction(world.actor(Role.OPS), "test", now=shop.now) as tx:
        alert = await tx.session.get(Alert, (world.tenant_id, shop.alerts[1]))
        assert alert is not None
        alert.status, alert.resolution = "RESOLVED", "Cured."
        tx.emit("alert.resolved", alert)
    document = """mutation($i: BatchStartInput!) { batchStart(input: $i) { batch { status } userErrors { code
      ... on PreviewDrift { items { id field was now } } } } }"""
    given = {"id": batch["id"], "idempotencyKey": world.key()}
    refused = (await world.data(Role.OPS, document, {"i": given}))["batchStart"]
    drift = {"id": shop.ids()[1], "field": "status", "was": "OPEN", "now": "RESOLVED"}
    assert refused == {"batch": None, "userErrors": [{"code": "PREVIEW_DRIFT", "items": [drift]}]}
    assert await world.rows("SELECT status, seq_head FROM batch") == [("READY", 2)]

    again = (await world.data(Role.OPS, document, {"i": given | {"allowDrift": "SKIP"}}))["batchStart"]
    assert again == {"batch": {"status": "RUNNING"}, "userErrors": []}
    # and what changes between the start and the act is seen under the lock
    async with world.souk.app.transaction(world.actor(Role.OPS), "test", now=shop.now) as tx:
        alert = await tx.session.get(Alert, (world.tenant_id, shop.alerts[2]))
        assert alert is not None
        alert.cycle = 2
        tx.emit("alert.reopened", alert)
    await shop.work(batch["id"])
    items = await world.rows("SELECT status, error_code FROM batch_item ORDER BY n")
    assert items == [("SUCCEEDED", None), ("SKIPPED", "DRIFT"), ("SKIPPED", "DRIFT")]
    assert await world.rows("SELECT status FROM alert WHERE cycle = 2") == [("OPEN",)]


async def test_above_the_amount_a_second_person_decides(shop: Shop) -> None:
    world = shop.world
    await shop.breach(world.dealer, impact=5_000_000)
    batch = (await shop.create())["batch"]
    assert batch["status"] == "PENDING_APPROVAL"
    early = await shop.act(Role.OPS, "batchStart", batch["id"])
    assert [error["code"] for error in early["userErrors"]] == ["INVALID_TRANSITION"]
    own = await shop.act(Role.OPS, "batchDecide", batch["id"], decision="APPROVE")
    assert [error["code"] for error in own["userErrors"]] == ["APPROVER_IS_CREATOR"]
    assert await world.rows("SELECT status, approver_id FROM batch") == [("PENDING_APPROVAL", None)]
    assert (await shop.act(Role.ADMIN, "batchDecide", batch["id"], decision="APPROVE"))["batch"]["status"] == "READY"
    assert (await shop.act(Role.OPS, "batchStart", batch["id"]))["batch"]["status"] == "RUNNING"

    await shop.breach(world.other_dealer, impact=6_000_000)
    second = (await shop.create(alertIds=shop.ids()[1:]))["batch"]
    silent = await shop.act(Role.ADMIN, "batchDecide", second["id"], decision="REJECT")
    assert [error["code"] for error in silent["userErrors"]] == ["REQUIRED"]
    rejected = await shop.act(Role.ADMIN, "batchDecide", second["id"], decision="REJECT", reason="Not now.")
    assert (rejected["batch"]["status"], rejected["batch"]["counts"]["cancelled"]) == ("CANCELLED", 1)


async def test_cancelled_within_the_undo_window_nothing_has_happened(shop: Shop) -> None:
    await shop.breach(shop.world.dealer)
    batch = (await shop.create())["batch"]
    key = shop.world.key()
    for replayed in (False, True):
        done = await shop.world.do(
            Role.OPS, "batchStart", "idempotencyReplayed batch { status }", id=batch["id"], idempotencyKey=key
        )
        assert (done["idempotencyReplayed"], done["batch"]["status"]) == (replayed, "RUNNING")
    await shop.act(Role.OPS, "batchCancel", batch["id"], reason="A mistake.")
    (row,) = await shop.world.rows("SELECT id, status, cancelled FROM batch")
    assert (row.status, row.cancelled) == ("CANCELLING", 1)
    await step(shop.db, shop.world.tenant_id, row.id, now=shop.now + timedelta(seconds=9), size=200)
    assert await shop.world.rows("SELECT status, cancelled FROM batch") == [("CANCELLED", 1)]
    assert await shop.world.rows("SELECT DISTINCT standing FROM dealer WHERE notice > 0") == []
    assert await shop.world.rows("SELECT status FROM alert") == [("OPEN",)]


async def test_who_may_not_is_told_so_and_nothing_is_made(shop: Shop) -> None:
    await shop.breach(shop.world.dealer)
    document = "mutation($i: BatchPreviewInput!) { batchPreview(input: $i) { preview { id } userErrors { code } } }"
    plan = {"action": "SEND_WARNING", "reason": "Below."}
    given = {"i": {"kind": "ENFORCEMENT", "selection": {"alertIds": shop.ids()}, "plan": plan}}
    for role in (Role.SALES, Role.VIEWER):
        answer = await shop.world.ask(role, document, given)
        assert answer["data"] == {"batchPreview": None}
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    for role in (Role.DEALER, Role.CUSTOMER, Role.AGENT):
        answer = await shop.world.data(role, document, given)
        assert answer["batchPreview"] == {"preview": None, "userErrors": [{"code": "FORBIDDEN"}]}
    # nobody learns here whether an alert exists
    for who in (Role.DEALER, shop.world.service("batch:control", "batch:enforcement", dealer_id=shop.world.dealer)):
        answers = []
        for id_ in (shop.ids()[0], write_id("Alert", new_id())):
            given["i"]["selection"] = {"alertIds": [id_]}
            answers.append(await shop.world.data(who, document, given))
        assert answers[0] == answers[1]
    assert await shop.world.rows("SELECT * FROM batch_preview") == []
    batch = (await shop.create())["batch"]
    for role in (Role.DEALER, Role.CUSTOMER):
        refused = await shop.act(role, "batchCancel", batch["id"])
        assert [error["code"] for error in refused["userErrors"]] == ["NOT_FOUND"]
        assert await shop.world.data(role, "{ batches { totalCount } }") == {"batches": {"totalCount": 0}}
        page = "query($id: ID!) { batchEvents(batchId: $id) { lastSeq } }"
        assert await shop.world.data(role, page, {"id": batch["id"]}) == {"batchEvents": None}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("standing = 'GOOD'", "The dealer is GOOD: GOOD does not lead to WARNED."),
        (
            "standing = 'WARNED', notice = 1, cure_due_at = '2027-01-01'",
            "The dealer is WARNED: The time to cure of the first notice has not passed.",
        ),
        (
            "standing = 'WARNED', notice = 2",
            "The dealer is WARNED: Both notices have been given; the next step is RESTRICTED.",
        ),
        ("standing = 'WARNED', notice = 1, cure_due_at = '2026-11-22T08:59:00Z'", None),
    ],
)
async def test_a_preview_says_which_notice_would_be_refused(shop: Shop, changes: str, told: str | None) -> None:
    await shop.breach(shop.world.dealer)
    await shop.world.rows(f"UPDATE dealer SET {changes} WHERE id = :id RETURNING 1", id=shop.world.dealer)
    (item,) = (await shop.preview())["preview"]["items"]["nodes"]
    assert item["warnings"] == ([told] if told else [])


async def test_what_is_wrong_with_a_plan_is_named_by_its_path(shop: Shop) -> None:
    await shop.breach(shop.world.dealer)
    given = {"kind": "ENFORCEMENT", "selection": {"alertIds": shop.ids()}}
    for reason, code in (("x" * 1001, "TOO_LONG"), ("", "REQUIRED")):
        plan = {"action": "SEND_WARNING", "reason": reason}
        refused = await shop.world.do(Role.OPS, "batchPreview", "preview { id }", **given, plan=plan)
        assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [(code, ["plan", "reason"])]
    given = {"kind": "IMPORT", "selection": {"uploadId": write_id("Upload", new_id())}}
    refused = await shop.world.do(Role.OPS, "batchPreview", "preview { id }", **given, plan={"mapping": "used_bikes"})
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("NOT_FOUND", ["selection", "uploadId"])]


def test_of_a_long_drift_the_first_hundred_are_told() -> None:
    drift = [{"id": f"{n}", "field": "status", "was": "OPEN", "now": "RESOLVED"} for n in range(101)]
    told = shown(PreviewDrift(drift))
    assert isinstance(told, shown_errors.PreviewDrift)
    assert [item.id for item in told.items] == [f"{n}" for n in range(100)]


async def test_a_preview_grows_old(shop: Shop) -> None:
    await shop.breach(shop.world.dealer)
    preview = (await shop.preview())["preview"]
    shop.world.now += timedelta(minutes=30)
    made = await shop.world.do(Role.OPS, "batchCreate", BATCH, previewId=preview["id"], idempotencyKey=shop.world.key())
    assert (made["batch"], [error["code"] for error in made["userErrors"]]) == (None, ["PREVIEW_EXPIRED"])


async def test_the_page_of_events_is_the_stream(shop: Shop) -> None:
    world = shop.world
    await shop.breach(world.dealer)
    batch = (await shop.create())["batch"]
    await shop.act(Role.OPS, "batchStart", batch["id"])
    await shop.work(batch["id"])
    fields = """__typename seq at counts { total pending succeeded } impactSoFar { amount }
      ... on BatchStateChanged { from to reason } ... on BatchItemsChanged { items { itemId n status outcome targetId } }
      ... on BatchLogAppended { lines { n level message } }"""
    page = f"query($id: ID!, $after: BigInt, $first: Int) {{ batchEvents(batchId: $id, after: $after, first: $first) {{ lastSeq hasMore events {{ {fields} }} }} }}"
    page = page.replace(", $first: Int", ", $first: Int!")
    whole = (await world.data(Role.OPS, page, {"id": batch["id"], "first": 500}))["batchEvents"]
    assert (whole["lastSeq"], whole["hasMore"]) == ("7", False)
    assert [event["seq"] for event in whole["events"]] == ["1", "2", "3", "4", "5", "6", "7"]
    assert [event["__typename"][5:] for event in whole["events"]] == [
        "LogAppended", "StateChanged", "LogAppended", "StateChanged", "ItemsChanged", "LogAppended", "StateChanged",
    ]  # fmt: skip
    settled = whole["events"][4]
    assert settled["items"][0]["targetId"] == shop.ids()[0]
    assert settled["counts"] == {"total": 1, "pending": 0, "succeeded": 1}
    assert (whole["events"][6]["from"], whole["events"][6]["to"]) == ("RUNNING", "COMPLETED")
    part = (await world.data(Role.OPS, page, {"id": batch["id"], "after": "2", "first": 3}))["batchEvents"]
    assert (part["lastSeq"], part["hasMore"], part["events"]) == ("5", True, whole["events"][2:5])

    follow = f"subscription($id: ID!, $after: BigInt) {{ batchEvents(batchId: $id, after: $after) {{ {fields} }} }}"

    for fused in (True, False):
        plan = world.souk.runner.events_plan(follow, None, {"id": batch["id"]}, world.context(Role.OPS), fused)
        assert plan.fused is fused
        found = [json.loads(body)["data"]["batchEvents"] for _, body in await plan.fetch(0)]
        assert found == whole["events"]
