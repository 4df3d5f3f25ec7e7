"""The statements of the batch engine: a chunk is taken by one and settled by one, whatever its length."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

from ..db.session import Transaction
from ..engine.symbols import write_id
from ..models import Batch, new_key
from ..rules.enums import BatchAction
from .actions import Item, Past, Settled

ITEM = "id, n, target_type, target_id, action, payload, attempt, tried_before, before"
TAKE = text(f"""
SELECT {ITEM} FROM batch_item WHERE tenant_id = :tenant AND batch_id = :batch AND status = :status
  AND (next_attempt_at IS NULL OR next_attempt_at <= :now) ORDER BY n LIMIT :limit FOR UPDATE SKIP LOCKED
""").columns(payload=JSONB, before=JSONB)
PAST = text(f"""
SELECT {ITEM}, status, outcome, after, warnings, impact_minor, currency FROM batch_item
WHERE tenant_id = :tenant AND batch_id = :batch AND n < :before AND status IN ('SUCCEEDED', 'COMPENSATION_FAILED')
ORDER BY n DESC LIMIT :limit FOR UPDATE
""").columns(payload=JSONB, before=JSONB, after=JSONB, warnings=JSONB)
UNDONE = text("""
SELECT count(*) FROM batch_item WHERE tenant_id = :tenant AND batch_id = :batch AND status = 'COMPENSATION_FAILED'
""")
ROWS = """
WITH r AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
  id uuid, n integer, target_type text, target_id uuid, action text, payload jsonb, status text, attempt integer,
  next_attempt_at timestamptz, before jsonb, after jsonb, outcome text, error_code text, error_message text,
  warnings jsonb, impact_minor bigint, currency text, settled_at timestamptz, attempt_id uuid))
"""
ATTEMPTS = """
INSERT INTO batch_item_attempt (tenant_id, id, created_at, item_id, n, status, error_code, result, ended_at)
  SELECT :tenant, attempt_id, :now, id, attempt, status, error_code,
         CASE WHEN outcome IS NOT NULL THEN jsonb_build_object('outcome', outcome) END, :now FROM r
