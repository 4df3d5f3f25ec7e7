"""A query that is asked at once: its plan and a connection are at hand, and nobody waits for it in a task."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

from .answer import plain
from .deadlines import Deadlines
from .errors import Overloaded, typed
from .exchange import STALE, Unheard
from .fuse import Plan
from .pool import HARMLESS, Connection, Pool

AGAIN = (*STALE, Unheard)


class Question:
    """A plan's statement on its way. `heard` is called once, when the text has come, or what there is in its place.

    It must not raise. By then the connection is back in the pool. `ends` is when `late` is due, of `time.monotonic`:
    `expired` says of one that it was.
    """

    __slots__ = (
        "_connection", "_deadlines", "_heard", "_over", "_pool", "_values", "ends", "error", "expired", "plan", "text",
    )  # fmt: skip

    def __init__(
        self, pool: Pool, plan: Plan, values: Sequence[Any], deadlines: Deadlines, began: float,
        heard: Callable[["Question"], None],
    ) -> None:  # fmt: skip
        self._pool, self.plan, self._values, self._heard, self._deadlines = pool, plan, values, heard, deadlines
        self.text: bytes | None = None
        self.error: BaseException | None = None
        self._connection: Connection | None = None
        self._over = self.expired = False
        self.ends = began + deadlines.seconds

    def ask(self) -> bool:
        """Send it, or wait for a connection; False where one has to be opened: nothing has happened then."""
        connection = self._pool.share()
        if connection is not None:
            self._deadlines.add(self)
            self._send(connection)
            return True
        turn = Turn(self._pool, self)
        if not self._pool.wait(turn):
            return False
        self._pool.waits.add(turn)
        self._deadlines.add(self)
        return True

    def _send(self, connection: Connection) -> None:
        try:
            self._connection = connection
            connection.begin(self.plan, self._values, self)
        except Exception as error:  # a value that has no text, a connection that has gone
            asyncio.get_running_loop().call_soon(self.set_exception, error)

    def turn(self, connection: Connection) -> None:
        """It has waited, and this is its connection."""
        if self._over:
            self._pool.release(connection)
        else:
            self._send(connection)

    def refused(self, error: BaseException) -> None:
        """There is no connection for it."""
        self.error = error
        self._end(broken=False)

    @property
    def plain(self) -> bytes | None:
        """The text, where it is the answer as it stands."""
        return self.text if self.text is not None and plain(self.text, self.plan) else None

    def result(self) -> bytes | None:
        """The text. Raises what `Pool.answer` raises."""
        if self.error is None:
            return self.text
        known = typed(self.error)
        if known is not None:
            raise known from self.error
        raise self.error

    @property
    def again(self) -> bool:
        """Asked once more, it can be answered: a migration changed what its statement stands on, and it is prepared
        anew, or its connection ended for the sake of another."""
        return isinstance(self.error, AGAIN)

    # As the future that an exchange resolves ------------------------------------------------------------------------

    def done(self) -> bool:
        return self._over

    def set_result(self, text: bytes | None) -> None:
        self.text = text
        self._end(broken=False)

    def set_exception(self, error: BaseException) -> None:
        self.error = error
        self._end(broken=not isinstance(error, HARMLESS))

    def late(self) -> None:
        """Its time is over; what the server still says to it nobody hears."""
        if not self._over:
            self.expired = True
            self._end(broken=True)

    def _end(self, *, broken: bool) -> None:
        if self._over:
            return
        self._over = True
        self._deadlines.drop(self)
        if self._connection is not None:
            self._pool.release(self._connection, broken=broken)
        self._heard(self)


class Turn:
    """A question's place in the line for a connection."""

    __slots__ = ("_opening", "_pool", "_question", "ends")
    shares = True

    def __init__(self, pool: Pool, question: Question) -> None:
        self._pool, self._question = pool, question
        self._opening: asyncio.Task[None] | None = None
        self.ends = monotonic() + pool.patience

    def done(self) -> bool:
        return self._question.done()

    def set_result(self, connection: Connection | None) -> None:
        self._pool.waits.drop(self)
        if connection is not None:
            self._question.turn(connection)
        else:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        try:
            connection = await self._pool.connect()
        except Exception as error:
            self._question.refused(error)
        else:
            self._question.turn(connection)

    def late(self) -> None:
        self._pool.waits.drop(self)
        if self._pool.leave(self):
            self._question.refused(Overloaded())
