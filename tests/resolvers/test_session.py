"""Sessions: renewed, copied, switched, ended; and invitations that open them."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from souk.context import Rehearsal
from souk.models import Membership, User, new_id
from souk.resolvers.session import digest, open_session
from souk.resolvers.session.inviting import invite
from souk.rules.actor import Actor, Role
from souk.rules.errors import Forbidden
from tests.resolvers.proving import with_session
from tests.resolvers.signing import SESSION, Signing, codes, fresh
from tests.resolvers.test_signing_in import email, signing
from tests.resolvers.test_user import signed_in
from tests.world import Souk, World, make_world

__all__ = ["signing"]
REFRESH = f"mutation($i: SessionRefreshInput!) {{ sessionRefresh(input: $i) {{ {SESSION} }} }}"
SWITCH = f"mutation($i: SessionSwitchInput!) {{ sessionSwitch(input: $i) {{ {SESSION} }} }}"
ACCEPT = f"mutation($i: UserAcceptInviteInput!) {{ userAcceptInvite(input: $i) {{ {SESSION} }} }}"
SESSIONS = "{ viewer { sessions { totalCount nodes { id carrier ip agent revokedAt current membership { role } } } } }"


async def live(world: World) -> int:
    return len(await world.rows("SELECT id FROM session WHERE revoked_at IS NULL"))


async def test_a_refresh_token_renews_once_and_the_session_stays_the_same(world: World, signing: Signing) -> None:
    first = await signing.sign_in(email(world))
    signing.later(minutes=14)
    second = (await signing.ask(REFRESH, refreshToken=first["refreshToken"]))["session"]
    assert second["id"] == first["id"] and second["role"] == "OPS"
    assert {first["token"], first["refreshToken"]}.isdisjoint({second["token"], second["refreshToken"]})
    (row,) = await world.rows("SELECT * FROM session")
    assert (row.expires_at, row.seen_at) == (world.now + timedelta(minutes=15), world.now)
    assert row.idle_at == world.now + timedelta(days=30)
    third = (await signing.ask(REFRESH, refreshToken=second["refreshToken"]))["session"]
    assert third["id"] == first["id"]
    ops = await world.rows("SELECT op, subject_id FROM audit_event WHERE op = 'sessionRefresh'")
    assert ops == [("sessionRefresh", row.id)] * 2


@pytest.mark.parametrize("generation", [0, 1, 2])
async def test_a_refresh_token_that_comes_twice_ends_the_session(
    world: World, signing: Signing, generation: int
) -> None:
    tokens = [(await signing.sign_in(email(world)))["refreshToken"]]
    for _ in range(3):
        tokens.append((await signing.ask(REFRESH, refreshToken=tokens[-1]))["session"]["refreshToken"])
    if generation == 2:  # the one before may be sent again, for ten seconds
        signing.later(seconds=10)
    assert codes(await signing.ask(REFRESH, refreshToken=tokens[generation])) == ["INVALID"]
    assert await live(world) == 0
    assert codes(await signing.ask(REFRESH, refreshToken=tokens[-1])) == ["INVALID"], "the newest is void too"
    events = await world.rows("SELECT type FROM domain_event WHERE subject_type = 'Session' ORDER BY seq")
    assert [each.type for each in events] == ["session.created", *["session.refreshed"] * 3, "session.revoked"]
    reused = await world.rows("SELECT user_id FROM login_attempt WHERE outcome = 'REUSED'")
    assert reused == [(world.actors[Role.OPS].user_id,)]


def by_the_clock(world: World) -> None:
    """From now on it is what it is: the door asks the database's clock."""
    world.now = datetime.now(UTC)


async def holder(world: World, token: str) -> Any:
    """The session that an access token opens, as the door tells it, and as a process that serves it asks."""
    async with world.souk.app.engine.begin() as connection:
        values = {"hash": digest(token)}
        asked = text("SELECT session_id, use_is_old FROM souk.session_by_hash(:hash)")
        found = (await connection.execute(asked, values)).one_or_none()
        if found is not None and found.use_is_old:
            await connection.execute(text("SELECT souk.session_seen(:hash)"), values)
        return None if found is None else found.session_id


