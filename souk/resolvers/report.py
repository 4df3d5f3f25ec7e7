"""What an import lost, cell by cell: the report of a batch as CSV."""

import csv
import io
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from ..db.session import Transaction
from ..models import Batch
from ..permissions.batch import SeesBatch
from .writing import found

HEADER = ("row", "column", "value", "reason", "outcome")
PAGE = 5_000
"""Rows of the file that one statement looks through, however few of them lost something."""

ROWS = text("SELECT max(n) FROM batch_item WHERE tenant_id = :tenant AND batch_id = :batch")
LOST = text("""
SELECT i.n, w ->> 'column', w ->> 'value', w ->> 'reason', i.outcome
FROM batch_item i, jsonb_array_elements(i.warnings) WITH ORDINALITY AS t(w, place)
WHERE i.tenant_id = :tenant AND i.batch_id = :batch AND i.n > :after AND i.n <= :to AND i.warnings <> '[]'
ORDER BY i.n, place
""")


async def report_of(tx: Transaction, id: str | UUID) -> tuple[UUID, int]:
    """The batch's key and the number of the last row that became an item. Raises NotFound."""
    batch = await found(tx, Batch, id, None if tx.system else SeesBatch(), field="id")
    last = await tx.session.execute(ROWS, {"tenant": batch.tenant_id, "batch": batch.id})
    return batch.id, last.scalar() or 0


async def report_page(tx: Transaction, batch_id: UUID, after: int, last: int) -> str:
    """Lines of the report: the lost cells of the rows after `after`, at most `PAGE` rows and none behind `last`."""
    page = {"tenant": tx.actor.tenant_id, "batch": batch_id, "after": after, "to": min(after + PAGE, last)}
    return lines((await tx.session.execute(LOST, page)).all())


def lines(rows: Sequence[Sequence[object]]) -> str:
    """CSV as RFC 4180 has it."""
    written = io.StringIO()
    csv.writer(written).writerows([plain(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return written.getvalue()


def plain(cell: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
