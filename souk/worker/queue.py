"""Where a worker finds what is due, in every tenant: `souk.work` holds ids and times, and a lease per row.

A lease is recognised by its end: whoever extends, gives back or settles a row names the `lease_until` it was given, and
finds no row when the lease was lost (to another worker after a death, or to a business transaction that set a new time).
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from ..db.session import Database, Transaction

CLAIM = text("""
UPDATE souk.work w SET lease_until = :until FROM (
  SELECT tenant_id, kind, ref FROM souk.work
  WHERE due_at <= :now AND (lease_until IS NULL OR lease_until <= :now) AND kind = ANY (CAST(:kinds AS text[]))
  ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED) due
WHERE w.tenant_id = due.tenant_id AND w.kind = due.kind AND w.ref = due.ref
RETURNING w.tenant_id, w.kind, w.ref, w.due_at
""")
SAME = "tenant_id = :tenant AND kind = :kind AND ref = :ref AND lease_until = :lease"
TAKE = text("""
UPDATE souk.work SET lease_until = :until
WHERE tenant_id = :tenant AND kind = :kind AND ref = :ref AND (lease_until IS NULL OR lease_until <= :now)
RETURNING due_at
""")
EXTEND = text(f"UPDATE souk.work SET lease_until = :until WHERE {SAME}")
RELEASE = text(f"UPDATE souk.work SET lease_until = NULL, due_at = :due WHERE {SAME}")
DONE = text(f"DELETE FROM souk.work WHERE {SAME}")
NEXT = text("""
SELECT min(greatest(due_at, coalesce(lease_until, due_at))) FROM souk.work
WHERE due_at <= :horizon AND kind = ANY (CAST(:kinds AS text[]))
""")


@dataclass(eq=False)
class Held:
    """A row of `souk.work` under this worker's lease. The lock keeps a heartbeat out of the middle of a settlement."""

    tenant_id: UUID
    kind: str
    ref: UUID
    due_at: datetime
    lease: datetime
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def same(self) -> dict[str, object]:
        return {"tenant": self.tenant_id, "kind": self.kind, "ref": self.ref, "lease": self.lease}


class Queue:
    """The due rows of some kinds, as one worker process takes them."""

    def __init__(self, db: Database, kinds: Collection[str], lease: timedelta) -> None:
        self.db, self.kinds, self.lease = db, list(kinds), lease

    async def claim(self, limit: int, now: datetime) -> list[Held]:
        """Lease at most `limit` due rows that nobody holds, the longest due first."""
        until = now + self.lease
        async with self.db.engine.begin() as connection:
            found = await connection.execute(CLAIM, {"now": now, "until": until, "kinds": self.kinds, "limit": limit})
            return [Held(row.tenant_id, row.kind, row.ref, row.due_at, until) for row in found]

    async def take(self, tenant_id: UUID, kind: str, ref: UUID, now: datetime) -> Held | None:
        """Lease one row that nobody holds, due or not; None when it is held or no longer there."""
        values = {"tenant": tenant_id, "kind": kind, "ref": ref, "now": now, "until": now + self.lease}
        async with self.db.engine.begin() as connection:
            due = (await connection.execute(TAKE, values)).scalar_one_or_none()
        return None if due is None else Held(tenant_id, kind, ref, due, now + self.lease)

    async def next_due(self, now: datetime, horizon: timedelta) -> datetime | None:
        """When something is due, or a dead worker's lease ends, within the horizon."""
        async with self.db.engine.begin() as connection:
            found = await connection.execute(NEXT, {"horizon": now + horizon, "kinds": self.kinds})
            due: datetime | None = found.scalar_one()
            return due

    async def extend(self, held: Sequence[Held], now: datetime) -> None:
        """Heartbeat: hold on to what is held."""
        until = now + self.lease
        for each in held:
            async with each.lock, self.db.engine.begin() as connection:
                if (await connection.execute(EXTEND, {**each.same, "until": until})).rowcount:
                    each.lease = until

    async def release(self, held: Held, due: datetime) -> None:
        """Give it back, due at a time; nothing happens when the lease is no longer ours."""
        async with held.lock, self.db.engine.begin() as connection:
            await connection.execute(RELEASE, {**held.same, "due": due})


async def done(tx: Transaction, held: Held) -> None:
    """Settled in this transaction, unless somebody set a new time for it meanwhile."""
    await tx.session.execute(DONE, held.same)
