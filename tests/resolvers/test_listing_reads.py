"""Reading listings: every filter, every order with its cursors both ways, relations, guarded fields."""

from datetime import timedelta
from typing import Any

import pytest

from souk.models import Category, ExternalRef, Sku, VehicleDetail, new_id
from souk.rules.actor import Role
from tests.resolvers.listings import add, listing
from tests.world import KEYRING, NOW, World

LIST = "query($f: ListingFilter) { listings(filter: $f, orderBy: TITLE) { totalCount nodes { title } } }"


async def titles(world: World, filter: dict[str, Any]) -> list[str]:
    found = (await world.data(Role.ADMIN, LIST, {"f": filter}))["listings"]
    assert found["totalCount"] == len(found["nodes"])
    return [node["title"] for node in found["nodes"]]


def money(amount: str, currency: str = "INR") -> dict[str, str]:
    return {"amount": amount, "currencyCode": currency}


async def test_every_filter_narrows(world: World) -> None:
    category = Category(id=new_id(), kind="LISTING", name="Bikes")
    sku = Sku(id=new_id(), code="A-1", name="A", currency="INR")
    await world.add(category, sku)
    a = listing(
        world, "A", kind="VEHICLE", capacity=1, price=100_00, city="Pune", city_key="pune", category_id=category.id
    )
    b = listing(world, "B", price=200_00, sku_id=sku.id, status="DRAFT")
    c = listing(world, "C", price=None, dealer_id=world.other_dealer)
    d = listing(world, "D", price=150_00, currency="USD", kind="CASTING_CALL")
    await world.add(a, b, c, d)
    await world.add(
        VehicleDetail(id=a.id, make="Honda", make_key="honda", year=2015),
        ExternalRef(id=new_id(), source="feed", type="LISTING", external_id="7", subject_id=c.id),
        ExternalRef(id=new_id(), source="feed", type="SKU", external_id="8", subject_id=c.id),
    )
    assert await titles(world, {}) == ["A", "B", "C", "D"]
    assert await titles(world, {"kind": "VEHICLE"}) == ["A"]
    assert await titles(world, {"status": ["DRAFT"]}) == ["B"]
    assert await titles(world, {"status": ["DRAFT", "ACTIVE"]}) == ["A", "B", "C", "D"]
    assert await titles(world, {"dealerId": world.id("Dealer", world.other_dealer)}) == ["C"]
    assert await titles(world, {"skuId": world.id("Sku", sku.id)}) == ["B"]
    assert await titles(world, {"skuId": world.id("Dealer", sku.id)}) == [], "an id of another type is nobody's"
    assert await titles(world, {"categoryId": world.id("Category", category.id)}) == ["A"]
    assert await titles(world, {"city": " PUNE"}) == ["A"]
    assert await titles(world, {"make": "HONDA"}) == ["A"]
    assert await titles(world, {"make": "Honda", "yearFrom": 2015, "yearTo": 2015}) == ["A"]
    assert await titles(world, {"yearFrom": 2016}) == []
    assert await titles(world, {"yearTo": 2014}) == []
    assert await titles(world, {"minPrice": money("100")}) == ["A", "B"]
    assert await titles(world, {"minPrice": money("100.01"), "maxPrice": money("200")}) == ["B"]
    assert await titles(world, {"maxPrice": money("150", "USD")}) == ["D"]
    assert await titles(world, {"minPrice": money("1", "JPY")}) == []
    assert await titles(world, {"externalId": {"source": "feed", "externalId": "7"}}) == ["C"]
    assert await titles(world, {"externalId": {"source": "feed", "externalId": "8"}}) == []
    assert await titles(world, {"updatedSince": "2026-11-22T09:00:00Z"}) == ["A", "B", "C", "D"]
    assert await titles(world, {"updatedSince": "2026-11-22T09:00:01Z"}) == []
    literal = '{ listings(filter: {minPrice: {amount: "100.01", currencyCode: "INR"}}) { nodes { title } } }'
    assert (await world.data(Role.PUBLIC, literal))["listings"]["nodes"] == []


