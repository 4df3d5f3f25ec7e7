"""Codes: to whom they go, how often they are looked at, what they open, and that nobody learns anything from the answer."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from souk.rules.actor import Role
from tests.resolvers.signing import OTP_REQUEST, Signing, codes, fresh, other_than
from tests.world import Souk, World, make_world

VIEWER = "{ viewer { role user { name email } } }"


@pytest.fixture
def signing(world: World) -> Signing:
    return Signing(world)


def email(world: World, role: str = "OPS") -> str:
    """The sign-in key of one of the world's people."""
    return f"{role.lower()}@{world.tenant_id.hex}.example.com"


async def attempts(world: World) -> list[tuple[str, str]]:
    rows = await world.rows("SELECT method, outcome FROM login_attempt ORDER BY created_at, id")
    return [(row.method, row.outcome) for row in rows]


async def test_a_code_signs_in_whoever_has_the_address(world: World, signing: Signing) -> None:
    session = await signing.sign_in(email(world))
    assert (session["role"], session["carrier"]) == ("OPS", "BEARER")
    assert session["membershipId"] == world.id("Membership", world.actors[Role.OPS].membership_id)  # type: ignore[arg-type]
    (row,) = await world.rows("SELECT * FROM session")
    assert (row.ip, row.agent, row.account_id) == ("192.0.2.44", "Test/1", world.actors[Role.OPS].account_id)
    assert row.expires_at == world.now + timedelta(minutes=15)
    assert (row.idle_at, row.ends_at) == (world.now + timedelta(days=30), world.now + timedelta(days=180))
    assert await attempts(world) == [("CODE", "SUCCEEDED")]
    stored = await world.rows("SELECT * FROM session")
    assert session["token"] not in str(stored) and session["refreshToken"] not in str(stored)


async def test_a_code_is_good_once_and_for_five_minutes(world: World, signing: Signing) -> None:
    challenge = await signing.request(email=email(world))
    code = await signing.code(email(world))
    assert codes(await signing.verify(challenge, code)) == []
    assert codes(await signing.verify(challenge, code)) == ["INVALID"]
    signing.later(seconds=31)
    challenge = await signing.request(email=email(world))
    code = await signing.code(email(world))
    signing.later(minutes=5)
    assert codes(await signing.verify(challenge, code)) == ["INVALID"]
    assert len(await world.rows("SELECT id FROM session")) == 1


async def test_a_code_opens_nothing_by_another_challenge_or_in_another_tenant(souk: Souk, world: World) -> None:
    one, other = Signing(world), Signing(await make_world(souk))
    address = fresh()
    mine = await one.request(email=address)
    code = await one.code(address)
    assert codes(await other.verify(mine, code, register={"name": "X"})) == ["INVALID"]
    assert (await world.rows("SELECT attempts FROM sign_in_challenge")) == [(0,)]


async def test_a_hundred_guesses_at_once_are_five(world: World, signing: Signing) -> None:
    """The right code is among them, behind five wrong ones at the earliest; whatever comes first, five are looked at."""
    challenge = await signing.request(email=email(world))
    code = await signing.code(email(world))
    guesses = [f"{(int(code) + n) % 10**6:06d}" for n in range(1, 101)]
    answers = await asyncio.gather(*(signing.verify(challenge, guess) for guess in guesses))
    assert {tuple(codes(answer)) for answer in answers} == {("INVALID",)}
    assert {answer["userErrors"][0]["message"] for answer in answers} == {"The code is wrong, or no longer good."}
    assert await world.rows("SELECT attempts FROM sign_in_challenge") == [(5,)]
    assert await attempts(world) == [("CODE", "WRONG")] * 5
    assert codes(await signing.verify(challenge, code)) == ["INVALID"], "the right code comes too late"
    assert await world.rows("SELECT id FROM session") == []


async def test_a_right_code_a_hundred_times_at_once_opens_one_session(world: World, signing: Signing) -> None:
    challenge = await signing.request(email=email(world))
    code = await signing.code(email(world))
    answers = await asyncio.gather(*(signing.verify(challenge, code) for _ in range(100)))
    assert sorted(codes(answer) for answer in answers) == [[], *[["INVALID"]] * 99]
    assert len(await world.rows("SELECT id FROM session")) == 1


