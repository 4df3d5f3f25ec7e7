"""The streams of tickets and alerts: by query and by subscription, internal events for those who work on the thing."""

import json
from typing import Any

import httpx
import pytest
from graphql import GraphQLObjectType

from souk.engine.notes import Sealed, note_of
from souk.engine.run import Refused
from souk.models import Ticket, new_id
from souk.rules.actor import Role
from souk.rules.errors import Invalid
from souk.schema import schema
from souk.settings import Settings
from souk.web.documents import judge_of
from tests.resolvers import margin
from tests.web.test_wire import signed_in
from tests.world import NOW, World

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
        tx.emit("ticket.touched", row, reason="Ravi Kumar called twice.")
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


REASONS = "query($id: ID!) { ticketEvents(ticketId: $id) { events { seq reason } } }"


@pytest.mark.parametrize("who", [Role.OPS, Role.CUSTOMER])
async def test_why_it_happened_is_part_of_the_text_of_a_ticket(world: World, ticket: Ticket, who: Role) -> None:
    page = (await world.data(who, REASONS, {"id": world.id("Ticket", ticket.id)}))["ticketEvents"]
    assert page["events"][-1] == {"seq": "3", "reason": "Ravi Kumar called twice."}


async def test_a_viewer_sees_that_it_happened_and_not_why(world: World, ticket: Ticket) -> None:
    """A VIEWER does not read the text of tickets; the reason of an event is such a text."""
    variables = {"id": world.id("Ticket", ticket.id)}
    answer = await world.ask(Role.VIEWER, REASONS, variables)
    assert answer["data"]["ticketEvents"]["events"] == [{"seq": "1", "reason": None}, {"seq": "3", "reason": None}]
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [
        (["ticketEvents", "events", at, "reason"], "FORBIDDEN") for at in (0, 1)
    ]
    follow = "subscription($id: ID!) { ticketEvents(ticketId: $id) { seq reason } }"
    for fused in (True, False):
        plan = world.souk.runner.events_plan(follow, None, variables, world.context(Role.VIEWER), fused)
        assert b"Ravi" not in b"".join(body for _, body in await plan.fetch(0))


async def test_why_an_alert_moved_is_told_to_whoever_sees_the_alert(world: World) -> None:
    sku = await margin.sku(world)
    await margin.policy(world, sku)
    await margin.report(world, sku, 90_000, NOW)
    (alert,) = await margin.alerts(world)
    payload = await world.do(
        Role.OPS, "alertTransition", "alert { status }",
        id=alert["id"], to="INVESTIGATING", reason="Looks odd.", expectedVersion=alert["version"],
    )  # fmt: skip
    assert payload["userErrors"] == []
    asked = "query($id: ID!) { alertEvents(alertId: $id) { events { reason } } }"
    for who in (Role.VIEWER, Role.SALES, world.service("alert:read")):
        found = (await world.data(who, asked, {"id": alert["id"]}))["alertEvents"]["events"]
        assert found[-1] == {"reason": "Looks odd."}


async def test_an_event_is_found_by_its_id_by_whoever_sees_it_in_the_stream(world: World, ticket: Ticket) -> None:
    asked = "query($id: ID!) { ticketEvents(ticketId: $id) { events { id seq } } }"
    page = (await world.data(Role.OPS, asked, {"id": world.id("Ticket", ticket.id)}))["ticketEvents"]
    public, internal, _ = [event["id"] for event in page["events"]]
    node = "query($id: ID!) { node(id: $id) { id ... on DomainEvent { seq type subject { id } } } }"
    subject = {"id": world.id("Ticket", ticket.id)}
    for who in (Role.OPS, Role.CUSTOMER, Role.VIEWER):
        found = (await world.data(who, node, {"id": public}))["node"]
        assert found == {"id": public, "seq": "1", "type": "ticket.created", "subject": subject}
    assert (await world.data(Role.OPS, node, {"id": internal}))["node"]["type"] == "ticket.noted"
    for who in (world.actor(Role.CUSTOMER), world.actor(Role.VIEWER)):
        assert await world.data(who, node, {"id": internal}) == {"node": None}
    assert await world.data(world.other_customer, node, {"id": public}) == {"node": None}


def sealed_fields() -> list[tuple[str, str]]:
    """Type and field of whatever is kept as ciphertext."""
    return [
        (name, field)
        for name, type_ in schema._schema.type_map.items()
        if isinstance(type_, GraphQLObjectType)
        for field, definition in type_.fields.items()
        if isinstance(note_of(definition.extensions.get("strawberry-definition")), Sealed)
    ]


BEHIND = {
    "LeadContactOpen": "... on Lead { contact { ... on LeadContactOpen { FIELD } } }",
    "VehicleDetail": "... on Listing { vehicle { FIELD } }",
}
PLACES = [
    ("CHOSEN", ""),
    ("...F", "fragment F on Node { CHOSEN }"),
    ("...G", "fragment G on Node { ...F } fragment F on Node { CHOSEN }"),
]


@pytest.mark.parametrize(("type_", "field"), sealed_fields(), ids=".".join)
@pytest.mark.parametrize(("inside", "fragments"), PLACES)
async def test_no_subscription_shows_what_is_sealed(
    world: World, ticket: Ticket, app: httpx.AsyncClient, type_: str, field: str, inside: str, fragments: str
) -> None:
    """Whoever opens it is recorded, and events are read for nobody in particular; so it is asked for with a query."""
    chosen = BEHIND[type_].replace("FIELD", field)
    inside, rest = inside.replace("CHOSEN", chosen), fragments.replace("CHOSEN", chosen)
    follow = f"subscription($id: ID!) {{ ticketEvents(ticketId: $id) {{ seq subject {{ {inside} }} }} }} {rest}"
    ask = f"query($id: ID!) {{ ticketEvents(ticketId: $id) {{ events {{ seq subject {{ {inside} }} }} }} }} {rest}"
    given = {"id": world.id("Ticket", ticket.id)}
    assert len((await world.data(Role.OWNER, ask, given))["ticketEvents"]["events"]) == 3
    said = f"A subscription does not show {type_}.{field}, which is sealed; ask for it with a query."
    for fused in (True, False):
        with pytest.raises(Refused) as refused:
            world.souk.runner.events_plan(follow, None, given, world.context(Role.OWNER), fused)
        (error,) = json.loads(refused.value.answer.body)["errors"]
        assert (error["message"], error["extensions"]["code"]) == (said, "BAD_REQUEST")
    with pytest.raises(Invalid, match="which is sealed"):
        judge_of(Settings())(follow)
    token, _ = await signed_in(world, Role.OWNER)
    headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
    response = await app.post("/graphql", json={"query": follow, "variables": given}, headers=headers)
    assert said in response.text and '"data"' not in response.text
    assert await world.rows("SELECT id FROM access_refusal") == []
