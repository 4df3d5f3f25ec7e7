"""People: what is shown of them to whom, and who invites, suspends and appoints."""

import asyncio
from typing import Any
from uuid import UUID

from sqlalchemy import select

from souk.models import Membership, Team, User, new_id
from souk.resolvers import user as resolve
from souk.resolvers.session import digest, issue
from souk.rules.actor import Actor, Role
from tests.world import NOW, World

PEOPLE = "{ users(orderBy: OLDEST, first: 50) { totalCount nodes { name email status memberships { role dealer { name } } } } }"


def uid(world: World, role: Role) -> str:
    return world.id("User", world.actors[role].user_id)  # type: ignore[arg-type]


async def system(world: World, work: Any) -> Any:
    async with world.souk.app.transaction(Actor(world.tenant_id, Role.OWNER), "test", now=world.now, system=True) as tx:
        return await work(tx)


async def signed_in(world: World, role: Role) -> tuple[str, UUID]:
    """A session of somebody: its token and its id."""

    async def work(tx: Any) -> tuple[str, UUID]:
        member = await tx.session.get(Membership, (world.tenant_id, world.actors[role].membership_id))
        token, session = await issue(tx, member)
        return token, session.id

    found: tuple[str, UUID] = await system(world, work)
    return found


async def test_everybody_sees_the_people_and_the_names_that_are_theirs_to_see(world: World) -> None:
    owner = (await world.data(Role.OWNER, PEOPLE))["users"]
    assert owner["totalCount"] == 10
    assert all(node["name"] and node["email"] for node in owner["nodes"])

    answer = await world.ask(Role.OPS, PEOPLE)
    shown = {node["memberships"][0]["role"]: node["name"] for node in answer["data"]["users"]["nodes"]}
    assert shown == {
        **{role: f"{role} person" for role in ("OWNER", "ADMIN", "OPS", "SALES", "AGENT", "VIEWER")},
        "DEALER": None,
        "CUSTOMER": None,
    }
    assert {e["extensions"]["code"] for e in answer["errors"]} == {"FORBIDDEN"}

    dealer = (await world.data(Role.DEALER, PEOPLE))["users"]["nodes"]
    assert [(n["name"], n["memberships"]) for n in dealer] == [
        ("DEALER person", [{"role": "DEALER", "dealer": {"name": "First Motors"}}])
    ]
    customer = (await world.data(Role.CUSTOMER, PEOPLE))["users"]["nodes"]
    assert [n["email"] for n in customer] == ["customer@example.com"]
    assert (await world.ask(Role.PUBLIC, PEOPLE))["data"] == {"users": None}


async def test_a_requester_sees_the_staff_who_answer_and_nobody_else(world: World) -> None:
    """Who has the ticket, and who said something to it in public; what one says oneself shows no colleague of theirs."""
    made = await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id }", subject="Help", body="How?")
    id_ = made["ticket"]["id"]
    assert (await world.do(Role.CUSTOMER, "commentAdd", "comment { id }", id=id_, body="Well?"))["userErrors"] == []
    for role, visibility in ((Role.AGENT, "PUBLIC"), (Role.OPS, "INTERNAL")):
        said = await world.do(role, "commentAdd", "comment { id }", id=id_, body="So.", visibility=visibility)
        assert said["userErrors"] == []

    async def names(who: Role | Actor) -> list[str]:
        found = await world.data(who, "{ users(orderBy: OLDEST) { nodes { name } } }")
        return [node["name"] for node in found["users"]["nodes"]]

    assert await names(Role.CUSTOMER) == ["AGENT person", "CUSTOMER person"]
    assert await names(world.other_customer) == ["CUSTOMER2 person"]
    hidden = await world.data(Role.CUSTOMER, "query($id: ID!) { user(id: $id) { name } }", {"id": uid(world, Role.OPS)})
    assert hidden == {"user": None}


