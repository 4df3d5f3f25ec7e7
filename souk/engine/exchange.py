"""One statement, one value, one round trip: PostgreSQL's extended query protocol for plans.

asyncpg opens a connection and signs in, and speaks on it for the executor's road. For a plan this speaks instead, in between,
on the same socket: parameters go out as text, the value comes back as the bytes it is, and nothing else is made of either.
That costs a third of what a general driver's statement does. A second statement may be sent while a short one is answered
(pipelining): the server finds it in its buffer and goes on, where it had slept and been woken.
Source: PostgreSQL 18, chapter 54, "Frontend/Backend Protocol"; 54.2.4 "Pipelining".
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import inf
from struct import Struct
from time import monotonic
from typing import Any, NamedTuple, Protocol
from uuid import UUID
from weakref import ref

from asyncpg import exceptions as pg

from .fuse import Plan

STALE = (pg.InvalidCachedStatementError, pg.InvalidSQLStatementNameError)
DEPTH = 2  # statements under way on a connection; more of them save little more
LEARNS = 4  # how much of what a statement usually takes is the last time: one part in four
_LENGTH, _COUNT = Struct("!i"), Struct("!h")
_size, _at = _LENGTH.pack, _LENGTH.unpack_from
_ROW, _READY, _ERROR = b"DZE"
_NULL = _size(-1)
_BINARY_RESULT = b"\x00\x01\x00\x01"
_EXECUTE_SYNC = b"E\x00\x00\x00\x09\x00\x00\x00\x00\x00S\x00\x00\x00\x04"
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"'})


class Waiting(Protocol):
    """Who waits for an answer: a future, or somebody who is told in its place."""

    def done(self) -> bool: ...
    def set_result(self, value: bytes | None, /) -> None: ...
    def set_exception(self, error: BaseException, /) -> None: ...


class Unheard(pg.ConnectionDoesNotExistError):
    """The connection ended for another's sake before this statement was answered: it may be asked elsewhere."""


@dataclass(slots=True)
class Prepared:
    """A plan's statement by its name, and the seconds that it usually takes here; `inf` until that was seen."""

    name: bytes
    plan: "ref[Plan]"
    usual: float = inf


class Sent(NamedTuple):
    """A statement that is under way."""

    plan: Plan
    prepared: Prepared
    waiting: Waiting


