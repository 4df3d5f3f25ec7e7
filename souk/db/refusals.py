"""Who was refused, and who opened what is locked: one row each, in a transaction of its own.

The refused act itself leaves nothing, and an answer does not wait for the record of what was read to make it: that is
written a moment later. A probe must not become a flood, so both are bounded.
"""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from ..models import new_id, new_key
from ..rules.actor import Actor

PER_MINUTE = 60
AGAIN = timedelta(minutes=10)
KNOWN = 50_000
WAITING = 20_000
AT_ONCE = 1000
log = structlog.get_logger("souk.access")

TENANT = text("SELECT set_config('souk.tenant_id', :tenant, true)")
REFUSED = text("""
INSERT INTO access_refusal (tenant_id, id, created_at, kind, principal_id, acting_role, operation, permission, request_id)
VALUES (:tenant, :id, :now, 'REFUSED', :principal, :role, :operation, :permission, :request)
""")
SEEN = text("""
INSERT INTO access_refusal (tenant_id, id, created_at, kind, principal_id, acting_role, operation, permission,
                            subject_type, subject_id, request_id)
SELECT :tenant, id, at, kind, principal, role, operation, permission, subject_type, subject_id, request
FROM jsonb_to_recordset(CAST(:rows AS jsonb))
  AS t(id uuid, at timestamptz, kind text, principal uuid, role text, operation text, permission text, subject_type text,
       subject_id uuid, request text)
""")


class Access(NamedTuple):
    """What an answer refused (`subject_id` None) or opened: the field, and the row of the matrix that decided."""

    operation: str
    permission: str
    subject_type: str | None = None
    subject_id: UUID | None = None


class Asked(Protocol):
    """What is to be known of an operation."""

    actor: Actor
    now: datetime
    request_id: str


class Refusals:
    """Writes them down. One for a process.

    At most `per_minute` refusals of one principal, and one opening of the same field of the same thing by the same principal in
    ten minutes.
    """

    def __init__(self, engine: AsyncEngine, per_minute: int = PER_MINUTE) -> None:
        self.engine, self.per_minute = engine, per_minute
        self._counted: OrderedDict[Hashable, tuple[datetime, int]] = OrderedDict()
        self._opened: OrderedDict[Hashable, datetime] = OrderedDict()
        self._waiting: list[tuple[UUID, dict[str, Any]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def note(self, actor: Actor, operation: str, permission: str, now: datetime, request_id: str | None) -> bool:
        """Write a refusal down; False when this principal has had its share of this minute."""
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

    def witness(self, asked: Asked, seen: Iterable[Access]) -> None:
        """What an answer refused and opened, to be written down soon. Never waits, never fails."""
        actor = asked.actor
        for each in seen:
            if not (self._admits(actor, asked.now) if each.subject_id is None else self._first(actor, each, asked.now)):
                continue
            if len(self._waiting) >= WAITING:
                log.error("a record of access was dropped", kept_waiting=WAITING)
                return
            row = {
                "id": new_key(),
                "at": asked.now.isoformat(),
                "kind": "REFUSED" if each.subject_id is None else "OPENED",
                "principal": actor.principal_id,
                "role": actor.role.value,
                **each._asdict(),
                "request": asked.request_id or None,
            }
            self._waiting.append((actor.tenant_id, row))
        if self._waiting and (self._writer is None or self._writer.done()):
            self._writer = asyncio.create_task(self._write())

    async def settled(self) -> None:
        """Wait until everything seen so far is written."""
        while self._writer is not None and not self._writer.done():
            await asyncio.shield(self._writer)

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
            by_tenant: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
            for tenant_id, row in taken:
                by_tenant[tenant_id].append(row)
            for tenant_id, rows in by_tenant.items():
                try:
                    async with self.engine.begin() as connection:
                        await connection.execute(TENANT, {"tenant": str(tenant_id)})
                        await connection.execute(
                            SEEN, {"tenant": tenant_id, "rows": orjson.dumps(rows, default=str).decode()}
                        )
                except (SQLAlchemyError, OSError) as error:
                    log.error("records of access could not be written", rows=len(rows), error=type(error).__name__)

    def _admits(self, actor: Actor, now: datetime) -> bool:
        key, minute = (actor.tenant_id, actor.principal_id), now.replace(second=0, microsecond=0)
        began, count = self._counted.pop(key, (minute, 0))
        count = count + 1 if began == minute else 1
        self._counted[key] = (minute, count)
        if len(self._counted) > KNOWN:
            self._counted.popitem(last=False)
        return count <= self.per_minute

    def _first(self, actor: Actor, access: Access, now: datetime) -> bool:
        key = (actor.tenant_id, actor.principal_id, access.operation, access.permission, access.subject_id)
        last = self._opened.get(key)
        if last is not None and now < last + AGAIN:
            return False
        self._opened[key] = now
        self._opened.move_to_end(key)
        if len(self._opened) > KNOWN:
            self._opened.popitem(last=False)
        return True
