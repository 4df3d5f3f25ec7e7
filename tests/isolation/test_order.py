"""The one statement of the compiled road names its tenant before any table is looked at, whatever the planner does.

The policies read a setting that the same statement sets, so all hangs on the order of evaluation. It is checked for
each way to write the policy, with workers and without, with tenants in turn on one connection; the forms that look at
the table first, that fold the policy into the plan, or that see through the wall show that the check can fail.
"""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import pytest_asyncio

from souk.engine.fuse import WALL
from souk.engine.pool import SETTINGS

HERE, THERE, NOBODY = (UUID(int=n) for n in (1, 2, 3))
ROWS = {HERE: 6_000, THERE: 4_000, NOBODY: 0}
TURNS = [HERE, THERE, NOBODY, THERE, HERE, HERE, NOBODY, HERE, THERE] * 2
NAME = "nullif(current_setting('souk.tenant_id', true), '')::uuid"
POLICIES = {
    "shipped": "tenant_id = (SELECT souk.current_tenant())",
    "stable": "tenant_id = souk.current_tenant()",
    "setting": f"tenant_id = {NAME}",
    "setting_once": f"tenant_id = (SELECT {NAME})",
    "as_text": "tenant_id::text = current_setting('souk.tenant_id', true)",
    "opaque": "tenant_id = slow_tenant()",  # PL/pgSQL, which no planner looks into
}
FOLDED = "tenant_id = folded_tenant()"  # IMMUTABLE: a constant of the plan, whoever asks later

# Each tells `tenant:rows` of every tenant that it sees.
SEEN = "SELECT string_agg(t.tenant_id || ':' || t.seen, ' ') FROM ({}) t"
QUESTIONS = {
    "all rows": SEEN.format("SELECT tenant_id, count(*) AS seen FROM {table} GROUP BY 1"),
    "by its index": SEEN.format(
        "SELECT tenant_id, count(*) AS seen FROM {table} WHERE n BETWEEN 0 AND 100000 GROUP BY 1"
    ),
    "joined with itself": SEEN.format(
        "SELECT a.tenant_id, count(b.n) AS seen FROM {table} a JOIN {table} b ON b.tenant_id = a.tenant_id AND b.n = a.n GROUP BY 1"
    ),
    "a page, and rows of its rows": SEEN.format(
        "SELECT p.tenant_id, max(whole.seen) AS seen FROM (SELECT * FROM {table} ORDER BY n DESC LIMIT 20) p"
        " LEFT JOIN LATERAL (SELECT c.n FROM {table} c WHERE c.n > p.n ORDER BY c.n LIMIT 5) c ON true"
        " LEFT JOIN LATERAL (SELECT count(*) AS seen FROM {table} w WHERE p.tenant_id = w.tenant_id) whole ON true GROUP BY 1"
    ),
}

SHIPPED = WALL.format("$1::uuid", "({})")
AFTERWARDS = (  # whatever `answer` needs is read before the tenant is named
    "WITH found AS MATERIALIZED (SELECT ({}) AS answer) SELECT found.answer FROM found CROSS JOIN LATERAL"
    " (SELECT set_config('souk.tenant_id', $1::uuid::text, found.answer IS NULL AND false OR %s)) s"
)
LOCAL, LASTING = AFTERWARDS % "true", AFTERWARDS % "false"

FACTS = f"""
CREATE FUNCTION slow_tenant() RETURNS uuid LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$ BEGIN RETURN {NAME}; END $$;
CREATE FUNCTION folded_tenant() RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN {NAME}; END $$;
CREATE FUNCTION eager_set(tenant text) RETURNS text LANGUAGE plpgsql VOLATILE PARALLEL SAFE
  AS $$ BEGIN RETURN set_config('souk.tenant_id', tenant, true); END $$;
"""
LAUNCHED = re.compile(r"Workers Launched: [12]")
WORKERS = {
    "max_parallel_workers_per_gather": "2",
    "parallel_setup_cost": "0",
    "parallel_tuple_cost": "0",
    "min_parallel_table_scan_size": "0",
    "min_parallel_index_scan_size": "0",
}


@pytest_asyncio.fixture(scope="module")
async def walls(database: str) -> AsyncIterator[str]:
    """A schema with one table for each policy, each with rows of two tenants; the URL of the database."""
    owner = await asyncpg.connect(database)
    try:
        await owner.execute(
            "CREATE SCHEMA walls; GRANT USAGE ON SCHEMA walls TO souk_app; SET search_path = walls, public"
        )
        await owner.execute(FACTS)
        for name, policy in {**POLICIES, "folded": FOLDED}.items():
            await owner.execute(f"CREATE TABLE {name} (tenant_id uuid, n int, PRIMARY KEY (tenant_id, n))")
            for tenant, rows in ROWS.items():
                await owner.execute(f"INSERT INTO {name} SELECT '{tenant}', generate_series(1, {rows})")
            await owner.execute(f"""
                ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; ALTER TABLE {name} FORCE ROW LEVEL SECURITY;
                CREATE POLICY tenant_wall ON {name} USING ({policy}); GRANT SELECT ON {name} TO souk_app""")
            await owner.execute(f"VACUUM ANALYZE {name}")
        yield database
    finally:
        await owner.execute("DROP SCHEMA IF EXISTS walls CASCADE")
        await owner.close()