class Exchange(asyncio.Protocol):
    """What is said for plans on the connection `raw` (asyncpg's), with at most `kept` prepared statements.

    `DEPTH` exchanges at a time, answered in their order; `short` tells when a second one may begin, in seconds.
    `statements` are what is prepared, by the plans' numbers, the least recently used first. One goes with its plan: nobody can
    ask for it any more, and a connection that is rarely used would keep hundreds of such, here and in the server.
    """

    def __init__(self, raw: Any, kept: int, short: float) -> None:
        self.raw, self.kept, self.short = raw, kept, short
        self.statements: OrderedDict[int, Prepared] = OrderedDict()
        self._transport, self._other = raw._transport, raw._protocol
        self._loop = asyncio.get_running_loop()
        self._speaking = False
        self._made = 0
        self._gone: deque[bytes] = deque()  # names that are closed with the next statement
        self._sent: deque[Sent] = deque()
        self._since = 0.0  # when the server began with the first of them
        self._value: bytes | None = None
        self._error: BaseException | None = None
        self._parts: list[bytes] = []
        self._missing = 0

    def listen(self, speaking: bool) -> None:
        """Who hears what the server says from now on: this one, or asyncpg."""
        if speaking is not self._speaking:
            self._speaking = speaking
            self._transport.set_protocol(self if speaking else self._other)

    async def ask(self, plan: Plan, values: Sequence[Any]) -> bytes | None:
        """The one value of the plan's statement; prepared again once when a migration changed what it stands on.

        Raises asyncpg's exceptions, and TypeError for a value that has no text.
        """
        try:
            return await self._asked(plan, values)
        except STALE:
            return await self._asked(plan, values)

    def _asked(self, plan: Plan, values: Sequence[Any]) -> "asyncio.Future[bytes | None]":
        waiting: asyncio.Future[bytes | None] = self._loop.create_future()
        self.begin(plan, values, waiting)
        return waiting

    def begin(self, plan: Plan, values: Sequence[Any], waiting: Waiting) -> None:
        """Send the plan's statement; `waiting` is told once what came of it. Raises as `ask` does for what cannot be sent."""
        if len(self._sent) == DEPTH:
            raise pg.InterfaceError("another operation is in progress")
        sent = [text_of(value) for value in values]
        said: list[bytes] = []
        prepared = self.statements.get(plan.number)
        if prepared is None:
            prepared = self._prepare(plan, said)
        else:
            self.statements.move_to_end(plan.number)
        bound = [b"\x00", prepared.name, b"\x00\x00\x00", _COUNT.pack(len(sent))]
        for text in sent:
            if text is None:
                bound.append(_NULL)
            else:
                bound += (_size(len(text)), text)
        bound.append(_BINARY_RESULT)
        body = b"".join(bound)
        said += (b"B", _size(4 + len(body)), body, _EXECUTE_SYNC)
        self.listen(True)
        if self._transport.is_closing():
            raise pg.ConnectionDoesNotExistError("the connection is closed")
        if not self._sent:
            self._since = monotonic()
        self._sent.append(Sent(plan, prepared, waiting))
        self._transport.write(b"".join(said))

    def soon(self) -> bool:
        """Whether a single statement is under way that is usually answered within `short`, and was begun as lately."""
        sent = self._sent
        return len(sent) == 1 and sent[0].prepared.usual < self.short > monotonic() - self._since

    def _prepare(self, plan: Plan, said: list[bytes]) -> Prepared:
        self._made += 1
        name = b"souk_%d" % self._made
        statements, gone, number = self.statements, self._gone, plan.number

        def ended(_: object) -> None:
            if (prepared := statements.pop(number, None)) is not None:
                gone.append(prepared.name)

        prepared = statements[number] = Prepared(name, ref(plan, ended))
        if len(statements) > self.kept:
            gone.append(statements.popitem(last=False)[1].name)
        while gone:  # one by one: a plan can end in the middle of this
            each = gone.popleft()
            said += (b"C", _size(6 + len(each)), b"S", each, b"\x00")
        text = plan.sql.encode()
        said += (b"P", _size(8 + len(name) + len(text)), name, b"\x00", text, b"\x00\x00\x00")
        return prepared

    # What the server says --------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if not self._sent:  # nothing was asked here: a notice, the end, or an answer to asyncpg
            self._other.data_received(data)
            return
        if self._parts:
            self._parts.append(data)
            self._missing -= len(data)
            if self._missing > 0:
                return
            data = b"".join(self._parts)
            self._parts = []
        at, size = 0, len(data)
        while size - at >= 5:
            end = at + 1 + _at(data, at + 1)[0]
            if end > size:
                break
            kind = data[at]
            if kind == _ROW:
                length = _at(data, at + 7)[0]
                self._value = None if length < 0 else data[at + 11 : at + 11 + length]
            elif kind == _READY:
                self._ended()
            elif kind == _ERROR:
                self._error = _refusal(data[at + 5 : end])
            at = end
        if at < size:
            self._parts = [data[at:]]
            self._missing = (1 + _at(data, at + 1)[0] if size - at >= 5 else 5) - (size - at)

    def _ended(self) -> None:
        plan, prepared, waiting = self._sent.popleft()
        value, self._value = self._value, None
        error, self._error = self._error, None
        now = monotonic()
        took, self._since = now - self._since, now
        if error is not None:
            if self.statements.get(plan.number) is prepared:
                del self.statements[plan.number]
                self._gone.append(prepared.name)  # nobody knows whether it is; made anew when it is asked for again
        elif prepared.usual == inf:
            prepared.usual = took
        else:
            prepared.usual += (took - prepared.usual) / LEARNS
        if waiting.done():
            return
        if error is None:
            waiting.set_result(value)
        else:
            waiting.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self._other.connection_lost(exc)
        first, error = True, self._error
        while self._sent:
            waiting = self._sent.popleft().waiting
            if not waiting.done():
                lost = pg.ConnectionDoesNotExistError("connection was closed in the middle of operation")
                waiting.set_exception(error or lost if first else Unheard("the connection was closed"))
            first = False

    def end(self) -> None:
        """Close the connection, whatever is under way; who waits is told that nobody heard it, a little later."""
        sent, self._sent = self._sent, deque()
        self.listen(False)
        if not self.raw.is_closed():
            self.raw.terminate()
        for each in sent:
            if not each.waiting.done():
                self._loop.call_soon(each.waiting.set_exception, Unheard("the connection was closed"))


def _refusal(body: bytes) -> BaseException:
    fields = {part[:1].decode(): part[1:].decode(errors="replace") for part in body.split(b"\x00") if part}
    made: BaseException = pg.PostgresError.new(fields)
    return made


def text_of(value: Any) -> bytes | None:
    """A parameter as PostgreSQL reads it in text; None is NULL. Raises TypeError."""
    kind = type(value)
    if kind is str:
        return value.encode()  # type: ignore[no-any-return]
    if kind is UUID:
        return b"%032x" % value.int
    if kind is int:
        return b"%d" % value
    if value is None:
        return None
    if kind is bool:
        return b"t" if value else b"f"
    if isinstance(value, str):
        return str.encode(value)
    if isinstance(value, list | tuple):
        return ("{" + ",".join(map(_element, value)) + "}").encode()
    if isinstance(value, bytes):
        return b"\\x" + value.hex().encode()
    if isinstance(value, date):  # a datetime is one
        return value.isoformat().encode()
    if isinstance(value, UUID | Decimal):
        return str(value).encode()
    if isinstance(value, timedelta):
        return b"%d days %d.%06d seconds" % (value.days, value.seconds, value.microseconds)
    raise TypeError(f"no parameter is a {kind.__name__}")


def _element(value: Any) -> str:
    text = text_of(value)
    return "NULL" if text is None else f'"{text.decode().translate(_ESCAPED)}"'


def elements(data: bytes | None) -> Iterator[bytes]:
    """The elements of an array of texts or bytes in binary: dimensions, flags, type, length, lower bound, then each."""
    if data is None or _at(data, 0)[0] == 0:
        return
    at = 20
    for _ in range(_at(data, 12)[0]):
        length = _at(data, at)[0]
        yield data[at + 4 : at + 4 + length]
        at += 4 + length
