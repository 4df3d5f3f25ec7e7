"""Sessions: renewed, copied, switched, ended; and invitations that open them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from souk.models import Membership, User, new_id
from souk.resolvers.session import open_session
from souk.rules.actor import Actor, Role
from souk.rules.errors import Forbidden
from tests.resolvers.signing import SESSION, Signing, codes, fresh
from tests.resolvers.test_signing_in import email, signing
from tests.resolvers.test_user import signed_in
from tests.world import Souk, World, make_world

__all__ = ["signing"]
REFRESH = f"mutation($i: SessionRefreshInput!) {{ sessionRefresh(input: $i) {{ {SESSION} }} }}"
SWITCH = f"mutation($i: SessionSwitchInput!) {{ sessionSwitch(input: $i) {{ {SESSION} }} }}"
ACCEPT = f"mutation($i: UserAcceptInviteInput!) {{ userAcceptInvite(input: $i) {{ {SESSION} }} }}"
SESSIONS = "{ viewer { sessions { totalCount nodes { id carrier ip agent revokedAt } } } }"


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
    assert codes(await signing.ask(REFRESH, refreshToken=tokens[generation])) == ["INVALID"]
    assert await live(world) == 0
    assert codes(await signing.ask(REFRESH, refreshToken=tokens[-1])) == ["INVALID"], "the newest is void too"
    events = await world.rows("SELECT type FROM domain_event WHERE subject_type = 'Session' ORDER BY seq")
    assert [each.type for each in events] == ["session.created", *["session.refreshed"] * 3, "session.revoked"]
    reused = await world.rows("SELECT user_id FROM login_attempt WHERE outcome = 'REUSED'")
    assert reused == [(world.actors[Role.OPS].user_id,)]


async def test_two_who_renew_at_once_are_one_too_many(world: World, signing: Signing) -> None:
    token = (await signing.sign_in(email(world)))["refreshToken"]
    answers = await asyncio.gather(*(signing.ask(REFRESH, refreshToken=token) for _ in range(20)))
    assert sorted(codes(answer) for answer in answers) == [[], *[["INVALID"]] * 19]
    assert await live(world) == 0


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


async def test_nobody_slips_in_while_being_suspended(souk: Souk) -> None:
    for _ in range(8):
        world = await make_world(souk)
        one = Signing(world)
        challenge = await one.request(email=email(world))
        await suspended_while(world, one.verify(challenge, await one.code(email(world))))
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
    shown = (await world.data(Role.OPS, SESSIONS))["viewer"]["sessions"]
    assert {node["id"] for node in shown["nodes"]} == {world.id("Session", one), world.id("Session", two)}
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