async def test_who_did_not_hear_the_answer_renews_again(world: World, signing: Signing) -> None:
    by_the_clock(world)
    first = await signing.sign_in(email(world))
    signing.later(minutes=14)
    lost = (await signing.ask(REFRESH, refreshToken=first["refreshToken"]))["session"]
    signing.later(seconds=9)
    heard = (await signing.ask(REFRESH, refreshToken=first["refreshToken"]))["session"]
    assert heard["id"] == first["id"] and await live(world) == 1
    assert {lost["token"], lost["refreshToken"]}.isdisjoint({heard["token"], heard["refreshToken"]})
    assert await holder(world, lost["token"]) is None, "what got lost opens nothing"
    assert await holder(world, heard["token"]) is not None
    assert (await signing.ask(REFRESH, refreshToken=heard["refreshToken"]))["session"]["id"] == first["id"]


async def test_repetitions_do_not_prolong_the_time_for_them(world: World, signing: Signing) -> None:
    first = (await signing.sign_in(email(world)))["refreshToken"]
    for _ in range(3):
        assert codes(await signing.ask(REFRESH, refreshToken=first)) == []
        signing.later(seconds=4)
    assert codes(await signing.ask(REFRESH, refreshToken=first)) == ["INVALID"]
    assert await live(world) == 0


@pytest.mark.parametrize("used", ["access", "refresh", "lost"])
async def test_once_the_answer_was_used_a_repetition_is_a_copy(world: World, signing: Signing, used: str) -> None:
    by_the_clock(world)
    first = (await signing.sign_in(email(world)))["refreshToken"]
    second = (await signing.ask(REFRESH, refreshToken=first))["session"]
    if used == "access":
        assert await holder(world, second["token"]) is not None
        again = first
    elif used == "refresh":
        assert codes(await signing.ask(REFRESH, refreshToken=second["refreshToken"])) == []
        again = first
    else:  # two who hold the same token: the one whose answer was replaced comes back with it
        assert codes(await signing.ask(REFRESH, refreshToken=first)) == []
        again = second["refreshToken"]
    assert codes(await signing.ask(REFRESH, refreshToken=again)) == ["INVALID"]
    assert await live(world) == 0


async def test_twenty_who_renew_at_once_leave_one_good_token(world: World, signing: Signing) -> None:
    by_the_clock(world)
    token = (await signing.sign_in(email(world)))["refreshToken"]
    answers = await asyncio.gather(*(signing.ask(REFRESH, refreshToken=token) for _ in range(20)))
    assert [codes(answer) for answer in answers] == [[]] * 20
    made = [answer["session"] for answer in answers]
    assert len({each["refreshToken"] for each in made}) == 20
    (good,) = [each for each in made if await holder(world, each["token"]) is not None]
    assert (await signing.ask(REFRESH, refreshToken=good["refreshToken"]))["session"]["id"] == good["id"]
    assert await live(world) == 1


async def test_twenty_copies_at_once_of_a_token_whose_answer_was_used(world: World, signing: Signing) -> None:
    by_the_clock(world)
    token = (await signing.sign_in(email(world)))["refreshToken"]
    second = (await signing.ask(REFRESH, refreshToken=token))["session"]
    assert await holder(world, second["token"]) is not None
    answers = await asyncio.gather(*(signing.ask(REFRESH, refreshToken=token) for _ in range(20)))
    assert [codes(answer) for answer in answers] == [["INVALID"]] * 20
    assert await live(world) == 0 and await holder(world, second["token"]) is None
    assert len(await world.rows("SELECT id FROM login_attempt WHERE outcome = 'REUSED'")) == 1


async def test_what_is_no_refresh_token_ends_nothing(world: World, signing: Signing) -> None:
    token = (await signing.sign_in(email(world)))["refreshToken"]
    family = token.partition(".")[0]
    for wrong in (
        "",
        "x",
        family,
        f"{family}x.{token.partition('.')[2]}",
        f"soukr_{'a' * 43}.{'b' * 43}",
        token + "a" * 300,
    ):
        assert codes(await signing.ask(REFRESH, refreshToken=wrong)) == ["INVALID"]
    assert await live(world) == 1


