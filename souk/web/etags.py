"""Entity tags of registered documents that are asked by GET, and the conditional requests that name them (RFC 9110, 13).

The tag is a hash of the answer, so the answer is made first: who may see what is decided afresh each time, and a 304 tells
a caller only that it would get what it has. What is saved is the bytes.
"""

import re
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from souk.web.respond import Headers

KEPT: Headers = (
    (b"cache-control", b"private, no-cache"),  # a client may keep it, and asks each time whether it still holds
    (b"vary", b"accept, authorization, cookie, x-internal-token, x-souk-tenant"),
)
_TAG = re.compile(rb'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')
_LIST = re.compile(rb'[ \t,]*(?:(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"[ \t]*(?:,[ \t,]*|$))+')


def etag_of(media: bytes, body: bytes) -> bytes:
    """The strong tag of an answer without errors, in this media type.

    It is over every byte: such an answer holds no request id, and its cost follows from data, variables and settings.
    """
    return b'"%b"' % urlsafe_b64encode(sha256(b"%b\n%b" % (media, body)).digest()[:24])


def holds(scope: Any, etag: bytes) -> bool:
    """Whether `If-None-Match` names the tag, by the weak comparison, or any there is (`*`). A malformed one names none."""
    given = b", ".join(value for name, value in scope["headers"] if name == b"if-none-match").strip()
    if given == b"*":
        return True
    return etag in _TAG.findall(given) if _LIST.fullmatch(given) else False
