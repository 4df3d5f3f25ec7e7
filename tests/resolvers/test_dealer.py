"""Dealers: the card everybody sees, the record few do, and what staff may change."""

from souk.rules.actor import Role
from tests.world import World

CARD = "{ dealers(orderBy: NAME) { totalCount nodes { name city phone standing } } }"


async def test_the_card_is_shown_and_its_marked_fields_are_refused(world: World) -> None:
    staff = await world.data(Role.OPS, CARD)
    assert [node["name"] for node in staff["dealers"]["nodes"]] == ["First Motors", "Second Motors"]
    assert staff["dealers"]["nodes"][0]["phone"] == "+919800000001"

    answer = await world.ask(Role.DEALER, CARD)
    own, other = answer["data"]["dealers"]["nodes"]
    assert (own["phone"], own["standing"], other["phone"], other["standing"]) == ("+919800000001", "GOOD", None, None)
    assert [(e["path"], e["extensions"]["code"]) for e in answer["errors"]] == [
        (["dealers", "nodes", 1, "phone"], "FORBIDDEN"),
        (["dealers", "nodes", 1, "standing"], "FORBIDDEN"),
    ]


async def test_a_dealer_is_created_once_per_key_and_its_problems_come_together(world: World) -> None:
    given = {"kind": "DEALERSHIP", "name": " Third  Motors ", "city": "Delhi", "idempotencyKey": world.key()}
    for replayed in (False, True):
        payload = await world.do(Role.ADMIN, "dealerCreate", "dealer { name version }", **given)
        assert payload == {"dealer": {"name": "Third Motors", "version": 1}, "userErrors": []}, replayed
    assert await world.rows("SELECT count(*) FROM dealer WHERE name = 'Third Motors'") == [(1,)]

    payload = await world.do(Role.ADMIN, "dealerCreate", "dealer { id }", kind="DEALERSHIP", name=" ", phone="none")
    assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [("REQUIRED", ["name"]), ("INVALID", ["phone"])]


async def test_standing_is_set_with_a_reason_and_leaves_one_event_and_one_audit_event(world: World) -> None:
    id_ = world.id("Dealer", world.dealer)
    given = {"id": id_, "to": "WATCH", "reason": "Seen below MAP.", "expectedVersion": 1}
    denied = await world.ask(
        Role.SALES,
        "mutation($i: DealerSetStandingInput!) { dealerSetStanding(input: $i) { dealer { id } } }",
        {"i": given},
    )
    assert denied["data"] == {"dealerSetStanding": None}
    assert denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await world.rows("SELECT standing, version FROM dealer WHERE id = :id", id=world.dealer) == [("GOOD", 1)]

    payload = await world.do(Role.OPS, "dealerSetStanding", "dealer { standing version }", **given)
    assert payload["dealer"] == {"standing": "WATCH", "version": 2}
    events = (
        "SELECT type, from_status, to_status, reason FROM domain_event WHERE subject_id = :id AND type <> 'test.made'"
    )
    assert await world.rows(events, id=world.dealer) == [
        ("dealer.standing_changed", "GOOD", "WATCH", "Seen below MAP.")
    ]
    audit = "SELECT op, acting_role, changes FROM audit_event WHERE subject_id = :id ORDER BY seq DESC LIMIT 1"
    assert await world.rows(audit, id=world.dealer) == [
        (
            "dealerSetStanding",
            "OPS",
            {f"Dealer:{world.dealer}": {"standing": ["GOOD", "WATCH"], "standing_reason": [None, "Seen below MAP."]}},
        )
    ]

    stale = await world.do(Role.OPS, "dealerSetStanding", "dealer { id }", **given)
    assert [e["code"] for e in stale["userErrors"]] == ["STALE_VERSION"]


MEMBERS = """query($id: ID!) { dealer(id: $id) { members { totalCount nodes { role user { id } } }
  tasks { nodes { title } } } }"""


async def test_a_dealer_shows_its_members_and_what_is_to_do_about_it(world: World) -> None:
    ids = {"id": world.id("Dealer", world.dealer)}
    mine = {"role": "DEALER", "user": {"id": world.id("User", world.actors[Role.DEALER].user_id)}}  # type: ignore[arg-type]
    made = await world.do(
        Role.OPS, "taskCreate", "task { id }", kind="FOLLOW_UP", title="Call them", dealerId=ids["id"]
    )
    assert made["userErrors"] == []
    found = (await world.data(Role.SALES, MEMBERS, ids))["dealer"]
    assert found == {"members": {"totalCount": 1, "nodes": [mine]}, "tasks": {"nodes": [{"title": "Call them"}]}}
    own = await world.ask(Role.DEALER, MEMBERS, ids)
    assert own["data"]["dealer"]["members"] == {"totalCount": 1, "nodes": [mine]}
    assert [(e["path"], e["extensions"]["code"]) for e in own["errors"]] == [(["dealer", "tasks"], "FORBIDDEN")]
    other = await world.ask(world.other_dealer_actor, MEMBERS, ids)
    assert other["data"]["dealer"]["members"] == {"totalCount": 0, "nodes": []}
    for role in (Role.AGENT, Role.PUBLIC):
        hidden = await world.ask(role, MEMBERS, ids)
        assert (hidden["data"]["dealer"] or {"members": None})["members"] is None
