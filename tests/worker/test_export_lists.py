"""Every list as a file: each field by the name and the guard of the schema, each cell what the API answers in its place."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, get_named_type, is_leaf_type, is_list_type
from strawberry.utils.str_converters import to_camel_case

from souk.db.session import Database, system_actor
from souk.engine.notes import guards_of, note_of
from souk.engine.symbols import Viewer
from souk.models import Category, Export, PricePolicy, PricePolicyVersion, Sku, new_id
from souk.resolvers.export.cells import Field, cells_of
from souk.resolvers.export.columns import FIELDS
from souk.resolvers.export.reading import Reader, own_only
from souk.resolvers.lists import LISTS
from souk.rules.actor import Actor, Role
from souk.rules.enums import ListName
from souk.schema import schema
from tests.bazaar import Bazaar, make_bazaar
from tests.resolvers.listings import listing
from tests.worker.exported import Exporting
from tests.world import NOW, Souk, World

GRAPH = schema._schema
QUERY = GRAPH.query_type
assert QUERY is not None
PARTS = {"vehicle.make": "vehicle", "atRisk": "impact"}
TYPES = {name: LISTS[name].model.__name__ for name in ListName}
PAGE = "pageInfo { hasNextPage endCursor }"


@pytest.fixture(autouse=True)
def _bench() -> None:
    """The real actions, not those of the engine's bench."""


@pytest_asyncio.fixture(scope="module")
async def bazaar(souk: Souk) -> AsyncIterator[Bazaar]:
    yield await make_bazaar(souk)


@pytest_asyncio.fixture
async def export(world: World, doors: Any) -> Exporting:
    return Exporting(world, doors[1], doors[2])


def type_of(name: ListName) -> GraphQLObjectType:
    found = GRAPH.type_map[TYPES[name]]
    assert isinstance(found, GraphQLObjectType)
    return found


def root_of(name: ListName) -> str:
    return to_camel_case(name.value.lower())


def test_every_list_that_takes_a_filter_can_be_a_file() -> None:
    filtered = {
        name
        for name, field in QUERY.fields.items()
        if str(field.type).endswith("Connection") and "filter" in field.args
    }
    assert filtered == {root_of(name) for name in ListName}
    assert set(LISTS) == set(FIELDS) == set(ListName)
    for name in ListName:
        root = QUERY.fields[root_of(name)]
        assert str(root.args["filter"].type) == LISTS[name].filter.__name__
        assert str(root.type) == f"{TYPES[name]}Connection"


@pytest.mark.parametrize("name", ListName)
def test_a_field_of_a_file_has_the_name_and_the_guard_that_it_has_in_the_schema(name: ListName) -> None:
    for field in FIELDS[name]:
        declared = type_of(name).fields[PARTS.get(field.name, field.name.partition(".")[0])]
        note = note_of(declared.extensions["strawberry-definition"])
        guards = [type(each) for each in guards_of(note)]
        assert ([] if field.guard is None else [type(field.guard)]) == guards, field.name
        gate = getattr(note, "gate", None)
        assert field.gate is None if gate is None else isinstance(field.gate, type(gate)), field.name


# The file beside the API ------------------------------------------------------------------------------------------------


def selected(name: ListName, field: Field) -> str:
    """What the API is asked for where the file has this field."""
    if field.name == "atRisk":
        return "impact { atRisk { amount currencyCode } }"
    outer, _, inner = field.name.partition(".")
    if inner:
        return f"{outer} {{ {inner} }}"
    of = get_named_type(type_of(name).fields[outer].type)
    if is_leaf_type(of):
        return outer
    if str(of) == "Money":
        return f"{outer} {{ amount currencyCode }}"
    texts = [cell.heading.removeprefix(outer).lower() for cell in field.cells]
    return f"{outer} {{ {' '.join(texts)} }}"


def told(name: ListName, field: Field, node: dict[str, Any]) -> list[Any]:
    """The cells of a field as the API tells them."""
    outer, _, inner = field.name.partition(".")
    if field.name == "atRisk":
        (found,) = node["impact"]["atRisk"] or [None]
    else:
        found = node[outer]
    if found is None:
        return [None] * len(field.cells)
    if inner and isinstance(found, list):
        return [" ".join(each[inner] for each in found) or None]
    if inner:
        return [found[inner]]
    type_ = type_of(name).fields[outer if field.name != "atRisk" else "impact"].type
    if (
        isinstance(found, list)
        and is_list_type(getattr(type_, "of_type", type_))
        and str(get_named_type(type_)) == "String"
    ):
        return [" ".join(found)]
    if isinstance(found, dict) and str(get_named_type(type_)) not in ("JSON",):
        return list(found.values())
    return [found]


def alike(cell: Any, value: Any) -> bool:
    if isinstance(value, dict | list):
        return bool(orjson.loads(cell) == value)
    return str(cell) == str(value)


