"""Append-only rows that vouch for each other: canonical bytes and a SHA-256 chain, for evidence and for the audit.

`hash = SHA-256(prev ‖ canonical(row))`, `prev` being the 32 bytes of the row before and 32 zero bytes at the start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

GENESIS = bytes(32)
"""What stands before the first row."""


def canonical(row: Mapping[str, Any]) -> bytes:
    """One spelling of a row: JSON in UTF-8, keys sorted, no spaces; instants in UTC to the microsecond, ids as text.

    Raises TypeError for anything without exactly one spelling: floats, naive instants, sets, other objects.
    """
    plain = _plain(row)
    return json.dumps(plain, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def link(prev: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash of a row that follows `prev`."""
    if len(prev) != len(GENESIS):
        raise ValueError("a hash has 32 bytes")
    return hashlib.sha256(prev + canonical(row)).digest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """`head` is the hash of the last good row, `count` how many are good, `broken_at` the index of the first bad one."""

    head: bytes
    count: int
    broken_at: int | None = None
    reason: str | None = None

    @property
    def verified(self) -> bool:
        return self.broken_at is None


def verify(rows: Iterable[tuple[Mapping[str, Any], bytes, bytes]], *, start: bytes = GENESIS) -> Verdict:
    """Walk `(row, prev hash, hash)` in order, from `start` on, and say where the chain breaks, if it does.

    A changed row breaks at itself; a removed, added or moved one at the first whose `prev` is not the hash before it.
    """
    head, count = start, 0
    for index, (row, prev, hashed) in enumerate(rows):
        if prev != head:
            return Verdict(head, count, index, "does not follow the row before it")
        if link(prev, row) != hashed:
            return Verdict(head, count, index, "is not what was hashed")
        head, count = hashed, count + 1
    return Verdict(head, count)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("keys are texts")
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    raise TypeError(f"{type(value).__name__} has no canonical spelling")
