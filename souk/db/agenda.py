"""What a transaction wants done later: kept until it ends, then written by two statements, however much it is."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# in the order of their keys, in which every transaction takes these locks
DUE = text("""
INSERT INTO souk.work (tenant_id, kind, ref, due_at, lease_until)
  SELECT :tenant, kind, ref, due_at, :held
  FROM unnest(CAST(:kinds AS text[]), CAST(:refs AS uuid[]), CAST(:times AS timestamptz[])) AS t(kind, ref, due_at)
  ORDER BY kind, ref
ON CONFLICT (tenant_id, kind, ref) DO UPDATE SET due_at = excluded.due_at, lease_until = excluded.lease_until
""")
NOT_DUE = text("""
DELETE FROM souk.work w USING unnest(CAST(:kinds AS text[]), CAST(:refs AS uuid[])) AS t(kind, ref)
WHERE w.tenant_id = :tenant AND w.kind = t.kind AND w.ref = t.ref
""")


@dataclass
class Agenda:
    """(kind, ref) → when it is due; None: not any more. The last word counts."""

    entries: dict[tuple[str, UUID], datetime | None] = field(default_factory=dict)

    async def write(self, session: AsyncSession, tenant_id: UUID, held_until: datetime | None) -> None:
        """Put it into `souk.work`."""
        entries, self.entries = sorted(self.entries.items()), {}
        over = [key for key, at in entries if at is None]
        due = [(*key, at) for key, at in entries if at is not None]
        if over:
            values = {"tenant": tenant_id, "kinds": [kind for kind, _ in over], "refs": [ref for _, ref in over]}
            await session.execute(NOT_DUE, values)
        if due:
            kinds, refs, times = (list(each) for each in zip(*due, strict=True))
            await session.execute(
                DUE, {"tenant": tenant_id, "held": held_until, "kinds": kinds, "refs": refs, "times": times}
            )
