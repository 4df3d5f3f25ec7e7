"""How a dealer stands by its alerts: watched since a breach, relieved by the last cure, GOOD after ninety quiet days."""

from datetime import datetime, timedelta
from typing import Any

from souk.resolvers import observation
from souk.rules.actor import Role
from souk.worker.due import TIMERS
from tests.resolvers.margin import alerts, at, policy, report, sku
from tests.world import NOW, World

DAY = timedelta(days=1)
CALM = 90 * DAY


async def standing(world: World) -> str:
    [(found,)] = await world.rows("SELECT standing FROM dealer WHERE id = :id", id=world.dealer)
    return str(found)


async def due(world: World) -> list[datetime]:
    found = "SELECT due_at FROM souk.work WHERE tenant_id = :t AND kind = 'dealer.calm' AND ref = :id"
    return [when for (when,) in await world.rows(found, t=world.tenant_id, id=world.dealer)]


async def tick(world: World, now: datetime) -> Any:
    """What the timer does; the loop takes its row out before."""
    out = "DELETE FROM souk.work WHERE tenant_id = :t AND kind = 'dealer.calm' RETURNING 1"
    await world.rows(out, t=world.tenant_id)
    async with at(world, now) as tx:
        return await observation.calm(tx, world.dealer)


async def test_ninety_days_without_a_breach_make_a_dealer_good_again(world: World) -> None:
    assert TIMERS[observation.CALM] is observation.calm
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, 85_000, NOW)
    assert (await standing(world), await due(world)) == ("WATCH", [NOW + CALM])
    assert await tick(world, NOW + CALM) is None  # the breach lives
    assert (await standing(world), await due(world)) == ("WATCH", [NOW + CALM + DAY])
    cured = NOW + 100 * DAY
    await report(world, thing, 100_000, cured)
    assert await tick(world, NOW + 101 * DAY) is None
    assert await due(world) == [cured + CALM]
    assert await tick(world, cured + CALM - timedelta(seconds=1)) is None
    assert await standing(world) == "WATCH"
    assert await tick(world, cured + CALM) is not None
    assert (await standing(world), await due(world)) == ("GOOD", [])
    assert await tick(world, cured + CALM) is None
    told = "SELECT from_status, to_status FROM domain_event WHERE type = 'dealer.standing_changed' ORDER BY seq"
    assert await world.rows(told) == [("GOOD", "WATCH"), ("WATCH", "GOOD")]


async def test_what_was_dismissed_was_no_breach(world: World) -> None:
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, 85_000, NOW)
    await report(world, thing, 85_000, NOW + 50 * DAY)
    [alert] = await alerts(world)
    await world.do(
        Role.OPS, "alertTransition", "alert { id }", id=alert["id"], to="DISMISSED", dismissReason="WRONG_SKU",
        expectedVersion=alert["version"],
    )  # fmt: skip
    assert await tick(world, NOW + CALM) is not None
    assert await standing(world) == "GOOD"


async def test_a_cure_relieves_a_dealer_only_when_it_was_the_last_live_breach(world: World) -> None:
    things = [await sku(world, code) for code in ("S-1", "S-2")]
    for thing in things:
        await policy(world, thing)
        await report(world, thing, 85_000, NOW)
    await world.rows(
        "UPDATE dealer SET standing = 'RESTRICTED', notice = 2 WHERE id = :id RETURNING 1", id=world.dealer
    )
    await report(world, things[0], 100_000, NOW + DAY)
    assert await standing(world) == "RESTRICTED"
    await report(world, things[1], 100_000, NOW + 2 * DAY)
    assert (await standing(world), await due(world)) == ("WATCH", [NOW + 2 * DAY + CALM])


async def test_a_hand_that_sets_watch_begins_the_ninety_days(world: World) -> None:
    given = {"id": world.id("Dealer", world.dealer), "to": "WATCH", "reason": "Rumours.", "expectedVersion": 1}
    assert (await world.do(Role.OPS, "dealerSetStanding", "dealer { id }", **given))["userErrors"] == []
    assert await due(world) == [world.now + CALM]
    assert await tick(world, world.now + CALM) is not None
    assert await standing(world) == "GOOD"
