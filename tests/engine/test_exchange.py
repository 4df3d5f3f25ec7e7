"""What is said for plans on a connection: values as text, answers as bytes, errors as asyncpg's, and the socket shared."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from souk.engine.errors import Unavailable, typed
from souk.engine.exchange import Unheard, elements, text_of
from souk.engine.fuse import Plan
from souk.engine.pool import Connection, Pool
from souk.engine.sql import Parameters

ID = UUID("01234567-89ab-7def-8123-456789abcdef")


def plan(sql: str) -> Plan:
    return Plan(sql, Parameters(), [], [], False)


@pytest.fixture
async def connection(where: Any) -> AsyncIterator[Connection]:
    pool = Pool(**where, size=1, statements=3)
    connection = await pool.acquire()
    yield connection
    pool.release(connection)
    await pool.close()


@pytest.mark.parametrize(
    ("type_", "value", "shown"),
    [
        ("uuid", ID, str(ID)),
        ("text", 'a "quoted" \\ word, {braced} €\n', 'a "quoted" \\ word, {braced} €\n'),
        ("text", "", ""),
        ("bigint", -(2**63), str(-(2**63))),
        ("boolean", True, "true"),
        ("numeric", Decimal("12.50"), "12.50"),
        ("date", date(2024, 2, 29), "2024-02-29"),
        ("timestamptz", datetime(2024, 2, 29, 1, 2, 3, 400, UTC), "2024-02-29 01:02:03.0004+00"),
        ("bytea", b"\x00\xff", "\\x00ff"),
        ("interval", timedelta(days=-2, seconds=5, microseconds=7), "-2 days +00:00:05.000007"),
        ("uuid[]", [ID], "{" + str(ID) + "}"),
        ("text[]", ['a"b\\c', "NULL", "", None], '{"a\\"b\\\\c","NULL","",NULL}'),
        ("integer[]", [], "{}"),
    ],
)
async def test_a_value_arrives_as_it_is(connection: Connection, type_: str, value: Any, shown: str) -> None:
    assert await connection.answer(plan(f"SELECT textsend($1::{type_}::text)"), [value]) == shown.encode()
    assert await connection.answer(plan(f"SELECT textsend(($1::{type_} IS NULL)::text)"), [None]) == b"true"


def test_what_has_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="no parameter is a object"):
        text_of(object())


async def test_an_answer_may_be_null_or_larger_than_any_buffer(connection: Connection) -> None:
    assert await connection.answer(plan("SELECT null::bytea"), []) is None
    large = await connection.answer(plan("SELECT textsend(repeat('ab', $1::integer))"), [3_000_000])
    assert large == b"ab" * 3_000_000
    listed = await connection.answer(plan("SELECT array_agg(textsend(n::text)) FROM generate_series(1, 3) n"), [])
    assert list(elements(listed)) == [b"1", b"2", b"3"]
    assert list(elements(await connection.answer(plan("SELECT ARRAY[]::bytea[]"), []))) == []
    assert list(elements(None)) == []


async def test_an_error_is_asyncpgs_and_the_next_statement_is_answered(connection: Connection) -> None:
    divided, wrong = plan("SELECT textsend((1 / $1::integer)::text)"), plan("SELECT nonsense")
    for _ in range(2):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.answer(divided, [0])
        with pytest.raises(asyncpg.UndefinedColumnError):
            await connection.answer(wrong, [])
        with pytest.raises(asyncpg.InvalidTextRepresentationError):
            await connection.answer(divided, ["one"])
        assert await connection.answer(divided, [1]) == b"1"
        assert await connection.raw.fetchval("SELECT 1") == 1
    assert list(connection.statements) == [divided]


async def test_statements_are_prepared_once_bounded_and_closed(connection: Connection) -> None:
    plans = [plan(f"SELECT textsend('{n}')") for n in range(5)]
    for _ in range(3):
        for each in plans[:3]:
            await connection.answer(each, [])
    kept = "SELECT array_agg(statement ORDER BY prepare_time) FROM pg_prepared_statements WHERE NOT from_sql"
    assert await connection.raw.fetchval(kept + " AND name LIKE 'souk%'") == [each.sql for each in plans[:3]]
    await connection.answer(plans[0], [])
    await connection.answer(plans[4], [])
    assert list(connection.statements) == [plans[2], plans[0], plans[4]]
    left = await connection.raw.fetchval(kept + " AND name LIKE 'souk%'")
    assert sorted(left) == sorted(each.sql for each in connection.statements)


async def test_a_statement_goes_with_its_plan(connection: Connection) -> None:
    stays, goes = plan("SELECT textsend('stays')"), plan("SELECT textsend('goes')")
    assert [await connection.answer(goes, []), await connection.answer(stays, [])] == [b"goes", b"stays"]
    under_way = asyncio.ensure_future(connection.answer(goes, []))
    await asyncio.sleep(0)
    del goes
    assert (len(connection.statements), await under_way) == (2, b"goes")  # not before it was answered
    del under_way
    assert list(connection.statements) == [stays]
    comes = plan("SELECT textsend('comes')")
    assert await connection.answer(comes, []) == b"comes"  # the server is told with the next that is prepared
    names = "SELECT array_agg(name ORDER BY name) FROM pg_prepared_statements WHERE NOT from_sql AND name LIKE 'souk%'"
    assert await connection.raw.fetchval(names) == ["souk_2", "souk_3"]
    assert [each.name for each in connection.statements.values()] == [b"souk_2", b"souk_3"]


async def test_asyncpg_hears_what_it_asked_although_a_plan_was_answered_meanwhile(connection: Connection) -> None:
    raw = connection.raw
    assert await connection.answer(plan("SELECT textsend('one')"), []) == b"one"
    assert await raw.fetchval("SELECT 2") == 2


async def test_two_at_a_time_are_answered_in_their_order(connection: Connection) -> None:
    echo, wrong = plan("SELECT textsend($1)"), plan("SELECT textsend((1 / $1::integer)::text)")
    large = plan("SELECT textsend(repeat($1, 300000))")
    for first, second in (
        ((echo, "one"), (echo, "two")),
        ((large, "ab"), (echo, "two")),
        ((echo, "one"), (large, "é")),
    ):
        asked = [asyncio.ensure_future(connection.answer(each, [value])) for each, value in (first, second)]
        await asyncio.sleep(0)
        with pytest.raises(asyncpg.InterfaceError, match="another operation is in progress"):
            await connection.answer(echo, ["three"])
        expected = [value.encode() * (300000 if each is large else 1) for each, value in (first, second)]
        assert await asyncio.gather(*asked) == expected
    found = await asyncio.gather(
        connection.answer(wrong, [0]), connection.answer(echo, ["good"]), return_exceptions=True
    )
    assert (type(found[0]), found[1]) == (asyncpg.DivisionByZeroError, b"good")
    assert wrong not in connection.statements and echo in connection.statements


async def test_what_was_sent_behind_a_statement_that_cannot_be_prepared_is_prepared_itself(
    connection: Connection, owner: Any
) -> None:
    there = plan("SELECT textsend(count(*)::text) FROM is_missing")
    both = await asyncio.gather(connection.answer(there, []), connection.answer(there, []), return_exceptions=True)
    assert [type(each) for each in both] == [asyncpg.UndefinedTableError] * 2
    assert not connection.statements and await connection.raw.fetchval("SELECT 1") == 1


async def test_a_statement_that_is_dropped_while_it_is_under_way_is_still_answered(connection: Connection) -> None:
    echo = [plan(f"SELECT textsend($1 || '{n}')") for n in range(5)]
    for n in range(0, 50):
        pair = echo[n % 5], echo[(n + 3) % 5]
        found = await asyncio.gather(*(connection.answer(each, [str(n)]) for each in pair))
        assert found == [b"%d%d" % (n, n % 5), b"%d%d" % (n, (n + 3) % 5)]
    kept = "SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql AND name LIKE 'souk%'"
    assert (len(connection.statements), await connection.raw.fetchval(kept)) == (3, 3)


async def test_what_was_prepared_anew_meanwhile_is_kept(connection: Connection) -> None:
    echo = plan("SELECT textsend($1)")
    assert await connection.answer(echo, ["one"]) == b"one"
    await connection.raw.execute(f"DEALLOCATE {connection.statements[echo].name.decode()}")
    first, second, third = [asyncio.get_running_loop().create_future() for _ in range(3)]

    class Again:
        def done(self) -> bool:
            return False

        def set_result(self, value: bytes | None) -> None:
            first.set_result(value)

        def set_exception(self, error: BaseException) -> None:
            first.set_result(type(error))
            connection.begin(echo, ["three"], third)

    connection.begin(echo, ["one"], Again())
    connection.begin(echo, ["two"], second)
    assert await asyncio.gather(first, third) == [asyncpg.InvalidSQLStatementNameError, b"three"]
    assert isinstance(second.exception(), asyncpg.InvalidSQLStatementNameError)
    assert connection.statements[echo].name == b"souk_2" and await connection.answer(echo, ["four"]) == b"four"


async def test_whoever_was_behind_when_the_server_ended_the_connection_is_told_that_nobody_heard(
    connection: Connection,
) -> None:
    ends = plan("SELECT textsend(pg_terminate_backend(pg_backend_pid())::text)")
    found = await asyncio.gather(
        connection.answer(ends, []), connection.answer(plan("SELECT textsend('two')"), []), return_exceptions=True
    )
    # the server's last words may be lost, where it had not read the second
    assert type(found[0]) in (asyncpg.AdminShutdownError, asyncpg.ConnectionDoesNotExistError)
    assert type(found[1]) is Unheard and connection.is_closed()
    assert [type(typed(each)) for each in found if isinstance(each, Exception)] == [Unavailable, Unavailable]


async def test_a_connection_that_ends_says_so_and_is_closed(connection: Connection, owner: Any) -> None:
    ends = plan("SELECT textsend(pg_terminate_backend(pg_backend_pid())::text)")
    with pytest.raises(asyncpg.AdminShutdownError):
        await connection.answer(ends, [])
    while not connection.is_closed():
        await asyncio.sleep(0)
    with pytest.raises(asyncpg.PostgresConnectionError):
        await connection.answer(ends, [])
