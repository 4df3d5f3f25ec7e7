"""From a wish to a batch: what it would do is written down first, and only what was written down is made."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import strawberry
from sqlalchemy import Select, select, text

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import Batch, BatchPreview, BatchPreviewItem, new_id
from ..permissions.batch import SeesPreview
from ..rules import batch as rules
from ..rules import text as texts
from ..rules.enums import BatchKind, BatchStatus, LogLevel
from ..rules.errors import Forbidden, Invalid, OutOfRange
from ..rules.money import Money
from .chronicle import Line, set_counts, tell
from .kinds import KINDS, BatchPlan, BatchSelection, Foreseen, Kind
from .writing import found

PACE_MAX = 1000


def preview(viewer: Viewer, id: strawberry.ID) -> Select[BatchPreview]:
    """One preview by its id."""
    return select(BatchPreview).where(BatchPreview.id == key(id, BatchPreview), SeesPreview().rows(viewer))


def preview_of_batch(viewer: Viewer, batch: Batch) -> Select[BatchPreview]:
    """The preview it was made of."""
    return select(BatchPreview).where(BatchPreview.id == batch.preview_id, SeesPreview().rows(viewer))


def items_of_preview(viewer: Viewer, preview: BatchPreview) -> Select[BatchPreviewItem]:
    """What would be done to each thing, in order; a streamed import lists a sample at most."""
    return select(BatchPreviewItem).where(BatchPreviewItem.preview_id == preview.id).order_by(BatchPreviewItem.n.asc())


def preview_item(viewer: Viewer, id: strawberry.ID) -> Select[BatchPreviewItem]:
    """One item of a preview by its id."""
    of = (BatchPreview.tenant_id == BatchPreviewItem.tenant_id) & (BatchPreview.id == BatchPreviewItem.preview_id)
    asked = select(BatchPreviewItem).join(BatchPreview, of)
    return asked.where(BatchPreviewItem.id == key(id, BatchPreviewItem), SeesPreview().rows(viewer))


@strawberry.input(description="What a batch would do, to be written down.")
class BatchPreviewInput:
    kind: BatchKind = strawberry.field(description="What the batch does.")
    selection: BatchSelection = strawberry.field(description="What it acts on.")
    plan: BatchPlan = strawberry.field(description="How it acts.")


async def batch_preview(tx: Transaction, input: BatchPreviewInput) -> BatchPreview:
    """Write down what a batch would do, item by item, without doing it; good for 30 minutes."""
    kind = _kind(input.kind)
    if not tx.system and not kind.permits(tx.actor, tx.actor.dealer_id):  # before a single id is looked at
        raise Forbidden("You may not do what a batch of this kind does.")
    seen = await kind.foresee(tx, input.selection, input.plan)
    if not kind.permits(tx.actor, seen.dealer_id):
        raise Forbidden("You may not do what a batch of this kind does.")
    most = rules.SELECTION_MAX.get(input.kind)
    total = len(seen.items) if seen.total is None else seen.total
    if most is not None and total > most:
        raise Invalid(f"At most {most} items.", field="selection")
    if total == 0:
        raise Invalid("There is nothing in this selection.", field="selection")
    done = [item for item in seen.items if item.skip is None and item.permitted]
    settings = await tx.settings()
    preview: BatchPreview = tx.add(
        BatchPreview(
            id=new_id(), kind=input.kind, selection=seen.selection, plan=seen.plan, hash=seen.digest(), total=total,
            actionable=len(done) if seen.actionable is None else seen.actionable, impact=_sums(each.impact for each in done),
            cost=_sums(each.cost for each in done),
            warnings=seen.warnings, creator_id=tx.actor.user_id, token_id=tx.actor.token_id,
            dealer_id=seen.dealer_id, upload_id=seen.upload_id,
            expires_at=tx.now + timedelta(minutes=settings.preview_minutes),
        )
    )  # fmt: skip
    await tx.session.flush()
    await tx.session.execute(
        PREVIEWED, {"tenant": tx.actor.tenant_id, "now": tx.now, "preview": preview.id, "rows": _rows(seen.items)}
    )
    tx.emit("batch.previewed", preview)
    return preview


PREVIEWED = text("""
INSERT INTO batch_preview_item (tenant_id, id, created_at, preview_id, n, target_type, target_id, action, permitted,
                                state, warnings, impact, cost, payload)
  SELECT :tenant, id, :now, :preview, n, target_type, target_id, action, permitted, state, warnings, impact, cost, payload
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id uuid, n integer, target_type text, target_id uuid, action text,
    permitted boolean, state jsonb, warnings jsonb, impact jsonb, cost jsonb, payload jsonb)
