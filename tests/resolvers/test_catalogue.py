"""SKUs, competitors, categories, and the lists of dealers."""

from datetime import timedelta
from typing import Any

import pytest

from souk.models import Category, Competitor, CompetitorSnapshot, ExternalRef, Listing, Sku, new_id
from souk.rules.actor import Role
from tests.resolvers.listings import audited, events, listing
from tests.world import NOW, World


def codes(payload: dict[str, Any]) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def page_through(world: World, who: Role, field: str, arguments: str, name: str) -> tuple[list[str], list[str]]:
    """A list of `name`s, two at a time: forwards, and backwards from its end."""
    given, ways = f"{arguments}, " if arguments else "", []
    for size, cursor, edge, more in (
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ):
        found: list[str] = []
        at = "null"
        while True:
            document = (
                f"{{ {field}({given}{size}: 2, {cursor}: {at}) {{ nodes {{ {name} }} pageInfo {{ {more} {edge} }} }} }}"
            )
            page = (await world.data(who, document))[field]
            part = [node[name] for node in page["nodes"]]
            found = found + part if size == "first" else part + found
            if not page["pageInfo"][more]:
                break
            at = f'"{page["pageInfo"][edge]}"'
        ways.append(found)
    return ways[0], ways[1]


# SKUs -------------------------------------------------------------------------------------------------------------

SKU = "sku { id code name brand mrp { amount currencyCode } cost { amount } currency ean upc mpn version }"


async def test_a_sku_is_created_and_changed(world: World) -> None:
    given = {
        "code": " A-1 ", "name": "Lamp", "brand": "Lux", "mrp": {"amount": "1000.00", "currencyCode": "SAR"},
        "cost": {"amount": "0", "currencyCode": "SAR"}, "ean": "4006381-333931", "upc": "036000291452", "mpn": "L1",
    }  # fmt: skip
    payload = await world.do(Role.ADMIN, "skuCreate", SKU, **given)
    made = payload["sku"]
    id_ = made.pop("id")
    assert made == {
        "code": "A-1", "name": "Lamp", "brand": "Lux", "mrp": {"amount": "1000.00", "currencyCode": "SAR"},
        "cost": {"amount": "0.00"}, "currency": "SAR", "ean": "4006381333931", "upc": "036000291452", "mpn": "L1", "version": 1,
    }  # fmt: skip
    payload = await world.do(
        Role.OWNER,
        "skuUpdate",
        SKU,
        id=id_,
        expectedVersion=1,
        brand=None,
        mrp={"amount": "900", "currencyCode": "SAR"},
    )
    assert payload["sku"] == made | {
        "id": id_,
        "brand": None,
        "mrp": {"amount": "900.00", "currencyCode": "SAR"},
        "version": 2,
    }
    ((sku_id,),) = await world.rows("SELECT id FROM sku WHERE tenant_id = :t", t=world.tenant_id)
    assert [each[0] for each in await events(world, sku_id)] == ["sku.created", "sku.updated"]
    assert await audited(world, sku_id) == ["skuCreate", "skuUpdate"]

    again = await world.do(Role.ADMIN, "skuCreate", "sku { id }", code="A-1", name="Other")
    assert codes(again) == [("NOT_UNIQUE", ["code"])]
    twice = {"code": "A-1", "name": "Other", "idempotencyKey": world.key()}
    refused = [await world.do(Role.ADMIN, "skuCreate", "sku { id } idempotencyReplayed", **twice) for _ in range(2)]
    assert [(codes(each), each["idempotencyReplayed"]) for each in refused] == [
        ([("NOT_UNIQUE", ["code"])], replayed) for replayed in (False, True)
    ]
    wrong = await world.do(
        Role.ADMIN, "skuCreate", "sku { id }", code="", name="x" * 201, ean="123", upc="12a",
        mrp={"amount": "1.001", "currencyCode": "INR"}, cost={"amount": "1", "currencyCode": "USD"},
    )  # fmt: skip
    assert {(error["code"], error["field"][0]) for error in wrong["userErrors"]} == {
        ("REQUIRED", "code"), ("TOO_LONG", "name"), ("INVALID", "ean"), ("INVALID", "upc"), ("INVALID", "mrp"), ("INVALID", "cost"),
    }  # fmt: skip
    other = await world.do(
        Role.ADMIN, "skuUpdate", "sku { id }", id=id_, expectedVersion=2, cost={"amount": "1", "currencyCode": "INR"}
    )
    assert codes(other) == [("INVALID", ["cost"])]
    assert codes(await world.do(Role.ADMIN, "skuUpdate", "sku { id }", id=id_, expectedVersion=1)) == [
        ("STALE_VERSION", ["expectedVersion"])
    ]
    assert await world.rows("SELECT code, version FROM sku WHERE tenant_id = :t", t=world.tenant_id) == [("A-1", 2)]
    home = await world.do(world.service("sku:write", "sku:read"), "skuCreate", SKU, code="A-2", name="Shade")
    assert home["sku"]["currency"] == "INR"


