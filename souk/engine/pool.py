"""A small pool of autocommit connections, last in first out, each with the statements it has prepared."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import asyncpg
from asyncpg import exceptions as pg

from .deadlines import Deadlines
from .errors import Overloaded, typed
from .exchange import STALE, Exchange, Prepared, Waiting
from .fuse import Plan

SETTINGS = {"plan_cache_mode": "force_generic_plan", "TimeZone": "UTC", "jit": "off"}
HARMLESS = (pg.PostgresError, pg.InterfaceError)
"""What may come of a statement and leaves its connection good, if that is still open."""
Setup = Callable[[Any], Awaitable[Any]]


class Waiter(Protocol):
    """Who waits for a connection: a future, or somebody who is told in its place. None: there is room for a new one.

    One who `shares` takes a connection on which a short statement is under way, and only begins a plan's there.
    """

    shares: bool

    def done(self) -> bool: ...
    def set_result(self, connection: "Connection | None", /) -> None: ...


class Alone(asyncio.Future["Connection | None"]):
    """Waits for a connection that nobody else has."""

    shares = False


class Connection:
    """One connection, spoken on by asyncpg (`raw`) or for plans (`answer`, `begin`).

    By one caller at a time, or by `users` who share it for a plan's statement each. `gone`: no longer the pool's.
    """

    def __init__(self, raw: Any, statements: int, short: float) -> None:
        self._raw, self._exchange = raw, Exchange(raw, statements, short)
        self.is_closed: Callable[[], bool] = raw.is_closed
        self.users, self.shared, self.gone = 1, False, False

    def takes_another(self) -> bool:
        """Whether a statement may be sent behind the one that is under way."""
        return self.shared and self.users == 1 and self._exchange.soon()

    def end(self) -> None:
        """Close it at once. Whose statement was under way is told `Unheard`."""
        self._exchange.end()

    def answer(self, plan: Plan, values: Sequence[Any]) -> Awaitable[bytes | None]:
        """The one value of a plan's statement."""
        return self._exchange.ask(plan, values)

    def begin(self, plan: Plan, values: Sequence[Any], waiting: Waiting) -> None:
        """Send a plan's statement; `waiting` is told what comes of it, a statement that has become stale too."""
        self._exchange.begin(plan, values, waiting)

    @property
    def raw(self) -> Any:
        """asyncpg's connection."""
        self._exchange.listen(False)
        return self._raw

    @property
    def statements(self) -> Mapping[Plan, Prepared]:
        """What is prepared for plans, the least recently used first."""
        found = [(each.plan(), each) for each in self._exchange.statements.values()]
        return {plan: each for plan, each in found if plan is not None}


