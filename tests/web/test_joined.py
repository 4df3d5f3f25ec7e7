"""A head waits for its body, and not for long."""

import asyncio

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from souk.web.joined import Cycle, Joined


class Wire:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


async def test_head_and_body_are_one_write_and_a_head_alone_goes_out_at_the_next_turn() -> None:
    wire = Wire()
    joined = Joined(wire, asyncio.get_running_loop())
    joined.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert wire.written == []
    joined.write(b"body")
    joined.write(b"more")
    assert wire.written == [b"HTTP/1.1 200 OK\r\n\r\nbody", b"more"]
    await asyncio.sleep(0)
    assert len(wire.written) == 2
    joined.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await asyncio.sleep(0)
    assert wire.written[2:] == [b"HTTP/1.1 204 No Content\r\n\r\n"]
    joined.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    joined.close()
    assert wire.written[3:] == [b"HTTP/1.1 400 Bad Request\r\n\r\n"]
    assert joined.is_closing()


async def test_a_head_that_would_be_two_is_not_sent() -> None:
    wire = Wire()
    cycle = Cycle(
        {"type": "http", "method": "GET"}, wire, FlowControl(wire), None, None, False, [(b"date", b"today")],
        asyncio.Event(), False, True, lambda: None,
    )  # type: ignore[arg-type]  # fmt: skip
    head = [(b"x-one", b"1"), (b"content-length", b"4")]
    for value in (b"1\r\nx-two: 2", b"1\nx-two: 2", b"1\r"):
        with pytest.raises(RuntimeError, match="Invalid HTTP header value"):
            await cycle.send({"type": "http.response.start", "status": 200, "headers": [(b"x-one", value), *head[1:]]})
    assert wire.written == []
    await cycle.send({"type": "http.response.start", "status": 200, "headers": head})
    await cycle.send({"type": "http.response.body", "body": b"body"})
    assert wire.written == [b"HTTP/1.1 200 OK\r\ndate: today\r\nx-one: 1\r\ncontent-length: 4\r\n\r\n", b"body"]
    assert cycle.response_complete
