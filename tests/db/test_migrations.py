"""Migrations wait for tables in short turns, and bring along what the rows that are there lack."""

import asyncio
import secrets
from datetime import timedelta
from time import monotonic

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from souk import migrations
from souk.db.connect import sqlalchemy_url
from tests.world import NOW, Souk, make_world


async def test_a_table_that_is_held_is_waited_for_in_short_turns(own_database: str) -> None:
    url = sqlalchemy_url(own_database)
    holder = await asyncpg.connect(own_database)
    held = holder.transaction()
    await held.start()
    await holder.execute("LOCK TABLE alembic_version")
    try:
        began = monotonic()
        with pytest.raises(DBAPIError, match="lock timeout"):
            await migrations.upgrade(url, lock=0.02, patience=0.2)
        assert monotonic() - began > 0.2
        going = asyncio.create_task(migrations.upgrade(url, lock=0.02))
        for _ in range(2):  # it comes back
            while not await waiting(own_database):
                await asyncio.sleep(0.001)
            while await waiting(own_database):
                await asyncio.sleep(0.001)
        assert not going.done()
    finally:
        await held.rollback()
        await holder.close()
    await asyncio.wait_for(going, 10)


async def test_a_login_that_is_only_a_member_of_the_roles_migrates_on(own_database: str) -> None:
    """As after the rotation of the login: it may make no role, hand none on, and owns nothing."""
    name, secret = f"souk_m_{secrets.token_hex(4)}", secrets.token_hex(8)
    maker = await asyncpg.connect(own_database)
    try:
        await maker.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{secret}'")
        await maker.execute(f"GRANT {', '.join(migrations.ROLES)} TO {name}")
        login = make_url(sqlalchemy_url(own_database)).set(username=name, password=secret)
        url = login.render_as_string(hide_password=False)
        await migrations.upgrade(url)
        await migrations.downgrade(url, "-1")
        revision = "SELECT version_num FROM alembic_version"
        assert await maker.fetchval(revision) != migrations.head()
        await migrations.upgrade(url)
        assert await maker.fetchval(revision) == migrations.head()
        owned = "SELECT count(*) FROM pg_class JOIN pg_roles ON pg_roles.oid = relowner WHERE rolname = $1"
        assert await maker.fetchval(owned, name) == 0
        await maker.execute(f"DROP ROLE {name}")
    finally:
        await maker.close()


async def waiting(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        asked = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND datname = current_database()"
        return await connection.fetchval(asked) is not None
    finally:
        await connection.close()


async def test_what_was_there_before_gets_its_timer_and_its_category(own_database: str) -> None:
    url, souk = sqlalchemy_url(own_database), Souk.open(own_database)
    try:
        worlds = [await make_world(souk) for _ in range(2)]
    finally:
        await souk.close()
    await migrations.downgrade(url, "0016")
    connection = await asyncpg.connect(own_database)
    try:
        watched, known = worlds[0].dealer, worlds[1].dealer
        await connection.execute("UPDATE dealer SET standing = 'WATCH' WHERE id = ANY ($1)", [watched, known])
        await connection.execute("UPDATE dealer SET standing = 'WARNED' WHERE id = $1", worlds[0].other_dealer)
        for n, (to, day) in enumerate((("WATCH", 1), ("GOOD", 2), ("WATCH", 3)), 1):
            await connection.execute(
                "INSERT INTO domain_event (tenant_id, id, created_at, at, subject_type, subject_id, seq, type, internal,"
                " to_status, data) VALUES ($1, gen_random_uuid(), $2, $2, 'Dealer', $3, $4, 'dealer.standing_changed',"
                " false, $5, '{}')",
                worlds[0].tenant_id, NOW + timedelta(days=day), watched, 100 + n, to,
            )  # fmt: skip
        asked = "INSERT INTO souk.work (tenant_id, kind, ref, due_at) VALUES ($1, 'dealer.calm', $2, $3)"
        await connection.execute(asked, worlds[1].tenant_id, known, NOW)
        appeals = "SELECT tenant_id FROM category WHERE purpose = 'APPEAL' AND kind = 'TICKET' ORDER BY 1"
        named = "UPDATE category SET purpose = NULL WHERE tenant_id = $1"  # it is found by its name
        assert len(await connection.fetch(appeals)) == 0
        looked = "SELECT tenant_id FROM souk.work WHERE kind = 'stock.look' AND ref = tenant_id ORDER BY 1"
        assert len(await connection.fetch(looked)) == 0
        await migrations.upgrade(url)
        assert [each["tenant_id"] for each in await connection.fetch(appeals)] == sorted(w.tenant_id for w in worlds)
        await connection.execute(named, worlds[0].tenant_id)
        await migrations.downgrade(url, "0016")
        await migrations.upgrade(url)
        assert [each["tenant_id"] for each in await connection.fetch(appeals)] == sorted(w.tenant_id for w in worlds)
        assert [each["tenant_id"] for each in await connection.fetch(looked)] == sorted(w.tenant_id for w in worlds)
        found = await connection.fetch("SELECT ref, due_at FROM souk.work WHERE kind = 'dealer.calm'")
    finally:
        await connection.close()
    assert {each["ref"]: each["due_at"] for each in found} == {watched: NOW + timedelta(days=93), known: NOW}