@pytest.mark.parametrize(("amount", "why"), [(money("1.001"), "INR has 2 digits"), (money("1", "ABC"), "ISO 4217")])
async def test_an_amount_that_is_none_is_refused(world: World, amount: dict[str, str], why: str) -> None:
    answer = await world.ask(Role.ADMIN, LIST, {"f": {"minPrice": amount}}, executor=why)
    assert answer["data"] == {"listings": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"BAD_USER_INPUT"}


ORDERS = {
    "NEWEST": "DCBA", "OLDEST": "ABCD", "PRICE_ASC": "BADC", "PRICE_DESC": "CDAB", "TITLE": "ABCD", "UPDATED": "BADC",
}  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
async def test_every_order_pages_both_ways(world: World, order: str) -> None:
    prices, changed = {"A": 20, "B": 10, "C": None, "D": 30}, {"A": 3, "B": 4, "C": 1, "D": 2}
    ids = {}
    for at, name in enumerate("ABCD"):
        row = listing(world, name, price=prices[name])
        await world.add(row)
        ids[name] = row.id
        times = {"made": NOW + timedelta(minutes=at), "changed": NOW + timedelta(hours=changed[name]), "id": row.id}
        await world.rows(
            "UPDATE listing SET created_at = :made, updated_at = :changed WHERE id = :id RETURNING 1", **times
        )
    page = (
        "query($first: Int, $after: String, $last: Int, $before: String) { listings(orderBy: ORDER, first: $first, after: $after,"
        " last: $last, before: $before) { nodes { title } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"
    ).replace("ORDER", order)

    async def walk(size: str, cursor: str, edge: str, more: str) -> str:
        found, at = "", None
        while True:
            shown = (await world.data(Role.DEALER, page, {size: 3, cursor: at}))["listings"]
            part = "".join(node["title"] for node in shown["nodes"])
            found = found + part if size == "first" else part + found
            if not shown["pageInfo"][more]:
                return found
            at = shown["pageInfo"][edge]

    assert await walk("first", "after", "endCursor", "hasNextPage") == ORDERS[order]
    assert await walk("last", "before", "startCursor", "hasPreviousPage") == ORDERS[order]


