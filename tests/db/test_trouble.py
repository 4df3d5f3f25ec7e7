"""Whatever a database that goes away makes somebody raise, the client is told that it may try again, on every road."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from asyncpg import exceptions as pg
from graphql import GraphQLError
from sqlalchemy import exc, text
from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi

from souk.db.connect import Limits
from souk.db.idempotency import Key
from souk.db.session import Database
from souk.db.trouble import trouble
from souk.engine.errors import shown, typed
from souk.rules.actor import Role
from souk.web.errors import failure_of
from tests.world import KEYRING, World

RAW: list[tuple[str, BaseException]] = [
    ("UNAVAILABLE", pg.ConnectionDoesNotExistError("connection was closed in the middle of operation")),
    ("UNAVAILABLE", pg.ConnectionFailureError("unexpected")),
    ("UNAVAILABLE", pg.ClientCannotConnectError("no")),
    ("UNAVAILABLE", pg.ConnectionRejectionError("no")),
    ("UNAVAILABLE", pg.CannotConnectNowError("the database system is starting up")),
    ("UNAVAILABLE", pg.AdminShutdownError("terminating connection due to administrator command")),
    ("UNAVAILABLE", pg.CrashShutdownError("terminating connection because of crash of another server process")),
    ("UNAVAILABLE", pg.IdleSessionTimeoutError("terminating connection due to idle-session timeout")),
    ("UNAVAILABLE", pg.DatabaseDroppedError("gone")),
    ("UNAVAILABLE", pg.PostgresIOError("could not read block")),
    ("UNAVAILABLE", pg.DiskFullError("no space left on device")),
    ("UNAVAILABLE", pg.InterfaceError("connection is closed")),
    ("UNAVAILABLE", pg.InterfaceError("cannot perform operation: connection is closed")),
    ("UNAVAILABLE", pg.InterfaceError("cannot perform operation: another operation is in progress")),
    ("UNAVAILABLE", pg.InterfaceError("cannot call Connection.execute(): connection has been released back to the pool")),
    ("UNAVAILABLE", pg.InterfaceError("pool is closing")),
    ("UNAVAILABLE", pg.InternalClientError("got result for unknown protocol state 3")),
    ("UNAVAILABLE", pg.ProtocolError("unexpected message")),
    ("OVERLOADED", pg.TooManyConnectionsError("sorry, too many clients already")),
    ("OVERLOADED", pg.IdleInTransactionSessionTimeoutError("terminating connection")),
    ("DEADLINE_EXCEEDED", pg.QueryCanceledError("canceling statement due to statement timeout")),
    ("CONFLICT", pg.LockNotAvailableError("canceling statement due to lock timeout")),
    ("CONFLICT", pg.DeadlockDetectedError("deadlock detected")),
    ("CONFLICT", pg.SerializationError("could not serialize access")),
]  # fmt: skip
OTHER: list[tuple[str, BaseException]] = [
    ("UNAVAILABLE", ConnectionResetError(104, "Connection reset by peer")),
    ("UNAVAILABLE", ConnectionRefusedError(111, "Connect call failed")),
    ("UNAVAILABLE", BrokenPipeError(32, "Broken pipe")),
    ("UNAVAILABLE", ConnectionError("unexpected connection_lost() call")),
    ("UNAVAILABLE", OSError(113, "No route to host")),
    ("UNAVAILABLE", TimeoutError(110, "Connection timed out")),
    ("UNAVAILABLE", RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")),
    ("UNAVAILABLE", exc.PendingRollbackError("Can't reconnect until invalid transaction is rolled back.", code="8s2b")),
    ("OVERLOADED", exc.TimeoutError("QueuePool limit of size 6 overflow 0 reached, connection timed out")),
]
OURS: list[BaseException] = [
    pg.UndefinedColumnError("column x does not exist"),
    pg.DataError("invalid input for query argument $1"),
    pg.InvalidTextRepresentationError("invalid input syntax"),
    pg.InsufficientPrivilegeError("permission denied"),
    pg.InFailedSQLTransactionError("current transaction is aborted"),
    pg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
    exc.PendingRollbackError("This Session's transaction has been rolled back during flush.", code="7s2a"),
    RuntimeError("dictionary changed size during iteration"),
    KeyError("x"),
    AttributeError("x"),
]


def named(case: Any) -> str:
    return type(case).__name__ if isinstance(case, BaseException) else str(case)


def wrapped(error: BaseException, *, lost: bool = False) -> BaseException:
    """As SQLAlchemy raises it: its own exception, around the dialect's, that comes from asyncpg's."""
    dialect = AsyncAdapt_asyncpg_dbapi(pg)
    kind = dialect.InterfaceError if isinstance(error, pg.InterfaceError) else dialect.Error
    original = kind(str(error), error)
    original.__cause__ = error
    return exc.DBAPIError("UPDATE", {}, original, connection_invalidated=lost)


def everywhere(error: BaseException) -> tuple[str | None, str | None, str, bool]:
    """As the list has it, as the engine stops, and as a client is told over both."""
    found = trouble(error)
    stopped = typed(error)
    told = shown(GraphQLError("x", original_error=error), "r", loud=False)["extensions"]  # type: ignore[arg-type]
    failure = failure_of(error)
    assert (stopped.code if stopped else None) == (found.value if found else None)
    return found and found.value, failure and failure.code.value, told["code"], told["retryable"]


@pytest.mark.parametrize(("code", "error"), [*RAW, *OTHER], ids=named)
def test_it_is_the_same_code_on_every_road(code: str, error: BaseException) -> None:
    assert everywhere(error) == (code, code, code, True)


@pytest.mark.parametrize(("code", "error"), RAW, ids=named)
def test_it_is_the_same_behind_the_write_door(code: str, error: BaseException) -> None:
    assert everywhere(wrapped(error)) == (code, code, code, True)


@pytest.mark.parametrize("error", OURS, ids=named)
def test_a_mistake_of_ours_stays_one(error: BaseException) -> None:
    assert everywhere(error) == (None, None, "INTERNAL", False)


def test_what_is_raised_on_top_of_a_lost_connection_is_that() -> None:
    unforeseen = wrapped(pg.UndefinedObjectError("prepared statement does not exist"), lost=True)
    assert everywhere(unforeseen) == ("UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE", True)

    def goes_on() -> None:
        try:
            raise pg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
        except pg.PostgresError:
            None.rollback()  # type: ignore[attr-defined]

    with pytest.raises(AttributeError) as on_top:
        goes_on()
    assert everywhere(on_top.value) == ("UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE", True)


def test_a_deadline_of_ours_is_none_of_the_database() -> None:
    failure = failure_of(TimeoutError())
    assert failure is not None and failure.code == "DEADLINE_EXCEEDED"


CREATE = """mutation($input: DealerCreateInput!) {
  dealerCreate(input: $input) { dealer { id } userErrors { code } } }"""


async def code_of(world: World, db: Any = None, **given: Any) -> tuple[str, bool]:
    context = world.context(Role.ADMIN)
    context.db = db or context.db
    values = {"kind": "DEALERSHIP", "name": "Third Motors", "phone": "+919800000078", **given}
    answer = await world.souk.runner.answer(CREATE, {"input": values}, None, context)
    (error,) = json.loads(answer.body)["errors"]
    return error["extensions"]["code"], error["extensions"]["retryable"]


async def test_a_row_that_somebody_holds_for_too_long_is_a_conflict(world: World, database: str) -> None:
    """The head of the tenant's chain, which every write needs at its end."""
    impatient = Database(database, KEYRING, limits=Limits(statement=60, lock=0.05, idle_in_transaction=60))
    try:
        async with world.souk.owner.engine.begin() as holder:
            await holder.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
            await holder.execute(text("SELECT FROM audit_head FOR UPDATE"))
            assert await code_of(world, impatient) == ("CONFLICT", True)
    finally:
        await impatient.close()
    assert await world.rows("SELECT id FROM dealer WHERE name = 'Third Motors'") == []


