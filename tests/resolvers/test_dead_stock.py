"""Stock that does not move: an alert per SKU, with what it costs, until it sells or is gone."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from souk.models import Listing, PriceObservation, ProductDetail, Sku, new_id
from souk.resolvers import observation
from souk.resolvers.impact import term_of
from souk.rules import impact
from souk.rules.actor import Role
from souk.worker.due import TIMERS
from tests.resolvers.margin import a_deal, at, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)
SHOWN = """{ alerts { nodes { kind status score dealer { id } competitor { id } sku { code } rule { n } limit { amount }
  price { amount } impact { terms { name amount { amount } inputs { name values } } atRisk { amount } }
  evidenceSnapshots { nodes { outcome price { amount } } } evidenceChain { verified } } } }"""


async def stock(
    world: World, *, days: int = 90, units: int | None = 73, cost: int | None = 10_000, code: str = "S-1", **more: Any
) -> Listing:
    """A SKU with a listing that carries it since so many days."""
    thing = Sku(id=new_id(), code=code, name=code, currency="INR", cost_minor=cost)
    await world.add(thing)
    return await carried(world, thing.id, days=days, units=units, **more)


async def carried(
    world: World,
    sku_id: UUID,
    *,
    days: int = 90,
    units: int | None = 73,
    price: int | None = 15_000,
    status: str = "ACTIVE",
) -> Listing:
    row = Listing(
        id=new_id(), dealer_id=world.dealer, kind="PRODUCT", status=status, title="A thing", currency="INR",
        price_minor=price, price_order=price or 2**62, negotiable=True, visibility="PUBLIC", sku_id=sku_id, capacity=units,
        published_at=NOW - days * DAY,
    )  # fmt: skip
    await world.add(row)
    return row


async def look(world: World, now: Any = NOW) -> list[tuple[str, int]]:
    """What the timer does; then (status, amount) of each alert, the oldest first."""
    async with at(world, now) as tx:
        await observation.look_at_stock(tx, world.tenant_id)
    return [tuple(row) for row in await world.rows("SELECT status, impact_minor FROM alert ORDER BY created_at, id")]


async def test_stock_that_does_not_move_is_an_alert_with_what_it_costs(world: World) -> None:
    assert TIMERS[observation.STOCK] is observation.look_at_stock
    row = await stock(world, days=89)
    await carried(world, row.sku_id, days=10, units=27, price=14_000)
    assert await look(world) == []
    due = "SELECT due_at FROM souk.work WHERE tenant_id = :t AND kind = 'stock.look' AND ref = :t"
    assert await world.rows(due, t=world.tenant_id) == [(NOW + DAY,)]
    now = NOW + DAY
    assert await look(world, now) == [("OPEN", 49_315)]  # 100 · 100.00 · 20 % · 90 / 365
    [alert] = (await world.data(Role.OPS, SHOWN))["alerts"]["nodes"]
    inputs = {"units": "100", "costMinor": "10000", "ageDays": "90", "carryBp": "2000", "deadStockDays": "90"}
    told = [{"name": name, "values": [value]} for name, value in inputs.items()]
    assert alert == {
        "kind": "DEAD_STOCK", "status": "OPEN", "dealer": None, "competitor": None, "sku": {"code": "S-1"}, "rule": None,
        "limit": None, "price": {"amount": "140.00"},
        "score": "8.1",  # 4.9 % of its value, of 30 %, and 493.15 of 10,000.00
        "impact": {"terms": [{"name": "DEAD_STOCK", "amount": {"amount": "493.15"}, "inputs": told}],
                   "atRisk": [{"amount": "493.15"}]},
        "evidenceSnapshots": {"nodes": [{"outcome": "FOUND", "price": {"amount": "150.00"}}]},
        "evidenceChain": {"verified": True},
    }  # fmt: skip
    [(kept,)] = await world.rows("SELECT impact FROM alert")
    assert impact.recompute(term_of(kept["terms"][0])) == 49_315
    assert await world.data(Role.DEALER, "{ alerts { totalCount } }") == {"alerts": {"totalCount": 0}}


REVISED = "{ alerts { nodes { impact { %s } revisions(first: 1) { nodes { impact { %s } } } } } }"
TERMS = "terms { name amount { amount } inputs { name } } atRisk { amount }"
AT_RISK = "{ dashboardSummary { liveAlerts { value amounts { amount } } } }"


@pytest.mark.parametrize(
    ("role", "reads"), [(Role.OWNER, True), (Role.OPS, True), (Role.SALES, False), (Role.VIEWER, False)]
)
async def test_what_a_unit_costs_does_not_follow_from_what_is_shown_to_those_who_may_not_read_it(
    world: World, role: Role, reads: bool
) -> None:
    await stock(world)
    await look(world)
    refused = await world.ask(role, "{ skus { nodes { cost { amount } } } }")
    assert refused["data"]["skus"]["nodes"] == [{"cost": {"amount": "100.00"} if reads else None}]
    assert {each["extensions"]["code"] for each in refused.get("errors", ())} == (set() if reads else {"FORBIDDEN"})
    [alert] = (await world.data(role, REVISED % (TERMS, TERMS)))["alerts"]["nodes"]
    for shown in (alert["impact"], alert["revisions"]["nodes"][0]["impact"]):
        if reads:
            [term] = shown["terms"]
            assert (term["name"], term["amount"], shown["atRisk"]) == (
                "DEAD_STOCK", {"amount": "360.00"}, [{"amount": "360.00"}],
            )  # fmt: skip
        else:
            assert shown == {"terms": [], "atRisk": []}
    board = (await world.data(role, AT_RISK))["dashboardSummary"]
    assert board["liveAlerts"] == {"value": 1, "amounts": [{"amount": "360.00" if reads else "0.00"}]}


async def test_it_is_said_anew_each_week_or_when_the_stock_changes(world: World) -> None:
    row = await stock(world)
    assert await look(world) == [("OPEN", 36_000)]  # 73 · 100.00 · 20 % · 90 / 365
    assert await look(world, NOW + 6 * DAY) == [("OPEN", 36_000)]
    assert await look(world, NOW + 7 * DAY) == [("OPEN", 38_800)]
    await world.rows("UPDATE listing SET capacity = 146 WHERE id = :id RETURNING 1", id=row.id)
    assert await look(world, NOW + 8 * DAY) == [("OPEN", 78_400)]
    assert await statuses(world) == [("OPEN", 1, 1)]
    events = "SELECT type FROM domain_event WHERE subject_type = 'Alert' ORDER BY seq"
    assert [each for (each,) in await world.rows(events)] == ["alert.opened", "alert.repeated", "alert.repeated"]


async def test_a_sale_here_or_told_by_a_dealer_cures_it_and_begins_the_days_anew(world: World) -> None:
    one, two = await stock(world), await stock(world, code="S-2")
    assert [status for status, _ in await look(world)] == ["OPEN", "OPEN"]
    await a_deal(world, one, NOW + DAY, status="CANCELLED")
    assert [status for status, _ in await look(world, NOW + DAY)] == ["OPEN", "OPEN"]
    await a_deal(world, one, NOW + 2 * DAY)
    told = PriceObservation(
        id=new_id(), sku_id=two.sku_id, dealer_id=world.dealer, captured_at=NOW + 2 * DAY, outcome="FOUND", units=1,
        price_minor=15_000, currency="INR",
    )  # fmt: skip
    await world.add(told)
    assert [status for status, _ in await look(world, NOW + 2 * DAY)] == ["RESOLVED", "RESOLVED"]
    assert [status for status, _ in await look(world, NOW + 91 * DAY)] == ["RESOLVED", "RESOLVED"]
    found = await look(world, NOW + 92 * DAY)
    assert found[2:] == [("OPEN", 35_507), ("OPEN", 36_000)]  # one unit less of the first
    await world.set(rebreach_days=90)
    for n in (93, 94):
        await world.rows("UPDATE listing SET status = :s RETURNING 1", s="PAUSED" if n == 93 else "ACTIVE")
        await look(world, NOW + n * DAY)
    assert sorted(await statuses(world)) == [("OPEN", 2, 2), ("OPEN", 2, 2), ("RESOLVED", 1, 1), ("RESOLVED", 1, 1)]


async def test_only_what_is_on_the_market_is_stock(world: World) -> None:
    for n, (units, status) in enumerate(((5, "PAUSED"), (5, "DRAFT"), (1, "ACTIVE"), (None, "ACTIVE"), (5, "ACTIVE"))):
        row = await stock(world, code=f"S-{n}", units=units, status=status)
        if n == 2:
            await a_deal(world, row, NOW - 100 * DAY)  # the only one is sold
        if n == 4:
            await world.add(ProductDetail(id=row.id, availability="OUT_OF_STOCK"))
    await look(world)
    assert await world.rows("SELECT code FROM alert a JOIN sku s ON s.id = a.sku_id") == [("S-3",)]
    [(kept,)] = await world.rows("SELECT impact FROM alert")
    assert term_of(kept["terms"][0]).inputs["units"] == 1, "of a listing without a number there is at least one"


async def test_what_somebody_dismissed_is_not_said_again_before_it_has_moved(world: World) -> None:
    row = await stock(world, cost=None)
    assert await look(world) == [("OPEN", 0)]
    [(id_,)] = await world.rows("SELECT id FROM alert")
    asked: dict[str, Any] = {"id": world.id("Alert", id_), "to": "DISMISSED", "dismissReason": "FALSE_POSITIVE"}
    world.now = NOW
    payload = await world.do(Role.OPS, "alertTransition", "alert { id }", expectedVersion=1, **asked)
    assert payload["userErrors"] == []
    assert await look(world, NOW + 30 * DAY) == [("DISMISSED", 0)]
    await a_deal(world, row, NOW + 31 * DAY)
    assert await look(world, NOW + 121 * DAY) == [("DISMISSED", 0), ("OPEN", 0)]


async def test_a_deadline_looks_at_the_stock_again(world: World) -> None:
    rows = [await stock(world, code=code) for code in ("S-1", "S-2")]
    await look(world)
    await world.rows("UPDATE alert SET status = 'AWAITING_CURE', cure_due_at = :due RETURNING 1", due=NOW + DAY)
    await a_deal(world, rows[0], NOW + DAY)
    alerts = await world.rows("SELECT a.id FROM alert a JOIN sku s ON s.id = a.sku_id ORDER BY s.code")
    for (id_,) in alerts:
        async with at(world, NOW + DAY) as tx:
            assert await observation.cure_due(tx, id_) is not None
    assert sorted(await statuses(world)) == [("OPEN", 2, 1), ("RESOLVED", 1, 1)]
