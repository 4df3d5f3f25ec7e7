"""What another system calls a row: given by whoever brings it in, found by it afterwards."""

from typing import Any

import pytest

from souk.rules.actor import Role
from tests.resolvers.trade import a_listing, codes
from tests.world import World

THEIRS = {"source": "dms", "externalId": "A/7"}
PERSON = {"name": "Ravi", "phone": "+919876543210"}


async def given(world: World, entity: str) -> dict[str, Any]:
    """What it takes to make one."""
    match entity:
        case "listing":
            return {"kind": "PRODUCT", "title": "A thing", "dealerId": world.id("Dealer", world.dealer)}
        case "sku":
            return {"code": f"C-{world.key()[-3:]}", "name": "Thing"}
        case "dealer":
            return {"kind": "DEALERSHIP", "name": "Third Motors"}
    return {"listingId": world.id("Listing", await a_listing(world)), **PERSON}


@pytest.mark.parametrize("entity", ["listing", "sku", "dealer", "lead"])
async def test_an_integration_names_what_it_brings_in_and_finds_it_again(world: World, entity: str) -> None:
    scopes = ("listing:write", "listing:read", "listing:readUnpublished", "sku:write", "sku:read", "dealer:write")
    who = world.service(*scopes, "dealer:read", "lead:create", "lead:read")
    shown = f"{entity} {{ id externalIds {{ source value }} }}"
    made = await world.do(who, f"{entity}Create", shown, **await given(world, entity), externalId=THEIRS)
    assert codes(made) == []
    assert made[entity]["externalIds"] == [{"source": "dms", "value": "A/7"}]
    find = f"query($f: {entity.capitalize()}Filter) {{ {entity}s(filter: $f) {{ nodes {{ id }} }} }}"
    found = await world.data(who, find, {"f": {"externalId": THEIRS}})
    assert found[f"{entity}s"]["nodes"] == [{"id": made[entity]["id"]}]
    other = {"f": {"externalId": {**THEIRS, "source": "erp"}}}
    assert (await world.data(who, find, other))[f"{entity}s"]["nodes"] == []

    before = await world.rows(f"SELECT count(*) FROM {entity}")
    more = await given(world, entity)
    taken = await world.do(Role.ADMIN, f"{entity}Create", f"{entity} {{ id }}", **more, externalId=THEIRS)
    assert codes(taken) == [("NOT_UNIQUE", ["externalId"])]
    empty = {"source": " ", "externalId": "x" * 201}
    wrong = await world.do(Role.ADMIN, f"{entity}Create", f"{entity} {{ id }}", **more, externalId=empty)
    assert codes(wrong) == [
        ("REQUIRED", ["externalId", "source"]), ("TOO_LONG", ["externalId", "externalId"]),
    ]  # fmt: skip
    assert await world.rows(f"SELECT count(*) FROM {entity}") == before


async def test_who_sees_only_its_own_names_nothing(world: World) -> None:
    """Whether an id is taken would tell a dealer or a customer what others bring in."""
    listing = {"kind": "PRODUCT", "title": "A thing", "externalId": THEIRS}
    bound = world.service("listing:write", "listing:read", dealer_id=world.dealer)
    for who in (world.actor(Role.DEALER), bound):
        refused = await world.do(who, "listingCreate", "listing { id }", **listing)
        assert codes(refused) == [("FORBIDDEN", ["externalId"])]
    lead = {**await given(world, "lead"), "externalId": THEIRS}
    for role in (Role.CUSTOMER, Role.PUBLIC):
        assert codes(await world.do(role, "leadCreate", "lead { id }", **lead)) == [("FORBIDDEN", ["externalId"])]
    assert await world.rows("SELECT 1 FROM external_ref") == [] == await world.rows("SELECT 1 FROM lead")
