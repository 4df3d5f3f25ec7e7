"""uvicorn's protocol, with less for each answer: its head is written with its body, and looked at once, not line by line."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD = b"HTTP/1.1 "


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


class Http(HttpToolsProtocol):
    """uvicorn's protocol with both."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]

    def handle_websocket_upgrade(self) -> None:
        self.transport = self.transport.transport  # type: ignore[attr-defined]  # frames are not held back
        super().handle_websocket_upgrade()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.__class__ = Cycle  # it begins to work in the next turn of the loop