async def test_the_answer_is_the_same_whether_somebody_is_there_or_not(world: World, signing: Signing) -> None:
    shapes = []
    for address in (email(world), fresh()):
        payload = await signing.ask(OTP_REQUEST, email=address)
        shapes.append({**payload, "challengeId": len(payload["challengeId"])})
        wrong = await signing.verify(payload["challengeId"], other_than(await signing.code(address)))
        shapes.append(wrong)
    assert shapes[:2] == shapes[2:]


async def test_somebody_new_is_registered_in_one_transaction_as_a_customer(world: World, signing: Signing) -> None:
    address = fresh()
    challenge = await signing.request(email=address.upper())
    code = await signing.code(address)
    asked = await signing.verify(challenge, code)
    assert [(error["code"], error["field"]) for error in asked["userErrors"]] == [("REQUIRED", ["register"])]
    assert await world.rows("SELECT id FROM app_user WHERE email = :e", e=address) == []
    wrong = await signing.verify(challenge, code, register={"name": "  "})
    assert [error["field"] for error in wrong["userErrors"]] == [["register", "name"]]
    payload = await signing.verify(challenge, code, register={"name": "Nia New", "locale": "en-IN"})
    assert payload["session"]["role"] == "CUSTOMER"
    (row,) = await world.rows("SELECT * FROM app_user WHERE email = :e", e=address)
    assert (row.name, row.locale, row.status, row.staff, row.phone) == ("Nia New", "en-IN", "ACTIVE", False, None)
    told = await world.rows(
        "SELECT type FROM domain_event WHERE type = 'user.registered' AND subject_id = :u", u=row.id
    )
    assert len(told) == 1
    (audit,) = await world.rows("SELECT subject_type, subject_id FROM audit_event WHERE op = 'otpVerify'")
    assert audit == ("User", row.id)
    signing.later(minutes=1)
    assert (await signing.sign_in(address))["membershipId"] == payload["session"]["membershipId"]
    assert await world.rows("SELECT count(*) FROM app_user WHERE email = :e", e=address) == [(1,)]


async def test_a_number_signs_in_by_sms(world: World, signing: Signing) -> None:
    session = await signing.sign_in("+919812300001")
    assert session["role"] == "CUSTOMER"
    assert await world.rows("SELECT channel FROM letter") == [("SMS",)]
    assert await world.rows("SELECT email FROM app_user WHERE phone = '+919812300001'") == [(None,)]


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "email"), ({"email": "a@example.org", "phone": "+919812300001"}, "email"), ({"email": "nobody"}, "email"),
     ({"phone": "12"}, "phone"), ({"phone": "98 123"}, "phone")],
)  # fmt: skip
async def test_what_is_no_address_is_refused(signing: Signing, given: Any, field: str) -> None:
    payload = await signing.ask(OTP_REQUEST, **given)
    assert [(error["code"], error["field"]) for error in payload["userErrors"]] == [("INVALID", [field])]
    assert payload["challengeId"] is None
    assert await signing.world.rows("SELECT id FROM letter") == []


async def test_a_suspended_person_is_refused_though_the_code_is_right(world: World, signing: Signing) -> None:
    await world.rows(
        "UPDATE app_user SET status = 'SUSPENDED' WHERE id = :u RETURNING id", u=world.actors[Role.OPS].user_id
    )
    challenge = await signing.request(email=email(world))
    assert codes(await signing.verify(challenge, await signing.code(email(world)))) == ["FORBIDDEN"]
    assert await attempts(world) == [("CODE", "REFUSED")]
    assert await world.rows("SELECT id FROM session") == []


async def test_codes_to_one_address_come_slower_each_time_and_never_stop(world: World, signing: Signing) -> None:
    address, pauses = fresh(), []
    for _ in range(9):
        await signing.request(email=address)
        refused = await signing.ask(OTP_REQUEST, email=address)
        (error,) = refused["userErrors"]
        assert (error["__typename"], error["code"], refused["challengeId"]) == ("Cooldown", "COOLDOWN", None)
        began = world.now
        while (await signing.ask(OTP_REQUEST, email=address))["userErrors"]:
            signing.later(seconds=30)
        pauses.append((world.now - began).total_seconds())
        signing.later(minutes=20)
    assert len(pauses) == 9 and max(pauses) <= 15 * 60
    assert pauses[0] == 30


async def test_a_hundred_requests_at_once_send_one_code(world: World, signing: Signing) -> None:
    address = fresh()
    answers = await asyncio.gather(*(signing.ask(OTP_REQUEST, email=address) for _ in range(100)))
    assert sorted(codes(answer) for answer in answers) == [[], *[["COOLDOWN"]] * 99]
    assert len(await signing.letters(address)) == 1


