"""The same key does a thing once: look first, lock second, keep a reference in the transaction of the effect."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ..models import new_id
from ..rules.actor import Actor
from ..rules.errors import IdempotencyInFlight, IdempotencyKeyReused

KEPT = timedelta(days=7)
LOOK = text("""
SELECT request_hash, result FROM idempotency_record
WHERE tenant_id = :tenant AND principal = :principal AND key = :key AND expires_at > :now
""")
LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:whole, 7032))")
KEEP = text("""
INSERT INTO idempotency_record (tenant_id, id, created_at, principal, key, request_hash, result, expires_at)
VALUES (:tenant, :id, :now, :principal, :key, :hash, CAST(:result AS jsonb), :expires)
ON CONFLICT (tenant_id, principal, key) DO UPDATE
  SET request_hash = excluded.request_hash, result = excluded.result, expires_at = excluded.expires_at,
      created_at = excluded.created_at
  WHERE idempotency_record.expires_at <= excluded.created_at
""")


class Key:
    """One key of one principal for one operation with its arguments."""

    def __init__(self, actor: Actor, key: str, operation: str, arguments: Any) -> None:
        self.tenant = actor.tenant_id
        self.principal = str(actor.principal_id or "PUBLIC")
        self.key = key
        given = {name: value for name, value in asdict(arguments).items() if name != "idempotency_key"}
        body = json.dumps([operation, given], sort_keys=True, default=str)
        self.request_hash = sha256(body.encode()).digest()

    def _who(self) -> dict[str, Any]:
        return {"tenant": self.tenant, "principal": self.principal, "key": self.key}

    async def replay(self, session: AsyncSession, now: datetime) -> dict[str, Any] | None:
        """The stored outcome, or None after taking the key for this transaction.

        Raises IdempotencyKeyReused for other arguments, IdempotencyInFlight while a twin is at work.
        """
        found = await self._look(session, now)
        if found is None:
            whole = f"{self.tenant}/{self.principal}/{self.key}"
            if not (await session.execute(LOCK, {"whole": whole})).scalar_one():
                raise IdempotencyInFlight
            found = await self._look(session, now)  # a twin may have committed between the look and the lock
        return found

    async def _look(self, session: AsyncSession, now: datetime) -> dict[str, Any] | None:
        row = (await session.execute(LOOK, {**self._who(), "now": now})).one_or_none()
        if row is None:
            return None
        if row.request_hash != self.request_hash:
            raise IdempotencyKeyReused
        result: dict[str, Any] = row.result
        return result

    async def keep(self, session: AsyncSession, result: dict[str, Any], now: datetime, kept: timedelta = KEPT) -> bool:
        """Store the outcome: a reference to what was made, or a refusal that would be the same again.

        False when another outcome is stored already: then nothing of this transaction may stay.
        """
        values = {"id": new_id(), "hash": self.request_hash, "result": json.dumps(result), "expires": now + kept}
        stored = await session.execute(KEEP, {**self._who(), **values, "now": now})
        return bool(stored.rowcount)  # type: ignore[attr-defined]
