"""Alerts as they are read and moved: cost term by term, evidence that vouches for itself, who sees and who may."""

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from souk.models import Competitor, Dealer, new_id
from souk.resolvers.evidence import Sale, canonical
from souk.resolvers.impact import term_of
from souk.rules import chain, impact
from souk.rules.actor import Actor, Role
from tests.resolvers.margin import alerts, listing, policy, report, see, sku, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)
TOLD = "notice_sent_at = '2026-11-22T10:00:00Z'"
IMPACT = """{ alerts { nodes { severity score cycle price { amount } limit { amount }
  rule { kind n limit { amount currencyCode } tolerance { amount } toleranceBp price { amount } gap { amount } depthBp }
  impact { terms { name amount { amount currencyCode } inputs { name values } } atRisk { amount currencyCode } } } } }"""


async def transition(world: World, who: Role | Actor, id_: str, to: str, version: int, **more: Any) -> dict[str, Any]:
    selection = "alert { status version resolution dismissReason }"
    return await world.do(who, "alertTransition", selection, id=id_, to=to, expectedVersion=version, **more)


async def peers(world: World) -> list[Any]:
    """Four dealers more."""
    rows = [
        Dealer(id=new_id(), kind="DEALERSHIP", name=f"Peer {n}", verification="VERIFIED", standing="GOOD")
        for n in range(4)
    ]
    await world.add(*rows)
    return rows


async def golden(world: World) -> None:
    """P 1,000.00, price 850.00, 12 units sold at it, 2 a day, four peers at 1.5 a day, 2 earlier breaches, 6 days."""
    thing = await sku(world)
    await policy(world, thing)
    for day, price in ((0, 850), (1, 1000), (10, 850), (11, 1000), (20, 850)):
        await report(world, thing, price * 100, NOW + day * DAY)
    now = NOW + 26 * DAY
    sold = [
        Sale(now - DAY, 12, 85_000, "own-1"),
        Sale(now - 2 * DAY, 10, 100_000, "own-2"),
        Sale(now - 3 * DAY, 6, 100_000, "own-3"),
        Sale(now - 14 * DAY, 99, 100_000, "own-4"),  # the run rate looks back 14 days, not at their beginning
    ]
    others = [Sale(now - DAY, 21, 100_000, f"peer-{n}", dealer_id=row.id) for n, row in enumerate(await peers(world))]
    await report(world, thing, 85_000, now, *sold, *others)


async def test_the_worked_example_comes_out_to_the_minor_unit(world: World) -> None:
    await golden(world)
    found = await world.data(Role.OPS, IMPACT)
    [alert] = found["alerts"]["nodes"]
    assert (alert["score"], alert["severity"], alert["cycle"]) == ("41.8", "MEDIUM", 3)
    assert alert["rule"] == {
        "kind": "MAP", "n": 1, "limit": {"amount": "1000.00", "currencyCode": "INR"}, "tolerance": {"amount": "0.00"},
        "toleranceBp": 0, "price": {"amount": "850.00"}, "gap": {"amount": "150.00"}, "depthBp": 1500,
    }  # fmt: skip
    terms = {term["name"]: term for term in alert["impact"]["terms"]}
    amounts = {name: term["amount"]["amount"] for name, term in terms.items()}
    assert amounts == {
        "OBSERVED_LEAKAGE": "1800.00",
        "RUN_RATE_EXPOSURE": "9000.00",
        "CASCADE_EXPOSURE": "4050.00",
        "RECOVERED": "0.00",
    } or amounts == {"OBSERVED_LEAKAGE": "1800.00", "RUN_RATE_EXPOSURE": "9000.00", "CASCADE_EXPOSURE": "4050.00"}
    assert alert["impact"]["atRisk"] == [{"amount": "14850.00", "currencyCode": "INR"}]
    assert terms["OBSERVED_LEAKAGE"]["inputs"] == [
        {"name": "kind", "values": ["MAP"]},
        {"name": "policyMinor", "values": ["100000"]},
        {"name": "units", "values": ["12", "115"]},
        {"name": "unitPriceMinor", "values": ["85000", "100000"]},
    ]
    assert terms["CASCADE_EXPOSURE"]["inputs"][3] == {"name": "peerUnitsPerDay", "values": ["3/2"] * 4}
    [(kept,)] = await world.rows("SELECT impact FROM alert")
    for document in kept["terms"]:
        term = term_of(document)
        assert impact.recompute(term) == term.amount


