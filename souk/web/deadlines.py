"""Time limits for work that nearly always ends in time: one look at all of it now and then, instead of a timer for each."""

import asyncio
from types import TracebackType
from typing import Self

LOOKS = 50  # in the time of one limit: how exact it is


class Deadlines:
    """Ends what takes longer than `seconds`, up to two hundredths of that late. One for a process and a limit.

    `with deadlines.begun():` around what a task does; the task is cancelled, and TimeoutError comes out of the block.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._open: dict[Deadline, None] = {}  # in the order in which they end: all have the same time
        self._timer: asyncio.TimerHandle | None = None

    def begun(self) -> "Deadline":
        return Deadline(self)

    def _look(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        now = loop.time()
        for each in self._open:
            if each.ends > now:
                break
            each.late()
        self._watch(loop)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._open:
            self._timer = loop.call_later(self.seconds / LOOKS, self._look)


class Deadline:
    """The limit of one piece of work."""

    __slots__ = ("_all", "_expired", "_task", "ends")

    def __init__(self, all_: Deadlines) -> None:
        self._all, self._expired, self.ends = all_, False, 0.0
        self._task: asyncio.Task[object] | None = None

    def late(self) -> None:
        if not self._expired and self._task is not None:
            self._expired = True
            self._task.cancel()

    def __enter__(self) -> Self:
        every = self._all
        task = self._task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self.ends = loop.time() + every.seconds
        every._open[self] = None
        if every._timer is None:
            every._watch(loop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        del self._all._open[self]
        if self._expired and self._task is not None:
            left = self._task.uncancel()
            if kind is asyncio.CancelledError and left == 0:
                raise TimeoutError from error
