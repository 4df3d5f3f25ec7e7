"""The contract of the documents that answer the REST routes of the two-wheeler marketplace."""

from datetime import timedelta
from typing import Any

from souk.models import Category, new_id
from souk.rules.actor import Role
from tests.documents.asking import act, codes, run
from tests.resolvers.listings import add, listing
from tests.resolvers.margin import iso
from tests.resolvers.test_lead import OPEN, the_lead, unlocked
from tests.resolvers.trade import a_listing, answered, inr, offered
from tests.world import NOW, World

MONEY = {"amount": "1000.00", "currencyCode": "INR"}
END = {"hasNextPage": False, "endCursor": None}


def steps(row: dict[str, Any]) -> set[tuple[str, str]]:
    return {(each["mutation"], each["to"]) for each in row["availableTransitions"] if each["allowed"]}


def only(page: dict[str, Any]) -> dict[str, Any]:
    """The one row of a page that says it is the whole list."""
    assert page["totalCount"] == len(page["nodes"]) == 1
    assert page["pageInfo"]["hasNextPage"] is False
    row: dict[str, Any] = page["nodes"][0]
    return row


async def test_listing_detail_is_for_everybody(world: World) -> None:
    category = Category(id=new_id(), kind="LISTING", name="Motorcycles")
    await world.add(category)
    one = listing(
        world, "A motorcycle", kind="VEHICLE", price=100_000, city="Pune", category_id=category.id, published_at=NOW,
        expires_at=NOW + timedelta(days=60), negotiable=True,
    )  # fmt: skip
    (id_,) = await add(world, one)
    expected = {
        "id": id_, "kind": "VEHICLE", "title": "A motorcycle", "description": None, "status": "ACTIVE", "city": "Pune",
        "price": MONEY, "negotiable": True, "publishedAt": iso(NOW), "expiresAt": iso(NOW + timedelta(days=60)),
        "vehicle": dict.fromkeys(("make", "model", "year", "km", "fuel", "owners", "mileageKmpl", "powerBhp")),
        "product": None, "castingCall": None,
        "category": {"id": world.id("Category", category.id), "name": "Motorcycles"},
        "dealer": {"id": world.id("Dealer", world.dealer), "name": "First Motors", "city": "Pune"},
    }  # fmt: skip
    for who in (Role.PUBLIC, Role.CUSTOMER, Role.DEALER):
        assert await run(world, who, "ListingDetail", id=id_) == expected
    (draft,) = await add(world, listing(world, "A draft", status="DRAFT"))
    assert await run(world, Role.PUBLIC, "ListingDetail", id=draft) is None


async def test_a_dealer_creates_a_listing_and_finds_it_in_its_inventory(world: World) -> None:
    given = {
        "kind": "VEHICLE",
        "title": "A motorcycle",
        "price": MONEY,
        "floor": inr("900.00"),
        "idempotencyKey": world.key(),
    }
    made = await act(world, Role.DEALER, "ListingCreate", **given)
    assert {key: made[key] for key in ("version", "status", "title", "price")} == {
        "version": 1, "status": "DRAFT", "title": "A motorcycle", "price": MONEY,
    }  # fmt: skip
    assert ("listingSubmit", "PENDING_REVIEW") in {
        (each["mutation"], each["to"]) for each in made["availableTransitions"]
    }
    again = await run(world, Role.DEALER, "ListingCreate", input=given)
    assert (again["idempotencyReplayed"], again["listing"]["id"]) == (True, made["id"])
    assert await codes(world, Role.CUSTOMER, "ListingCreate", **given) == ["FORBIDDEN"]

    await add(world, listing(world, "Another dealer's", dealer_id=world.other_dealer))
    page = (await run(world, Role.DEALER, "DealerInventory", filter={"status": ["DRAFT"]}, first=5))["dealer"][
        "listings"
    ]
    row = only(page)
    assert (row["id"], row["status"], row["floor"]) == (made["id"], "DRAFT", inr("900.00"))
    assert (await run(world, Role.DEALER, "DealerInventory"))["dealer"]["listings"]["totalCount"] == 1


