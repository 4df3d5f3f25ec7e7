"""Offers through the real schema: who sees them, whose turn it is, and what an accepted one does."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from souk.db.session import system_actor
from souk.models import ProductDetail, new_id
from souk.resolvers import offer as resolve
from souk.rules.actor import Role
from tests.resolvers.trade import a_listing, answered, codes, events_of, inr, offered, refused_at_the_door
from tests.world import World

ALL = """
  status direction amount { amount currencyCode } headParty turn viewerParty version expiresAt
  proposerDealer { name } ownerDealer { name } deal { id }
  revisions { totalCount nodes { n byParty amount { amount } message offer { status } } }
"""


async def test_an_offer_is_made_countered_and_accepted(world: World) -> None:
    listing = await a_listing(world)
    made = await offered(
        world, Role.CUSTOMER, listing, "800.00", f"offer {{ id {ALL} }}", message=" Is it  still there? "
    )
    offer = made["offer"]
    assert made["userErrors"] == []
    assert {name: offer[name] for name in offer if name not in ("id", "revisions")} == {
        "status": "PENDING", "direction": "BUY", "amount": {"amount": "800.00", "currencyCode": "INR"},
        "headParty": "PROPOSER", "turn": "OWNER", "viewerParty": "PROPOSER", "version": 1,
        "expiresAt": "2026-11-25T09:00:00Z", "proposerDealer": None, "ownerDealer": {"name": "First Motors"},
        "deal": None,
    }  # fmt: skip
    first = {"n": 1, "byParty": "PROPOSER", "amount": {"amount": "800.00"}, "message": "Is it  still there?",
             "offer": {"status": "PENDING"}}  # fmt: skip
    assert offer["revisions"] == {"totalCount": 1, "nodes": [first]}

    id_ = offer["id"]
    payload = await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="950.00", message="Less is too little.")
    assert payload["offer"] == {"id": id_, "version": 2, "status": "COUNTERED", "turn": "PROPOSER"}
    payload = await answered(world, Role.CUSTOMER, "offerCounter", id_, 2, amount="900.00")
    assert payload["offer"] == {"id": id_, "version": 3, "status": "COUNTERED", "turn": "OWNER"}

    accepted = await answered(
        world, Role.DEALER, "offerAccept", id_, 3,
        "deal { status kind settlement net { amount } vat { amount } gross { amount currencyCode } paymentDueAt"
        " offer { id version status } listing { status } payerDealer { name } payeeDealer { name } } idempotencyReplayed",
    )  # fmt: skip
    assert accepted == {
        "deal": {
            "status": "AWAITING_PAYMENT", "kind": "SALE", "settlement": "OFFLINE", "net": {"amount": "900.00"},
            "vat": {"amount": "0.00"}, "gross": {"amount": "900.00", "currencyCode": "INR"},
            "paymentDueAt": "2026-11-25T09:00:00Z", "offer": {"id": id_, "version": 3, "status": "ACCEPTED"},
            "listing": {"status": "RESERVED"}, "payerDealer": None, "payeeDealer": {"name": "First Motors"},
        },
        "idempotencyReplayed": False, "userErrors": [],
    }  # fmt: skip
    customer = world.actors[Role.CUSTOMER]
    assert await world.rows("SELECT payer_user_id, payee_dealer_id, exclusive FROM deal") == [
        (customer.user_id, world.dealer, True)
    ]
    assert await world.rows("SELECT count(*) FROM souk.work WHERE tenant_id = :t", t=world.tenant_id) == [(0,)]
    types = await world.rows("SELECT type FROM domain_event WHERE type NOT IN ('test.made', 'tenant.created')")
    assert sorted(type_ for (type_,) in types) == [
        "deal.opened", "listing.reserved", "offer.accepted", "offer.countered", "offer.countered", "offer.created",
    ]  # fmt: skip
    audit = await world.rows("SELECT op, acting_role, subject_type FROM audit_event ORDER BY seq DESC LIMIT 4")
    assert audit == [
        ("offerAccept", "DEALER", "Offer"), ("offerCounter", "CUSTOMER", "Offer"), ("offerCounter", "DEALER", "Offer"),
        ("offerCreate", "CUSTOMER", "Offer"),
    ]  # fmt: skip


async def test_accepting_reserves_the_listing_only_when_its_capacity_is_used_up(world: World) -> None:
    listing = await a_listing(world, kind="PRODUCT", capacity=2)
    offers = [
        (await offered(world, who, listing, "700.00"))["offer"]["id"]
        for who in (Role.CUSTOMER, world.other_customer, world.other_dealer_actor)
    ]
    assert codes(await answered(world, Role.DEALER, "offerAccept", offers[0], 1)) == []
    assert await world.rows("SELECT status FROM listing") == [("ACTIVE",)]
    assert codes(await answered(world, Role.DEALER, "offerAccept", offers[1], 1)) == []
    assert await world.rows("SELECT status FROM listing") == [("RESERVED",)]
    assert await world.rows("SELECT status, version FROM offer ORDER BY id") == [
        ("ACCEPTED", 1), ("ACCEPTED", 1), ("SUPERSEDED", 1),
    ]  # fmt: skip
    assert await events_of(world, "offer.superseded") == [("PENDING", "SUPERSEDED")]
    assert await world.rows("SELECT count(*) FROM deal") == [(2,)]
    late = await answered(world, Role.DEALER, "offerAccept", offers[2], 1)
    assert codes(late) == [("INVALID_TRANSITION", None)]
    assert await world.rows("SELECT count(*) FROM souk.work WHERE tenant_id = :t", t=world.tenant_id) == [(0,)]


async def test_a_listing_carries_no_deal_beyond_its_capacity(world: World) -> None:
    listing = await a_listing(world, kind="PRODUCT", capacity=5)
    await world.add(ProductDetail(id=listing, availability="IN_STOCK"))
    offers = [
        (await offered(world, who, listing, "700.00"))["offer"]["id"]
        for who in (Role.CUSTOMER, world.other_customer, world.other_dealer_actor)
    ]
    for offer in offers[:2]:
        assert codes(await answered(world, Role.DEALER, "offerAccept", offer, 1)) == []
    id_, before = world.id("Listing", listing), await world.rows("SELECT capacity, version FROM listing")
    for capacity in (1, 2):  # two places are taken
        given = {"id": id_, "expectedVersion": before[0].version, "capacity": capacity}
        refused = await world.do(Role.DEALER, "listingUpdate", "listing { id }", **given)
        assert codes(refused) == [("OUT_OF_RANGE", ["capacity"])]
        assert await world.rows("SELECT capacity, version FROM listing") == before
    given = {"id": id_, "expectedVersion": before[0].version, "capacity": 3}
    assert codes(await world.do(Role.DEALER, "listingUpdate", "listing { id }", **given)) == []
    await world.rows(
        "UPDATE listing SET capacity = 2 RETURNING id"
    )  # whoever brought it there, no third deal is opened
    refused = await answered(world, Role.DEALER, "offerAccept", offers[2], 1)
    assert codes(refused) == [("LISTING_UNAVAILABLE", None)]
    assert await world.rows("SELECT count(*) FROM deal") == [(2,)]
    assert await world.rows("SELECT status FROM offer ORDER BY id") == [("ACCEPTED",), ("ACCEPTED",), ("PENDING",)]
    third = """INSERT INTO deal SELECT (jsonb_populate_record(d, jsonb_build_object('id', CAST(:id AS uuid), 'offer_id',
      (SELECT id FROM offer WHERE status = 'PENDING')))).* FROM deal d LIMIT 1 RETURNING id"""
    with pytest.raises(IntegrityError, match="no place is left"):  # the database itself
        await world.rows(third, id=new_id())
    await world.rows("UPDATE listing SET capacity = 3 RETURNING id")
    assert len(await world.rows(third, id=new_id())) == 1


async def test_supply_turns_payer_and_bounds_around(world: World) -> None:
    call = await a_listing(world, kind="CASTING_CALL", capacity=3, title="A role")
    made = await offered(world, Role.CUSTOMER, call, "1200.00", direction="SUPPLY")
    id_ = made["offer"]["id"]
    # the owner pays: it bids below the talent's ask and above its own price
    for amount, code in (("1200.00", "OUT_OF_RANGE"), ("1000.00", "OUT_OF_RANGE")):
        assert codes(await answered(world, Role.DEALER, "offerCounter", id_, 1, amount=amount)) == [(code, ["amount"])]
    assert codes(await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="1100.00")) == []
    assert codes(await answered(world, Role.CUSTOMER, "offerAccept", id_, 2)) == []
    customer = world.actors[Role.CUSTOMER]
    assert await world.rows("SELECT kind, payer_dealer_id, payee_user_id, gross_minor, exclusive FROM deal") == [
        ("BOOKING", world.dealer, customer.user_id, 110_000, False)
    ]
    assert await world.rows("SELECT status FROM listing") == [("ACTIVE",)]


async def test_every_refusal_of_a_new_offer_changes_nothing(world: World) -> None:
    listing, paused = await a_listing(world), await a_listing(world, status="PAUSED")
    private = await a_listing(world, visibility="PRIVATE", audience=(world.other_customer,))
    over = await a_listing(world, expires_at=world.now)
    await offered(world, world.other_customer, listing, "500.00")
    foreign, mine = world.id("Listing", new_id()), Role.CUSTOMER

    async def create(who: Any, on: Any, amount: Any = None, **given: Any) -> list[Any]:
        on = on if isinstance(on, str) else world.id("Listing", on)
        given = {"idempotencyKey": world.key(), "listingId": on, "amount": amount or inr("500.00"), **given}
        payload = await world.do(who, "offerCreate", "offer { id }", **given)
        assert payload["offer"] is None
        return codes(payload)

    hidden = [("NOT_FOUND", ["listingId"])]
    assert await create(mine, foreign) == hidden
    assert await create(mine, private) == hidden
    assert await create(mine, paused) == hidden
    assert await create(mine, world.id("Dealer", listing)) == hidden
    assert await create(Role.DEALER, paused) == [("LISTING_UNAVAILABLE", None)]
    assert await create(mine, over) == [("LISTING_UNAVAILABLE", None)]
    assert await create(Role.DEALER, listing) == [("FORBIDDEN", None)]
    assert await create(world.other_customer, listing) == [("DUPLICATE", ["listingId"])]
    assert await create(mine, listing, inr("0.00")) == [("OUT_OF_RANGE", ["amount"])]
    assert await create(mine, listing, {"amount": "5.00", "currencyCode": "EUR"}, message="x" * 2001) == [
        ("INVALID", ["amount"]), ("TOO_LONG", ["message"]),
    ]  # fmt: skip
    assert await create(mine, listing, inr("5.001")) == [("INVALID", ["amount"])]
    assert await create(mine, listing, idempotencyKey="short") == [("OUT_OF_RANGE", ["idempotencyKey"])]
    assert await world.rows("SELECT count(*) FROM offer") == [(1,)]
    assert await world.rows("SELECT count(*) FROM offer_revision") == [(1,)]

    made = await offered(world, world.other_customer, private, "500.00")
    assert made["offer"]["status"] == "PENDING"


async def test_staff_read_offers_and_never_speak_in_them(world: World) -> None:
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    create = {"listingId": world.id("Listing", listing), "amount": inr("1.00")}
    for role in (Role.OWNER, Role.ADMIN, Role.OPS, Role.SALES, Role.AGENT, Role.VIEWER, Role.PUBLIC):
        await refused_at_the_door(world, role, "offerCreate", **create, idempotencyKey=world.key())
        await refused_at_the_door(world, role, "offerAccept", id=id_, expectedVersion=1, idempotencyKey=world.key())
        await refused_at_the_door(world, role, "offerReject", id=id_)
    service = world.service("offer:create", "offer:respond", "offer:read")
    await refused_at_the_door(world, service, "offerCreate", **create, idempotencyKey=world.key())
    assert await world.rows("SELECT status FROM offer") == [("PENDING",)]


async def test_turns_and_versions_are_held(world: World) -> None:
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    for act in ("offerCounter", "offerAccept", "offerReject"):
        given = {"amount": "600.00"} if act == "offerCounter" else {}
        assert codes(await answered(world, Role.CUSTOMER, act, id_, 1, **given)) == [("NOT_YOUR_TURN", None)]
    assert codes(await answered(world, Role.DEALER, "offerWithdraw", id_)) == [("NOT_YOUR_TURN", None)]
    for act in ("offerCounter", "offerAccept", "offerReject"):
        given = {"amount": "600.00"} if act == "offerCounter" else {}
        stale = await answered(world, Role.DEALER, act, id_, 7, **given)
        assert codes(stale) == [("STALE_VERSION", ["expectedVersion"])]
    for stranger in (world.other_customer, world.other_dealer_actor):
        assert codes(await answered(world, stranger, "offerReject", id_)) == [("NOT_FOUND", ["id"])]
    assert await world.rows("SELECT status, version FROM offer") == [("PENDING", 1)]
    assert codes(await answered(world, Role.DEALER, "offerReject", id_, 1)) == []
    assert await world.rows("SELECT status, version FROM offer") == [("REJECTED", 1)]
    again = await offered(world, Role.CUSTOMER, listing, "501.00")
    assert codes(await answered(world, Role.CUSTOMER, "offerWithdraw", again["offer"]["id"])) == []
    assert [to for _, to in await events_of(world, "offer.withdrawn")] == ["WITHDRAWN"]


async def test_an_offer_has_so_many_rounds_as_the_tenant_allows(world: World) -> None:
    await world.set(max_offer_rounds=2)
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    assert codes(await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="900.00")) == []
    over = await answered(world, Role.CUSTOMER, "offerCounter", id_, 2, amount="600.00")
    assert codes(over) == [("LIMIT_EXCEEDED", None)]


async def test_a_key_does_it_once_and_replays_what_was_answered(world: World) -> None:
    listing, key = await a_listing(world), world.key()
    first = await offered(world, Role.CUSTOMER, listing, "500.00", idempotencyKey=key)
    second = await offered(
        world, Role.CUSTOMER, listing, "500.00", "offer { id version status } idempotencyReplayed", idempotencyKey=key
    )
    assert second == {"offer": first["offer"], "userErrors": [], "idempotencyReplayed": True}
    other = await offered(world, Role.CUSTOMER, listing, "501.00", idempotencyKey=key)
    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["idempotencyKey"])]

    id_, wrong = first["offer"]["id"], world.key()
    for _ in range(2):  # the stored refusal stays, though it would be the dealer's turn by then
        refused = await answered(world, Role.CUSTOMER, "offerAccept", id_, 1, idempotencyKey=wrong)
        assert codes(refused) == [("NOT_YOUR_TURN", None)]
    deal, key = "deal { id } idempotencyReplayed", world.key()
    one = await answered(world, Role.DEALER, "offerAccept", id_, 1, deal, idempotencyKey=key)
    two = await answered(world, Role.DEALER, "offerAccept", id_, 1, deal, idempotencyKey=key)
    assert (one["deal"], one["idempotencyReplayed"]) == (two["deal"], False)
    assert two["idempotencyReplayed"] is True
    assert await world.rows("SELECT count(*) FROM deal") == [(1,)]


async def test_a_listing_answers_by_itself(world: World) -> None:
    listing = await a_listing(world, auto_accept_minor=90_000, auto_decline_minor=40_000)
    low = await offered(world, Role.CUSTOMER, listing, "400.00", "offer { status turn deal { id } }")
    assert low["offer"] == {"status": "REJECTED", "turn": None, "deal": None}
    middle = await offered(world, Role.CUSTOMER, listing, "500.00")
    assert middle["offer"]["status"] == "PENDING"
    high = await offered(world, world.other_customer, listing, "900.00", "offer { status deal { gross { amount } } }")
    assert high["offer"] == {"status": "ACCEPTED", "deal": {"gross": {"amount": "900.00"}}}
    assert await world.rows("SELECT status FROM listing") == [("RESERVED",)]
    assert await world.rows("SELECT status FROM offer ORDER BY id") == [("REJECTED",), ("SUPERSEDED",), ("ACCEPTED",)]
    assert await world.rows("SELECT count(*) FROM souk.work WHERE tenant_id = :t", t=world.tenant_id) == [(0,)]


async def test_a_paused_listing_keeps_its_offers_and_none_is_accepted(world: World) -> None:
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    await world.rows("UPDATE listing SET status = 'PAUSED' RETURNING id")
    assert codes(await answered(world, Role.DEALER, "offerAccept", id_, 1)) == [("LISTING_UNAVAILABLE", None)]
    assert codes(await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="700.00")) == []
    assert await world.rows("SELECT status FROM offer") == [("COUNTERED",)]
    assert await world.rows("SELECT count(*) FROM deal") == [(0,)]


async def test_an_offer_runs_out_and_an_answer_winds_the_clock_anew(world: World) -> None:
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    (offer_id,) = (await world.rows("SELECT id FROM offer"))[0]
    due = "SELECT kind, ref, due_at FROM souk.work WHERE tenant_id = :t"
    first = world.now + timedelta(hours=72)
    assert await world.rows(due, t=world.tenant_id) == [("offer.expiry", offer_id, first)]

    world.now += timedelta(hours=71)
    assert codes(await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="700.00")) == []
    await run_expiry(world, offer_id, first)
    assert await world.rows("SELECT status FROM offer") == [("COUNTERED",)]
    second = world.now + timedelta(hours=72)
    assert await world.rows(due, t=world.tenant_id) == [("offer.expiry", offer_id, second)]

    world.now = second
    late = await answered(
        world,
        Role.CUSTOMER,
        "offerAccept",
        id_,
        2,
        "deal { id } problems: userErrors { ... on OfferExpired { expiredAt } }",
    )
    assert codes(late) == [("OFFER_EXPIRED", None)]
    assert late["problems"] == [{"expiredAt": "2026-11-28T08:00:00Z"}]
    await run_expiry(world, offer_id, second)
    assert await world.rows("SELECT status, version FROM offer") == [("EXPIRED", 2)]
    assert await events_of(world, "offer.expired") == [("COUNTERED", "EXPIRED")]
    await run_expiry(world, offer_id, second)  # a second time changes nothing
    assert len(await events_of(world, "offer.expired")) == 1


async def run_expiry(world: World, offer_id: Any, now: Any) -> None:
    """What the worker does, as the system."""
    actor = system_actor(world.tenant_id)
    async with world.souk.app.transaction(actor, "offer.expiry", now=now, system=True) as tx:
        await resolve.expire(tx, offer_id)


async def test_lists_filters_and_orders(world: World) -> None:
    one, two = await a_listing(world), await a_listing(world, kind="PRODUCT", capacity=5)
    await offered(world, Role.CUSTOMER, one, "500.00", message="secret words")
    world.now += timedelta(minutes=1)
    await offered(world, world.other_dealer_actor, two, "700.00")
    world.now += timedelta(minutes=1)
    await offered(world, world.other_customer, two, "600.00", direction="SUPPLY")

    query = "query($f: OfferFilter, $o: OfferOrder! = NEWEST) { offers(filter: $f, orderBy: $o) { totalCount nodes { amount { amount } } } }"

    async def amounts(who: Any, filter: Any = None, order: str = "NEWEST") -> list[str]:
        found = (await world.data(who, query, {"f": filter, "o": order}))["offers"]
        assert found["totalCount"] == len(found["nodes"])
        return [node["amount"]["amount"] for node in found["nodes"]]

    assert await amounts(Role.SALES) == ["600.00", "700.00", "500.00"]
    assert await amounts(Role.OPS, order="OLDEST") == ["500.00", "700.00", "600.00"]
    assert await amounts(Role.OPS, order="AMOUNT_DESC") == ["700.00", "600.00", "500.00"]
    assert await amounts(Role.OPS, order="AMOUNT_ASC") == ["500.00", "600.00", "700.00"]
    assert await amounts(Role.OPS, {"status": ["ACCEPTED"]}) == []
    assert await amounts(Role.OPS, {"direction": "SUPPLY"}) == ["600.00"]
    assert await amounts(Role.OPS, {"listingId": world.id("Listing", one)}) == ["500.00"]
    assert await amounts(Role.OPS, {"updatedSince": "2026-11-22T09:01:00Z"}, "UPDATED") == ["600.00", "700.00"]
    assert await amounts(Role.OPS, {"party": "OWNER"}) == []
    assert await amounts(Role.DEALER, {"party": "OWNER"}) == ["600.00", "700.00", "500.00"]
    assert await amounts(Role.DEALER, {"party": "PROPOSER"}) == []
    assert await amounts(world.other_dealer_actor, {"party": "PROPOSER"}) == ["700.00"]
    assert await amounts(Role.CUSTOMER) == ["500.00"]
    assert await amounts(Role.CUSTOMER, {"party": "OWNER"}) == []
    assert await amounts(world.service("offer:read")) == ["600.00", "700.00", "500.00"]
    assert await amounts(world.service("offer:read", dealer_id=world.other_dealer)) == ["700.00"]

    nested = "{ listings(orderBy: OLDEST) { nodes { offers(orderBy: AMOUNT_DESC) { nodes { amount { amount } viewerParty } } } } }"
    found = (await world.data(world.other_dealer_actor, nested))["listings"]["nodes"]
    assert [listing["offers"]["nodes"] for listing in found] == [
        [], [{"amount": {"amount": "700.00"}, "viewerParty": "PROPOSER"}],
    ]  # fmt: skip
    for role in (Role.AGENT, Role.PUBLIC):
        answer = await world.ask(role, "{ offers { totalCount } }")
        assert answer["data"] == {"offers": None}
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
        answer = await world.ask(role, "{ listings { nodes { title offers { totalCount } } } }")
        assert answer["data"]["listings"]["nodes"][0]["offers"] is None


async def test_messages_are_withheld_where_the_matrix_says_m(world: World) -> None:
    listing = await a_listing(world)
    offer = (await offered(world, Role.CUSTOMER, listing, "500.00", message="canary"))["offer"]["id"]
    query = "query($id: ID!) { offer(id: $id) { status revisions { nodes { id n message } } } }"
    for who in (Role.OWNER, Role.OPS, Role.SALES, Role.DEALER, Role.CUSTOMER):
        found = (await world.data(who, query, {"id": offer}))["offer"]["revisions"]["nodes"]
        assert [node["message"] for node in found] == ["canary"]
    answer = await world.ask(Role.VIEWER, query, {"id": offer})
    node = answer["data"]["offer"]["revisions"]["nodes"][0]
    assert (node["n"], node["message"]) == (1, None)
    assert [(error["path"][-1], error["extensions"]["code"]) for error in answer["errors"]] == [
        ("message", "FORBIDDEN")
    ]
    for stranger in (world.other_customer, world.other_dealer_actor):
        assert (await world.data(stranger, query, {"id": offer})) == {"offer": None}
        by_id = "query($id: ID!) { node(id: $id) { ... on OfferRevision { message } } }"
        assert await world.data(stranger, by_id, {"id": node["id"]}) == {"node": None}


async def test_what_may_be_done_follows_the_turn(world: World) -> None:
    listing = await a_listing(world)
    id_ = (await offered(world, Role.CUSTOMER, listing, "500.00"))["offer"]["id"]
    query = "query($id: ID!) { offer(id: $id) { availableTransitions { to mutation allowed reason } proposerUser { name } } }"

    async def ways(who: Any) -> list[tuple[str, bool]]:
        found = (await world.data(who, query, {"id": id_}))["offer"]["availableTransitions"]
        assert [way["mutation"] for way in found] in (
            [],
            ["offerCounter", "offerAccept", "offerReject", "offerWithdraw"],
        )
        assert all((way["reason"] is None) == way["allowed"] for way in found)
        return [way["to"] for way in found if way["allowed"]]

    answers, takes_back = ["COUNTERED", "ACCEPTED", "REJECTED"], ["WITHDRAWN"]
    assert (await ways(Role.DEALER), await ways(Role.CUSTOMER), await ways(Role.OWNER)) == (answers, takes_back, [])
    await answered(world, Role.DEALER, "offerCounter", id_, 1, amount="700.00")
    assert (await ways(Role.DEALER), await ways(Role.CUSTOMER), await ways(Role.OWNER)) == (takes_back, answers, [])
    deal = (await answered(world, Role.CUSTOMER, "offerAccept", id_, 2))["deal"]["id"]
    assert (await ways(Role.DEALER), await ways(Role.CUSTOMER)) == ([], [])

    who = "query($id: ID!) { deal(id: $id) { status payerUser { status } payeeUser { status } availableTransitions { to } } }"
    for role, payer in ((Role.CUSTOMER, {"status": "ACTIVE"}), (Role.DEALER, None), (Role.OPS, {"status": "ACTIVE"})):
        found = (await world.data(role, who, {"id": deal}))["deal"]
        assert found == {
            "status": "AWAITING_PAYMENT", "payerUser": payer, "payeeUser": None, "availableTransitions": [],
        }  # fmt: skip
    for stranger in (
        world.other_customer,
        world.other_dealer_actor,
        world.service("deal:read", dealer_id=world.other_dealer),
    ):
        assert (await world.data(stranger, who, {"id": deal})) == {"deal": None}


async def test_deals_are_listed_for_staff_and_parties(world: World) -> None:
    one, two = await a_listing(world), await a_listing(world, kind="CASTING_CALL", capacity=2)
    for buyer, listing in ((Role.CUSTOMER, one), (world.other_dealer_actor, two)):
        id_ = (await offered(world, buyer, listing, "500.00"))["offer"]["id"]
        await answered(world, Role.DEALER, "offerAccept", id_, 1)
        world.now += timedelta(minutes=1)
    query = "query($f: DealFilter, $o: DealOrder! = NEWEST) { deals(filter: $f, orderBy: $o) { totalCount nodes { kind } } }"

    async def kinds(who: Any, filter: Any = None, order: str = "NEWEST") -> list[str]:
        found = (await world.data(who, query, {"f": filter, "o": order}))["deals"]
        assert found["totalCount"] == len(found["nodes"])
        return [node["kind"] for node in found["nodes"]]

    assert await kinds(Role.VIEWER) == ["BOOKING", "SALE"]
    assert await kinds(Role.SALES, order="OLDEST") == ["SALE", "BOOKING"]
    assert await kinds(Role.DEALER, {"kind": "SALE"}) == ["SALE"]
    assert await kinds(Role.DEALER, {"status": ["AWAITING_PAYMENT"]}, "UPDATED") == ["BOOKING", "SALE"]
    assert await kinds(Role.DEALER, {"status": ["COMPLETED"]}) == []
    assert await kinds(world.other_dealer_actor) == ["BOOKING"]
    assert await kinds(Role.CUSTOMER, {"listingId": world.id("Listing", two)}) == []
    assert await kinds(Role.OPS, {"updatedSince": "2026-11-22T09:01:00Z"}) == ["BOOKING"]
    assert await kinds(Role.OPS, {"dealerId": world.id("Dealer", world.dealer)}) == ["BOOKING", "SALE"]
    assert await kinds(Role.OPS, {"dealerId": world.id("Dealer", world.other_dealer)}) == ["BOOKING"]
    assert await kinds(Role.OPS, {"dealerId": world.id("Listing", two)}) == []
    assert await kinds(Role.OPS, {"createdSince": "2026-11-22T09:01:00Z"}) == ["BOOKING"]
    assert await kinds(Role.OPS, {"createdBefore": "2026-11-22T09:01:00Z"}) == ["SALE"]
    for role in (Role.AGENT, Role.PUBLIC):
        answer = await world.ask(role, "{ deals { totalCount } }")
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"deals": None}, "FORBIDDEN")