@pytest.mark.parametrize("passed", [timedelta(days=30), timedelta(days=180)], ids=["idle", "absolute"])
async def test_a_session_ends_idle_and_at_last(world: World, signing: Signing, passed: timedelta) -> None:
    token = (await signing.sign_in(email(world)))["refreshToken"]
    if passed.days > 30:
        for _ in range(6):
            signing.later(days=29)
            token = (await signing.ask(REFRESH, refreshToken=token))["session"]["refreshToken"]
        signing.later(days=180 - 6 * 29)
    else:
        signing.later(days=30)
    assert codes(await signing.ask(REFRESH, refreshToken=token)) == ["INVALID"]


async def test_who_is_suspended_or_lost_the_role_is_not_renewed(world: World, signing: Signing) -> None:
    token = (await signing.sign_in(email(world)))["refreshToken"]
    await world.rows(
        "UPDATE app_user SET status = 'SUSPENDED' WHERE id = :u RETURNING id", u=world.actors[Role.OPS].user_id
    )
    assert codes(await signing.ask(REFRESH, refreshToken=token)) == ["INVALID"]


async def suspended_while(world: World, opening: Any) -> None:
    """Suspend somebody while a session of the same person is being opened."""
    person = world.actors[Role.OPS].user_id
    document = "mutation($i: UserSetStatusInput!) { userSetStatus(input: $i) { userErrors { code } } }"
    given = {"id": world.id("User", person), "to": "SUSPENDED", "reason": "Now.", "expectedVersion": 1}  # type: ignore[arg-type]
    done = (await asyncio.gather(world.data(Role.OWNER, document, {"i": given}), opening))[0]
    assert done["userSetStatus"]["userErrors"] == []


@pytest.mark.parametrize("way", ["code", "switch", "refresh"])
async def test_nobody_slips_in_while_being_suspended(souk: Souk, way: str) -> None:
    """Ten times, each in a tenant of its own: whichever comes first, no live session is left."""
    left = []
    for _ in range(10):
        world = await make_world(souk)
        one, ops = Signing(world), world.actors[Role.OPS]
        if way == "code":
            challenge = await one.request(email=email(world))
            opening = one.verify(challenge, await one.code(email(world)))
        elif way == "switch":
            opening = one.as_(ops).ask(SWITCH, membershipId=world.id("Membership", ops.membership_id))  # type: ignore[arg-type]
        else:
            opening = one.ask(REFRESH, refreshToken=(await one.sign_in(email(world)))["refreshToken"])
        await suspended_while(world, opening)
        left.append(await live(world))
    assert left == [0] * 10


async def test_a_session_that_is_opened_under_a_suspension_waits_for_it(world: World) -> None:
    """The suspension has looked for sessions and not committed yet; whoever opens one now must see it."""
    ops = world.actors[Role.OPS]
    async with world.souk.app.transaction(Actor(world.tenant_id, Role.OWNER), "test", now=world.now) as tx:
        person = await tx.session.get_one(User, (world.tenant_id, ops.user_id), with_for_update=True)
        person.status = "SUSPENDED"
        tx.emit("user.status_changed", person)
        await tx.session.flush()
        one = Signing(world).as_(ops)
        opening = asyncio.create_task(one.ask(SWITCH, membershipId=world.id("Membership", ops.membership_id)))  # type: ignore[arg-type]
        async with asyncio.timeout(20):
            waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
            while not opening.done() and not await world.rows(waits):
                await asyncio.sleep(0.01)
    assert codes(await opening) == ["FORBIDDEN"]
    assert await live(world) == 0


