"""What a dealer lacks: who reads it, what it refuses, and that no act slips in beside it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from souk.db.session import Transaction, system_actor
from souk.models import Dealer, DealerRestriction, new_id
from souk.resolvers.restriction import dealer_state, restrict, unrestrict
from souk.rules.actor import Role
from souk.rules.dealer import RESTRICTS
from souk.rules.enums import RestrictionKind
from tests.resolvers.listings import kept
from tests.resolvers.trade import a_listing, answered, codes, offered
from tests.world import World

Size = Callable[[int, int], int]
WHY = "Advertised below the agreed price."


@asynccontextmanager
async def holding(world: World, dealer_id: UUID) -> AsyncIterator[tuple[Transaction, Dealer]]:
    """A transaction of the system that holds a dealer's row, as whoever restricts it does."""
    async with world.souk.app.transaction(system_actor(world.tenant_id), "test", now=world.now, system=True) as tx:
        dealer = await tx.session.get(Dealer, (world.tenant_id, dealer_id), with_for_update=True)
        assert dealer is not None
        yield tx, dealer


async def under(world: World, *kinds: RestrictionKind) -> None:
    async with holding(world, world.dealer) as (tx, dealer):
        await restrict(tx, dealer, kinds, reason=WHY)


async def test_restrictions_stand_in_the_record_and_end(world: World) -> None:
    await under(world, *RESTRICTS)
    asked = "query($id: ID!) { dealer(id: $id) { name restrictions { totalCount nodes { kind reason from until version batchItem { id } } } } }"
    given = {"id": world.id("Dealer", world.dealer)}
    for who in (Role.OWNER, Role.OPS, Role.SALES, Role.VIEWER, Role.DEALER):
        found = (await world.data(who, asked, given))["dealer"]["restrictions"]
        shown = {"reason": WHY, "from": "2026-11-22T09:00:00Z", "until": None, "version": 1, "batchItem": None}
        assert (found["totalCount"], sorted(node["kind"] for node in found["nodes"])) == (3, sorted(RESTRICTS))
        assert all({name: node[name] for name in shown} == shown for node in found["nodes"])
    await a_listing(world)  # by which a customer sees the dealer
    another = (await world.data(world.other_dealer_actor, asked, given))["dealer"]["restrictions"]
    assert another == {"totalCount": 0, "nodes": []}
    for stranger in (Role.CUSTOMER, Role.AGENT):
        answer = await world.ask(stranger, asked, given)
        assert answer["data"] == {"dealer": {"name": "First Motors", "restrictions": None}}
        assert [(e["extensions"]["code"], e["path"]) for e in answer["errors"]] == [("FORBIDDEN", ["dealer", "restrictions"])]  # fmt: skip

    world.now += timedelta(hours=1)
    async with holding(world, world.dealer) as (tx, dealer):
        assert await unrestrict(tx, dealer, reason="Cured.") == 3
        assert await unrestrict(tx, dealer) == 0
        assert (await dealer_state(tx, dealer.id)).restrictions == frozenset()
    ended = await world.rows("SELECT DISTINCT until, version FROM dealer_restriction")
    assert ended == [(world.now, 2)]
    told = "SELECT type, data ->> 'kind', reason FROM domain_event WHERE subject_id = :id AND type LIKE 'dealer.%restricted' ORDER BY seq"
    assert await world.rows(told, id=world.dealer) == [
        *(("dealer.restricted", kind, WHY) for kind in sorted(RESTRICTS)),
        *(("dealer.unrestricted", kind, "Cured.") for kind in sorted(RESTRICTS)),
    ]  # fmt: skip


LISTED = {"listingSubmit": "DRAFT", "listingRenew": "EXPIRED", "listingResume": "PAUSED"}


@pytest.mark.parametrize("mutation", LISTED)
async def test_under_listing_resume_nothing_is_listed(world: World, mutation: str) -> None:
    listing = await a_listing(world, status=LISTED[mutation])
    given = {"id": world.id("Listing", listing), "expectedVersion": 1}
    await under(world, RestrictionKind.LISTING_RESUME)
    for who in (Role.DEALER, Role.ADMIN):
        refused = await world.do(who, mutation, "listing { status }", **given)
        assert (refused["listing"], codes(refused)) == (None, [("FORBIDDEN", None)])
        assert refused["userErrors"][0]["message"] == "The dealer is under a restriction: LISTING_RESUME."
    assert await kept(world, listing, "status", "version") == (LISTED[mutation], 1)
    async with holding(world, world.dealer) as (tx, dealer):
        await unrestrict(tx, dealer)
        await restrict(tx, dealer, set(RestrictionKind) - {RestrictionKind.LISTING_RESUME}, reason=WHY)
    done = await world.do(Role.DEALER, mutation, "listing { version }", **given)
    assert (done["listing"], done["userErrors"]) == ({"version": 2}, [])


