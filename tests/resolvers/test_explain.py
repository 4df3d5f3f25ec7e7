"""Why somebody may see something, or may not: explained to OWNER and ADMIN, and never of another tenant's rows."""

from typing import Any
from uuid import uuid4

import pytest

from souk.engine.views import view_of
from souk.rules.actor import Role
from souk.schema import schema
from tests.bazaar import Bazaar, make_bazaar
from tests.resolvers.test_lead import row_id, the_lead, unlocked
from tests.resolvers.trade import a_listing
from tests.world import World, make_world

EXPLAIN = """query($id: ID!, $role: Role!, $field: String, $who: ID) {
  accessExplain(id: $id, role: $role, field: $field, membershipId: $who) {
    role allowed checks { about permission cell predicate sql passes reason parts { sql holds } } } }"""


async def explain(
    world: World, id: str, role: Role, field: str | None = None, who: Role | None = None, **more: Any
) -> Any:
    member = world.actors[who].membership_id if who else None
    given = {"id": id, "role": role.value, "field": field, "who": world.id("Membership", member) if member else None}
    found = await world.ask(more.get("asker", Role.OWNER), EXPLAIN, given | more.get("given", {}))
    return found if "errors" in found else found["data"]["accessExplain"]


def told(explained: Any) -> list[tuple[str, str, str, bool]]:
    return [(c["about"], c["permission"], c["cell"], c["passes"]) for c in explained["checks"]]


async def test_a_lead_and_its_contact_are_explained_for_each_role(world: World) -> None:
    lead = await the_lead(world)
    locked = await explain(world, lead, Role.OPS, "contact")
    assert (locked["role"], locked["allowed"]) == ("OPS", False)
    assert told(locked) == [
        ("asking for a Lead at all", "lead:read", "T", True),
        ("this Lead", "lead:read", "T", True),
        ("Lead.contact", "lead:contact", "M", False),
    ]
    assert locked["checks"][2]["predicate"] == "Name, phone, e-mail and message."
    assert locked["checks"][2]["reason"] == (
        "The cell of OPS is M: the row is visible, this field is withheld. LeadContactLocked is shown instead."
    )
    assert (await explain(world, lead, Role.ADMIN, "contact"))["allowed"] is True

    nobody = await explain(world, lead, Role.AGENT)
    assert told(nobody) == [("asking for a Lead at all", "lead:read", "–", False)]
    assert nobody["checks"][0]["reason"] == "The matrix has – for AGENT: refused whatever the row is."

    asker = await explain(world, lead, Role.CUSTOMER, who=Role.CUSTOMER)
    assert told(asker)[1] == ("this Lead", "lead:read", "O", True)
    assert asker["checks"][1]["sql"] == "lead.user_id = :actor_user_id"
    other = await explain(world, lead, Role.CUSTOMER)
    assert told(other)[1] == ("this Lead", "lead:read", "O", False)
    assert other["checks"][1]["reason"].endswith("name a membershipId to ask of somebody in particular.")


async def test_each_condition_is_told_by_itself_and_changes_with_the_row(world: World) -> None:
    lead = await the_lead(world)
    before = await explain(world, lead, Role.DEALER, "contact", who=Role.DEALER)
    assert [c["passes"] for c in before["checks"]] == [True, True, False]
    parts = {part["sql"]: part["holds"] for part in before["checks"][1]["parts"]}
    assert parts["lead.user_id = :actor_user_id"] is False
    assert parts["lead.dealer_id = :actor_dealer_id"] is True
    assert len(parts) == 4
    assert any("'SHARED'" in sql and not holds for sql, holds in parts.items()), parts
    await unlocked(world, lead, world.dealer)
    after = await explain(world, lead, Role.DEALER, "contact", who=Role.DEALER)
    assert after["allowed"] is True
    assert [p["holds"] for p in after["checks"][2]["parts"]] == [False, True]
    assert "REFUNDED" in after["checks"][2]["parts"][1]["sql"]
    assert (await explain(world, lead, Role.SALES, "contact", who=Role.SALES))["allowed"] is False
    await world.rows(
        "UPDATE lead SET assignee_id = :s WHERE id = :i RETURNING 1",
        s=world.actors[Role.SALES].user_id,
        i=row_id(world, lead),
    )
    assert (await explain(world, lead, Role.SALES, "contact", who=Role.SALES))["allowed"] is True


