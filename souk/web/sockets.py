"""`graphql-transport-ws`: operations over one WebSocket, each answered, followed and ended on its own.

The close codes are the protocol's: 4400 a message that is none, 4401 an operation before the acknowledgement,
4403 a credential that is refused, 4406 another subprotocol, 4408 no `connection_init` in time, 4409 an id in use,
4429 a second `connection_init`. Besides: 4429 more messages than anybody needs, or than the peer reads; 1012 the server goes
down, 1001 the session has ended, 1013 too much at once. What is refused before the handshake has its HTTP status.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import orjson
from graphql import OperationType

from souk.rules.actor import Actor
from souk.web.errors import Code, Failure, failure_of, internal, retry_after, shutting_down
from souk.web.frames import ABORT, WRITE
from souk.web.gate import GraphQLRequest, Receive, Scope, Send, check_origin, graphql_request, load_json
from souk.web.guard import Asked
from souk.web.limits import Pace
from souk.web.operations import Operations, log
from souk.web.parts import Call
from souk.web.respond import JSON, headers_of
from souk.web.sessions import bearer
from souk.web.streams import Outbox, Streams, overloaded

PROTOCOL = "graphql-transport-ws"
MAX_ID = 128
CLOSE_SECONDS = 2.0
WAITING = 8_388_608  # bytes for a client that talks on and does not read them
PONGS, PONG_BYTES = 256, 1_024  # answers to pings that may wait, and how much of a ping is given back
TURN = 64
MESSAGES, MESSAGES_A_SECOND = 2_000, 1_000  # as many operations as a principal has points for


class Closed(Exception):
    """The socket is closed by this side; `reason` has at most 123 bytes."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code, self.reason = code, reason


class Gone(Exception):
    """The peer closed the socket."""


@dataclass(slots=True)
class Running:
    """One operation of a socket; its kind is known when its document is found."""

    kind: OperationType | None = None
    task: asyncio.Task[None] | None = None
    why: Failure | None = None


