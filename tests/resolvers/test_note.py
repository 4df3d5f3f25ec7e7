"""Notes: remarks of staff on what they may read."""

from souk.rules.actor import Role
from tests.world import World

NOTES = "query($id: ID!) { dealer(id: $id) { notes { totalCount nodes { body author { name } } } } }"


async def test_staff_note_and_others_do_not_see_it(world: World) -> None:
    id_ = world.id("Dealer", world.dealer)
    made = await world.do(Role.SALES, "noteAdd", "note { id body }", id=id_, body=" Called.\r\nWill pay. ")
    assert made["note"]["body"] == "Called.\nWill pay."
    assert (await world.data(Role.AGENT, NOTES, {"id": id_}))["dealer"]["notes"] == {
        "totalCount": 1,
        "nodes": [{"body": "Called.\nWill pay.", "author": {"name": "SALES person"}}],
    }
    node = "query($id: ID!) { node(id: $id) { ... on Note { body subject { id } } } }"
    assert (await world.data(Role.OPS, node, {"id": made["note"]["id"]}))["node"] == {
        "body": "Called.\nWill pay.",
        "subject": {"id": id_},
    }
    for role in (Role.VIEWER, Role.DEALER):
        hidden = await world.ask(role, NOTES, {"id": id_})
        assert hidden["data"] == {"dealer": {"notes": None}}
        assert (await world.ask(role, node, {"id": made["note"]["id"]}))["data"] == {"node": None}
    assert await world.rows("SELECT version FROM dealer WHERE id = :i", i=world.dealer) == [(1,)]
    assert await world.rows("SELECT type, internal FROM domain_event WHERE type LIKE '%.noted'") == [
        ("dealer.noted", True)
    ]


async def test_a_note_needs_a_row_that_one_may_read(world: World) -> None:
    ticket = (await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Hello", body="Hi"))["ticket"][
        "id"
    ]
    refused = await world.do(Role.SALES, "noteAdd", "note { id }", id=ticket, body="x")
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("NOT_FOUND", ["id"])]
    made = await world.do(Role.AGENT, "noteAdd", "note { id }", id=ticket, body="x")
    assert made["userErrors"] == []
    node = "query($id: ID!) { node(id: $id) { id } }"
    assert (await world.data(Role.SALES, node, {"id": made["note"]["id"]})) == {"node": None}
    user = world.id("User", world.actors[Role.OPS].user_id)  # type: ignore[arg-type]
    wrong = await world.do(Role.OWNER, "noteAdd", "note { id }", id=user, body="x")
    assert [e["code"] for e in wrong["userErrors"]] == ["NOT_FOUND"]
    long = await world.do(Role.OWNER, "noteAdd", "note { id }", id=ticket, body="x" * 10_001)
    assert [e["code"] for e in long["userErrors"]] == ["TOO_LONG"]
    assert await world.rows("SELECT count(*) FROM note") == [(1,)]
