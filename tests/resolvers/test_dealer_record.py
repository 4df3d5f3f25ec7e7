"""A dealer's card, verification and standing: steps, guards, refusals, and what follows for its listings."""

from datetime import timedelta
from typing import Any

import pytest

from souk.models import Dealer, ServiceToken, Session, new_id
from souk.resolvers.dealer.record import SUSPENDED
from souk.resolvers.listing import suspend_of
from souk.rules.actor import Actor, Role
from tests.resolvers import margin
from tests.resolvers.listings import add, audited, events, kept, listing
from tests.resolvers.test_listing import offer_for
from tests.world import NOW, World


async def step(world: World, who: Role | Actor, verb: str, version: int = 1, **more: Any) -> Any:
    """One step of the first dealer; (verification, standing, version), or the codes why not."""
    given = {"id": world.id("Dealer", world.dealer), "expectedVersion": version} | more
    payload = await world.do(who, f"dealer{verb}", "dealer { verification standing version }", **given)
    found = payload["dealer"]
    return tuple(found.values()) if found else [error["code"] for error in payload["userErrors"]]


async def put(world: World, **values: Any) -> None:
    pairs = ", ".join(f"{name} = :{name}" for name in values)
    await world.rows(f"UPDATE dealer SET {pairs} WHERE id = '{world.dealer}' RETURNING 1", **values)


async def stored(world: World, *columns: str) -> tuple[Any, ...]:
    (row,) = await world.rows(f"SELECT {', '.join(columns)} FROM dealer WHERE id = :id", id=world.dealer)
    return tuple(row)


# The card ---------------------------------------------------------------------------------------------------------


async def test_staff_and_integrations_add_dealers_and_a_dealer_does_not(world: World) -> None:
    given = {"kind": "CASTING", "name": "Third"}
    made = await world.do(Role.OWNER, "dealerCreate", "dealer { kind name standing }", **given)
    assert made["dealer"] == {"kind": "CASTING", "name": "Third", "standing": "GOOD"}
    made = await world.do(world.service("dealer:write", "dealer:read"), "dealerCreate", "dealer { name }", **given)
    assert made["dealer"] == {"name": "Third"}
    for who in (Role.DEALER, world.service("dealer:write", "dealer:read", dealer_id=world.dealer)):
        refused = await world.do(who, "dealerCreate", "dealer { id }", **given)
        assert [e["code"] for e in refused["userErrors"]] == ["FORBIDDEN"]
    assert await world.rows(
        "SELECT count(*) FROM dealer WHERE tenant_id = :t AND name = 'Third'", t=world.tenant_id
    ) == [(2,)]


async def test_an_update_leaves_what_is_absent_and_clears_what_is_null(world: World) -> None:
    id_ = world.id("Dealer", world.dealer)
    payload = await world.do(
        Role.DEALER, "dealerUpdate", "dealer { name city phone email taxId version }",
        id=id_, expectedVersion=1, name="First & Sons", city="New  Delhi", taxId=None,
    )  # fmt: skip
    assert payload["dealer"] == {
        "name": "First & Sons", "city": "New Delhi", "phone": "+919800000001", "email": "dealer@example.com",
        "taxId": None, "version": 2,
    }  # fmt: skip
    assert await stored(world, "city_key") == ("new delhi",)
    assert await events(world, world.dealer) == [("dealer.updated", None, None, None)]
    (changes,) = await world.rows(
        "SELECT changes FROM audit_event WHERE subject_id = :id AND op = 'dealerUpdate'", id=world.dealer
    )
    assert changes[0][f"Dealer:{world.dealer}"]["name"] == ["First Motors", "First & Sons"]
    assert "TAX-1" not in str(changes), "a personal column is hashed in the audit"

    wrong = await world.do(
        Role.ADMIN, "dealerUpdate", "dealer { id }", id=id_, expectedVersion=2, name=" ", email="no", phone="1"
    )
    assert [(e["code"], e["field"]) for e in wrong["userErrors"]] == [
        ("REQUIRED", ["name"]),
        ("INVALID", ["phone"]),
        ("INVALID", ["email"]),
    ]
    other = await world.do(
        world.other_dealer_actor, "dealerUpdate", "dealer { id }", id=id_, expectedVersion=2, name="Mine"
    )
    assert [e["code"] for e in other["userErrors"]] == ["FORBIDDEN"]
    stale = await world.do(Role.DEALER, "dealerUpdate", "dealer { id }", id=id_, expectedVersion=1, name="Mine")
    assert [e["code"] for e in stale["userErrors"]] == ["STALE_VERSION"]
    assert await stored(world, "name", "version") == ("First & Sons", 2)


