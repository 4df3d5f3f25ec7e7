"""The way of a breach through the API alone: SKU, policy, listing, alert, cure, and the same breach again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from souk.rules.actor import Role
from tests.resolvers.margin import iso
from tests.world import NOW, World

DAY = timedelta(days=1)
ALERTS = """{ alerts(orderBy: OLDEST) { nodes { kind status severity score cycle price { amount } limit { amount }
  sku { code alerts { totalCount } policies { nodes { kind } } } dealer { name standing alerts { totalCount } } competitor { name }
  listing { id } policy { amount { amount } } timeline { nodes { seq type fromStatus toStatus } }
  evidenceSnapshots { nodes { n outcome price { amount } url hash } } evidenceChain { head verified }
  rule { depthBp } impact { atRisk { amount } } } } }"""


def money(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "INR"}


async def begin(world: World, price: str, kind: str = "MAP") -> tuple[str, dict[str, Any]]:
    """A SKU with a policy of 1,000.00, and a listing of it at a price, made by their mutations."""
    made = await world.do(Role.ADMIN, "skuCreate", "sku { id }", code="S-1", name="Thing", currencyCode="INR")
    sku_id = made["sku"]["id"]
    policy = await world.do(
        Role.ADMIN, "pricePolicyCreate", "pricePolicy { id sku { code } }", skuId=sku_id, kind=kind,
        amount=money("1000.00"), validFrom=iso(NOW - DAY),
    )  # fmt: skip
    assert policy["pricePolicy"]["sku"] == {"code": "S-1"}
    listing = await world.do(
        Role.DEALER, "listingCreate", "listing { id version status }", kind="PRODUCT", title="A thing", skuId=sku_id,
        price=money(price), product={"availability": "IN_STOCK"},
    )  # fmt: skip
    assert listing["userErrors"] == []
    return sku_id, listing["listing"]


async def reprice(world: World, listing: dict[str, Any], price: str) -> dict[str, Any]:
    payload = await world.do(
        Role.DEALER, "listingUpdate", "listing { id version status }", id=listing["id"],
        expectedVersion=listing["version"], price=money(price),
    )  # fmt: skip
    assert payload["userErrors"] == []
    changed: dict[str, Any] = payload["listing"]
    return changed


async def test_a_listing_past_its_policy_raises_an_alert_and_a_fixed_one_resolves_it(world: World) -> None:
    _, listing = await begin(world, "850.00")
    [alert] = (await world.data(Role.OPS, ALERTS))["alerts"]["nodes"]
    [snapshot] = alert["evidenceSnapshots"]["nodes"]
    assert snapshot == {
        "n": 1,
        "outcome": "FOUND",
        "price": {"amount": "850.00"},
        "url": None,
        "hash": snapshot["hash"],
    }
    assert alert | {"evidenceSnapshots": None} == {
        "kind": "MAP_BREACH", "status": "OPEN", "severity": "LOW", "score": "20.0", "cycle": 1,
        "price": {"amount": "850.00"}, "limit": {"amount": "1000.00"},
        "sku": {"code": "S-1", "alerts": {"totalCount": 1}, "policies": {"nodes": [{"kind": "MAP"}]}},
        "dealer": {"name": "First Motors", "standing": "WATCH", "alerts": {"totalCount": 1}}, "competitor": None,
        "listing": {"id": listing["id"]}, "policy": {"amount": {"amount": "1000.00"}},
        "timeline": {"nodes": [{"seq": "1", "type": "alert.opened", "fromStatus": None, "toStatus": "OPEN"}]},
        "evidenceSnapshots": None, "evidenceChain": {"head": snapshot["hash"], "verified": True},
        "rule": {"depthBp": 1500}, "impact": {"atRisk": [{"amount": "0.00"}]},
    }  # fmt: skip

    world.now = NOW + DAY
    listing = await reprice(world, listing, "1000.00")
    world.now = NOW + 2 * DAY
    listing = await reprice(world, listing, "700.00")
    [alert] = (await world.data(Role.OPS, ALERTS))["alerts"]["nodes"]
    # 40·1 (depth 30 %) + 15·⅓ (one breach before)
    assert (alert["status"], alert["cycle"], alert["score"], alert["severity"]) == ("OPEN", 2, "45.0", "MEDIUM")
    assert [event["type"] for event in alert["timeline"]["nodes"]] == [
        "alert.opened",
        "alert.resolved",
        "alert.reopened",
    ]
    audit = "SELECT op FROM audit_event WHERE changes::text LIKE '%Alert:%' ORDER BY seq"
    assert await world.rows(audit) == [("listingCreate",), ("listingUpdate",), ("listingUpdate",)]


async def test_handing_in_is_warned_not_blocked(world: World) -> None:
    _, listing = await begin(world, "850.00")
    world.now = NOW + DAY
    payload = await world.do(
        Role.DEALER, "listingSubmit", "listing { status }", id=listing["id"], expectedVersion=listing["version"]
    )
    assert payload == {"listing": {"status": "PENDING_REVIEW"}, "userErrors": []}
    [alert] = (await world.data(Role.OPS, ALERTS))["alerts"]["nodes"]
    assert [event["type"] for event in alert["timeline"]["nodes"]] == ["alert.opened", "alert.repeated"]


async def test_a_ceiling_is_passed_from_below(world: World) -> None:
    _, listing = await begin(world, "1000.00", "MRP_CEILING")
    assert (await world.data(Role.OPS, ALERTS))["alerts"]["nodes"] == []
    world.now = NOW + DAY
    await reprice(world, listing, "1000.01")
    [alert] = (await world.data(Role.OPS, ALERTS))["alerts"]["nodes"]
    assert (alert["kind"], alert["score"], alert["rule"]) == ("MRP_CEILING_BREACH", "0.0", {"depthBp": 0})


@pytest.mark.parametrize("count", [8])
async def test_many_updates_at_once_make_one_alert(world: World, count: int) -> None:
    sku_id, _ = await begin(world, "1000.00")
    listings = []
    for n in range(count):
        made = await world.do(
            Role.DEALER, "listingCreate", "listing { id version }", kind="PRODUCT", title=f"Thing {n}", skuId=sku_id,
            price=money("1000.00"), product={"availability": "IN_STOCK"},
        )  # fmt: skip
        listings.append(made["listing"])
    world.now = NOW + DAY
    await asyncio.gather(*(reprice(world, listing, f"8{n}0.00") for n, listing in enumerate(listings)))
    [alert] = (await world.data(Role.OPS, ALERTS))["alerts"]["nodes"]
    assert (alert["status"], len(alert["evidenceSnapshots"]["nodes"]), alert["evidenceChain"]["verified"]) == (
        "OPEN", count, True,
    )  # fmt: skip
    told = [event["type"] for event in alert["timeline"]["nodes"]]
    assert (told[0], told.count("alert.opened"), told.count("alert.repeated")) == ("alert.opened", 1, count - 1)


async def test_sales_and_viewer_write_no_policy(world: World) -> None:
    sku_id, _ = await begin(world, "1000.00")
    document = "mutation($i: PricePolicyCreateInput!) { pricePolicyCreate(input: $i) { pricePolicy { id } } }"
    given = {"skuId": sku_id, "kind": "MRP_FLOOR", "amount": money("1.00"), "validFrom": iso(NOW)}
    for role in (Role.SALES, Role.VIEWER, Role.OPS, Role.DEALER):
        answer = await world.ask(role, document, {"i": given})
        assert answer["data"] == {"pricePolicyCreate": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert await world.rows("SELECT count(*) FROM price_policy") == [(1,)]
