"""Leads through the real schema: who asks, who sees, who opens the contact, and how a lead moves."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from souk.models import LeadUnlock, new_id
from souk.rules.actor import Actor, Role
from tests.resolvers.trade import a_listing, codes, events_of, refused_at_the_door
from tests.world import World

NAME, PHONE, EMAIL, MESSAGE = "Canary Person", "+919876543210", "canary@example.com", "Canary question"
CONTACT = (
    "contact { ... on LeadContactOpen { name phone email message }"
    " ... on LeadContactLocked { reason unlockCost canUnlock } }"
)
OPEN = {"name": NAME, "phone": PHONE, "email": EMAIL, "message": MESSAGE}


async def asked(world: World, who: Role | Actor, listing: UUID, selection: str = "lead { id }", **given: Any) -> Any:
    """The payload of a lead with the canary contact."""
    more = {"name": NAME, "phone": "+91 98765 43210", "email": EMAIL, "message": MESSAGE, **given}
    return await world.do(who, "leadCreate", selection, listingId=world.id("Listing", listing), **more)


async def the_lead(world: World, who: Role | Actor = Role.CUSTOMER, listing: UUID | None = None, **given: Any) -> str:
    """The global id of a new lead."""
    before = {row for (row,) in await world.rows("SELECT id FROM lead")}
    payload = await asked(world, who, listing or await a_listing(world), **given)
    assert payload["userErrors"] == []
    (made,) = {row for (row,) in await world.rows("SELECT id FROM lead")} - before
    return world.id("Lead", made)


def row_id(world: World, id: str) -> UUID:
    return UUID(base64.b64decode(id).decode().split(":")[1])


async def unlocked(world: World, id: str, dealer: UUID, status: str = "OPEN", **given: Any) -> LeadUnlock:
    """What buying the contact leaves behind."""
    lead_id = row_id(world, id)
    unlock = LeadUnlock(id=new_id(), lead_id=lead_id, dealer_id=dealer, status=status, price_credits=3, **given)
    await world.add(unlock)
    await world.rows("UPDATE lead SET unlock_count = unlock_count + 1 WHERE id = :id RETURNING id", id=lead_id)
    await world.rows("UPDATE lead SET status = 'OPEN' WHERE id = :id AND status = 'NEW' RETURNING id", id=lead_id)
    return unlock


async def test_a_lead_is_taken_sealed_hashed_and_shown_to_who_asked(world: World) -> None:
    listing = await a_listing(world)
    payload = await asked(
        world, Role.CUSTOMER, listing,
        "lead { status distribution tier source maxUnlocks unlockCount lostReason expiresAt version"
        f" listing {{ title }} dealer {{ name }} unlocks {{ totalCount }} unlock {{ id }} {CONTACT} }}",
    )  # fmt: skip
    assert payload == {
        "lead": {
            "status": "NEW", "distribution": "EXCLUSIVE", "tier": "A", "source": "WEB", "maxUnlocks": 1,
            "unlockCount": 0, "lostReason": None, "expiresAt": "2026-12-22T09:00:00Z", "version": 1,
            "listing": {"title": "A motorcycle"}, "dealer": {"name": "First Motors"}, "unlocks": {"totalCount": 0},
            "unlock": None, "contact": OPEN,
        },
        "userErrors": [],
    }  # fmt: skip
    (row,) = await world.rows("SELECT * FROM lead")
    ring = world.souk.app.keyring
    assert (row.user_id, row.dealer_id) == (world.actors[Role.CUSTOMER].user_id, world.dealer)
    assert (row.phone_hash, row.email_hash) == (ring.hash(PHONE), ring.hash(EMAIL))
    everything = await world.rows("SELECT l::text || coalesce((SELECT string_agg(a.changes::text, '') FROM audit_event a), '')"
                                  " || (SELECT string_agg(e.data::text, '') FROM domain_event e) AS text FROM lead l")  # fmt: skip
    for word in ("Canary", "canary", "98765"):
        assert word not in everything[0].text
        assert word.encode() not in bytes(row.contact_name_enc) + bytes(row.message_enc)
    assert await world.rows("SELECT kind, due_at FROM souk.work WHERE tenant_id = :t", t=world.tenant_id) == [
        ("lead.expiry", world.now + timedelta(days=30))
    ]
    assert await events_of(world, "lead.created") == [(None, "NEW")]


async def test_the_public_asks_and_cannot_read_back(world: World) -> None:
    listing = await a_listing(world)
    key = world.key()
    for replayed in (False, True):
        payload = await asked(
            world, Role.PUBLIC, listing, f"lead {{ id {CONTACT} }} auditEventId idempotencyReplayed", idempotencyKey=key
        )
        assert payload == {"lead": None, "auditEventId": None, "idempotencyReplayed": replayed, "userErrors": []}
    assert await world.rows("SELECT user_id, source, status FROM lead") == [(None, "WEB", "NEW")]
    (row,) = await world.rows("SELECT id FROM lead")
    id_ = world.id("Lead", row.id)
    for query in ("query($id: ID!) { lead(id: $id) { id } }", "query($id: ID!) { node(id: $id) { id } }"):
        answer = await world.ask(Role.PUBLIC, query, {"id": id_})
        assert list(answer["data"].values()) == [None]
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    # the desk takes leads too, and reads none
    payload = await asked(world, Role.AGENT, listing)
    assert payload == {"lead": None, "userErrors": []}
    assert await world.rows("SELECT count(*) FROM lead WHERE source = 'PHONE'") == [(1,)]


async def test_every_refusal_of_a_new_lead_changes_nothing(world: World) -> None:
    listing, paused = await a_listing(world, max_unlocks=2), await a_listing(world, status="PAUSED")
    private = await a_listing(world, visibility="PRIVATE", audience=(world.other_customer,))

    async def create(who: Any, on: UUID, **given: Any) -> list[Any]:
        payload = await asked(world, who, on, **given)
        assert payload["lead"] is None
        return codes(payload)

    for who in (Role.PUBLIC, Role.CUSTOMER):
        for hidden in (paused, private, new_id()):
            assert await create(who, hidden) == [("NOT_FOUND", ["listingId"])]
    assert await create(Role.OPS, paused) == [("LISTING_UNAVAILABLE", None)]
    assert await create(Role.PUBLIC, listing, phone=None, email=None) == [("REQUIRED", ["phone"])]
    assert await create(
        Role.CUSTOMER, listing, name=" ", phone="none", email="none", message="x" * 2001, source="PARTNER",
        distribution="SHARED", maxUnlocks=3,
    ) == [
        ("REQUIRED", ["name"]), ("INVALID", ["phone"]), ("INVALID", ["email"]), ("TOO_LONG", ["message"]),
        ("LIMIT_EXCEEDED", ["maxUnlocks"]), ("INVALID", ["source"]),
    ]  # fmt: skip
    other = world.service("lead:create", "listing:read", dealer_id=world.other_dealer)
    assert await create(other, listing) == [("NOT_FOUND", ["listingId"])]
    given = {"listingId": world.id("Listing", listing), "name": "X", "phone": PHONE}
    await refused_at_the_door(world, Role.VIEWER, "leadCreate", **given)
    await refused_at_the_door(world, world.service("listing:read"), "leadCreate", **given)
    assert await world.rows("SELECT count(*) FROM lead") == [(0,)]


async def test_who_asks_decides_whose_lead_it_is(world: World) -> None:
    listing = await a_listing(world)
    dealer, other = world.actors[Role.DEALER], world.other_dealer_actor
    for who, user, source in (
        (Role.DEALER, None, "PHONE"), (other, other.user_id, "PHONE"), (Role.SALES, None, "PHONE"),
        (world.service("lead:create", "listing:read"), None, "PARTNER"),
    ):  # fmt: skip
        await world.rows("DELETE FROM lead RETURNING id")
        assert (await asked(world, who, listing))["userErrors"] == []
        assert await world.rows("SELECT user_id, source, dealer_id FROM lead") == [(user, source, dealer.dealer_id)]
    tiers = [
        (await asked(world, Role.OPS, listing, f"lead {{ tier {CONTACT} }}", **given))["lead"]
        for given in ({}, {"email": None}, {"phone": None})
    ]
    assert [(lead["tier"], lead["contact"]["unlockCost"]) for lead in tiers] == [("A", 3), ("B", 2), ("C", 1)]


async def test_the_contact_is_open_to_whom_the_matrix_says_and_leaks_to_nobody_else(world: World) -> None:
    listing = await a_listing(world)
    id_ = await the_lead(world, listing=listing, distribution="SHARED")
    query = f"query($id: ID!) {{ lead(id: $id) {{ status {CONTACT} }} leads {{ nodes {{ {CONTACT} }} }} node(id: $id) {{ ... on Lead {{ {CONTACT} }} }} }}"

    async def seen(who: Role | Actor) -> Any:
        found = await world.data(who, query, {"id": id_})
        if found["lead"] is None:
            assert found["leads"]["nodes"] == [] and found["node"] is None
            return None
        contact = found["lead"]["contact"]
        assert found["node"]["contact"] == contact and found["leads"]["nodes"] == [{"contact": contact}]
        if contact != OPEN:
            assert "anary" not in json.dumps(found)
        return contact

    def locked(reason: str, can_unlock: bool = False) -> dict[str, Any]:
        return {"reason": reason, "unlockCost": 3, "canUnlock": can_unlock}

    assert await seen(Role.OWNER) == await seen(Role.ADMIN) == await seen(Role.CUSTOMER) == OPEN
    assert await seen(Role.OPS) == await seen(Role.VIEWER) == locked("MASKED")
    assert await seen(Role.SALES) == locked("NOT_ASSIGNED")
    assert await seen(Role.DEALER) == await seen(world.other_dealer_actor) == locked("NOT_UNLOCKED", True)
    assert await seen(world.other_customer) is None
    assert await seen(world.service("lead:read")) == locked("MASKED")
    assert await seen(world.service("lead:read", "lead:contact")) == OPEN
    ours = world.service("lead:read", "lead:contact", dealer_id=world.dealer)
    assert await seen(ours) == locked("NOT_UNLOCKED")

    await world.rows("UPDATE dealer SET standing = 'RESTRICTED' WHERE id = :id RETURNING id", id=world.dealer)
    await world.rows("UPDATE dealer SET verification = 'PENDING' WHERE id = :id RETURNING id", id=world.other_dealer)
    assert await seen(Role.DEALER) == locked("RESTRICTED")
    assert await seen(world.other_dealer_actor) is None
    await world.rows("UPDATE dealer SET standing = 'GOOD', verification = 'VERIFIED' RETURNING id")

    unlock = await unlocked(world, id_, world.other_dealer)
    assert (await seen(world.other_dealer_actor), await seen(Role.DEALER)) == (OPEN, locked("NOT_UNLOCKED", True))
    await world.rows("UPDATE lead_unlock SET status = 'REFUNDED' WHERE id = :id RETURNING id", id=unlock.id)
    assert await seen(world.other_dealer_actor) == locked("NOT_UNLOCKED")
    assert (await assign(world, Role.SALES, id_, world.actors[Role.SALES]))["userErrors"] == []
    assert await seen(Role.SALES) == OPEN


async def test_who_asked_is_known_to_those_who_read_the_contact(world: World) -> None:
    id_ = await the_lead(world, listing=await a_listing(world))
    person = {"id": world.id("User", world.actors[Role.CUSTOMER].user_id)}  # type: ignore[arg-type]
    asked = "query($id: ID!) { lead(id: $id) { user { id } } leads { nodes { user { id } } } }"
    for who, user in (
        (Role.OWNER, person), (Role.CUSTOMER, person), (Role.OPS, None), (Role.SALES, None), (Role.VIEWER, None), (Role.DEALER, None),
    ):  # fmt: skip
        found = await world.data(who, asked, {"id": id_})
        assert found == {"lead": {"user": user}, "leads": {"nodes": [{"user": user}]}}, who
    assert (await assign(world, Role.SALES, id_, world.actors[Role.SALES]))["userErrors"] == []
    assert (await world.data(Role.SALES, asked, {"id": id_}))["lead"] == {"user": person}


async def assign(world: World, who: Role | Actor, id: str, to: Actor | None, version: int | None = None) -> Any:
    if version is None:
        (version,) = (await world.rows("SELECT version FROM lead WHERE id = :id", id=row_id(world, id)))[0]
    assignee = world.id("User", to.user_id) if to and to.user_id else None
    return await world.do(
        who, "leadAssign", "lead { version assignee { name } }", id=id, assigneeId=assignee, expectedVersion=version
    )


async def test_a_shared_lead_without_a_place_is_seen_by_those_who_have_one(world: World) -> None:
    listing = await a_listing(world)
    shared = await the_lead(world, listing=listing, distribution="SHARED", maxUnlocks=1)
    exclusive = await the_lead(world, world.other_customer, listing)
    query = (
        "{ leads(orderBy: OLDEST) { totalCount nodes { id unlocks { nodes { status } } unlock { dealer { name } } } } }"
    )

    async def ids(who: Any) -> list[str]:
        found = (await world.data(who, query))["leads"]
        assert found["totalCount"] == len(found["nodes"])
        return [node["id"] for node in found["nodes"]]

    assert await ids(Role.DEALER) == [shared, exclusive]
    assert await ids(world.other_dealer_actor) == [shared]
    await unlocked(world, shared, world.dealer)
    assert await ids(world.other_dealer_actor) == []
    nodes = (await world.data(Role.DEALER, query))["leads"]["nodes"]
    assert nodes[0]["unlocks"]["nodes"] == [{"status": "OPEN"}]
    assert nodes[0]["unlock"] == {"dealer": {"name": "First Motors"}}
    nodes = (await world.data(Role.CUSTOMER, query))["leads"]["nodes"]
    assert [(node["unlocks"]["nodes"], node["unlock"]) for node in nodes] == [([], None)]


async def test_lists_filters_and_orders(world: World) -> None:
    one, two = await a_listing(world), await a_listing(world, dealer_id=world.other_dealer)
    first = await the_lead(world, Role.CUSTOMER, one)
    world.now += timedelta(minutes=1)
    second = await the_lead(world, Role.OPS, two)
    ops = world.actors[Role.OPS]
    await assign(world, Role.OPS, second, ops)
    query = "query($f: LeadFilter, $o: LeadOrder! = NEWEST) { leads(filter: $f, orderBy: $o) { nodes { id } } }"

    async def ids(filter: Any = None, order: str = "NEWEST", who: Any = Role.SALES) -> list[str]:
        return [n["id"] for n in (await world.data(who, query, {"f": filter, "o": order}))["leads"]["nodes"]]

    assert await ids() == [second, first]
    assert await ids(order="OLDEST") == [first, second]
    assert await ids({"status": ["NEW"]}, "UPDATED") == [second, first]
    assert await ids({"status": ["LOST"]}) == []
    assert await ids({"listingId": world.id("Listing", one)}) == [first]
    assert await ids({"dealerId": world.id("Dealer", world.other_dealer)}) == [second]
    assert await ids({"assigneeId": world.id("User", ops.user_id)}) == [second]  # type: ignore[arg-type]
    assert await ids({"assigneeId": None}) == [first]
    assert await ids({"source": "WEB"}) == [first]
    assert await ids({"updatedSince": "2026-11-22T09:01:00Z"}) == [second]
    nested = "{ listings(orderBy: OLDEST) { nodes { leads { nodes { id } } } } dealers(orderBy: NAME) { nodes { leads { totalCount } } } }"
    found = await world.data(Role.DEALER, nested)
    assert [node["leads"]["nodes"] for node in found["listings"]["nodes"]] == [[{"id": first}], []]
    assert [node["leads"]["totalCount"] for node in found["dealers"]["nodes"]] == [1, 0]
    answer = await world.ask(Role.PUBLIC, "{ listings { nodes { leads { totalCount } } } }")
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}


async def test_leads_are_given_to_colleagues(world: World) -> None:
    id_ = await the_lead(world)
    sales, admin, customer = (world.actors[role] for role in (Role.SALES, Role.ADMIN, Role.CUSTOMER))
    assert codes(await assign(world, Role.SALES, id_, admin)) == [("FORBIDDEN", None)]
    assert codes(await assign(world, Role.OPS, id_, customer)) == [("NOT_FOUND", ["assigneeId"])]
    assert codes(await assign(world, Role.OPS, id_, world.actors[Role.VIEWER])) == [("NOT_FOUND", ["assigneeId"])]
    assert codes(await assign(world, Role.OPS, id_, admin, 9)) == [("STALE_VERSION", ["expectedVersion"])]
    assert await world.rows("SELECT assignee_id, version FROM lead") == [(None, 1)]
    assert (await assign(world, Role.OPS, id_, admin))["lead"] == {"version": 2, "assignee": {"name": "ADMIN person"}}
    assert codes(await assign(world, Role.SALES, id_, sales)) == [("FORBIDDEN", None)]
    assert (await assign(world, Role.OWNER, id_, None))["lead"] == {"version": 3, "assignee": None}
    assert (await assign(world, Role.SALES, id_, sales))["lead"]["version"] == 4
    assert len(await events_of(world, "lead.assigned")) == 3
    for role in (Role.AGENT, Role.VIEWER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        await refused_at_the_door(world, role, "leadAssign", id=id_, assigneeId=None, expectedVersion=1)
