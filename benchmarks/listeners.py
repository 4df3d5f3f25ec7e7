"""A thousand WebSocket clients in one process that cost next to nothing, so that what `benchmarks.live` measures is the server.

A frame is neither unmasked, decoded nor parsed: its length is skipped over and its `seq` found. Reads one JSON line from
standard input (host, port, token, payload, subscribers, events, seconds), says `ready` when all have subscribed and
`{"cpu": …, "got": …}` at the end: the CPU seconds since then, and `[seq, seconds of the
monotonic clock]` of each frame, in the order of arrival. Leaves when standard input ends.
"""

import asyncio
import base64
import json
import secrets
import sys
from time import perf_counter, process_time
from typing import Any

import uvloop

ACK = b'"connection_ack"'


class Listener(asyncio.Protocol):
    """One client: subscribes once, then counts; raises where an event is missing, comes twice or out of order."""

    def __init__(self, given: dict[str, Any], got: list[tuple[int, float]], done: asyncio.Event) -> None:
        self.given, self.got, self.done = given, got, done
        self.upgraded, self.rest, self.seq = False, b"", 0
        self.subscribed = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        lines = ["GET /graphql HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade",
                 f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
                 "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: graphql-transport-ws", "", ""]  # fmt: skip
        transport.write("\r\n".join(lines).encode())

    def connection_lost(self, error: Exception | None) -> None:
        if len(self.got) < self.given["subscribers"] * self.given["events"]:
            self._fail("the server closed a connection")

    def data_received(self, data: bytes) -> None:
        (self._frames if self.upgraded else self._handshake)(data)

    def say(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        length = bytes([0x80 | len(body)]) if len(body) < 126 else bytes([0xFE, len(body) >> 8, len(body) & 255])
        self.transport.write(b"\x81" + length + b"\0\0\0\0" + body)

    def _handshake(self, data: bytes) -> None:
        self.rest += data
        if b"\r\n\r\n" in self.rest:
            self.rest = self.rest.split(b"\r\n\r\n", 1)[1]
            self.say({"type": "connection_init", "payload": {"authorization": f"Bearer {self.given['token']}"}})
            self.upgraded = True

    def _frames(self, data: bytes) -> None:
        at, now = 0, perf_counter()
        if self.rest:
            data, self.rest = self.rest + data, b""
        while len(data) >= at + 4:
            short = data[at + 1]
            end = at + 2 + short if short < 126 else at + 4 + (data[at + 2] << 8 | data[at + 3])
            if len(data) < end:
                break
            found = data.find(b'"seq":"', at, end) + 7
            if found > 6:
                seq = int(data[found : data.index(b'"', found)])
                if seq != self.seq + 1:
                    self._fail(f"{seq} came after {self.seq}")
                self.seq = seq
                self.got.append((seq, now))
                if len(self.got) == self.given["subscribers"] * self.given["events"]:
                    self.done.set()
            elif data.find(ACK, at, end) >= 0:
                self.say({"id": secrets.token_hex(16), "type": "subscribe", "payload": self.given["payload"]})
                self.subscribed.set_result(None)
            elif data[at] == 0x89:
                self.transport.write(b"\x8a" + bytes([0x80 | short]) + b"\0\0\0\0" + data[at + 2 : end])
            elif data[at] == 0x81:
                self._fail(data[at:end].decode(errors="replace"))
            at = end
        self.rest = data[at:]

    def _fail(self, why: str) -> None:
        print(json.dumps({"failed": why}), flush=True)
        raise SystemExit(1)


async def main(given: dict[str, Any]) -> None:
    got: list[tuple[int, float]] = []
    done, loop = asyncio.Event(), asyncio.get_running_loop()
    for _ in range(given["subscribers"]):
        _, listener = await loop.create_connection(lambda: Listener(given, got, done), given["host"], given["port"])
        await listener.subscribed
    print("ready", flush=True)
    began = process_time()
    async with asyncio.timeout(given["seconds"]):
        await done.wait()
    print(json.dumps({"cpu": process_time() - began, "got": got}), flush=True)
    sys.stdin.read()  # stay until the server's account is made


if __name__ == "__main__":
    uvloop.run(main(json.loads(sys.stdin.readline())))
