"""A price past a policy raises one live alert; a repeat supports it, a cure resolves it, a re-breach opens it again."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from souk.models import Listing
from souk.resolvers import observation
from souk.resolvers.evidence import Sale
from souk.resolvers.limits import Seen
from souk.rules.actor import Role
from tests.resolvers.margin import alerts, at, iso, listing, policy, report, see, sku, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)


async def test_a_breach_opens_once_repeats_cures_and_comes_back(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)

    assert await see(world, row, 100_000, NOW) == []
    assert await statuses(world) == []
    for day, price, expected in [
        (1, 85_000, [("OPEN", 1, 1)]),
        (2, 84_000, [("OPEN", 1, 2)]),
        (3, 99_999, [("OPEN", 1, 3)]),
        (4, 100_000, [("RESOLVED", 1, 4)]),
        (5, 100_000, [("RESOLVED", 1, 4)]),
        (33, 90_000, [("OPEN", 2, 5)]),
        (34, 120_000, [("RESOLVED", 2, 6)]),
        (65, 90_000, [("RESOLVED", 2, 6), ("OPEN", 1, 1)]),
    ]:
        await see(world, row, price, NOW + day * DAY)
        assert await statuses(world) == expected, day

    events = "SELECT type, from_status, to_status FROM domain_event WHERE subject_type = 'Alert' ORDER BY at, seq"
    assert await world.rows(events) == [
        ("alert.opened", None, "OPEN"),
        ("alert.repeated", None, None),
        ("alert.repeated", None, None),
        ("alert.resolved", "OPEN", "RESOLVED"),
        ("alert.reopened", "RESOLVED", "OPEN"),
        ("alert.resolved", "OPEN", "RESOLVED"),
        ("alert.opened", None, "OPEN"),
    ]
    audit = "SELECT count(*) FROM audit_event WHERE changes::text LIKE '%Alert:%'"
    assert await world.rows(audit) == [(7,)]


async def test_the_first_breach_puts_the_dealer_on_watch_and_the_cure_of_the_last_notice_frees_it(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)
    await see(world, row, 85_000, NOW)
    assert await world.rows("SELECT standing FROM dealer WHERE id = :id", id=world.dealer) == [("WATCH",)]
    assert await world.rows("SELECT standing FROM dealer WHERE id = :id", id=world.other_dealer) == [("GOOD",)]

    await world.rows(
        "UPDATE dealer SET standing = 'WARNED', notice = 1, cure_due_at = now() WHERE id = :id RETURNING 1",
        id=world.dealer,
    )
    await world.rows(
        "UPDATE alert SET notice_sent_at = now(), status = 'AWAITING_CURE', cure_due_at = now() RETURNING 1"
    )
    await see(world, row, 100_000, NOW + DAY)
    found = await world.rows("SELECT standing, notice, cure_due_at FROM dealer WHERE id = :id", id=world.dealer)
    assert found == [("WATCH", 0, None)]
    told = "SELECT from_status, to_status FROM domain_event WHERE type = 'dealer.standing_changed' ORDER BY seq"
    assert await world.rows(told) == [("GOOD", "WATCH"), ("WARNED", "WATCH")]


@pytest.mark.parametrize(
    ("kind", "tolerance", "price", "breaches"),
    [
        ("MAP", {"toleranceBp": 100}, 99_000, False),  # exactly at P − tol
        ("MAP", {"toleranceBp": 100}, 98_999, True),
        ("MAP", {"toleranceBp": 100, "tolerance": {"amount": "15.00", "currencyCode": "INR"}}, 98_500, False),
        ("MAP", {"toleranceBp": 100, "tolerance": {"amount": "15.00", "currencyCode": "INR"}}, 98_499, True),
        ("MRP_FLOOR", {}, 99_999, True),
        ("MRP_FLOOR", {}, 100_001, False),
        ("MRP_CEILING", {}, 100_001, True),
        ("MRP_CEILING", {}, 99_999, False),
        ("MRP_CEILING", {"toleranceBp": 1}, 100_010, False),
        ("MRP_CEILING", {"toleranceBp": 1}, 100_011, True),
    ],
)
async def test_the_tolerance_is_exact_and_the_direction_follows_from_the_kind(
    world: World, kind: str, tolerance: dict[str, Any], price: int, breaches: bool
) -> None:
    thing = await sku(world)
    await policy(world, thing, kind=kind, **tolerance)
    await see(world, await listing(world, thing, None), price, NOW)
    assert [alert["kind"] for alert in await alerts(world)] == ([f"{kind}_BREACH"] if breaches else [])


async def test_an_exception_spares_its_dealer_in_its_window_and_channel_only(world: World) -> None:
    thing = await sku(world)
    window = {"startsAt": iso(NOW - DAY), "endsAt": iso(NOW + DAY)}
    of_one = {**window, "dealerIds": [world.id("Dealer", world.dealer)], "channel": "MARKETPLACE"}
    await policy(world, thing, exceptions=[of_one])
    mine = await listing(world, thing, None)
    theirs = await listing(world, thing, None, dealer=world.other_dealer)

    await see(world, mine, 85_000, NOW)
    assert await statuses(world) == []
    await report(world, thing, 85_000, NOW, channel="SHOP")  # another channel
    await see(world, theirs, 85_000, NOW)
    assert await statuses(world) == [("OPEN", 1, 1), ("OPEN", 1, 1)]
    await see(world, mine, 85_000, NOW + DAY)  # the window is over at its end
    assert sorted(await statuses(world)) == [("OPEN", 1, 1), ("OPEN", 1, 2)]


async def test_an_exception_may_ask_another_amount(world: World) -> None:
    thing = await sku(world)
    window = {"startsAt": iso(NOW - DAY), "endsAt": iso(NOW + DAY)}
    await policy(world, thing, exceptions=[{**window, "amount": {"amount": "800.00", "currencyCode": "INR"}}])
    row = await listing(world, thing, None)
    await see(world, row, 80_000, NOW)
    assert await statuses(world) == []
    await see(world, row, 79_999, NOW)
    found = await world.data(Role.OPS, "{ alerts { nodes { rule { limit { amount } gap { amount } } } } }")
    assert found["alerts"]["nodes"] == [{"rule": {"limit": {"amount": "800.00"}, "gap": {"amount": "0.01"}}}]


async def test_two_observers_at_once_raise_one_alert(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    rows = [await listing(world, thing, None) for _ in range(6)]
    await asyncio.gather(*(see(world, row, 85_000 + n, NOW) for n, row in enumerate(rows)))
    assert await statuses(world) == [("OPEN", 1, 6)]
    found = await world.data(Role.OPS, "{ alerts { nodes { evidenceChain { verified brokenAt } } } }")
    assert found["alerts"]["nodes"] == [{"evidenceChain": {"verified": True, "brokenAt": None}}]
    opened = "SELECT type, count(*) FROM domain_event WHERE subject_type = 'Alert' GROUP BY 1 ORDER BY 1"
    assert await world.rows(opened) == [("alert.opened", 1), ("alert.repeated", 5)]


async def test_one_change_is_seen_once_and_one_report_counts_once(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, 85_000)
    async with at(world, NOW) as tx:
        found = await tx.session.get(Listing, (world.tenant_id, row.id))
        assert found is not None
        for _ in range(3):
            await observation.observe(tx, found)
    assert await statuses(world) == [("OPEN", 1, 1)]
    sale = Sale(NOW, 2, 85_000, "sale-1")
    for _ in range(2):
        await report(world, thing, 84_000, NOW + DAY, sale, url="https://shop.example.com/s-1")
    assert await statuses(world) == [("OPEN", 1, 2)]
    assert await world.rows("SELECT count(*) FROM evidence_sale_row") == [(1,)]


async def test_a_second_listing_in_breach_keeps_the_alert_open(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    first, second = await listing(world, thing, None), await listing(world, thing, None)
    await see(world, first, 85_000, NOW)
    await see(world, second, 100_000, NOW + DAY)  # compliant, but the first still breaches
    assert await statuses(world) == [("OPEN", 1, 1)]
    await see(world, second, 90_000, NOW + 2 * DAY)
    await see(world, second, 100_000, NOW + 3 * DAY)  # now the first, seen in its place, supports the alert
    assert await statuses(world) == [("OPEN", 1, 3)]
    await see(world, first, 100_000, NOW + 4 * DAY)
    assert (await statuses(world))[0][0] == "RESOLVED"


async def test_a_sale_below_the_policy_leaves_the_alert_with_its_listing_which_still_cures_it(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)
    await see(world, row, 90_000, NOW)
    shown = "SELECT status, listing_id, price_minor, last_seen_at, impact_minor > 0 FROM alert"
    assert await world.rows(shown) == [("OPEN", row.id, 90_000, NOW, False)]
    sold = NOW + timedelta(hours=1)
    await report(world, thing, 80_000, sold, Sale(sold, 3, 80_000, "s-1"))
    assert await world.rows(shown) == [("OPEN", row.id, 90_000, sold, True)]
    [leaked] = await world.rows("SELECT impact #>> '{terms,0,amount,minor}' FROM alert")
    assert leaked == ("60000",)  # 3 units at 200.00 below
    await see(world, row, 100_000, NOW + timedelta(hours=2))
    assert [(r[0], r[1]) for r in await world.rows(shown)] == [("RESOLVED", row.id)]


async def test_a_price_seen_elsewhere_is_not_cured_by_the_listing(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)
    await see(world, row, 90_000, NOW)
    await report(world, thing, 80_000, NOW + timedelta(hours=1))
    await see(world, row, 100_000, NOW + timedelta(hours=2))
    assert await world.rows("SELECT status, listing_id, price_minor FROM alert") == [("OPEN", None, 80_000)]
    await report(world, thing, 100_000, NOW + timedelta(hours=3))
    assert await world.rows("SELECT status FROM alert") == [("RESOLVED",)]


async def test_what_comes_late_supports_but_moves_nothing(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, 85_000, NOW)
    await report(world, thing, 100_000, NOW - DAY)
    await report(world, thing, 70_000, NOW - DAY)
    assert await statuses(world) == [("OPEN", 1, 2)]
    assert await world.rows("SELECT price_minor, last_seen_at FROM alert") == [(85_000, NOW)]
    await report(world, thing, 100_000, NOW + DAY)
    await report(world, thing, 70_000, NOW + timedelta(hours=1))
    assert await statuses(world) == [("RESOLVED", 1, 3)]


async def test_a_price_without_policy_or_in_another_currency_raises_nothing(world: World) -> None:
    thing, other = await sku(world), await sku(world, "S-2")
    await policy(world, thing)
    await report(world, other, 1, NOW)
    async with at(world, NOW) as tx:
        seen = await observation.observe_price(
            tx, sku_id=thing, price=1, currency="EUR", captured_at=NOW, dealer_id=world.dealer
        )
        assert seen == []
    await report(world, thing, 1, NOW - timedelta(days=201))  # before the policy
    assert await statuses(world) == []


async def test_a_deadline_that_passes_in_breach_opens_the_next_cycle(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    row = await listing(world, thing, None)
    [alert] = await see(world, row, 85_000, NOW)
    due = NOW + 3 * DAY
    await world.rows("UPDATE alert SET status = 'AWAITING_CURE', cure_due_at = :due RETURNING 1", due=due)
    async with at(world, due - timedelta(seconds=1)) as tx:
        assert await observation.cure_due(tx, alert.id) is None
    async with at(world, due) as tx:
        assert await observation.cure_due(tx, alert.id) is not None
    assert await statuses(world) == [("OPEN", 2, 2)]
    told = "SELECT data ->> 'nextStep', data ->> 'cycle' FROM domain_event WHERE type = 'alert.reopened'"
    assert await world.rows(told) == [("WARN_1", "2")]
    async with at(world, due) as tx:
        assert await observation.cure_due(tx, alert.id) is None  # once

    await world.rows("UPDATE alert SET status = 'AWAITING_CURE', cure_due_at = :due RETURNING 1", due=due)
    await world.rows("UPDATE listing SET price_minor = 100000 RETURNING 1")
    async with at(world, due + DAY) as tx:
        await observation.cure_due(tx, alert.id)
    assert await statuses(world) == [("RESOLVED", 2, 3)]


async def test_a_history_that_is_brought_in_scores_as_it_would_have_live(world: World) -> None:
    """Cycles, their order and how many there were lately follow from when prices were seen, not from when that was told."""
    history = [(0, 85), (1, 100), (20, 85), (21, 100), (100, 85), (103, 80), (104, 100), (120, 90), (126, 85)]
    things = [await sku(world, code) for code in ("LIVE", "LATER", "AT ONCE")]
    for thing in things:
        await policy(world, thing)
    for day, price in history:
        await report(world, things[0], price * 1000, NOW + day * DAY)
    brought = NOW + 400 * DAY
    sights = [[Seen(sku, p * 1000, "INR", NOW + d * DAY, world.dealer) for d, p in history] for sku in things[1:]]
    for each in sights[0]:
        async with at(world, brought) as tx:
            await observation.observe_all(tx, [(each, ())])
    async with at(world, brought) as tx:
        await observation.observe_all(tx, [(each, ()) for each in reversed(sights[1])])
    asked = (
        "SELECT status, cycle, first_seen_at, last_seen_at, resolved_at, score_tenths FROM alert"
        " WHERE sku_id = :sku ORDER BY first_seen_at"
    )
    live, later, at_once = [await world.rows(asked, sku=thing) for thing in things]
    assert live == later == at_once
    assert [(row.status, row.cycle, row.first_seen_at, row.last_seen_at) for row in live] == [
        ("RESOLVED", 2, NOW + 20 * DAY, NOW + 20 * DAY),
        ("OPEN", 2, NOW + 120 * DAY, NOW + 126 * DAY),
    ]
    # depth 15 % and six days, as in the worked example; of the three cycles before, only that of day 100 is of the last 90 days
    assert live[1].score_tenths == 200 + 50 + 64
