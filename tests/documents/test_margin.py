"""The contract of the documents that answer the REST routes of PharOS Margin Defense."""

import json
from datetime import timedelta
from typing import Any

import pytest

from souk.db.session import Database
from souk.models import Listing, new_id
from souk.rules.actor import Role
from tests.documents.asking import NAMED, act, codes, run
from tests.resolvers.listings import add, listing
from tests.resolvers.margin import alerts, iso, policy, report, sku
from tests.resolvers.test_batch import Shop
from tests.worker.conftest import worker_db
from tests.world import NOW, World

__all__ = ["worker_db"]


@pytest.fixture
def shop(world: World, worker_db: Database) -> Shop:
    return Shop(world, worker_db)


async def an_alert(world: World) -> str:
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, 85_000, NOW)
    return str((await alerts(world))[0]["id"])


async def test_the_alerts_one_of_them_whole_and_its_next_step(world: World) -> None:
    id_ = await an_alert(world)
    page = await run(world, Role.OPS, "AlertList", filter={"status": ["OPEN"]}, first=5)
    (row,) = page["nodes"]
    assert (page["totalCount"], row["id"], row["kind"], row["price"]["amount"], row["limit"]["amount"]) == (
        1, id_, "MAP_BREACH", "850.00", "1000.00",
    )  # fmt: skip
    assert (row["sku"]["code"], row["dealer"]["name"], row["competitor"]) == ("S-1", "First Motors", None)

    whole = await run(world, Role.VIEWER, "AlertDetail", id=id_)
    assert (whole["rule"]["kind"], whole["rule"]["n"], whole["rule"]["gap"]["amount"]) == ("MAP", 1, "150.00")
    (snapshot,) = whole["evidenceSnapshots"]["nodes"]
    assert (snapshot["n"], snapshot["price"]["amount"], snapshot["capturedAt"]) == (1, "850.00", iso(NOW))
    assert [each["type"] for each in whole["timeline"]["nodes"]] == ["alert.opened"]
    assert whole["impact"]["atRisk"] == row["impact"]["atRisk"]
    assert {each["name"] for each in whole["impact"]["terms"]} and whole["tasks"] == {"nodes": []}

    given = {"id": id_, "expectedVersion": whole["version"], "to": "ACKNOWLEDGED"}
    assert await codes(world, Role.VIEWER, "AlertTransition", **given) == ["FORBIDDEN"]
    done = await act(world, Role.OPS, "AlertTransition", **given)
    assert (done["status"], done["version"]) == ("ACKNOWLEDGED", whole["version"] + 1)
    assert await codes(world, Role.OPS, "AlertTransition", **given) == ["STALE_VERSION"]


async def test_the_dashboard_counts_them_and_says_where_they_are(world: World) -> None:
    id_ = await an_alert(world)
    range = {"from": iso(NOW - timedelta(days=2)), "to": iso(NOW + timedelta(days=1))}
    found = await run(world, Role.VIEWER, "DashboardSummary", range=range, timeZone="UTC")
    assert (found["from"], found["to"], found["timeZone"]) == (range["from"], range["to"], "UTC")
    live = found["liveAlerts"]
    assert (live["value"], live["list"], found["alertsOpened"]["value"], found["alertsOpened"]["previous"]) == (
        1,
        "ALERTS",
        1,
        0,
    )
    page = await run(world, Role.OPS, "AlertList", filter=live["filter"])
    assert [each["id"] for each in page["nodes"]] == [id_]
    assert page["nodes"][0]["impact"]["atRisk"] == live["amounts"]
    assert [(each["key"], each["value"]) for each in found["alertsByKind"]] == [("MAP_BREACH", 1)]
    assert [each["value"] for each in found["series"]] == [0, 0, 1, 0], "from nine to nine: four calendar days"
    assert await run(world, Role.DEALER, "DashboardSummary") is None


async def test_a_task_is_opened_listed_and_moved(world: World) -> None:
    alert = await an_alert(world)
    given = {"kind": "FOLLOW_UP", "title": "Call them", "alertId": alert, "dueAt": iso(NOW + timedelta(days=1))}
    made = await act(world, Role.OPS, "TaskCreate", **given, idempotencyKey=world.key())
    assert (made["status"], made["title"], made["alert"]["id"], made["dueAt"]) == (
        "TODO", "Call them", alert, iso(NOW + timedelta(days=1)),
    )  # fmt: skip
    page = await run(world, Role.SALES, "TaskList", filter={"alertId": alert})
    (row,) = page["nodes"]
    assert (page["totalCount"], row["id"], row["alert"]["kind"], row["assignee"]) == (1, made["id"], "MAP_BREACH", None)
    move = {"id": made["id"], "expectedVersion": 1, "to": "IN_PROGRESS"}
    assert await codes(world, Role.VIEWER, "TaskTransition", **move) == ["FORBIDDEN"]
    assert (await act(world, Role.SALES, "TaskTransition", **move))["status"] == "IN_PROGRESS"


