"""The embedded PostgreSQL: attached to when it is up, started again after a crash, stopped whoever started it."""

from collections.abc import Callable

import asyncpg
import pytest

from souk.db.connect import Limits, connect, create_pool, sqlalchemy_url, with_database
from souk.db.embedded import Embedded

pytestmark = pytest.mark.own_server


async def asked(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_it_outlives_its_starter_and_a_crash(own_server: Callable[[], Embedded]) -> None:
    server = own_server()
    assert not server.running
    url = server.start()
    pid = await asked(url, "SELECT pg_postmaster_start_time()::text")
    await asked(url, "CREATE TABLE kept AS SELECT 7 AS n")
    again = Embedded(server.directory, throwaway=True)
    assert again.running and again.start() == url
    assert await asked(url, "SELECT pg_postmaster_start_time()::text") == pid
    assert again.stop("immediate") is True
    assert not server.running
    with pytest.raises(OSError, match=r"No such file|refused"):
        await asked(url, "SELECT 1")
    assert server.start() == url
    assert await asked(url, "SELECT n FROM kept") == 7
    assert server.stop() is True
    assert again.stop() is False


async def test_it_is_the_same_everywhere(own_server: Callable[[], Embedded]) -> None:
    server = own_server()
    url = server.start()
    assert await asked(url, "SELECT current_setting('timezone')") == "UTC"
    assert await asked(url, "SELECT current_setting('jit')") == "off"
    assert await asked(url, "SELECT current_setting('listen_addresses')") == ""
    assert await asked(url, "SELECT lower('ÄŁ') || (CASE WHEN 'B' < 'a' THEN ' bytes' END)") == "äł bytes"
    server.stop()


async def test_each_connection_is_its_role_from_the_first_packet_on(database: str) -> None:
    connection = await connect(database, "souk_worker", Limits(statement=30, lock=2))
    try:
        assert await connection.fetchval("SELECT current_user") == "souk_worker"
        assert await connection.fetchval("SELECT current_setting('statement_timeout')") == "30s"
        await connection.execute("RESET ROLE")
        assert await connection.fetchval("SELECT current_user") == "souk_worker"
        await connection.execute("DISCARD ALL")
        assert await connection.fetchval("SELECT current_user AS afterwards") == "souk_worker"
    finally:
        await connection.close()
    async with await create_pool(database, "souk_app", size=1) as pool:
        for _ in range(2):
            assert await pool.fetchval("SELECT current_user::text || current_setting('timezone')") == "souk_appUTC"


def test_urls_keep_their_place() -> None:
    socket = "postgresql://postgres@/souk?host=/run/pg"
    assert with_database(socket, "other") == "postgresql://postgres@/other?host=/run/pg"
    assert (
        with_database("postgresql://a:b@db:5433/x?sslmode=require", "y") == "postgresql://a:b@db:5433/y?sslmode=require"
    )
    assert with_database("postgresql:///x?host=/run/pg", "y") == "postgresql:///y?host=/run/pg"
    assert sqlalchemy_url(socket) == "postgresql+asyncpg://postgres@/souk?host=/run/pg"
    with pytest.raises(ValueError, match="must begin with postgresql://"):
        sqlalchemy_url("mysql://db/x")
