"""The wall stands in the database, whatever the application does."""

import asyncpg
import pytest
from sqlalchemy import text

from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.models import Model
from tests.world import Souk, World, make_world

OPEN = {"account", "work", "alembic_version"}
"""Tables without a policy: ids and times, sign-in keys no tenant role may read, Alembic's own."""


async def test_every_table_of_a_tenant_has_forced_row_security_and_its_key(souk: Souk, database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch("""
            SELECT c.relname, c.relforcerowsecurity AND c.relrowsecurity AS walled,
                   EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'tenant_wall') AS policy,
                   (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM pg_index i
                      CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, n)
                      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                    WHERE i.indrelid = c.oid AND i.indisprimary) AS key
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.relkind = 'r' AND n.nspname IN ('public', 'souk')
        """)
    finally:
        await connection.close()
    assert {t["relname"] for t in tables} == {t.name for t in Model.metadata.tables.values()} | {"alembic_version"}
    assert {t["relname"] for t in tables if not (t["walled"] and t["policy"])} == OPEN
    keys = {t["relname"]: t["key"] for t in tables if t["relname"] not in OPEN}
    assert {n for n, key in keys.items() if not key.startswith("tenant_id")} == {"tenant"}


async def test_without_a_tenant_there_are_no_rows_and_the_role_sees_through_nothing(
    world: World, database: str
) -> None:
    connection = await asyncpg.connect(database, server_settings={"role": "souk_app"})
    try:
        assert await connection.fetchval("SELECT count(*) FROM dealer") == 0
        for statement in (
            "TABLE account",
            "ALTER TABLE dealer DISABLE ROW LEVEL SECURITY",
            "SET row_security = off; TABLE dealer",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    finally:
        await connection.close()
    await world.souk.app.check()
    with pytest.raises(RuntimeError):
        await world.souk.owner.check()


async def test_what_the_door_tells_of_an_account_it_tells_the_application_only(database: str) -> None:
    connection = await asyncpg.connect(database)
    try:
        functions = await connection.fetch("""
            SELECT p.oid::regprocedure::text AS name,
                   ARRAY(SELECT r.rolname FROM pg_roles r WHERE r.rolname LIKE 'souk\\_%'
                         AND has_function_privilege(r.rolname, p.oid, 'EXECUTE') ORDER BY 1) AS roles
            FROM pg_proc p WHERE p.pronamespace = 'souk'::regnamespace
              AND p.proname LIKE ANY (ARRAY['account\\_%', 'people_of_account'])""")
    finally:
        await connection.close()
    roles = {row["name"]: row["roles"] for row in functions}
    for open_ in ("souk.account_for(uuid,text,text)", "souk.account_of(text,text)"):  # an id for a key, and no more
        del roles[open_]
    assert len(roles) == 11 and set(map(tuple, roles.values())) == {("souk_app", "souk_door")}


async def test_a_reference_into_another_tenant_is_refused(souk: Souk, world: World) -> None:
    other = await make_world(souk)
    with pytest.raises(Exception, match="fk_membership_tenant_id_dealer_id"):
        await world.rows(
            "INSERT INTO membership (tenant_id, id, created_at, updated_at, version, user_id, role, dealer_id, all_teams)"
            " VALUES (:t, gen_random_uuid(), now(), now(), 1, :u, 'DEALER', :d, false)",
            t=world.tenant_id, u=next(iter(world.actors.values())).user_id, d=other.dealer,
        )  # fmt: skip


@pytest.mark.parametrize("table", ["audit_event", "domain_event"])
async def test_what_is_append_only_stays(world: World, table: str) -> None:
    before = await world.rows(f"SELECT count(*) FROM {table}")
    for statement in (f"UPDATE {table} SET created_at = now()", f"DELETE FROM {table}"):
        with pytest.raises(Exception, match="append-only"):
            await world.rows(statement)
    assert await world.rows(f"SELECT count(*) FROM {table}") == before != [(0,)]


@pytest.mark.filterwarnings("error::sqlalchemy.exc.SAWarning")
async def test_models_and_migrations_are_one_and_the_way_down_leads_up_again(own_database: str) -> None:
    url = sqlalchemy_url(own_database)
    assert await migrations.drift(url) == []
    await migrations.downgrade(url, "base")
    await migrations.upgrade(url)
    assert await migrations.drift(url) == []


async def test_what_sees_over_the_wall_is_executed_by_named_roles_only(souk: Souk) -> None:
    """A function that runs as its owner, and that everybody may execute, is a door without a key."""
    asked = """
        SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('souk', 'public') AND p.prosecdef
          AND (p.proacl IS NULL OR EXISTS (SELECT FROM aclexplode(p.proacl) a WHERE a.grantee = 0))
    """
    found = "SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'souk' AND prosecdef"
    async with souk.owner.engine.connect() as connection:
        assert (await connection.execute(text(asked))).all() == []
        assert (await connection.execute(text(found))).scalar_one() > 20
