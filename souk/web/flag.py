"""What a connection that stays waits with: like `asyncio.Event` and `asyncio.Queue`, but next to nothing while nobody waits.

Each deque of theirs takes 760 bytes even when it is empty, and a connection had seven: a fifth of what it holds.
"""

import asyncio
from collections import deque
from typing import Any


class Flag:
    """An `asyncio.Event`."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self, is_set: bool = False) -> None:
        self._is_set = is_set
        self._waiting: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        waiting, self._waiting = self._waiting, None
        for each in waiting or ():
            if not each.done():
                each.set_result(None)

    def clear(self) -> None:
        self._is_set = False

    async def wait(self) -> bool:
        if not self._is_set:
            one: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting = [each for each in self._waiting or () if not each.done()]  # who gave up meanwhile
            self._waiting.append(one)
            await one
        return True


class Inbox:
    """An unbounded `asyncio.Queue` that one taker empties."""

    __slots__ = ("_filled", "_items")

    def __init__(self) -> None:
        self._items: deque[Any] | None = None
        self._filled = Flag()

    def empty(self) -> bool:
        return self._items is None

    def put_nowait(self, item: Any) -> None:
        if self._items is None:
            self._items = deque()
        self._items.append(item)
        self._filled.set()

    async def get(self) -> Any:
        while self._items is None:
            self._filled.clear()
            await self._filled.wait()
        item = self._items.popleft()
        if not self._items:
            self._items = None
        return item