async def test_a_dealer_is_told_what_it_costs_and_not_what_each_peer_sells(world: World) -> None:
    await golden(world)
    await world.rows(f"UPDATE alert SET {TOLD} RETURNING 1")
    asked = (
        "{ alerts { nodes { impact { terms { name amount { amount } inputs { name values } } atRisk { amount } } } } }"
    )
    [staff] = (await world.data(Role.VIEWER, asked))["alerts"]["nodes"]
    bound = world.service("alert:read", dealer_id=world.dealer)
    assert (await world.data(world.service("alert:read"), asked))["alerts"]["nodes"] == [staff]
    for who in (world.actor(Role.DEALER), bound):
        [own] = (await world.data(who, asked))["alerts"]["nodes"]
        assert "peerUnitsPerDay" not in json.dumps(own)
        for term in staff["impact"]["terms"]:
            term["inputs"] = [each for each in term["inputs"] if each["name"] != "peerUnitsPerDay"]
        assert own == staff


async def test_a_cure_says_what_it_brought_back(world: World) -> None:
    await golden(world)
    cured = NOW + 30 * DAY
    after = [
        Sale(cured - DAY, 6, 100_000, "after-1"),
        Sale(cured - DAY, 2, 92_000, "after-2"),
        Sale(cured, 1, 105_000, "after-3"),
    ]
    [(sku_id,)] = await world.rows("SELECT sku_id FROM alert")
    await report(world, sku_id, 100_000, cured, *after)
    [alert] = (await world.data(Role.OPS, IMPACT))["alerts"]["nodes"]
    [recovered] = [term for term in alert["impact"]["terms"] if term["name"] == "RECOVERED"]
    assert recovered["amount"] == {"amount": "1190.00", "currencyCode": "INR"}
    assert alert["impact"]["atRisk"] == [{"amount": "14850.00", "currencyCode": "INR"}]


CHAIN = "{ alerts { nodes { evidenceChain { head verified brokenAt } } } }"


async def chain_of(world: World) -> tuple[bool, int | None]:
    found = (await world.data(Role.OPS, CHAIN))["alerts"]["nodes"][0]["evidenceChain"]
    return found["verified"], found["brokenAt"]


@pytest.mark.parametrize(
    ("tamper", "broken"),
    [
        ("UPDATE evidence_snapshot SET price_minor = 99999 WHERE n = 2", 2),
        ("UPDATE evidence_snapshot SET url = 'https://shop.example.com/other' WHERE n = 3", 3),
        ("UPDATE evidence_snapshot SET captured_at = captured_at + interval '1 microsecond' WHERE n = 1", 1),
        ("DELETE FROM evidence_snapshot WHERE n = 2", 3),
        ("DELETE FROM evidence_snapshot WHERE n = 1", 2),
        ("DELETE FROM evidence_snapshot WHERE n = 4", 4),
        ("DELETE FROM evidence_snapshot", 1),
    ],
)
async def test_evidence_that_was_touched_is_found_out(world: World, tamper: str, broken: int) -> None:
    thing = await sku(world)
    await policy(world, thing)
    for day in range(4):
        await report(world, thing, 85_000 + day, NOW + day * DAY, url=f'https://shop.example.com/"é\\{day}')
    assert await chain_of(world) == (True, None)
    # only who owns the tables and switches the triggers off can do it at all
    async with world.souk.owner.engine.connect() as connection, connection.begin() as done:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        await connection.execute(text("ALTER TABLE evidence_snapshot DISABLE TRIGGER append_only"))
        await connection.execute(text(tamper))
        await connection.execute(text("ALTER TABLE evidence_snapshot ENABLE ALWAYS TRIGGER append_only"))
        await done.commit()
    assert await chain_of(world) == (False, broken)


async def test_the_chain_in_sql_is_the_chain_of_the_rules(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)
    await see(world, row, 85_000, NOW + timedelta(microseconds=1))
    await report(world, thing, 84_000, NOW + DAY, url='https://shop.example.com/"é\\\t\x7f\u2028')
    columns = "alert_id, captured_at, currency, listing_id, n, outcome, price_minor, url, prev_hash, hash"
    rows = await world.rows(f"SELECT {columns} FROM evidence_snapshot ORDER BY n")
    links = [(canonical(row._mapping), row.prev_hash or chain.GENESIS, row.hash) for row in rows]
    verdict = chain.verify(links)
    assert (verdict.verified, verdict.count) == (True, 2)
    found = (await world.data(Role.OPS, CHAIN))["alerts"]["nodes"][0]["evidenceChain"]
    assert found == {"head": verdict.head.hex(), "verified": True, "brokenAt": None}