"""
SETTLE = text(f"""{ROWS}, settled AS (
  UPDATE batch_item i SET status = r.status, attempt = r.attempt, target_id = coalesce(r.target_id, i.target_id),
    next_attempt_at = r.next_attempt_at, before = r.before, after = r.after, outcome = r.outcome,
    error_code = r.error_code, error_message = r.error_message, warnings = r.warnings,
    impact_minor = r.impact_minor, currency = r.currency, settled_at = r.settled_at
  FROM r WHERE i.tenant_id = :tenant AND i.id = r.id)
{ATTEMPTS}""")
STORE = text(f"""{ROWS}, stored AS (
  INSERT INTO batch_item (tenant_id, id, created_at, batch_id, n, target_type, target_id, action, payload, status,
      attempt, next_attempt_at, before, after, outcome, error_code, error_message, warnings, impact_minor, currency,
      settled_at)
    SELECT :tenant, id, :now, :batch, n, target_type, target_id, action, payload, status, attempt, next_attempt_at,
      before, after, outcome, error_code, error_message, warnings, impact_minor, currency, settled_at FROM r)
{ATTEMPTS}""")
NEXT = text("""
SELECT min(next_attempt_at) FROM batch_item WHERE tenant_id = :tenant AND batch_id = :batch AND status = 'RETRY_WAIT'
""")
OUTCOMES = text("""
SELECT action, status, outcome, error_code, count(*) AS items, sum(jsonb_array_length(warnings))::bigint AS warnings
FROM batch_item WHERE tenant_id = :tenant AND batch_id = :batch GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
""")


async def take(tx: Transaction, batch: Batch, status: str, limit: int) -> list[Item]:
    """Up to `limit` items of a status, locked until the transaction ends, in their order."""
    found = await tx.session.execute(
        TAKE,
        {"tenant": batch.tenant_id, "batch": batch.id, "status": status, "now": tx.now, "limit": limit},
    )
    return [
        Item(
            row.id, row.n, row.target_type, row.target_id, BatchAction[row.action], row.payload, row.attempt,
            row.tried_before, False, row.before or {},
        )
        for row in found
    ]  # fmt: skip


async def past(tx: Transaction, batch: Batch, before: int, limit: int) -> list[Past]:
    """Up to `limit` items that are done and come before a place, locked, from the last one back."""
    values = {"tenant": batch.tenant_id, "batch": batch.id, "before": before, "limit": limit}
    return [
        Past(
            row.id, row.n, row.target_type, row.target_id, BatchAction[row.action], row.payload, row.attempt,
            row.tried_before, False, row.before or {}, row.status, row.outcome, row.after or {}, row.warnings,
            row.impact_minor, row.currency,
        )
        for row in await tx.session.execute(PAST, values)
    ]  # fmt: skip


async def not_undone(tx: Transaction, batch: Batch) -> int:
    """How many items could not be undone."""
    found: int = (await tx.session.execute(UNDONE, {"tenant": batch.tenant_id, "batch": batch.id})).scalar_one()
    return found


async def settle(tx: Transaction, batch: Batch, settled: Sequence[Settled]) -> None:
    """Write results and attempts: fresh items are inserted, the others updated."""
    for statement, fresh in ((SETTLE, False), (STORE, True)):
        rows = b",".join([each.row for each in settled if each.item.fresh is fresh])
        if rows:
            values = {"tenant": batch.tenant_id, "now": tx.now, "rows": f"[{rows.decode()}]"}
            await tx.session.execute(statement, values | ({"batch": batch.id} if fresh else {}))


def ready(settled: Settled, now: datetime) -> Settled:
    """Make what is stored and told of it."""
    item, result, waits = settled.item, settled.result, settled.next_attempt_at
    target = result.target_id or item.target_id
    row = {
        "id": item.id,
        "attempt_id": new_key(),
        "status": settled.status,
        "attempt": item.attempt + 1,
        "target_id": target,
        "before": result.before,
        "after": result.after,
        "outcome": result.outcome,
        "error_code": result.error_code,
        "error_message": result.error_message,
        "warnings": result.warnings,
        "impact_minor": result.impact_minor,
        "currency": result.currency,
        "next_attempt_at": waits,
        "settled_at": None if waits else now,
    }
    if item.fresh:
        row |= {"n": item.n, "target_type": item.target_type, "action": item.action.value, "payload": item.payload}
    settled.row = orjson.dumps(row, default=str)
    settled.shown = {
        "item_id": write_id("BatchItem", item.id),
        "n": item.n,
        "status": settled.status,
        "outcome": result.outcome,
        "error_code": result.error_code,
        "target_id": write_id(item.target_type, target) if target else None,
    }
    return settled


async def next_attempt(tx: Transaction, batch: Batch) -> datetime | None:
    """When the first waiting item may be tried again."""
    found: datetime | None = (
        await tx.session.execute(NEXT, {"tenant": batch.tenant_id, "batch": batch.id})
    ).scalar_one()
    return found


async def report(tx: Transaction, batch: Batch) -> dict[str, Any]:
    """What came of the batch: items by outcome, its time, its speed, its money."""
    assert batch.started_at is not None or batch.succeeded == 0
    found = await tx.session.execute(OUTCOMES, {"tenant": batch.tenant_id, "batch": batch.id})
    groups = [dict(row) for row in found.mappings()]
    seconds = (tx.now - batch.started_at).total_seconds() if batch.started_at else 0.0
    done = batch.total - batch.pending - batch.cancelled
    return {
        "total": batch.total,
        "groups": groups,
        "warnings": sum(group["warnings"] or 0 for group in groups),
        "duration_ms": round(seconds * 1000),
        "per_second_tenths": round(done * 10 / seconds) if seconds > 0 else None,
        "impact": batch.impact,
    }
