"""Long work: previews, batches, items, attempts, logs and the dense stream of events."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from ..rules.enums import (
    BatchAction,
    BatchEventKind,
    BatchItemStatus,
    BatchKind,
    BatchStatus,
    LogLevel,
)
from .base import Row, TenantModel, col, minor, one_of, refers

COUNTS = ["pending", "running", "waiting", "succeeded", "failed", "dead", "skipped", "cancelled", "compensated"]


class Upload(Row):
    """A file handed over for an import."""

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint("size >= 0", name="size_not_negative"),
        refers("creator_id", "app_user"),
        refers("dealer_id", "dealer"),
        Index("ix_upload_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = col("The file's name as given.")
    media_type: Mapped[str] = col("Its media type as given.")
    size: Mapped[int] = col("Its length in bytes.", BigInteger())
    sha256: Mapped[bytes] = col("The hash of its content.")
    stored_as: Mapped[str] = col("Where the storage keeps it.")
    creator_id: Mapped[UUID | None] = col("Who handed it over.")
    dealer_id: Mapped[UUID | None] = col("For which dealer.")
    expires_at: Mapped[datetime] = col("Until when it is kept.")


class BatchPreview(Row):
    """What a batch would do, pinned by a hash; append-only."""

    __tablename__ = "batch_preview"
    __table_args__ = (
        one_of("kind", BatchKind),
        refers("creator_id", "app_user"),
        refers("dealer_id", "dealer"),
        refers("upload_id", "upload"),
        Index("ix_batch_preview_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What the batch would do.")
    selection: Mapped[dict[str, Any]] = col("What it was asked to act on.", JSONB)
    plan: Mapped[dict[str, Any]] = col("How it was asked to act.", JSONB)
    hash: Mapped[bytes] = col("SHA-256 of selection, before-states and plan.")
    total: Mapped[int] = col("How many items it has.")
    actionable: Mapped[int] = col("How many of them would be acted on.")
    impact: Mapped[dict[str, Any]] = col("Minor units at risk per currency.", JSONB)
    cost: Mapped[dict[str, Any]] = col(
        "Minor units that doing it would cost per currency.", JSONB, server_default=text("'{}'")
    )
    warnings: Mapped[list[Any]] = col("What to mind, in sentences.", JSONB)
    creator_id: Mapped[UUID | None] = col("Who asked.")
    token_id: Mapped[UUID | None] = col("Which service token asked.")
    dealer_id: Mapped[UUID | None] = col("For which dealer.")
    upload_id: Mapped[UUID | None] = col("The file of an import.")
    expires_at: Mapped[datetime] = col("Until when it may become a batch.")


class BatchPreviewItem(Row):
    """One item of a preview."""

    __tablename__ = "batch_preview_item"
    __table_args__ = (
        one_of("action", BatchAction),
        refers("preview_id", "batch_preview", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "preview_id", "n"),
    )

    preview_id: Mapped[UUID] = col("The preview.")
    n: Mapped[int] = col("Its place, from 1.")
    target_type: Mapped[str] = col("What kind of thing it is.")
    target_id: Mapped[UUID | None] = col("The thing; null for a row of a file.")
    action: Mapped[str] = col("What would be done.")
    permitted: Mapped[bool] = col("Whether who asked may do it.")
    state: Mapped[dict[str, Any]] = col("How it is now.", JSONB)
    warnings: Mapped[list[Any]] = col("What to mind, in sentences.", JSONB)
    impact: Mapped[dict[str, Any]] = col("Minor units at risk per currency.", JSONB)
    cost: Mapped[dict[str, Any]] = col(
        "Minor units that doing it would cost per currency.", JSONB, server_default=text("'{}'")
    )
    payload: Mapped[dict[str, Any]] = col("What the action needs to know.", JSONB)


class Batch(TenantModel):
    """Work on many items, resumable and watched live."""

    __tablename__ = "batch"
    __table_args__ = (
        one_of("kind", BatchKind),
        one_of("status", BatchStatus),
        CheckConstraint(f"total = {' + '.join(COUNTS)}", name="counts_add_up"),
        CheckConstraint(" AND ".join(f"{c} >= 0" for c in COUNTS), name="counts_not_negative"),
        CheckConstraint("pace > 0", name="pace_positive"),
        refers("preview_id", "batch_preview"),
        refers("creator_id", "app_user"),
        refers("starter_id", "app_user"),
        refers("approver_id", "app_user"),
        refers("dealer_id", "dealer"),
        refers("upload_id", "upload"),
        CheckConstraint("approver_id <> creator_id", name="two_people"),
        Index("ix_batch_newest", "tenant_id", "created_at", "id"),
        Index("ix_batch_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_batch_kind", "tenant_id", "kind", "created_at", "id"),
        Index("ix_batch_creator", "tenant_id", "creator_id", "created_at", "id"),
        Index("ix_batch_ended", "tenant_id", "ended_at", "id", postgresql_where=text("ended_at IS NOT NULL")),
        Index(
            "ix_batch_dealer",
            "tenant_id",
            "dealer_id",
            "created_at",
            "id",
            postgresql_where=text("dealer_id IS NOT NULL"),
        ),
        Index("ix_batch_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What it does.")
    status: Mapped[str] = col("Where it stands.")
    status_reason: Mapped[str | None] = col("Why it is there.")
    title: Mapped[str] = col("What it is for, in a line.")
    preview_id: Mapped[UUID | None] = col("The preview it was made from.")
    preview_hash: Mapped[bytes | None] = col("The hash of that preview.")
    selection: Mapped[dict[str, Any]] = col("What it acts on.", JSONB)
    plan: Mapped[dict[str, Any]] = col("How it acts.", JSONB)
    creator_id: Mapped[UUID | None] = col("Who made it.")
    token_id: Mapped[UUID | None] = col("Which service token made it.")
    starter_id: Mapped[UUID | None] = col("In whose name it acts.")
    approver_id: Mapped[UUID | None] = col("Who approved it.")
    dealer_id: Mapped[UUID | None] = col("For which dealer it acts.")
    upload_id: Mapped[UUID | None] = col("The file of an import.")
    allow_drift: Mapped[str] = col("What to do with items that changed since the preview.", default="REFUSE")
    pace: Mapped[int | None] = col("At most so many items a second; null for no limit.")
    total: Mapped[int] = col("How many items it has.", default=0)
    pending: Mapped[int] = col("Items not taken yet.", default=0)
    running: Mapped[int] = col("Items leased by a worker.", default=0)
    waiting: Mapped[int] = col("Items that will be tried again.", default=0)
    succeeded: Mapped[int] = col("Items done.", default=0)
    failed: Mapped[int] = col("Items refused for good, or not undone.", default=0)
    dead: Mapped[int] = col("Items tried too often.", default=0)
    skipped: Mapped[int] = col("Items with nothing to do.", default=0)
    cancelled: Mapped[int] = col("Items the batch did not get to.", default=0)
    compensated: Mapped[int] = col("Items undone.", default=0)
    impact: Mapped[dict[str, Any]] = col("Minor units acted on so far, per currency.", JSONB)
    report: Mapped[dict[str, Any] | None] = col("The report, once it ended.", JSONB)
    cursor: Mapped[dict[str, Any] | None] = col("How far a streamed selection was read.", JSONB)
    seq_head: Mapped[int] = col("The number of its newest event, 0 for none.", BigInteger(), default=0)
    log_head: Mapped[int] = col("The number of its newest log line, 0 for none.", BigInteger(), default=0)
    started_at: Mapped[datetime | None] = col("When it was started.")
    not_before: Mapped[datetime | None] = col("Before when no item is taken: the undo window.")
    ended_at: Mapped[datetime | None] = col("When it came to rest.")


class BatchItem(Row):
    """One unit of a batch's work."""

    __tablename__ = "batch_item"
    __table_args__ = (
        one_of("status", BatchItemStatus),
        one_of("action", BatchAction),
        CheckConstraint("attempt BETWEEN 0 AND 1000", name="attempt_bounded"),
        refers("batch_id", "batch", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "batch_id", "n"),
        Index("ix_batch_item_status", "tenant_id", "batch_id", "status", "n"),
        Index("ix_batch_item_target", "tenant_id", "target_id", postgresql_where=text("target_id IS NOT NULL")),
        Index("ix_batch_item_dead", "tenant_id", "created_at", "id", postgresql_where=text("status = 'DEAD'")),
    )

    batch_id: Mapped[UUID] = col("The batch.")
    n: Mapped[int] = col("Its place, from 1; a file's row number.")
    target_type: Mapped[str] = col("What kind of thing it is.")
    target_id: Mapped[UUID | None] = col("The thing; of an import only once it is brought in.")
    action: Mapped[str] = col("What is done.")
    status: Mapped[str] = col("Where it stands.")
    payload: Mapped[dict[str, Any]] = col("What the action needs to know.", JSONB)
    attempt: Mapped[int] = col("How often it was tried; the number of its last attempt.", default=0)
    tried_before: Mapped[int] = col(
        "How often it was tried before it was taken up again; its attempts are counted from there.",
        default=0,
        server_default=text("0"),
    )
    lease_until: Mapped[datetime | None] = col("Until when a worker holds it.")
    next_attempt_at: Mapped[datetime | None] = col("When it is tried again.")
    before: Mapped[dict[str, Any] | None] = col("How the thing was before.", JSONB, internal=True)
    after: Mapped[dict[str, Any] | None] = col("How the thing is after.", JSONB, internal=True)
    outcome: Mapped[str | None] = col("What came of it, in a word: CREATED, UPDATED, UNCHANGED, SENT …")
    error_code: Mapped[str | None] = col("Why it failed or was skipped.")
    error_message: Mapped[str | None] = col("The same for people.")
    warnings: Mapped[list[Any]] = col("Cells that were left empty: column, value, reason.", JSONB)
    impact_minor: Mapped[int | None] = minor("The money it acts on.")
    currency: Mapped[str | None] = col("ISO 4217 code of that money.")
    settled_at: Mapped[datetime | None] = col("When it was settled.")


