"""What stays open: the register of sockets and event streams, their bounded outboxes, and the streams over HTTP themselves."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from graphql import OperationType

from souk.rules.actor import Actor
from souk.settings import Settings
from souk.web.errors import Code, Failure, failure_of, unauthenticated
from souk.web.flag import Flag
from souk.web.gate import GraphQLRequest, Receive, Send
from souk.web.guard import Asked
from souk.web.limits import network
from souk.web.operations import Operations, log
from souk.web.parts import Call
from souk.web.respond import EVENT_STREAM, MULTIPART, headers_of
from souk.web.sessions import Credential, Sessions


class Open(Protocol):
    """A connection that stays. `end` is called once, from outside, and must not wait for the peer."""

    actor: Actor | None
    call: Call

    def end(self, why: Failure) -> None: ...


class Streams:
    """Every open connection of the process: counted, looked after, and ended in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.open: set[Open] = set()
        self._addresses: Counter[str] = Counter()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, one: Open) -> None:
        """Raises Failure (RATE_LIMITED) where an address, or a network of IPv6 that one owner has, has too many."""
        address = network(one.call.address)
        if self._addresses[address] >= self.settings.sockets_per_address:
            raise Failure(Code.RATE_LIMITED, "Too many connections from this address.", retry_after_ms=5000)
        self._addresses[address] += 1
        self.open.add(one)
        self._empty.clear()

    def check_session(self, actor: Actor) -> None:
        """Raises Failure (RATE_LIMITED) where a session would have too many; called before `actor` is set."""
        session = actor.session_id or actor.token_id
        if session is None:
            return
        mine = sum(1 for one in self.open if one.actor and session in (one.actor.session_id, one.actor.token_id))
        if mine >= self.settings.sockets_per_session:
            raise Failure(Code.RATE_LIMITED, "Too many connections of this session.", retry_after_ms=5000)

    def remove(self, one: Open) -> None:
        if one in self.open:
            self.open.remove(one)
            address = network(one.call.address)
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]
        if not self.open:
            self._empty.set()

    async def end_all(self, why: Failure, seconds: float) -> None:
        """End every connection and wait until they are gone, at most `seconds`."""
        for one in list(self.open):
            one.end(why)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), seconds)

    async def look_after(self, sessions: Sessions, wait: Callable[[], Awaitable[None]]) -> None:
        """For ever, after each `wait`: end the connections whose session ended or became another actor.

        Each session is looked up once, however many connections it has. An unreachable database ends nothing: what
        cannot be checked delivers nothing either.
        """
        while True:
            await wait()
            held: dict[Credential, list[Open]] = {}
            for one in self.open:
                if one.actor is not None:
                    held.setdefault(one.call.credential, []).append(one)
            for credential, several in held.items():
                await self._recheck(sessions, credential, several)

    async def _recheck(self, sessions: Sessions, credential: Credential, several: list[Open]) -> None:
        why = unauthenticated("The session has ended or changed.")
        try:
            actor = await sessions.actor(credential)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                log.error("session check failed", exc_info=error)
            if failure is None or failure.code is not Code.UNAUTHENTICATED:
                return
            actor = None
        for one in several:
            if one.actor != actor:
                one.end(why)


class Outbox:
    """Frames on their way to one client: put without waiting, taken in order, counted per operation."""

    __slots__ = ("_filled", "_frames", "idle", "size", "waiting")

    def __init__(self) -> None:
        self._frames: deque[tuple[str, Any]] | None = None
        self._filled = Flag()
        self.waiting: Counter[str] = Counter()
        self.size = 0
        """Bytes that wait."""
        self.idle = False
        """Everything put was taken, and its taker is done with it: what goes past the outbox now overtakes nothing."""

    def put(self, frame: Any, owner: str = "") -> None:
        self.idle = False
        if self._frames is None:
            self._frames = deque()
        self._frames.append((owner, frame))
        self.size += len(frame or b"")
        self.waiting[owner] += 1
        self._filled.set()

    def __len__(self) -> int:
        return len(self._frames or ())

    def drop(self, owner: str) -> None:
        """Forget the frames of an operation that its client has ended."""
        if self.waiting.pop(owner, 0):
            kept = deque(each for each in self._frames or () if each[0] != owner)
            self._frames = kept or None
            self.size = sum(len(frame or b"") for _, frame in kept)

    async def take(self) -> Any:
        """The next frame, once there is one."""
        while self._frames is None:
            self._filled.clear()
            self.idle = True
            await self._filled.wait()
        return self.next()

    def next(self) -> Any:
        """The next frame; None where there is none, and whoever took the last one is done with it."""
        if self._frames is None:
            self.idle = True
            return None
        owner, frame = self._frames.popleft()
        if not self._frames:
            self._frames = None
        self.size -= len(frame or b"")
        self.waiting[owner] -= 1
        if not self.waiting[owner]:
            del self.waiting[owner]
        return frame