# Verification -----------------------------------------------------------------------------------------------------


async def test_verification_is_handed_in_and_approved_by_somebody_else(world: World) -> None:
    await put(world, verification="UNVERIFIED")
    assert await step(world, Role.DEALER, "SubmitVerification") == ("PENDING", "GOOD", 2)
    assert await world.rows("SELECT kind, status, assignee_id FROM task WHERE dealer_id = :id", id=world.dealer) == [
        ("VERIFY", "TODO", None)
    ]
    assert await stored(world, "submitted_by") == (world.actors[Role.DEALER].user_id,)
    assert await step(world, Role.DEALER, "SubmitVerification", 2) == ["INVALID_TRANSITION"]
    submitter = world.actors[Role.DEALER]
    same = Actor(world.tenant_id, Role.OPS, user_id=submitter.user_id)
    assert await step(world, same, "ReviewVerification", 2, action="APPROVE") == ["FORBIDDEN"]
    assert await step(world, Role.OPS, "ReviewVerification", 2, action="REJECT") == ["REQUIRED"]
    assert await step(world, Role.OPS, "ReviewVerification", 2, action="REVOKE", reason="x") == ["INVALID_TRANSITION"]
    assert await step(world, Role.OPS, "ReviewVerification", 2, action="APPROVE") == ("VERIFIED", "GOOD", 3)
    assert await events(world, world.dealer) == [
        ("dealer.submitted", "UNVERIFIED", "PENDING", None),
        ("dealer.verified", "PENDING", "VERIFIED", None),
    ]
    assert await audited(world, world.dealer) == ["dealerSubmitVerification", "dealerReviewVerification"]


async def test_a_rejected_dealer_hands_in_again(world: World) -> None:
    await put(world, verification="PENDING")
    assert await step(world, Role.ADMIN, "ReviewVerification", 1, action="REJECT", reason="Unreadable.") == (
        "REJECTED",
        "GOOD",
        2,
    )
    assert await stored(world, "verification_reason") == ("Unreadable.",)
    assert await step(world, Role.DEALER, "SubmitVerification", 2) == ("PENDING", "GOOD", 3)
    assert await stored(world, "verification_reason") == (None,)


async def test_a_revocation_takes_the_listings_down_and_cools_down(world: World) -> None:
    active, paused, draft = (listing(world, s, status=s) for s in ("ACTIVE", "PAUSED", "DRAFT"))
    other = listing(world, "Other", dealer_id=world.other_dealer)
    await add(world, active, paused, draft, other)
    await world.add(offer := offer_for(world, active))
    assert await step(world, Role.OPS, "ReviewVerification", 1, action="REVOKE", reason="Forged.") == (
        "REVOKED",
        "GOOD",
        2,
    )
    found = [
        (await kept(world, row.id, "status", "status_before_suspension")) for row in (active, paused, draft, other)
    ]
    assert found == [("SUSPENDED", "ACTIVE"), ("SUSPENDED", "PAUSED"), ("DRAFT", None), ("ACTIVE", None)]
    assert await world.rows("SELECT status FROM offer WHERE id = :id", id=offer.id) == [("SUPERSEDED",)]
    assert await events(world, active.id) == [("listing.suspended", "ACTIVE", "SUSPENDED", "Forged.")]
    assert await events(world, offer.id) == [("offer.superseded", "PENDING", "SUPERSEDED", None)]

    world.now = NOW + timedelta(days=6)
    assert await step(world, Role.DEALER, "SubmitVerification", 2) == ["COOLDOWN"]
    world.now = NOW + timedelta(days=7)
    assert await step(world, Role.DEALER, "SubmitVerification", 2) == ("PENDING", "GOOD", 3)