async def test_a_filter_finds_nobody_by_a_name_that_may_not_be_read(world: World) -> None:
    document = "query($n: String!) { users(filter: {name: $n}) { totalCount nodes { id } } }"
    found = await world.data(Role.OWNER, document, {"n": "customer person"})
    assert found["users"]["totalCount"] == 1
    found = await world.data(Role.OPS, document, {"n": "customer person"})
    assert found["users"] == {"totalCount": 0, "nodes": []}
    found = await world.data(Role.OPS, document, {"n": "viewer person"})
    assert found["users"]["nodes"] == [{"id": uid(world, Role.VIEWER)}]
    by_role = "{ users(filter: {role: DEALER}) { totalCount } }"
    assert (await world.data(Role.DEALER, by_role))["users"]["totalCount"] == 1
    assert (await world.data(Role.OPS, by_role))["users"]["totalCount"] == 2


async def test_inviting_makes_an_invited_person_with_a_role_once(world: World) -> None:
    given = {"name": " New  Agent ", "email": "New.Agent@Example.com", "role": "AGENT", "allTeams": True}
    key = world.key()
    for _ in range(2):
        payload = await world.do(
            Role.ADMIN, "userInvite", "user { name status staff memberships { role allTeams } }", **given,
            idempotencyKey=key,
        )  # fmt: skip
        assert payload == {
            "user": {
                "name": "New Agent", "status": "INVITED", "staff": True,
                "memberships": [{"role": "AGENT", "allTeams": True}],
            },
            "userErrors": [],
        }  # fmt: skip
    rows = await world.rows("SELECT id, version FROM app_user WHERE name = 'New Agent'")
    assert len(rows) == 1
    assert await world.rows("SELECT kind FROM souk.work WHERE ref = :id", id=rows[0].id) == [("user.invite_expiry",)]
    twice = await world.do(Role.ADMIN, "userInvite", "user { id }", **given)
    assert [(e["code"], e["field"]) for e in twice["userErrors"]] == [("NOT_UNIQUE", ["email"])]

    owner = await world.do(Role.ADMIN, "userInvite", "user { id }", name="X", email="x@example.com", role="OWNER")
    assert [e["code"] for e in owner["userErrors"]] == ["FORBIDDEN"]
    wrong = await world.do(Role.ADMIN, "userInvite", "user { id }", name=" ", role="SALES")
    assert [(e["code"], e["field"]) for e in wrong["userErrors"]] == [("REQUIRED", ["name"]), ("REQUIRED", ["email"])]
    wrong = await world.do(Role.ADMIN, "userInvite", "user { id }", name="X", email="x@example.com", role="SERVICE")
    assert [(e["code"], e["field"]) for e in wrong["userErrors"]] == [("INVALID", ["role"])]
    assert await world.rows("SELECT count(*) FROM app_user") == [(11,)]


async def test_an_invitation_is_taken_back_or_lapses(world: World) -> None:
    made = await world.do(
        Role.OWNER,
        "userInvite",
        "user { id version }",
        name="A",
        email=f"a{world.tenant_id.hex}@example.com",
        role="OPS",
    )
    row = (await world.rows("SELECT id FROM app_user WHERE name = 'A'"))[0].id
    payload = await world.do(
        Role.OWNER,
        "userWithdrawInvite",
        "user { status }",
        id=made["user"]["id"],
        expectedVersion=made["user"]["version"],
    )
    assert payload["user"] == {"status": "CANCELLED"}
    assert await world.rows("SELECT count(*) FROM souk.work WHERE ref = :id", id=row) == [(0,)]
    gone = await world.do(Role.OWNER, "userWithdrawInvite", "user { id }", id=made["user"]["id"], expectedVersion=2)
    assert [e["code"] for e in gone["userErrors"]] == ["INVALID_TRANSITION"]

    await world.do(
        Role.OWNER, "userInvite", "user { id }", name="B", email=f"b{world.tenant_id.hex}@example.com", role="OPS"
    )
    row = (await world.rows("SELECT id FROM app_user WHERE name = 'B'"))[0].id
    await system(world, lambda tx: resolve.expire_invite(tx, row))
    assert await world.rows("SELECT status FROM app_user WHERE id = :id", id=row) == [("CANCELLED",)]


