"""Margin defence from end to end: what a dealer does, what staff and a worker do about it, and what comes of it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio

from souk.db.session import Database
from souk.gateways.storage import Directory
from souk.resolvers.impact import term_of
from souk.rules.actor import Role
from souk.rules.impact import recompute
from souk.worker import due, enforcement
from souk.worker.batch import RUN, step
from souk.worker.letters import SEND
from souk.worker.loop import Worker
from tests.resolvers.margin import iso
from tests.worker.bringing import Bring
from tests.worker.conftest import doors
from tests.world import World

__all__ = ["doors"]
assert due.TIMERS and enforcement.Enforce
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SKUS = 'what = "SKUS"\nname = "goods"\ncurrency = "INR"\n[fields.code]\nfrom = "no"\n[fields.name]\nfrom = "name"\n'
SALES = """
what = "SALES"
name = "till"
currency = "INR"
[fields.sku]
from = "no"
[fields.units]
from = "units"
[fields.price]
from = "price"
[fields.captured_at]
from = "at"
"""
MONEY = "{ amount currencyCode }"
ALERT = f"""query($id: ID!) {{ alert(id: $id) {{ status cycle kind severity version price {MONEY} limit {MONEY}
  dealer {{ standing notice restrictions {{ nodes {{ kind until batchItem {{ n }} }} }} }} listing {{ id price {MONEY} }}
  rule {{ kind n depthBp gap {MONEY} tolerance {MONEY} }}
  impact {{ atRisk {MONEY} terms {{ name amount {MONEY} inputs {{ name values }} }} }}
  evidenceChain {{ head verified brokenAt }} evidenceSnapshots {{ nodes {{ n hash price {MONEY} }} }}
  evidenceSaleRows {{ nodes {{ units unitPrice {MONEY} }} }}
  timeline(first: 100) {{ nodes {{ seq type at fromStatus toStatus }} }} tasks {{ nodes {{ id title status outcome }} }} }} }}"""
COUNTS = "total pending succeeded failed skipped"
EVENTS = f"""query($id: ID!) {{ batchEvents(batchId: $id, first: 500) {{ hasMore lastSeq events {{ __typename seq counts {{ {COUNTS} }}
  impactSoFar {MONEY} ... on BatchStateChanged {{ from to }} }} }} }}"""
REPORT = f"""query($id: ID!) {{ batchReport(batchId: $id) {{ total succeeded failed skipped
  actions {{ action items succeeded impact {MONEY} }} dealers {{ dealer {{ name }} items }}
  effect {{ enforced cured curedBp medianCureSeconds recovered {MONEY} }}
  fairness {{ even items facts {{ alertKind depthBand repeatCount standing }} actions {{ action items }} }} }} }}"""


def inr(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "INR"}


def costs(alert: Any) -> list[tuple[str, str]]:
    """The terms by name; each is what its inputs come to, and together they are what is at risk."""
    terms = alert["impact"]["terms"]
    for each in terms:
        assert recompute(term_of(each | {"amount": {"minor": 0}})) == int(each["amount"]["amount"].replace(".", ""))
    return [(each["name"], each["amount"]["amount"]) for each in terms]


class Loop:
    """Somebody of each role, a worker, and a clock that only the test moves."""

    def __init__(self, world: World, worker: Database, bring: Bring) -> None:
        self.world, self.db, self.bring = world, worker, bring
        self.worker = Worker(worker, clock=lambda: world.now)

    async def does(self, who: Role, mutation: str, selection: str, /, **given: Any) -> Any:
        payload = await self.world.do(who, mutation, selection, **given)
        assert payload["userErrors"] == [], payload
        return payload

    async def refused(self, who: Role, mutation: str, selection: str, /, **given: Any) -> list[str]:
        payload = await self.world.do(who, mutation, selection, **given)
        return [error["code"] for error in payload["userErrors"]]

    async def sells(self, units: int, price: str) -> None:
        """A sale of the dealer now, as its till's file tells it."""
        line = f"A,{units},{price},{iso(self.world.now)}\n"
        found = await self.bring(b"no,units,price,at\n" + line.encode(), SALES, self.world.dealer)
        assert (found.status, found.imported) == ("COMPLETED", 1)

    async def waits(self, until: Any) -> None:
        """The time comes, and a worker does what is due by then."""
        self.world.now = until
        sql = "SELECT kind, ref FROM souk.work WHERE tenant_id = :t AND due_at <= :now AND kind <> ALL (:others)"
        given = {"t": self.world.tenant_id, "now": until, "others": [RUN, SEND]}
        for kind, ref in await self.world.rows(sql, **given):
            held = await self.worker.queue.take(self.world.tenant_id, kind, ref, until)
            assert held is not None
            await self.worker._serve(held)

    async def alert(self, who: Role = Role.OPS) -> Any:
        return (await self.world.data(who, ALERT, {"id": self.alert_id}))["alert"]

    async def enforces(self, action: str, title: str) -> str:
        """Preview, batch, a second person's word, start, and the run by a worker; gives the batch."""
        world, plan = self.world, {"action": action, "reason": "Below the agreed price."}
        selection = {"alerts": {"status": ["OPEN"]}}
        fields = (
            f"preview {{ id total actionable impact {MONEY} items {{ nodes {{ action warnings target {{ id }} }} }} }}"
        )
        preview = (
            await self.does(Role.OPS, "batchPreview", fields, kind="ENFORCEMENT", selection=selection, plan=plan)
        )["preview"]
        (item,) = preview["items"]["nodes"]
        assert (preview["total"], preview["actionable"]) == (1, 1)
        assert item == {"action": action, "warnings": [], "target": {"id": self.alert_id}}
        assert preview["impact"] == (await self.alert())["impact"]["atRisk"]
        key = {"idempotencyKey": world.key()}
        made = await self.does(
            Role.OPS, "batchCreate", "batch { id status }", previewId=preview["id"], title=title, **key
        )
        id_ = str(made["batch"]["id"])
        assert made["batch"]["status"] == "PENDING_APPROVAL"
        given = {"id": id_, "decision": "APPROVE"}
        own = await self.refused(Role.OPS, "batchDecide", "batch { id }", **given, idempotencyKey=world.key())
        assert own == ["APPROVER_IS_CREATOR"]
        decided = await self.does(
            Role.ADMIN, "batchDecide", "batch { status approver { name } }", **given, idempotencyKey=world.key()
        )
        assert decided["batch"] == {"status": "READY", "approver": {"name": "ADMIN person"}}
        begun = await self.does(Role.OPS, "batchStart", "batch { status }", id=id_, idempotencyKey=world.key())
        assert begun["batch"]["status"] == "RUNNING"
        (row,) = await world.rows("SELECT id FROM batch WHERE status = 'RUNNING'")
        when: Any = world.now
        while when is not None:
            world.now = max(world.now, when)
            when = (await step(self.db, world.tenant_id, row.id, now=world.now, size=200)).due
        return id_