async def test_under_offer_no_offer_is_made_or_accepted(world: World) -> None:
    listing = await a_listing(world, auto_accept_minor=90_000)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    await under(world, RestrictionKind.OFFER)
    late = await offered(world, world.other_customer, listing, "950.00")
    accepted = await answered(world, Role.DEALER, "offerAccept", id_, 1)
    assert (late["offer"], codes(late)) == (None, [("FORBIDDEN", None)])
    assert (accepted["deal"], codes(accepted)) == (None, [("FORBIDDEN", None)])
    assert await world.rows("SELECT status, version FROM offer WHERE listing_id = :l", l=listing) == [("PENDING", 1)]
    assert await world.rows("SELECT id FROM deal WHERE listing_id = :l", l=listing) == []
    # it is the listing's dealer that lacks it: the same dealer may still offer elsewhere
    elsewhere = await a_listing(world, dealer_id=world.other_dealer)
    assert (await offered(world, Role.DEALER, elsewhere, "500.00"))["offer"]["status"] == "PENDING"

    async with holding(world, world.dealer) as (tx, dealer):
        await unrestrict(tx, dealer)
        await restrict(tx, dealer, set(RestrictionKind) - {RestrictionKind.OFFER}, reason=WHY)
    assert (await answered(world, Role.DEALER, "offerAccept", id_, 1))["deal"]["status"] == "AWAITING_PAYMENT"


async def test_a_restriction_holds_from_its_beginning_up_to_its_end(world: World) -> None:
    hour = timedelta(hours=1)
    given = {"dealer_id": world.dealer, "reason": WHY}
    await world.add(
        DealerRestriction(id=new_id(), kind="OFFER", since=world.now - hour, until=world.now, **given),
        DealerRestriction(id=new_id(), kind="PAYOUT", since=world.now - hour, until=world.now + hour, **given),
        DealerRestriction(id=new_id(), kind="LEAD_UNLOCK", since=world.now + hour, until=None, **given),
    )
    seen = []
    for moment in (-1, 0, 1):
        now = world.now + moment * hour
        async with world.souk.app.transaction(system_actor(world.tenant_id), "test", now=now, system=True) as tx:
            seen.append(sorted((await dealer_state(tx, world.dealer)).restrictions))
    assert seen == [["OFFER", "PAYOUT"], ["PAYOUT"], ["LEAD_UNLOCK"]]


async def test_one_of_a_kind_lives_for_a_dealer_and_an_item(world: World) -> None:
    await under(world, RestrictionKind.OFFER)
    with pytest.raises(IntegrityError, match="uq_dealer_restriction_live"):
        await under(world, RestrictionKind.OFFER)
    async with holding(world, world.dealer) as (tx, dealer):
        await unrestrict(tx, dealer)
    await under(world, RestrictionKind.OFFER)
    assert await world.rows("SELECT count(*), count(until) FROM dealer_restriction") == [(2, 1)]


async def test_the_record_of_a_restriction_stays(world: World) -> None:
    await under(world, RestrictionKind.OFFER)
    async with world.souk.app.engine.connect() as connection:
        granted = "SELECT has_table_privilege(role, 'dealer_restriction', 'DELETE') FROM unnest(ARRAY['souk_app', 'souk_worker']) role"
        assert (await connection.execute(text(granted))).scalars().all() == [False, False]


async def _waits_for(world: World, pid: int, task: asyncio.Task[Any]) -> bool:
    """Whether somebody comes to wait for that connection before the task is done."""
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY (pg_blocking_pids(pid))"
    while not task.done():
        if (await world.rows(blocked, pid=pid))[0][0]:
            return True
    return False


async def test_an_accept_waits_for_a_restriction_that_came_first(world: World) -> None:
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    async with holding(world, world.dealer) as (tx, dealer):
        await restrict(tx, dealer, RESTRICTS, reason=WHY)
        pid = (await tx.session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        accept = asyncio.create_task(answered(world, Role.DEALER, "offerAccept", id_, 1))
        assert await _waits_for(world, pid, accept)
    assert codes(await accept) == [("FORBIDDEN", None)]
    assert await world.rows("SELECT id FROM deal WHERE listing_id = :l", l=listing) == []


async def test_a_restriction_and_an_accept_at_once_come_one_after_the_other(world: World, size: Size) -> None:
    for _ in range(size(8, 80)):
        listing = await a_listing(world)
        id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
        accept, _ = await asyncio.gather(
            answered(world, Role.DEALER, "offerAccept", id_, 1), under(world, RestrictionKind.OFFER)
        )
        expected = ("ACCEPTED", 1) if accept["deal"] else ("PENDING", 0)
        counted = (
            "SELECT status, (SELECT count(*) FROM deal d WHERE d.offer_id = o.id) FROM offer o WHERE listing_id = :l"
        )
        assert await world.rows(counted, l=listing) == [expected]
        assert accept["deal"] or codes(accept) == [("FORBIDDEN", None)]
        async with holding(world, world.dealer) as (tx, dealer):
            await unrestrict(tx, dealer)


async def test_who_is_only_watched_again_lacks_nothing_any_more(world: World) -> None:
    await under(world, *RestrictionKind)
    await world.rows("UPDATE dealer SET standing = 'RESTRICTED' WHERE id = :id RETURNING 1", id=world.dealer)
    moved = await world.do(
        Role.OPS, "dealerSetStanding", "dealer { standing restrictions { nodes { until } } }",
        id=world.id("Dealer", world.dealer), to="WATCH", reason="They put it right.", expectedVersion=1,
    )  # fmt: skip
    until = {"until": "2026-11-22T09:00:00Z"}
    assert moved["dealer"] == {"standing": "WATCH", "restrictions": {"nodes": [until] * 4}}