async def test_a_network_gets_sixty_codes_an_hour_whatever_the_address(souk: Souk, world: World) -> None:
    signing, elsewhere = Signing(world, "198.51.100.9"), Signing(await make_world(souk), "198.51.100.9")
    for n in range(60):
        await (signing if n % 2 else elsewhere).request(email=fresh())
    assert codes(await signing.ask(OTP_REQUEST, email=fresh())) == ["COOLDOWN"]
    assert codes(await signing.from_("198.51.100.10").ask(OTP_REQUEST, email=fresh())) == []
    signing.later(hours=1, seconds=1)
    assert codes(await signing.ask(OTP_REQUEST, email=fresh())) == []


async def guessed(signing: Signing, address: str, rounds: int) -> None:
    """Somebody guesses five times at each of so many codes."""
    for _ in range(rounds):
        challenge = await signing.request(email=address)
        wrong = other_than(await signing.code(address))
        for _ in range(5):
            assert codes(await signing.verify(challenge, wrong)) == ["INVALID"]
        signing.later(minutes=16)


async def test_who_guesses_is_slowed_down_and_the_person_is_not_locked_out(souk: Souk, world: World) -> None:
    home, attacker = Signing(world, "203.0.113.5"), Signing(world, "198.51.100.66")
    address = email(world)
    await home.sign_in(address)
    home.later(minutes=1)
    await guessed(attacker, address, 3)
    world.now -= timedelta(minutes=15)  # a minute after the last round
    (error,) = (await attacker.ask(OTP_REQUEST, email=address))["userErrors"]
    assert error["retryAt"] == f"{world.now + timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}Z", (
        "30 s, doubled twice, from the last guess"
    )
    other = Signing(await make_world(souk), "198.51.100.67")
    other.world.now = world.now
    assert codes(await other.ask(OTP_REQUEST, email=address)) == ["COOLDOWN"], "nobody starts afresh in another tenant"
    session = await home.sign_in(address)  # from where the person signed in before, at once
    assert session["role"] == "OPS"
    (row,) = await world.rows("SELECT status FROM app_user WHERE id = :u", u=world.actors[Role.OPS].user_id)
    assert row.status == "ACTIVE"


async def test_the_delays_of_a_key_are_cleared_by_those_who_may(world: World) -> None:
    attacker, address = Signing(world), email(world)
    await world.rows(
        "UPDATE app_user SET email = :e WHERE id = :u RETURNING id", e=address, u=world.actors[Role.OPS].user_id
    )
    await guessed(attacker, address, 2)
    world.now -= timedelta(minutes=16)
    assert codes(await attacker.ask(OTP_REQUEST, email=address)) == ["COOLDOWN"]
    person = world.id("User", world.actors[Role.OPS].user_id)  # type: ignore[arg-type]
    unlock = "mutation($i: UserUnlockInput!) { userUnlock(input: $i) { user { id } userErrors { code } } }"
    refused = await world.ask(Role.OPS, unlock, {"i": {"id": person}})
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert codes(await attacker.ask(OTP_REQUEST, email=address)) == ["COOLDOWN"]
    world.now += timedelta(seconds=1)
    done = await world.data(Role.ADMIN, unlock, {"i": {"id": person}})
    assert done["userUnlock"] == {"user": {"id": person}, "userErrors": []}
    assert codes(await attacker.ask(OTP_REQUEST, email=address)) == []
    audits = await world.rows("SELECT subject_type, subject_id FROM audit_event WHERE op = 'userUnlock'")
    assert audits == [("User", world.actors[Role.OPS].user_id)]


async def test_attempts_are_shown_to_the_person_and_to_nobody_else(world: World) -> None:
    await guessed(Signing(world, "198.51.100.66"), email(world), 1)
    asked = "{ viewer { loginAttempts(first: 10) { totalCount nodes { method outcome ip agent } } } }"
    mine = (await world.data(Role.OPS, asked))["viewer"]["loginAttempts"]
    attempt = {"method": "CODE", "outcome": "WRONG", "ip": "198.51.100.66", "agent": "Test/1"}
    assert mine == {"totalCount": 5, "nodes": [attempt] * 5}
    assert (await world.data(Role.OWNER, asked))["viewer"]["loginAttempts"]["totalCount"] == 0
