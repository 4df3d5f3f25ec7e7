"""uvicorn's WebSocket protocol, and a way to write a message without a task: what one stream tells a thousand sockets.

`send` of ASGI is a coroutine that serialises a frame object per message; for the same text to everybody that is most of
the cost. This adds `scope["extensions"]["souk.write"]`, and changes nothing else.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request
from websockets.protocol import State

WRITE = "souk.write"


class Frames(WebSocketsSansIOProtocol):
    """One connection."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101:
            self.scope["extensions"] = {**(self.scope["extensions"] or {}), WRITE: self.write}  # type: ignore[dict-item]

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
