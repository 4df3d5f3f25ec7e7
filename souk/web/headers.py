"""Headers that concern the browser, the trace and whoever finds a hole: other sites' pages, `traceparent`, security.txt.

What every answer carries stands in `respond`. These are constants and a few lines, so no library is asked for them.
"""

import re
from collections.abc import Collection, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from souk.settings import Settings
from souk.web.errors import Code, Failure
from souk.web.gate import Send
from souk.web.respond import Headers

METHODS = b"GET, POST"
SENT = (
    b"accept, authorization, content-type, graphql-require-preflight, apollo-require-preflight, "
    b"x-apollo-operation-name, x-request-id, x-internal-token, x-souk-tenant, x-explain, x-souk-dry-run, traceparent, "
    b"if-none-match"
)
SHOWN = b"x-request-id, etag, retry-after, ratelimit, ratelimit-policy"
PREFLIGHT_SECONDS = b"600"
SECURITY_TXT = "/.well-known/security.txt"
VALID_DAYS = 180
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?")


def trace_of(headers: dict[bytes, bytes]) -> str:
    """The trace's id in `traceparent`, as W3C's Trace Context has it; empty where there is none, or a wrong one."""
    given = headers.get(b"traceparent")
    if given is None or len(given) > 128 or given.startswith(b"ff"):
        return ""
    found = _TRACE.fullmatch(given)
    return "" if found is None or not found[1].strip(b"0") else found[1].decode()


def cors(headers: dict[bytes, bytes], allowed: Collection[str]) -> Headers:
    """What lets the page of a listed site read the answer; nothing for any other."""
    origin = headers.get(b"origin")
    if origin is None or origin.decode("latin-1").lower() not in allowed:
        return ()
    return (
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", SHOWN),
        (b"vary", b"origin"),
    )


def is_preflight(method: str, headers: dict[bytes, bytes]) -> bool:
    """Whether a browser asks in the name of a page whether it may ask."""
    return method == "OPTIONS" and b"origin" in headers and b"access-control-request-method" in headers


def preflight(headers: dict[bytes, bytes], allowed: Collection[str]) -> Headers:
    """What a preflight is told besides `cors`. Raises Failure (FORBIDDEN) for a site that is not listed."""
    if not cors(headers, allowed):
        raise Failure(Code.FORBIDDEN, "This origin may not call the API.")
    return (
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", SENT),
        (b"access-control-max-age", PREFLIGHT_SECONDS),
    )


def with_headers(send: Send, more: Headers) -> Send:
    """The same, with these headers on the answer."""

    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sent


def security_txt(settings: Settings, now: datetime) -> bytes | None:
    """The file of RFC 9116, or None where nobody is named; a development server names its own machine."""
    contact = settings.security_contact or ("mailto:security@localhost" if settings.development else "")
    if not contact:
        return None
    expires = (now + timedelta(days=VALID_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    return f"Contact: {contact}\nExpires: {expires:%Y-%m-%dT%H:%M:%SZ}\nPreferred-Languages: en\n".encode()
