"""What was refused by permission, one row each in a transaction of its own: the refused act itself leaves nothing."""

from collections import OrderedDict
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from ..models import new_id
from ..rules.actor import Actor

PER_MINUTE = 60
PRINCIPALS = 10_000

TENANT = text("SELECT set_config('souk.tenant_id', :tenant, true)")
REFUSED = text("""
INSERT INTO access_refusal (tenant_id, id, created_at, kind, principal_id, acting_role, operation, permission, request_id)
VALUES (:tenant, :id, :now, 'REFUSED', :principal, :role, :operation, :permission, :request)
""")


class Refusals:
    """Writes refusals down, at most `PER_MINUTE` of one principal in one process: a probe must not become a flood."""

    def __init__(self, engine: AsyncEngine, per_minute: int = PER_MINUTE) -> None:
        self.engine, self.per_minute = engine, per_minute
        self._counted: OrderedDict[tuple[UUID, UUID | None], tuple[datetime, int]] = OrderedDict()

    async def note(self, actor: Actor, operation: str, permission: str, now: datetime, request_id: str | None) -> bool:
        """Write one down; False when this principal has had its share of this minute."""
        if not self._admits(actor, now):
            return False
        async with self.engine.begin() as connection:
            await connection.execute(TENANT, {"tenant": str(actor.tenant_id)})
            await connection.execute(
                REFUSED,
                {
                    "tenant": actor.tenant_id,
                    "id": new_id(),
                    "now": now,
                    "principal": actor.principal_id,
                    "role": actor.role.value,
                    "operation": operation,
                    "permission": permission,
                    "request": request_id,
                },
            )
        return True

    def _admits(self, actor: Actor, now: datetime) -> bool:
        key, minute = (actor.tenant_id, actor.principal_id), now.replace(second=0, microsecond=0)
        began, count = self._counted.pop(key, (minute, 0))
        count = count + 1 if began == minute else 1
        self._counted[key] = (minute, count)
        if len(self._counted) > PRINCIPALS:
            self._counted.popitem(last=False)
        return count <= self.per_minute
