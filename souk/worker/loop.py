"""The worker: takes what is due, one slot each, and lives through whatever happens to the database."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from time import monotonic

import structlog

from ..db.session import Database, system_actor
from . import queue
from .batch import RUN, Pacemaker, Step, step
from .letters import SEND, Post
from .queue import Held, Queue
from .timers import TIMERS

log = structlog.get_logger("souk.worker")
TURN = 5.0  # seconds after which a batch lets others have its slot
PAUSE, LONGEST = 0.2, 30.0  # seconds after a failure, doubled each time
FOLD = 5.0  # seconds between two foldings of the kept counts: what reads have to add up grows meanwhile
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Worker:
    """One process's worker. `wake()` makes it look at once, `stop()` lets it finish what it is at and give back the rest."""

    def __init__(
        self,
        db: Database,
        *,
        lease: float = 60.0,
        heartbeat: float = 10.0,
        poll: float = 2.0,
        slots: int = 3,
        post: Post | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.db, self.heartbeat, self.poll, self.slots, self.clock = db, heartbeat, poll, slots, clock
        self.post = post or Post()
        self.queue = Queue(db, [RUN, SEND, *TIMERS], timedelta(seconds=lease))
        self.pacemaker = Pacemaker()
        self.held: dict[asyncio.Task[None], Held] = {}
        self._failures: dict[tuple[str, object], int] = {}
        self._awake, self._stopping = asyncio.Event(), False
        self._beside = False  # whether a batch has two chunks in flight

    def wake(self) -> None:
        """There may be something due."""
        self._awake.set()

    def stop(self) -> None:
        """Take nothing more; `run` returns when what is under way is done and every lease is given back."""
        self._stopping = True
        self._awake.set()

    async def run(self) -> None:
        steady = [asyncio.create_task(self._beat()), asyncio.create_task(self._fold())]
        failures = 0
        try:
            while not self._stopping:
                self._awake.clear()
                try:
                    pause = await self._look()
                    failures = 0
                except Exception as error:
                    failures += 1
                    pause = min(PAUSE * 2**failures, LONGEST / 10)
                    log.warning("the database cannot be reached", error=type(error).__name__, pause=pause)
                if not self._stopping and pause > 0:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._awake.wait(), pause)
            if self.held:
                await asyncio.wait(self.held)
        finally:
            for each in steady:
                each.cancel()
            await asyncio.gather(*steady, return_exceptions=True)

    async def _look(self) -> float:
        """Take what is due, as far as there are slots. Gives how many seconds there is nothing to do."""
        now = self.clock()
        free = self.slots - len(self.held)
        if free == 0:
            return self.poll  # a slot that becomes free wakes
        for held in await self.queue.claim(free, now):
            task = asyncio.create_task(self._serve(held))
            self.held[task] = held
            task.add_done_callback(self._served)
        if len(self.held) == self.slots:
            return self.poll
        due = await self.queue.next_due(now, timedelta(seconds=self.poll))
        if due is None:
            return self.poll
        # no busy loop over a row that another worker is about to take
        return max(0.01, min(self.poll, (due - self.clock()).total_seconds()))

    def _served(self, task: asyncio.Task[None]) -> None:
        del self.held[task]
        self._awake.set()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.heartbeat)
            try:
                await self.queue.extend(list(self.held.values()), self.clock())
            except Exception as error:
                log.warning("no heartbeat", error=type(error).__name__)

    async def _fold(self) -> None:
        while True:
            await asyncio.sleep(FOLD)
            try:
                await self.db.fold_counts()
            except Exception as error:
                log.warning("the counts are not folded", error=type(error).__name__)

    async def _serve(self, held: Held) -> None:
        """Do one row of work. A failure puts it off, longer each time; it is never lost and never stops the worker."""
        key = (held.kind, held.ref)
        try:
            due = await self._work(held)
            self._failures.pop(key, None)
        except Exception as error:
            count = self._failures[key] = self._failures.get(key, 0) + 1
            log.error("work failed", kind=held.kind, ref=str(held.ref), tenant=str(held.tenant_id), exc_info=error)
            due = self.clock() + timedelta(seconds=min(PAUSE * 2**count, LONGEST))
        if due is not None:
            try:
                await self.queue.release(held, due)
            except Exception as error:  # the lease runs out by itself
                log.warning("a lease could not be given back", kind=held.kind, error=type(error).__name__)

    async def _work(self, held: Held) -> datetime | None:
        if held.kind == RUN:
            return await self._run_batch(held)
        if held.kind == SEND:
            return await self.post.deliver(self.db, held, self.clock)
        return await self._run_timer(held)

    async def _run_timer(self, held: Held) -> datetime | None:
        async with held.lock:
            actor = system_actor(held.tenant_id)
            async with self.db.transaction(actor, f"timer:{held.kind}", now=self.clock(), system=True) as tx:
                await TIMERS[held.kind](tx, held.ref)
                await tx.session.flush()
                await queue.done(tx, held)
        return None

    async def _run_batch(self, held: Held) -> datetime | None:
        """Chunk after chunk while there is something to do at once. Gives when to come back.

        One batch of this worker has two in flight: the database is at one while the other is decided.
        """
        until = monotonic() + TURN
        first = await self._step(held)
        if not self._more(first, until):
            return first.due
        if self._beside or not first.beside:
            return await self._chunks(held, until)
        self._beside = True
        try:
            ends = await asyncio.gather(*(self._chunks(held, until) for _ in range(2)), return_exceptions=True)
        finally:
            self._beside = False
        dues: list[datetime] = []
        for end in ends:
            if isinstance(end, BaseException):
                raise end
            if end is not None:
                dues.append(end)
        return min(dues) if len(dues) == len(ends) else None

    async def _chunks(self, held: Held, until: float) -> datetime | None:
        while self._more(done := await self._step(held), until):
            pass
        return done.due

    async def _step(self, held: Held) -> Step:
        started = monotonic()
        size = self.pacemaker.size(held.ref)
        done = await step(self.db, held.tenant_id, held.ref, now=self.clock(), size=size)
        self.pacemaker.took(held.ref, done.items, timedelta(seconds=monotonic() - started))
        if done.due is None:
            self.pacemaker.forget(held.ref)
        return done

    def _more(self, done: Step, until: float) -> bool:
        return done.due is not None and done.due <= self.clock() and not self._stopping and monotonic() < until
