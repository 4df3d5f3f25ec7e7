"""The streams of tickets and alerts: by query and by subscription, internal events for those who work on the thing."""

import json
from typing import Any

import pytest

from souk.models import Ticket, new_id
from souk.rules.actor import Role
from tests.world import World

FIELDS = "seq type fromStatus toStatus actor { id } subject { id }"
PAGE = f"query($id: ID!) {{ ticketEvents(ticketId: $id) {{ lastSeq hasMore events {{ {FIELDS} }} }} }}"
FOLLOW = f"subscription($id: ID!, $after: BigInt) {{ ticketEvents(ticketId: $id, after: $after) {{ {FIELDS} }} }}"


@pytest.fixture
async def ticket(world: World) -> Ticket:
    """A ticket of the customer, with a public event, an internal one, and a public one."""
    row = Ticket(
        id=new_id(), number=1, subject="Help", body_markdown="Help.", body_html="<p>Help.</p>", status="OPEN",
        priority="NORMAL", requester_id=world.actor(Role.CUSTOMER).user_id, requester_replied_at=world.now,
    )  # fmt: skip
    async with world.souk.app.transaction(world.actor(Role.OPS), "test", now=world.now) as tx:
        tx.add(row)
        tx.emit("ticket.created", row, to_status="OPEN")
        tx.emit("ticket.noted", row, internal=True)
        tx.emit("ticket.touched", row)
    return row


@pytest.mark.parametrize(("who", "seen"), [(Role.OPS, ["1", "2", "3"]), (Role.CUSTOMER, ["1", "3"])])
async def test_internal_events_are_for_those_who_work_on_it(
    world: World, ticket: Ticket, who: Role, seen: list[str]
) -> None:
    id_ = world.id("Ticket", ticket.id)
    page = (await world.data(who, PAGE, {"id": id_}))["ticketEvents"]
    assert ([event["seq"] for event in page["events"]], page["lastSeq"], page["hasMore"]) == (seen, "3", False)
    assert page["events"][0]["subject"] == {"id": id_}
    for fused in (True, False):
        plan = world.souk.runner.events_plan(FOLLOW, None, {"id": id_}, world.context(who), fused)
        assert (plan.fused, plan.subject) == (fused, id_)
        found: list[Any] = [json.loads(body)["data"]["ticketEvents"] for _, body in await plan.fetch(0)]
        assert found == page["events"]
        assert [seq for seq, _ in await plan.fetch(1)] == [int(each) for each in seen[1:]]


async def test_another_ones_ticket_has_no_events(world: World, ticket: Ticket) -> None:
    id_ = world.id("Ticket", ticket.id)
    assert await world.data(world.other_customer, PAGE, {"id": id_}) == {"ticketEvents": None}
    plan = world.souk.runner.events_plan(FOLLOW, None, {"id": id_}, world.context(world.other_customer))
    assert await plan.fetch(0) == []
