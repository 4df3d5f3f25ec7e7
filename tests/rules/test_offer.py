"""Offers: turns, bounds, rounds and time, walked at random against what the table allows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules import offer as rules
from souk.rules.dealer import DealerState
from souk.rules.enums import OfferDirection, OfferParty
from souk.rules.errors import (
    Forbidden,
    InvalidTransition,
    LimitExceeded,
    ListingUnavailable,
    NotYourTurn,
    OfferExpired,
    OutOfRange,
    Refused,
    StaleVersion,
)
from souk.rules.listing import ListingState
from souk.rules.machines import machine
from souk.rules.offer import OfferState

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ACTIVE = ListingState("ACTIVE", expires_at=NOW + timedelta(days=60))
GOOD = DealerState("VERIFIED", "GOOD")
PROPOSER, OWNER = OfferParty.PROPOSER, OfferParty.OWNER


def fresh(amount: int = 800, direction: OfferDirection = OfferDirection.BUY, price: int | None = 1000) -> OfferState:
    return rules.propose(amount, direction, listing=ACTIVE, listing_price=price, dealer=GOOD, own=False, now=NOW)


def counter(offer: OfferState, amount: int, by: OfferParty, now: datetime = NOW) -> OfferState:
    return rules.counter(offer, amount, by=by, expected_version=offer.head, now=now)


def test_an_offer_begins_with_its_proposer() -> None:
    offer = fresh()
    assert (offer.status, offer.head, offer.amount, offer.turn) == ("PENDING", 1, 800, OWNER)
    assert offer.expires_at == NOW + timedelta(hours=72)
    assert offer.bounds == (800, 1000)
    assert fresh(price=None).bounds == (800, None)
    assert fresh(direction=OfferDirection.SUPPLY).bounds == (1000, 800)
    assert (offer.payer, fresh(direction=OfferDirection.SUPPLY).payer) == (PROPOSER, OWNER)


def test_who_may_not_propose() -> None:
    for listing in (ListingState("PAUSED"), ListingState("RESERVED"), replace(ACTIVE, expires_at=NOW)):
        with pytest.raises(ListingUnavailable):
            rules.propose(1, "BUY", listing=listing, listing_price=None, dealer=GOOD, own=False, now=NOW)
    with pytest.raises(Forbidden):
        rules.propose(1, "BUY", listing=ACTIVE, listing_price=None, dealer=GOOD, own=True, now=NOW)
    held = DealerState("VERIFIED", "GOOD", frozenset({"OFFER"}))
    with pytest.raises(Forbidden):
        rules.propose(1, "BUY", listing=ACTIVE, listing_price=None, dealer=held, own=False, now=NOW)
    for amount in (0, -1, 2**63):
        with pytest.raises(OutOfRange):
            fresh(amount)


@pytest.mark.parametrize("amount", [800, 1000, 799, 1001])
def test_a_counter_lies_strictly_between_bid_and_ask(amount: int) -> None:
    with pytest.raises(OutOfRange):
        counter(fresh(), amount, OWNER)
    countered = counter(fresh(), 900, OWNER, NOW + timedelta(hours=1))
    assert (countered.status, countered.head, countered.amount, countered.turn) == ("COUNTERED", 2, 900, PROPOSER)
    assert countered.expires_at == NOW + timedelta(hours=73)
    assert countered.bounds == (800, 900)
    assert counter(countered, 850, PROPOSER).bounds == (850, 900)


def test_supply_runs_the_other_way() -> None:
    offer = fresh(1500, OfferDirection.SUPPLY, 1000)
    assert offer.bounds == (1000, 1500)
    assert counter(offer, 1200, OWNER).bounds == (1200, 1500)
    with pytest.raises(OutOfRange):
        counter(offer, 1000, OWNER)
    assert counter(fresh(1500, OfferDirection.SUPPLY, None), 1, OWNER).bounds == (1, 1500)


def test_each_answer_has_its_side() -> None:
    offer = fresh()
    with pytest.raises(NotYourTurn):
        counter(offer, 900, PROPOSER)
    with pytest.raises(NotYourTurn):
        rules.accept(offer, by=PROPOSER, listing=ACTIVE, dealer=GOOD, expected_version=1, now=NOW)
    with pytest.raises(NotYourTurn):
        rules.reject(offer, by=PROPOSER, now=NOW)
    with pytest.raises(NotYourTurn):
        rules.withdraw(offer, by=OWNER, now=NOW)
    assert rules.accept(offer, by=OWNER, listing=ACTIVE, dealer=GOOD, expected_version=1, now=NOW).status == "ACCEPTED"
    assert rules.reject(offer, by=OWNER, now=NOW).status == "REJECTED"
    assert rules.withdraw(offer, by=PROPOSER, now=NOW).status == "WITHDRAWN"


def test_an_offer_is_answered_at_the_version_that_was_seen() -> None:
    offer = counter(fresh(), 900, OWNER)
    with pytest.raises(StaleVersion) as caught:
        rules.accept(offer, by=PROPOSER, listing=ACTIVE, dealer=GOOD, expected_version=1, now=NOW)
    assert caught.value.current_version == 2


def test_a_listing_that_left_cannot_be_had() -> None:
    for status in ("PAUSED", "RESERVED", "SUSPENDED", "EXPIRED", "ARCHIVED"):
        with pytest.raises(ListingUnavailable):
            rules.accept(fresh(), by=OWNER, listing=ListingState(status), dealer=GOOD, expected_version=1, now=NOW)
    with pytest.raises(Forbidden):
        rules.accept(
            fresh(),
            by=OWNER,
            listing=ACTIVE,
            dealer=DealerState("VERIFIED", "RESTRICTED", frozenset({"OFFER"})),
            expected_version=1,
            now=NOW,
        )


def test_time_runs_out_at_the_instant_itself() -> None:
    offer = fresh()
    last = offer.expires_at - timedelta(microseconds=1)
    assert counter(offer, 900, OWNER, last).head == 2
    with pytest.raises(OfferExpired) as caught:
        counter(offer, 900, OWNER, offer.expires_at)
    assert caught.value.expired_at == offer.expires_at
    assert rules.expire(offer, now=last) is None
    assert rules.expire(offer, now=offer.expires_at) == replace(offer, status="EXPIRED")
    assert rules.available(offer, by=OWNER, now=offer.expires_at) == ()


def test_there_are_ten_rounds() -> None:
    offer, by, bid, ask = fresh(1000, price=None), OWNER, 1000, 10**6
    for _ in range(9):
        bid, ask = (bid, ask - 1) if by is OWNER else (bid + 1, ask)
        offer = counter(offer, ask if by is OWNER else bid, by)
        by = rules.other(by)
    assert offer.head == 10
    with pytest.raises(LimitExceeded):
        counter(offer, bid + 1, by)
    assert rules.available(offer, by=by, now=NOW) == ("ACCEPTED", "REJECTED")


@pytest.mark.parametrize(
    ("amount", "answer"), [(949, None), (950, "ACCEPTED"), (951, "ACCEPTED"), (700, "REJECTED"), (701, None)]
)
def test_automatic_answers_take_their_limits_in(amount: int, answer: str | None) -> None:
    assert rules.answer_by_itself(fresh(amount), auto_accept=950, auto_decline=700) == answer
    assert rules.answer_by_itself(fresh(amount), auto_accept=None, auto_decline=None) is None
    supply = fresh(amount, OfferDirection.SUPPLY)
    assert rules.answer_by_itself(supply, auto_accept=950, auto_decline=700) is None
    assert rules.answer_by_itself(counter(fresh(700), 990, OWNER), auto_accept=1, auto_decline=None) is None


acts = st.lists(
    st.tuples(
        st.sampled_from(["counter", "accept", "reject", "withdraw"]), st.sampled_from(OfferParty), st.integers(1, 40)
    )
)


@given(acts, st.sampled_from(OfferDirection), st.none() | st.integers(1, 40), st.integers(1, 40))
def test_any_bargaining_keeps_the_rules(acts, direction, price: int | None, first: int) -> None:
    offer = fresh(first, direction, price)
    gap = None
    for act, by, amount in acts:
        before, refused = offer, None
        try:
            if act == "counter":
                offer = counter(offer, amount, by)
            elif act == "accept":
                offer = rules.accept(offer, by=by, listing=ACTIVE, dealer=GOOD, expected_version=offer.head, now=NOW)
            else:
                offer = getattr(rules, act)(offer, by=by, now=NOW)
        except Refused as refusal:
            refused = refusal
        if refused is not None:
            assert offer is before
            assert isinstance(refused, InvalidTransition) == (before.status not in rules.OPEN)
            continue
        assert machine("Offer").to(before.status, offer.status)
        assert offer.status in rules.available(before, by=by, now=NOW)
        assert before.turn == (by if act != "withdraw" else rules.other(by))
        if act == "counter":
            assert (offer.head, offer.amount, offer.turn) == (before.head + 1, amount, rules.other(by))
            bid, ask = offer.bounds
            if bid is not None and ask is not None:
                assert bid < ask
                assert gap is None or ask - bid < gap
                gap = ask - bid
    assert offer.head <= 10


def test_a_closed_offer_is_left_alone() -> None:
    for status in machine("Offer").terminal:
        closed = replace(fresh(), status=status)
        assert rules.supersede(closed) is None
        assert rules.expire(closed, now=NOW + timedelta(days=99)) is None
        assert closed.turn is None
        with pytest.raises(InvalidTransition) as caught:
            counter(closed, 900, OWNER)
        assert caught.value.allowed == ()
    assert rules.supersede(fresh()) == replace(fresh(), status="SUPERSEDED")