async def test_a_session_is_not_opened_for_who_may_not_act(world: World) -> None:
    async def opened(tx: Any) -> None:
        member = await tx.session.get(Membership, (world.tenant_id, world.actors[Role.OPS].membership_id))
        await open_session(tx, member, carrier="BEARER")

    await world.rows(
        "UPDATE membership SET ended_at = now() WHERE id = :m RETURNING id", m=world.actors[Role.OPS].membership_id
    )
    with pytest.raises(Forbidden):
        async with world.souk.app.transaction(Actor(world.tenant_id, Role.OWNER), "test", now=world.now) as tx:
            await opened(tx)
    assert await live(world) == 0


async def second_place(souk: Souk, world: World, account: Any) -> tuple[World, Any]:
    """The same account as a SALES person of another tenant."""
    other = await make_world(souk)
    other.now = world.now
    user = User(id=new_id(), account_id=account, name="Two places", status="ACTIVE", staff=True)
    member = Membership(id=new_id(), user_id=user.id, role="SALES")
    await other.add(user, member)
    return other, member


async def test_a_person_switches_between_roles_also_in_another_tenant(
    souk: Souk, world: World, signing: Signing
) -> None:
    ops = world.actors[Role.OPS]
    other, there = await second_place(souk, world, ops.account_id)
    here = Membership(id=new_id(), user_id=ops.user_id, role="VIEWER")
    await world.add(here)
    choices = (await world.data(ops, "{ viewer { memberships { membershipId role tenantSlug dealer current } } }"))[
        "viewer"
    ]["memberships"]
    ids = {(each["role"], each["current"]): each["membershipId"] for each in choices}
    assert ids == {
        ("OPS", True): world.id("Membership", ops.membership_id),  # type: ignore[arg-type]
        ("VIEWER", False): world.id("Membership", here.id),
        ("SALES", False): world.id("Membership", there.id),
    }
    mine = signing.as_(ops)
    viewer = (await mine.ask(SWITCH, membershipId=ids["VIEWER", False]))["session"]
    assert viewer["role"] == "VIEWER" and await live(world) == 1
    sales = (await mine.ask(SWITCH, membershipId=ids["SALES", False]))["session"]
    assert sales["role"] == "SALES"
    assert (await live(world), await live(other)) == (1, 1)
    (audit,) = await other.rows("SELECT op, actor_id, acting_role FROM audit_event WHERE op = 'sessionSwitch'")
    assert audit == ("sessionSwitch", there.user_id, "SALES")
    assert (await signing.ask(REFRESH, refreshToken=sales["refreshToken"]))["session"]["role"] == "SALES"


async def test_nobody_switches_to_the_role_of_somebody_else(souk: Souk, world: World, signing: Signing) -> None:
    ops, admin = world.actors[Role.OPS], world.actors[Role.ADMIN]
    other, there = await second_place(souk, world, admin.account_id)
    gone = Membership(id=new_id(), user_id=ops.user_id, role="ADMIN", ended_at=world.now)
    await world.add(gone)
    wanted = [admin.membership_id, there.id, gone.id, new_id()]
    for each in wanted:
        assert codes(await signing.as_(ops).ask(SWITCH, membershipId=world.id("Membership", each))) == ["NOT_FOUND"]
    assert codes(await signing.as_(ops).ask(SWITCH, membershipId="x")) == ["NOT_FOUND"]
    assert codes(await signing.ask(SWITCH, membershipId=world.id("Membership", there.id))) == ["NOT_FOUND"]
    await other.rows("UPDATE app_user SET status = 'SUSPENDED' WHERE id = :u RETURNING id", u=there.user_id)
    assert codes(await signing.as_(admin).ask(SWITCH, membershipId=world.id("Membership", there.id))) == ["NOT_FOUND"]
    assert (await live(world), await live(other)) == (0, 0)


