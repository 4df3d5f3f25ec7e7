"""Migrations wait for tables in short turns."""

import asyncio
from time import monotonic

import asyncpg
import pytest
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


async def waiting(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        asked = "SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted AND datname = current_database()"
        return await connection.fetchval(asked) is not None
    finally:
        await connection.close()