async def rows_of_api(world: World, actor: Actor, name: ListName, fields: list[Field]) -> dict[str, list[list[Any]]]:
    """The whole list by its ids: for each field its cells."""
    words = " ".join(selected(name, field) for field in fields)
    document = (
        f"query($after: String) {{ {root_of(name)}(first: 100, after: $after) {{ nodes {{ {words} }} {PAGE} }} }}"
    )
    found: dict[str, list[list[Any]]] = {}
    after = None
    while True:
        answer = await world.ask(actor, document, {"after": after})
        assert {each["extensions"]["code"] for each in answer.get("errors", ())} <= {"FORBIDDEN"}
        page = answer["data"][root_of(name)]
        for node in page["nodes"]:
            found[node["id"]] = [told(name, field, node) for field in fields]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def rows_of_file(
    db: Database, world: World, actor: Actor, name: ListName, fields: list[Field]
) -> dict[str, list[list[Any]]]:
    kept = Export(role=actor.role, dealer_id=actor.dealer_id, list_name=name, filter=None)
    reader, found = Reader(kept, actor, fields, NOW + timedelta(days=1)), {}
    async with db.transaction(system_actor(world.tenant_id), "test", system=True) as tx:
        ends = await reader.ends(tx, None, 100)
        for after, upto in zip([None, *ends], ends, strict=False):
            for row in await reader.rows(tx, after, upto):
                cells = iter(row)
                found[row[0]] = [[next(cells) for _ in field.cells] for field in fields]
    return found


ROLES = (Role.OWNER, Role.OPS, Role.SALES, Role.AGENT, Role.DEALER, Role.CUSTOMER, Role.SERVICE)


@pytest.mark.parametrize("name", ListName)
async def test_a_cell_is_what_the_api_answers_in_its_place(bazaar: Bazaar, worker_db: Database, name: ListName) -> None:
    """Every row and field of the list to somebody of each role that may export; those of O have their own rows alone."""
    compared = 0
    for actor in [bazaar.actors[role] for role in ROLES] + bazaar.others:
        fields = [field for field in FIELDS[name] if field.readable(Viewer.of(actor))]
        if not LISTS[name].gate.admits(actor.facts):
            continue
        api = await rows_of_api(bazaar.world, actor, name, fields)
        file = await rows_of_file(worker_db, bazaar.world, actor, name, fields)
        assert (set(file) <= set(api)) if own_only(actor) else (set(file) == set(api)), actor
        for id_, row in file.items():
            for field, cells, answered in zip(fields, row, api[id_], strict=True):
                same = all(map(alike, cells, answered)) and len(cells) == len(answered)
                assert same, (actor.role, field.name, cells, answered)
                compared += 1
    assert compared >= 3 * len(FIELDS[name])


SCOPES = (
    "batch:export", "audit:read", "manifest:write", "system:read", "user:readStaff",
    *(f"{each}:read" for each in ("alert", "batch", "category", "competitor", "deal", "dealer", "lead", "listing", "offer",
                                  "pricePolicy", "sku", "task", "team", "ticket", "user")),
)  # fmt: skip


async def test_every_list_is_read_as_everybody_who_may(bazaar: Bazaar, worker_db: Database) -> None:
    """Whoever could not ask for a list could not be read one either: the statement itself gives nothing to them."""
    world = bazaar.world
    for actor in (
        *world.actors.values(),
        world.service(*SCOPES, dealer_id=world.dealer),
        world.service("batch:export"),
    ):
        for name in ListName:
            fields = [field for field in FIELDS[name] if field.readable(Viewer.of(actor))]
            rows = await rows_of_file(worker_db, world, actor, name, fields)
            if not LISTS[name].gate.admits(actor.facts):
                assert rows == {}, (actor, name)
            assert {sum(map(len, row)) for row in rows.values()} <= {len(cells_of(fields))}


# What is one's own, and bytes -------------------------------------------------------------------------------------------