async def test_one_sees_and_ends_ones_own_sign_ins_only(world: World) -> None:
    _, one = await signed_in(world, Role.OPS)
    _, two = await signed_in(world, Role.OPS)
    _, foreign = await signed_in(world, Role.ADMIN)
    me = replace(world.actors[Role.OPS], session_id=two)
    shown = (await world.data(me, SESSIONS))["viewer"]["sessions"]
    seen = {node["id"]: (node["current"], node["membership"]) for node in shown["nodes"]}
    assert seen == {
        world.id("Session", one): (False, {"role": "OPS"}),
        world.id("Session", two): (True, {"role": "OPS"}),
    }
    revoke = "mutation($i: SessionRevokeInput!) { sessionRevoke(input: $i) { session { id revokedAt } userErrors { code } } }"
    refused = await world.data(Role.OPS, revoke, {"i": {"id": world.id("Session", foreign)}})
    assert codes(refused["sessionRevoke"]) == ["NOT_FOUND"]
    done = await world.data(Role.OPS, revoke, {"i": {"id": world.id("Session", one)}})
    assert done["sessionRevoke"]["session"] == {
        "id": world.id("Session", one),
        "revokedAt": f"{world.now:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert [row.id for row in await world.rows("SELECT id FROM session WHERE revoked_at IS NULL ORDER BY id")] == [
        two,
        foreign,
    ]
    everything = "mutation($i: SessionRevokeAllInput!) { sessionRevokeAll(input: $i) { ended userErrors { code } } }"
    assert (await world.data(Role.OPS, everything, {"i": {}}))["sessionRevokeAll"] == {"ended": 1, "userErrors": []}
    assert [row.id for row in await world.rows("SELECT id FROM session WHERE revoked_at IS NULL")] == [foreign]
    assert codes((await world.data(Role.PUBLIC, everything, {"i": {}}))["sessionRevokeAll"]) == ["NOT_FOUND"]
    (node,) = (
        await world.data(Role.OPS, "query($id: ID!) { nodes(ids: [$id]) { id } }", {"id": world.id("Session", foreign)})
    )["nodes"]
    assert node is None


EVERYTHING = "mutation($i: SessionRevokeAllInput!) { sessionRevokeAll(input: $i) { ended userErrors { code } } }"


async def at_home_and_away(souk: Souk, world: World) -> tuple[World, Actor, Any]:
    """Somebody signed in here and as a SALES person of another tenant, where somebody else is signed in too."""
    ops = world.actors[Role.OPS]
    other, there = await second_place(souk, world, ops.account_id)
    away = Actor(other.tenant_id, Role.SALES, there.user_id, membership_id=there.id, account_id=ops.account_id)
    return other, await with_session(world, ops, world.now), away


async def test_all_ones_sign_ins_end_in_every_tenant_and_nobody_elses(souk: Souk, world: World) -> None:
    other, me, away = await at_home_and_away(souk, world)
    foreign = [await with_session(place, Role.ADMIN) for place in (world, other)]
    gone = [(await with_session(other, away)).session_id for _ in range(2)]
    done = await world.data(me, EVERYTHING, {"i": {"exceptCurrent": True}})
    assert done["sessionRevokeAll"] == {"ended": 2, "userErrors": []}
    left = [row.id for row in await world.rows("SELECT id FROM session WHERE revoked_at IS NULL ORDER BY id")]
    assert left == sorted([me.session_id, foreign[0].session_id])  # type: ignore[type-var]
    assert await other.rows("SELECT id FROM session WHERE revoked_at IS NULL") == [(foreign[1].session_id,)]
    ends = await other.rows(
        "SELECT subject_id, actor_id FROM domain_event WHERE type = 'session.revoked' ORDER BY subject_id"
    )
    assert ends == [(id, away.user_id) for id in sorted(gone)]  # type: ignore[type-var]
    audit = "SELECT actor_id, acting_role, session_id, changes FROM audit_event WHERE op = 'sessionRevokeAll'"
    (told,) = await other.rows(audit)
    assert told[:3] == (away.user_id, "SALES", None), "one event there, which tells of no other tenant"
    assert sorted(told.changes) == sorted(f"Session:{id}" for id in gone)
    assert await world.rows(audit) == [], "here nothing was changed"
    for place in (world, other):
        chain = await place.data(Role.OWNER, "{ auditVerify { intact complete brokenAt } }")
        assert chain["auditVerify"] == {"intact": True, "complete": True, "brokenAt": None}
    assert (await world.data(me, EVERYTHING, {"i": {}}))["sessionRevokeAll"] == {"ended": 1, "userErrors": []}
    assert len(await world.rows(audit)) == 1 and len(await other.rows(audit)) == 1