async def test_a_dealer_invites_for_its_own_organisation_only(world: World) -> None:
    mine = await world.do(
        Role.DEALER, "userInvite", "user { memberships { role dealer { name } } }",
        name="Clerk", email=f"clerk{world.tenant_id.hex}@example.com", role="DEALER",
    )  # fmt: skip
    assert mine["user"]["memberships"] == [{"role": "DEALER", "dealer": {"name": "First Motors"}}]
    for more in (
        {"role": "OPS"},
        {"role": "CUSTOMER"},
        {"role": "DEALER", "dealerId": world.id("Dealer", world.other_dealer)},
    ):
        refused = await world.do(Role.DEALER, "userInvite", "user { id }", name="X", email="x@example.com", **more)
        assert [e["code"] for e in refused["userErrors"]] in (["FORBIDDEN"], ["NOT_FOUND"]), more
    assert await world.rows("SELECT count(*) FROM app_user") == [(11,)]


async def test_suspending_ends_every_sign_in_in_the_same_transaction(world: World) -> None:
    token, session_id = await signed_in(world, Role.SALES)
    door = "SELECT count(*) FROM souk.session_by_hash(:h)"
    assert await world.at_the_door(door, h=digest(token)) == [(1,)]
    told: list[set[UUID]] = []
    world.souk.app.committed.append(lambda tenant, ids: told.append(ids))
    try:
        given = {"id": uid(world, Role.SALES), "to": "SUSPENDED", "reason": "Left.", "expectedVersion": 1}
        payload = await world.do(Role.ADMIN, "userSetStatus", "user { status version }", **given)
    finally:
        world.souk.app.committed.pop()
    assert payload["user"] == {"status": "SUSPENDED", "version": 2}
    assert await world.at_the_door(door, h=digest(token)) == [(0,)]
    assert told[0] == {session_id, world.actors[Role.SALES].user_id}
    types = "SELECT type FROM domain_event WHERE subject_id = :id AND type <> 'test.made' ORDER BY seq"
    assert await world.rows(types, id=session_id) == [("session.created",), ("session.revoked",)]
    assert await world.rows(types, id=world.actors[Role.SALES].user_id) == [("user.status_changed",)]

    back = {"id": uid(world, Role.SALES), "to": "ACTIVE", "reason": "Back.", "expectedVersion": 2}
    assert (await world.do(Role.ADMIN, "userSetStatus", "user { status }", **back))["user"] == {"status": "ACTIVE"}
    assert await world.at_the_door(door, h=digest(token)) == [(0,)], "a revoked token stays revoked"


async def test_nobody_is_suspended_who_must_not_be(world: World) -> None:
    async def refused(who: Role, whom: str) -> list[str]:
        payload = await world.do(
            who, "userSetStatus", "user { id }", id=whom, to="SUSPENDED", reason="No.", expectedVersion=1
        )
        return [e["code"] for e in payload["userErrors"]]

    assert await refused(Role.OWNER, uid(world, Role.OWNER)) == ["FORBIDDEN"], "oneself"
    assert await refused(Role.ADMIN, uid(world, Role.ADMIN)) == ["FORBIDDEN"], "oneself"
    assert await refused(Role.ADMIN, uid(world, Role.OWNER)) == ["FORBIDDEN"], "an ADMIN no OWNER"
    assert await refused(Role.DEALER, uid(world, Role.CUSTOMER)) == ["NOT_FOUND"]
    assert await refused(Role.DEALER, world.id("User", world.other_dealer_actor.user_id)) == ["NOT_FOUND"]  # type: ignore[arg-type]
    denied = await world.ask(
        Role.OPS,
        "mutation($i: UserSetStatusInput!) { userSetStatus(input: $i) { user { id } } }",
        {"i": {"id": uid(world, Role.SALES), "to": "SUSPENDED", "reason": "No.", "expectedVersion": 1}},
    )
    assert denied["data"] == {"userSetStatus": None}
    assert await world.rows("SELECT DISTINCT status, version FROM app_user") == [("ACTIVE", 1)]


