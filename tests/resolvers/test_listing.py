"""Listings: every step of a person, its guards, its refusals, and what it leaves behind."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from souk.engine.symbols import read_id
from souk.models import Listing, Offer, new_id
from souk.resolvers.listing import expire
from souk.rules.actor import Actor, Role
from tests.resolvers.listings import add, audited, due, events, kept, listing
from tests.world import NOW, World

FIELDS = "listing { id title status version expiresAt }"


async def step(world: World, who: Role | Actor, verb: str, id_: str, version: int = 1, **more: Any) -> dict[str, Any]:
    """One step; gives the status and version it led to, or the codes why not."""
    payload = await world.do(
        who, f"listing{verb}", "listing { status version }", id=id_, expectedVersion=version, **more
    )
    return payload["listing"] or [error["code"] for error in payload["userErrors"]]


async def dealer(world: World, **values: str) -> None:
    pairs = ", ".join(f"{name} = '{value}'" for name, value in values.items())
    await world.rows(f"UPDATE dealer SET {pairs} WHERE id = '{world.dealer}' RETURNING 1")


def uuid(id_: str) -> UUID:
    found = read_id(id_)
    assert found is not None
    return found.row_id


def offer_for(world: World, on: Listing) -> Offer:
    """An open offer of the customer."""
    return Offer(
        id=new_id(), listing_id=on.id, direction="BUY", status="PENDING", head_party="PROPOSER", currency="INR",
        proposer_user_id=world.actors[Role.CUSTOMER].user_id, owner_dealer_id=on.dealer_id,
        amount_minor=9_000, proposer_amount_minor=9_000, expires_at=NOW + timedelta(days=3),
    )  # fmt: skip


# Create and update ------------------------------------------------------------------------------------------------

VEHICLE = {
    "make": " Royal  Enfield ", "model": "Classic 350", "year": 2019, "km": 17000, "fuel": "PETROL", "owners": 1,
    "powerBhp": "19.8", "mileageKmpl": "35", "registrationNumber": "MH 12 AB 1234",
}  # fmt: skip


async def test_a_dealer_creates_a_vehicle_with_every_detail(world: World) -> None:
    detail = "vehicle { make model year km fuel owners powerBhp mileageKmpl registrationNumber }"
    payload = await world.do(
        Role.DEALER, "listingCreate",
        f"listing {{ id title status currency price {{ amount currencyCode }} floor {{ amount }} capacity city version {detail} }} idempotencyReplayed",
        kind="VEHICLE", title=" Classic  350 ", price={"amount": "115000.00", "currencyCode": "INR"},
        floor={"amount": "100000", "currencyCode": "INR"}, city="Pune ", vehicle=VEHICLE, idempotencyKey=world.key(),
    )  # fmt: skip
    made = payload["listing"]
    id_ = uuid(made.pop("id"))
    assert payload["userErrors"] == [] and payload["idempotencyReplayed"] is False
    assert made == {
        "title": "Classic 350", "status": "DRAFT", "currency": "INR", "capacity": 1, "city": "Pune", "version": 1,
        "price": {"amount": "115000.00", "currencyCode": "INR"}, "floor": {"amount": "100000.00"},
        "vehicle": VEHICLE | {"make": "Royal Enfield", "mileageKmpl": "35.0"},
    }  # fmt: skip
    assert await kept(world, id_, "dealer_id", "price_order", "city_key", "expires_at") == (
        world.dealer,
        11_500_000,
        "pune",
        None,
    )
    stored = await world.rows(
        "SELECT make_key, registration_number_enc, registration_hash FROM vehicle_detail WHERE id = :id", id=id_
    )
    assert stored[0][0] == "royal enfield"
    assert b"1234" not in stored[0][1] and len(stored[0][2]) == 32
    assert await events(world, id_) == [("listing.created", None, "DRAFT", None)]
    assert await audited(world, id_) == ["listingCreate"]

    shown = await world.ask(Role.AGENT, f'{{ listing(id: "{world.id("Listing", id_)}") {{ id }} }}')
    assert shown["data"] == {"listing": None}, "a draft is not for the service desk"


async def test_every_problem_of_a_new_listing_is_reported_together(world: World) -> None:
    before = await world.rows("SELECT count(*) FROM listing WHERE tenant_id = :t", t=world.tenant_id)
    payload = await world.do(
        Role.DEALER, "listingCreate", "listing { id }",
        kind="VEHICLE", title="A", price={"amount": "0", "currencyCode": "INR"}, capacity=2, maxUnlocks=0,
        floor={"amount": "1", "currencyCode": "USD"}, autoAccept={"amount": "5", "currencyCode": "INR"},
        autoDecline={"amount": "5", "currencyCode": "INR"}, categoryId=world.id("Category", new_id()),
        vehicle={"year": 1949, "km": -1, "powerBhp": "1.25", "mileageKmpl": "0"}, product={"availability": "IN_STOCK"},
    )  # fmt: skip
    assert {(error["code"], ".".join(error["field"])) for error in payload["userErrors"]} == {
        ("OUT_OF_RANGE", "capacity"), ("OUT_OF_RANGE", "title"), ("OUT_OF_RANGE", "maxUnlocks"),
        ("OUT_OF_RANGE", "price"), ("INVALID", "floor"), ("OUT_OF_RANGE", "autoDecline"), ("NOT_FOUND", "categoryId"),
        ("OUT_OF_RANGE", "vehicle.year"), ("OUT_OF_RANGE", "vehicle.km"), ("INVALID", "vehicle.powerBhp"),
        ("OUT_OF_RANGE", "vehicle.mileageKmpl"), ("INVALID", "product"),
    }  # fmt: skip
    assert await world.rows("SELECT count(*) FROM listing WHERE tenant_id = :t", t=world.tenant_id) == before


async def test_other_kinds_have_their_details_and_staff_names_the_dealer(world: World) -> None:
    dealer_id = world.id("Dealer", world.other_dealer)
    payload = await world.do(
        Role.ADMIN, "listingCreate",
        "listing { dealer { name } currency price { amount } castingCall { role ageFrom ageTo shootStart fee { amount } minorsAllowed } vehicle { make } }",
        dealerId=dealer_id, kind="CASTING_CALL", title="A part", currencyCode="SAR",
        castingCall={"role": "Falconer", "ageFrom": 20, "ageTo": 40, "shootStart": "2027-01-05", "fee": {"amount": "900.50", "currencyCode": "SAR"}},
    )  # fmt: skip
    assert payload["listing"] == {
        "dealer": {"name": "Second Motors"}, "currency": "SAR", "price": None, "vehicle": None,
        "castingCall": {"role": "Falconer", "ageFrom": 20, "ageTo": 40, "shootStart": "2027-01-05", "fee": {"amount": "900.50"}, "minorsAllowed": False},
    }  # fmt: skip
    product = await world.do(
        world.service("listing:write", "listing:read", "listing:readUnpublished", "dealer:read"), "listingCreate",
        "listing { product { availability sourceId } capacity currency }",
        dealerId=dealer_id, kind="PRODUCT", title="A thing", product={"sourceId": "feed"},
    )  # fmt: skip
    assert product["listing"] == {
        "product": {"availability": "IN_STOCK", "sourceId": "feed"},
        "capacity": None,
        "currency": "INR",
    }

    nobody = await world.do(Role.ADMIN, "listingCreate", "listing { id }", kind="PRODUCT", title="A thing")
    assert [(e["code"], e["field"]) for e in nobody["userErrors"]] == [("REQUIRED", ["dealerId"])]
    role = await world.do(
        Role.ADMIN, "listingCreate", "listing { id }", dealerId=dealer_id, kind="CASTING_CALL", title="A part"
    )
    assert [(e["code"], e["field"]) for e in role["userErrors"]] == [("REQUIRED", ["castingCall", "role"])]


async def test_who_may_not_create_changes_nothing(world: World) -> None:
    given = {"kind": "PRODUCT", "title": "A thing", "dealerId": world.id("Dealer", world.other_dealer)}
    foreign = await world.do(Role.DEALER, "listingCreate", "listing { id }", **given)
    assert [e["code"] for e in foreign["userErrors"]] == ["FORBIDDEN"]
    unknown = await world.do(
        Role.DEALER, "listingCreate", "listing { id }", **given | {"dealerId": world.id("Dealer", new_id())}
    )
    assert [(e["code"], e["field"]) for e in unknown["userErrors"]] == [("NOT_FOUND", ["dealerId"])]
    document = "mutation($i: ListingCreateInput!) { listingCreate(input: $i) { listing { id } } }"
    for who in (
        Role.OPS,
        Role.SALES,
        Role.AGENT,
        Role.VIEWER,
        Role.CUSTOMER,
        Role.PUBLIC,
        world.service("listing:read"),
    ):
        answer = await world.ask(who, document, {"i": given})
        assert answer["data"] == {"listingCreate": None}
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await world.rows("SELECT count(*) FROM listing WHERE tenant_id = :t", t=world.tenant_id) == [(0,)]


async def test_an_update_leaves_what_is_absent_and_clears_what_is_null(world: World) -> None:
    one = listing(
        world, "Before", kind="VEHICLE", capacity=1, city="Pune", city_key="pune", description="Text", floor_minor=500
    )
    (id_,) = await add(world, one)
    payload = await world.do(
        Role.DEALER, "listingUpdate",
        "listing { title description city price { amount } floor { amount } version vehicle { km year } }",
        id=id_, expectedVersion=1, city=None, price={"amount": "250.00", "currencyCode": "INR"}, vehicle={"km": 5},
    )  # fmt: skip
    assert payload["listing"] == {
        "title": "Before", "description": "Text", "city": None, "price": {"amount": "250.00"}, "floor": {"amount": "5.00"},
        "version": 2, "vehicle": {"km": 5, "year": None},
    }  # fmt: skip
    assert await kept(world, one.id, "price_order", "city_key") == (25_000, None)

    payload = await world.do(
        Role.ADMIN,
        "listingUpdate",
        "listing { price { amount } version vehicle { km } }",
        id=id_,
        expectedVersion=2,
        price=None,
        vehicle={"km": None},
    )
    assert payload["listing"] == {"price": None, "version": 3, "vehicle": {"km": None}}
    assert await kept(world, one.id, "price_order") == (2**62,)
    assert await events(world, one.id) == [("listing.updated", None, None, None)] * 2

    for given, code in (
        ({"price": {"amount": "1", "currencyCode": "USD"}}, "INVALID"),
        ({"title": "x"}, "OUT_OF_RANGE"),
        ({"product": {"sourceId": "x"}}, "INVALID"),
    ):
        refused = await world.do(Role.DEALER, "listingUpdate", "listing { id }", id=id_, expectedVersion=3, **given)
        assert [e["code"] for e in refused["userErrors"]] == [code]
    stale = await world.do(Role.DEALER, "listingUpdate", "listing { id }", id=id_, expectedVersion=2, title="After")
    assert [e["code"] for e in stale["userErrors"]] == ["STALE_VERSION"]
    assert await kept(world, one.id, "title", "version") == ("Before", 3)


async def test_a_rejected_listing_becomes_a_draft_and_a_closed_one_is_fixed(world: World) -> None:
    rejected = listing(world, "Rejected", status="REJECTED", status_reason="Blurred.")
    reserved = listing(world, "Reserved", status="RESERVED")
    ids = await add(world, rejected, reserved)
    assert await step(world, Role.DEALER, "Update", ids[0], title="Better") == {"status": "DRAFT", "version": 2}
    assert await events(world, rejected.id) == [("listing.updated", "REJECTED", "DRAFT", None)]
    assert await kept(world, rejected.id, "status_reason") == (None,)
    assert await step(world, Role.DEALER, "Update", ids[1], title="Better") == ["INVALID_TRANSITION"]


@pytest.mark.parametrize("verb", ["Update", "Submit", "Withdraw", "Pause", "Resume", "Renew", "Archive"])
async def test_another_dealers_listing_is_forbidden_where_seen_and_not_found_where_not(world: World, verb: str) -> None:
    seen, hidden = listing(world, "Seen"), listing(world, "Hidden", status="DRAFT")
    ids = await add(world, seen, hidden)
    assert await step(world, world.other_dealer_actor, verb, ids[0]) == ["FORBIDDEN"]
    assert await step(world, world.other_dealer_actor, verb, ids[1]) == ["NOT_FOUND"]
    assert await step(world, world.other_dealer_actor, verb, world.id("Listing", new_id())) == ["NOT_FOUND"]
    assert await step(world, world.other_dealer_actor, verb, world.id("Dealer", seen.id)) == ["NOT_FOUND"]
    for row in (seen, hidden):
        assert await kept(world, row.id, "status", "version") == (row.status, 1)
        assert await events(world, row.id) == []


# The way through review -------------------------------------------------------------------------------------------


async def test_submit_waits_for_a_moderator_who_approves(world: World) -> None:
    one = listing(world, "One", status="DRAFT")
    (id_,) = await add(world, one)
    assert await step(world, Role.DEALER, "Submit", id_) == {"status": "PENDING_REVIEW", "version": 2}
    assert await step(world, Role.DEALER, "Withdraw", id_, 2) == {"status": "DRAFT", "version": 3}
    assert await step(world, Role.DEALER, "Submit", id_, 3) == {"status": "PENDING_REVIEW", "version": 4}
    assert await step(world, Role.OPS, "Moderate", id_, 4, action="APPROVE") == {"status": "ACTIVE", "version": 5}
    ends = NOW + timedelta(days=60)
    assert await kept(world, one.id, "expires_at", "published_at") == (ends, NOW)
    assert await due(world, one.id) == [ends]
    assert await events(world, one.id) == [
        ("listing.submitted", "DRAFT", "PENDING_REVIEW", None),
        ("listing.withdrawn", "PENDING_REVIEW", "DRAFT", None),
        ("listing.submitted", "DRAFT", "PENDING_REVIEW", None),
        ("listing.activated", "PENDING_REVIEW", "ACTIVE", None),
    ]
    assert await audited(world, one.id) == ["listingSubmit", "listingWithdraw", "listingSubmit", "listingModerate"]


async def test_a_verified_dealers_listing_goes_live_by_the_setting(world: World) -> None:
    await world.set(auto_approve=True)
    first, second = listing(world, "One", status="DRAFT"), listing(world, "Two", status="DRAFT")
    ids = await add(world, first, second)
    assert await step(world, Role.DEALER, "Submit", ids[0]) == {"status": "ACTIVE", "version": 2}
    assert [each[0] for each in await events(world, first.id)] == ["listing.submitted", "listing.activated"]
    await dealer(world, verification="PENDING")
    assert await step(world, Role.DEALER, "Submit", ids[1]) == {"status": "PENDING_REVIEW", "version": 2}


async def test_a_dealer_out_of_order_lists_nothing(world: World) -> None:
    rows = [listing(world, s, status=s, expires_at=NOW) for s in ("DRAFT", "PAUSED", "EXPIRED", "PENDING_REVIEW")]
    ids = await add(world, *rows)
    await dealer(world, standing="RESTRICTED")
    assert await step(world, Role.DEALER, "Submit", ids[0]) == ["FORBIDDEN"]
    assert await step(world, Role.DEALER, "Resume", ids[1]) == ["FORBIDDEN"]
    assert await step(world, Role.DEALER, "Renew", ids[2]) == ["FORBIDDEN"]
    assert await step(world, Role.OPS, "Moderate", ids[3], action="APPROVE") == ["FORBIDDEN"]
    await dealer(world, standing="GOOD", verification="REVOKED")
    assert await step(world, Role.DEALER, "Resume", ids[1]) == ["FORBIDDEN"]
    for row in rows:
        assert await kept(world, row.id, "status", "version") == (row.status, 1)


async def test_rejecting_and_suspending_ask_for_a_reason(world: World) -> None:
    pending, active = listing(world, "Pending", status="PENDING_REVIEW"), listing(world, "Active")
    ids = await add(world, pending, active)
    assert await step(world, Role.OPS, "Moderate", ids[0], action="REJECT", reason=" ") == ["REQUIRED"]
    assert await step(world, Role.OPS, "Moderate", ids[1], action="SUSPEND") == ["REQUIRED"]
    assert (await step(world, Role.OPS, "Moderate", ids[0], action="REJECT", reason="Blurred."))["status"] == "REJECTED"
    assert await kept(world, pending.id, "status_reason") == ("Blurred.",)
    assert await step(world, Role.OPS, "Moderate", ids[1], action="APPROVE") == ["INVALID_TRANSITION"]


async def test_suspending_remembers_supersedes_and_reinstating_returns(world: World) -> None:
    active, paused = (
        listing(world, "Active", expires_at=NOW + timedelta(days=3)),
        listing(world, "Paused", status="PAUSED"),
    )
    ids = await add(world, active, paused)
    await world.add(offer := offer_for(world, active))
    assert await step(world, Role.OPS, "Moderate", ids[0], action="SUSPEND", reason="Stolen picture.") == {
        "status": "SUSPENDED",
        "version": 2,
    }
    assert await step(world, Role.OPS, "Moderate", ids[1], action="SUSPEND", reason="Same.") == {
        "status": "SUSPENDED",
        "version": 2,
    }
    assert await kept(world, active.id, "status_before_suspension", "status_reason") == ("ACTIVE", "Stolen picture.")
    assert await kept(world, paused.id, "status_before_suspension") == ("PAUSED",)
    assert await world.rows("SELECT status FROM offer WHERE id = :id", id=offer.id) == [("SUPERSEDED",)]

    assert await step(world, Role.DEALER, "Archive", ids[0], 2, reason="Gone.") == ["FORBIDDEN"]
    assert await step(world, Role.OPS, "Moderate", ids[0], 2, action="REINSTATE") == {"status": "ACTIVE", "version": 3}
    assert await step(world, Role.OPS, "Moderate", ids[1], 2, action="REINSTATE") == {"status": "PAUSED", "version": 3}
    assert await kept(world, active.id, "status_before_suspension", "status_reason") == (None, None)
    assert await events(world, active.id) == [
        ("listing.suspended", "ACTIVE", "SUSPENDED", "Stolen picture."),
        ("listing.reinstated", "SUSPENDED", "ACTIVE", None),
    ]


async def test_pause_resume_and_archive(world: World) -> None:
    one = listing(world, "One", expires_at=NOW + timedelta(days=3))
    (id_,) = await add(world, one)
    assert await step(world, Role.DEALER, "Pause", id_) == {"status": "PAUSED", "version": 2}
    assert await step(world, Role.DEALER, "Pause", id_, 2) == ["INVALID_TRANSITION"]
    assert await step(world, Role.DEALER, "Resume", id_, 2) == {"status": "ACTIVE", "version": 3}
    assert await step(world, Role.OPS, "Archive", id_, 3) == ["FORBIDDEN"]
    assert await step(world, Role.DEALER, "Archive", id_, 3, reason="Sold elsewhere.") == {
        "status": "ARCHIVED",
        "version": 4,
    }
    assert await step(world, Role.DEALER, "Update", id_, 4, title="Again") == ["INVALID_TRANSITION"]
    assert [each[0] for each in await events(world, one.id)] == [
        "listing.paused",
        "listing.resumed",
        "listing.archived",
    ]


async def test_a_moderator_archives_what_is_suspended_with_a_reason(world: World) -> None:
    one = listing(world, "One", status="SUSPENDED", status_before_suspension="ACTIVE")
    (id_,) = await add(world, one)
    assert await step(world, Role.OPS, "Archive", id_) == ["REQUIRED"]
    assert await step(world, Role.OPS, "Archive", id_, reason="For good.") == {"status": "ARCHIVED", "version": 2}
    assert await kept(world, one.id, "status_before_suspension") == (None,)


# Time -------------------------------------------------------------------------------------------------------------


async def _expire(world: World, id_: UUID, after: timedelta) -> Any:
    system = Actor(world.tenant_id, Role.OWNER)
    async with world.souk.app.transaction(system, "listing.expiry", now=NOW + after, system=True) as tx:
        found = await expire(tx, id_)
    return found and found.status


async def test_the_timer_ends_a_listing_and_renewing_begins_anew(world: World) -> None:
    one = listing(world, "One", status="DRAFT")
    (id_,) = await add(world, one)
    await step(world, Role.DEALER, "Submit", id_)
    await step(world, Role.OPS, "Moderate", id_, 2, action="APPROVE")
    assert await _expire(world, one.id, timedelta(days=59)) is None
    assert await due(world, one.id) == [NOW + timedelta(days=60)]
    assert await _expire(world, one.id, timedelta(days=60)) == "EXPIRED"
    assert await _expire(world, one.id, timedelta(days=61)) is None
    assert await due(world, one.id) == []
    (version,) = await kept(world, one.id, "version")
    assert (await events(world, one.id))[-1] == ("listing.expired", "ACTIVE", "EXPIRED", None)

    world.now = NOW + timedelta(days=70)
    assert await step(world, Role.DEALER, "Renew", id_, version) == {"status": "PENDING_REVIEW", "version": version + 1}
    assert await kept(world, one.id, "expires_at") == (NOW + timedelta(days=130),)
    assert await due(world, one.id) == []


# The audience -----------------------------------------------------------------------------------------------------


async def test_a_private_listing_is_for_its_audience_alone(world: World) -> None:
    one = listing(world, "Private", visibility="PRIVATE")
    (id_,) = await add(world, one)
    customer, dealer2 = world.actors[Role.CUSTOMER], world.other_dealer_actor
    everybody = [*world.actors.values(), dealer2, world.other_customer]

    async def seeing() -> set[str]:
        found = set()
        for who in everybody:
            answer = await world.ask(who, f'{{ listing(id: "{id_}") {{ title }} listings {{ totalCount }} }}')
            assert (answer["data"]["listing"] is not None) == (answer["data"]["listings"]["totalCount"] == 1)
            if answer["data"]["listing"]:
                found.add(
                    "DEALER2" if who is dealer2 else "CUSTOMER2" if who is world.other_customer else str(who.role)
                )
        return found

    staff = {"OWNER", "ADMIN", "OPS", "SALES", "VIEWER", "DEALER"}
    assert await seeing() == staff
    payload = await world.do(
        Role.DEALER, "listingAudienceSet", "listing { version audience { dealer { name } } }", id=id_, expectedVersion=1,
        dealerIds=[world.id("Dealer", world.other_dealer)], userIds=[world.id("User", customer.user_id)],
    )  # fmt: skip
    assert payload["userErrors"] == []
    assert payload["listing"]["version"] == 2
    assert sorted(payload["listing"]["audience"], key=str) == [{"dealer": None}, {"dealer": {"name": "Second Motors"}}]
    assert await seeing() == staff | {"DEALER2", "CUSTOMER"}
    hidden = await world.ask(customer, f'{{ listing(id: "{id_}") {{ title audience {{ createdAt }} }} }}')
    assert hidden["data"]["listing"] == {"title": "Private", "audience": None}
    assert hidden["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    unknown = await world.do(
        Role.DEALER, "listingAudienceSet", "listing { id }", id=id_, expectedVersion=2,
        dealerIds=[world.id("Dealer", new_id())], userIds=[world.id("User", new_id())],
    )  # fmt: skip
    assert [(e["code"], e["field"]) for e in unknown["userErrors"]] == [
        ("NOT_FOUND", ["dealerIds", "0"]),
        ("NOT_FOUND", ["userIds", "0"]),
    ]
    await world.do(
        Role.DEALER, "listingAudienceSet", "listing { id }", id=id_, expectedVersion=2, dealerIds=[], userIds=[]
    )
    assert await seeing() == staff
    assert await world.rows("SELECT count(*) FROM listing_audience WHERE listing_id = :id", id=one.id) == [(0,)]


async def test_a_key_makes_one_listing(world: World) -> None:
    given = {"kind": "PRODUCT", "title": "Once", "idempotencyKey": world.key()}
    first = await world.do(Role.DEALER, "listingCreate", "listing { id } idempotencyReplayed", **given)
    again = await world.do(Role.DEALER, "listingCreate", "listing { id } idempotencyReplayed", **given)
    assert (first["idempotencyReplayed"], again["idempotencyReplayed"]) == (False, True)
    assert first["listing"] == again["listing"]
    assert await world.rows("SELECT count(*) FROM listing WHERE tenant_id = :t", t=world.tenant_id) == [(1,)]