# Standing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("standing", "to", "codes"), [
    ("GOOD", "WATCH", None), ("WATCH", "GOOD", None), ("WARNED", "WATCH", None), ("RESTRICTED", "WATCH", None),
    ("GOOD", "WARNED", ["INVALID_TRANSITION"]), ("SUSPENDED", "GOOD", ["INVALID_TRANSITION"]),
])  # fmt: skip
async def test_standing_by_hand(world: World, standing: str, to: str, codes: list[str] | None) -> None:
    await put(world, standing=standing, notice=2, cure_due_at=NOW)
    assert await step(world, Role.OPS, "SetStanding", to=to, reason="Seen.") == (codes or ("VERIFIED", to, 2))
    assert await stored(world, "standing", "notice") == ((standing, 2) if codes else (to, 0))


@pytest.mark.parametrize("standing", ["WARNED", "RESTRICTED"])
async def test_a_notice_taken_back_by_hand_resolves_the_alerts_under_it(world: World, standing: str) -> None:
    thing = await margin.sku(world)
    await margin.policy(world, thing)
    await margin.report(world, thing, 90_000, NOW)
    await margin.report(world, thing, 90_000, NOW, dealer_id=world.other_dealer)
    told = (
        "UPDATE alert SET status = 'AWAITING_CURE', notice_sent_at = :now, cure_due_at = :due RETURNING id, dealer_id"
    )
    ids = {row.dealer_id: row.id for row in await world.rows(told, now=NOW, due=NOW + timedelta(days=3))}
    async with margin.at(world, NOW) as tx:
        await tx.due("alert.cure", ids[world.dealer], NOW + timedelta(days=3))
    await put(world, standing=standing, notice=1, cure_due_at=NOW + timedelta(days=3))
    version = (await stored(world, "version"))[0]
    moved = await step(world, Role.OPS, "SetStanding", version, to="WATCH", reason="Our mistake.")
    assert moved == ("VERIFIED", "WATCH", version + 1)
    seen = "SELECT status, resolution, resolved_at, cure_due_at FROM alert WHERE dealer_id = :d"
    assert await world.rows(seen, d=world.dealer) == [("RESOLVED", "Our mistake.", NOW, None)]
    assert await world.rows(seen, d=world.other_dealer) == [("AWAITING_CURE", None, None, NOW + timedelta(days=3))]
    assert (await events(world, ids[world.dealer]))[-1] == (
        "alert.resolved", "AWAITING_CURE", "RESOLVED", "Our mistake.",
    )  # fmt: skip
    assert (
        await world.rows("SELECT 1 FROM souk.work WHERE kind = 'alert.cure' AND ref = :id", id=ids[world.dealer]) == []
    )


async def test_a_reinstated_dealer_gets_back_what_went_down_with_it(world: World) -> None:
    with_it, by_hand = listing(world, "With it"), listing(world, "By hand")
    ids = await add(world, with_it, by_hand)
    await world.do(
        Role.OPS,
        "listingModerate",
        "listing { id }",
        id=ids[1],
        expectedVersion=1,
        action="SUSPEND",
        reason="Own fault.",
    )
    await _suspend(world)
    assert await kept(world, with_it.id, "status") == ("SUSPENDED",)
    assert await step(world, Role.OPS, "Reinstate", 2, reason=" ") == ["REQUIRED"]
    assert await step(world, Role.OPS, "Reinstate", 2, reason="Cured.") == ("VERIFIED", "RESTRICTED", 3)
    assert await kept(world, with_it.id, "status", "status_before_suspension") == ("ACTIVE", None)
    assert await kept(world, by_hand.id, "status") == ("SUSPENDED",)
    assert (await events(world, world.dealer))[-1] == ("dealer.reinstated", "SUSPENDED", "RESTRICTED", "Cured.")
    assert await step(world, Role.OPS, "Reinstate", 3, reason="Again.") == ["INVALID_TRANSITION"]


