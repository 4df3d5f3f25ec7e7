"""Support acts for somebody: marked, short, audited, and never more than the person could."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest

from souk.models import Membership, new_id
from souk.rules.actor import Actor, Role
from tests.resolvers.proving import with_session
from tests.world import NOW, World

REASON = "Ticket 17: cannot pay."


def codes(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(each["code"], each["field"]) for each in payload["userErrors"]]


def uid(world: World, who: Role) -> str:
    return world.id("User", world.actors[who].user_id)  # type: ignore[arg-type]


async def begin(world: World, by: Role | Actor, who: Role, **more: Any) -> dict[str, Any]:
    given = {"id": uid(world, who), "reason": REASON} | more
    return await world.do(by, "userImpersonate", "token expiresAt user { id }", **given)


async def acting(world: World, by: Role, who: Role) -> Actor:
    """The actor of such a session, as the door tells it."""
    made = await begin(world, by, who)
    row = (await world.rows("SELECT * FROM session WHERE hash = :h", h=sha256(made["token"].encode()).digest()))[0]
    return replace(world.actor(who), session_id=row.id, mfa_at=row.mfa_at, impersonator_id=row.impersonator_id)


async def test_it_is_marked_short_and_audited_with_both_persons(world: World) -> None:
    made = await begin(world, Role.ADMIN, Role.CUSTOMER)
    assert (made["expiresAt"], made["user"]) == ("2026-11-22T09:30:00Z", {"id": uid(world, Role.CUSTOMER)})
    row = (await world.rows("SELECT * FROM session"))[0]
    admin, customer = world.actors[Role.ADMIN], world.actors[Role.CUSTOMER]
    assert (row.carrier, row.reason, row.impersonator_id, row.membership_id, row.mfa_at, row.refresh_hash) == (
        "IMPERSONATION", REASON, admin.user_id, customer.membership_id, None, None,
    )  # fmt: skip
    assert row.ends_at - row.created_at == timedelta(minutes=30)
    event = "SELECT op, actor_id, subject_id FROM audit_event WHERE op = 'userImpersonate'"
    assert await world.rows(event) == [("userImpersonate", admin.user_id, customer.user_id)]
    assert await world.rows("SELECT reason FROM domain_event WHERE type = 'user.impersonated'") == [(REASON,)]


async def test_the_viewer_says_who_acts_and_why(world: World) -> None:
    me = "{ viewer { role user { id } impersonatedBy { id name } reason } }"
    for who in (Role.CUSTOMER, Role.DEALER, Role.OPS):
        shown = (await world.data(await acting(world, Role.ADMIN, who), me))["viewer"]
        assert shown == {
            "role": who.value, "user": {"id": uid(world, who)}, "reason": REASON,
            "impersonatedBy": {"id": uid(world, Role.ADMIN), "name": "ADMIN person"},
        }  # fmt: skip
    alone = (await world.data(await with_session(world, Role.OPS), me))["viewer"]
    assert (alone["impersonatedBy"], alone["reason"]) == (None, None)


async def test_what_is_done_names_both(world: World) -> None:
    dealer = await acting(world, Role.ADMIN, Role.DEALER)
    given = {"id": world.id("Dealer", world.dealer), "expectedVersion": 1, "name": "First Motors Ltd"}
    assert codes(await world.do(dealer, "dealerUpdate", "dealer { id }", **given)) == []
    document = '{ auditEvents(filter: {op: "dealerUpdate"}) { nodes { actor { name } impersonator { name } } } }'
    assert (await world.data(Role.ADMIN, document))["auditEvents"]["nodes"] == [
        {"actor": {"name": "DEALER person"}, "impersonator": {"name": "ADMIN person"}}
    ]


async def test_an_admin_never_becomes_an_owner(world: World) -> None:
    assert codes(await begin(world, Role.ADMIN, Role.OWNER)) == [("FORBIDDEN", None)]
    await world.add(Membership(id=new_id(), user_id=world.actors[Role.OPS].user_id, role="OWNER"))
    assert codes(await begin(world, Role.ADMIN, Role.OPS)) == [("FORBIDDEN", None)], "whichever role is asked for"
    ops = world.id("Membership", world.actors[Role.OPS].membership_id)  # type: ignore[arg-type]
    assert codes(await begin(world, Role.ADMIN, Role.OPS, membershipId=ops)) == [("FORBIDDEN", None)]
    assert await world.rows("SELECT count(*) FROM session") == [(0,)]
    assert codes(await begin(world, Role.OWNER, Role.ADMIN)) == []


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.OWNER, Role.ADMIN)])
async def test_nobody_else_acts_for_anybody(world: World, role: Role) -> None:
    actor = world.service("user:impersonate") if role is Role.SERVICE else world.actor(role)
    document = "mutation($i: UserImpersonateInput!) { userImpersonate(input: $i) { token } }"
    found = await world.ask(actor, document, {"i": {"id": uid(world, Role.CUSTOMER), "reason": REASON}})
    assert found["data"] == {"userImpersonate": None}
    assert await world.rows("SELECT count(*) FROM session") == [(0,)]


@pytest.mark.parametrize(
    ("who", "given", "code"),
    [
        (Role.CUSTOMER, {"reason": "Because"}, ("INVALID", ["reason"])),
        (Role.CUSTOMER, {"reason": " "}, ("REQUIRED", ["reason"])),
        (Role.CUSTOMER, {"minutes": 31}, ("OUT_OF_RANGE", ["minutes"])),
        (Role.CUSTOMER, {"minutes": 0}, ("OUT_OF_RANGE", ["minutes"])),
        (Role.ADMIN, {}, ("INVALID", ["id"])),
    ],
)
async def test_what_is_refused(world: World, who: Role, given: dict[str, Any], code: Any) -> None:
    assert codes(await begin(world, Role.ADMIN, who, **given)) == [code]
    assert await world.rows("SELECT count(*) FROM session") == [(0,)]


async def test_one_of_several_roles_is_to_be_named(world: World) -> None:
    second = Membership(id=new_id(), user_id=world.actors[Role.SALES].user_id, role="AGENT")
    await world.add(second)
    assert codes(await begin(world, Role.ADMIN, Role.SALES)) == [("REQUIRED", ["membershipId"])]
    foreign = world.id("Membership", world.actors[Role.OPS].membership_id)  # type: ignore[arg-type]
    assert codes(await begin(world, Role.ADMIN, Role.SALES, membershipId=foreign)) == [("NOT_FOUND", ["membershipId"])]
    assert codes(await begin(world, Role.ADMIN, Role.SALES, membershipId=world.id("Membership", second.id))) == []
    assert await world.rows("SELECT membership_id FROM session") == [(second.id,)]


async def test_it_changes_nothing_of_sign_in_and_roles(world: World) -> None:
    """Not by proving anew either: every way to a proof is closed."""
    theirs = await with_session(world, Role.ADMIN, NOW)
    actor = await acting(world, Role.OWNER, Role.ADMIN)
    target = uid(world, Role.OPS)
    refused: dict[str, dict[str, Any]] = {
        "mfaEnroll": {}, "mfaConfirm": {"code": "123456"}, "mfaDisable": {}, "mfaRenewRecoveryCodes": {},
        "mfaChallenge": {}, "mfaVerify": {"code": "123456"}, "passwordSet": {"password": "tidal-quartz-91"},
        "sessionRevokeAll": {}, "sessionRevoke": {"id": world.id("Session", theirs.session_id)},  # type: ignore[arg-type]
        "sessionSwitch": {"membershipId": world.id("Membership", actor.membership_id)},  # type: ignore[arg-type]
        "userSetRole": {"id": target, "expectedVersion": 1, "role": "SALES"},
        "userSetStatus": {"id": target, "expectedVersion": 1, "to": "SUSPENDED", "reason": "No."},
        "userInvite": {"name": "A", "email": "a@example.com", "role": "OPS"}, "userUnlock": {"id": target},
        "userImpersonate": {"id": target, "reason": REASON},
        "serviceTokenCreate": {"name": "A", "scopes": ["sku:read"], "expiresAt": "2027-01-01T00:00:00Z"},
    }  # fmt: skip
    before = await world.rows("SELECT count(*) FROM audit_event")
    for stepped in (actor, replace(actor, mfa_at=NOW)):
        for mutation, given in refused.items():
            assert [c for c, _ in codes(await world.do(stepped, mutation, "", **given))] == ["FORBIDDEN"], mutation
    assert await world.rows("SELECT count(*) FROM audit_event") == before
    assert await world.rows("SELECT count(*) FROM session WHERE revoked_at IS NOT NULL") == [(0,)]


async def test_it_ends_by_its_own_hand_and_with_either_person(world: World) -> None:
    actor = await acting(world, Role.OWNER, Role.CUSTOMER)
    assert codes(await world.do(actor, "sessionRevoke", "session { revokedAt }")) == []
    assert await world.rows("SELECT revoked_at FROM session") == [(NOW,)]

    for gone in (Role.ADMIN, Role.CUSTOMER):
        acts = await acting(world, Role.ADMIN, Role.CUSTOMER)
        version = (await world.rows("SELECT version FROM app_user WHERE id = :i", i=world.actors[gone].user_id))[
            0
        ].version
        given = {"id": uid(world, gone), "expectedVersion": version, "to": "SUSPENDED", "reason": "Gone."}
        assert codes(await world.do(Role.OWNER, "userSetStatus", "user { id }", **given)) == []
        assert await world.rows("SELECT revoked_at FROM session WHERE id = :i", i=acts.session_id) == [(NOW,)], gone
        if gone is Role.ADMIN:
            again = given | {"expectedVersion": version + 1, "to": "ACTIVE"}
            assert codes(await world.do(Role.OWNER, "userSetStatus", "user { id }", **again)) == []


async def test_the_database_refuses_a_long_or_silent_one(world: World) -> None:
    await acting(world, Role.ADMIN, Role.CUSTOMER)
    for change in ("ends_at = created_at + interval '31 minutes'", "reason = NULL", "impersonator_id = NULL"):
        with pytest.raises(Exception, match="ck_session_impersonation"):
            await world.rows(f"UPDATE session SET {change} RETURNING id")


async def test_its_token_acts_at_the_front_door(app: httpx.AsyncClient, world: World) -> None:
    world.now = datetime.now(UTC)
    stepped = replace(world.actor(Role.ADMIN), mfa_at=world.now)
    made = await begin(world, stepped, Role.CUSTOMER)
    answer = await app.post(
        "/graphql", json={"query": "{ viewer { role impersonatedBy { name } reason } }"},
        headers={"authorization": f"Bearer {made['token']}"},
    )  # fmt: skip
    shown = {"role": "CUSTOMER", "impersonatedBy": {"name": "ADMIN person"}, "reason": REASON}
    assert answer.json()["data"] == {"viewer": shown}
