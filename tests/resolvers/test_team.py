"""Teams of the desk: who makes them, who works in them, and that what a member may see changes at once."""

from typing import Any
from uuid import UUID

from souk.models import Team, new_id
from souk.resolvers.session import digest
from souk.rules.actor import Role
from tests.resolvers.test_user import signed_in, uid
from tests.world import World

TEAMS = "query($f: TeamFilter) { teams(filter: $f) { totalCount nodes { name } } }"
MEMBERS = "team { id name version archivedAt members { nodes { role user { name } } } }"


def mid(world: World, role: Role) -> str:
    return world.id("Membership", world.actors[role].membership_id)  # type: ignore[arg-type]


def codes(payload: dict[str, Any]) -> list[Any]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_a_team_is_made_once_with_its_members(world: World) -> None:
    given = {"name": " First  line ", "membershipIds": [mid(world, Role.AGENT), mid(world, Role.AGENT)]}
    key = world.key()
    made = [await world.do(Role.ADMIN, "teamCreate", MEMBERS, **given, idempotencyKey=key) for _ in range(2)]
    assert made[0] == made[1]
    assert made[0]["team"] | {"id": ""} == {
        "id": "", "name": "First line", "version": 1, "archivedAt": None,
        "members": {"nodes": [{"role": "AGENT", "user": {"name": "AGENT person"}}]},
    }  # fmt: skip
    twice = await world.do(Role.ADMIN, "teamCreate", MEMBERS, name="First line")
    assert codes(twice) == [("NOT_UNIQUE", ["name"])]
    wrong = await world.do(
        Role.ADMIN, "teamCreate", MEMBERS, name="X", membershipIds=[mid(world, Role.AGENT), mid(world, Role.DEALER)]
    )
    assert codes(wrong) == [("INVALID", ["membershipIds", "1"])]
    nobody = await world.do(Role.ADMIN, "teamCreate", MEMBERS, name="X", membershipIds=[world.id("Team", new_id())])
    assert codes(nobody) == [("NOT_FOUND", ["membershipIds", "0"])]
    many = await world.do(Role.ADMIN, "teamCreate", MEMBERS, name="X", membershipIds=[mid(world, Role.AGENT)] * 51)
    assert codes(many) == [("LIMIT_EXCEEDED", ["membershipIds"])]
    assert await world.rows("SELECT count(*) FROM team") == [(1,)]
    assert await world.rows("SELECT count(*) FROM audit_event WHERE op = 'teamCreate'") == [(1,)]
    document = 'mutation { teamCreate(input: {name: "Mine"}) { team { id } } }'
    for role in (Role.OPS, Role.AGENT, Role.VIEWER, Role.DEALER, Role.CUSTOMER):
        assert (await world.ask(role, document))["data"] == {"teamCreate": None}, role
    assert await world.rows("SELECT count(*) FROM team") == [(1,)]


async def test_joining_and_leaving_changes_what_a_token_opens_without_ending_it(world: World) -> None:
    token, _ = await signed_in(world, Role.SALES)
    door = "SELECT team_ids FROM souk.session_by_hash(:h)"
    made = (await world.do(Role.OWNER, "teamCreate", MEMBERS, name="Desk"))["team"]
    told: list[set[UUID]] = []
    world.souk.app.committed.append(lambda tenant, ids: told.append(ids))
    try:
        joined = await world.do(
            Role.OWNER, "teamSetMembers", MEMBERS, id=made["id"], add=[mid(world, Role.SALES)], expectedVersion=1
        )
        assert joined["team"]["version"] == 2
        assert [n["role"] for n in joined["team"]["members"]["nodes"]] == ["SALES"]
        (team_ids,) = (await world.at_the_door(door, h=digest(token)))[0]
        assert [world.id("Team", each) for each in team_ids] == [made["id"]]
        left = await world.do(
            Role.OWNER, "teamSetMembers", MEMBERS, id=made["id"], remove=[mid(world, Role.SALES)], expectedVersion=2
        )
    finally:
        world.souk.app.committed.pop()
    assert left["team"]["members"]["nodes"] == []
    assert await world.at_the_door(door, h=digest(token)) == [([],)]
    person = world.actors[Role.SALES].user_id
    assert [person in ids for ids in told] == [True, True], "processes that remember the person look again"

    stale = await world.do(
        Role.OWNER, "teamSetMembers", MEMBERS, id=made["id"], add=[mid(world, Role.SALES)], expectedVersion=2
    )
    assert codes(stale) == [("STALE_VERSION", ["expectedVersion"])]
    both = await world.do(
        Role.OWNER, "teamSetMembers", MEMBERS, id=made["id"], expectedVersion=3,
        add=[mid(world, Role.SALES)], remove=[mid(world, Role.SALES)],
    )  # fmt: skip
    assert codes(both) == [("INVALID", ["remove"])]
    none = await world.do(Role.OWNER, "teamSetMembers", MEMBERS, id=made["id"], expectedVersion=3)
    assert codes(none) == [("REQUIRED", None)]
    assert await world.rows("SELECT count(*) FROM membership_team") == [(0,)]


