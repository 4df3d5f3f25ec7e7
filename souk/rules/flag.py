"""Feature flags: for whom a flag is on. The same answer for the same principal, whatever the process, until it is changed."""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from uuid import UUID

from souk.rules.errors import Invalid

KEY = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*")
LONGEST = 60


def bucket(key: str, principal: UUID) -> int:
    """0 to 99: the first four bytes of SHA-256(`key:principal`) modulo 100. Another key draws anew."""
    return int.from_bytes(sha256(f"{key}:{principal}".encode()).digest()[:4]) % 100


def on(*, key: str, enabled: bool, roles: Collection[str], percentage: int, role: str, principal: UUID | None) -> bool:
    """Whether the flag is on for somebody. No roles mean every role; the public, who is nobody, needs all 100 per cent."""
    if not enabled or (roles and role not in roles):
        return False
    return percentage >= 100 or (principal is not None and bucket(key, principal) < percentage)


def key_of(text: str) -> str:
    """The key of a flag: words in small letters joined by `-`, `_` or `.`. Raises Invalid."""
    if len(text) > LONGEST or not KEY.fullmatch(text):
        raise Invalid(f"Small letters, digits and - _ . between them, at most {LONGEST} characters.", field="key")
    return text
