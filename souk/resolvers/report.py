"""The report of a batch as CSV: what an import lost, cell by cell; of any other batch each item with what became of it."""

import csv
import io
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text

from ..db.session import Transaction
from ..engine.scalars import write_time
from ..engine.symbols import write_id
from ..models import Batch
from ..permissions.batch import SeesBatch
from ..rules.enums import BatchKind
from ..rules.export import harmless
from ..rules.money import format_amount
from .writing import found

HEADER = ("row", "column", "value", "reason", "outcome")
DONE = ("item", "action", "target", "dealer", "status", "outcome", "error", "reason", "impact", "currency", "settled")
PAGE = 5_000
"""Rows of the file that one statement looks through, however few of them lost something."""

ROWS = text("SELECT max(n) FROM batch_item WHERE tenant_id = :tenant AND batch_id = :batch")
LOST = text("""
SELECT i.n, w ->> 'column', w ->> 'value', w ->> 'reason', i.outcome
FROM batch_item i, jsonb_array_elements(i.warnings) WITH ORDINALITY AS t(w, place)
WHERE i.tenant_id = :tenant AND i.batch_id = :batch AND i.n > :after AND i.n <= :to AND i.warnings <> '[]'
ORDER BY i.n, place
""")
ITEMS = text("""
SELECT i.n, i.action, i.target_type, i.target_id, d.name, i.status, i.outcome, i.error_code, i.error_message, i.impact_minor,
       i.currency, i.settled_at
FROM batch_item i LEFT JOIN dealer d
  ON i.target_type = 'Alert' AND d.tenant_id = i.tenant_id AND d.id::text = i.payload ->> 'dealer'
WHERE i.tenant_id = :tenant AND i.batch_id = :batch AND i.n > :after AND i.n <= :to ORDER BY i.n
""")


class Report(NamedTuple):
    """A report: of which batch and kind, and the number of the last item it tells of."""

    batch_id: UUID
    kind: str
    last: int

    @property
    def header(self) -> tuple[str, ...]:
        return HEADER if self.kind == BatchKind.IMPORT else DONE


async def report_of(tx: Transaction, id: str | UUID) -> Report:
    """What the report of a batch is about. Raises NotFound."""
    batch = await found(tx, Batch, id, None if tx.system else SeesBatch(), field="id")
    last = await tx.session.execute(ROWS, {"tenant": batch.tenant_id, "batch": batch.id})
    return Report(batch.id, batch.kind, last.scalar() or 0)


async def report_page(tx: Transaction, report: Report, after: int) -> str:
    """Lines of the report about the items after `after`, at most `PAGE` of them and none behind the last."""
    page = {
        "tenant": tx.actor.tenant_id,
        "batch": report.batch_id,
        "after": after,
        "to": min(after + PAGE, report.last),
    }
    if report.kind == BatchKind.IMPORT:
        return lines((await tx.session.execute(LOST, page)).all())
    return lines([_told(row) for row in (await tx.session.execute(ITEMS, page)).all()])


def _told(row: Any) -> list[object]:
    n, action, target_type, target_id, dealer, status, outcome, error, reason, minor, currency, settled = row
    target = write_id(target_type, target_id) if target_id else None
    amount = None if minor is None else format_amount(minor, currency)
    at = settled and write_time(settled)
    return [n, action, target, dealer, status, outcome, error, reason, amount, currency, at]


def lines(rows: Sequence[Sequence[object]]) -> str:
    """CSV as RFC 4180 has it, without formulas."""
    written = io.StringIO()
    csv.writer(written).writerows(map(harmless, rows))
    return written.getvalue()
