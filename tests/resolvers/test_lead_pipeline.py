"""How a lead moves: by staff, by the unlock of a dealer, by an offer, and by the clock."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from souk.db.session import system_actor
from souk.resolvers import lead as resolve
from souk.rules.actor import Actor, Role
from tests.resolvers.test_lead import row_id, the_lead, unlocked
from tests.resolvers.trade import a_listing, answered, codes, events_of, offered, refused_at_the_door
from tests.world import World


async def moved(world: World, who: Role | Actor, id: str, to: str, **given: Any) -> Any:
    return await world.do(who, "leadSetStatus", "lead { status lostReason }", id=id, to=to, **given)


async def reopened(world: World, who: Role | Actor, id: str) -> Any:
    return await world.do(who, "leadReopen", "lead { status lostReason }", id=id)


async def states(world: World) -> list[str]:
    """The lead's status, then those of its unlocks."""
    rows = await world.rows(
        "SELECT status FROM lead UNION ALL (SELECT status FROM lead_unlock ORDER BY created_at, id)"
    )
    return [status for (status,) in rows]


async def test_staff_move_the_lead(world: World) -> None:
    id_ = await the_lead(world)
    assert codes(await moved(world, Role.SALES, id_, "QUALIFIED")) == [("INVALID_TRANSITION", None)]
    assert (await moved(world, Role.SALES, id_, "CONTACTED"))["lead"] == {"status": "CONTACTED", "lostReason": None}
    world.now += timedelta(days=2)
    stale = await moved(world, Role.SALES, id_, "QUALIFIED", expectedVersion=1)
    assert codes(stale) == [("STALE_VERSION", ["expectedVersion"])]
    assert codes(await moved(world, Role.SALES, id_, "QUALIFIED", expectedVersion=2)) == []
    expires = "SELECT expires_at, (SELECT due_at FROM souk.work WHERE ref = lead.id) FROM lead"
    assert await world.rows(expires) == [(world.now + timedelta(days=30),) * 2]
    assert codes(await moved(world, Role.OPS, id_, "LOST")) == [("REQUIRED", ["lostReason"])]
    lost = await moved(world, Role.OPS, id_, "LOST", lostReason="PRICE")
    assert lost["lead"] == {"status": "LOST", "lostReason": "PRICE"}
    assert await world.rows("SELECT count(*) FROM souk.work WHERE tenant_id = :t", t=world.tenant_id) == [(0,)]

    world.now += timedelta(days=30, seconds=1)
    assert codes(await reopened(world, Role.SALES, id_)) == [("INVALID_TRANSITION", None)]
    world.now -= timedelta(seconds=1)
    assert (await reopened(world, Role.SALES, id_))["lead"] == {"status": "CONTACTED", "lostReason": None}
    assert len(await events_of(world, "lead.status_changed")) == 4

    other = await the_lead(world, world.other_customer)
    assert codes(await moved(world, Role.OWNER, other, "INVALID", lostReason="PRICE")) == [("INVALID", ["lostReason"])]
    assert codes(await moved(world, Role.OWNER, other, "INVALID", lostReason="SPAM")) == []
    assert codes(await moved(world, Role.OWNER, other, "CONTACTED")) == [("INVALID_TRANSITION", None)]


async def test_a_lead_is_won_with_a_deal_about_its_listing(world: World) -> None:
    listing, elsewhere = await a_listing(world, kind="PRODUCT", capacity=9), await a_listing(world)
    id_ = await the_lead(world, listing=listing, distribution="SHARED", maxUnlocks=2)
    await unlocked(world, id_, world.dealer)
    await unlocked(world, id_, world.other_dealer, "CONTACTED")
    deals = []
    for place in (listing, elsewhere):
        offer = (await offered(world, Role.CUSTOMER, place, "500.00"))["offer"]["id"]
        deals.append((await answered(world, Role.DEALER, "offerAccept", offer, 1))["deal"]["id"])
    # the offer moved the lead and the owner's unlock, not the other dealer's
    assert await states(world) == ["NEGOTIATING", "NEGOTIATING", "CONTACTED"]
    assert codes(await moved(world, Role.OPS, id_, "WON")) == [("REQUIRED", ["dealId"])]
    wrong = await moved(world, Role.OPS, id_, "WON", dealId=deals[1])
    assert codes(wrong) == [("INVALID", ["dealId"])]
    none = await moved(world, Role.OPS, id_, "WON", dealId=world.id("Deal", row_id(world, id_)))
    assert codes(none) == [("NOT_FOUND", ["dealId"])]
    assert codes(await moved(world, Role.OPS, id_, "WON", dealId=deals[0])) == []
    assert await states(world) == ["WON", "NEGOTIATING", "LOST"]
    assert codes(await moved(world, Role.DEALER, id_, "WON", dealId=deals[0])) == []
    assert await states(world) == ["WON", "WON", "LOST"]
    # the lead has ended: nobody takes it up again
    assert codes(await reopened(world, world.other_dealer_actor, id_)) == [("INVALID_TRANSITION", None)]


