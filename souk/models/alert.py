"""Alerts with their evidence, and the work that follows from them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from ..rules.enums import (
    AlertKind,
    AlertStatus,
    DismissReason,
    EvidenceSource,
    Severity,
    SnapshotOutcome,
    SubjectType,
    TaskKind,
    TaskOutcome,
    TaskStatus,
)
from .base import Row, TenantModel, col, minor, one_of, refers


class Alert(TenantModel):
    """The life of one breach of (dealer, competitor, SKU, kind); cycles count repeats."""

    __tablename__ = "alert"
    __table_args__ = (
        one_of("kind", AlertKind),
        one_of("status", AlertStatus),
        one_of("dismiss_reason", DismissReason),
        one_of("severity", Severity),
        CheckConstraint("score_tenths BETWEEN 0 AND 1000", name="score_bounded"),
        CheckConstraint("cycle > 0", name="cycle_positive"),
        refers("dealer_id", "dealer"),
        refers("competitor_id", "competitor"),
        refers("sku_id", "sku"),
        refers("policy_version_id", "price_policy_version"),
        refers("listing_id", "listing"),
        Index(
            "uq_alert_live",
            "tenant_id",
            "dealer_id",
            "competitor_id",
            "sku_id",
            "kind",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("status NOT IN ('RESOLVED','DISMISSED')"),
        ),
        Index("ix_alert_newest", "tenant_id", "first_seen_at", "id"),
        Index("ix_alert_status", "tenant_id", "status", "first_seen_at", "id"),
        Index("ix_alert_kind", "tenant_id", "kind", "first_seen_at", "id"),
        Index("ix_alert_severity", "tenant_id", "severity", "first_seen_at", "id"),
        Index("ix_alert_score", "tenant_id", "score_tenths", "id"),
        Index("ix_alert_dealer", "tenant_id", "dealer_id", "first_seen_at", "id"),
        Index("ix_alert_sku", "tenant_id", "sku_id", "first_seen_at", "id"),
        Index("ix_alert_cycle", "tenant_id", "cycle", "first_seen_at", "id"),
        Index("ix_alert_resolved", "tenant_id", "resolved_at", "id", postgresql_where=text("resolved_at IS NOT NULL")),
        Index("ix_alert_updated", "tenant_id", "updated_at", "id"),
    )

    kind: Mapped[str] = col("What it is about.")
    status: Mapped[str] = col("Where it stands.")
    dismiss_reason: Mapped[str | None] = col("Why it was dismissed.")
    dismissed_price_minor: Mapped[int | None] = minor("The price at which it was dismissed.")
    resolution: Mapped[str | None] = col("How it was resolved, when by hand.")
    severity: Mapped[str] = col("The band of the score.")
    score_tenths: Mapped[int] = col("The score in tenths, 0 to 1000.")
    cycle: Mapped[int] = col("How often the breach came back, from 1.", default=1)
    dealer_id: Mapped[UUID | None] = col("The dealer who breaches.")
    competitor_id: Mapped[UUID | None] = col("The competitor who undercuts.")
    sku_id: Mapped[UUID] = col("The thing.")
    listing_id: Mapped[UUID | None] = col("The listing last seen in breach.")
    policy_version_id: Mapped[UUID | None] = col("The version of the policy that was breached.")
    price_minor: Mapped[int] = minor("The price last seen.")
    policy_minor: Mapped[int | None] = minor("The limit it passes.")
    currency: Mapped[str] = col("ISO 4217 code of the amounts.")
    first_seen_at: Mapped[datetime] = col("When this cycle began, in UTC.")
    last_seen_at: Mapped[datetime] = col("When it was last seen, in UTC.")
    impact: Mapped[dict[str, Any]] = col("What it costs: each term with its inputs, and the money at risk.", JSONB)
    impact_minor: Mapped[int] = minor("The sum of the terms.", default=0)
    evidence_head: Mapped[bytes | None] = col("The hash of the newest evidence.")
    notice_sent_at: Mapped[datetime | None] = col("When the dealer was told; only then it sees the alert.")
    cure_due_at: Mapped[datetime | None] = col("Until when the dealer may cure it.")
    snoozed_until: Mapped[datetime | None] = col("Until when it is put off.")
    snoozed_price_minor: Mapped[int | None] = minor("The price at which it was put off.")
    resolved_at: Mapped[datetime | None] = col("When it was resolved.")
    dismissed_at: Mapped[datetime | None] = col("When it was dismissed.")


class AlertRevision(Row):
    """How an alert stood from a moment on; written by the database with each change, and by nobody else."""

    __tablename__ = "alert_revision"
    __table_args__ = (
        one_of("status", AlertStatus),
        one_of("severity", Severity),
        refers("alert_id", "alert"),
        refers("policy_version_id", "price_policy_version"),
        UniqueConstraint("tenant_id", "alert_id", "n"),
    )

    alert_id: Mapped[UUID] = col("The alert.")
    n: Mapped[int] = col("Its place among the alert's revisions, from 1.")
    status: Mapped[str] = col("Where the alert stood.")
    severity: Mapped[str] = col("The band of the score.")
    score_tenths: Mapped[int] = col("The score in tenths, 0 to 1000.")
    cycle: Mapped[int] = col("How often the breach had come back, from 1.")
    policy_version_id: Mapped[UUID | None] = col("The version of the policy that was breached.")
    price_minor: Mapped[int] = minor("The price last seen by then.")
    policy_minor: Mapped[int | None] = minor("The limit it passed.")
    currency: Mapped[str] = col("ISO 4217 code of the amounts.")
    impact: Mapped[dict[str, Any]] = col("What it cost, as it was known then.", JSONB)
    impact_minor: Mapped[int] = minor("The sum of the terms.")
    cure_due_at: Mapped[datetime | None] = col("Until when the dealer could cure it.")
    snoozed_until: Mapped[datetime | None] = col("Until when it was put off.")


class EvidenceSaleRow(Row):
    """A sale at a price; append-only."""

    __tablename__ = "evidence_sale_row"
    __table_args__ = (
        one_of("source", EvidenceSource),
        CheckConstraint("units > 0", name="units_positive"),
        refers("alert_id", "alert"),
        refers("dealer_id", "dealer"),
        UniqueConstraint("tenant_id", "alert_id", "external_ref"),
        Index("ix_evidence_sale_row_alert", "tenant_id", "alert_id", "occurred_at", "id"),
    )

    alert_id: Mapped[UUID] = col("The alert it supports.")
    dealer_id: Mapped[UUID | None] = col("Who sold; another dealer than the alert's is a peer. Null for a competitor.")
    occurred_at: Mapped[datetime] = col("When it was sold, in UTC.")
    units: Mapped[int] = col("How many units.")
    unit_price_minor: Mapped[int] = minor("What one unit cost.")
    currency: Mapped[str] = col("ISO 4217 code of the price.")
    source: Mapped[str] = col("Where the row comes from.")
    external_ref: Mapped[str] = col("Its key at the source.")


class EvidenceSnapshot(Row):
    """A price that was seen; append-only, each hashed with the one before it."""

    __tablename__ = "evidence_snapshot"
    __table_args__ = (
        one_of("outcome", SnapshotOutcome),
        CheckConstraint("(outcome = 'FOUND') = (price_minor IS NOT NULL)", name="found_has_price"),
        refers("alert_id", "alert"),
        CheckConstraint("(upload_id IS NULL) = (upload_sha256 IS NULL)", name="upload_with_hash"),
        refers("listing_id", "listing"),
        refers("upload_id", "upload"),
        UniqueConstraint("tenant_id", "alert_id", "n"),
        Index("ix_evidence_snapshot_alert", "tenant_id", "alert_id", "captured_at", "id"),
    )

    alert_id: Mapped[UUID] = col("The alert it supports.")
    n: Mapped[int] = col("Its place in the chain, from 1.")
    captured_at: Mapped[datetime] = col("When it was seen, in UTC.")
    url: Mapped[str | None] = col("Where it was seen.")
    listing_id: Mapped[UUID | None] = col("The listing it was seen on.")
    outcome: Mapped[str] = col("What came of the look.")
    price_minor: Mapped[int | None] = minor("The price seen.")
    currency: Mapped[str] = col("ISO 4217 code of the price.")
    upload_id: Mapped[UUID | None] = col("The file that shows it, a picture of the page for instance.")
    upload_sha256: Mapped[bytes | None] = col("The SHA-256 of that file, which the chain covers.")
    prev_hash: Mapped[bytes | None] = col("The hash of the evidence before it.")
    hash: Mapped[bytes] = col("SHA-256 of the former hash and this row.")


class Task(TenantModel):
    """Something somebody has to do."""

    __tablename__ = "task"
    __table_args__ = (
        one_of("kind", TaskKind),
        one_of("status", TaskStatus),
        one_of("outcome", TaskOutcome),
        CheckConstraint("(status = 'DONE') = (outcome IS NOT NULL)", name="done_has_outcome"),
        refers("alert_id", "alert"),
        refers("batch_id", "batch"),
        refers("ticket_id", "ticket"),
        refers("lead_id", "lead"),
        refers("dealer_id", "dealer"),
        refers("assignee_id", "app_user"),
        Index("ix_task_newest", "tenant_id", "created_at", "id"),
        Index("ix_task_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_task_due", "tenant_id", "due_order", "id"),
        Index("ix_task_assignee", "tenant_id", "assignee_id", "created_at", "id"),
        Index("ix_task_alert", "tenant_id", "alert_id", "created_at", "id"),
        Index("ix_task_ticket", "tenant_id", "ticket_id", "created_at", "id"),
        Index("ix_task_lead", "tenant_id", "lead_id", "created_at", "id"),
        Index("ix_task_batch", "tenant_id", "batch_id", "created_at", "id"),
        Index("ix_task_dealer", "tenant_id", "dealer_id", "created_at", "id"),
        Index("ix_task_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What kind of work it is.")
    status: Mapped[str] = col("Where it stands.")
    title: Mapped[str] = col("What to do, 3 to 200 characters.")
    due_at: Mapped[datetime | None] = col("Until when.")
    due_order: Mapped[datetime] = col("The due time for ordering: none comes last.")
    assignee_id: Mapped[UUID | None] = col("Who does it.")
    alert_id: Mapped[UUID | None] = col("The alert it follows from.")
    batch_id: Mapped[UUID | None] = col("The batch it follows from.")
    ticket_id: Mapped[UUID | None] = col("The ticket it follows from.")
    lead_id: Mapped[UUID | None] = col("The lead it follows from.")
    dealer_id: Mapped[UUID | None] = col("The dealer it is about.")
    outcome: Mapped[str | None] = col("What came of it.")
    note: Mapped[str | None] = col("What was said when it was closed, blocked or cancelled.", personal=True)


class Note(Row):
    """A remark of staff on something; never changed."""

    __tablename__ = "note"
    __table_args__ = (
        one_of("subject_type", SubjectType),
        refers("author_id", "app_user"),
        Index("ix_note_subject", "tenant_id", "subject_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    subject_type: Mapped[str] = col("What kind of thing it is on.")
    subject_id: Mapped[UUID] = col("The thing it is on.")
    author_id: Mapped[UUID | None] = col("Who wrote it.")
    body: Mapped[str] = col("The text, at most 10,000 characters.", personal=True)
