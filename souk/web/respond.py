"""Plain HTTP answers with the headers that every answer carries."""

import asyncio
from functools import lru_cache
from typing import BinaryIO

import structlog

from souk.web.gate import Disconnected, Send

log = structlog.get_logger("souk.web")
CHUNK = 1 << 16
Headers = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
GRAPHQL_JSON = b"application/graphql-response+json"
EVENT_STREAM = b"text/event-stream"
MULTIPART = b'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
TEXT = b"text/plain"
BINARY = (b"image/", b"application/pdf", b"application/vnd.")

SECURITY: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
NOTHING = b"default-src 'none'; frame-ancestors 'none'"
HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def headers_of(
    media: bytes, request_id: str, *, more: Headers = (), policy: bytes = NOTHING, secure: bool = False
) -> list[tuple[bytes, bytes]]:
    """`secure` promises https for a year: in production only."""
    given = [(b"x-request-id", request_id.encode()), *_always(media, policy, secure), *more]
    for name, _ in more:
        if name == b"cache-control":
            return given
    given.append((b"cache-control", b"no-store"))
    return given


@lru_cache(256)
def _always(media: bytes, policy: bytes, secure: bool) -> Headers:
    charset = media if b";" in media or media.startswith(BINARY) else media + b"; charset=utf-8"
    same: Headers = ((b"content-type", charset), *SECURITY, (b"content-security-policy", policy))
    return (*same, HSTS) if secure else same


async def respond(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes, *, head: bool = False
) -> None:
    """One complete answer; `head` leaves the body out and its length in."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def respond_file(
    send: Send, headers: list[tuple[bytes, bytes]], file: BinaryIO, request_id: str, *, head: bool = False
) -> None:
    """One answer with the whole of an open file, chunk by chunk; closes it. `head` leaves the body out."""
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while not head and (chunk := await _read(file, request_id)):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        await asyncio.to_thread(file.close)


async def _read(file: BinaryIO, request_id: str) -> bytes:
    try:
        return await asyncio.to_thread(file.read, CHUNK)
    except OSError as error:  # too late for another status: a body without its end tells it
        log.warning("a file broke off", request_id=request_id, error=type(error).__name__)
        raise Disconnected from error


async def not_modified(send: Send, headers: list[tuple[bytes, bytes]]) -> None:
    """304: what the caller has still holds. No body, so nothing that tells of one."""
    told = [each for each in headers if each[0] not in (b"content-type", b"content-security-policy")]
    await send({"type": "http.response.start", "status": 304, "headers": told})
    await send({"type": "http.response.body", "body": b""})
