"""Offers answered at the same time, over transactions of their own; and turn taking, drawn at random."""

import asyncio
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, given, settings

from souk.rules.actor import Actor, Role
from souk.rules.enums import OfferParty
from tests.resolvers.trade import PRICE, a_listing, answered, codes, offered
from tests.world import Souk, World, make_world

Size = Callable[[int, int], int]


async def test_two_accepts_of_sibling_offers_on_a_vehicle_make_one_deal(world: World, size: Size) -> None:
    for _ in range(size(12, 100)):
        listing = await a_listing(world)
        buyers: list[Role | Actor] = [Role.CUSTOMER, world.other_customer, world.other_dealer_actor]
        ids = [(await offered(world, buyer, listing, "500.00"))["offer"]["id"] for buyer in buyers]
        answers = await asyncio.gather(*(answered(world, Role.DEALER, "offerAccept", id_, 1) for id_ in ids))
        refused = [codes(answer) for answer in answers if answer["deal"] is None]
        assert len(refused) == 2
        assert {code for each in refused for code, _ in each} <= {"LISTING_UNAVAILABLE", "INVALID_TRANSITION"}
        states = await world.rows("SELECT status FROM offer WHERE listing_id = :l ORDER BY status", l=listing)
        assert states == [("ACCEPTED",), ("SUPERSEDED",), ("SUPERSEDED",)]
        deals = "SELECT count(*), count(DISTINCT offer_id) FROM deal WHERE listing_id = :l"
        assert await world.rows(deals, l=listing) == [(1, 1)]
        assert await world.rows("SELECT status, version FROM listing WHERE id = :l", l=listing) == [("RESERVED", 2)]


async def test_offers_beyond_the_capacity_of_a_listing_are_not_accepted_together(world: World, size: Size) -> None:
    for _ in range(size(4, 40)):
        listing = await a_listing(world, kind="PRODUCT", capacity=2)
        buyers: list[Role | Actor] = [Role.CUSTOMER, world.other_customer, world.other_dealer_actor]
        ids = [(await offered(world, buyer, listing, "500.00"))["offer"]["id"] for buyer in buyers]
        await asyncio.gather(*(answered(world, Role.DEALER, "offerAccept", id_, 1) for id_ in ids))
        assert await world.rows("SELECT count(*) FROM deal WHERE listing_id = :l", l=listing) == [(2,)]
        assert await world.rows("SELECT status FROM listing WHERE id = :l", l=listing) == [("RESERVED",)]


async def test_a_counter_and_an_accept_of_the_same_head_do_not_both_win(world: World, size: Size) -> None:
    for _ in range(size(10, 100)):
        listing = await a_listing(world)
        id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
        counter, accept = await asyncio.gather(
            answered(world, Role.DEALER, "offerCounter", id_, 1, amount="700.00"),
            answered(world, Role.DEALER, "offerAccept", id_, 1),
        )
        found = await world.rows("SELECT status, version FROM offer WHERE listing_id = :l", l=listing)
        deals = await world.rows("SELECT gross_minor FROM deal WHERE listing_id = :l", l=listing)
        if accept["deal"] is not None:
            assert (codes(counter), found, deals) == ([("INVALID_TRANSITION", None)], [("ACCEPTED", 1)], [(50_000,)])
        else:
            assert (codes(accept), found, deals) == ([("NOT_YOUR_TURN", None)], [("COUNTERED", 2)], [])


async def test_an_offer_made_while_the_listing_goes_is_never_left_open(world: World, size: Size) -> None:
    for _ in range(size(8, 80)):
        listing = await a_listing(world)
        id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
        late, accept = await asyncio.gather(
            offered(world, world.other_customer, listing, "600.00"),
            answered(world, Role.DEALER, "offerAccept", id_, 1),
        )
        assert accept["deal"] is not None
        assert late["offer"] is not None or codes(late)[0][0] in ("LISTING_UNAVAILABLE", "NOT_FOUND")
        left = "SELECT count(*) FROM offer WHERE listing_id = :l AND status IN ('PENDING', 'COUNTERED')"
        assert await world.rows(left, l=listing) == [(0,)]