async def test_a_dealer_does_not_suspend_a_member_who_is_somebody_elsewhere(world: World) -> None:
    both = world.actors[Role.SALES].user_id
    await world.add(Membership(id=new_id(), user_id=both, role=Role.DEALER, dealer_id=world.dealer))
    payload = await world.do(
        Role.DEALER, "userSetStatus", "user { id }",
        id=uid(world, Role.SALES), to="SUSPENDED", reason="No.", expectedVersion=1,
    )  # fmt: skip
    assert [e["code"] for e in payload["userErrors"]] == ["FORBIDDEN"]


async def test_the_last_owner_stays(world: World) -> None:
    me = uid(world, Role.OWNER)
    own = world.id("Membership", world.actors[Role.OWNER].membership_id)  # type: ignore[arg-type]
    for more in ({"role": None}, {"role": "ADMIN"}):
        payload = await world.do(
            Role.OWNER, "userSetRole", "user { id }", id=me, membershipId=own, expectedVersion=1, **more
        )
        assert [e["code"] for e in payload["userErrors"]] == ["FORBIDDEN"]
    assert await world.rows("SELECT count(*) FROM membership WHERE ended_at IS NOT NULL") == [(0,)]

    second = await world.do(
        Role.OWNER, "userSetRole", "user { memberships { role } version }",
        id=uid(world, Role.ADMIN), role="OWNER", expectedVersion=1,
    )  # fmt: skip
    assert second["user"] == {"memberships": [{"role": "ADMIN"}, {"role": "OWNER"}], "version": 2}
    payload = await world.do(
        Role.OWNER, "userSetRole", "user { memberships { role } staff }",
        id=me, membershipId=own, role=None, expectedVersion=1,
    )  # fmt: skip
    assert payload == {"user": {"memberships": [], "staff": False}, "userErrors": []}


async def test_a_changed_role_ends_its_sign_ins_and_only_an_owner_makes_owners(world: World) -> None:
    token, _ = await signed_in(world, Role.SALES)
    member = world.id("Membership", world.actors[Role.SALES].membership_id)  # type: ignore[arg-type]
    me = uid(world, Role.SALES)
    refused = await world.do(
        Role.ADMIN, "userSetRole", "user { id }", id=me, membershipId=member, role="OWNER", expectedVersion=1
    )
    assert [e["code"] for e in refused["userErrors"]] == ["FORBIDDEN"]
    team = Team(id=new_id(), name="First line")
    await world.add(team)
    payload = await world.do(
        Role.ADMIN, "userSetRole", "user { memberships { role teams { name } } }",
        id=me, membershipId=member, role="AGENT", teamIds=[world.id("Team", team.id)], expectedVersion=1,
    )  # fmt: skip
    assert payload["user"]["memberships"] == [{"role": "AGENT", "teams": [{"name": "First line"}]}]
    assert await world.at_the_door("SELECT count(*) FROM souk.session_by_hash(:h)", h=digest(token)) == [(0,)]
    data = "SELECT data FROM domain_event WHERE type = 'user.role_changed'"
    assert await world.rows(data) == [({"from": "SALES", "to": "AGENT"},)]


async def test_two_owners_who_remove_each_other_leave_one(world: World) -> None:
    await world.do(Role.OWNER, "userSetRole", "user { id }", id=uid(world, Role.ADMIN), role="OWNER", expectedVersion=1)
    first = world.actors[Role.OWNER]
    second = Actor(world.tenant_id, Role.OWNER, user_id=world.actors[Role.ADMIN].user_id, mfa_at=NOW)
    given = {"to": "SUSPENDED", "reason": "You.", "expectedVersion": 1}
    one, two = await asyncio.gather(
        world.do(first, "userSetStatus", "user { id }", id=uid(world, Role.ADMIN), **{**given, "expectedVersion": 2}),
        world.do(second, "userSetStatus", "user { id }", id=uid(world, Role.OWNER), **given),
    )
    codes = sorted([e["code"] for e in each["userErrors"]] for each in (one, two))
    assert codes == [[], ["FORBIDDEN"]]

    async def active(tx: Any) -> int:
        held = select(User.id).join(Membership, Membership.user_id == User.id).where(Membership.role == "OWNER")
        return len((await tx.session.execute(held.where(User.status == "ACTIVE"))).all())

    assert await system(world, active) == 1
