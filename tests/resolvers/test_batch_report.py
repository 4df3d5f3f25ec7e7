"""The report of a batch: totals, before and after, and whether the same facts got the same step."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from souk.db.session import Database
from souk.models import Alert, EvidenceSaleRow, new_id
from souk.rules.actor import Role
from souk.rules.enums import DepthBand, PolicyKind
from souk.rules.impact import depth_band, recovered
from tests.resolvers.margin import at
from tests.resolvers.test_batch import Shop
from tests.worker.conftest import worker_db
from tests.world import World

__all__ = ["worker_db"]
GROUP = "items succeeded failed skipped impact { amount currencyCode }"
REPORT = f"""query($id: ID!) {{ batchReport(batchId: $id) {{
  batch {{ id status }} total succeeded failed skipped durationMs perSecondTenths
  actions {{ action {GROUP} }} dealers {{ dealer {{ name }} {GROUP} }}
  effect {{ enforced cured curedBp medianCureSeconds recovered {{ amount currencyCode }} }}
  fairness {{ facts {{ alertKind depthBand repeatCount standing }} items even actions {{ action items }} }}
}} }}"""
GOLDEN = [(6, 100_000), (2, 92_000), (1, 105_000)]


@pytest.fixture
def shop(world: World, worker_db: Database) -> Shop:
    return Shop(world, worker_db)


async def ran(shop: Shop, *dealers: Any) -> str:
    """A batch that warned these dealers, one alert each."""
    for dealer in dealers:
        await shop.breach(dealer)
    batch = (await shop.create())["batch"]
    await shop.act(Role.OPS, "batchStart", batch["id"])
    await shop.work(batch["id"])
    return str(batch["id"])


async def report(shop: Shop, id_: str, who: Role = Role.OPS) -> Any:
    return (await shop.world.data(who, REPORT, {"id": id_}))["batchReport"]


async def sold(shop: Shop, n: int, rows: list[tuple[int, int]], hours: float = 1, dealer: Any = None) -> None:
    """Sales at the price of the n-th alert, so long after the present."""
    world, when = shop.world, shop.now + timedelta(hours=hours)
    await world.add(
        *(EvidenceSaleRow(id=new_id(), alert_id=shop.alerts[n], dealer_id=dealer or world.dealer, occurred_at=when, units=units,
                          unit_price_minor=price, currency="INR", source="FEED", external_ref=str(new_id()))
          for units, price in rows)
    )  # fmt: skip


async def changed(shop: Shop, n: int, **values: Any) -> None:
    """The n-th alert with other values, as a test may have them."""
    async with at(shop.world, shop.now) as tx:
        alert = await tx.session.get_one(Alert, (shop.world.tenant_id, shop.alerts[n]))
        for name, value in values.items():
            setattr(alert, name, value)
        tx.emit("test.changed", alert)


async def cure(shop: Shop, n: int, after: timedelta, cycle: int = 1) -> None:
    await changed(shop, n, status="RESOLVED", resolved_at=shop.now + after, cycle=cycle)


async def test_what_was_done_and_what_came_of_it(shop: Shop) -> None:
    world = shop.world
    id_ = await ran(shop, world.dealer, world.dealer, world.other_dealer)
    found = await report(shop, id_)
    assert found["batch"] == {"id": id_, "status": "COMPLETED"}
    assert (found["total"], found["succeeded"], found["failed"], found["skipped"]) == (3, 3, 0, 0)
    assert int(found["durationMs"]) > 0 and found["perSecondTenths"] == round(30_000 / int(found["durationMs"]))
    money = [{"amount": "3000.00", "currencyCode": "INR"}]
    done = {"items": 3, "succeeded": 3, "failed": 0, "skipped": 0, "impact": money}
    assert found["actions"] == [{"action": "SEND_WARNING", **done}]
    assert {(each["dealer"]["name"], each["items"], each["impact"][0]["amount"]) for each in found["dealers"]} == {
        ("First Motors", 2, "2000.00"), ("Second Motors", 1, "1000.00"),
    }  # fmt: skip
    assert found["effect"] == {"enforced": 3, "cured": 0, "curedBp": 0, "medianCureSeconds": None, "recovered": []}

    await cure(shop, 0, timedelta(hours=5))
    await cure(shop, 1, timedelta(hours=9))
    await cure(shop, 2, timedelta(hours=9), cycle=2)  # cured once more, after it came back: no cure of this batch
    effect = (await report(shop, id_))["effect"]
    assert (effect["enforced"], effect["cured"], effect["curedBp"], effect["medianCureSeconds"]) == (
        3,
        2,
        6667,
        "18000",
    )
    assert (await report(shop, id_, Role.VIEWER))["effect"] == effect
    assert (await world.ask(Role.DEALER, REPORT, {"id": id_})) == {"data": {"batchReport": None}}, "not its batch"
    assert (await world.ask(Role.PUBLIC, REPORT, {"id": id_}))["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_recovered_margin_is_that_of_the_golden_vector(shop: Shop) -> None:
    world = shop.world
    await shop.breach(world.dealer)
    await changed(shop, 0, price_minor=85_000)
    id_ = await ran(shop)
    await sold(shop, 0, GOLDEN)
    await sold(shop, 0, [(50, 100_000)], hours=-1)  # before the act
    await sold(shop, 0, [(50, 100_000)], dealer=world.other_dealer)  # a peer's
    effect = (await report(shop, id_))["effect"]
    assert effect["recovered"] == [{"amount": "1190.00", "currencyCode": "INR"}]


@pytest.mark.parametrize("seed", range(3))
async def test_the_recovered_margin_is_what_the_rule_says(shop: Shop, seed: int) -> None:
    rng = random.Random(seed)
    id_ = await ran(shop, shop.world.dealer, shop.world.dealer)
    expected = 0
    for n in range(2):
        rows = [(rng.randint(1, 40), rng.randint(80_000, 120_000)) for _ in range(rng.randint(1, 12))]
        await sold(shop, n, rows, hours=rng.uniform(0.1, 400))
        expected += recovered(PolicyKind.MAP, 100_000, 90_000, rows).amount
    (won,) = (await report(shop, id_))["effect"]["recovered"]
    assert Decimal(won["amount"]) * 100 == expected


async def test_the_same_facts_with_another_step_stand_out(shop: Shop) -> None:
    world = shop.world
    id_ = await ran(shop, world.dealer, world.other_dealer)
    facts = {"alertKind": "MAP_BREACH", "depthBand": "MODERATE", "repeatCount": 1, "standing": "WATCH"}
    even = {"facts": facts, "items": 2, "even": True, "actions": [{"action": "SEND_WARNING", "items": 2}]}
    assert (await report(shop, id_))["fairness"] == [even]
    async with world.souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        await connection.execute(text("UPDATE batch_item SET action = 'SUSPEND' WHERE n = 2"))
    found = await report(shop, id_)
    assert found["fairness"] == [
        even | {"even": False, "actions": [{"action": "SEND_WARNING", "items": 1}, {"action": "SUSPEND", "items": 1}]}
    ]
    assert [each["action"] for each in found["actions"]] == ["SEND_WARNING", "SUSPEND"]


@pytest.mark.parametrize(
    ("kind", "price", "band"),
    [(PolicyKind.MAP, 95_001, DepthBand.SHALLOW), (PolicyKind.MAP, 95_000, DepthBand.MODERATE),
     (PolicyKind.MRP_FLOOR, 85_000, DepthBand.DEEP), (PolicyKind.MAP, 70_000, DepthBand.EXTREME),
     (PolicyKind.MRP_CEILING, 114_999, DepthBand.MODERATE), (PolicyKind.MRP_CEILING, 130_000, DepthBand.EXTREME)],
)  # fmt: skip
def test_a_depth_has_one_band(kind: PolicyKind, price: int, band: DepthBand) -> None:
    assert depth_band(kind, 100_000, price) is band