async def test_the_same_key_twice_at_once_makes_one_offer(world: World, size: Size) -> None:
    for _ in range(size(5, 50)):
        listing, key = await a_listing(world), world.key()
        one, two = await asyncio.gather(
            *(offered(world, Role.CUSTOMER, listing, "500.00", idempotencyKey=key) for _ in range(2))
        )
        problems = [code for payload in (one, two) for code, _ in codes(payload)]
        assert problems in ([], ["IDEMPOTENCY_IN_FLIGHT"])
        assert await world.rows("SELECT count(*) FROM offer WHERE listing_id = :l", l=listing) == [(1,)]


# Turn taking ------------------------------------------------------------------------------------------------------

ACTS = ("offerCounter", "offerAccept", "offerReject", "offerWithdraw")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from(list(OfferParty)), st.integers(1, 120), st.booleans()),
    min_size=1, max_size=7,
)  # fmt: skip


class Told:
    """What an offer of 500.00 on a listing for 1,000.00 has to be, told once more in the simplest words."""

    def __init__(self) -> None:
        self.status, self.version, self.speaker = "PENDING", 1, OfferParty.PROPOSER
        self.bid, self.ask = 50_000, PRICE

    def refuses(self, act: str, by: OfferParty, amount: int, current: bool) -> str | None:
        if self.status not in ("PENDING", "COUNTERED"):
            return "INVALID_TRANSITION"
        if (by is self.speaker) != (act == "offerWithdraw"):
            return "NOT_YOUR_TURN"
        if not current and act in ("offerCounter", "offerAccept"):
            return "STALE_VERSION"
        if act == "offerCounter" and not self.bid < amount < self.ask:
            return "OUT_OF_RANGE"
        if act == "offerCounter":
            self.status, self.version, self.speaker = "COUNTERED", self.version + 1, by
            self.bid, self.ask = (amount, self.ask) if by is OfferParty.PROPOSER else (self.bid, amount)
        else:
            self.status = {"offerAccept": "ACCEPTED", "offerReject": "REJECTED", "offerWithdraw": "WITHDRAWN"}[act]
        return None


async def play(world: World, steps: list[tuple[str, OfferParty, int, bool]]) -> None:
    listing, told = await a_listing(world), Told()
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    for act, by, tenths, current in steps:
        who = Role.CUSTOMER if by is OfferParty.PROPOSER else Role.DEALER
        given: dict[str, Any] = {"amount": f"{tenths * 10}.00"} if act == "offerCounter" else {}
        version = None
        if act in ("offerCounter", "offerAccept"):
            version = told.version if current else told.version + 1
        expected = told.refuses(act, by, tenths * 1_000, current)
        payload = await answered(world, who, act, id_, version, **given)
        assert [code for code, _ in codes(payload)] == ([expected] if expected else []), (act, by, tenths)
        found = await world.rows("SELECT status, version, head_party FROM offer WHERE listing_id = :l", l=listing)
        assert found == [(told.status, told.version, told.speaker)]
    revisions = (
        "SELECT r.n FROM offer_revision r JOIN offer o ON o.id = r.offer_id WHERE o.listing_id = :l ORDER BY r.n"
    )
    assert [n for (n,) in await world.rows(revisions, l=listing)] == list(range(1, told.version + 1))
    deals = await world.rows("SELECT count(*) FROM deal WHERE listing_id = :l", l=listing)
    assert deals == [(1 if told.status == "ACCEPTED" else 0,)]


async def test_turns_are_taken_as_told_whatever_comes(souk: Souk, size: Size) -> None:
    world = await make_world(souk)
    loop = asyncio.get_running_loop()

    @settings(
        max_examples=size(25, 300), deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(STEPS)
    def draw(steps: list[tuple[str, OfferParty, int, bool]]) -> None:
        asyncio.run_coroutine_threadsafe(play(world, steps), loop).result()

    await asyncio.to_thread(draw)