async def test_skus_are_found_and_paged(world: World) -> None:
    rows = [Sku(id=new_id(), code=code, name=code, currency="INR") for code in ("C", "A", "B")]
    for at, row in enumerate(rows):
        await world.add(row)
        await world.rows(
            "UPDATE sku SET created_at = :at WHERE id = :id RETURNING 1", at=NOW + timedelta(minutes=at), id=row.id
        )
    await world.add(ExternalRef(id=new_id(), source="erp", type="SKU", external_id="7", subject_id=rows[0].id))
    for order, expected in {"NEWEST": "BAC", "OLDEST": "CAB", "CODE": "ABC"}.items():
        assert await page_through(world, Role.CUSTOMER, "skus", f"orderBy: {order}", "code") == (
            list(expected),
            list(expected),
        )

    async def found(filter: str) -> list[str]:
        shown = await world.data(
            Role.DEALER, f"{{ skus(filter: {{{filter}}}, orderBy: CODE) {{ totalCount nodes {{ code }} }} }}"
        )
        return [node["code"] for node in shown["skus"]["nodes"]]

    assert await found('codes: ["A", "C", "X"]') == ["A", "C"]
    assert await found('externalId: {source: "erp", externalId: "7"}') == ["C"]
    assert await found('updatedSince: "2026-11-22T09:00:01Z"') == []
    one = await world.data(
        Role.DEALER, f'{{ sku(id: "{world.id("Sku", rows[0].id)}") {{ code externalIds {{ source value }} }} }}'
    )
    assert one["sku"] == {"code": "C", "externalIds": [{"source": "erp", "value": "7"}]}


# Competitors ------------------------------------------------------------------------------------------------------


async def test_a_competitor_is_created_and_changed(world: World) -> None:
    payload = await world.do(
        Role.ADMIN,
        "competitorCreate",
        "competitor { id name domain version }",
        name="Rival",
        domain="Shop.Bücher.example.",
    )
    made = payload["competitor"]
    id_ = made.pop("id")
    assert made == {"name": "Rival", "domain": "shop.xn--bcher-kva.example", "version": 1}
    payload = await world.do(
        Role.OWNER, "competitorUpdate", "competitor { name domain version }", id=id_, expectedVersion=1, name="Rivals"
    )
    assert payload["competitor"] == {"name": "Rivals", "domain": "shop.xn--bcher-kva.example", "version": 2}
    again = await world.do(
        Role.ADMIN, "competitorCreate", "competitor { id }", name="Twin", domain="shop.bücher.example"
    )
    assert codes(again) == [("NOT_UNIQUE", ["domain"])]
    for domain in ("localhost", "-a.example", "a b.example", "x" * 64 + ".example"):
        wrong = await world.do(Role.ADMIN, "competitorCreate", "competitor { id }", name=" ", domain=domain)
        assert codes(wrong) == [("REQUIRED", ["name"]), ("INVALID", ["domain"])]
    assert await world.rows("SELECT name, version FROM competitor WHERE tenant_id = :t", t=world.tenant_id) == [
        ("Rivals", 2)
    ]