async def test_relations_in_both_directions_and_guarded_fields(world: World) -> None:
    bikes = Category(id=new_id(), kind="LISTING", name="Bikes")
    sku = Sku(id=new_id(), code="A-1", name="A", currency="INR", cost_minor=700, mrp_minor=1000)
    await world.add(bikes, sku)
    one = listing(
        world, "One", kind="VEHICLE", capacity=1, sku_id=sku.id, category_id=bikes.id, floor_minor=800,
        auto_accept_minor=950, auto_decline_minor=700,
    )  # fmt: skip
    await world.add(one)
    where = f"{world.tenant_id}:vehicle_detail:registration_number_enc:{one.id}".encode()
    sealed = KEYRING.seal("MH 12 AB 1234", where)
    ref = ExternalRef(id=new_id(), source="feed", type="LISTING", external_id="7", subject_id=one.id)
    await world.add(
        VehicleDetail(id=one.id, power_bhp_tenths=5, mileage_kmpl_tenths=355, registration_number_enc=sealed), ref
    )
    document = """{ listings { nodes {
      title floor { amount } autoAccept { amount } autoDecline { amount } statusReason
      dealer { name listings { nodes { title } } } category { name listings { nodes { title } } }
      vehicle { powerBhp mileageKmpl registrationNumber } castingCall { role } product { availability }
      externalIds { source value } } } }"""
    shown = {
        "title": "One",
        "dealer": {"name": "First Motors", "listings": {"nodes": [{"title": "One"}]}},
        "category": {"name": "Bikes", "listings": {"nodes": [{"title": "One"}]}},
        "castingCall": None,
        "product": None,
        "externalIds": [{"source": "feed", "value": "7"}],
    }
    private = {
        "floor": {"amount": "8.00"},
        "autoAccept": {"amount": "9.50"},
        "autoDecline": {"amount": "7.00"},
        "statusReason": None,
    }
    vehicle = {"powerBhp": "0.5", "mileageKmpl": "35.5"}
    for who in (
        Role.SALES,
        Role.DEALER,
        world.service("listing:read", "listing:readUnpublished", "listing:readPrivate", "dealer:read", "category:read"),
    ):
        found = await world.data(who, document)
        assert found["listings"]["nodes"] == [
            shown | private | {"vehicle": vehicle | {"registrationNumber": "MH 12 AB 1234"}}
        ]
    hidden = dict.fromkeys(private)
    for who in (
        world.other_dealer_actor,
        world.actors[Role.CUSTOMER],
        world.actors[Role.PUBLIC],
        world.actors[Role.AGENT],
    ):
        answer = await world.ask(who, document)
        assert answer["data"]["listings"]["nodes"] == [
            shown | hidden | {"vehicle": vehicle | {"registrationNumber": None}}
        ]
        refused = [(".".join(map(str, e["path"])), e["extensions"]["code"]) for e in answer["errors"]]
        place = "listings.nodes.0."
        assert refused == [
            (place + name, "FORBIDDEN")
            for name in ("floor", "autoAccept", "autoDecline", "statusReason", "vehicle.registrationNumber")
        ]
    viewer = await world.ask(Role.VIEWER, document)
    assert [e["path"][3:] for e in viewer["errors"]] == [
        ["floor"],
        ["autoAccept"],
        ["autoDecline"],
        ["vehicle", "registrationNumber"],
    ]

    skus = "{ listings { nodes { sku { code mrp { amount } cost { amount } listings { nodes { title } } } } } }"
    known = {"code": "A-1", "mrp": {"amount": "10.00"}, "listings": {"nodes": [{"title": "One"}]}}
    assert (await world.data(Role.OPS, skus))["listings"]["nodes"] == [{"sku": known | {"cost": {"amount": "7.00"}}}]
    answer = await world.ask(Role.SALES, skus)
    assert answer["data"]["listings"]["nodes"] == [{"sku": known | {"cost": None}}]
    for role in (Role.AGENT, Role.PUBLIC):
        answer = await world.ask(role, skus)
        assert answer["data"]["listings"]["nodes"] == [{"sku": None}]
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_the_audience_is_listed_for_those_who_read_the_unpublished(world: World) -> None:
    one = listing(world, "One", visibility="PRIVATE")
    (id_,) = await add(world, one)
    await world.do(
        Role.OWNER, "listingAudienceSet", "listing { id }", id=id_, expectedVersion=1,
        dealerIds=[world.id("Dealer", world.other_dealer)], userIds=[world.id("User", world.actors[Role.CUSTOMER].user_id)],
    )  # fmt: skip
    document = "{ listings { nodes { audience { dealer { name } user { name } } } } }"
    (found,) = (await world.data(Role.OWNER, document))["listings"]["nodes"]
    assert sorted(found["audience"], key=str) == [
        {"dealer": None, "user": {"name": "CUSTOMER person"}},
        {"dealer": {"name": "Second Motors"}, "user": None},
    ]
    (invited,) = (await world.data(world.other_dealer_actor, document))["listings"]["nodes"]
    assert invited == {"audience": []}


async def test_customers_and_the_public_see_only_what_is_on_the_market(world: World) -> None:
    rows = [listing(world, status, status=status) for status in ("ACTIVE", "DRAFT", "RESERVED", "EXPIRED", "PAUSED")]
    ids = await add(world, *rows)
    for role in (Role.CUSTOMER, Role.PUBLIC, Role.AGENT):
        found = await world.data(role, "{ listings { totalCount nodes { title } } dealers { nodes { name } } }")
        assert found["listings"] == {"totalCount": 1, "nodes": [{"title": "ACTIVE"}]}
        if role is not Role.AGENT:
            assert found["dealers"]["nodes"] == [{"name": "First Motors"}], "the other one lists nothing"
        for id_ in ids[1:]:
            assert (await world.data(role, f'{{ listing(id: "{id_}") {{ id }} node(id: "{id_}") {{ id }} }}')) == {
                "listing": None,
                "node": None,
            }
