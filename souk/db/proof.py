"""Proof that nobody changed the audit: the chain recomputed, piece by piece, and handed out for others to recompute.

`hash = SHA-256(former hash ‖ seq as 8 bytes, big-endian ‖ body)`; the first follows SHA-256("souk audit"). A chain says that
nothing inside it was changed, removed or moved. That its end was not cut off, or the whole of it written anew by somebody
who owns the server, only a head kept elsewhere can say: that is what an export is for.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from .journal import GENESIS, audit_body

CHUNK = 2000
LAST = 2**63 - 1
# In one statement, so that head and newest event are of one moment: the chain grows while it is read.
HEAD = text("""
SELECT coalesce(h.seq, 0) AS seq, coalesce(h.hash, :genesis) AS hash, coalesce(e.seq, 0) AS newest
FROM (SELECT 1) AS one LEFT JOIN audit_head h ON h.tenant_id = :tenant
  LEFT JOIN LATERAL (SELECT seq FROM audit_event WHERE tenant_id = :tenant ORDER BY seq DESC LIMIT 1) e ON true
""")
NEXT = text("""
SELECT seq, id, created_at, op, actor_id, acting_role, session_id, token_id, subject_type, subject_id, dealer_id, changes,
       request_id, prev_hash, hash
FROM audit_event WHERE tenant_id = :tenant AND seq > :after AND seq <= :upto ORDER BY seq LIMIT :chunk
""")
AT = text("SELECT hash FROM audit_event WHERE tenant_id = :tenant AND seq = :seq")


class Head(NamedTuple):
    """Where the chain ends: the number and the hash of its newest event."""

    seq: int
    hash: bytes


class Link(NamedTuple):
    """One event as it is hashed."""

    seq: int
    prev: bytes
    hash: bytes
    body: bytes

    def follows(self, former: Head) -> bool:
        """Whether it is the next one, unchanged."""
        hashed = hashlib.sha256(former.hash + self.seq.to_bytes(8, "big") + self.body).digest()
        return self.seq == former.seq + 1 and self.prev == former.hash and self.hash == hashed


class Verdict(NamedTuple):
    """How far the chain is unbroken, and where it is broken, if it is.

    `checked` events were read; `at` is the last good one, from which a further call goes on; `head` is the chain's end as it
    was when the reading began; `broken_at` is the number of the first event that is missing or not what was hashed.
    """

    checked: int
    broken_at: int | None
    at: Head
    head: Head

    @property
    def complete(self) -> bool:
        """Whether there is nothing left to check."""
        return self.broken_at is not None or self.at.seq >= self.head.seq


async def verify_audit(
    session: AsyncSession,
    tenant_id: UUID,
    after: Head | None = None,
    *,
    at_most: int = LAST,
    seconds: float | None = None,
) -> Verdict:
    """Recompute the chain behind `after`, an event that is known to have had that hash, or from its beginning.

    Ends after `at_most` events, or when `seconds` have passed, at the end of a chunk.
    """
    head, newest = await _head(session, tenant_id)
    good = after or Head(0, GENESIS)
    if good.seq and await _hash(session, tenant_id, good.seq) != good.hash:
        return Verdict(0, good.seq, good, head)
    checked, end = 0, None if seconds is None else monotonic() + seconds
    async for chunk in _chunks(session, tenant_id, good.seq, min(head.seq, good.seq + at_most)):
        for link in chunk:
            if not link.follows(good):
                return Verdict(checked + 1, good.seq + 1, good, head)
            good, checked = Head(link.seq, link.hash), checked + 1
        if end is not None and monotonic() > end:
            break
    else:
        if good.seq < min(head.seq, (after.seq if after else 0) + at_most):
            return Verdict(checked, good.seq + 1, good, head)
    if good.seq == head.seq and good.hash != head.hash:
        return Verdict(checked, head.seq, good, head)
    if good.seq == head.seq < newest:
        return Verdict(checked, head.seq + 1, good, head)
    return Verdict(checked, None, good, head)


async def export_audit(session: AsyncSession, tenant_id: UUID) -> AsyncIterator[bytes]:
    """The chain as lines of JSON: each event with its hashes and the very bytes that were hashed, the head last."""
    head, _ = await _head(session, tenant_id)
    async for chunk in _chunks(session, tenant_id, 0, head.seq):
        for link in chunk:
            line = {"seq": link.seq, "prev": link.prev.hex(), "hash": link.hash.hex(), "body": link.body.decode()}
            yield orjson.dumps(line) + b"\n"
    yield orjson.dumps({"head": {"tenant": str(tenant_id), "seq": head.seq, "hash": head.hash.hex()}}) + b"\n"


async def _head(session: AsyncSession, tenant_id: UUID) -> tuple[Head, int]:
    row = (await session.execute(HEAD, {"tenant": tenant_id, "genesis": GENESIS})).one()
    return Head(row.seq, bytes(row.hash)), row.newest


async def _hash(session: AsyncSession, tenant_id: UUID, seq: int) -> bytes | None:
    found = (await session.execute(AT, {"tenant": tenant_id, "seq": seq})).scalar_one_or_none()
    return None if found is None else bytes(found)


async def _chunks(session: AsyncSession, tenant_id: UUID, after: int, upto: int) -> AsyncIterator[Sequence[Link]]:
    """Short statements instead of a long one: no timeout is in the way of a long chain."""
    while after < upto:
        values = {"tenant": tenant_id, "after": after, "upto": upto, "chunk": CHUNK}
        rows = (await session.execute(NEXT, values)).mappings().all()
        if not rows:
            return
        yield [_link(tenant_id, row) for row in rows]
        after = rows[-1]["seq"]


def _link(tenant_id: UUID, row: Any) -> Link:
    body = audit_body(
        {
            "tenant": tenant_id,
            "id": row["id"],
            "now": row["created_at"],
            "op": row["op"],
            "actor": row["actor_id"],
            "role": row["acting_role"],
            "session": row["session_id"],
            "token": row["token_id"],
            "subject_type": row["subject_type"],
            "subject": row["subject_id"],
            "dealer": row["dealer_id"],
            "changes": row["changes"],
            "request": row["request_id"],
        }
    )
    return Link(row["seq"], bytes(row["prev_hash"]), bytes(row["hash"]), body)
