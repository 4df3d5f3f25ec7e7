"""Row security costs no index: the plan of every list, in each order and with each filter, over three uneven tenants."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from graphql import get_named_type

from souk.engine.pool import SETTINGS
from souk.engine.run import Runner
from souk.engine.views import view_of
from souk.rules.actor import Role
from souk.schema import schema
from tests.isolation.positions import plain
from tests.world import Souk, World, make_world

MANY = """
INSERT INTO listing (tenant_id, id, created_at, updated_at, version, dealer_id, kind, status, title, price_minor, price_order, currency, negotiable,
                     capacity, max_unlocks, visibility, city, city_key)
SELECT $1, gen_random_uuid(), now() - n * interval '1 minute', now() - n * interval '1 second', 1, $2,
       (ARRAY['VEHICLE', 'PRODUCT', 'CASTING_CALL'])[1 + n % 3],
       (ARRAY['ACTIVE', 'ACTIVE', 'ACTIVE', 'ACTIVE', 'PAUSED', 'EXPIRED', 'DRAFT', 'RESERVED'])[1 + n % 8],
       'Listing ' || n, n, n, 'INR', true, 1, 3, 'PUBLIC', 'City ' || n % 50, 'city ' || n % 50
FROM generate_series(1, $3::int) AS n
"""
DETAILS = """
INSERT INTO vehicle_detail (tenant_id, id, created_at, make, make_key, model, year, km)
SELECT tenant_id, id, created_at, 'M' || (price_minor % 40), 'm' || (price_minor % 40), 'X', 2000 + (price_minor % 25)::int, price_minor::int
FROM listing WHERE tenant_id = $1 AND kind = 'VEHICLE'
"""


@dataclass
class Crowd:
    souk: Souk
    worlds: list[World]
    runner: Runner
    connection: asyncpg.Connection

    async def plan(self, text: str, variables: dict[str, Any], role: Role, *settings: str) -> dict[str, Any]:
        """The generic plan of the fused statement, as the application runs it."""
        world = self.worlds[0]
        operation = self.runner.operation(text)
        assert operation is not None, text
        values = operation.coerce(variables)
        assert isinstance(values, dict), (text, variables, values)
        plan = operation.plan(world.actor(role).facts, values)
        assert hasattr(plan, "sql"), (text, variables, plan)
        async with self.connection.transaction():
            await self.connection.execute("SELECT set_config('souk.tenant_id', $1, true)", str(world.tenant_id))
            for each in settings:
                await self.connection.execute(f"SET LOCAL {each}")
            await self.connection.execute(f"PREPARE asked AS {plan.sql}")
            try:
                count = await self.connection.fetchval(
                    "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'asked'"
                )
                arguments = f"({', '.join(['NULL'] * count)})" if count else ""
                found = await self.connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{arguments}")
            finally:
                await self.connection.execute("DEALLOCATE asked")
        explained: dict[str, Any] = json.loads(found)[0]["Plan"]
        return explained


@pytest_asyncio.fixture(scope="module")
async def crowd(souk: Souk, database: str, size: Any) -> AsyncIterator[Crowd]:
    """The third tenant is the largest; the plans are asked of the first, which is the smallest but one."""
    worlds = [await make_world(souk) for _ in range(3)]
    owner = await asyncpg.connect(database)
    for world, share in zip(worlds, (0.2, 0.05, 0.75), strict=True):
        await owner.execute("SET session_replication_role = replica")  # no search documents: they are not asked here
        await owner.execute(MANY, world.tenant_id, world.dealer, int(size(10_000, 100_000) * share))
        await owner.execute(DETAILS, world.tenant_id)
        await owner.execute("RESET session_replication_role")
    await owner.execute("ANALYZE")
    connection = await asyncpg.connect(database, server_settings=SETTINGS | {"role": "souk_app"})
    yield Crowd(souk, worlds, souk.runner, connection)
    await connection.close()
    for world in worlds:
        await owner.execute("SET session_replication_role = replica")
        for table in ("vehicle_detail", "listing"):
            await owner.execute(f"DELETE FROM {table} WHERE tenant_id = $1", world.tenant_id)
        await owner.execute("RESET session_replication_role")
    await owner.execute("ANALYZE")
    await owner.close()


def lists() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(root, what is asked, document, variables): each order alone, and each filter in the first order."""
    for name, field in schema._schema.query_type.fields.items():  # type: ignore[union-attr]
        if not str(field.type).endswith("Connection"):
            continue
        orders = list(get_named_type(field.args["orderBy"].type).values) if "orderBy" in field.args else [""]  # type: ignore[union-attr]
        filters = get_named_type(field.args["filter"].type).fields if "filter" in field.args else {}  # type: ignore[union-attr]
        for order in orders:
            by = f", orderBy: {order}" if order else ""
            yield name, order, f"{{ {name}(first: 20{by}) {{ nodes {{ __typename }} }} }}", {}
        if filters:
            document = f"query($f: {field.args['filter'].type}) {{ {name}(first: 20, filter: $f) {{ nodes {{ __typename }} }} }}"
            for given, each in filters.items():
                yield name, f"filter.{given}", document, {"f": {given: plain(each.type, given, {"*": ID})}}