async def test_a_transaction_whose_client_stands_still_within_a_statement_is_ended(world: World, database: str) -> None:
    """asyncpg has a statement parsed without a Sync: until it goes on, the backend is neither idle nor at work."""
    state = "SELECT state, wait_event FROM pg_stat_activity WHERE pid = $1"
    limits = Limits(statement=0.1, lock=0.1, idle_in_transaction=0.1, transaction=0.5)
    db, watcher = Database(database, KEYRING, limits=limits), await asyncpg.connect(database)
    try:
        async with db.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            raw: Any = (await connection.get_raw_connection()).driver_connection
            await raw.prepare("SELECT 1 AS standing_still")
            assert tuple(await watcher.fetchrow(state, raw.get_server_pid())) == ("active", "ClientRead")
            async with asyncio.timeout(20):
                while await watcher.fetchrow(state, raw.get_server_pid()) is not None:
                    await asyncio.sleep(0.01)
            with pytest.raises(exc.DBAPIError) as ended:
                await connection.execute(text("SELECT 2"))
        assert everywhere(ended.value)[2:] == ("UNAVAILABLE", True)
    finally:
        await watcher.close()
        await db.close()


@pytest.mark.parametrize("when", ["kept", "refused"])
async def test_a_connection_that_is_lost_where_the_key_is_stored(
    world: World, database: str, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Of what was done, and of a refusal, which has a transaction of its own."""
    given: dict[str, Any] = {"idempotencyKey": world.key()}
    if when == "refused":
        given["externalId"] = {"source": "erp", "externalId": "1"}
        await world.do(Role.ADMIN, "dealerCreate", "dealer { id }", kind="DEALERSHIP", name="First", **given | {"idempotencyKey": world.key()})  # fmt: skip

    async def lost(self: Key, session: Any, *_: Any) -> None:
        pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        killer = await asyncpg.connect(database)
        await killer.execute("SELECT pg_terminate_backend($1)", pid)
        await killer.close()
        await session.execute(text("SELECT 1"))

    monkeypatch.setattr(Key, "keep", lost)
    assert await code_of(world, **given) == ("UNAVAILABLE", True)
    assert await world.rows("SELECT id FROM dealer WHERE name = 'Third Motors'") == []