async def test_a_rehearsal_ends_nothing_in_any_tenant(souk: Souk, world: World) -> None:
    other, me, away = await at_home_and_away(souk, world)
    await with_session(other, away)
    context = world.context(me)
    context.rehearsal = Rehearsal()
    answer = await souk.runner.answer(EVERYTHING, {"i": {}}, None, context)
    await context.rehearsal.close()
    assert json.loads(answer.body)["data"]["sessionRevokeAll"] == {"ended": 2, "userErrors": []}
    assert [each["type"] for each in context.rehearsal.effects] == ["session.revoked"], "those of this tenant are told"
    assert (await live(world), await live(other)) == (1, 1)
    assert await other.rows("SELECT id FROM audit_event WHERE op = 'sessionRevokeAll'") == []


async def test_what_fails_in_the_other_tenant_leaves_both_as_they_were(souk: Souk, world: World) -> None:
    """The other tenant's chain has lost its head and cannot go on: nothing is ended here either."""
    other, me, away = await at_home_and_away(souk, world)
    await with_session(other, away)
    await other.rows("DELETE FROM audit_head RETURNING 1")
    found = await world.ask(me, EVERYTHING, {"i": {}})
    assert [each["code"] for each in found["data"]["sessionRevokeAll"]["userErrors"]] == ["NOT_UNIQUE"]
    assert (await live(world), await live(other)) == (1, 1)


async def test_two_who_end_everything_from_two_tenants_at_once_do_not_hang(souk: Souk, world: World) -> None:
    """The same two people, each in both tenants, each asking from both at once, again and again."""
    other, _, away = await at_home_and_away(souk, world)
    sales = world.actors[Role.ADMIN]
    user = User(id=new_id(), account_id=sales.account_id, name="Two places", status="ACTIVE", staff=True)
    member = Membership(id=new_id(), user_id=user.id, role="SALES")
    await other.add(user, member)
    second = Actor(other.tenant_id, Role.SALES, user.id, membership_id=member.id, account_id=sales.account_id)
    await other.rows("UPDATE session SET revoked_at = now() RETURNING id")
    await world.rows("UPDATE session SET revoked_at = now() RETURNING id")
    for _ in range(3):
        asking = []
        for place, who in ((world, world.actors[Role.OPS]), (other, away), (world, sales), (other, second)):
            asking.append((place, await with_session(place, who)))
        done = await asyncio.gather(*(place.data(who, EVERYTHING, {"i": {}}) for place, who in asking))
        assert sorted(each["sessionRevokeAll"]["ended"] for each in done) == [0, 0, 2, 2]
        assert (await live(world), await live(other)) == (0, 0)


async def test_no_tenant_is_told_of_the_people_of_an_account_it_does_not_know(souk: Souk, world: World) -> None:
    other, me, _ = await at_home_and_away(souk, world)
    stranger = await make_world(souk)
    asked = text("SELECT tenant_id FROM souk.people_of_account(:account) ORDER BY tenant_id")
    for place, found in ((world, sorted([world.tenant_id, other.tenant_id])), (stranger, [])):
        async with souk.app.transaction(place.actors[Role.OWNER], "test", now=world.now) as tx:
            rows = (await tx.session.execute(asked, {"account": me.account_id})).all()
        assert [row.tenant_id for row in rows] == found


INVITE = """mutation($i: UserInviteInput!) { userInvite(input: $i) { user { id status } userErrors { code } } }"""


async def invited(world: World, **to: Any) -> str:
    given = {"name": "Ines Invited", "role": "SALES", **to}
    return str((await world.data(Role.OWNER, INVITE, {"i": given}))["userInvite"]["user"]["id"])


