"""Listings and their dealers: who may list, what moderation asks, what suspension remembers, how warnings escalate."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules import dealer as dealers
from souk.rules import listing as rules
from souk.rules.dealer import DealerState, ReviewAction
from souk.rules.enums import ListingKind
from souk.rules.errors import Cooldown, Forbidden, InvalidTransition, OutOfRange, Refused, Required
from souk.rules.listing import ListingState, ModerationAction
from souk.rules.machines import machine, states

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
standings = st.sampled_from(states("DealerStanding"))
verifications = st.sampled_from(states("DealerVerification"))
dealer_states = st.builds(
    DealerState, verifications, standings, st.frozensets(st.sampled_from(["OFFER", "LISTING_RESUME"]))
)
listing_states = st.builds(
    ListingState,
    st.sampled_from(states("Listing")),
    st.sampled_from(ListingKind),
    st.none() | st.integers(1, 3),
    st.sampled_from(["ACTIVE", "PAUSED"]),
    st.none() | st.just(NOW) | st.just(NOW + timedelta(days=1)),
)
GOOD = DealerState("VERIFIED", "GOOD")


@given(dealer_states)
def test_eligible_is_verified_and_in_order(dealer: DealerState) -> None:
    assert dealer.in_order == (dealer.standing in ("GOOD", "WATCH", "WARNED"))
    assert dealer.eligible == (dealer.in_order and dealer.verification == "VERIFIED")


@given(listing_states, dealer_states, st.sampled_from(ModerationAction), st.sampled_from([None, " ", "because"]))
def test_every_act_goes_a_way_of_the_table_or_is_refused(listing, dealer, action, reason) -> None:
    acts = {
        "listingSubmit": lambda: rules.submit(listing, dealer),
        "listingRenew": lambda: rules.renew(listing, dealer, now=NOW)[0],
        "listingPause": lambda: rules.pause(listing),
        "listingResume": lambda: rules.resume(listing, dealer),
        "listingArchive": lambda: rules.archive(listing, reason=reason),
        "listingModerate": lambda: rules.moderate(listing, dealer, action, reason=reason),
    }
    for mutation, act in acts.items():
        to, refused = "", None
        try:
            to = act()
        except Refused as refusal:
            refused = refusal
        if isinstance(refused, InvalidTransition):
            assert refused.allowed == machine("Listing").allowed(listing.status)
            continue
        if refused is not None:
            ways = [row for row in machine("Listing").transitions(listing.status) if row.has(mutation=mutation)]
            assert ways, "a guard is only asked where a way is open"
            continue
        used = machine("Listing").check(
            listing.status, to, mutation=mutation, action=action if mutation == "listingModerate" else None
        )
        if to in ("PENDING_REVIEW", "ACTIVE") and action is not ModerationAction.REINSTATE:
            assert dealer.in_order
        if "reason" in used.guard:
            assert reason == "because"


def test_who_may_not_list() -> None:
    draft = ListingState("DRAFT")
    assert rules.submit(draft, DealerState()) == "PENDING_REVIEW"
    assert rules.submit(draft, GOOD, by_import=True) == "PENDING_REVIEW"
    for dealer in (replace(GOOD, standing="RESTRICTED"), replace(GOOD, restrictions=frozenset({"LISTING_RESUME"}))):
        with pytest.raises(Forbidden):
            rules.submit(draft, dealer)
        with pytest.raises(Forbidden):
            rules.resume(ListingState("PAUSED"), dealer)
    for verification in ("EXPIRED", "REVOKED"):
        with pytest.raises(Forbidden):
            rules.resume(ListingState("PAUSED"), replace(GOOD, verification=verification))
    assert rules.resume(ListingState("PAUSED"), DealerState("UNVERIFIED")) == "ACTIVE"


@pytest.mark.parametrize(
    ("verification", "setting", "by_import", "itself"),
    [
        ("VERIFIED", True, False, True),
        ("VERIFIED", False, True, True),
        ("VERIFIED", False, False, False),
        ("PENDING", True, True, False),
    ],
)
def test_a_verified_dealer_may_be_approved_by_itself(verification, setting, by_import, itself) -> None:
    dealer = DealerState(verification, "GOOD")
    assert rules.approves_itself(dealer, auto_approve=setting, by_import=by_import) is itself
    suspended = replace(dealer, standing="SUSPENDED")
    assert not rules.approves_itself(suspended, auto_approve=True, by_import=True)


def test_a_suspended_listing_remembers_what_it_was() -> None:
    for was in ("ACTIVE", "PAUSED"):
        held = rules.suspend(ListingState(was), reason="fake", event="batch SUSPEND_LISTING")
        assert (held.status, held.suspended_from) == ("SUSPENDED", was)
        assert rules.moderate(held, GOOD, ModerationAction.REINSTATE) == was
        for standing in ("SUSPENDED", "TERMINATED"):
            with pytest.raises(Forbidden):
                rules.reinstate(held, replace(GOOD, standing=standing))
        assert rules.reinstate(held, replace(GOOD, standing="RESTRICTED")) == was
    with pytest.raises(Required):
        rules.suspend(ListingState("ACTIVE"), reason=" ")


def test_capacity_follows_the_kind() -> None:
    assert rules.capacity(ListingKind.VEHICLE, None) == 1
    assert rules.capacity(ListingKind.PRODUCT, None) is None
    assert rules.capacity(ListingKind.CASTING_CALL, 3) == 3
    with pytest.raises(OutOfRange):
        rules.capacity(ListingKind.VEHICLE, 2)
    with pytest.raises(OutOfRange):
        rules.capacity(ListingKind.PRODUCT, 0)
    three = ListingState("ACTIVE", capacity=3)
    assert [rules.reserved(three, deals=n) for n in (0, 2, 3)] == [False, False, True]
    assert not rules.reserved(ListingState("ACTIVE"), deals=10**6)


def test_listings_run_out_at_the_instant_itself() -> None:
    for status in states("Listing"):
        listing = ListingState(status, expires_at=NOW)
        assert rules.expire(listing, now=NOW) == ("EXPIRED" if status in ("ACTIVE", "PAUSED") else None)
        assert rules.expire(listing, now=NOW - timedelta(microseconds=1)) is None
    assert rules.expire(ListingState("ACTIVE"), now=NOW) is None
    renewed = rules.renew(ListingState("EXPIRED"), GOOD, now=NOW, listing_days=60)
    assert renewed == ("PENDING_REVIEW", NOW + timedelta(days=60))
    assert rules.back_to_draft(ListingState("REJECTED")) == "DRAFT"
    assert rules.back_to_draft(ListingState("ACTIVE")) == "ACTIVE"
    for status in ("RESERVED", "FULFILLED", "ARCHIVED"):
        with pytest.raises(InvalidTransition):
            rules.editable(ListingState(status))
    rules.editable(ListingState("SUSPENDED"))


def test_a_review_is_not_by_the_submitter() -> None:
    one, two = UUID(int=1), UUID(int=2)
    approve = ReviewAction.APPROVE
    assert dealers.review("PENDING", approve, reviewer=one, submitter=two, reason=None) == "VERIFIED"
    with pytest.raises(Forbidden):
        dealers.review("PENDING", approve, reviewer=one, submitter=one, reason=None)
    for status, action, to in (("PENDING", "REJECT", "REJECTED"), ("EXPIRED", "REVOKE", "REVOKED")):
        act = ReviewAction(action)
        assert dealers.review(status, act, reviewer=one, submitter=one, reason="papers") == to
        with pytest.raises(Required):
            dealers.review(status, act, reviewer=one, submitter=two, reason="")
    with pytest.raises(InvalidTransition):
        dealers.review("UNVERIFIED", approve, reviewer=one, submitter=two, reason=None)


def test_a_revoked_dealer_waits_seven_days() -> None:
    submit = dealers.submit_verification
    assert submit("UNVERIFIED", revoked_at=None, now=NOW) == "PENDING"
    with pytest.raises(Cooldown) as caught:
        submit("REVOKED", revoked_at=NOW, now=NOW + timedelta(days=7) - timedelta(seconds=1))
    assert caught.value.retry_at == NOW + timedelta(days=7)
    assert submit("REVOKED", revoked_at=NOW, now=NOW + timedelta(days=7)) == "PENDING"
    with pytest.raises(InvalidTransition):
        submit("VERIFIED", revoked_at=None, now=NOW)


def warn(standing: str, **given_: object) -> dealers.Notice:
    facts = {"notices": 0, "cure_due_at": None, "evidence": True, "still_breaching": True, "now": NOW} | given_
    return dealers.warn(standing, **facts)


def test_warnings_go_up_the_ladder_one_at_a_time() -> None:
    assert warn("WATCH") == dealers.Notice(1, NOW + timedelta(hours=72))
    with pytest.raises(Required):
        warn("WATCH", evidence=False)
    with pytest.raises(InvalidTransition):
        warn("GOOD")
    passed, ahead = NOW, NOW + timedelta(seconds=1)
    assert warn("WARNED", notices=1, cure_due_at=passed) == dealers.Notice(2, NOW + timedelta(hours=72))
    with pytest.raises(Forbidden):
        warn("WARNED", notices=1, cure_due_at=ahead)
    with pytest.raises(Forbidden):
        warn("WARNED", notices=1, cure_due_at=passed, still_breaching=False)
    with pytest.raises(InvalidTransition):
        warn("WARNED", notices=2, cure_due_at=passed)


def following(standing: str, **given_: object) -> str | None:
    facts = {"notices": 0, "cure_due_at": None, "now": NOW} | given_
    return dealers.next_step(standing, **facts)


def test_the_same_facts_lead_to_the_same_step() -> None:
    assert {standing: following(standing) for standing in states("DealerStanding")} == {
        "GOOD": None,
        "WATCH": "WARN_1",
        "WARNED": "WARN_2",
        "RESTRICTED": "SUSPEND",
        "SUSPENDED": "TERMINATE",
        "TERMINATED": None,
    }
    passed, ahead = NOW, NOW + timedelta(seconds=1)
    ladder = [following("WARNED", notices=n, cure_due_at=at) for n in (1, 2) for at in (ahead, passed)]
    assert ladder == [None, "WARN_2", None, "RESTRICT"]
    for standing in states("DealerStanding"):
        assert following(standing, notices=2, still_breaching=False) is None
        assert following(standing, notices=2, evidence=False) is None


@given(
    st.sampled_from(states("DealerStanding")), st.integers(0, 2), st.sampled_from([None, NOW, NOW + timedelta(1)]),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_notice_is_the_next_step_exactly_when_it_may_be_given(standing, notices, due, evidence, breaching) -> None:
    facts = {"notices": notices, "cure_due_at": due, "evidence": evidence, "still_breaching": breaching}
    try:
        number = warn(standing, **facts).number
    except Refused:
        number = 0
    if (standing == "WARNED" and not evidence) or (standing == "WATCH" and not breaching):
        return  # `warn` leaves these to what comes before it: an alert that is live and has its evidence
    step = following(standing, **facts)
    assert (number and f"WARN_{number}") == (step if step in ("WARN_1", "WARN_2") else 0)


def test_standing_by_hand_needs_a_reason() -> None:
    assert dealers.set_standing("GOOD", "WATCH", reason="rumours") == "WATCH"
    with pytest.raises(Required):
        dealers.set_standing("GOOD", "WATCH", reason=None)
    with pytest.raises(InvalidTransition):
        dealers.set_standing("GOOD", "WARNED", reason="x")
    with pytest.raises(InvalidTransition):
        dealers.set_standing("SUSPENDED", "WATCH", reason="x")
    for act, to in ((dealers.reinstate, "RESTRICTED"), (dealers.terminate, "TERMINATED")):
        assert act("SUSPENDED", reason="heard") == to
        with pytest.raises(Required):
            act("SUSPENDED", reason=None)
        with pytest.raises(InvalidTransition):
            act("WARNED", reason="heard")
    assert [dealers.cured(s) for s in ("GOOD", "WATCH", "WARNED", "RESTRICTED", "SUSPENDED")] == [
        "GOOD",
        "WATCH",
        "WATCH",
        "WATCH",
        "SUSPENDED",
    ]
    assert [dealers.confirm_breach(s) for s in ("GOOD", "WARNED")] == ["WATCH", "WARNED"]