""")


def _rows(items: Sequence[Foreseen]) -> str:
    rows = [
        {
            "id": new_id(),
            "n": n,
            "target_type": item.target_type,
            "target_id": item.target_id,
            "action": item.action.value,
            "permitted": item.permitted,
            "state": item.state,
            "warnings": item.warnings,
            "impact": item.impact,
            "cost": item.cost,
            "payload": item.payload | ({"skip": item.skip} if item.skip else {}),
        }
        for n, item in enumerate(items, 1)
    ]
    return orjson.dumps(rows, default=str).decode()


def _sums(amounts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """One amount per currency."""
    sums: Counter[str] = Counter()
    for each in amounts:
        sums.update(each)
    return dict(sums)


def _kind(kind: BatchKind) -> Kind:
    found = KINDS.get(kind)
    if found is None:
        raise Invalid(f"Batches of the kind {kind} are not there yet.", field="kind")
    return found


# From a preview to a batch ---------------------------------------------------------------------------------------------


@strawberry.input(description="A batch made of a preview.")
class BatchCreateInput:
    preview_id: strawberry.ID = strawberry.field(description="The preview.")
    title: str | None = strawberry.field(
        default=None, description="What it is for, in a line of at most 200 characters; made up when absent."
    )
    pace: int | None = strawberry.field(
        default=None, description=f"At most so many items a second, 1 to {PACE_MAX}; no limit when absent."
    )
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


async def batch_create(tx: Transaction, input: BatchCreateInput) -> Batch:
    """Make a batch of a preview. It begins READY, or PENDING_APPROVAL where its amount asks for a second person."""
    preview = await found(tx, BatchPreview, input.preview_id, SeesPreview(), field="preview_id")
    rules.fresh(preview.expires_at, now=tx.now)
    if input.pace is not None and not 1 <= input.pace <= PACE_MAX:
        raise OutOfRange(f"A pace is 1 to {PACE_MAX} items a second.", field="pace")
    return await create(tx, preview, title=input.title, pace=input.pace)


async def create(tx: Transaction, preview: BatchPreview, *, title: str | None = None, pace: int | None = None) -> Batch:
    """The batch of a preview, with its items, its tasks, its first event and its first line."""
    kind = _kind(BatchKind[preview.kind])
    if not tx.system and not kind.permits(tx.actor, preview.dealer_id):
        raise Forbidden("You may not do what a batch of this kind does.")
    settings = await tx.settings()
    limits = [Money(minor, currency) for currency, minor in settings.four_eyes.items()]
    amounts = [Money(minor, currency) for each in (preview.impact, preview.cost) for currency, minor in each.items()]
    status = rules.begins_at(amounts, limits)
    made = texts.optional_line(title, 200, field="title") or f"{preview.kind}: {preview.total} items"
    batch: Batch = tx.add(
        Batch(
            id=new_id(), kind=preview.kind, status=status, title=made, preview_id=preview.id,
            preview_hash=preview.hash, selection=preview.selection, plan=preview.plan, creator_id=preview.creator_id,
            token_id=preview.token_id, dealer_id=preview.dealer_id, upload_id=preview.upload_id, pace=pace, impact={},
            allow_drift="REFUSE", seq_head=0, log_head=0,
        )
    )  # fmt: skip
    if not tx.system:
        batch.creator_id, batch.token_id = tx.actor.user_id, tx.actor.token_id
    set_counts(batch, rules.Counts(pending=preview.total))
    await tx.session.flush()
    lines: list[Line] = [(LogLevel.INFO, f"Made of a preview of {preview.total} items.", None)]
    if not kind.streamed:
        taken = await _take_items(tx, batch)
        set_counts(batch, rules.count(taken))
        if taken.get("SKIPPED"):
            lines.append((LogLevel.WARNING, f"{taken['SKIPPED']} items have nothing to do or are not permitted.", None))
    if status == BatchStatus.PENDING_APPROVAL:
        lines.append((LogLevel.INFO, "Its amount asks for a second person.", None))
    tx.emit("batch.created", batch, to_status=status)
    await kind.made(tx, batch)
    await tell(tx, batch, state=(None, status, None), lines=lines)
    return batch


COUNTED = text("SELECT count(*) FROM batch_preview_item WHERE tenant_id = :tenant AND preview_id = :preview")
ITEMS = text("""
WITH made AS (
  INSERT INTO batch_item (tenant_id, id, created_at, batch_id, n, target_type, target_id, action, status, payload,
                          attempt, before, error_code, error_message, warnings, impact_minor, currency, settled_at)
    SELECT :tenant, ids.id, :now, :batch, p.n, p.target_type, p.target_id, p.action,
           CASE WHEN p.permitted AND p.payload ->> 'skip' IS NULL THEN 'PENDING' ELSE 'SKIPPED' END, p.payload, 0,
           p.state, CASE WHEN NOT p.permitted THEN 'FORBIDDEN' ELSE p.payload ->> 'skip' END,
           CASE WHEN NOT p.permitted THEN 'Not permitted when it was previewed.'
                WHEN p.payload ->> 'skip' IS NOT NULL THEN 'There was nothing to do when it was previewed.' END,
           '[]', m.minor, m.currency,
           CASE WHEN p.permitted AND p.payload ->> 'skip' IS NULL THEN NULL ELSE CAST(:now AS timestamptz) END
    FROM batch_preview_item p
      JOIN unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS ids(id, n) ON ids.n = p.n
      LEFT JOIN LATERAL (SELECT e.key AS currency, e.value::bigint AS minor FROM jsonb_each_text(p.impact) e LIMIT 1) m
        ON true
    WHERE p.tenant_id = :tenant AND p.preview_id = :preview
    RETURNING status)
SELECT status, count(*) FROM made GROUP BY status
""")


async def _take_items(tx: Transaction, batch: Batch) -> dict[str, int]:
    """The items of the preview become the batch's; gives how many there are of each status."""
    asked: Mapping[str, Any] = {"tenant": batch.tenant_id, "preview": batch.preview_id}
    number: int = (await tx.session.execute(COUNTED, asked)).scalar_one()
    ids: list[UUID] = [new_id() for _ in range(number)]
    found = await tx.session.execute(ITEMS, {**asked, "batch": batch.id, "now": tx.now, "ids": ids})
    return dict(found.all())