ALL = """query($id: ID!) { alert(id: $id) { id timeline { totalCount nodes { type } }
  evidenceSnapshots { totalCount } evidenceSaleRows { totalCount nodes { externalRef dealer { name } } }
  evidenceChain { verified } } }"""


async def test_a_dealer_sees_its_alert_after_the_notice_and_never_the_rows_of_others(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    sold = Sale(NOW, 1, 85_000, "own"), Sale(NOW, 1, 100_000, "peer", dealer_id=world.other_dealer)
    [alert] = await report(world, thing, 85_000, NOW, *sold)
    id_ = world.id("Alert", alert.id)
    unknown = await world.ask(Role.DEALER, ALL, {"id": world.id("Alert", new_id())})
    assert await world.ask(Role.DEALER, ALL, {"id": id_}) == unknown == {"data": {"alert": None}}
    assert await world.data(Role.DEALER, "{ alerts { totalCount nodes { id } } }") == {
        "alerts": {"totalCount": 0, "nodes": []}
    }
    await world.rows(f"UPDATE alert SET {TOLD} RETURNING 1")
    given = {"kind": "FOLLOW_UP", "title": "Call them", "alertId": id_}
    assert (await world.do(Role.SALES, "taskCreate", "task { id }", **given))["userErrors"] == []
    own = await world.data(Role.DEALER, ALL, {"id": id_})
    assert own["alert"] == {
        "id": id_, "timeline": {"totalCount": 1, "nodes": [{"type": "alert.opened"}]},
        "evidenceSnapshots": {"totalCount": 1},
        "evidenceSaleRows": {"totalCount": 1, "nodes": [{"externalRef": "own", "dealer": {"name": "First Motors"}}]},
        "evidenceChain": {"verified": True},
    }  # fmt: skip
    assert await world.ask(world.other_dealer_actor, ALL, {"id": id_}) == unknown
    staff = await world.data(Role.VIEWER, ALL, {"id": id_})
    assert staff["alert"]["evidenceSaleRows"]["totalCount"] == 2
    assert [event["type"] for event in staff["alert"]["timeline"]["nodes"]] == ["alert.opened", "alert.task_created"]
    for role in (Role.AGENT, Role.CUSTOMER, Role.PUBLIC):
        refused = await world.ask(role, ALL, {"id": id_})
        assert (refused["data"], refused["errors"][0]["extensions"]["code"]) == ({"alert": None}, "FORBIDDEN")

    events = (
        "query($id: ID!, $n: BigInt) { alertEvents(alertId: $id, after: $n) { events { seq type } lastSeq hasMore } }"
    )
    page = await world.data(Role.OPS, events, {"id": id_})
    assert page["alertEvents"] == {
        "events": [{"seq": "1", "type": "alert.opened"}, {"seq": "2", "type": "alert.task_created"}],
        "lastSeq": "2", "hasMore": False,
    }  # fmt: skip
    rest = await world.data(Role.OPS, events, {"id": id_, "n": "1"})
    assert [event["seq"] for event in rest["alertEvents"]["events"]] == ["2"]
    outside = await world.data(Role.DEALER, events, {"id": id_})
    assert [event["seq"] for event in outside["alertEvents"]["events"]] == ["1"]
    assert await world.data(world.other_dealer_actor, events, {"id": id_}) == {"alertEvents": None}

    reader = world.service("alert:read")
    partly = await world.ask(reader, "{ alerts { nodes { evidenceChain { head } evidenceSnapshots { totalCount } } } }")
    assert partly["data"]["alerts"]["nodes"] == [{"evidenceChain": None, "evidenceSnapshots": None}]
    assert {error["extensions"]["code"] for error in partly["errors"]} == {"FORBIDDEN"}
    bound = world.service("alert:read", "alert:readEvidence", dealer_id=world.other_dealer)
    assert (await world.data(bound, "{ alerts { totalCount } }"))["alerts"]["totalCount"] == 0


async def test_filters_and_orders(world: World) -> None:
    one, two = await sku(world), await sku(world, "S-2")
    for thing in (one, two):
        await policy(world, thing)
    await policy(world, one, kind="MRP_FLOOR")
    await report(world, one, 99_000, NOW)
    await report(world, two, 10_000, NOW + DAY, dealer_id=world.other_dealer)
    ask = "query($f: AlertFilter) { alerts(filter: $f, orderBy: SCORE) { nodes { kind severity dealer { name } } } }"

    async def kinds(**given: Any) -> list[tuple[str, str]]:
        found = await world.data(Role.SALES, ask, {"f": given})
        return [(node["kind"], node["dealer"]["name"][:3]) for node in found["alerts"]["nodes"]]

    assert [kind for kind, _ in await kinds()] == ["MAP_BREACH", "MRP_FLOOR_BREACH", "MAP_BREACH"] or len(
        await kinds()
    ) == 3
    assert (await kinds())[0] == ("MAP_BREACH", "Sec")
    assert await kinds(kind=["MRP_FLOOR_BREACH"]) == [("MRP_FLOOR_BREACH", "Fir")]
    assert await kinds(skuId=world.id("Sku", two)) == [("MAP_BREACH", "Sec")]
    assert await kinds(dealerId=world.id("Dealer", world.other_dealer), status=["OPEN"]) == [("MAP_BREACH", "Sec")]
    assert await kinds(severity=["MEDIUM", "HIGH"]) == [("MAP_BREACH", "Sec")]
    assert await kinds(status=["RESOLVED"]) == []
    assert len(await kinds(updatedSince="2026-11-23T00:00:00Z")) == 1


async def test_a_competitor_has_alerts_of_its_own(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    rival = Competitor(id=new_id(), name="Rival", domain="rival.example.com")
    await world.add(rival)
    await report(world, thing, 85_000, NOW)
    await report(world, thing, 85_000, NOW, competitor_id=rival.id)
    await report(world, thing, 100_000, NOW + DAY, competitor_id=rival.id)
    assert sorted(await statuses(world)) == [("OPEN", 1, 1), ("RESOLVED", 1, 2)]


# Moves ------------------------------------------------------------------------------------------------------------


async def raised(world: World, price: int = 85_000) -> tuple[Any, dict[str, Any]]:
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, price, NOW)
    [alert] = await alerts(world)
    return thing, alert


async def test_one_mutation_asks_the_row_of_the_step(world: World) -> None:
    _, alert = await raised(world)
    id_, version = alert["id"], alert["version"]
    before = await world.rows("SELECT * FROM alert")
    refused = await transition(world, Role.SALES, id_, "INVESTIGATING", version)
    assert [e["code"] for e in refused["userErrors"]] == ["FORBIDDEN"]
    nowhere = await transition(world, Role.SALES, id_, "RESOLVED", version, resolution="Done.")
    assert [e["code"] for e in nowhere["userErrors"]] == ["INVALID_TRANSITION"]
    document = "mutation($i: AlertTransitionInput!) { alertTransition(input: $i) { alert { id } } }"
    for role in (Role.VIEWER, Role.AGENT, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        answer = await world.ask(role, document, {"i": {"id": id_, "to": "ACKNOWLEDGED", "expectedVersion": version}})
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"alertTransition": None}, "FORBIDDEN")
    assert await world.rows("SELECT * FROM alert") == before

    done = await transition(world, Role.SALES, id_, "ACKNOWLEDGED", version, reason="Seen.")
    assert done["alert"] == {
        "status": "ACKNOWLEDGED",
        "version": version + 1,
        "resolution": None,
        "dismissReason": None,
    }
    again = await transition(world, Role.SALES, id_, "ACKNOWLEDGED", version)
    assert [e["code"] for e in again["userErrors"]] == ["STALE_VERSION"]
    await transition(world, Role.OPS, id_, "INVESTIGATING", version + 1)
    silent = await transition(world, Role.OPS, id_, "RESOLVED", version + 2)
    assert [(e["code"], e["field"]) for e in silent["userErrors"]] == [("REQUIRED", ["resolution"])]
    solved = await transition(world, Role.OPS, id_, "RESOLVED", version + 2, resolution="The price was put right.")
    assert solved["alert"]["resolution"] == "The price was put right."
    told = "SELECT type, reason FROM domain_event WHERE subject_type = 'Alert' ORDER BY seq"
    assert await world.rows(told) == [
        ("alert.opened", None),
        ("alert.acknowledged", "Seen."),
        ("alert.investigating", None),
        ("alert.resolved", "The price was put right."),
    ]