def overloaded(after: Any) -> Failure:
    facts = {} if after is None else {"after": after}
    return Failure(
        Code.OVERLOADED, "The subscriber reads too slowly; resume where it stopped.", retry_after_ms=0, **facts
    )


class Events:
    """Server-sent events as `graphql-sse` has them: `next` for each payload, one `complete`, comments in between."""

    media, transport = EVENT_STREAM, "stream"
    begin = beat = b":\n\n"
    complete = b"event: complete\ndata:\n\n"

    @staticmethod
    def next(body: bytes) -> bytes:
        return b"event: next\ndata: " + body.replace(b"\n", b"\ndata: ") + b"\n\n"

    @staticmethod
    def failed(body: bytes) -> bytes:
        """What ended it from outside; the last before `complete`."""
        return Events.next(body)


class Parts:
    """`multipart/mixed; subscriptionSpec=1.0`: each payload in a part of its own, `{}` to show life, errors of the
    transport beside a payload that is null. A part counts as arrived with the boundary after it, which is sent at once."""

    media, transport = MULTIPART, "multipart"
    begin = b"\r\n--graphql"
    complete = b"--\r\n"

    @staticmethod
    def part(body: bytes) -> bytes:
        return b"\r\ncontent-type: application/json\r\n\r\n%b\r\n--graphql" % body

    @staticmethod
    def next(body: bytes) -> bytes:
        return Parts.part(b'{"payload":%b}' % body)

    @staticmethod
    def failed(body: bytes) -> bytes:
        return Parts.part(b'{"payload":null,%b' % body[1:])

    beat = part(b"{}")


class Stream:
    """One operation as a stream over HTTP, in one of the two forms."""

    def __init__(
        self,
        operations: Operations,
        streams: Streams,
        request: GraphQLRequest,
        asked: Asked,
        actor: Actor,
        call: Call,
        form: type[Events] | type[Parts] = Events,
    ) -> None:
        self.form = form
        self.operations, self.streams, self.request, self.asked = operations, streams, request, asked
        self.actor: Actor | None = None
        self._me, self.call, self.outbox = actor, call, Outbox()
        self._pump: asyncio.Task[None] | None = None
        self._why: Failure | None = None

    def end(self, why: Failure) -> None:
        if self._why is None and self.asked.kind is OperationType.SUBSCRIPTION:  # all else ends by itself, in time
            self._why = why
            if self._pump is not None:
                self._pump.cancel()

    async def serve(self, receive: Receive, send: Send) -> None:
        """Raises Failure only before the first byte is sent."""
        self.streams.add(self)
        try:
            self.streams.check_session(self._me)
            self.actor = self._me
            await self._serve(receive, send)
        finally:
            self.streams.remove(self)

    async def _serve(self, receive: Receive, send: Send) -> None:
        more = ((b"cache-control", b"no-store, no-transform"), (b"x-accel-buffering", b"no"))
        secure = not self.operations.settings.development
        headers = headers_of(self.form.media, self.call.request_id, more=more, secure=secure)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self._pump = asyncio.create_task(self._run())
        if self._why is not None:
            self._pump.cancel()
        gone = asyncio.create_task(_disconnected(receive))
        sender = asyncio.create_task(self._sender(send))
        try:
            await asyncio.wait((gone, sender), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (self._pump, gone, sender):
                task.cancel()
            await asyncio.gather(self._pump, gone, sender, return_exceptions=True)

    async def _run(self) -> None:
        try:
            if self.asked.kind is OperationType.SUBSCRIPTION:
                await self._follow()
            else:
                result = await self.operations.answer(self.request, self.asked, self._me, self.call)
                self._next(result.told.body)
        except asyncio.CancelledError:
            if self._why is None:
                raise
            self.outbox.put(self.form.failed(self._why.body(self.call.request_id)))
        except Failure as failure:
            self.outbox.put(self.form.failed(failure.body(self.call.request_id)))
        self.outbox.put(self.form.complete)
        self.outbox.put(None)

    async def _follow(self) -> None:
        last: Any = None

        def deliver(body: bytes, after: Any) -> None:
            nonlocal last
            if len(self.outbox) >= self.operations.settings.stream_backlog:
                raise overloaded(last)
            self._next(body)
            last = after

        async for event in self.operations.follow(self.request, self.asked, self._me, self.call, deliver):
            deliver(event.body, event.after)
            if not event.executed:
                return

    def _next(self, body: bytes) -> None:
        self.outbox.put(self.form.next(body))

    async def _sender(self, send: Send) -> None:
        await send({"type": "http.response.body", "body": self.form.begin, "more_body": True})
        beat = asyncio.create_task(self._beat())
        try:
            while (frame := await self.outbox.take()) is not None:
                await send({"type": "http.response.body", "body": frame, "more_body": True})
        finally:
            beat.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.operations.settings.stream_heartbeat)
            if self.outbox.idle:
                self.outbox.put(self.form.beat)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