async def test_competitors_and_what_was_seen_there(world: World) -> None:
    sku = Sku(id=new_id(), code="A", name="A", currency="INR")
    rivals = [Competitor(id=new_id(), name=name, domain=f"{name}.example") for name in ("c", "a", "b")]
    await world.add(sku, *rivals)
    seen = [
        CompetitorSnapshot(
            id=new_id(), competitor_id=rivals[0].id, sku_id=sku.id, captured_at=NOW + timedelta(hours=at), currency="INR",
            outcome="FOUND" if at else "PARSE_FAILED", price_minor=900 if at else None,
        )
        for at in range(2)
    ]  # fmt: skip
    await world.add(*seen)
    assert await page_through(world, Role.VIEWER, "competitors", "orderBy: DOMAIN", "name") == (["a", "b", "c"],) * 2
    document = """{ competitors(filter: {domains: ["c.example"]}) { nodes { name
      snapshots { totalCount nodes { outcome capturedAt price { amount } sku { code } competitor { name } } }
      failed: snapshots(filter: {outcome: [PARSE_FAILED], capturedSince: "2026-11-22T09:00:00Z", skuId: "SKU"}) { totalCount }
    } } }""".replace("SKU", world.id("Sku", sku.id))
    both = {"sku": {"code": "A"}, "competitor": {"name": "c"}}
    assert (await world.data(Role.SALES, document))["competitors"]["nodes"] == [{
        "name": "c",
        "snapshots": {"totalCount": 2, "nodes": [
            {"outcome": "FOUND", "capturedAt": "2026-11-22T10:00:00Z", "price": {"amount": "9.00"}} | both,
            {"outcome": "PARSE_FAILED", "capturedAt": "2026-11-22T09:00:00Z", "price": None} | both,
        ]},
        "failed": {"totalCount": 1},
    }]  # fmt: skip
    id_ = world.id("CompetitorSnapshot", seen[1].id)
    assert await world.data(Role.OPS, f'{{ node(id: "{id_}") {{ id }} }}') == {"node": {"id": id_}}
    for role in (Role.AGENT, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        answer = await world.ask(role, f'{{ competitors {{ totalCount }} node(id: "{id_}") {{ id }} }}')
        assert answer["data"] == {"competitors": None, "node": None}
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"] * 2


@pytest.mark.parametrize(("mutation", "may"), [
    ("skuCreate", "OWNER ADMIN"), ("skuUpdate", "OWNER ADMIN"), ("competitorCreate", "OWNER ADMIN"), ("competitorUpdate", "OWNER ADMIN"),
])  # fmt: skip
async def test_who_may_not_write_gets_null_and_changes_nothing(world: World, mutation: str, may: str) -> None:
    sku, rival = (
        Sku(id=new_id(), code="A", name="A", currency="INR"),
        Competitor(id=new_id(), name="c", domain="c.example"),
    )
    await world.add(sku, rival)
    field = "sku" if mutation.startswith("sku") else "competitor"
    given = {
        "skuCreate": {"code": "B", "name": "B"}, "skuUpdate": {"id": world.id("Sku", sku.id), "expectedVersion": 1, "name": "B"},
        "competitorCreate": {"name": "d", "domain": "d.example"},
        "competitorUpdate": {"id": world.id("Competitor", rival.id), "expectedVersion": 1, "name": "d"},
    }[mutation]  # fmt: skip
    document = (
        f"mutation($i: {mutation[0].upper()}{mutation[1:]}Input!) {{ {mutation}(input: $i) {{ {field} {{ id }} }} }}"
    )
    for role in world.actors:
        if role not in may.split():
            answer = await world.ask(role, document, {"i": given})
            assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({mutation: None}, "FORBIDDEN")
    of_dealer = world.service(f"{field}:write", f"{field}:read", dealer_id=world.dealer)
    if mutation.endswith("Create"):
        assert codes(await world.do(of_dealer, mutation, f"{field} {{ id }}", **given)) == [("FORBIDDEN", None)]
    assert await world.rows("SELECT name, version FROM sku WHERE tenant_id = :t", t=world.tenant_id) == [("A", 1)]
    assert await world.rows("SELECT name, version FROM competitor WHERE tenant_id = :t", t=world.tenant_id) == [
        ("c", 1)
    ]


# Categories -------------------------------------------------------------------------------------------------------


async def test_the_taxonomy_is_read_up_and_down_by_everybody(world: World) -> None:
    top = Category(id=new_id(), kind="LISTING", name="Vehicles")
    await world.add(top)
    below = [Category(id=new_id(), kind="LISTING", name=name, parent_id=top.id) for name in ("Cars", "Bikes")]
    old = Category(id=new_id(), kind="LISTING", name="Carts", parent_id=top.id, archived_at=NOW)
    tickets = Category(id=new_id(), kind="TICKET", name="Appeals")
    await world.add(*below, old, tickets)
    row: Listing = listing(world, "One", category_id=below[1].id)
    await world.add(row)
    document = """{ categories(filter: {kind: LISTING, parentId: null}) { nodes { name parent { name }
      children { totalCount nodes { name parent { name } listings { nodes { title } } } }
      inUse: children(filter: {archived: false}) { nodes { name } } } } }"""
    above = {"parent": {"name": "Vehicles"}}
    for who in (Role.PUBLIC, Role.AGENT, world.service("category:read", "listing:read")):
        assert (await world.data(who, document))["categories"]["nodes"] == [{
            "name": "Vehicles", "parent": None,
            "children": {"totalCount": 3, "nodes": [
                {"name": "Bikes", "listings": {"nodes": [{"title": "One"}]}} | above,
                {"name": "Cars", "listings": {"nodes": []}} | above,
                {"name": "Carts", "listings": {"nodes": []}} | above,
            ]},
            "inUse": {"nodes": [{"name": "Bikes"}, {"name": "Cars"}]},
        }]  # fmt: skip
    assert (
        await page_through(world, Role.PUBLIC, "categories", "filter: {kind: LISTING}", "name")
        == (["Bikes", "Cars", "Carts", "Vehicles"],) * 2
    )
    (taken,) = (
        await world.data(Role.PUBLIC, "{ categories(filter: {archived: true}) { nodes { name archivedAt } } }")
    )["categories"]["nodes"]
    assert taken == {"name": "Carts", "archivedAt": "2026-11-22T09:00:00Z"}
    below_bikes = f'{{ categories(filter: {{parentId: "{world.id("Category", below[1].id)}"}}) {{ totalCount }} }}'
    assert await world.data(Role.PUBLIC, below_bikes) == {"categories": {"totalCount": 0}}
    for category in (old, tickets):
        given = {"kind": "PRODUCT", "title": "A thing", "categoryId": world.id("Category", category.id)}
        assert codes(await world.do(Role.DEALER, "listingCreate", "listing { id }", **given)) == [
            ("INVALID", ["categoryId"])
        ]


# Dealers ----------------------------------------------------------------------------------------------------------


async def test_dealers_are_filtered_by_what_the_viewer_may_read(world: World) -> None:
    await world.rows(
        "UPDATE dealer SET standing = 'WATCH', verification = 'PENDING' WHERE id = :id RETURNING 1",
        id=world.other_dealer,
    )
    await world.add(
        ExternalRef(id=new_id(), source="crm", type="DEALER", external_id="7", subject_id=world.other_dealer)
    )

    async def names(who: Role, filter: str) -> list[str]:
        found = await world.data(
            who, f"{{ dealers(filter: {{{filter}}}, orderBy: NAME) {{ totalCount nodes {{ name }} }} }}"
        )
        return [node["name"].split()[0] for node in found["dealers"]["nodes"]]

    assert await names(Role.OPS, "standing: [WATCH, WARNED]") == ["Second"]
    assert await names(Role.OPS, "verification: [VERIFIED, PENDING]") == ["First", "Second"]
    assert await names(Role.DEALER, "standing: [GOOD, WATCH]") == ["First"], "only its own record is its to read"
    assert await names(Role.AGENT, "standing: [GOOD, WATCH]") == []
    assert await names(Role.AGENT, 'city: "PUNE", kind: DEALERSHIP') == ["First", "Second"]
    assert await names(Role.OPS, 'externalId: {source: "crm", externalId: "7"}') == ["Second"]
    assert await names(Role.OPS, 'updatedSince: "2026-11-22T09:00:01Z"') == []
    for order, expected in {"NAME": ["First Motors", "Second Motors"]}.items():
        assert await page_through(world, Role.DEALER, "dealers", f"orderBy: {order}", "name") == (expected, expected)
    document = "{ dealers(orderBy: NAME) { nodes { name listings(orderBy: TITLE, first: 1) { totalCount nodes { title } } } } }"
    await world.add(
        listing(world, "A"),
        listing(world, "B", status="DRAFT"),
        listing(world, "C", dealer_id=world.other_dealer, status="DRAFT"),
    )
    shown = (await world.data(Role.DEALER, document))["dealers"]["nodes"]
    assert [(node["listings"]["totalCount"], node["listings"]["nodes"]) for node in shown] == [
        (2, [{"title": "A"}]),
        (0, []),
    ]
