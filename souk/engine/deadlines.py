"""Time limits for work that nearly always ends in time: one look at all of it now and then, instead of a timer for each."""

import asyncio
from time import monotonic
from types import TracebackType
from typing import Protocol, Self

LOOKS = 50  # in the time of one limit: how exact it is


class Timed(Protocol):
    """What has a time; `late` is called when it is over, perhaps more than once."""

    ends: float

    def late(self) -> None: ...


class Deadlines:
    """Ends what takes longer than `seconds`, up to two hundredths of that late. One for a process and a limit.

    `with deadlines.begun():` around what a task does; the task is cancelled, and TimeoutError comes out of the block.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._open: set[Timed] = set()
        self._loop: asyncio.AbstractEventLoop | None = None  # asked for once: each time is a call of the system
        self._timer: asyncio.TimerHandle | None = None

    def begun(self, at: float | None = None) -> "Deadline":
        """`at` is when it began (of `time.monotonic`), where that was earlier than now."""
        return Deadline(self, (monotonic() if at is None else at) + self.seconds)

    def add(self, one: Timed) -> None:
        """Watch what no task does; `one.late()` is called when its time is over, until it is dropped."""
        self._open.add(one)
        if self._timer is None or self._loop is None or self._loop.is_closed():
            self._loop, self._timer = asyncio.get_running_loop(), None
            self._watch(self._loop)

    def drop(self, one: Timed) -> None:
        self._open.discard(one)

    def _look(self) -> None:
        self._timer = None
        now = monotonic()
        for each in list(self._open):  # who is late drops itself
            if each.ends <= now:
                each.late()
        self._watch(asyncio.get_running_loop())

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._open:
            self._timer = loop.call_later(self.seconds / LOOKS, self._look)


class Deadline:
    """The limit of one piece of work."""

    __slots__ = ("_all", "_expired", "_task", "ends")

    def __init__(self, all_: Deadlines, ends: float) -> None:
        self._all, self._expired, self.ends = all_, False, ends
        self._task: asyncio.Task[object] | None = None

    def late(self) -> None:
        if not self._expired and self._task is not None:
            self._expired = True
            self._task.cancel()

    def __enter__(self) -> Self:
        every = self._all
        loop = every._loop
        self._task = asyncio.current_task(loop) if loop is not None else None
        if loop is None or self._task is None:  # the first time, or in another loop: a timer of the former one is gone
            loop, every._timer = asyncio.get_running_loop(), None
            every._loop, self._task = loop, asyncio.current_task(loop)
        every._open.add(self)
        if every._timer is None:
            every._watch(loop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._all._open.discard(self)
        if self._expired and self._task is not None:
            left = self._task.uncancel()
            if kind is asyncio.CancelledError and left == 0:
                raise TimeoutError from error