async def test_an_invitation_is_accepted_once_with_the_token_of_its_letter(world: World, signing: Signing) -> None:
    address = fresh()
    id = await invited(world, email=address)
    (letter,) = await signing.letters(address)
    token = letter.rpartition(": ")[2].strip()
    assert token.startswith("souki_")
    payload = await signing.ask(ACCEPT, token=token)
    assert payload["session"]["role"] == "SALES"
    shown = await world.data(Role.OWNER, "query($id: ID!) { user(id: $id) { status } }", {"id": id})
    assert shown == {"user": {"status": "ACTIVE"}}
    assert codes(await signing.ask(ACCEPT, token=token)) == ["INVALID"]
    assert codes(await signing.ask(ACCEPT, token="souki_" + "a" * 43)) == ["INVALID"]
    assert await live(world) == 1


async def test_an_invitation_is_void_once_withdrawn_or_after_seven_days(world: World, signing: Signing) -> None:
    for void in ("withdrawn", "late"):
        address = fresh()
        id = await invited(world, email=address)
        token = (await signing.letters(address))[0].rpartition(": ")[2].strip()
        if void == "withdrawn":
            withdraw = (
                "mutation($i: UserWithdrawInviteInput!) { userWithdrawInvite(input: $i) { userErrors { code } } }"
            )
            await world.data(Role.OWNER, withdraw, {"i": {"id": id, "expectedVersion": 1}})
        else:
            signing.later(days=7)
        assert codes(await signing.ask(ACCEPT, token=token)) == ["INVALID"]
    assert await live(world) == 0


async def test_an_invited_person_accepts_by_signing_in_with_a_code(world: World, signing: Signing) -> None:
    id = await invited(world, phone="+919812399001")
    (letter,) = await signing.letters("+919812399001")
    assert "souki_" not in letter
    session = await signing.sign_in("+919812399001")
    assert session["role"] == "SALES"
    told = await world.rows("SELECT from_status, to_status FROM domain_event WHERE type = 'user.status_changed'")
    assert told == [("INVITED", "ACTIVE")]
    assert (await world.data(Role.OWNER, "query($id: ID!) { user(id: $id) { name } }", {"id": id}))["user"][
        "name"
    ] == "Ines Invited"


async def test_an_address_somebody_else_typed_opens_nobodys_account(world: World, souk: Souk, signing: Signing) -> None:
    """Who invites an own address together with a victim's number gets an account of its own, not the victim's."""
    victim = Signing(await make_world(souk))
    await victim.sign_in("+919812377001")
    (theirs,) = await victim.world.rows("SELECT account_id FROM app_user WHERE phone = '+919812377001'")
    address = fresh()
    await invited(world, email=address, phone="+919812377001")
    await signing.sign_in(address)
    (mine,) = await world.rows("SELECT account_id FROM app_user WHERE email = :e", e=address)
    assert mine.account_id != theirs.account_id
    async with souk.owner.engine.begin() as connection:
        asked = text("SELECT phone_key FROM account WHERE id = :id")
        assert (await connection.execute(asked, {"id": mine.account_id})).scalar_one() is None


async def test_the_letter_of_an_invitation_opens_no_account_with_another_key(world: World, signing: Signing) -> None:
    """Somebody is invited whose account signs in with a number; the letter only proves an address."""
    await signing.sign_in("+919812377002")
    (theirs,) = await world.rows("SELECT account_id FROM app_user WHERE phone = '+919812377002'")
    there = Signing(await make_world(world.souk))
    address = fresh()
    person = User(id=new_id(), account_id=theirs.account_id, name="Ines", email=address, status="INVITED", staff=True)
    await there.world.add(person, Membership(id=new_id(), user_id=person.id, role="SALES"))
    async with world.souk.app.transaction(Actor(there.world.tenant_id, Role.OWNER), "test", now=world.now) as tx:
        await invite(tx, person)
        tx.emit("test.made", person)
    token = (await there.letters(address))[0].rpartition(": ")[2].strip()
    assert codes(await there.ask(ACCEPT, token=token)) == ["FORBIDDEN"]
    assert await live(there.world) == 0
    assert await there.world.rows("SELECT status FROM app_user WHERE id = :u", u=person.id) == [("INVITED",)]
