"""The second factor: how it begins, what it asks, what it refuses, and the step-up that it gives."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.exceptions import InvalidTag

from souk.db.sealing import place
from souk.resolvers.mfa import NOBODYS
from souk.rules.actor import Actor, Role
from souk.rules.stepup import FRESH
from tests.resolvers.proving import account_row, as_it_is, code_of, enrolled, letters, with_session
from tests.world import KEYRING, NOW, World, make_world

STEP = timedelta(seconds=30)
VIEWER = "{ viewer { signIn { enabled recoveryCodesLeft passwordSet } } }"


def codes(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(each["code"], each["field"]) for each in payload["userErrors"]]


async def verify(world: World, actor: Actor, code: str, **more: Any) -> dict[str, Any]:
    return await world.do(actor, "mfaVerify", "provenUntil", code=code, **more)


async def test_an_app_is_asked_for_once_it_is_confirmed(world: World) -> None:
    actor = await with_session(world, Role.ADMIN, NOW)
    begun = await world.do(actor, "mfaEnroll", "secret uri user { name }")
    asked = urlsplit(begun["uri"])
    assert (asked.scheme, asked.netloc, asked.path) == (
        "otpauth",
        "totp",
        f"/Test:admin%40{world.tenant_id.hex}.example.com",
    )
    assert parse_qs(asked.query) == {"secret": [begun["secret"]], "issuer": ["Test"]}
    assert (await world.data(actor, VIEWER))["viewer"]["signIn"]["enabled"] is False

    wrong = await world.do(actor, "mfaConfirm", "recoveryCodes", code="000000")
    assert (codes(wrong), wrong["recoveryCodes"]) == ([("INVALID", ["code"])], None)
    done = await world.do(actor, "mfaConfirm", "recoveryCodes", code=code_of(begun["secret"], NOW))
    assert len(set(done["recoveryCodes"])) == 10
    assert {len(code) for code in done["recoveryCodes"]} == {19}
    shown = (await world.data(actor, VIEWER))["viewer"]["signIn"]
    assert shown == {"enabled": True, "recoveryCodesLeft": 10, "passwordSet": False}
    again = await world.do(actor, "mfaConfirm", "recoveryCodes", code=code_of(begun["secret"], NOW))
    assert codes(again) == [("INVALID", ["code"])]


async def test_what_is_stored_is_sealed_in_its_place_or_hashed(world: World) -> None:
    actor = await with_session(world, Role.ADMIN, NOW)
    secret, recovery = await enrolled(world, actor)
    row = await account_row(world, actor)
    assert KEYRING.open(row.mfa_secret_enc, place(NOBODYS, "account", "mfa_secret_enc", row.id)) == secret
    with pytest.raises(InvalidTag):
        KEYRING.open(row.mfa_secret_enc, place(NOBODYS, "account", "mfa_secret_enc", world.dealer))
    kept = repr(tuple(row))
    assert secret not in kept
    assert not [code for code in recovery if code in kept or code.replace("-", "") in kept]
    audit = repr(await world.rows("SELECT op, changes FROM audit_event")) + repr(
        await world.rows("SELECT * FROM domain_event")
    )
    assert secret not in audit
    assert [op for (op,) in await world.rows("SELECT op FROM audit_event WHERE op LIKE 'mfa%' ORDER BY seq")] == [
        "mfaEnroll", "mfaConfirm",
    ]  # fmt: skip


async def test_a_code_is_good_once_and_proves_for_ten_minutes(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    secret, _ = await enrolled(world, actor)
    world.now = NOW + STEP
    code = code_of(secret, world.now)
    answers = await asyncio.gather(*(verify(world, actor, code) for _ in range(8)))
    assert sorted(len(each["userErrors"]) for each in answers) == [0, 1, 1, 1, 1, 1, 1, 1]
    good = next(each for each in answers if not each["userErrors"])
    assert good["provenUntil"] == "2026-11-22T09:10:30Z"
    assert (await as_it_is(world, actor)).mfa_at == world.now


async def test_a_clock_may_be_off_by_one_step_and_no_more(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    secret, _ = await enrolled(world, actor)
    world.now = NOW + STEP * 20
    for steps, fine in ((-2, False), (2, False), (-1, True), (0, True), (1, True), (0, False)):
        answer = await verify(world, actor, code_of(secret, world.now + STEP * steps))
        assert (answer["userErrors"] == []) is fine, steps


async def test_a_recovery_code_is_good_once(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    _, recovery = await enrolled(world, actor)
    answers = await asyncio.gather(*(verify(world, actor, recovery[3].lower()) for _ in range(4)))
    assert sorted(len(each["userErrors"]) for each in answers) == [0, 1, 1, 1]
    assert (await world.data(actor, VIEWER))["viewer"]["signIn"]["recoveryCodesLeft"] == 9
    world.now += timedelta(minutes=1)
    assert codes(await verify(world, actor, recovery[4].replace("-", " "))) == []
    renewed = await world.do(await as_it_is(world, actor), "mfaRenewRecoveryCodes", "recoveryCodes")
    assert not set(renewed["recoveryCodes"]) & set(recovery)
    assert codes(await verify(world, actor, recovery[5])) == [("INVALID", ["code"])]
    assert codes(await verify(world, actor, renewed["recoveryCodes"][0])) == []


async def test_guesses_are_slowed_down_and_at_most_five_looked_at(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    secret, _ = await enrolled(world, actor)
    guesses = [f"{n:06d}" for n in range(100)]
    assert code_of(secret, NOW + STEP) not in guesses
    answers = await asyncio.gather(*(verify(world, actor, guess) for guess in guesses))
    said = [codes(each)[0] for each in answers]
    assert said.count(("INVALID", ["code"])) == 5
    assert said.count(("COOLDOWN", None)) == 95
    assert await world.rows("SELECT count(*) FROM login_attempt WHERE method = 'MFA' AND outcome = 'WRONG'") == [(5,)]
    world.now = NOW + STEP
    assert codes(await verify(world, actor, code_of(secret, world.now))) == [], "after the pause it is looked at again"


async def test_without_an_app_a_fresh_code_is_the_proof(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    assert codes(await verify(world, actor, "123456")) == [("REQUIRED", ["challengeId"])]
    asked = await world.do(actor, "mfaChallenge", "method challengeId expiresAt")
    assert (asked["method"], asked["expiresAt"]) == ("CODE", "2026-11-22T09:05:00Z")
    soon = await world.do(actor, "mfaChallenge", "method")
    assert [code for code, _ in codes(soon)] == ["COOLDOWN"]
    ((to, digits),) = await letters(world)
    assert to == f"admin@{world.tenant_id.hex}.example.com"
    wrong = "000000" if digits != "000000" else "111111"
    assert codes(await verify(world, actor, wrong, challengeId=asked["challengeId"])) == [("INVALID", ["code"])]
    assert (await as_it_is(world, actor)).mfa_at is None
    good = await verify(world, actor, digits, challengeId=asked["challengeId"])
    assert (good["userErrors"], good["provenUntil"]) == ([], "2026-11-22T09:10:00Z")
    assert (await as_it_is(world, actor)).mfa_at == NOW
    assert codes(await verify(world, actor, digits, challengeId=asked["challengeId"])) == [("INVALID", ["code"])]


async def test_a_code_that_went_to_somebody_else_proves_nothing(world: World) -> None:
    """The thief of a session has a code sent to an address of his own."""
    actor = await with_session(world, Role.ADMIN)
    asked = await world.do(Role.PUBLIC, "otpRequest", "challengeId", email=f"thief@{world.tenant_id.hex}.example.com")
    ((_, digits),) = await letters(world)
    assert codes(await verify(world, actor, digits, challengeId=asked["challengeId"])) == [("INVALID", ["code"])]
    assert (await as_it_is(world, actor)).mfa_at is None


async def test_with_an_app_no_code_is_sent(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    await enrolled(world, actor)
    asked = await world.do(actor, "mfaChallenge", "method challengeId")
    assert (asked["method"], asked["challengeId"]) == ("AUTHENTICATOR", None)
    assert await letters(world) == []


async def test_a_sign_in_with_a_code_asks_for_the_app_too(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    secret, recovery = await enrolled(world, actor)
    world.now = NOW + STEP
    email = f"admin@{world.tenant_id.hex}.example.com"
    asked = await world.do(Role.PUBLIC, "otpRequest", "challengeId", email=email)
    ((_, digits),) = await letters(world)
    given = {"id": asked["challengeId"], "code": digits}
    sessions = await world.rows("SELECT count(*) FROM session")

    without = await world.do(Role.PUBLIC, "otpVerify", "session { id }", **given)
    assert codes(without) == [("STEP_UP_REQUIRED", ["mfaCode"])]
    wrong = await world.do(Role.PUBLIC, "otpVerify", "session { id }", **given, mfaCode="000000")
    assert codes(wrong) == [("INVALID", ["mfaCode"])]
    assert await world.rows("SELECT count(*) FROM session") == sessions
    good = await world.do(Role.PUBLIC, "otpVerify", "session { role }", **given, mfaCode=code_of(secret, world.now))
    assert (good["userErrors"], good["session"]) == ([], {"role": "ADMIN"})
    assert await world.rows("SELECT mfa_at FROM session ORDER BY created_at DESC LIMIT 1") == [(world.now,)]
    twice = await world.do(Role.PUBLIC, "otpVerify", "session { id }", **given, mfaCode=recovery[0])
    assert codes(twice) == [("INVALID", ["code"])]


async def test_five_wrong_apps_end_the_challenge(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    secret, _ = await enrolled(world, actor)
    world.now = NOW + STEP
    asked = await world.do(Role.PUBLIC, "otpRequest", "challengeId", email=f"admin@{world.tenant_id.hex}.example.com")
    ((_, digits),) = await letters(world)
    given = {"id": asked["challengeId"], "code": digits}
    for n in range(5):
        wrong = await world.do(Role.PUBLIC, "otpVerify", "session { id }", **given, mfaCode=f"00000{n}")
        assert codes(wrong) == [("INVALID", ["mfaCode"])]
    over = await world.do(Role.PUBLIC, "otpVerify", "session { id }", **given, mfaCode=code_of(secret, world.now))
    assert codes(over) == [("INVALID", ["code"])]


async def test_it_is_the_account_s_in_every_tenant_and_nobody_else_s(world: World) -> None:
    """The door answers for accounts with a live person in the tenant that acts, and for no other."""
    actor = await with_session(world, Role.ADMIN)
    await enrolled(world, actor)
    other = await make_world(world.souk)
    foreign = replace(other.actor(Role.ADMIN), account_id=actor.account_id)
    body = await other.ask(foreign, VIEWER)
    assert body["data"] == {"viewer": {"signIn": None}}
    assert codes(await other.do(foreign, "mfaDisable", "user { id }")) == [("FORBIDDEN", None)]
    assert (await account_row(world, actor)).mfa_since is not None


async def test_ending_it_needs_a_proof_and_is_told(world: World) -> None:
    actor = await with_session(world, Role.ADMIN)
    await enrolled(world, actor)
    assert codes(await world.do(actor, "mfaDisable", "user { id }")) == [("STEP_UP_REQUIRED", None)]
    proven = replace(actor, mfa_at=NOW)
    assert codes(await world.do(proven, "mfaDisable", "user { id }")) == []
    row = await account_row(world, actor)
    assert (row.mfa_secret_enc, row.mfa_since, row.mfa_step, row.recovery_hashes) == (None, None, None, [])
    assert codes(await world.do(proven, "mfaDisable", "user { id }")) == [("INVALID", None)]
    assert codes(await world.do(proven, "mfaRenewRecoveryCodes", "recoveryCodes")) == [("INVALID", None)]


@pytest.mark.parametrize("mutation", ["mfaEnroll", "mfaDisable", "mfaRenewRecoveryCodes"])
async def test_only_a_person_has_one(world: World, mutation: str) -> None:
    for who in (Role.PUBLIC, world.service("listing:read")):
        assert [c for c, _ in codes(await world.do(who, mutation, "user { id }"))] == ["STEP_UP_REQUIRED"]


# The word -----------------------------------------------------------------------------------------------------------

DEMANDING = {
    "serviceTokenCreate": {"name": "A", "scopes": ["listing:read"], "expiresAt": "2027-01-01T00:00:00Z"},
    "serviceTokenRotate": {"id": "*", "expiresAt": "2027-01-01T00:00:00Z"},
    "userSetRole": {"id": "*", "expectedVersion": 1, "role": "OPS"},
    "userImpersonate": {"id": "*", "reason": "Because of it."},
    "dealerTerminate": {"id": "*", "expectedVersion": 1, "reason": "Because."},
    "passwordSet": {"password": "tidal-quartz-91"},
    "mfaEnroll": {},
    "mfaDisable": {},
    "mfaRenewRecoveryCodes": {},
}


@pytest.mark.parametrize("mutation", DEMANDING)
async def test_a_proof_is_asked_for_that_is_ten_minutes_old_at_most(world: World, mutation: str) -> None:
    """Refused before anything is looked at: with ids of nothing, and nothing is changed."""
    given = {name: "VXNlcjpub3RoaW5n" if value == "*" else value for name, value in DEMANDING[mutation].items()}
    owner = world.actor(Role.OWNER)
    before = await world.rows("SELECT count(*) FROM audit_event")
    for mfa_at in (None, NOW - FRESH - timedelta(seconds=1)):
        refused = await world.do(replace(owner, mfa_at=mfa_at), mutation, "", **given)
        assert codes(refused) == [("STEP_UP_REQUIRED", None)]
    acting = replace(owner, mfa_at=NOW, impersonator_id=owner.user_id)
    assert codes(await world.do(acting, mutation, "", **given)) == [("FORBIDDEN", None)]
    assert await world.rows("SELECT count(*) FROM audit_event") == before
    fresh = await world.do(replace(owner, mfa_at=NOW - FRESH), mutation, "", **given)
    assert "STEP_UP_REQUIRED" not in [code for code, _ in codes(fresh)]


async def test_owners_are_made_and_suspended_with_a_proof_only(world: World) -> None:
    stale = replace(world.actor(Role.OWNER), mfa_at=None)
    invited = {"name": "New", "email": f"new@{world.tenant_id.hex}.example.com"}
    refused = await world.do(stale, "userInvite", "user { id }", **invited, role="OWNER")
    assert codes(refused) == [("STEP_UP_REQUIRED", None)]
    assert codes(await world.do(stale, "userInvite", "user { id }", **invited, role="OPS")) == []
    second = await world.do(Role.OWNER, "userInvite", "user { id version }", name="Second", role="OWNER",
                            email=f"second@{world.tenant_id.hex}.example.com")  # fmt: skip
    await world.rows("UPDATE app_user SET status = 'ACTIVE' WHERE name = 'Second' RETURNING id")
    given = {
        "id": second["user"]["id"],
        "to": "SUSPENDED",
        "reason": "Gone.",
        "expectedVersion": second["user"]["version"],
    }
    assert codes(await world.do(stale, "userSetStatus", "user { id }", **given)) == [("STEP_UP_REQUIRED", None)]
    assert await world.rows("SELECT status FROM app_user WHERE name = 'Second'") == [("ACTIVE",)]
    assert codes(await world.do(Role.OWNER, "userSetStatus", "user { id }", **given)) == []