async def test_what_one_may_do_next_is_told(world: World) -> None:
    await raised(world)
    ask = "{ alerts { nodes { availableTransitions { to mutation allowed } } } }"

    async def ways(role: Role) -> list[tuple[str, bool]]:
        [node] = (await world.data(role, ask))["alerts"]["nodes"]
        return [(way["to"], way["allowed"]) for way in node["availableTransitions"]]

    steps = ("ACKNOWLEDGED", "INVESTIGATING", "DISMISSED", "SNOOZED")
    assert await ways(Role.OPS) == [(to, True) for to in steps]
    assert await ways(Role.SALES) == [(to, to == "ACKNOWLEDGED") for to in steps]


async def test_a_dismissed_price_opens_nothing_but_a_deeper_one_does(world: World) -> None:
    thing, alert = await raised(world)
    bare = await transition(world, Role.OPS, alert["id"], "DISMISSED", alert["version"])
    assert [(e["code"], e["field"]) for e in bare["userErrors"]] == [("REQUIRED", ["dismissReason"])]
    done = await transition(world, Role.OPS, alert["id"], "DISMISSED", alert["version"], dismissReason="FALSE_POSITIVE")
    assert done["alert"]["dismissReason"] == "FALSE_POSITIVE"
    version = done["alert"]["version"]
    early = await transition(world, Role.OPS, alert["id"], "OPEN", version)
    assert [(e["code"], e["field"]) for e in early["userErrors"]] == [("REQUIRED", ["to"])]

    await report(world, thing, 85_000, NOW + DAY)
    await report(world, thing, 90_000, NOW + 2 * DAY)
    assert await statuses(world) == [("DISMISSED", 1, 3)]
    await report(world, thing, 84_999, NOW + 3 * DAY)
    assert await statuses(world) == [("DISMISSED", 1, 3), ("OPEN", 1, 1)]
    await report(world, thing, 100_000, NOW + 4 * DAY)
    await report(world, thing, 85_000, NOW + 5 * DAY)  # still remembered after another alert came and went
    assert await statuses(world) == [("DISMISSED", 1, 4), ("RESOLVED", 1, 2)]

    [first, _] = await alerts(world)
    reopened = await transition(world, Role.OPS, first["id"], "OPEN", first["version"])
    assert reopened["alert"]["status"] == "OPEN"


