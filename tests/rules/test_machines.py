"""The machines: the whole table, read into types, walked in every direction."""

import pytest

from souk.rules.errors import InvalidTransition
from souk.rules.machines import Trigger, check, for_person, machine, machines, states


def test_the_table_is_whole() -> None:
    assert len(machines()) == 25
    assert sum(len(m.rows) for m in machines().values()) == 335


@pytest.mark.parametrize("name", sorted(machines()))
def test_a_machine_hangs_together(name: str) -> None:
    m = machine(name)
    assert set(m.initial) <= set(m.states)
    assert set(m.terminal) == {state for state in m.states if not m.transitions(state)}
    reached = set(m.initial)
    for _ in m.states:
        reached |= {row.to for row in m.rows if row.from_ in reached}
    assert reached == set(m.states)
    for row in m.rows:
        assert row.triggers
        assert ("SYSTEM" in row.roles) == any(t.event is not None for t in row.triggers), row
        assert (row.permission == "SYSTEM") == (not row.mutations), row


@pytest.mark.parametrize("name", sorted(machines()))
def test_check_answers_with_the_row_or_with_the_ways_out(name: str) -> None:
    m = machine(name)
    for from_ in m.states:
        for to in m.states:
            rows = m.to(from_, to)
            for row in rows:
                for t in row.triggers:
                    found = check(name, from_, to, mutation=t.mutation, action=t.action, event=t.event)
                    assert t in found.triggers
            if not rows:
                with pytest.raises(InvalidTransition) as caught:
                    check(name, from_, to, mutation="whatever")
                assert caught.value.allowed == m.allowed(from_)


def test_triggers_are_mutations_with_actions_or_events() -> None:
    row = check("Listing", "PENDING_REVIEW", "ACTIVE", mutation="listingModerate", action="APPROVE")
    assert row.triggers == (
        Trigger("listingModerate", "APPROVE"),
        Trigger(event="auto-approval"),
        Trigger(event="import"),
    )
    assert row.trigger == "listingModerate(APPROVE) / (auto-approval) / (import)"
    assert row.permission == "listing:moderate"
    with pytest.raises(InvalidTransition):
        check("Listing", "PENDING_REVIEW", "ACTIVE", mutation="listingModerate", action="REJECT")
    with pytest.raises(InvalidTransition):
        check("Listing", "PENDING_REVIEW", "ACTIVE", event="expiresAt")
    with pytest.raises(ValueError, match="neither"):
        Trigger.parse("Listing Submit")


def test_only_what_a_person_triggers_is_offered() -> None:
    assert machine("Listing").allowed("ACTIVE") == ("PAUSED", "SUSPENDED", "ARCHIVED")
    assert [row.to for row in for_person("Offer", "PENDING")] == ["COUNTERED", "ACCEPTED", "REJECTED", "WITHDRAWN"]
    assert machine("Offer").allowed("ACCEPTED") == ()


def test_one_mutation_may_ask_two_permissions() -> None:
    deal = machine("Deal")
    assert deal.permission("AWAITING_PAYMENT", "IN_PROGRESS", "dealStart") == ("deal:perform", "deal:administer")
    staff = deal.check("AWAITING_PAYMENT", "IN_PROGRESS", mutation="dealStart", permission="deal:administer")
    assert staff.guard == "settlement OFFLINE; staff, with reason"
    assert machine("Alert").permissions("alertTransition") == ("alert:acknowledge", "alert:transition")
    assert deal.permission("COMPLETED", "REFUNDED", "dealStart") == ()


def test_states_come_in_the_order_of_the_table() -> None:
    assert states("Task") == ("TODO", "IN_PROGRESS", "BLOCKED", "DONE", "CANCELLED")
    assert states("Batch")[:2] == ("PENDING_APPROVAL", "READY")
