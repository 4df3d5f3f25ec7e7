"""Subscriptions: everybody who follows the same rows with the same rights shares one reading of them.

A `Stream` reads once per wake-up and keeps the newest payloads; its followers replay from the database until they have
caught up with what is kept, and then take from there. No follower waits for another, and none holds a connection.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any
from uuid import UUID

import structlog

from ..db.events import Hub
from ..engine.run import EventsPlan, Refused, Runner
from .errors import DocumentRefusal, failure_of
from .streams import overloaded

KEPT = 256
POLL = 1.0  # seconds between looks without a notification, and between two checks of the row
VISIBLE = "query($id: ID!) { node(id: $id) { __typename } }"
log = structlog.get_logger("souk.live")


class Payload(bytes):
    """One event as the client gets it; `after` is its place, where a follower that read it resumes."""

    after: str

    @classmethod
    def of(cls, seq: int, body: bytes) -> "Payload":
        made = cls(body)
        made.after = str(seq)
        return made


class Stream:
    """One reading of one subject's events, shared by its followers."""

    def __init__(self, hub: Hub, runner: Runner, plan: EventsPlan, context: Any) -> None:
        self.hub, self.runner, self.plan, self.context = hub, runner, plan, context
        self.followers = 0
        self.kept: deque[tuple[int, Payload]] = deque(maxlen=KEPT)
        self.floor: int | None = None  # everything after it, up to the newest, is kept; None: nothing was read yet
        self.ended = False
        self._woken = asyncio.Event()
        self._changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run())

    @property
    def head(self) -> int:
        return self.kept[-1][0] if self.kept else self.floor or 0

    def since(self, at: int) -> list[tuple[int, Payload]]:
        """The kept events after `at`, which lies within what is kept."""
        found: list[tuple[int, Payload]] = []
        for event in reversed(self.kept):
            if event[0] <= at:
                break
            found.append(event)
        return found[::-1]

    def reaches(self, at: int) -> bool:
        return self.floor is not None and at >= self.floor

    def begin(self, at: int) -> None:
        """The reading starts where the first follower has arrived."""
        if self.floor is None:
            self.floor = at
            self._woken.set()

    async def change(self) -> None:
        """Wait until there is more, or the end."""
        await asyncio.shield(self._changed)

    def close(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        subject = self.plan.subject
        wake = self._woken.set
        if subject is not None:
            self.hub.watch(subject.row_id, wake)
        checked = monotonic()
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
                if self.ended:
                    self._tell()
        finally:
            if subject is not None:
                self.hub.unwatch(subject.row_id, wake)

    async def _read(self) -> None:
        while True:
            found = await self.plan.fetch(self.head, KEPT)
            for seq, body in found:
                if len(self.kept) == KEPT:
                    self.floor = self.kept[0][0]
                self.kept.append((seq, Payload.of(seq, body)))
            if found:
                self._tell()
            if len(found) < KEPT:
                return

    async def visible(self) -> bool:
        """Whether the followers may still see the subject: asked like any other reading of it."""
        if self.plan.subject is None:
            return True
        answer = await self.runner.answer(VISIBLE, {"id": self.plan.subject.text}, None, self.context)
        return b'"__typename"' in answer.body

    def _tell(self) -> None:
        before, self._changed = self._changed, asyncio.get_running_loop().create_future()
        before.set_result(None)


class Live:
    """The subscriptions of a process."""

    def __init__(self, runner: Runner, hub: Hub) -> None:
        self.runner, self.hub = runner, hub
        self.streams: dict[tuple[Any, ...], Stream] = {}

    async def subscribe(
        self, document_text: str, variables: dict[str, Any], operation_name: str | None, context: Any
    ) -> AsyncIterator[bytes]:
        """Payloads from `after` on, each once, in order. Ends when the subject is not, or no longer, visible.

        Raises Failure: for a subscription that cannot start, and OVERLOADED for a follower that is too far behind.
        """
        try:
            plan = self.runner.events_plan(document_text, operation_name, variables, context)
        except Refused as refused:
            yield refused.answer.body
            return
        stream = self._stream(plan, context)
        stream.followers += 1
        try:
            if not await stream.visible():
                return
            async for payload in _followed(stream, plan):
                yield payload
        finally:
            stream.followers -= 1
            if stream.followers == 0:
                stream.close()
                if self.streams.get(plan.key) is stream:
                    del self.streams[plan.key]

    def _stream(self, plan: EventsPlan, context: Any) -> Stream:
        found = self.streams.get(plan.key)
        if found is None or found.ended:
            found = self.streams[plan.key] = Stream(self.hub, self.runner, plan, context)
        return found

    async def close(self) -> None:
        for stream in list(self.streams.values()):
            stream.close()


async def _followed(stream: Stream, plan: EventsPlan) -> AsyncIterator[Payload]:
    at = plan.after or 0
    live = False
    while not stream.ended:
        change = stream.change()
        if stream.reaches(at):
            events = stream.since(at)
            live = True
        elif live:
            raise overloaded(str(at))
        else:
            events = [(seq, Payload.of(seq, body)) for seq, body in await plan.fetch(at, KEPT)]
            if len(events) < KEPT:
                stream.begin(events[-1][0] if events else at)
        for seq, payload in events:
            yield payload
            at = seq
            await asyncio.sleep(0)  # the sender of the transport must get its turn between two of many
        if events or not stream.reaches(at):
            change.close()
            continue
        await change
    return


__all__ = ["DocumentRefusal", "Live", "Payload", "UUID"]