class BatchItemAttempt(Row):
    """One try at an item; append-only."""

    __tablename__ = "batch_item_attempt"
    __table_args__ = (
        one_of("status", BatchItemStatus),
        refers("item_id", "batch_item", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "item_id", "n"),
    )

    item_id: Mapped[UUID] = col("The item.")
    n: Mapped[int] = col("Its number, from 1.")
    status: Mapped[str] = col("How it ended.")
    error_code: Mapped[str | None] = col("Why it failed.")
    result: Mapped[dict[str, Any] | None] = col("What it gave.", JSONB)
    ended_at: Mapped[datetime] = col("When it ended, in UTC.")


class BatchLog(Row):
    """A line of a batch's log; append-only."""

    __tablename__ = "batch_log"
    __table_args__ = (
        one_of("level", LogLevel),
        refers("batch_id", "batch", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "batch_id", "n"),
    )

    batch_id: Mapped[UUID] = col("The batch.")
    n: Mapped[int] = col("Its number, from 1.", BigInteger())
    level: Mapped[str] = col("How serious it is.")
    message: Mapped[str] = col("What happened, in a sentence.")
    item_id: Mapped[UUID | None] = col("The item it is about.")


class BatchEvent(Row):
    """An event of a batch's stream: dense from 1, in the order of commits; append-only."""

    __tablename__ = "batch_event"
    __table_args__ = (
        one_of("kind", BatchEventKind),
        CheckConstraint("seq > 0", name="seq_positive"),
        refers("batch_id", "batch", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "batch_id", "seq"),
    )

    batch_id: Mapped[UUID] = col("The batch.")
    seq: Mapped[int] = col("Its place in the stream, from 1.", BigInteger())
    kind: Mapped[str] = col("What it tells.")
    at: Mapped[datetime] = col("When, in UTC.")
    from_status: Mapped[str | None] = col("The state before.")
    to_status: Mapped[str | None] = col("The state after.")
    reason: Mapped[str | None] = col("Why.")
    items: Mapped[list[Any] | None] = col("The items settled, at most 200.", JSONB)
    lines: Mapped[list[Any] | None] = col("The lines added.", JSONB)
    impact: Mapped[dict[str, Any]] = col("Minor units acted on so far, per currency.", JSONB)
    total: Mapped[int] = col("How many items it has.")
    pending: Mapped[int] = col("Items not taken yet.")
    running: Mapped[int] = col("Items leased by a worker.")
    waiting: Mapped[int] = col("Items that will be tried again.")
    succeeded: Mapped[int] = col("Items done.")
    failed: Mapped[int] = col("Items refused for good, or not undone.")
    dead: Mapped[int] = col("Items tried too often.")
    skipped: Mapped[int] = col("Items with nothing to do.")
    cancelled: Mapped[int] = col("Items the batch did not get to.")
    compensated: Mapped[int] = col("Items undone.")