async def test_a_dealer_gets_the_skus_and_policies_of_what_it_lists(world: World, export: Exporting) -> None:
    mine, others = (Sku(id=new_id(), code=code, name=code, currency="INR", mrp_minor=100_00, cost_minor=60_00,
                        created_at=NOW - timedelta(hours=n)) for n, code in ((2, "CB"), (1, "DX")))  # fmt: skip
    policies = [PricePolicy(id=new_id(), sku_id=of.id, kind="MAP", currency="INR", amount_minor=90_05, tolerance_bp=50, tolerance_minor=1,
                            valid_from=NOW, head_version=1, created_at=of.created_at) for of in (mine, others)]  # fmt: skip
    await world.add(mine, others)
    await world.add(*policies)
    await world.add(*(PricePolicyVersion(id=new_id(), policy_id=of.id, n=1, amount_minor=90_05, currency="INR", tolerance_bp=50,
                                         tolerance_minor=1, valid_from=NOW, recorded_at=NOW) for of in policies))  # fmt: skip
    await world.add(
        listing(world, "Mine", sku_id=mine.id), listing(world, "Theirs", sku_id=others.id, dealer_id=world.other_dealer)
    )
    told = ["code", "mrp", "cost"]
    assert await export(Role.OPS, "SKUS", columns=told) == (
        b"code,mrp,mrpCurrency,cost,costCurrency\r\nCB,100.00,INR,60.00,INR\r\nDX,100.00,INR,60.00,INR\r\n"
    )
    assert await export(Role.DEALER, "SKUS", columns=told[:2]) == b"code,mrp,mrpCurrency\r\nCB,100.00,INR\r\n"
    assert b"cost" not in await export(Role.DEALER, "SKUS")
    told = ["sku", "kind", "amount", "toleranceBp", "tolerance", "validFrom", "validTo"]
    heading = "skuId,skuCode,kind,amount,amountCurrency,toleranceBp,tolerance,toleranceCurrency,validFrom,validTo\r\n"
    rows = [
        f"{world.id('Sku', of.id)},{of.code},MAP,90.05,INR,50,0.01,INR,2026-11-22T09:00:00Z,\r\n"
        for of in (mine, others)
    ]
    assert (await export(Role.OWNER, "PRICE_POLICIES", columns=told)).decode() == heading + "".join(rows)
    assert (await export(Role.DEALER, "PRICE_POLICIES", columns=told)).decode() == heading + rows[0]
    asked = {"skuId": world.id("Sku", others.id)}
    assert (await export(Role.OWNER, "PRICE_POLICIES", columns=told, filter=asked)).decode() == heading + rows[1]


async def test_the_taxonomy_is_nobodys_own_and_its_tree_is_told(world: World, export: Exporting) -> None:
    top = Category(id=new_id(), kind="LISTING", name="Bikes", created_at=NOW - timedelta(hours=2))
    below = Category(id=new_id(), kind="LISTING", name="=Electric", parent_id=top.id, created_at=NOW - timedelta(hours=1), archived_at=NOW)  # fmt: skip
    await world.add(top)
    await world.add(below)
    told = ["name", "parent", "archivedAt"]
    heading = "name,parentId,parentName,archivedAt\r\n"
    first, second = "Bikes,,,\r\n", f"'=Electric,{world.id('Category', top.id)},Bikes,2026-11-22T09:00:00Z\r\n"
    assert (await export(Role.ADMIN, "CATEGORIES", columns=told)).decode() == heading + first + second
    asked = {"parentId": None}
    assert (await export(Role.ADMIN, "CATEGORIES", columns=told, filter=asked)).decode() == heading + first
    assert (await export(Role.DEALER, "CATEGORIES", columns=told)).decode() == heading


async def test_the_audit_tells_its_hashes_and_to_outsiders_what_concerns_them(world: World, export: Exporting) -> None:
    batch = await export.ask(Role.DEALER, "LISTINGS", columns=["id"])
    await export.to_end(batch)
    (kept,) = await world.rows("SELECT * FROM audit_event WHERE subject_id = :id AND op = 'exportCreate'", id=batch)
    told = ["seq", "op", "actingRole", "subjectType", "subjectId", "hash", "changes"]
    asked = {"op": "exportCreate", "subjectId": world.id("Batch", batch)}
    row = f"{kept.seq},exportCreate,DEALER,Batch,{world.id('Batch', batch)},{kept.hash.hex()},"
    heading = "seq,op,actingRole,subjectType,subjectId,hash,changes\r\n"
    for who in (Role.OWNER, Role.DEALER):
        content = (await export(who, "AUDIT_EVENTS", columns=told, filter=asked)).decode()
        assert content.startswith(heading + row), who
    assert (await export(world.other_dealer_actor, "AUDIT_EVENTS", columns=told, filter=asked)).decode() == heading
    assert (await export(Role.CUSTOMER, "AUDIT_EVENTS", columns=told, filter=asked)).decode() == heading


async def test_people_are_told_to_outsiders_as_themselves(world: World, export: Exporting) -> None:
    heading, me, *rest = (
        (await export(Role.CUSTOMER, "USERS", columns=["id", "memberships.role"])).decode().split("\r\n")
    )
    assert heading == "id,memberships.role"
    assert (me, rest) == (f"{world.id('User', world.actors[Role.CUSTOMER].user_id)},CUSTOMER", [""])
    everybody = (await export(Role.OWNER, "USERS", columns=["id"])).decode().split("\r\n")
    (number,) = await world.rows("SELECT count(*) FROM app_user WHERE tenant_id = :t", t=world.tenant_id)
    assert len(everybody) - 2 == number[0] >= 9
