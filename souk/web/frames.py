"""uvicorn's WebSocket protocol, and what it has no way for: a message without a task, and an end that waits for nobody.

`send` of ASGI is a coroutine that serialises a frame object per message; for the same text to everybody that is most of
the cost. It waits while a peer reads nothing, and so does closing. This adds `scope["extensions"]["souk.write"]` and
`["souk.abort"]`, bounds what a peer may have answered on its pings, and keeps less of a connection that is open; it changes
nothing else.
"""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

from souk.web.flag import Flag, Inbox
from souk.web.limits import Pace

WRITE, ABORT = "souk.write", "souk.abort"
PINGS, PINGS_A_SECOND = 200, 20


class Frames(WebSocketsSansIOProtocol):
    """One connection."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.queue: Any = Inbox()
        self.writable: Any = Flag(True)

    def start_keepalive(self) -> None:
        """The handshake is over: nobody asks for its headers again, and they would stay as long as the connection."""
        super().start_keepalive()
        self.request.headers.clear()
        self.response.headers.clear()
        self.scope["headers"] = []

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.pace = Pace(PINGS, PINGS_A_SECOND)
            more = {WRITE: self.write, ABORT: self.abort}
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), **more}  # type: ignore[dict-item]

    def handle_ping(self) -> None:
        """Answer a ping of the protocol's, as long as the peer takes answers (RFC 6455, 5.5.3: not each must have one)."""
        if not self.pace.keeps():
            self.conn.fail(4429, "Too many pings")
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 4429})
            self.close_sent = True
            if not self.writable.is_set():
                self.abort()
                return
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()
        elif self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    def abort(self) -> None:
        """End the connection at once; what was not taken by then is lost."""
        self.transport.abort()

    def write(self, text: bytes) -> bool:
        """Write a text message (UTF-8) now; False, and nothing is written, where `send` would wait or raise."""
        if not self.writable.is_set() or self.conn.state is not State.OPEN or self.conn.extensions:
            return False
        if self.close_sent or self.transport.is_closing():
            return False
        size = len(text)  # an unmasked, final text frame: RFC 6455, section 5.2
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65536:
            head = bytes((0x81, 126, size >> 8, size & 255))
        else:
            head = b"\x81\x7f" + size.to_bytes(8, "big")
        self.transport.write(head + text)
        return True
