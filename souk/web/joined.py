"""uvicorn's protocol, with less for each request and each answer.

An answer's head is written with its body, and looked at once, not line by line. A request's head that a connection sends
again is found by its bytes instead of being parsed again; what may then be answered at once is (`lane.py`).
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from souk.web.heads import EACH_TIME, KEPT_BYTES
from souk.web.lane import Ready, Seen, lines
from souk.web.operations import Result

HEAD, END = b"HTTP/1.1 ", b"\r\n\r\n"
HEADS = 16  # that a connection is remembered by: clients send few, which differ in their length
LONG_WAY = (EACH_TIME - {b"content-length"}) | {b"expect", b"transfer-encoding", b"upgrade"}
"""Headers of which one is enough for a head not to be remembered: it would not come again, or is not all of the head."""


class Joined:
    """A transport that keeps a head back until the body comes, or until the loop has nothing else at hand."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.transport, self.loop = transport, loop
        self._head = b""
        self._later: asyncio.Handle | None = None

    def write(self, data: bytes) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later, head, self._head = None, self._head, b""
            self.transport.write(head + data)
        elif data.startswith(HEAD):
            self._head, self._later = data, self.loop.call_soon(self.flush)
        else:
            self.transport.write(data)

    def flush(self) -> None:
        """What was kept back goes out."""
        if self._later is not None:
            self._later.cancel()
            self._later, head, self._head = None, self._head, b""
            self.transport.write(head)

    def close(self) -> None:
        self.flush()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Cycle(RequestResponseCycle):
    """One request and its answer. A head that ends with its content-length is whole: nothing in it needs to be worked out."""

    async def send(self, message: Any) -> None:
        headers = message.get("headers")
        whole = headers and headers[-1][0] == b"content-length" and not self.response_started
        if not whole or self.disconnected or self.flow.write_paused:
            await super().send(message)
            return
        lines = [b"%b: %b\r\n" % each for each in (*self.default_headers, *headers)]
        head = b"".join(lines)
        if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
            raise RuntimeError("Invalid HTTP header value.")
        self.response_started, self.waiting_for_100_continue, self.chunked_encoding = True, False, False
        self.expected_content_length = int(headers[-1][1])
        end = b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[message["status"]], head, end)))


class _Ignored:
    """The event of a request that nobody waits for: its body is there."""

    @staticmethod
    def set() -> None:
        pass


class Direct(Cycle):
    """One request that is ready when it arrives."""

    disconnected = response_started = response_complete = waiting_for_100_continue = access_log = False
    keep_alive, more_body, chunked_encoding, expected_content_length = True, False, None, 0
    body, message_event = bytearray(), _Ignored()  # type: ignore[assignment]

    result: Result | None = None

    def __init__(self, protocol: "Http", scope: Any, ready: Ready) -> None:
        self.protocol, self.scope, self.ready = protocol, scope, ready
        self.transport, self.flow, self.logger = protocol.transport, protocol.flow, protocol.logger
        self.default_headers, self.on_response = protocol.server_state.default_headers, protocol.on_response_complete

    def begin(self) -> None:
        """Ask at once and answer when the rows are there, without a task, or with one that does."""
        if not self.ready.begin(self.done):
            self.protocol.start(self)

    def done(self, result: Result | None) -> None:
        """The answer, or None where it takes a task. Never raises: whoever calls has a connection to go on with."""
        self.result = result
        try:
            if result is None or not self.wrote(result):
                self.protocol.start(self)
        except Exception as error:
            self.logger.error("Exception in an answer", exc_info=error)
            self.transport.close()

    async def serve(self, *_: Any) -> None:
        """As an ASGI application, so that whatever goes wrong ends as it does there."""
        result = self.result or await self.ready.answer()
        if not self.wrote(result):
            await self.ready.send(self.send, result)

    def wrote(self, result: Result) -> bool:
        """Whether the answer is one that goes out as it is, and did."""
        if not result.plain or self.disconnected or self.flow.write_paused or not self.keep_alive:
            return False
        self.response_started = self.response_complete = True
        written = self.ready.written(result, self.protocol.opening())
        self.transport.transport.write(written)  # type: ignore[attr-defined]  # nothing is kept back now
        self.on_response()
        return True


class Http(HttpToolsProtocol):
    """uvicorn's protocol with all of it."""

    _dated: tuple[Any, bytes] = (None, b"")

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._begun = self._ended = 0  # requests that the parser has seen
        self._heads: dict[bytes, Seen] = {}

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]

    def handle_websocket_upgrade(self) -> None:
        self.transport = self.transport.transport  # type: ignore[attr-defined]  # frames are not held back
        super().handle_websocket_upgrade()

    def data_received(self, data: bytes) -> None:
        if self._begun != self._ended or not (self.cycle is None or self.cycle.response_complete):
            super().data_received(data)
            return
        end, begun = data.find(END) + len(END), self._begun
        seen, lane = self._heads.get(data[:end]), getattr(self.config.app, "lane", None)
        if seen is not None and lane is not None and len(data) - end == seen.length:
            ready = lane.ready(seen, data[end:])
            if ready is not None:
                self._unset_keepalive_if_required()
                self.cycle = cycle = Direct(self, seen.scope, ready)
                cycle.begin()
                return
        super().data_received(data)
        if self._begun == self._ended == begun + 1:  # one whole request, and nothing else
            self._remember(data[:end], len(data) - end)

    def start(self, cycle: Direct) -> None:
        """Serve it in a task."""
        self._start_asgi_task(cycle, cycle.serve)

    def _remember(self, head: bytes, length: int) -> None:
        """Keep the head of the request that was just parsed, if it is all that such a request says of itself."""
        scope, cycle = self.scope, self.cycle
        names = [name for name, _ in scope["headers"]]
        if (
            scope["method"] == "POST" and scope["path"] == "/graphql" and scope["http_version"] == "1.1"
            and not scope["query_string"] and cycle.keep_alive and LONG_WAY.isdisjoint(names) and len(head) <= KEPT_BYTES
            and [int(value) for name, value in scope["headers"] if name == b"content-length"] == [length]
        ):  # fmt: skip
            if len(self._heads) >= HEADS:
                del self._heads[next(iter(self._heads))]
            self._heads[head] = Seen(scope, length)  # type: ignore[arg-type]  # with what the application makes of it

    def opening(self) -> bytes:
        """The status line of an answer and the lines of the server's own headers, which change once a second."""
        known, made = Http._dated
        if known is not self.server_state.default_headers:
            known = self.server_state.default_headers
            made = STATUS_LINE[200] + lines(known)
            Http._dated = known, made
        return made

    def on_message_begin(self) -> None:
        self._begun += 1
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._ended += 1
        super().on_message_complete()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if type(self.cycle) is RequestResponseCycle:
            self.cycle.__class__ = Cycle  # it begins to work in the next turn of the loop