async def test_a_dismissed_alert_does_not_open_beside_a_live_one(world: World) -> None:
    thing, alert = await raised(world)
    await transition(world, Role.OPS, alert["id"], "DISMISSED", alert["version"], dismissReason="DUPLICATE")
    await report(world, thing, 85_000, NOW + DAY)
    await report(world, thing, 80_000, NOW + 2 * DAY)
    first = (await alerts(world))[0]
    refused = await transition(world, Role.OPS, first["id"], "OPEN", first["version"])
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("NOT_UNIQUE", ["to"])]


async def test_after_an_exception_window_the_end_of_the_window_decides(world: World) -> None:
    thing, alert = await raised(world)
    await transition(world, Role.OPS, alert["id"], "DISMISSED", alert["version"], dismissReason="EXCEPTION_WINDOW")
    [(policy_id,)] = await world.rows("SELECT id FROM price_policy")
    await world.do(
        Role.ADMIN, "priceExceptionCreate", "pricePolicy { id }", policyId=world.id("PricePolicy", policy_id),
        startsAt="2026-11-01T00:00:00Z", endsAt="2026-11-25T00:00:00Z",
    )  # fmt: skip
    await report(world, thing, 80_000, NOW + DAY)
    assert await statuses(world) == [("DISMISSED", 1, 1)]
    await report(world, thing, 85_000, NOW + 3 * DAY)
    assert await statuses(world) == [("DISMISSED", 1, 1), ("OPEN", 1, 1)]


async def test_an_alert_is_followed_from_where_one_left_off(world: World) -> None:
    _, alert = await raised(world)
    await transition(world, Role.OPS, alert["id"], "ACKNOWLEDGED", alert["version"])
    follow = "subscription($id: ID!, $n: BigInt) { alertEvents(alertId: $id, after: $n) { seq type toStatus } }"
    runner = world.souk.runner
    for fused in (True, False):
        plan = runner.events_plan(follow, None, {"id": alert["id"], "n": "1"}, world.context(Role.OPS), fused=fused)
        found = [json.loads(body)["data"]["alertEvents"] for _, body in await plan.fetch(plan.after, 10)]
        assert found == [{"seq": "2", "type": "alert.acknowledged", "toStatus": "ACKNOWLEDGED"}]
        hidden = runner.events_plan(follow, None, {"id": alert["id"]}, world.context(Role.DEALER), fused=fused)
        assert await hidden.fetch(None, 10) == []
