"""The head of an answer and its body in one call of the system: two cost a small answer a tenth of all its time."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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


class Http(HttpToolsProtocol):
    """uvicorn's protocol over such a transport."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(Joined(transport, self.loop))  # type: ignore[arg-type]

    def handle_websocket_upgrade(self) -> None:
        self.transport = self.transport.transport  # type: ignore[attr-defined]  # frames are not held back
        super().handle_websocket_upgrade()
