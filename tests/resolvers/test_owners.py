"""By force: a tenant never loses its last OWNER, and who was suspended or lost a role is out within the second."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import Any
from uuid import UUID

import httpx
import pytest

from souk.models import Membership, User, new_id
from souk.rules.actor import Actor, Role
from tests.resolvers.test_user import signed_in, uid
from tests.world import NOW, Souk, World, make_world

OWNERS = """SELECT u.id FROM app_user u JOIN membership m ON m.tenant_id = u.tenant_id AND m.user_id = u.id
  WHERE m.role = 'OWNER' AND m.ended_at IS NULL AND u.status = 'ACTIVE'"""
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("userSetStatus", {"to": "SUSPENDED", "reason": "You."}),
    ("userSetRole", {"role": None}),
    ("userSetRole", {"role": "CUSTOMER"}),
]


async def with_owners(souk: Souk, number: int) -> tuple[World, list[tuple[Actor, UUID]]]:
    """A tenant with so many owners: each with the membership that makes it one."""
    world = await make_world(souk)
    first = world.actors[Role.OWNER]
    found: list[tuple[Actor, UUID]] = [(first, first.membership_id)]  # type: ignore[list-item]
    others = [world.actors[role] for role in (Role.ADMIN, Role.OPS, Role.SALES, Role.AGENT, Role.VIEWER)]
    for other in others[: number - 1]:
        member = Membership(id=new_id(), user_id=other.user_id, role=Role.OWNER)
        await world.add(member)
        found.append((replace(first, user_id=other.user_id, membership_id=member.id), member.id))
    return world, found


async def remove(world: World, who: Actor, whom: tuple[Actor, UUID], way: int) -> list[str]:
    mutation, given = WAYS[way % len(WAYS)]
    if mutation == "userSetRole":
        given = {**given, "membershipId": world.id("Membership", whom[1])}
    id_ = world.id("User", whom[0].user_id)  # type: ignore[arg-type]
    found = await world.do(who, mutation, "user { id }", id=id_, expectedVersion=1, **given)
    return [each["code"] for each in found["userErrors"]]


@pytest.mark.parametrize("number", [1, 2, 3, 6])
async def test_owners_who_remove_each_other_at_once_leave_one(
    souk: Souk, number: int, size: Callable[[int, int], int]
) -> None:
    for round_ in range(size(3, 30)):
        world, owners = await with_owners(souk, number)
        assert len(await world.rows(OWNERS)) == number
        ring = [(owners[n], owners[(n + 1) % number]) for n in range(number)]
        found = await asyncio.gather(*(remove(world, who, whom, round_ + n) for n, ((who, _), whom) in enumerate(ring)))
        left = len(await world.rows(OWNERS))
        assert left == 1, found
        assert sum(codes == [] for codes in found) == number - 1
        assert [codes for codes in found if codes] == [["FORBIDDEN"]], found


async def test_many_who_remove_the_same_owner_at_once_do_it_once(souk: Souk) -> None:
    world, owners = await with_owners(souk, 4)
    found = await asyncio.gather(*(remove(world, owners[n % 3][0], owners[3], 0) for n in range(12)))
    assert sorted(map(str, found)) == ["['STALE_VERSION']"] * 11 + ["[]"]
    assert len(await world.rows(OWNERS)) == 3


@pytest.mark.parametrize("what", ["suspended", "role changed", "role ended"])
async def test_whoever_is_suspended_or_loses_a_role_is_out_within_the_second(
    world: World, live: str, what: str
) -> None:
    """The server is another process, which remembers the session: nothing sent a second after the commit is answered."""
    token, _ = await signed_in(world, Role.SALES)
    member = world.id("Membership", world.actors[Role.SALES].membership_id)  # type: ignore[arg-type]
    me = {"id": uid(world, Role.SALES), "expectedVersion": 1}
    async with httpx.AsyncClient(base_url=live, headers={"authorization": f"Bearer {token}"}) as client:

        async def asks() -> Any:
            return (await client.post("/graphql", json={"query": "{ viewer { role } }"})).json()

        assert (await asks())["data"] == {"viewer": {"role": "SALES"}}
        if what == "suspended":
            done = await world.do(Role.ADMIN, "userSetStatus", "user { id }", **me, to="SUSPENDED", reason="Left.")
        else:
            role = {"role": "VIEWER" if what == "role changed" else None}
            done = await world.do(Role.ADMIN, "userSetRole", "user { id }", **me, membershipId=member, **role)
        assert done["userErrors"] == []
        committed = monotonic()
        while True:
            began = monotonic()
            found = await asks()
            if "data" not in found:
                break
            assert began - committed < 1.0
            await asyncio.sleep(0.02)
        assert found["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_admin_touches_no_owner_in_any_way(souk: Souk) -> None:
    world, owners = await with_owners(souk, 3)
    admin = Actor(world.tenant_id, Role.ADMIN, user_id=new_id(), mfa_at=NOW)
    for way in range(len(WAYS)):
        assert await remove(world, admin, owners[1], way) == ["FORBIDDEN"]
    more = {"id": uid(world, Role.CUSTOMER), "expectedVersion": 1, "role": "OWNER"}
    assert [e["code"] for e in (await world.do(admin, "userSetRole", "user { id }", **more))["userErrors"]] == [
        "FORBIDDEN"
    ]
    assert len(await world.rows(OWNERS)) == 3
    assert await world.rows("SELECT count(*) FROM audit_event WHERE op LIKE 'userSet%'") == [(0,)]


async def test_a_dealer_appoints_and_suspends_in_its_own_organisation_only(world: World) -> None:
    second = User(id=new_id(), account_id=(await world.rows("SELECT account_id FROM app_user LIMIT 1"))[0][0], name="Clerk",
                  status="SUSPENDED", staff=False)  # fmt: skip
    second.account_id = (
        await world.rows("SELECT souk.account_for(gen_random_uuid(), :e, NULL)", e=f"c@{world.tenant_id}")
    )[0][0]
    await world.add(second)
    await world.add(Membership(id=new_id(), user_id=second.id, role=Role.DEALER, dealer_id=world.dealer))
    clerk = world.id("User", second.id)
    given = {"id": clerk, "expectedVersion": 1}
    back = await world.do(Role.DEALER, "userSetStatus", "user { status }", **given, to="ACTIVE", reason="Back.")
    assert back["user"] == {"status": "ACTIVE"}
    for role in ("ADMIN", "OPS", "CUSTOMER"):
        refused = await world.do(Role.DEALER, "userSetRole", "user { id }", id=clerk, expectedVersion=2, role=role)
        assert [e["code"] for e in refused["userErrors"]] == ["FORBIDDEN"], role
    other = world.id("Dealer", world.other_dealer)
    elsewhere = await world.do(
        Role.DEALER, "userSetRole", "user { id }", id=clerk, expectedVersion=2, role="DEALER", dealerId=other
    )
    assert [e["code"] for e in elsewhere["userErrors"]] in (["FORBIDDEN"], ["NOT_FOUND"])
    foreign = await world.do(world.other_dealer_actor, "userSetStatus", "user { id }", **{**given, "expectedVersion": 2},
                             to="SUSPENDED", reason="No.")  # fmt: skip
    assert [e["code"] for e in foreign["userErrors"]] == ["NOT_FOUND"]
    roles = "SELECT role, dealer_id FROM membership WHERE user_id = :u AND ended_at IS NULL"
    assert await world.rows(roles, u=second.id) == [("DEALER", world.dealer)]