async def connect(url: str, *, workers: bool, role: str = "souk_app", **more: str) -> asyncpg.Connection:
    """As the pool of compiled reads connects, with every plan parallel that can be, or none."""
    settings = {**SETTINGS, "search_path": "walls, public", "role": role, **more}
    if workers:
        settings |= WORKERS
    connection = await asyncpg.connect(url, server_settings=settings)
    modern = await connection.fetchval("SELECT current_setting('server_version_num')::int >= 160000")
    name = "debug_parallel_query" if modern else "force_parallel_mode"
    await connection.execute(f"SET {name} = {'on' if workers else 'off'}")
    return connection


async def wrong(connection: asyncpg.Connection, table: str, form: str = SHIPPED) -> set[str]:
    """What the check finds, with tenants in turn on one prepared statement for each question: nothing, where all is well."""
    found: set[str] = set()
    for question in QUESTIONS.values():
        prepared = await connection.prepare(form.format(question.format(table=table)))
        for tenant in TURNS:
            ((answer,),) = await prepared.fetch(tenant)  # not `fetchval`, whose limit of one row sends the workers home
            seen = dict(each.split(":") for each in (answer or "").split())
            if {*seen} - {str(tenant)}:
                found.add("foreign rows")
            if int(seen.get(str(tenant), 0)) != ROWS[tenant]:
                found.add("own rows missing")
    return found


def workers_of(plan: str) -> bool:
    """Whether a plan has workers to do it."""
    return "Gather" in plan


async def explained(connection: asyncpg.Connection, statement: str, *how: str) -> str:
    return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {' '.join(how)} {statement}"))


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
@pytest.mark.parametrize("policy", POLICIES)
async def test_the_tenant_is_named_before_any_table_is_looked_at(
    walls: str, policy: str, workers: bool, mode: str
) -> None:
    connection = await connect(walls, workers=workers, plan_cache_mode=mode)
    try:
        assert await wrong(connection, policy) == set()
        assert await connection.fetchval(f"SELECT count(*) FROM {policy}") == 0  # nothing stays behind
    finally:
        await connection.close()


@pytest.mark.parametrize("policy", POLICIES)
async def test_with_workers_the_transaction_of_the_batched_road_sees_its_own_rows_only(walls: str, policy: str) -> None:
    """Set by a statement of its own the tenant reaches the workers; these plans have some, so the settings above do bite."""
    connection = await connect(walls, workers=True)
    parallel = set()
    try:
        for tenant in TURNS:
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(f"SELECT set_config('souk.tenant_id', '{tenant}', true)")
                for name, question in QUESTIONS.items():
                    text = question.format(table=policy)
                    expected = f"{tenant}:{ROWS[tenant]}" if ROWS[tenant] else None
                    assert [tuple(row) for row in await connection.fetch(text)] == [(expected,)], (name, tenant)
                    if expected and LAUNCHED.search(await explained(connection, text, "ANALYZE")):
                        parallel.add(name)
    finally:
        await connection.close()
    assert {"all rows", "joined with itself"} <= parallel


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_statement_that_names_its_tenant_has_no_workers(walls: str, policy: str) -> None:
    """`set_config` is PARALLEL UNSAFE, so no part of the statement may be given away, though all of them would be cheaper."""
    connection = await connect(walls, workers=True)
    try:
        for question in QUESTIONS.values():
            text = question.format(table=policy)
            alone = WALL.format(f"'{HERE}'::uuid", f"({text})")
            assert not workers_of(await explained(connection, alone))
    finally:
        await connection.close()


async def test_a_setter_that_calls_itself_safe_is_refused_with_workers(walls: str) -> None:
    """Were `set_config` ever marked safe, PostgreSQL would rather fail than let workers see another tenant."""
    form = SHIPPED.replace("set_config('souk.tenant_id', $1::uuid::text, true)", "eager_set($1::uuid::text)")
    assert form != SHIPPED
    connection = await connect(walls, workers=True)
    try:
        with pytest.raises(asyncpg.PostgresError, match="parallel operation"):
            await wrong(connection, "shipped", form)
    finally:
        await connection.close()
    connection = await connect(walls, workers=False)
    try:
        assert await wrong(connection, "shipped", form) == set()
    finally:
        await connection.close()


CONTROLS = {
    "the table before the tenant: nobody's rows": (POLICIES, LOCAL, "souk_app", {"own rows missing"}),
    "the table before the tenant, which stays: the former tenant's rows": (
        POLICIES, LASTING, "souk_app", {"own rows missing", "foreign rows"},
    ),
    "a policy that is folded into the plan": (["folded"], SHIPPED, "souk_app", {"own rows missing"}),
    "who sees through the wall": ([*POLICIES, "folded"], SHIPPED, "none", {"own rows missing", "foreign rows"}),
}  # fmt: skip


@pytest.mark.parametrize("workers", [False, True], ids=["alone", "workers"])
@pytest.mark.parametrize("name", CONTROLS)
async def test_the_check_can_fail(walls: str, name: str, workers: bool) -> None:
    """The negative controls, of each policy."""
    tables, form, role, expected = CONTROLS[name]
    found: dict[str, Any] = {}
    for table in tables:
        connection = await connect(walls, workers=workers, role=role)
        try:
            found[table] = await wrong(connection, table, form)
        finally:
            await connection.close()
    assert found == dict.fromkeys(tables, expected)