async def test_the_owner_ends_a_suspended_dealer_for_good(world: World) -> None:
    statuses = ("DRAFT", "PENDING_REVIEW", "REJECTED", "EXPIRED", "FULFILLED", "RESERVED", "ACTIVE")
    rows = [listing(world, status, status=status) for status in statuses]
    await add(world, *rows)
    member, other = world.actors[Role.DEALER], world.other_dealer_actor
    sessions = [
        Session(id=new_id(), account_id=who.account_id, membership_id=who.membership_id, carrier="BEARER", hash=new_id().bytes,
                expires_at=NOW + timedelta(days=1), ends_at=NOW + timedelta(days=1))
        for who in (member, other)
    ]  # fmt: skip
    token = ServiceToken(
        id=new_id(), name="feed", prefix="svc", hash=new_id().bytes, scopes=["listing:write"], dealer_id=world.dealer,
        expires_at=NOW + timedelta(days=1),
    )  # fmt: skip
    await world.add(*sessions, token)
    document = "mutation($i: DealerTerminateInput!) { dealerTerminate(input: $i) { dealer { id } } }"
    given = {"id": world.id("Dealer", world.dealer), "reason": "Fraud.", "expectedVersion": 1}
    denied = await world.ask(Role.ADMIN, document, {"i": given})
    assert denied["data"] == {"dealerTerminate": None} and denied["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await step(world, Role.OWNER, "Terminate", reason="Fraud.") == ["INVALID_TRANSITION"]
    await _suspend(world)
    assert await step(world, Role.OWNER, "Terminate", 2, reason="Fraud.") == ("VERIFIED", "TERMINATED", 3)
    for row in rows:
        assert await kept(world, row.id, "status") == ("RESERVED" if row.status == "RESERVED" else "ARCHIVED",)
    revoked = "SELECT revoked_at FROM session WHERE id = :id"
    assert await world.rows(revoked, id=sessions[0].id) == [(NOW,)]
    assert await world.rows(revoked, id=sessions[1].id) == [(None,)]
    assert await world.rows("SELECT revoked_at FROM service_token WHERE id = :id", id=token.id) == [(NOW,)]
    assert await events(world, sessions[0].id) == [("session.revoked", None, None, None)]
    assert (await audited(world, world.dealer))[-1] == "dealerTerminate"


async def _suspend(world: World) -> None:
    """The dealer SUSPENDED with its listings, as enforcement leaves it."""
    system = Actor(world.tenant_id, Role.OWNER)
    async with world.souk.app.transaction(system, "test", now=NOW, system=True) as tx:
        dealer = await tx.session.get_one(Dealer, (world.tenant_id, world.dealer))
        dealer.standing = "SUSPENDED"
        tx.emit("test.made", dealer)
        await suspend_of(tx, dealer, reason="Still breaching.", cause=SUSPENDED)


@pytest.mark.parametrize(
    "verb", ["SubmitVerification", "ReviewVerification", "SetStanding", "Reinstate", "Terminate", "Update"]
)
async def test_who_may_not_gets_null_and_changes_nothing(world: World, verb: str) -> None:
    type_ = f"Dealer{verb}Input"
    document = f"mutation($i: {type_}!) {{ dealer{verb}(input: $i) {{ dealer {{ id }} }} }}"
    more: dict[str, Any] = {"ReviewVerification": {"action": "REVOKE"}, "SetStanding": {"to": "WATCH"}}.get(verb, {})
    if verb in ("ReviewVerification", "SetStanding", "Reinstate", "Terminate"):
        more |= {"reason": "x"}
    given = {"id": world.id("Dealer", world.dealer), "expectedVersion": 1} | more
    for role in (Role.SALES, Role.AGENT, Role.VIEWER, Role.CUSTOMER, Role.PUBLIC):
        answer = await world.ask(role, document, {"i": given})
        assert answer["data"] == {f"dealer{verb}": None}
        assert [e["extensions"]["code"] for e in answer["errors"]] == ["FORBIDDEN"]
    assert await stored(world, "verification", "standing", "version") == ("VERIFIED", "GOOD", 1)
    assert await events(world, world.dealer) == []