class Pool:
    """`size` connections at most, opened when needed; a caller waits `patience` seconds and is then refused.

    `where` is asyncpg's (`dsn=…` or host, user, database); opening a connection may take `timeout` seconds. `setup(connection)` runs once on each new connection, for `SET ROLE`.
    Where all are open and busy, a plan's statement is sent behind one that usually takes less than `short` seconds.
    Raises Overloaded and Unavailable.
    """

    def __init__(
        self, *, size: int = 6, patience: float = 1.0, statements: int = 500, setup: Setup | None = None,
        settings: dict[str, str] | None = None, timeout: float = 5.0, short: float = 0.001, **where: Any,
    ) -> None:  # fmt: skip
        self.size, self.statements, self.setup, self.short = size, statements, setup, short
        self.waits = Deadlines(patience)
        self.where = {"server_settings": SETTINGS | (settings or {}), "timeout": timeout, **where}
        self.open = 0
        self._all: list[Connection] = []
        self._idle: list[Connection] = []
        self._waiting: deque[Waiter] = deque()
        self._closed = False

    @property
    def patience(self) -> float:
        """Seconds that a caller waits."""
        return self.waits.seconds

    @patience.setter
    def patience(self, seconds: float) -> None:
        self.waits.seconds = seconds

    @property
    def busy(self) -> int:
        """Connections that somebody has, or opens."""
        return self.open - len(self._idle)

    @property
    def waiting(self) -> int:
        """Callers who wait for one."""
        return len(self._waiting)

    def idle(self) -> Connection | None:
        """A connection that nobody has, or None."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                connection.users, connection.shared = 1, False
                return connection
            self._forget(connection)
        return None

    def share(self) -> Connection | None:
        """A connection to begin one plan's statement on: an idle one, or one that will soon be; None: wait for it."""
        connection = self.idle()
        if connection is not None:
            connection.shared = True
            return connection
        if self.open == self.size and not self._waiting:
            for each in self._all:
                if each.takes_another() and not each.is_closed():
                    each.users += 1
                    return each
        return None

    async def acquire(self) -> Connection:
        connection = self.idle()
        if connection is not None:
            return connection
        if self.open < self.size:
            return await self._connect()
        waiter = Alone()
        self._waiting.append(waiter)
        try:
            with self.waits.begun():
                handed = await waiter
        except TimeoutError:
            self._abandon(waiter)
            raise Overloaded() from None
        except asyncio.CancelledError:
            self._abandon(waiter)
            raise
        return handed or await self.connect()

    def wait(self, waiter: Waiter) -> bool:
        """Have `waiter` told of the next connection that is handed on; False where one could be opened."""
        if self.open < self.size:
            return False
        self._waiting.append(waiter)
        return True

    def leave(self, waiter: Waiter) -> bool:
        """It waits no longer; False where it was told already."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            return True
        return False

    async def connect(self) -> Connection:
        """A connection for who was told that there is room. Raises as `acquire`; then there is room for the next."""
        return await self._connect(reserved=True)

    def _abandon(self, waiter: Alone) -> None:
        if self.leave(waiter):
            return
        if waiter.done() and not waiter.cancelled():
            handed = waiter.result()  # handed over in the very moment of giving up
            if handed is not None:
                self.release(handed)
            else:
                self.open -= 1
                self._wake()

    async def _connect(self, reserved: bool = False) -> Connection:
        self.open += not reserved
        try:
            raw = await asyncpg.connect(**self.where)
            if self.setup:
                await self.setup(raw)
        except BaseException as error:
            self.open -= 1
            self._wake()
            found = typed(error)
            if found is not None:
                raise found from error
            raise
        connection = Connection(raw, self.statements, self.short)
        self._all.append(connection)
        return connection

    def release(self, connection: Connection, broken: bool = False) -> None:
        """Hand the connection on; one that failed in the middle of something is ended instead."""
        connection.users -= 1
        if connection.gone:
            return
        if broken or connection.is_closed() or (self._closed and not connection.users):
            self._forget(connection)
            connection.end()
            self._wake()
            return
        while self._waiting:
            waiter = self._waiting[0]
            if not waiter.done():
                if connection.users and not (waiter.shares and connection.takes_another()):
                    return  # whoever waits the longest is the next, and not before that can be
                connection.users, connection.shared = connection.users + 1, waiter.shares
                self._waiting.popleft()
                waiter.set_result(connection)  # handed over, so that nobody steals it
                if not connection.users:
                    return  # and given back already
            else:
                self._waiting.popleft()
        if not connection.users:
            self._idle.append(connection)

    def _forget(self, connection: Connection) -> None:
        connection.gone = True
        self._all.remove(connection)
        self.open -= 1

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                self.open += 1  # kept for this caller, who opens a connection of its own
                waiter.set_result(None)
                return

    async def answer(self, plan: Plan, values: Sequence[Any]) -> Any:
        """The value of a plan's one statement."""
        connection = await self.acquire()
        try:
            found = await connection.answer(plan, values)
        except BaseException as error:
            self.release(connection, broken=not isinstance(error, HARMLESS))
            known = typed(error)
            if known is not None:
                raise known from error
            raise
        self.release(connection)
        return found

    def snapshot(self, tenant_id: UUID) -> "Snapshot":
        return Snapshot(self, tenant_id)

    async def close(self) -> None:
        """End the idle connections now, the busy ones when they come back."""
        self._closed = True
        while self._idle:
            connection = self._idle.pop()
            self._forget(connection)
            await connection.raw.close()


class Snapshot:
    """One read-only transaction of a tenant, begun when the first statement needs it."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        self.pool, self.tenant_id = pool, tenant_id
        self._connection: Connection | None = None
        self._failed = False
        self.stale = False  # a migration came between; the reads have to begin again, on another connection

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        try:
            if self._connection is None:
                self._connection = await self.pool.acquire()
                begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT set_config('souk.tenant_id', '{UUID(str(self.tenant_id))}', true)"
                await self._connection.raw.execute(begin)
            found: Sequence[Any] = await self._connection.raw.fetch(sql, *values)
            return found
        except BaseException as error:
            self.stale = self.stale or isinstance(error, STALE)
            self._failed = self._failed or self.stale or not isinstance(error, pg.PostgresError)
            known = typed(error)
            if known is not None:
                raise known from error
            raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if not (self._failed or connection.is_closed()):
                await connection.raw.execute("ROLLBACK")
        except BaseException:
            self._failed = True
            raise
        finally:
            self.pool.release(connection, broken=self._failed)
            self._failed = False


class Inside:
    """Reads on the connection of a transaction that is open, which see what it has not committed."""

    stale = False

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    async def answer(self, plan: Plan, values: Sequence[Any]) -> Any:
        """The value of a plan's one statement."""
        return await self.raw.fetchval(plan.sql, *values)

    def snapshot(self, tenant_id: UUID) -> "Inside":
        """Itself: the transaction is the tenant's."""
        return self

    async def fetch(self, sql: str, values: Sequence[Any]) -> Sequence[Any]:
        found: Sequence[Any] = await self.raw.fetch(sql, *values)
        return found

    async def close(self) -> None:
        """Nothing: whoever opened the transaction ends it."""