async def test_an_inventory_goes_on_where_a_page_ended(world: World) -> None:
    ids = await add(world, *(listing(world, f"Thing {n}", created_at=NOW - timedelta(hours=n)) for n in range(3)))
    found: list[str] = []
    after = None
    while True:
        page = (await run(world, Role.DEALER, "DealerInventory", first=2, after=after))["dealer"]["listings"]
        found += [each["id"] for each in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert found == ids


async def test_a_dealers_leads_are_locked_until_they_are_bought(world: World) -> None:
    lead = await the_lead(world)
    row = only(await run(world, Role.DEALER, "DealerLeads"))
    assert (row["status"], row["tier"], row["unlock"]) == ("NEW", "A", None)
    assert row["contact"]["__typename"] == "LeadContactLocked" and row["contact"]["reason"] == "NOT_UNLOCKED"
    await unlocked(world, lead, world.dealer)
    row = only(await run(world, Role.DEALER, "DealerLeads", filter={"status": ["OPEN"]}))
    assert row["contact"] == {"__typename": "LeadContactOpen", **OPEN}
    assert (row["unlock"]["status"], row["unlock"]["priceCredits"], row["listing"]["title"]) == (
        "OPEN",
        3,
        "A motorcycle",
    )
    assert (await run(world, world.other_dealer_actor, "DealerLeads"))["totalCount"] == 0


async def test_staff_see_every_lead_and_set_its_status(world: World) -> None:
    lead = await the_lead(world)
    await unlocked(world, lead, world.dealer)
    row = only(await run(world, Role.OPS, "AdminLeads"))
    assert (row["id"], row["status"], row["dealer"]["name"], row["assignee"]) == (lead, "OPEN", "First Motors", None)
    assert ("leadSetStatus", "CONTACTED") in steps(row)
    done = await act(world, Role.OPS, "LeadSetStatus", id=lead, to="CONTACTED", expectedVersion=row["version"])
    assert (done["status"], done["version"], done["lostReason"]) == ("CONTACTED", row["version"] + 1, None)
    assert await codes(world, Role.OPS, "LeadSetStatus", id=lead, to="LOST", expectedVersion=1) == ["STALE_VERSION"]
    assert await codes(world, Role.VIEWER, "LeadSetStatus", id=lead, to="LOST") == ["FORBIDDEN"]
    assert await world.rows("SELECT status FROM lead") == [("CONTACTED",)]


async def test_an_offer_is_made_and_countered(world: World) -> None:
    on = world.id("Listing", await a_listing(world))
    key = world.key()
    made = await act(world, Role.CUSTOMER, "OfferCreate", listingId=on, amount=inr("900.00"), idempotencyKey=key)
    assert (made["status"], made["turn"], made["amount"], made["version"]) == ("PENDING", "OWNER", inr("900.00"), 1)
    assert made["expiresAt"] == iso(NOW + timedelta(hours=72))
    counter = {"id": made["id"], "expectedVersion": 1, "amount": inr("950.00"), "idempotencyKey": world.key()}
    assert await codes(world, Role.CUSTOMER, "OfferCounter", **counter | {"idempotencyKey": world.key()}) == [
        "NOT_YOUR_TURN"
    ]
    done = await act(world, Role.DEALER, "OfferCounter", **counter)
    assert (done["status"], done["turn"], done["amount"], done["version"]) == (
        "COUNTERED",
        "PROPOSER",
        inr("950.00"),
        2,
    )
    assert await world.rows("SELECT n, amount_minor FROM offer_revision ORDER BY n") == [(1, 90_000), (2, 95_000)]


async def test_staff_moderate_the_listings_of_all(world: World) -> None:
    (id_,) = await add(world, listing(world, "A thing", status="PENDING_REVIEW"))
    await add(world, listing(world, "Another", dealer_id=world.other_dealer))
    row = only(await run(world, Role.OPS, "AdminListings", filter={"status": ["PENDING_REVIEW"]}))
    assert (row["id"], row["dealer"]["verification"], row["dealer"]["standing"]) == (id_, "VERIFIED", "GOOD")
    assert ("listingModerate", "REJECTED") in steps(row)
    assert (await run(world, Role.OPS, "AdminListings", orderBy="OLDEST"))["totalCount"] == 2
    given = {"id": id_, "expectedVersion": 1, "action": "REJECT"}
    assert await codes(world, Role.OPS, "ListingModerate", **given) == ["REQUIRED"]
    assert await codes(world, Role.SALES, "ListingModerate", **given, reason="No.") == ["FORBIDDEN"]
    done = await act(world, Role.OPS, "ListingModerate", **given, reason="No picture.")
    assert (done["status"], done["statusReason"], done["version"]) == ("REJECTED", "No picture.", 2)


async def test_staff_see_the_dealers_and_decide_a_verification(world: World) -> None:
    await world.rows("UPDATE dealer SET verification = 'PENDING' WHERE id = :id RETURNING 1", id=world.dealer)
    row = only(await run(world, Role.OPS, "AdminDealers", filter={"verification": ["PENDING"]}))
    assert (row["name"], row["standing"], row["kind"]) == ("First Motors", "GOOD", "DEALERSHIP")
    given = {"id": row["id"], "expectedVersion": row["version"], "action": "APPROVE"}
    assert await codes(world, Role.DEALER, "DealerReviewVerification", **given) == ["FORBIDDEN"]
    done = await act(world, Role.OPS, "DealerReviewVerification", **given)
    assert (done["verification"], done["version"]) == ("VERIFIED", row["version"] + 1)
    assert (await run(world, Role.OPS, "AdminDealers"))["totalCount"] == 2


async def test_staff_see_the_deals(world: World) -> None:
    made = await offered(world, Role.CUSTOMER, await a_listing(world), "900.00")
    await answered(world, Role.DEALER, "offerAccept", made["offer"]["id"], 1)
    row = only(await run(world, Role.OPS, "AdminDeals", filter={"status": ["AWAITING_PAYMENT"]}))
    assert (row["kind"], row["settlement"], row["gross"]) == ("SALE", "OFFLINE", inr("900.00"))
    assert (row["listing"]["title"], row["payeeDealer"]["name"], row["payerDealer"]) == (
        "A motorcycle",
        "First Motors",
        None,
    )
    assert row["paymentDueAt"] == iso(NOW + timedelta(hours=72))
    assert (await run(world, Role.CUSTOMER, "AdminDeals"))["totalCount"] == 1
    assert (await run(world, world.other_customer, "AdminDeals"))["totalCount"] == 0


async def test_an_admin_sees_the_people_suspends_one_and_appoints_another(world: World) -> None:
    page = await run(world, Role.ADMIN, "AdminUsers", filter={"role": "SALES"})
    row = only(page)
    assert (row["name"], row["email"], row["status"], row["staff"]) == (
        "SALES person",
        "sales@example.com",
        "ACTIVE",
        True,
    )
    assert [each["role"] for each in row["memberships"]] == ["SALES"]
    assert (await run(world, Role.ADMIN, "AdminUsers"))["totalCount"] == 10
    member = {"membershipId": row["memberships"][0]["id"], "role": "OPS"}
    given = {"id": row["id"], "expectedVersion": row["version"]}
    assert await codes(world, Role.OPS, "UserSetRole", **given, **member) == ["FORBIDDEN"]
    done = await act(world, Role.ADMIN, "UserSetRole", **given, **member)
    assert [each["role"] for each in done["memberships"]] == ["OPS"]
    given["expectedVersion"] = done["version"]
    assert await codes(world, Role.OPS, "UserSetStatus", **given, to="SUSPENDED", reason="Left.") == ["FORBIDDEN"]
    done = await act(world, Role.ADMIN, "UserSetStatus", **given, to="SUSPENDED", reason="Left.")
    assert done["status"] == "SUSPENDED"


async def test_an_admin_reads_who_did_what(world: World) -> None:
    (id_,) = await add(world, listing(world, "A thing", status="PENDING_REVIEW"))
    await act(world, Role.OPS, "ListingModerate", id=id_, expectedVersion=1, action="APPROVE")
    row = only(await run(world, Role.ADMIN, "AuditLog", filter={"op": "listingModerate"}))
    assert (row["actingRole"], row["actor"]["name"], row["subjectType"], row["subjectId"]) == (
        "OPS", "OPS person", "Listing", id_,
    )  # fmt: skip
    (changes,) = row["changes"].values()
    assert changes["status"] == ["PENDING_REVIEW", "ACTIVE"] and row["requestId"] == "test" and len(row["hash"]) == 64
    answer = await run(world, Role.CUSTOMER, "AuditLog", filter={"op": "listingModerate"})
    assert answer == {"totalCount": 0, "nodes": [], "pageInfo": END}


async def test_an_admin_changes_the_thresholds(world: World) -> None:
    before = (await world.data(Role.ADMIN, "{ settings { version listingDays } }"))["settings"]
    given = {"expectedVersion": before["version"], "listingDays": 45}
    assert await codes(world, Role.SALES, "SettingsUpdate", **given) == ["FORBIDDEN"]
    assert (await world.data(Role.ADMIN, "{ settings { version listingDays } }"))["settings"] == before
    done = await act(world, Role.ADMIN, "SettingsUpdate", **given)
    assert (done["version"], done["listingDays"], done["autoApprove"]) == (before["version"] + 1, 45, False)
    assert await codes(world, Role.ADMIN, "SettingsUpdate", **given) == ["STALE_VERSION"]


async def test_a_dealer_has_its_dashboard(world: World) -> None:
    rows = [listing(world, f"Thing {n}", created_at=NOW - timedelta(days=n)) for n in (0, 1, 5)]
    await add(world, *rows)
    given: dict[str, Any] = {
        "id": world.id("Dealer", world.dealer),
        "range": {"from": iso(NOW - timedelta(days=3)), "to": iso(NOW + timedelta(hours=1))},
        "timeZone": "UTC",
    }
    found = await run(world, Role.DEALER, "DealerDashboard", **given)
    assert (found["dealer"]["name"], found["listingsCreated"]["value"], found["listingsCreated"]["previous"]) == (
        "First Motors",
        2,
        1,
    )
    assert (found["activeListings"]["value"], found["openLeads"]["value"]) == (3, 0)
    points = await run(world, Role.DEALER, "DealerAnalytics", metric="LISTINGS_CREATED", **given)
    assert [(each["value"], each["previous"]) for each in points] == [(0, 0), (0, 1), (1, 0), (1, 0)]
    assert points[-1]["previousFilter"] == {
        "dealerId": given["id"], "createdSince": "2026-11-18T23:00:00Z", "createdBefore": "2026-11-19T09:00:00Z",
    }  # fmt: skip
    assert await run(world, world.other_dealer_actor, "DealerDashboard", **given) is None
    assert await run(world, world.other_dealer_actor, "DealerAnalytics", metric="LEADS_CREATED", **given) == []
