"""Passwords: what may be chosen, who signs in with one, how guesses are slowed down, and that nobody can tell who is there."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from argon2 import PasswordHasher

from souk.resolvers import hashing
from souk.rules.actor import Actor, Role
from tests.resolvers.proving import account_row, code_of, enrolled, letters, with_session
from tests.resolvers.test_session import second_place
from tests.world import NOW, Souk, World, make_world

GOOD = "tidal-quartz-91"


def codes(payload: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(each["code"], each["field"]) for each in payload["userErrors"]]


def email(world: World, who: str = "admin") -> str:
    return f"{who}@{world.tenant_id.hex}.example.com"


async def chosen(world: World, password: str = GOOD, who: Role = Role.ADMIN) -> Actor:
    """Somebody with a password, in a session."""
    await world.set(password_sign_in=True)
    actor = await with_session(world, who, NOW)
    assert codes(await world.do(actor, "passwordSet", "user { id }", password=password)) == []
    return actor


async def sign_in(world: World, password: str, who: str = "admin", **more: Any) -> dict[str, Any]:
    return await world.do(
        Role.PUBLIC, "passwordSignIn", "session { token refreshToken role }", email=email(world, who), password=password, **more
    )  # fmt: skip


async def test_a_tenant_that_does_not_want_them_has_none(world: World) -> None:
    assert codes(await world.do(Role.ADMIN, "passwordSet", "user { id }", password=GOOD)) == [("FORBIDDEN", None)]
    assert codes(await sign_in(world, GOOD)) == [("FORBIDDEN", None)]
    assert (await account_row(world, world.actor(Role.ADMIN))).password_hash is None


async def test_it_is_kept_as_argon2id_and_signs_in(world: World) -> None:
    actor = await chosen(world)
    stored = (await account_row(world, actor)).password_hash
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    kept = repr(await world.rows("SELECT op, changes FROM audit_event")) + repr(
        await world.rows("SELECT data FROM domain_event")
    )
    assert (GOOD in kept, stored in kept) == (False, False)
    good = await sign_in(world, GOOD)
    assert (good["userErrors"], good["session"]["role"]) == ([], "ADMIN")
    assert good["session"]["token"].startswith("souk_")
    newest = "SELECT mfa_at, carrier FROM session WHERE id = (SELECT id FROM session ORDER BY id DESC LIMIT 1)"
    assert await world.rows(newest) == [(None, "BEARER")], "a password alone is no proof for a step-up"
    assert codes(await sign_in(world, GOOD + " ")) == [("INVALID", ["password"])]
    attempts = await world.rows("SELECT method, outcome FROM login_attempt ORDER BY id")
    assert attempts == [("PASSWORD", "SUCCEEDED"), ("PASSWORD", "WRONG")]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", ["INVALID"]),
        ("qwertyuiop", ["INVALID"]),
        ("Password2026!", ["INVALID"]),
        ("i am an ADMIN here", ["INVALID"]),
        ("abcdefgh" * 40, ["TOO_LONG"]),
        ("abababababzz", ["INVALID"]),
    ],
)
async def test_what_nobody_may_choose(world: World, password: str, code: list[str]) -> None:
    await world.set(password_sign_in=True)
    refused = await world.do(Role.ADMIN, "passwordSet", "user { id }", password=password)
    assert codes(refused) == [(each, ["password"]) for each in code]
    assert (await account_row(world, world.actor(Role.ADMIN))).password_hash is None


async def test_none_of_the_last_five_comes_back(world: World) -> None:
    actor = await chosen(world, "tidal-quartz-0")
    for n in range(1, 6):
        assert codes(await world.do(actor, "passwordSet", "user { id }", password=f"tidal-quartz-{n}")) == []
    for n in range(1, 6):
        again = await world.do(actor, "passwordSet", "user { id }", password=f"tidal-quartz-{n}")
        assert codes(again) == [("DUPLICATE", ["password"])], n
    assert codes(await world.do(actor, "passwordSet", "user { id }", password="tidal-quartz-0")) == []
    assert len((await account_row(world, actor)).password_history) == 4


async def test_choosing_one_ends_the_other_sign_ins(world: World) -> None:
    await world.set(password_sign_in=True)
    mine, stolen, other = [await with_session(world, r, NOW) for r in (Role.ADMIN, Role.ADMIN, Role.OPS)]
    assert codes(await world.do(mine, "passwordSet", "user { id }", password=GOOD)) == []
    live = await world.rows("SELECT id FROM session WHERE revoked_at IS NULL ORDER BY id")
    assert [id_ for (id_,) in live] == sorted([mine.session_id, other.session_id])  # type: ignore[type-var]
    assert await world.rows("SELECT type FROM domain_event WHERE subject_id = :s ORDER BY seq", s=stolen.session_id) == [
        ("session.created",), ("session.revoked",),
    ]  # fmt: skip


async def test_choosing_one_ends_them_in_every_tenant(souk: Souk, world: World) -> None:
    """Also one that the old password opens at that very moment, elsewhere."""
    mine = await chosen(world)
    other, there = await second_place(souk, world, mine.account_id)
    await other.set(password_sign_in=True)
    address = email(world)
    stolen = await with_session(other, Actor(other.tenant_id, Role.SALES, there.user_id, membership_id=there.id))
    kept = await with_session(other, Role.OPS)
    signing_in = [
        other.do(Role.PUBLIC, "passwordSignIn", "session { id }", email=address, password=GOOD) for _ in range(4)
    ]
    done, *came = await asyncio.gather(
        world.do(mine, "passwordSet", "user { id }", password="amber-falcon-22"), *signing_in
    )
    assert codes(done) == []
    assert all(each["session"] or codes(each) == [("INVALID", ["password"])] for each in came)
    live = "SELECT id FROM session WHERE revoked_at IS NULL ORDER BY id"
    assert await other.rows(live) == [(kept.session_id,)]
    assert await world.rows(live) == [(mine.session_id,)]
    audit = "SELECT actor_id FROM audit_event WHERE op = 'passwordSet'"
    assert await other.rows(audit) == [(there.user_id,)]
    assert stolen.session_id != kept.session_id


async def test_a_lost_one_is_replaced_after_a_code(world: World) -> None:
    actor = await chosen(world)
    stale = replace(actor, mfa_at=None)
    assert codes(await world.do(stale, "passwordSet", "user { id }", password="amber-falcon-22")) == [
        ("STEP_UP_REQUIRED", None)
    ]
    asked = await world.do(Role.PUBLIC, "otpRequest", "challengeId", email=email(world))
    ((_, digits),) = await letters(world)
    done = await world.do(Role.PUBLIC, "otpVerify", "session { id }", id=asked["challengeId"], code=digits)
    assert done["userErrors"] == []
    row = (await world.rows("SELECT id, mfa_at FROM session ORDER BY id DESC LIMIT 1"))[0]
    fresh = replace(actor, session_id=row.id, mfa_at=row.mfa_at)
    assert codes(await world.do(fresh, "passwordSet", "user { id }", password="amber-falcon-22")) == []
    assert codes(await sign_in(world, GOOD)) == [("INVALID", ["password"])]
    assert codes(await sign_in(world, "amber-falcon-22")) == []


async def test_a_hundred_guesses_at_once_are_five(world: World) -> None:
    await chosen(world)

    async def guess(n: int) -> str:
        given = {"email": email(world), "password": f"wrong-guess-{n}"}
        document = "mutation($i: PasswordSignInInput!) { passwordSignIn(input: $i) { userErrors { code } } }"
        found = await world.ask(Role.PUBLIC, document, {"i": given})
        if "errors" in found:
            return str(found["errors"][0]["extensions"]["code"])
        return str(found["data"]["passwordSignIn"]["userErrors"][0]["code"])

    said = await asyncio.gather(*(guess(n) for n in range(100)))
    assert said.count("INVALID") == 5
    assert set(said) <= {"INVALID", "COOLDOWN", "OVERLOADED"}
    assert await world.rows("SELECT count(*) FROM login_attempt WHERE outcome = 'WRONG'") == [(5,)]
    assert codes(await sign_in(world, GOOD)) == [("COOLDOWN", None)]
    asked = await world.do(Role.PUBLIC, "otpRequest", "challengeId", email=email(world))
    assert [code for code, _ in codes(asked)] == ["COOLDOWN"]
    world.now = NOW + timedelta(seconds=31)
    assert codes(await sign_in(world, GOOD)) == [], "nobody is locked out for longer than the pause"


async def test_nobody_can_tell_who_has_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with a password, somebody without, and nobody at all: one answer, for one hash each."""
    await chosen(world)
    asked: list[str] = []
    real = PasswordHasher.verify

    def counted(self: PasswordHasher, stored: Any, password: Any) -> Any:
        asked.append(stored)
        return real(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for who in ("admin", "ops", "nobody"):
        asked.clear()
        answer = await sign_in(world, "wrong-guess-0", who)
        assert (codes(answer), answer["session"], len(asked)) == ([("INVALID", ["password"])], None, 1), who
    monkeypatch.setattr(hashing, "_nobody", lambda: hashing.HASHER.hash(GOOD))
    assert codes(await sign_in(world, GOOD, "nobody")) == [("INVALID", ["password"])], "nobody's password is nobody's"


async def test_with_an_app_the_password_alone_is_not_enough(world: World) -> None:
    actor = await chosen(world)
    secret, _ = await enrolled(world, actor)
    world.now = NOW + timedelta(seconds=30)
    assert codes(await sign_in(world, GOOD)) == [("STEP_UP_REQUIRED", ["mfaCode"])]
    assert codes(await sign_in(world, GOOD, mfaCode="000000")) == [("INVALID", ["mfaCode"])]
    assert codes(await sign_in(world, "wrong-guess-0", mfaCode=code_of(secret, world.now))) == [
        ("INVALID", ["password"])
    ]
    assert codes(await sign_in(world, GOOD, mfaCode=code_of(secret, world.now))) == []
    assert await world.rows("SELECT mfa_at FROM session ORDER BY id DESC LIMIT 1") == [(world.now,)]


async def test_another_s_role_answers_as_one_that_is_nowhere(world: World) -> None:
    """Behind the right password too, in this tenant and in another one."""
    own = await chosen(world)
    there = await make_world(world.souk)
    before = await world.rows("SELECT count(*) FROM session")
    for member in (world.actors[Role.OWNER].membership_id, there.actors[Role.ADMIN].membership_id, uuid4()):
        assert member is not None
        refused = await sign_in(world, GOOD, membershipId=world.id("Membership", member))
        assert (refused["session"], codes(refused)) == (None, [("NOT_FOUND", ["membershipId"])])
    assert await world.rows("SELECT count(*) FROM session") == before
    assert own.membership_id is not None
    opened = await sign_in(world, GOOD, membershipId=world.id("Membership", own.membership_id))
    assert (opened["session"]["role"], codes(opened)) == ("ADMIN", [])


async def test_who_is_suspended_does_not_sign_in(world: World) -> None:
    await chosen(world)
    await world.rows("UPDATE app_user SET status = 'SUSPENDED' WHERE email = 'admin@example.com' RETURNING id")
    sessions = await world.rows("SELECT count(*) FROM session")
    refused = await sign_in(world, GOOD)
    assert codes(refused) == [("INVALID", ["password"])]
    assert await world.rows("SELECT count(*) FROM session") == sessions


async def test_an_old_hash_is_made_anew_at_the_next_sign_in(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "HASHER", PasswordHasher(time_cost=1, memory_cost=8192))
    actor = await chosen(world)
    assert "m=8192,t=1" in (await account_row(world, actor)).password_hash
    monkeypatch.undo()
    assert codes(await sign_in(world, GOOD)) == []
    row = await account_row(world, actor)
    assert "m=65536,t=3" in row.password_hash
    assert row.password_history == []
    assert codes(await sign_in(world, GOOD)) == []


async def test_never_more_than_two_hash_and_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    running, most = 0, 0

    async def one() -> None:
        nonlocal running, most
        async with hashing.slot():
            running += 1
            most = max(most, running)
            await hashing.hashed(GOOD)
            running -= 1

    ticks, done = 0, asyncio.Event()

    async def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            await asyncio.sleep(0.005)

    ticking = asyncio.create_task(tick())
    await asyncio.gather(*(one() for _ in range(6)))
    done.set()
    await ticking
    assert most == hashing.PARALLEL == 2
    assert ticks > 6
    monkeypatch.setattr(hashing, "WAITING", 0)
    with pytest.raises(Exception, match="Too much") as turned_away:
        await one()
    assert turned_away.value.extensions["code"] == "OVERLOADED"  # type: ignore[attr-defined]