@pytest_asyncio.fixture
async def loop(world: World, doors: tuple[Database, Database, Directory], tmp_path: Path) -> Loop:
    return Loop(world, doors[1], Bring(world, doors, tmp_path))


async def test_from_a_listing_below_the_policy_to_the_margin_that_came_back(loop: Loop) -> None:
    world = loop.world
    await loop.does(Role.OWNER, "settingsUpdate", "settings { version }", expectedVersion=1, fourEyes=[inr("1000.00")])
    await loop.bring(b"no,name\nA,A thing\n", SKUS)
    (sku,) = (await world.data(Role.OPS, "{ skus { nodes { id } } }"))["skus"]["nodes"]
    policy = {"skuId": sku["id"], "kind": "MAP", "amount": inr("1000.00"), "validFrom": iso(world.now - 90 * DAY)}
    await loop.does(Role.ADMIN, "pricePolicyCreate", "pricePolicy { id }", **policy)

    # a listing, a breach, an alert
    given = {"kind": "PRODUCT", "title": "A thing", "skuId": sku["id"], "product": {"availability": "IN_STOCK"}}
    made = await loop.does(Role.DEALER, "listingCreate", "listing { id version status }", **given, price=inr("900.00"))
    mine = {"id": made["listing"]["id"], "expectedVersion": 1}
    sent = await loop.does(Role.DEALER, "listingSubmit", "listing { version status }", **mine)
    assert sent["listing"]["status"] == "PENDING_REVIEW"
    mine["expectedVersion"] = sent["listing"]["version"]
    live = await loop.does(Role.OPS, "listingModerate", "listing { version status }", **mine, action="APPROVE")
    assert live["listing"]["status"] == "ACTIVE"
    mine["expectedVersion"] = live["listing"]["version"]
    (found,) = (await world.data(Role.OPS, "{ alerts { nodes { id } } }"))["alerts"]["nodes"]
    loop.alert_id = found["id"]
    world.now += HOUR
    await loop.sells(14, "900.00")
    world.now += HOUR
    cheaper = await loop.does(Role.DEALER, "listingUpdate", "listing { version }", **mine, price=inr("850.00"))
    mine["expectedVersion"] = cheaper["listing"]["version"]
    alert = await loop.alert()
    assert (alert["status"], alert["cycle"], alert["kind"], alert["severity"]) == ("OPEN", 1, "MAP_BREACH", "LOW")
    assert (alert["price"], alert["limit"], alert["listing"]["id"]) == (inr("850.00"), inr("1000.00"), mine["id"])
    rule = {"kind": "MAP", "n": 1, "depthBp": 1500, "gap": inr("150.00"), "tolerance": inr("0.00")}
    assert (alert["rule"], alert["dealer"]["standing"]) == (rule, "WATCH")
    # 14 x 100.00 happened; one a day for 30 days at 150.00 below will; nobody else sells it
    assert costs(alert) == [
        ("OBSERVED_LEAKAGE", "1400.00"), ("RUN_RATE_EXPOSURE", "4500.00"), ("CASCADE_EXPOSURE", "0.00"),
    ]  # fmt: skip
    assert alert["impact"]["atRisk"] == [inr("5900.00")]
    told = """query($id: ID!) { alert(id: $id) { status cycle cureDueAt price { amount } } }"""
    assert (await world.data(Role.DEALER, told, {"id": loop.alert_id}))["alert"] is None, "no notice was sent yet"

    # a task for somebody, done when the loop is closed
    task = await loop.does(
        Role.OPS, "taskCreate", "task { id version status }", kind="FOLLOW_UP", title="Call them", alertId=loop.alert_id
    )
    assert task["task"]["status"] == "TODO"

    # two notices, each with its time to cure, that are not heeded
    for n in (1, 2):
        await loop.enforces("SEND_WARNING", f"Notice {n}")
        passes = world.now + 72 * HOUR
        shown = (await world.data(Role.DEALER, told, {"id": loop.alert_id}))["alert"]
        assert shown == {"status": "AWAITING_CURE", "cycle": n, "cureDueAt": iso(passes), "price": {"amount": "850.00"}}
        assert (await loop.alert())["dealer"] == {"standing": "WARNED", "notice": n, "restrictions": {"nodes": []}}
        await loop.waits(passes)
        alert = await loop.alert()
        assert (alert["status"], alert["cycle"], alert["impact"]["atRisk"]) == ("OPEN", n + 1, [inr("5900.00")])

    # the third step takes from the dealer what it needs to trade
    id_ = await loop.enforces("RESTRICT", "The third step")
    acted = world.now
    alert = await loop.alert()
    assert (alert["status"], alert["dealer"]["standing"]) == ("AWAITING_CURE", "RESTRICTED")
    lacks = [
        {"kind": kind, "until": None, "batchItem": {"n": 1}} for kind in ("LEAD_UNLOCK", "LISTING_RESUME", "OFFER")
    ]
    assert sorted(alert["dealer"]["restrictions"]["nodes"], key=lambda each: each["kind"]) == lacks
    other = await loop.does(Role.DEALER, "listingCreate", "listing { id version }", kind="PRODUCT", title="Another thing",
                            price=inr("5.00"), product={"availability": "IN_STOCK"})  # fmt: skip
    second = {"id": other["listing"]["id"], "expectedVersion": other["listing"]["version"]}
    assert await loop.refused(Role.DEALER, "listingSubmit", "listing { id }", **second) == ["FORBIDDEN"]
    feed = (await world.data(Role.OPS, EVENTS, {"id": id_}))["batchEvents"]
    seqs = [int(each["seq"]) for each in feed["events"]]
    assert (seqs, feed["hasMore"], feed["lastSeq"]) == ([*range(1, len(seqs) + 1)], False, str(len(seqs)))
    (settled,) = (each for each in feed["events"] if each["__typename"] == "BatchItemsChanged")
    assert (settled["counts"], settled["impactSoFar"]) == (
        {"total": 1, "pending": 0, "succeeded": 1, "failed": 0, "skipped": 0}, [inr("5900.00")],
    )  # fmt: skip
    states = [(each["from"], each["to"]) for each in feed["events"] if each["__typename"] == "BatchStateChanged"]
    assert states == [
        (None, "PENDING_APPROVAL"), ("PENDING_APPROVAL", "READY"), ("READY", "RUNNING"), ("RUNNING", "COMPLETED"),
    ]  # fmt: skip
    before = (await world.data(Role.OPS, REPORT, {"id": id_}))["batchReport"]
    facts = {"alertKind": "MAP_BREACH", "depthBand": "DEEP", "repeatCount": 3, "standing": "WARNED"}
    assert before == {
        "total": 1, "succeeded": 1, "failed": 0, "skipped": 0,
        "actions": [{"action": "RESTRICT", "items": 1, "succeeded": 1, "impact": [inr("5900.00")]}],
        "dealers": [{"dealer": {"name": "First Motors"}, "items": 1}],
        "effect": {"enforced": 1, "cured": 0, "curedBp": 0, "medianCureSeconds": None, "recovered": []},
        "fairness": [{"even": True, "items": 1, "facts": facts, "actions": [{"action": "RESTRICT", "items": 1}]}],
    }  # fmt: skip

    # three are sold at the agreed price; the listing still breaches, then it does not
    world.now += HOUR
    await loop.sells(3, "1000.00")
    alert = await loop.alert()
    assert (alert["status"], alert["price"]) == ("AWAITING_CURE", inr("850.00"))
    assert [(each["units"], each["unitPrice"]) for each in alert["evidenceSaleRows"]["nodes"]] == [
        (3, inr("1000.00")), (14, inr("900.00")),
    ]  # fmt: skip
    world.now += HOUR
    await loop.does(Role.DEALER, "listingUpdate", "listing { price { amount } }", **mine, price=inr("1000.00"))
    alert = await loop.alert()
    assert (alert["status"], alert["cycle"], alert["listing"]["price"]) == ("RESOLVED", 3, inr("1000.00"))
    assert costs(alert)[-1] == ("RECOVERED", "450.00"), "3 x (150.00 - 0.00)"
    assert alert["evidenceChain"] == {
        "head": alert["evidenceSnapshots"]["nodes"][-1]["hash"],
        "verified": True,
        "brokenAt": None,
    }
    assert (alert["dealer"]["standing"], alert["dealer"]["notice"]) == ("WATCH", 0)
    lacked = alert["dealer"]["restrictions"]["nodes"]
    assert {each["until"] for each in lacked} == {iso(world.now)} and len(lacked) == 3
    await loop.does(Role.DEALER, "listingSubmit", "listing { id }", **second)
    after = (await world.data(Role.OPS, REPORT, {"id": id_}))["batchReport"]
    effect = {"enforced": 1, "cured": 1, "curedBp": 10_000, "medianCureSeconds": "7200", "recovered": [inr("450.00")]}
    assert after == before | {"effect": effect} and world.now == acted + 2 * HOUR

    # everything that happened to it is told, in the order of time, and the task is closed with what came of it
    said = alert["timeline"]["nodes"]
    assert [int(each["seq"]) for each in said] == [*range(1, len(said) + 1)]
    assert [each["at"] for each in said] == sorted(each["at"] for each in said)
    moves = [(each["fromStatus"], each["toStatus"]) for each in said if each["toStatus"]]
    cycle = [("OPEN", "ENFORCING"), ("ENFORCING", "AWAITING_CURE")]
    again = [*cycle, ("AWAITING_CURE", "OPEN")]
    assert moves == [(None, "OPEN"), *again, *again, *cycle, ("AWAITING_CURE", "RESOLVED")]
    (mine_to_do,) = alert["tasks"]["nodes"]
    done = await loop.does(Role.OPS, "taskCloseLoop", "task { status outcome }", id=mine_to_do["id"], expectedVersion=1,
                           outcome="PRICE_FIXED", note="They moved it to the agreed price.")  # fmt: skip
    assert done["task"] == {"status": "DONE", "outcome": "PRICE_FIXED"}
    followed = "{ tasks(first: 10) { nodes { kind title batch { id } } } }"
    nodes = (await world.data(Role.OPS, followed))["tasks"]["nodes"]
    assert [each["title"] for each in nodes if each["batch"]] == ["Follow up with First Motors"] * 3
