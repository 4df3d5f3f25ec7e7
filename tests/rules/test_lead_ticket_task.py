"""Leads, tickets and tasks: the ways of the table and the guards on them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules import lead as leads
from souk.rules import task as tasks
from souk.rules import ticket as tickets
from souk.rules.enums import CommentVisibility, LostReason, TaskOutcome
from souk.rules.errors import Forbidden, Invalid, InvalidInput, InvalidTransition, LimitExceeded, Refused, Required
from souk.rules.lead import LeadState
from souk.rules.machines import machine, states
from souk.rules.ticket import TicketState

NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def refused(act) -> Refused | None:
    try:
        act()
    except Refused as refusal:
        return refusal
    return None


@given(
    st.sampled_from(states("Lead")),
    st.sampled_from(states("Lead")),
    st.none() | st.sampled_from(LostReason),
    st.booleans(),
)
def test_staff_move_a_lead_along_the_table(from_: str, to: str, reason: LostReason | None, deal: bool) -> None:
    open_way = any(row.has(mutation="leadSetStatus") for row in machine("Lead").to(from_, to))
    needs = {"LOST": reason is not None, "WON": deal, "INVALID": reason in (LostReason.SPAM, LostReason.DUPLICATE)}
    outcome = refused(lambda: leads.set_status(LeadState(from_), to, reason=reason, deal=deal, now=NOW))
    assert (outcome is None) == (open_way and needs.get(to, True))
    assert isinstance(outcome, InvalidTransition) == (not open_way)


def test_a_moved_lead_runs_thirty_days_from_then() -> None:
    moved = leads.set_status(LeadState("OPEN"), "LOST", reason=LostReason.PRICE, now=NOW)
    assert moved == leads.Moved("LOST", NOW + timedelta(days=30), LostReason.PRICE)
    assert leads.set_status(LeadState("NEW"), "CONTACTED", reason=LostReason.PRICE, now=NOW).lost_reason is None
    for reason, kind in ((None, Required), (LostReason.PRICE, Invalid)):
        with pytest.raises(kind):
            leads.set_status(LeadState("NEW"), "INVALID", reason=reason, now=NOW)


def test_only_whoever_asked_takes_it_back() -> None:
    assert leads.withdraw(LeadState("CONTACTED"), own=True) == "WITHDRAWN"
    with pytest.raises(Forbidden):
        leads.withdraw(LeadState("CONTACTED"), own=False)
    with pytest.raises(InvalidTransition):
        leads.withdraw(LeadState("NEGOTIATING"), own=True)


def test_leads_run_out_and_follow() -> None:
    for status in states("Lead"):
        expires = leads.expire(LeadState(status, NOW), now=NOW)
        assert expires == ("EXPIRED" if status in ("NEW", "OPEN", "CONTACTED", "QUALIFIED") else None)
        assert leads.expire(LeadState(status, LATER), now=NOW) is None
        moves = status in ("OPEN", "CONTACTED", "QUALIFIED")
        assert leads.offered(LeadState(status)) == ("NEGOTIATING" if moves else status)
    assert leads.ahead("QUALIFIED", "OPEN")
    assert not leads.ahead("OPEN", "OPEN")
    assert not leads.ahead("LOST", "OPEN")


def test_how_many_dealers_may_unlock() -> None:
    assert leads.max_unlocks("EXCLUSIVE", None, 3) == 1
    assert leads.max_unlocks("SHARED", None, 3) == 3
    assert leads.max_unlocks("SHARED", 2, 3) == 2
    for asked in (0, 4):
        with pytest.raises(LimitExceeded):
            leads.max_unlocks("SHARED", asked, 3)


texts = st.sampled_from([None, "", "  ", "words"])


@given(st.sampled_from(states("Ticket")), st.sampled_from(states("Ticket")), texts, texts, st.booleans())
def test_agents_move_a_ticket_along_the_table(from_: str, to: str, reason, resolution, answered: bool) -> None:
    ticket = TicketState(from_, NOW, LATER if answered else None)
    open_way = any(row.has(mutation="ticketTransition") for row in machine("Ticket").to(from_, to))
    needs = {"ON_HOLD": reason == "words", "RESOLVED": resolution == "words", "WAITING_ON_REQUESTER": answered}
    outcome = refused(lambda: tickets.transition(ticket, to, reason=reason, resolution=resolution))
    assert (outcome is None) == (open_way and needs.get(to, True))
    assert (tickets.may(ticket, to) is None) == (open_way and (to != "WAITING_ON_REQUESTER" or answered))


def test_a_clock_is_not_stopped_without_an_answer() -> None:
    for answered_at in (None, NOW - timedelta(seconds=1), NOW):
        with pytest.raises(InvalidTransition) as caught:
            tickets.transition(TicketState("OPEN", NOW, answered_at), "WAITING_ON_REQUESTER")
        assert "WAITING_ON_REQUESTER" not in caught.value.allowed
        assert "RESOLVED" in caught.value.allowed
    assert tickets.transition(TicketState("OPEN", NOW, LATER), "WAITING_ON_REQUESTER") == "WAITING_ON_REQUESTER"


def test_what_a_comment_does() -> None:
    public, internal = CommentVisibility.PUBLIC, CommentVisibility.INTERNAL
    said = tickets.Commented
    expected = {
        ("NEW", True, public): said("NEW"),
        ("NEW", False, public): said("OPEN"),
        ("NEW", False, internal): said("OPEN"),
        ("WAITING_ON_REQUESTER", True, public): said("OPEN"),
        ("WAITING_ON_REQUESTER", True, internal): said("WAITING_ON_REQUESTER"),
        ("WAITING_ON_REQUESTER", False, public): said("WAITING_ON_REQUESTER"),
        ("ON_HOLD", True, public): said("ON_HOLD"),
        ("RESOLVED", True, public): said("OPEN", reopened=True),
        ("RESOLVED", False, public): said("RESOLVED"),
        ("CLOSED", True, public): said("CLOSED", follow_up=True),
        ("CLOSED", False, public): said("CLOSED"),
    }
    for (status, by_requester, visibility), result in expected.items():
        ticket = TicketState(status, NOW)
        assert tickets.commented(ticket, by_requester=by_requester, visibility=visibility) == result
    with pytest.raises(InvalidTransition):
        tickets.commented(TicketState("CANCELLED", NOW), by_requester=True, visibility=public)


@given(st.sampled_from(states("Task")), st.sampled_from(states("Task")), texts)
def test_tasks_move_along_the_table(from_: str, to: str, reason) -> None:
    ways = [row for row in machine("Task").to(from_, to) if row.has(mutation="taskTransition")]
    needs_reason = any(row.guard == "reason" for row in ways)
    outcome = refused(lambda: tasks.transition(from_, to, reason=reason))
    assert (outcome is None) == (bool(ways) and (reason == "words" or not needs_reason))


def test_the_loop_is_closed_with_outcome_and_note() -> None:
    for status in ("TODO", "IN_PROGRESS", "BLOCKED"):
        assert tasks.close_loop(status, outcome=TaskOutcome.PROMISED, note="by Monday") == "DONE"
    with pytest.raises(InvalidInput) as caught:
        tasks.close_loop("TODO", outcome=None, note=" ")
    assert [p.field for p in caught.value.problems] == [("outcome",), ("note",)]
    with pytest.raises(InvalidTransition):
        tasks.close_loop("DONE", outcome=TaskOutcome.PROMISED, note="again")