ID = "TGlzdGluZzowMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDE="
EVERY = list(lists())


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def table_of(name: str) -> str:
    """The table of a root list: what its type is a view of."""
    connection = get_named_type(schema._schema.query_type.fields[name].type)  # type: ignore[union-attr]
    view = view_of(schema._schema, get_named_type(connection.fields["nodes"].type).name)  # type: ignore[union-attr]
    return str(view.model.__tablename__)  # type: ignore[union-attr]


@pytest.mark.parametrize(("name", "what", "text", "variables"), EVERY, ids=[f"{n}-{w}" for n, w, _, _ in EVERY])
async def test_every_list_has_an_index_for_its_order(
    crowd: Crowd, name: str, what: str, text: str, variables: dict[str, Any]
) -> None:
    """With scans and sorts forbidden where anything else is possible, none is left: an index gives the rows in order."""
    plan = await crowd.plan(
        text, variables, Role.OWNER, "enable_seqscan = off", "enable_sort = off", "enable_bitmapscan = off"
    )
    table = table_of(name)
    scans = [each for each in nodes(plan) if each.get("Relation Name") == table]
    assert scans or "Result" in str(plan), plan
    assert [each["Node Type"] for each in scans if each["Node Type"] == "Seq Scan"] == [], what
    sorts = [
        each
        for each in nodes(plan)
        if each["Node Type"] == "Sort" and any(n.get("Relation Name") == table for n in nodes(each))
    ]
    assert sorts == [], (what, [each["Sort Key"] for each in sorts])


LISTED = [each for each in EVERY if each[0] == "listings"]


@pytest.mark.parametrize(("name", "what", "text", "variables"), LISTED, ids=[each[1] for each in LISTED])
@pytest.mark.parametrize("role", [Role.OWNER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC])
async def test_listings_are_read_by_index_as_the_planner_chooses(
    crowd: Crowd, role: Role, name: str, what: str, text: str, variables: dict[str, Any]
) -> None:
    """No scan of the table and no sort of it, left to the planner with the statistics of many rows."""
    plan = await crowd.plan(text, variables, role)
    listed = [each for each in nodes(plan) if each.get("Relation Name") in ("listing", "vehicle_detail")]
    assert [(each["Node Type"], each["Relation Name"]) for each in listed if each["Node Type"] == "Seq Scan"] == []
    rows = await crowd.connection.fetchval("SELECT reltuples FROM pg_class WHERE relname = 'listing'")
    assert [
        each["Plan Rows"] for each in nodes(plan) if each["Node Type"] == "Sort" and each["Plan Rows"] > rows / 10
    ] == []