async def test_a_team_is_renamed_put_away_and_takes_nobody_then(world: World) -> None:
    a, b = Team(id=new_id(), name="A"), Team(id=new_id(), name="B")
    await world.add(a, b)
    gid = world.id("Team", a.id)
    taken = await world.do(Role.ADMIN, "teamUpdate", MEMBERS, id=gid, name="B", expectedVersion=1)
    assert codes(taken) == [("NOT_UNIQUE", ["name"])]
    renamed = await world.do(Role.ADMIN, "teamUpdate", MEMBERS, id=gid, name="C", archived=True, expectedVersion=1)
    assert (renamed["team"]["name"], renamed["team"]["archivedAt"]) == ("C", "2026-11-22T09:00:00Z")
    nothing = await world.do(Role.ADMIN, "teamUpdate", MEMBERS, id=gid, expectedVersion=2)
    assert codes(nothing) == [("REQUIRED", None)]
    joins = await world.do(
        Role.ADMIN, "teamSetMembers", MEMBERS, id=gid, add=[mid(world, Role.SALES)], expectedVersion=2
    )
    assert codes(joins) == [("INVALID", ["id"])]
    appointed = await world.do(
        Role.ADMIN, "userSetRole", "user { id }", id=uid(world, Role.SALES), membershipId=mid(world, Role.SALES),
        role="AGENT", teamIds=[gid], expectedVersion=1,
    )  # fmt: skip
    assert codes(appointed) == [("INVALID", ["teamIds"])]
    ticket = (await world.do(Role.CUSTOMER, "ticketCreate", "ticket { id version }", subject="Hello", body="Hello"))[
        "ticket"
    ]
    given = await world.do(
        Role.ADMIN, "ticketAssign", "ticket { id }", id=ticket["id"], teamId=gid, expectedVersion=ticket["version"]
    )
    assert codes(given) == [("INVALID", ["teamId"])]
    assert await world.rows("SELECT count(*) FROM membership_team") == [(0,)]
    back = await world.do(Role.ADMIN, "teamUpdate", MEMBERS, id=gid, archived=False, expectedVersion=2)
    assert back["team"]["archivedAt"] is None


async def test_teams_are_listed_and_people_found_by_them(world: World) -> None:
    teams = [Team(id=new_id(), name=name) for name in ("A", "B")]
    teams[1].archived_at = world.now
    await world.add(*teams)
    await world.do(
        Role.OWNER, "teamSetMembers", MEMBERS, id=world.id("Team", teams[0].id), expectedVersion=1,
        add=[mid(world, Role.SALES), mid(world, Role.AGENT)],
    )  # fmt: skip

    async def found(**conditions: Any) -> list[str]:
        return [n["name"] for n in (await world.data(Role.VIEWER, TEAMS, {"f": conditions}))["teams"]["nodes"]]

    assert sorted(await found()) == ["A", "B"]
    assert (await found(archived=True), await found(archived=False)) == (["B"], ["A"])
    assert (await found(userId=uid(world, Role.SALES)), await found(userId=uid(world, Role.OPS))) == (["A"], [])
    people = "query($t: ID!) { users(filter: {teamId: $t}, orderBy: OLDEST) { nodes { name } } }"
    by_team = (await world.data(Role.OPS, people, {"t": world.id("Team", teams[0].id)}))["users"]["nodes"]
    assert sorted(n["name"] for n in by_team) == ["AGENT person", "SALES person"]
    assert (await world.data(Role.OPS, people, {"t": world.id("Team", teams[1].id)}))["users"]["nodes"] == []

    await world.do(
        Role.OWNER, "userSetRole", "user { id }", id=uid(world, Role.SALES), membershipId=mid(world, Role.SALES),
        role=None, expectedVersion=1,
    )  # fmt: skip
    assert await world.rows("SELECT count(*) FROM membership WHERE ended_at IS NOT NULL") == [(1,)]
    by_team = (await world.data(Role.OPS, people, {"t": world.id("Team", teams[0].id)}))["users"]["nodes"]
    assert [n["name"] for n in by_team] == ["AGENT person"]
    one = "query($t: ID!) { team(id: $t) { members { nodes { role } } } }"
    shown = (await world.data(Role.OPS, one, {"t": world.id("Team", teams[0].id)}))["team"]["members"]["nodes"]
    assert shown == [{"role": "AGENT"}]
    for role in (Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        assert (await world.ask(role, "{ teams { totalCount } }"))["data"] == {"teams": None}, role


async def test_an_invitation_is_listed_with_the_moment_it_lapses(world: World) -> None:
    await world.do(
        Role.ADMIN, "userInvite", "user { id }", name="New", email=f"n{world.tenant_id.hex}@example.com", role="OPS"
    )
    document = "{ users(filter: {status: INVITED}) { nodes { name inviteExpiresAt memberships { role } } } }"
    assert (await world.data(Role.OWNER, document))["users"]["nodes"] == [
        {"name": "New", "inviteExpiresAt": "2026-11-29T09:00:00Z", "memberships": [{"role": "OPS"}]}
    ]
    others = await world.data(Role.OWNER, "{ users(filter: {status: ACTIVE}) { nodes { inviteExpiresAt } } }")
    assert {n["inviteExpiresAt"] for n in others["users"]["nodes"]} == {None}
