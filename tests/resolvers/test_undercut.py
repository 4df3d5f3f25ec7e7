"""A competitor who is cheaper than we are: when it is told, what it costs, and what becomes of it when our own price moves."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from souk.models import Competitor, PriceObservation, Sku, new_id
from souk.resolvers import observation
from souk.resolvers.impact import term_of
from souk.resolvers.limits import Seen
from souk.rules import impact
from souk.rules.actor import Role
from tests.resolvers.margin import a_deal, at, iso, listing, policy, report, see, sku, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)
SHOWN = """{ alerts { nodes { kind status severity score dealer { id } competitor { name } sku { code } listing { id }
  price { amount } limit { amount currencyCode } rule { n } firstSeenAt lastSeenAt
  impact { terms { name amount { amount } inputs { name values } } atRisk { amount currencyCode } }
  evidenceSnapshots { nodes { capturedAt url price { amount } } } evidenceChain { verified } revisions { totalCount } } } }"""


async def competitor(world: World, domain: str = "cheap.example.com") -> UUID:
    row = Competitor(id=new_id(), name=domain, domain=domain)
    await world.add(row)
    return row.id


async def sold(world: World, sku_id: UUID, units: int, when: Any) -> None:
    """Units that a dealer of ours reports."""
    await world.add(
        PriceObservation(
            id=new_id(), created_at=when, sku_id=sku_id, dealer_id=world.dealer, captured_at=when, outcome="FOUND",
            price_minor=100_000, currency="INR", units=units, source="sales", external_ref=str(when),
        )
    )  # fmt: skip


async def test_a_cheaper_competitor_is_an_alert_with_what_it_may_take(world: World) -> None:
    thing, shop = await sku(world), await competitor(world)
    await listing(world, thing, 100_000)
    await listing(world, thing, 110_000, dealer=world.other_dealer)
    for day, units in ((1, 20), (13, 6), (14, 500), (-1, 500)):  # the window is as long as the run rate says
        await sold(world, thing, units, NOW - day * DAY)
    await a_deal(world, await listing(world, thing, 120_000), NOW - DAY)
    await a_deal(world, await listing(world, thing, 120_000), NOW - DAY, status="CANCELLED")

    await report(world, thing, 85_000, NOW, competitor_id=shop, url="https://cheap.example.com/s-1", match_bp=8_000)
    [alert] = (await world.data(Role.OPS, SHOWN))["alerts"]["nodes"]
    assert (alert["kind"], alert["status"]) == ("COMPETITOR_UNDERCUT", "OPEN")
    assert (alert["dealer"], alert["competitor"], alert["sku"]) == (
        None,
        {"name": "cheap.example.com"},
        {"code": "S-1"},
    )
    assert (alert["listing"], alert["rule"]) == (None, None)
    assert (alert["price"], alert["limit"]) == ({"amount": "850.00"}, {"amount": "1000.00", "currencyCode": "INR"})
    # 27 units in 14 days, 150.00 cheaper, 30 days, four fifths sure
    assert alert["impact"] == {
        "terms": [
            {"name": "UNDERCUT", "amount": {"amount": "6942.86"}, "inputs": [
                {"name": "unitsPerDay", "values": ["27/14"]},
                {"name": "ourPriceMinor", "values": ["100000"]},
                {"name": "competitorPriceMinor", "values": ["85000"]},
                {"name": "horizonDays", "values": ["30"]},
                {"name": "matchBp", "values": ["8000"]},
            ]},
        ],
        "atRisk": [{"amount": "6942.86", "currencyCode": "INR"}],
    }  # fmt: skip
    assert (alert["score"], alert["severity"]) == ("40.8", "MEDIUM")  # 15 % deep, 6,942.86 of 10,000.00
    seen = {"capturedAt": iso(NOW), "url": "https://cheap.example.com/s-1", "price": {"amount": "850.00"}}
    assert (alert["evidenceSnapshots"]["nodes"], alert["evidenceChain"]) == ([seen], {"verified": True})
    [(kept, minor)] = await world.rows("SELECT impact, impact_minor FROM alert")
    assert impact.recompute(term_of(kept["terms"][0])) == minor == 694_286
    assert await world.data(Role.DEALER, "{ alerts { totalCount } }") == {"alerts": {"totalCount": 0}}


async def test_it_lives_as_any_alert_does(world: World) -> None:
    thing, shop = await sku(world), await competitor(world)
    await listing(world, thing, 100_000)
    for day, price, expected in [
        (0, 100_000, []),
        (1, 99_999, [("OPEN", 1, 1)]),
        (2, 90_000, [("OPEN", 1, 2)]),
        (3, 100_000, [("RESOLVED", 1, 3)]),  # as dear as we are
        (4, 100_000, [("RESOLVED", 1, 3)]),
        (33, 95_000, [("OPEN", 2, 4)]),
        (34, 120_000, [("RESOLVED", 2, 5)]),
        (65, 90_000, [("RESOLVED", 2, 5), ("OPEN", 1, 1)]),
    ]:
        await report(world, thing, price, NOW + day * DAY, competitor_id=shop)
        assert await statuses(world) == expected, day
    await report(world, thing, 80_000, NOW + 66 * DAY, competitor_id=await competitor(world, "other.example.com"))
    assert await statuses(world) == [("RESOLVED", 2, 5), ("OPEN", 1, 1), ("OPEN", 1, 1)]  # one for each competitor
    assert await world.rows("SELECT standing FROM dealer WHERE id = :id", id=world.dealer) == [("GOOD",)]


async def test_our_price_is_the_lowest_that_everybody_sees_else_the_mrp(world: World) -> None:
    thing, shop = Sku(id=new_id(), code="S-1", name="Thing", currency="INR", mrp_minor=120_000), await competitor(world)
    await world.add(thing)
    for price, of in (
        (70_000, {"status": "PAUSED"}), (71_000, {"visibility": "PRIVATE"}), (72_000, {"currency": "EUR"}),
        (73_000, {"deleted_at": NOW}), (74_000, {"status": "DRAFT"}), (None, {}),
    ):  # fmt: skip
        row = await listing(world, thing.id, price)
        for name, value in of.items():
            await world.rows(f"UPDATE listing SET {name} = :v WHERE id = :id RETURNING 1", v=value, id=row.id)
    limit = "SELECT policy_minor FROM alert WHERE kind = 'COMPETITOR_UNDERCUT' AND status = 'OPEN'"
    await report(world, thing.id, 119_999, NOW, competitor_id=shop)
    assert await world.rows(limit) == [(120_000,)]
    await listing(world, thing.id, 90_000)
    await listing(world, thing.id, 91_000)
    await report(world, thing.id, 89_999, NOW + DAY, competitor_id=shop)
    assert await world.rows(limit) == [(90_000,)]
    async with at(world, NOW + DAY) as tx:  # no price of ours in that currency
        seen = Seen(thing.id, 1, "USD", NOW + DAY, competitor_id=await competitor(world, "usd.example.com"))
        assert await observation.observe_all(tx, [(seen, ())]) == []


async def test_when_our_price_moves_competitors_are_looked_at_again(world: World) -> None:
    thing, shops = await sku(world), [await competitor(world, f"{n}.example.com") for n in "ab"]
    row = await listing(world, thing, 80_000)
    await report(world, thing, 95_000, NOW - DAY, competitor_id=shops[0])  # older: it says nothing any more
    for shop, price in zip(shops, (90_000, 85_000), strict=True):
        await report(world, thing, price, NOW, competitor_id=shop)
    failed = PriceObservation(
        id=new_id(), sku_id=thing, competitor_id=shops[0], captured_at=NOW + DAY, outcome="INSUFFICIENT", price_minor=1,
        currency="INR",
    )  # fmt: skip
    await world.add(failed)  # a look that found nothing, after the one that did
    assert await statuses(world) == []
    await see(world, row, 88_000, NOW + DAY)  # one is cheaper now
    found = "SELECT competitor_id, status, policy_minor, price_minor, first_seen_at, last_seen_at FROM alert ORDER BY 1"
    assert await world.rows(found) == [(shops[1], "OPEN", 88_000, 85_000, NOW + DAY, NOW)]
    await see(world, row, 100_000, NOW + 2 * DAY)  # and by more; the other too
    one, two = (
        (shops[0], "OPEN", 100_000, 90_000, NOW + 2 * DAY, NOW),
        (shops[1], "OPEN", 100_000, 85_000, NOW + DAY, NOW),
    )
    assert await world.rows(found) == [one, two]
    assert [row[2] for row in await statuses(world)] == [1, 1]  # nobody looked there again
    await see(world, row, 100_000, NOW + 3 * DAY)
    assert await world.rows("SELECT max(version) FROM alert") == [(2,)]
    await see(world, row, 86_000, NOW + 4 * DAY)
    cured = "SELECT competitor_id, status, resolved_at FROM alert ORDER BY 1"
    assert await world.rows(cured) == [(shops[0], "RESOLVED", NOW + 4 * DAY), (shops[1], "OPEN", None)]
    told = "SELECT type FROM domain_event WHERE subject_type = 'Alert' ORDER BY at, type"
    assert [type_ for (type_,) in await world.rows(told)] == [
        "alert.opened", "alert.opened", "alert.repeated", "alert.repeated", "alert.resolved",
    ]  # fmt: skip


async def test_it_moves_when_a_listing_leaves_the_market_and_when_the_mrp_changes(world: World) -> None:
    thing, shop = Sku(id=new_id(), code="S-1", name="Thing", currency="INR", mrp_minor=120_000), await competitor(world)
    await world.add(thing)
    row = await listing(world, thing.id, 80_000)
    await report(world, thing.id, 100_000, world.now - DAY, competitor_id=shop)
    assert await statuses(world) == []
    given: dict[str, Any] = {"id": world.id("Listing", row.id), "expectedVersion": 1}
    assert (await world.do(Role.DEALER, "listingPause", "listing { id }", **given))["userErrors"] == []
    assert await statuses(world) == [("OPEN", 1, 1)]
    mrp = {"amount": "900.00", "currencyCode": "INR"}
    given = {"id": world.id("Sku", thing.id), "expectedVersion": 1, "mrp": mrp}
    assert (await world.do(Role.ADMIN, "skuUpdate", "sku { id }", **given))["userErrors"] == []
    assert await statuses(world) == [("RESOLVED", 1, 1)]
    audited = "SELECT op FROM audit_event WHERE changes::text LIKE '%Alert:%' ORDER BY seq"
    assert await world.rows(audited) == [("listingPause",), ("skuUpdate",)]


async def test_a_policy_and_our_price_are_two_things(world: World) -> None:
    thing, shop = await sku(world), await competitor(world)
    await policy(world, thing)
    await listing(world, thing, 120_000)
    await report(world, thing, 90_000, NOW, competitor_id=shop)
    kinds = "SELECT kind, status, policy_minor FROM alert ORDER BY kind"
    assert await world.rows(kinds) == [("COMPETITOR_UNDERCUT", "OPEN", 120_000), ("MAP_BREACH", "OPEN", 100_000)]
    await report(world, thing, 110_000, NOW + DAY, competitor_id=shop)
    assert await world.rows(kinds) == [("COMPETITOR_UNDERCUT", "OPEN", 120_000), ("MAP_BREACH", "RESOLVED", 100_000)]


@pytest.mark.parametrize("due", [100_000, 90_000])
async def test_a_deadline_looks_at_it_again(world: World, due: int) -> None:
    """After a task for it was made: it is cured, or open in its next cycle."""
    thing, shop = await sku(world), await competitor(world)
    row = await listing(world, thing, 100_000)
    [alert] = await report(world, thing, 95_000, NOW, competitor_id=shop)
    await world.rows("UPDATE alert SET status = 'AWAITING_CURE', cure_due_at = :due RETURNING 1", due=NOW + DAY)
    await world.rows("UPDATE listing SET price_minor = :p WHERE id = :id RETURNING 1", p=due, id=row.id)
    async with at(world, NOW + DAY) as tx:
        assert await observation.cure_due(tx, alert.id) is not None
    assert await statuses(world) == [("OPEN", 2, 1) if due == 100_000 else ("RESOLVED", 1, 1)]


async def test_somebody_resolves_or_dismisses_it_by_hand(world: World) -> None:
    thing, shop = await sku(world), await competitor(world)
    await listing(world, thing, 100_000)
    for n, (to, more) in enumerate(
        [
            ("INVESTIGATING", {}),
            ("RESOLVED", {"resolution": "We are cheaper."}),
            ("DISMISSED", {"dismissReason": "WRONG_SKU"}),
        ]
    ):
        if n != 1:
            await report(world, thing, 90_000, NOW + n * DAY, competitor_id=shop)
        [(id_, version)] = await world.rows("SELECT id, version FROM alert")
        moved = await world.do(
            Role.OPS, "alertTransition", "alert { status }",
            id=world.id("Alert", id_), to=to, expectedVersion=version, **more,
        )  # fmt: skip
        assert moved == {"alert": {"status": to}, "userErrors": []}
    await report(world, thing, 90_000, NOW + 9 * DAY, competitor_id=shop)
    assert [row[0] for row in await statuses(world)] == ["DISMISSED"]
    await report(world, thing, 89_999, NOW + 10 * DAY, competitor_id=shop)
    assert [row[0] for row in await statuses(world)] == ["DISMISSED", "OPEN"]
