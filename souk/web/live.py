"""Subscriptions: everybody who follows the same rows with the same rights shares one reading of them.

A `Stream` reads once per wake-up and keeps the newest payloads; its followers replay from the database until they have
caught up with what is kept. From there each payload is pushed to them, one call each and no task: at a thousand followers
a task that wakes costs more than what it delivers. No follower waits for another, and none holds a connection.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any

import structlog

from souk.db.events import Hub
from souk.engine.run import EventsPlan, Refused, Runner
from souk.engine.symbols import read_id
from souk.web.errors import failure_of
from souk.web.parts import Payload, Push
from souk.web.streams import overloaded

KEPT = 256
TURN = 256  # followers who are told before everybody else has a turn of the loop
POLL = 1.0  # seconds between looks without a notification, and between two checks of the row
VISIBLE = "query($id: ID!) { node(id: $id) { __typename } }"
log = structlog.get_logger("souk.live")


Events = list[tuple[int, Payload]]


class Follower:
    """One who has caught up: what comes after `at` is pushed, until `over`."""

    __slots__ = ("at", "over", "push")

    def __init__(self, at: int, push: Push) -> None:
        self.at, self.push = at, push
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(self, events: Events) -> None:
        """Never raises: what `push` raises is how it ends for this one."""
        try:
            for seq, payload in events:
                if seq > self.at and not self.over.done():
                    self.push(payload)
                    self.at = seq
        except Exception as error:
            self.over.set_exception(error)


class Stream:
    """One reading of one subject's events, shared by its followers."""

    def __init__(self, hub: Hub, runner: Runner, plan: EventsPlan, context: Any) -> None:
        self.hub, self.runner, self.plan, self.context = hub, runner, plan, context
        self.followers, self.ended = 0, False
        self.kept: deque[tuple[int, Payload]] = deque(maxlen=KEPT)
        self.floor: int | None = None
        """What comes after it is kept, up to the newest; None until the first follower has caught up."""
        self._waiters: list[asyncio.Future[None]] = []
        self._pushed: set[Follower] = set()
        self._woken = asyncio.Event()
        found = read_id(plan.subject or "")
        self._subject = found.row_id if found else None
        self._task = asyncio.create_task(self._run())

    async def replay(self, at: int) -> Events:
        """What comes after `at`, from the database; the first whom it leads to the end says where the reading begins."""
        found = [(seq, Payload.of(seq, body)) for seq, body in await self.plan.fetch(at, KEPT)]
        end = found[-1][0] if found else at
        # a follower may name a place that is not there yet: whoever is at the true end then puts that right
        if len(found) < KEPT and (self.floor is None or (end < self.floor and not self.kept)):
            self.floor = end
            self._woken.set()
        return found

    @property
    def newest(self) -> int:
        return self.kept[-1][0] if self.kept else self.floor or 0

    def since(self, at: int) -> Events:
        """What is kept after `at`."""
        found: Events = []
        for event in reversed(self.kept):
            if event[0] <= at:
                break
            found.append(event)
        return found[::-1]

    def reaches(self, at: int) -> bool:
        """Whether everything after `at` is kept."""
        return self.floor is not None and at >= self.floor

    async def visible(self) -> bool:
        """Whether its followers may still see the subject: asked like any other reading of it."""
        if self.plan.subject is None:
            return True
        answer = await self.runner.answer(VISIBLE, {"id": self.plan.subject}, None, self.context)
        if b'"errors"' in answer.body and answer.code != "FORBIDDEN":
            return True  # what cannot be asked now is asked again; nothing is delivered meanwhile either
        return b'"__typename"' in answer.body

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        wake, checked = self._woken.set, monotonic()
        if self._subject is not None:
            self.hub.watch(self._subject, wake)
        try:
            while not self.ended:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL)
                self._woken.clear()
                try:
                    if self.floor is not None:
                        await self._read()
                    if monotonic() - checked >= POLL:
                        checked = monotonic()
                        self.ended = not await self.visible()
                except Exception as error:
                    if failure_of(error) is None:
                        log.error("a stream failed", exc_info=error)
                    await asyncio.sleep(POLL / 4)
                    self._woken.set()
            self._tell()
            for follower in self._pushed:
                if not follower.over.done():
                    follower.over.set_result(None)
        finally:
            if self._subject is not None:
                self.hub.unwatch(self._subject, wake)

    async def _read(self) -> None:
        while True:
            found = await self.plan.fetch(self.newest, KEPT)
            events = [(seq, Payload.of(seq, body)) for seq, body in found]
            for event in events:
                if len(self.kept) == KEPT:
                    self.floor = self.kept[0][0]
                self.kept.append(event)
            if events:
                self._tell()
                await self._push(events)
            if len(found) < KEPT:
                return

    async def _push(self, events: Events) -> None:
        # whoever comes while this waits has caught up with `kept`, where these are already
        for n, follower in enumerate(list(self._pushed), 1):
            follower.tell(events)
            if n % TURN == 0:
                await asyncio.sleep(0)

    async def pushed(self, at: int, push: Push) -> None:
        """Push all that comes after `at`, the newest there is, until the end. Raises what `push` raises."""
        follower = Follower(at, push)
        self._pushed.add(follower)
        try:
            await follower.over
        finally:
            self._pushed.discard(follower)

    def _tell(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def change(self) -> asyncio.Future[None]:
        """Done as soon as there is more, or the end; one per follower, for a shared one would have to be shielded."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self._waiters) > 2 * self.followers + 16:  # followers that left while nothing happened
            self._waiters = [each for each in self._waiters if not each.done()]
        self._waiters.append(waiter)
        return waiter


class Live:
    """The subscriptions of a process."""

    def __init__(self, runner: Runner, hub: Hub) -> None:
        self.runner, self.hub = runner, hub
        self.streams: dict[tuple[Any, ...], Stream] = {}

    async def subscribe(
        self,
        document_text: str,
        variables: dict[str, Any],
        operation_name: str | None,
        context: Any,
        push: Push | None = None,
    ) -> AsyncIterator[bytes]:
        """Payloads after `after`, each once, in order. Ends when the subject is not, or no longer, to be seen.

        With `push` only those are yielded that came before it has caught up; the others are pushed, to the end.
        Raises Failure: OVERLOADED, with where to resume, for a follower that fell too far behind.
        """
        try:
            plan = self.runner.events_plan(document_text, operation_name, variables, context)
        except Refused as refused:
            yield refused.answer.body
            return
        context.fused = plan.fused
        stream = self.streams.get(plan.key)
        if stream is None or stream.ended:
            stream = self.streams[plan.key] = Stream(self.hub, self.runner, plan, context)
        stream.followers += 1
        try:
            if await stream.visible():
                async for payload in _followed(stream, plan.after or 0, push):
                    yield payload
        finally:
            stream.followers -= 1
            if stream.followers == 0:
                stream.close()
                if self.streams.get(plan.key) is stream:
                    del self.streams[plan.key]

    async def close(self) -> None:
        """End every reading."""
        for stream in self.streams.values():
            stream.close()


async def _followed(stream: Stream, at: int, push: Push | None) -> AsyncIterator[Payload]:
    live = False
    while not stream.ended:
        if stream.reaches(at):
            events, live = stream.since(at), True
        elif live:
            raise overloaded(str(at))
        else:
            events = await stream.replay(at)
        for seq, payload in events:
            yield payload
            at = seq
            if len(events) > 1:
                await asyncio.sleep(0)  # the sender of the transport gets its turn between two of many
        if not stream.ended and stream.reaches(at) and stream.newest <= at:
            if push is not None:
                await stream.pushed(at, push)
                return
            await stream.change()