async def test_a_dealer_moves_its_own_unlock_and_the_lead_follows_forward(world: World) -> None:
    id_ = await the_lead(world, distribution="SHARED", maxUnlocks=3)
    first, second = Role.DEALER, world.other_dealer_actor
    for dealer in (first, second):
        assert codes(await moved(world, dealer, id_, "CONTACTED")) == [("FORBIDDEN", None)]
    await unlocked(world, id_, world.dealer)
    await unlocked(world, id_, world.other_dealer)
    assert codes(await moved(world, first, id_, "CONTACTED")) == []
    assert await states(world) == ["CONTACTED", "CONTACTED", "OPEN"]
    assert codes(await moved(world, first, id_, "QUALIFIED", expectedVersion=1)) == [
        ("STALE_VERSION", ["expectedVersion"])
    ]
    assert codes(await moved(world, first, id_, "QUALIFIED", expectedVersion=2)) == []
    assert codes(await moved(world, second, id_, "CONTACTED")) == []
    assert await states(world) == ["QUALIFIED", "QUALIFIED", "CONTACTED"]
    assert codes(await moved(world, second, id_, "LOST")) == [("REQUIRED", ["lostReason"])]
    assert codes(await moved(world, second, id_, "LOST", lostReason="NO_ANSWER")) == []
    assert await states(world) == ["QUALIFIED", "QUALIFIED", "LOST"]
    assert codes(await moved(world, second, id_, "INVALID", lostReason="SPAM")) == [("INVALID_TRANSITION", None)]
    assert codes(await moved(world, first, id_, "LOST", lostReason="PRICE")) == []
    assert await states(world) == ["LOST", "LOST", "LOST"]
    assert await world.rows("SELECT lost_reason FROM lead") == [("PRICE",)]
    assert codes(await reopened(world, second, id_)) == []
    assert await states(world) == ["CONTACTED", "LOST", "CONTACTED"]
    world.now += timedelta(days=30, seconds=1)
    assert codes(await reopened(world, first, id_)) == [("INVALID_TRANSITION", None)]
    query = "query($id: ID!) { lead(id: $id) { availableTransitions { to mutation allowed } unlock { availableTransitions { to allowed } } } }"
    found = (await world.data(second, query, {"id": id_}))["lead"]
    assert [(way["to"], way["allowed"]) for way in found["unlock"]["availableTransitions"]] == [
        ("QUALIFIED", True), ("LOST", True),
    ]  # fmt: skip
    assert not any(way["allowed"] for way in found["availableTransitions"])
    ways = (await world.data(Role.SALES, query, {"id": id_}))["lead"]["availableTransitions"]
    assert [(way["to"], way["mutation"]) for way in ways if way["allowed"]] == [
        ("QUALIFIED", "leadSetStatus"), ("LOST", "leadSetStatus"),
    ]  # fmt: skip


async def test_who_asked_takes_the_lead_back(world: World) -> None:
    id_ = await the_lead(world, distribution="SHARED")
    await unlocked(world, id_, world.dealer, "QUALIFIED")
    await unlocked(world, id_, world.other_dealer, "LOST", lost_reason="PRICE")
    withdraw = {"id": id_, "expectedVersion": 1}
    for role in (Role.OWNER, Role.SALES, Role.DEALER, Role.VIEWER, Role.PUBLIC):
        await refused_at_the_door(world, role, "leadWithdraw", **withdraw)
    assert codes(await world.do(world.other_customer, "leadWithdraw", "lead { id }", **withdraw)) == [
        ("NOT_FOUND", ["id"])
    ]
    assert await states(world) == ["OPEN", "QUALIFIED", "LOST"]
    payload = await world.do(Role.CUSTOMER, "leadWithdraw", "lead { status version }", **withdraw)
    assert payload == {"lead": {"status": "WITHDRAWN", "version": 2}, "userErrors": []}
    assert await states(world) == ["WITHDRAWN", "LOST", "LOST"]
    assert await world.rows("SELECT lost_reason, price_credits FROM lead_unlock ORDER BY id") == [
        ("CHANGED_MIND", 3), ("PRICE", 3),
    ]  # fmt: skip
    again = await world.do(Role.CUSTOMER, "leadWithdraw", "lead { id }", id=id_)
    assert codes(again) == [("INVALID_TRANSITION", None)]


