"""Tokens of integrations: who makes them, what they may, how one takes over from another."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from souk.permissions.roles import MATRIX
from souk.rules.actor import Role
from tests.world import NOW, World

LATER = "2027-03-01T00:00:00Z"
SHOWN = "serviceToken { id name prefix scopes expiresAt revokedAt lastUsedAt dealer { name } createdBy { name } rotates { id } }"


async def make(world: World, who: Role = Role.OWNER, **given: Any) -> dict[str, Any]:
    asked = {"name": "Feed", "scopes": ["listing:read"], "expiresAt": LATER} | given
    return await world.do(who, "serviceTokenCreate", f"token {SHOWN}", **asked)


async def test_a_token_is_shown_once_and_kept_as_a_hash(world: World) -> None:
    made = await make(world, name=" Price  feed ", scopes=["sku:read", "listing:read", "sku:read"])
    token, shown = made["token"], made["serviceToken"]
    id_ = (await world.rows("SELECT id FROM service_token"))[0].id
    assert token.startswith(f"svc_{id_.hex}_")
    assert len(token) == len(f"svc_{id_.hex}_") + 43
    assert shown == {
        "id": world.id("ServiceToken", id_), "name": "Price feed", "prefix": f"svc_{id_.hex}", "expiresAt": LATER,
        "scopes": ["listing:read", "sku:read"], "revokedAt": None, "lastUsedAt": None, "dealer": None,
        "createdBy": {"name": "OWNER person"}, "rotates": None,
    }  # fmt: skip
    stored = (await world.rows("SELECT hash, created_by FROM service_token"))[0]
    assert (stored.hash, stored.created_by) == (sha256(token.encode()).digest(), world.actors[Role.OWNER].user_id)
    audited = await world.rows("SELECT changes::text AS c FROM audit_event WHERE op = 'serviceTokenCreate'")
    assert len(audited) == 1
    assert token[-43:] not in audited[0].c
    assert await world.rows("SELECT type FROM domain_event WHERE subject_id = :i", i=id_) == [("session.created",)]


async def test_a_key_makes_one_token_and_its_repetition_shows_no_secret(world: World) -> None:
    key = world.key()
    first = await make(world, idempotencyKey=key)
    again = await make(world, idempotencyKey=key)
    assert first["token"] is not None
    assert again["token"] is None
    assert again["serviceToken"] == first["serviceToken"]
    assert await world.rows("SELECT count(*) FROM service_token") == [(1,)]


@pytest.mark.parametrize(
    ("given", "code", "field"),
    [
        ({"scopes": []}, "REQUIRED", ["scopes"]),
        ({"scopes": ["listing:moderate"]}, "INVALID", ["scopes"]),
        ({"scopes": ["serviceToken:write"]}, "INVALID", ["scopes"]),
        ({"scopes": ["everything"]}, "INVALID", ["scopes"]),
        ({"name": " "}, "REQUIRED", ["name"]),
        ({"name": "x" * 201}, "TOO_LONG", ["name"]),
        ({"expiresAt": "2026-11-22T09:00:00Z"}, "OUT_OF_RANGE", ["expiresAt"]),
        ({"expiresAt": "2027-11-24T09:00:00Z"}, "OUT_OF_RANGE", ["expiresAt"]),
    ],
)
async def test_what_no_token_can_be(world: World, given: dict[str, Any], code: str, field: list[str]) -> None:
    made = await make(world, **given)
    assert [(e["code"], e["field"]) for e in made["userErrors"]] == [(code, field)]
    assert (made["token"], made["serviceToken"]) == (None, None)
    assert await world.rows("SELECT count(*) FROM service_token") == [(0,)]


async def test_nobody_hands_on_what_they_may_not_do(world: World) -> None:
    """Every scope there is, asked for by each of the three roles: it is made exactly where the matrix lets the role in."""
    scopes = [row.name for row in MATRIX.values() if row.cells[Role.SERVICE].letter == "S"]
    for role in (Role.OWNER, Role.ADMIN, Role.DEALER):
        for scope in scopes:
            made = await make(world, role, scopes=[scope])
            may = MATRIX[scope].cells[role].letter != "-"
            assert [e["code"] for e in made["userErrors"]] == ([] if may else ["FORBIDDEN"]), (role, scope)
    refused = [s for s in scopes if MATRIX[s].cells[Role.DEALER].letter == "-"]
    assert {"competitor:read", "manifest:write", "event:read"} <= set(refused)
    one_too_many = await make(world, Role.DEALER, scopes=["listing:read", "event:read"])
    assert [(e["code"], e["field"]) for e in one_too_many["userErrors"]] == [("FORBIDDEN", ["scopes"])]


async def test_a_dealer_makes_sees_and_ends_its_own_only(world: World) -> None:
    mine = await make(world, Role.DEALER)
    assert mine["serviceToken"]["dealer"] == {"name": "First Motors"}
    other = world.id("Dealer", world.other_dealer)
    refused = await make(world, Role.DEALER, dealerId=other)
    assert [e["code"] for e in refused["userErrors"]] == ["FORBIDDEN"]
    theirs = await make(world, dealerId=other)
    whole = await make(world)
    assert (theirs["serviceToken"]["dealer"], whole["serviceToken"]["dealer"]) == ({"name": "Second Motors"}, None)

    listed = "{ serviceTokens(orderBy: OLDEST) { totalCount nodes { id } } }"
    assert (await world.data(Role.DEALER, listed))["serviceTokens"]["nodes"] == [{"id": mine["serviceToken"]["id"]}]
    assert (await world.data(Role.ADMIN, listed))["serviceTokens"]["totalCount"] == 3
    one = "query($id: ID!) { serviceToken(id: $id) { name } }"
    assert await world.data(Role.DEALER, one, {"id": theirs["serviceToken"]["id"]}) == {"serviceToken": None}
    for mutation, more in (("serviceTokenRevoke", {}), ("serviceTokenRotate", {"expiresAt": LATER})):
        for id_ in (theirs["serviceToken"]["id"], whole["serviceToken"]["id"]):
            gone = await world.do(Role.DEALER, mutation, "serviceToken { id }", id=id_, **more)
            assert [e["code"] for e in gone["userErrors"]] == ["NOT_FOUND"]
    assert await world.rows("SELECT count(*) FROM service_token WHERE revoked_at IS NOT NULL") == [(0,)]
    assert (await world.ask(Role.OPS, listed))["data"] == {"serviceTokens": None}


async def test_a_dealer_does_not_get_the_scopes_of_a_token_that_staff_made(world: World) -> None:
    """Rotating shows a secret: it may not be one that the asker could not have made."""
    made = await make(world, scopes=["event:read"], dealerId=world.id("Dealer", world.dealer))
    id_ = made["serviceToken"]["id"]
    refused = await world.do(Role.DEALER, "serviceTokenRotate", "token", id=id_, expiresAt=LATER)
    assert ([e["code"] for e in refused["userErrors"]], refused["token"]) == (["FORBIDDEN"], None)
    assert await world.rows("SELECT count(*) FROM service_token") == [(1,)]


async def test_a_dashboard_s_token_is_marked_and_may_no_more(world: World) -> None:
    made = await make(world, Role.DEALER, scopes=["dashboard", "dashboard:read"])
    assert (made["userErrors"], made["serviceToken"]["scopes"]) == ([], ["dashboard", "dashboard:read"])
    document = "{ viewer { permissions } }"
    (row,) = await world.rows("SELECT id FROM service_token")
    robot = replace(world.service("dashboard", "dashboard:read", dealer_id=world.dealer), token_id=row.id)
    assert await world.data(robot, document) == {"viewer": {"permissions": ["dashboard:read"]}}


async def test_a_terminated_dealer_gets_no_token(world: World) -> None:
    await world.rows("UPDATE dealer SET standing = 'TERMINATED' WHERE id = :d RETURNING id", d=world.other_dealer)
    refused = await make(world, dealerId=world.id("Dealer", world.other_dealer))
    assert [(e["code"], e["field"]) for e in refused["userErrors"]] == [("INVALID", ["dealerId"])]


async def test_two_of_a_line_are_good_at_once_and_never_three(world: World) -> None:
    first = (await make(world, dealerId=world.id("Dealer", world.dealer)))["serviceToken"]
    ends = NOW + timedelta(days=2)
    rotated = await world.do(
        Role.ADMIN, "serviceTokenRotate", f"token {SHOWN}", id=first["id"], expiresAt="2027-06-01T00:00:00Z",
        formerEndsAt=ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )  # fmt: skip
    second = rotated["serviceToken"]
    assert rotated["token"].startswith(f"{second['prefix']}_")
    assert second == first | {
        "id": second["id"], "prefix": second["prefix"], "expiresAt": "2027-06-01T00:00:00Z",
        "rotates": {"id": first["id"]}, "createdBy": {"name": "ADMIN person"},
    }  # fmt: skip
    live = await world.rows("SELECT expires_at FROM service_token WHERE revoked_at IS NULL ORDER BY created_at, id")
    assert live[0].expires_at == ends
    assert len(live) == 2
    for id_ in (first["id"], second["id"]):
        third = await world.do(Role.ADMIN, "serviceTokenRotate", "token", id=id_, expiresAt=LATER)
        assert [(e["code"], e["field"]) for e in third["userErrors"]] == [("LIMIT_EXCEEDED", ["id"])]
    assert await world.rows("SELECT count(*) FROM service_token") == [(2,)]

    ended = await world.do(
        Role.ADMIN, "serviceTokenRevoke", "serviceToken { revokedAt }", id=first["id"], reason="Done."
    )
    assert ended["serviceToken"] == {"revokedAt": "2026-11-22T09:00:00Z"}
    again = await world.do(Role.ADMIN, "serviceTokenRevoke", "serviceToken { id }", id=first["id"])
    assert [e["code"] for e in again["userErrors"]] == ["INVALID"]
    over = await world.do(Role.ADMIN, "serviceTokenRotate", "token", id=first["id"], expiresAt=LATER)
    assert [e["code"] for e in over["userErrors"]] == ["INVALID"]
    third = await world.do(Role.ADMIN, "serviceTokenRotate", SHOWN, id=second["id"], expiresAt=LATER)
    assert third["serviceToken"]["rotates"] == {"id": second["id"]}


async def test_rotating_at_the_same_time_makes_one(world: World) -> None:
    first = (await make(world))["serviceToken"]
    made = await asyncio.gather(
        *(world.do(Role.ADMIN, "serviceTokenRotate", "token", id=first["id"], expiresAt=LATER) for _ in range(6))
    )
    assert sorted(len(each["userErrors"]) for each in made) == [0, 1, 1, 1, 1, 1]
    assert {e["code"] for each in made for e in each["userErrors"]} == {"LIMIT_EXCEEDED"}
    assert await world.rows("SELECT count(*) FROM service_token") == [(2,)]


async def test_the_database_holds_the_line_too(world: World) -> None:
    await make(world)
    copied = """INSERT INTO service_token (tenant_id, id, created_at, updated_at, version, name, prefix, hash, scopes, expires_at, rotates_id)
      SELECT tenant_id, :new, created_at, updated_at, 1, name, prefix, CAST(:hash AS bytea), scopes, expires_at, id FROM service_token WHERE rotates_id IS NULL"""
    await world.rows(f"{copied} RETURNING id", new=world.tenant_id, hash=b"1")
    with pytest.raises(Exception, match="uq_service_token_successor"):
        await world.rows(f"{copied} RETURNING id", new=world.dealer, hash=b"2")


async def test_tokens_are_found_by_what_is_to_be_done(world: World) -> None:
    soon = await make(world, name="Soon", expiresAt="2026-12-01T00:00:00Z")
    late = await make(world, name="Late", dealerId=world.id("Dealer", world.dealer))
    await world.do(Role.OWNER, "serviceTokenRevoke", "serviceToken { id }", id=late["serviceToken"]["id"])

    async def named(filter: str) -> list[str]:
        document = f"{{ serviceTokens(orderBy: OLDEST, filter: {{{filter}}}) {{ nodes {{ name }} }} }}"
        return [node["name"] for node in (await world.data(Role.OWNER, document))["serviceTokens"]["nodes"]]

    assert soon["userErrors"] == []
    assert await named('expiresBefore: "2026-12-31T00:00:00Z"') == ["Soon"]
    assert await named("revoked: true") == ["Late"]
    assert await named("revoked: false") == ["Soon"]
    assert await named("dealerId: null") == ["Soon"]
    assert await named(f'dealerId: "{world.id("Dealer", world.dealer)}"') == ["Late"]
    assert await named('updatedSince: "2026-11-22T09:00:01Z"') == []


async def test_a_dashboard_is_a_scope_that_opens_nothing_and_outlives_rotation(world: World) -> None:
    made = await make(world, scopes=["listing:read", "dashboard"])
    assert made["serviceToken"]["scopes"] == ["dashboard", "listing:read"]
    rotated = await world.do(
        Role.OWNER, "serviceTokenRotate", f"token {SHOWN}", id=made["serviceToken"]["id"], expiresAt=LATER
    )
    assert rotated["serviceToken"]["scopes"] == ["dashboard", "listing:read"]
    alone = world.service("dashboard")
    answer = await world.ask(alone, "{ listings { nodes { id } } }")
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
