"""Waking those who wait for events: a relay tells other processes what was committed, a hub hears it.

The rows are the truth, a notification only wakes a reader. NOTIFY inside a business transaction would serialise its commit
with all others, so each process has one relay on a connection of its own, fed after the commit; whoever waits also looks by
itself once a second, for the case that a process died between its commit and the notification.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID

import asyncpg
import structlog

from .connect import DatabaseRole, connect

CHANNEL = "souk_events"
IDS = 200  # in one notification: 33 bytes each, of the 8,000 that a payload may have
PAUSE, LONGEST = 0.1, 2.0
NOTIFY = f"SELECT pg_notify('{CHANNEL}', p) FROM unnest($1::text[]) AS p"
log = structlog.get_logger("souk.events")


class _Connected(ABC):
    """Something that lives on one connection, and makes itself a new one when that is lost."""

    def __init__(self, url: str, role: DatabaseRole) -> None:
        self.url, self.role = url, role
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _live(self) -> None:
        pause = PAUSE
        while True:
            try:
                connection = await connect(self.url, self.role)
                try:
                    pause = PAUSE
                    await self._with(connection)
                finally:
                    connection.terminate()
            except (
                Exception
            ) as error:  # whatever it was, the next connection may do better; without one nobody is woken
                log.warning("a connection for events was lost", of=type(self).__name__, error=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST)

    @abstractmethod
    async def _with(self, connection: asyncpg.Connection) -> None: ...


class Relay(_Connected):
    """Notifies of subjects whose events were committed by this process, many at once when there are many.

    `database.committed.append(relay.tell)`
    """

    def __init__(self, url: str, role: DatabaseRole) -> None:
        super().__init__(url, role)
        self._waiting: set[UUID] = set()
        self._filled, self._passed_on = asyncio.Event(), asyncio.Event()

    def tell(self, tenant_id: UUID, subjects: Iterable[UUID]) -> None:
        """These subjects have new events. Never waits."""
        self._waiting.update(subjects)
        self._filled.set()
        self._passed_on.clear()

    async def _with(self, connection: asyncpg.Connection) -> None:
        while True:
            await self._filled.wait()
            taken = list(self._waiting)
            texts = [" ".join(each.hex for each in taken[at : at + IDS]) for at in range(0, len(taken), IDS)]
            await connection.execute(NOTIFY, texts)
            self._waiting.difference_update(taken)
            if not self._waiting:
                self._filled.clear()
                self._passed_on.set()

    async def stop(self) -> None:
        """What was told before is still passed on."""
        with suppress(TimeoutError):
            if self._waiting:
                await asyncio.wait_for(self._passed_on.wait(), 1.0)
        await super().stop()


class Hub(_Connected):
    """Hears of subjects with new events, and wakes whoever waits for them; after an interruption everybody."""

    def __init__(self, url: str, role: DatabaseRole) -> None:
        super().__init__(url, role)
        self._waiters: defaultdict[UUID, set[Callable[[], None]]] = defaultdict(set)
        self.all: list[Callable[[frozenset[UUID]], None]] = []
        """Called with the subjects of every notification; with none after an interruption."""

    def watch(self, subject: UUID, wake: Callable[[], None]) -> None:
        self._waiters[subject].add(wake)

    def unwatch(self, subject: UUID, wake: Callable[[], None]) -> None:
        self._waiters[subject].discard(wake)
        if not self._waiters[subject]:
            del self._waiters[subject]

    async def _with(self, connection: asyncpg.Connection) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, self._heard)
        self._wake(frozenset())
        await lost.wait()

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        self._wake(frozenset(UUID(each) for each in payload.split()))

    def _wake(self, subjects: frozenset[UUID]) -> None:
        for tell in self.all:
            tell(subjects)
        for subject in subjects or list(self._waiters):
            for wake in list(self._waiters.get(subject, ())):
                wake()
