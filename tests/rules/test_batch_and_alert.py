"""Batches add up and stop in time; alerts tell of one breach once."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules import alert as alerts
from souk.rules import batch as rules
from souk.rules.alert import AlertState, Observed, PolicyException, PolicyVersion
from souk.rules.batch import Counts
from souk.rules.enums import AlertKind, DismissReason, PolicyKind
from souk.rules.errors import (
    ApproverIsCreator,
    Forbidden,
    Invalid,
    InvalidTransition,
    PreviewDrift,
    PreviewExpired,
    Refused,
    Required,
)
from souk.rules.machines import machine, states
from souk.rules.money import Money

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)
item_statuses = st.sampled_from(states("BatchItem"))


def test_every_status_is_in_one_part() -> None:
    assert set(rules.PART_OF) == set(states("BatchItem"))
    assert set(rules.PART_OF.values()) == set(Counts._fields)


@given(st.lists(item_statuses), st.randoms(use_true_random=False))
def test_the_parts_add_up_whatever_moves(items: list[str], chance: random.Random) -> None:
    counts = rules.count(Counter(items))
    assert counts.total == len(items)
    for i, status in enumerate(items):
        ways = machine("BatchItem").transitions(status)
        if ways:
            items[i] = chance.choice(ways).to
            counts = counts.moved(status, items[i])
            assert counts == rules.count(Counter(items))
    assert counts.total == len(items)
    assert counts.settled + counts.open + counts.cancelled == counts.total


def test_counts_never_go_below_zero() -> None:
    with pytest.raises(ValueError, match="RUNNING"):
        Counts(pending=1).moved("RUNNING", "SUCCEEDED")


@pytest.mark.parametrize(
    ("amounts", "limits", "status"),
    [
        ([Money(5_000_000, "SAR")], [Money(5_000_000, "SAR")], "PENDING_APPROVAL"),
        ([Money(4_999_999, "SAR")], [Money(5_000_000, "SAR")], "READY"),
        ([Money(1, "INR")], [Money(5_000_000, "SAR")], "PENDING_APPROVAL"),
        ([Money(0, "INR")], [Money(5_000_000, "SAR")], "READY"),
        ([], [], "READY"),
        ([Money(1, "SAR"), Money(9_000_000, "SAR")], [Money(5_000_000, "SAR")], "PENDING_APPROVAL"),
    ],
)
def test_where_a_batch_begins(amounts, limits, status: str) -> None:
    assert rules.begins_at(amounts, limits) == status


def test_a_batch_that_is_compared_has_one_currency_and_a_second_person() -> None:
    with pytest.raises(Invalid):
        rules.begins_at([Money(1, "SAR"), Money(1, "INR")], [])
    assert rules.approve("PENDING_APPROVAL", approver=TWO, creator=ONE) == "READY"
    for approver in (ONE, None):
        with pytest.raises(ApproverIsCreator):
            rules.approve("PENDING_APPROVAL", approver=approver, creator=ONE)
    with pytest.raises(InvalidTransition):
        rules.approve("READY", approver=TWO, creator=ONE)
    rules.fresh(NOW + timedelta(seconds=1), now=NOW)
    with pytest.raises(PreviewExpired):
        rules.fresh(NOW, now=NOW)


def test_drift_is_refused_with_the_list_or_skipped() -> None:
    before = {"a": {"status": "ACTIVE", "price": 5}, "b": {"status": "ACTIVE"}, "c": {"status": "PAUSED"}}
    now = {"a": {"status": "ACTIVE", "price": 6}, "b": {"status": "ACTIVE", "new": 1}, "c": None}
    drifted = rules.drift(before, now)
    assert drifted == [("a", "price", 5, 6), ("c", "status", "PAUSED", None)]
    with pytest.raises(PreviewDrift) as caught:
        rules.start("READY", drifted, skip_drift=False)
    assert caught.value.items[0] == {"id": "a", "field": "price", "was": 5, "now": 6}
    assert rules.start("READY", drifted, skip_drift=True) == "RUNNING"
    assert rules.start("READY", [], skip_drift=False, by_itself=True) == "RUNNING"
    with pytest.raises(InvalidTransition):
        rules.start("RUNNING", [], skip_drift=True)


def test_control_goes_along_the_table() -> None:
    assert [rules.cancel(s) for s in ("PENDING_APPROVAL", "READY", "RUNNING", "PAUSED")] == [
        "CANCELLED",
        "CANCELLED",
        "CANCELLING",
        "CANCELLING",
    ]
    assert (rules.pause("RUNNING"), rules.resume("PAUSED")) == ("PAUSED", "RUNNING")
    for act, status in ((rules.pause, "PAUSED"), (rules.resume, "RUNNING"), (rules.resume, "READY")):
        with pytest.raises(InvalidTransition):
            act(status)
    for status in rules.AT_REST:
        with pytest.raises(InvalidTransition):
            rules.cancel(status)


@pytest.mark.parametrize(
    ("status", "counts", "result"),
    [
        ("RUNNING", Counts(pending=1, succeeded=99), None),
        ("RUNNING", Counts(succeeded=9, skipped=1), "COMPLETED"),
        ("RUNNING", Counts(succeeded=9, dead=1), "COMPLETED_WITH_ERRORS"),
        ("RUNNING", Counts(pending=80, succeeded=16, failed=4), None),
        ("RUNNING", Counts(pending=80, succeeded=15, failed=3, dead=2), "FAILED"),
        ("RUNNING", Counts(pending=81, failed=19), None),
        ("RUNNING", Counts(waiting=1, failed=20), "FAILED"),
        ("RUNNING", Counts(failed=19), "COMPLETED_WITH_ERRORS"),
        ("CANCELLING", Counts(running=1, cancelled=9), None),
        ("CANCELLING", Counts(succeeded=1, cancelled=9), "CANCELLED"),
        ("PAUSED", Counts(succeeded=9), None),
        ("RUNNING", Counts(), "COMPLETED"),
    ],
)
def test_how_a_run_ends(status: str, counts: Counts, result: str | None) -> None:
    ended = rules.settle(status, counts)
    assert (ended and ended[0]) == result
    if ended:
        assert machine("Batch").check(status, ended[0], event=ended[1])


def test_five_attempts_then_dead() -> None:
    assert [rules.after_failure(n, retryable=True) for n in range(1, 6)] == ["RETRY_WAIT"] * 4 + ["DEAD"]
    assert rules.after_failure(1, retryable=False) == "FAILED"


@given(st.integers(1, 5), st.floats(0, 1, exclude_max=True))
def test_backoff_draws_from_the_whole_span(attempt: int, chance: float) -> None:
    assert timedelta(0) <= rules.backoff(attempt, chance) < timedelta(seconds=10 * 2 ** (attempt - 1))
    assert rules.backoff(attempt, Fraction(1, 2)) == timedelta(seconds=5 * 2 ** (attempt - 1))


def test_a_run_is_rolled_back_within_a_day() -> None:
    given = {"undoes": True, "done": 1, "ended_at": NOW, "now": NOW + timedelta(hours=24)}
    assert rules.roll_back("COMPLETED", **given) == "ROLLING_BACK"
    with pytest.raises(InvalidTransition) as caught:
        rules.roll_back("FAILED", **given | {"now": NOW + timedelta(hours=24, seconds=1)})
    assert caught.value.allowed == ("RUNNING",)
    for status, changed in (("RUNNING", {"ended_at": None}), ("ROLLED_BACK", {}), ("CANCELLED", {"done": 0})):
        with pytest.raises(InvalidTransition):
            rules.roll_back(status, **given | changed)
    with pytest.raises(Forbidden):
        rules.roll_back("COMPLETED", **given | {"undoes": False})
    assert rules.rolled_back(failed=0) == ("ROLLED_BACK", "all compensated")
    assert rules.rolled_back(failed=1) == ("COMPLETED_WITH_ERRORS", "some compensation failed")


def test_what_failed_is_tried_again_where_something_failed() -> None:
    assert [rules.retry(status, failed=1) for status in ("FAILED", "COMPLETED_WITH_ERRORS")] == ["RUNNING"] * 2
    for status, failed in (("FAILED", 0), ("COMPLETED", 1), ("CANCELLED", 1), ("RUNNING", 1)):
        with pytest.raises(InvalidTransition):
            rules.retry(status, failed=failed)


P = 100_000


@pytest.mark.parametrize(
    ("kind", "price", "minor", "bp", "breach"),
    [
        ("MAP", P, 0, 0, False),
        ("MAP", P - 1, 0, 0, True),
        ("MAP", P - 500, 500, 0, False),
        ("MAP", P - 501, 500, 0, True),
        ("MRP_FLOOR", P - 1000, 500, 100, False),
        ("MRP_FLOOR", P - 1001, 500, 100, True),
        ("MRP_CEILING", P, 0, 0, False),
        ("MRP_CEILING", P + 1, 0, 0, True),
        ("MRP_CEILING", P + 1000, 1000, 0, False),
        ("MRP_CEILING", 1, 0, 0, False),
    ],
)
def test_a_breach_is_beyond_the_tolerance(kind: str, price: int, minor: int, bp: int, breach: bool) -> None:
    assert alerts.breaches(PolicyKind[kind], P, price, tolerance_minor=minor, tolerance_bp=bp) is breach


def test_a_tolerance_is_not_rounded() -> None:
    assert not alerts.breaches(PolicyKind.MAP, 333, 330, tolerance_bp=100)
    assert alerts.breaches(PolicyKind.MAP, 333, 329, tolerance_bp=100)
    assert {alerts.RAISES[kind] for kind in PolicyKind} == set(AlertKind) - {"COMPETITOR_UNDERCUT", "DEAD_STOCK"}


def day(n: int) -> datetime:
    return NOW + timedelta(days=n)


def test_the_version_that_governs_and_the_one_known_then() -> None:
    one = PolicyVersion(1, 100, 0, 0, day(0), None, day(0))
    two = PolicyVersion(2, 120, 0, 0, day(10), day(20), day(5))
    versions = [two, one]
    assert alerts.version_at(versions, day(-1)) is None
    assert alerts.version_at(versions, day(9)) == one
    assert alerts.version_at(versions, day(10)) == two
    assert alerts.version_at(versions, day(20)) is None
    assert alerts.version_at(versions, day(15), known=day(4)) == one


def test_exceptions_spare_a_dealer_for_a_while() -> None:
    version = PolicyVersion(1, 100, 0, 0, day(0), None, day(0))
    sale = PolicyException(day(1), day(2), frozenset({ONE}), "WEB")
    other = PolicyException(day(1), day(2), None, None, 90)

    def amount(exceptions, at, dealer, channel="WEB"):
        return alerts.amount_for(version, exceptions, at, dealer_id=dealer, channel=channel)

    assert amount([sale], day(1), ONE) is None
    assert amount([sale], day(2), ONE) == 100
    assert amount([sale], day(1), TWO) == 100
    assert amount([sale], day(1), ONE, "SHOP") == 100
    assert amount([other], day(1), TWO) == 90
    assert amount([other, sale], day(1), ONE) is None


def seen(last: AlertState | None, price: int, *, at: datetime = NOW) -> Observed:
    return alerts.observe(last, PolicyKind.MAP, 1000, price, breaching=price < 1000, now=at)


def test_one_breach_is_one_alert() -> None:
    assert seen(None, 900) is Observed.RAISE
    assert seen(None, 1000) is Observed.NOTHING
    for status in states("Alert"):
        if status not in alerts.ENDED:
            assert seen(AlertState(status, 900), 950) is Observed.REPEAT
            assert seen(AlertState(status, 900), 1000) is Observed.CURE
            assert machine("Alert").check(status, "RESOLVED", event="compliant re-observation")


def test_a_breach_again_within_thirty_days_is_the_same_alert() -> None:
    resolved = AlertState("RESOLVED", 900, ended_at=NOW)
    assert seen(resolved, 990, at=day(30)) is Observed.REOPEN
    assert seen(resolved, 990, at=day(30) + timedelta(seconds=1)) is Observed.RAISE
    assert seen(resolved, 1000, at=day(1)) is Observed.NOTHING


def test_what_was_dismissed_is_remembered() -> None:
    for reason in (DismissReason.FALSE_POSITIVE, DismissReason.WRONG_SKU, DismissReason.DUPLICATE):
        dismissed = AlertState("DISMISSED", 900, ended_at=NOW, dismissed_as=reason)
        assert seen(dismissed, 900, at=day(99)) is Observed.NOTHING
        assert seen(dismissed, 950) is Observed.NOTHING
        assert seen(dismissed, 899) is Observed.RAISE
    excepted = AlertState(
        "DISMISSED", 900, ended_at=NOW, dismissed_as=DismissReason.EXCEPTION_WINDOW, excepted_until=day(3)
    )
    assert seen(excepted, 800, at=day(2)) is Observed.NOTHING
    assert seen(excepted, 900, at=day(3)) is Observed.RAISE


texts = st.sampled_from([None, "", "FALSE_POSITIVE", "words"])


@given(st.sampled_from(states("Alert")), st.sampled_from(states("Alert")), texts, texts, st.booleans())
def test_alerts_move_along_the_table(from_: str, to: str, reason, resolution, evidence: bool) -> None:
    ways = [row for row in machine("Alert").to(from_, to) if row.has(mutation="alertTransition")]
    needs = {"DISMISSED": reason == "FALSE_POSITIVE", "RESOLVED": bool(resolution)}
    kept = needs.get(to, True) and (from_ != "DISMISSED" or evidence)
    outcome: object = None
    try:
        outcome = alerts.transition(
            AlertState(from_, 1), to, reason=reason, resolution=resolution, evidence_since=evidence
        )
    except Refused as refusal:
        outcome = refusal
    assert (outcome == to) == (bool(ways) and kept)
    assert isinstance(outcome, InvalidTransition) == (not ways)


def test_which_row_of_the_matrix_an_alert_asks() -> None:
    acknowledged = alerts.transition(AlertState("OPEN", 1), "ACKNOWLEDGED", permission="alert:acknowledge")
    assert acknowledged == "ACKNOWLEDGED"
    with pytest.raises(InvalidTransition):
        alerts.transition(AlertState("OPEN", 1), "INVESTIGATING", permission="alert:acknowledge")
    for reason, kind in ((None, Required), ("BORED", Invalid)):
        with pytest.raises(kind):
            alerts.transition(AlertState("OPEN", 1), "DISMISSED", reason=reason)


def test_enforcement_gives_time_to_cure() -> None:
    enforcing = AlertState("ENFORCING", 900)
    due = NOW + timedelta(hours=72)
    assert alerts.enforced(enforcing, succeeded=True, now=NOW) == alerts.Enforced("AWAITING_CURE", due)
    assert alerts.enforced(enforcing, succeeded=False, now=NOW) == alerts.Enforced("INVESTIGATING", None)
    assert alerts.enforced(AlertState("RESOLVED", 900), succeeded=True, now=NOW).status == "RESOLVED"
    waiting = AlertState("AWAITING_CURE", 900, cycle=2, cure_due_at=due)
    assert alerts.cure_due(waiting, breaching=True, now=due - timedelta(seconds=1)) is None
    assert alerts.cure_due(waiting, breaching=True, now=due) == ("OPEN", 3)
    assert alerts.cure_due(waiting, breaching=False, now=due) == ("RESOLVED", 2)
    assert alerts.cure_due(AlertState("OPEN", 900, cure_due_at=due), breaching=True, now=due) is None
