"""Migrations wait for tables in short turns."""

import asyncio
import secrets
from time import monotonic

import asyncpg
import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from souk import migrations
from souk.db.connect import sqlalchemy_url


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