async def test_roles_without_a_row_of_the_pipeline_stay_outside(world: World) -> None:
    id_ = await the_lead(world)
    service = world.service("lead:read", "lead:setStatus", "unlock:setStatus")
    for who in (Role.AGENT, Role.VIEWER, Role.CUSTOMER, Role.PUBLIC, service):
        await refused_at_the_door(world, who, "leadSetStatus", id=id_, to="CONTACTED")
        await refused_at_the_door(world, who, "leadReopen", id=id_)
    assert await states(world) == ["NEW"]
    unknown = world.id("Lead", world.tenant_id)
    for id in (unknown, world.id("Listing", row_id(world, id_)), "nonsense"):
        assert codes(await moved(world, Role.OWNER, id, "CONTACTED")) == [("NOT_FOUND", ["id"])]
    assert codes(await moved(world, world.other_dealer_actor, id_, "CONTACTED")) == [("NOT_FOUND", ["id"])]


async def run_expiry(world: World, id: str, now: datetime) -> None:
    """What the worker does, as the system."""
    async with world.souk.app.transaction(system_actor(world.tenant_id), "lead.expiry", now=now, system=True) as tx:
        await resolve.expire(tx, row_id(world, id))


async def test_a_lead_runs_out_with_its_unlocks(world: World) -> None:
    id_ = await the_lead(world)
    await unlocked(world, id_, world.dealer)
    world.now += timedelta(days=29)
    await moved(world, Role.DEALER, id_, "CONTACTED")
    await run_expiry(world, id_, world.now + timedelta(days=1))
    assert await states(world) == ["CONTACTED", "CONTACTED"]
    due = await world.rows("SELECT due_at FROM souk.work WHERE tenant_id = :t", t=world.tenant_id)
    assert due == [(world.now + timedelta(days=30),)]
    await run_expiry(world, id_, world.now + timedelta(days=30))
    assert await states(world) == ["EXPIRED", "LOST"]
    assert await world.rows("SELECT lost_reason FROM lead_unlock") == [("NO_ANSWER",)]
    assert await events_of(world, "lead.expired") == [("CONTACTED", "EXPIRED")]
    await run_expiry(world, id_, world.now + timedelta(days=31))
    assert len(await events_of(world, "lead.expired")) == 1


async def test_an_offer_of_somebody_else_or_elsewhere_moves_no_lead(world: World) -> None:
    listing, elsewhere = await a_listing(world), await a_listing(world)
    id_ = await the_lead(world, listing=listing)
    await unlocked(world, id_, world.dealer)
    await offered(world, world.other_customer, listing, "500.00")
    await offered(world, Role.CUSTOMER, elsewhere, "500.00")
    await offered(world, world.other_dealer_actor, listing, "500.00")
    assert await states(world) == ["OPEN", "OPEN"]
    await offered(world, Role.CUSTOMER, listing, "600.00")
    assert await states(world) == ["NEGOTIATING", "NEGOTIATING"]


async def test_two_dealers_who_lose_at_once_lose_the_lead_once(world: World, size: Callable[[int, int], int]) -> None:
    for _ in range(size(6, 60)):
        await world.rows("DELETE FROM lead_unlock RETURNING id")
        await world.rows("DELETE FROM lead RETURNING id")
        id_ = await the_lead(world, distribution="SHARED")
        await unlocked(world, id_, world.dealer)
        await unlocked(world, id_, world.other_dealer)
        answers = await asyncio.gather(
            *(moved(world, who, id_, "LOST", lostReason="PRICE") for who in (Role.DEALER, world.other_dealer_actor))
        )
        assert [codes(answer) for answer in answers] == [[], []]
        assert await states(world) == ["LOST", "LOST", "LOST"]