class Socket:
    """One connection. Nothing a peer sends raises out of `serve`."""

    __slots__ = (
        "_count", "_end", "_gone", "_initialised", "_pace", "_reader", "_sender", "_why", "actor", "call", "operations", "outbox",
        "receive", "running", "scope", "send", "settings", "streams", "write",
    )  # fmt: skip

    def __init__(
        self, operations: Operations, streams: Streams, scope: Scope, receive: Receive, send: Send, call: Call
    ) -> None:
        self.operations, self.streams, self.settings = operations, streams, operations.settings
        self.scope, self.receive, self.send, self.call = scope, receive, send, replace(call, transport="socket")
        self.actor: Actor | None = None
        self.outbox = Outbox()
        self.write: Callable[[bytes], bool] = scope["extensions"].get(WRITE, _never)
        scale = self.settings.limit_scale
        self._pace = Pace(MESSAGES * max(1.0, scale), MESSAGES_A_SECOND * max(1.0, scale))
        self.running: dict[str, Running] = {}
        self._initialised = self._gone = False
        self.outbox.idle = True
        self._reader: asyncio.Task[Any] | None = None
        self._sender: asyncio.Task[None] | None = None
        self._end: Closed | None = None
        self._why: Failure | None = None
        self._count = 0

    async def serve(self, headers: dict[bytes, bytes], *, draining: bool) -> None:
        await self.receive()
        try:
            if draining:
                raise shutting_down()
            check_origin(headers, self.settings.allowed_origins)
            headers.clear()  # whoever calls would keep them as long as the connection
            self.streams.add(self)
        except Failure as failure:
            await deny(self.scope, self.send, await self.operations.refuse(failure, None, self.call), self.call)
            return
        try:
            await self._serve()
        finally:
            self.streams.remove(self)

    def end(self, why: Failure) -> None:
        """Each subscription gets its error, other operations their answer; then the socket closes."""
        if self._end is None and self._reader is not None:
            code = 1012 if why.code is Code.SHUTTING_DOWN else 1001
            self._end, self._why = Closed(code, why.message), why
            for one in self.running.values():
                if one.kind is OperationType.SUBSCRIPTION and one.task is not None and one.why is None:
                    one.why = why
                    one.task.cancel()
            self._reader.cancel()

    async def _serve(self) -> None:
        if PROTOCOL not in self.scope.get("subprotocols", ()):
            await self.send({"type": "websocket.accept"})
            await self.send({"type": "websocket.close", "code": 4406, "reason": "Subprotocol not acceptable"})
            return
        await self.send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        self._reader = asyncio.current_task()
        try:
            closed = await self._ended()
            if closed is not None:
                if self._sender is not None:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(asyncio.shield(self._sender), CLOSE_SECONDS)
                with suppress(OSError, RuntimeError):
                    await self._close(closed)
        finally:
            tasks = [one.task for one in self.running.values() if one.task is not None]
            tasks += [] if self._sender is None else [self._sender]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _ended(self) -> Closed | None:
        """Read to the end. Gives how this side closes it; None where the peer has."""
        closed: Closed | None = None
        try:
            await self._read()
        except asyncio.CancelledError:
            if self._reader is None or (self._end is None and not self._gone):
                raise
            self._reader.uncancel()
        except Gone:
            pass
        except Closed as error:
            closed = error
        except Exception as error:
            log.error("socket failed", request_id=self.call.request_id, exc_info=error)
            closed = Closed(1011, "Internal error")
        self._reader = None  # nobody ends it twice
        if self._end is not None:
            closed = self._end
            tasks = [one.task for one in self.running.values() if one.task is not None]
            await asyncio.gather(*tasks, return_exceptions=True)
        return closed

    async def _close(self, closed: Closed) -> None:
        """Tell the peer; one that takes nothing is not waited for."""
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.send({"type": "websocket.close", "code": closed.code, "reason": closed.reason[:120]})
        except TimeoutError:
            if (abort := self.scope["extensions"].get(ABORT)) is not None:
                abort()

    def _say(self, frame: bytes, id: str = "") -> None:
        """A frame for the outbox, and a task that sends what is in it, as long as there is something."""
        self.outbox.put(frame, id)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while (frame := self.outbox.next()) is not None:
                await self.send({"type": "websocket.send", "text": frame.decode()})
        except Exception:  # the peer has gone, or will be said to have
            if self._reader is not None and self._end is None:
                self._gone = True
                self._reader.cancel()
        self._sender = None

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(self.settings.socket_init_timeout) as waiting:
                while not self._initialised:
                    await self._message()
                waiting.reschedule(None)
        except TimeoutError:
            raise Closed(4408, "Connection initialisation timeout") from None
        while True:
            await self._message()

    async def _message(self) -> None:
        message = await self.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        if not self._pace.keeps():
            raise Closed(4429, "Too many messages")
        if self.outbox.size > WAITING or self.outbox.waiting[""] > PONGS:
            raise Closed(4429, "Read what is sent to you")
        text = message.get("text")
        if not isinstance(text, str):
            raise Closed(4400, "Messages are JSON text")
        try:
            value = load_json(text.encode())
        except (Failure, UnicodeEncodeError):
            raise Closed(4400, "Messages are JSON text") from None
        if not isinstance(value, dict):
            raise Closed(4400, "Messages are JSON objects")
        payload = value.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise Closed(4400, "payload must be an object")
        match value.get("type"):
            case "connection_init":
                await self._init(payload or {})
            case "ping":
                more = {"payload": payload} if payload and len(text) <= PONG_BYTES else {}
                self._say(orjson.dumps({"type": "pong", **more}))
                if self.outbox.waiting[""] % TURN == 0:
                    await asyncio.sleep(0)  # who sends many at once and reads is no flood
            case "pong":
                pass
            case "subscribe":
                self._subscribe(_id(value), payload)
            case "complete":
                one = self.running.pop(_id(value), None)
                if one is not None and one.task is not None:
                    one.task.cancel()
                    self.outbox.drop(value["id"])
            case _:
                raise Closed(4400, "This type of message is not known")

    async def _init(self, payload: dict[str, Any]) -> None:
        if self._initialised:
            raise Closed(4429, "Too many initialisation requests")
        credential = self.call.credential
        given = {name.lower(): value for name, value in payload.items() if isinstance(value, str)}
        try:
            if "authorization" in given:
                credential = credential._replace(token=bearer(given["authorization"]), forget=b"")
            if self.settings.development and "x-souk-tenant" in given:
                credential = credential._replace(tenant=given["x-souk-tenant"])
            actor = await self.operations.parts.sessions.actor(credential)
            self.streams.check_session(actor)
        except Exception as error:
            failure = failure_of(error)
            if failure is None:
                raise
            failure = await self.operations.refuse(failure, None, self.call)
            code = 4403 if failure.code is Code.UNAUTHENTICATED else 1013
            raise Closed(code, "Forbidden" if code == 4403 else failure.message) from None
        self.call = replace(self.call, credential=credential)
        self.actor, self._initialised = actor, True
        self._say(b'{"type":"connection_ack"}')

    def _subscribe(self, id: str, payload: Any) -> None:
        if not self._initialised or self.actor is None:
            raise Closed(4401, "Unauthorized")
        if id in self.running:
            raise Closed(4409, f"Subscriber for {id} already exists")
        if not _names_document(payload):
            raise Closed(4400, "payload.query must be a document")
        self._count += 1
        call = replace(self.call, request_id=f"{self.call.request_id}-{self._count}", began=monotonic())
        if len(self.running) >= self.settings.socket_subscriptions or len(self.outbox) > 4 * MAX_ID:
            failure = Failure(Code.RATE_LIMITED, "Too many operations on this socket.", retry_after_ms=1000)
            self._error(id, failure, call)
            return
        one = self.running[id] = Running()
        one.task = asyncio.create_task(self._run(id, one, payload, self.actor, call))

    async def _run(self, id: str, one: Running, payload: dict[str, Any], actor: Actor, call: Call) -> None:
        try:
            try:
                request = await self.operations.document(graphql_request(payload), actor, call)
                asked = self.operations.check(request)
                one.kind = asked.kind
            except Failure as failure:
                raise await self.operations.refuse(failure, actor, call) from None
            if one.kind is OperationType.SUBSCRIPTION:
                if self._why is not None:  # the socket was ended while the document was looked for
                    raise self._why
                finished = await self._follow(id, one, request, asked, actor, call)
            else:
                result = await self.operations.answer(request, asked, actor, call)
                finished = self._payload(id, result.told.body, result.told.executed)
            if finished:
                self._put(id, b"complete", None)
        except asyncio.CancelledError:
            if one.why is None:
                raise
            self._error(id, one.why, call)
        except Failure as failure:
            self._error(id, failure, call)
        except Exception as error:
            log.error("failed", request_id=call.request_id, exc_info=error)
            self._error(id, internal(), call)
        finally:
            if self.running.get(id) is one:
                del self.running[id]

    async def _follow(
        self, id: str, one: Running, request: GraphQLRequest, asked: Asked, actor: Actor, call: Call
    ) -> bool:
        head, outbox, backlog, last = (
            _head(id, b"next") + b',"payload":',
            self.outbox,
            self.settings.stream_backlog,
            None,
        )

        def deliver(body: bytes, after: Any) -> None:
            """Straight into the transport while the client keeps up, else into its outbox; waits for nobody."""
            nonlocal last
            if self.running.get(id) is not one:
                return
            frame = b"%b%b}" % (head, body)
            if not (outbox.idle and self.write(frame)):
                if outbox.waiting[id] >= backlog:
                    raise overloaded(last)
                self._say(frame, id)
            last = after

        async for event in self.operations.follow(request, asked, actor, call, deliver):
            if outbox.waiting[id] >= backlog:
                raise overloaded(last)
            if not self._payload(id, event.body, event.executed):
                return False
            last = event.after
        return True

    def _payload(self, id: str, body: bytes, executed: bool) -> bool:
        """A result as `next`; one that has no data ends the operation with `error`, and has no `complete`."""
        if executed:
            self._put(id, b"next", body)
        else:
            self._put(id, b"error", orjson.dumps(orjson.loads(body)["errors"]))
        return executed

    def _error(self, id: str, failure: Failure, call: Call) -> None:
        self._put(id, b"error", orjson.dumps([failure.formatted(call.request_id)]))

    def _put(self, id: str, type: bytes, payload: bytes | None) -> None:
        rest = b"" if payload is None else b',"payload":' + payload
        self._say(b"%b%b}" % (_head(id, type), rest), id)


async def deny(scope: Scope, send: Send, failure: Failure, call: Call) -> None:
    """Refuse a handshake: with its status and its error where the server can say them, else with 403."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await send({"type": "websocket.close"})
        return
    headers = headers_of(JSON, call.request_id, more=(*failure.headers, *retry_after(failure.retry_after_ms)))
    await send({"type": "websocket.http.response.start", "status": failure.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": failure.body(call.request_id)})


def _head(id: str, type: bytes) -> bytes:
    return b'{"id":%b,"type":"%b"' % (orjson.dumps(id), type)


def _names_document(payload: Any) -> bool:
    if not isinstance(payload, dict):
        return False
    extensions = payload.get("extensions")
    by_hash = isinstance(payload.get("documentId"), str) or (
        isinstance(extensions, dict) and extensions.get("persistedQuery") is not None
    )
    return by_hash or isinstance(payload.get("query"), str)


def _never(_: bytes) -> bool:
    """The way past the outbox of a server that has none."""
    return False


def _id(value: dict[str, Any]) -> str:
    id = value.get("id")
    if not isinstance(id, str) or not 0 < len(id) <= MAX_ID:
        raise Closed(4400, f"id must be a text of 1 to {MAX_ID} characters")
    return id