async def test_a_dealer_with_all_that_is_open_about_it(world: World) -> None:
    alert = await an_alert(world)
    await act(
        world, Role.OPS, "TaskCreate", kind="FOLLOW_UP", title="Call them", dealerId=world.id("Dealer", world.dealer)
    )
    await add(world, listing(world, "A thing"))
    found = await run(world, Role.OPS, "DealerProfile", id=world.id("Dealer", world.dealer))
    assert (found["name"], found["verification"], found["phone"]) == ("First Motors", "VERIFIED", "+919800000001")
    assert found["open"]["totalCount"] == 1 and found["open"]["nodes"][0]["id"] == alert
    assert [each["title"] for each in found["listings"]["nodes"]] == ["A thing"]
    assert [each["title"] for each in found["tasks"]["nodes"]] == ["Call them"]
    assert (found["notes"], found["standing"], found["notice"]) == ({"nodes": []}, "WATCH", 0)
    assert "dealerSetStanding" in {each["mutation"] for each in found["availableTransitions"]}


async def test_words_are_found(world: World) -> None:
    await world.add(
        Listing(id=new_id(), dealer_id=world.dealer, kind="PRODUCT", status="ACTIVE", title="Quokka bike", currency="INR",
                visibility="PUBLIC", negotiable=False, max_unlocks=1)
    )  # fmt: skip
    (row,) = await run(world, Role.OPS, "Search", query="quokka", types=["LISTING", "DEALER"])
    assert row["type"] == "LISTING" and row["node"] | {"id": ""} == {
        "__typename": "Listing", "id": "", "title": "Quokka bike", "status": "ACTIVE",
    }  # fmt: skip
    assert await run(world, Role.OPS, "Search", query="wombat") == []


async def test_an_enforcement_from_its_preview_to_its_report(shop: Shop) -> None:
    world = shop.world
    for dealer in (world.dealer, world.other_dealer):
        await shop.breach(dealer)
    given: dict[str, Any] = {
        "kind": "ENFORCEMENT", "selection": {"alertIds": shop.ids()},
        "plan": {"action": "SEND_WARNING", "reason": "Below the agreed price."},
    }  # fmt: skip
    assert await codes(world, Role.SALES, "EnforcementPreview", **given) == ["FORBIDDEN"]
    preview = await act(world, Role.OPS, "EnforcementPreview", **given)
    assert (preview["total"], preview["actionable"], preview["impact"]) == (
        2, 2, [{"amount": "2000.00", "currencyCode": "INR"}],
    )  # fmt: skip
    assert [each["target"] for each in preview["items"]["nodes"]] == [
        {"__typename": "Alert", "id": id_} for id_ in shop.ids()
    ]
    assert await world.rows("SELECT 1 FROM batch") == [], "a preview does nothing"

    key = world.key()
    batch = await act(world, Role.OPS, "BatchCreate", previewId=preview["id"], title="Week 47", idempotencyKey=key)
    assert (batch["status"], batch["title"], batch["counts"]) == ("READY", "Week 47", {"total": 2, "pending": 2})
    again = await run(
        world, Role.OPS, "BatchCreate", input={"previewId": preview["id"], "title": "Week 47", "idempotencyKey": key}
    )
    assert (again["idempotencyReplayed"], again["batch"]["id"]) == (True, batch["id"])
    started = await act(world, Role.OPS, "BatchStart", id=batch["id"], idempotencyKey=world.key())
    assert (started["status"], started["startedAt"]) == ("RUNNING", iso(NOW))
    await shop.work(batch["id"])

    page = await run(world, Role.OPS, "BatchEvents", batchId=batch["id"], first=500)
    seqs = [int(each["seq"]) for each in page["events"]]
    assert seqs == list(range(1, len(seqs) + 1)) and not page["hasMore"] and page["lastSeq"] == str(seqs[-1])
    assert page["events"][-1]["counts"]["succeeded"] == 2
    settled = [item for each in page["events"] for item in each.get("items", ())]
    assert [(item["n"], item["status"]) for item in settled] == [(1, "SUCCEEDED"), (2, "SUCCEEDED")]
    rest = await run(world, Role.OPS, "BatchEvents", batchId=batch["id"], after="2")
    assert rest["events"] == page["events"][2:]
    live = world.souk.runner.events_plan(
        NAMED["BatchLive"].text, None, {"batchId": batch["id"], "after": "2"}, world.context(Role.OPS)
    )
    told = [json.loads(body)["data"]["batchEvents"] for _, body in await live.fetch(live.after or 0)]
    assert told == rest["events"]

    whole = await run(world, Role.OPS, "BatchReport", id=batch["id"])
    batch = whole["batch"]
    assert (batch["status"], batch["counts"]["succeeded"], batch["items"]["totalCount"]) == ("COMPLETED", 2, 2)
    assert [item["outcome"] for item in batch["items"]["nodes"]] == ["WARNED", "WARNED"]
    (action,) = whole["actions"]
    assert (whole["total"], action["action"], action["succeeded"]) == (2, "SEND_WARNING", 2)
    assert action["impact"] == [{"amount": "2000.00", "currencyCode": "INR"}]
    assert sorted(each["dealer"]["name"] for each in whole["dealers"]) == ["First Motors", "Second Motors"]
    assert (whole["effect"]["enforced"], whole["effect"]["cured"], whole["effect"]["recovered"]) == (2, 0, [])
    assert [each["even"] for each in whole["fairness"]] == [True]