async def test_an_explanation_agrees_with_what_is_answered(souk: Any, size: Any) -> None:
    """For every type, for everybody with a membership: allowed means that node(id) gives the row, denied that a check fails."""
    bazaar: Bazaar = await make_bazaar(souk)
    world = bazaar.world
    node = "query($id: ID!) { node(id: $id) { id } }"
    asked = 0
    for type_name, ids in sorted(bazaar.own.items()):
        view = view_of(schema._schema, type_name)
        if view is None or view.node is None:
            continue
        for id_ in ids[: size(1, 3)]:
            if (await world.souk.runner.answer(node, {"id": id_}, None, world.context(Role.OWNER))).body.count(
                b'"id"'
            ) == 0:
                continue
            for role in (Role.OWNER, Role.OPS, Role.SALES, Role.VIEWER, Role.DEALER, Role.CUSTOMER):
                explained = await explain(world, id_, role, who=role)
                shown = await world.souk.runner.answer(node, {"id": id_}, None, world.context(role))
                assert explained["allowed"] is (b'{"id":"' in shown.body), (type_name, role, explained, shown.body)
                assert explained["checks"], type_name
                asked += 1
    assert asked > size(150, 300)


async def test_what_is_foreign_is_answered_as_what_is_nowhere(world: World) -> None:
    there = await make_world(world.souk)
    foreign = there.id("Listing", await a_listing(there))
    mine = world.id("Listing", await a_listing(world))
    nowhere = await world.souk.runner.answer(
        EXPLAIN, {"id": world.id("Listing", uuid4()), "role": "OPS"}, None, world.context(Role.OWNER)
    )
    for id_ in (foreign, world.id("Nothing", uuid4()), "nonsense", world.id("TenantHost", uuid4())):
        answer = await world.souk.runner.answer(EXPLAIN, {"id": id_, "role": "OPS"}, None, world.context(Role.OWNER))
        assert answer.body == nowhere.body == b'{"data":{"accessExplain":null}}'
    member = there.actors[Role.OPS].membership_id
    for who in (there.id("Membership", member), world.id("Membership", uuid4()), "nonsense"):  # type: ignore[arg-type]
        assert await explain(world, mine, Role.OPS, given={"who": who}) is None
    wrong = await explain(world, mine, Role.OPS, who=Role.SALES)
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    for id_ in (mine, foreign, world.id("Listing", uuid4())):
        unknown = await explain(world, id_, Role.OPS, "nothing")
        assert unknown["errors"][0]["message"] == "Listing has no field of this name."


@pytest.mark.parametrize(
    "role", [Role.OPS, Role.SALES, Role.AGENT, Role.VIEWER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC]
)
async def test_only_owner_and_admin_are_told(world: World, role: Role) -> None:
    mine = world.id("Listing", await a_listing(world))
    refused = await explain(world, mine, Role.OPS, asker=role)
    assert (refused["data"], refused["errors"][0]["extensions"]["code"]) == ({"accessExplain": None}, "FORBIDDEN")
    assert (await explain(world, mine, Role.OPS, asker=Role.ADMIN))["allowed"] is True


async def test_a_gate_in_front_of_a_field_a_scope_and_a_visitor(world: World) -> None:
    lead = await the_lead(world)
    notes = await explain(world, lead, Role.DEALER, "notes", who=Role.DEALER)
    assert told(notes)[2] == ("asking for Lead.notes at all", "note:read", "–", False)
    service = await explain(world, lead, Role.SERVICE, "contact")
    assert service["allowed"] is True
    assert service["checks"][0]["reason"] == "The matrix lets a service token ask that has the scope."
    listing = world.id("Listing", await a_listing(world))
    assert (await explain(world, listing, Role.PUBLIC))["allowed"] is True
    assert (await explain(world, listing, Role.PUBLIC, "title"))["allowed"] is True
    floor = await explain(world, listing, Role.PUBLIC, "floor")
    assert floor["allowed"] is False and "false" in floor["checks"][-1]["sql"]
