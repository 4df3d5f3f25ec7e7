"""What holds the rest together: events, audit, idempotency, search, and work across tenants."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped

from ..rules.enums import AccessKind
from .base import Model, Row, col, one_of

SEARCH_KINDS = ("LISTING", "DEALER", "SKU", "TICKET", "TICKET_INTERNAL", "ALERT", "USER", "COMPETITOR")


class EventStream(Row):
    """The head of a subject's event stream: locked while an event is added, so that `seq` is dense. Its id is the subject's."""

    __tablename__ = "event_stream"

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = col("The number of the newest event.", BigInteger())


class DomainEvent(Row):
    """Something that happened to a subject; append-only, written in the transaction of its cause."""

    __tablename__ = "domain_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "subject_id", "seq"),
        CheckConstraint("seq > 0", name="seq_positive"),
        Index("ix_domain_event_at", "tenant_id", "at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    subject_type: Mapped[str] = col("What kind of thing it happened to, as in the schema.")
    subject_id: Mapped[UUID] = col("The thing.")
    seq: Mapped[int] = col("Its place among the subject's events, from 1.", BigInteger())
    type: Mapped[str] = col("What happened, as in the event catalogue.")
    at: Mapped[datetime] = col("When, in UTC.")
    actor_id: Mapped[UUID | None] = col("Who caused it; null for the system and the public.")
    internal: Mapped[bool] = col("Only for staff who work on the subject.", default=False)
    from_status: Mapped[str | None] = col("The state before, of a transition.")
    to_status: Mapped[str | None] = col("The state after, of a transition.")
    reason: Mapped[str | None] = col("Why, in the words of who did it.", personal=True)
    data: Mapped[dict[str, Any]] = col("What else there is to say; no personal data.", JSONB)


class AuditHead(Model):
    """The end of a tenant's audit chain: locked last, once per transaction or chunk."""

    __tablename__ = "audit_head"

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = col("The number of the newest event.", BigInteger())
    prev_hash: Mapped[bytes | None] = col("The hash of the event before it.")
    hash: Mapped[bytes] = col("Its hash.")


class AuditEvent(Row):
    """Who did what: append-only, dense per tenant, each hashed with the one before it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("tenant_id", "seq"),
        Index("ix_audit_event_subject", "tenant_id", "subject_id", "created_at", "id"),
        Index("ix_audit_event_actor", "tenant_id", "actor_id", "created_at", "id"),
        Index("ix_audit_event_dealer", "tenant_id", "dealer_id", "created_at", "id"),
        Index("ix_audit_event_op", "tenant_id", "op", "created_at", "id"),
        Index("ix_audit_event_role", "tenant_id", "acting_role", "created_at", "id"),
        Index("ix_audit_event_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = col("Its place in the tenant's chain, from 1.", BigInteger())
    op: Mapped[str] = col("The mutation or the system's act.")
    actor_id: Mapped[UUID | None] = col("Who did it; null for the system and the public.")
    acting_role: Mapped[str] = col("In which role; SYSTEM for a worker.")
    session_id: Mapped[UUID | None] = col("Over which session.")
    token_id: Mapped[UUID | None] = col("Over which service token.")
    subject_type: Mapped[str] = col("What kind of thing was changed, as in the schema.")
    subject_id: Mapped[UUID] = col("The thing.")
    dealer_id: Mapped[UUID | None] = col("The organisation it concerns.")
    changes: Mapped[dict[str, Any]] = col("Before and after of each changed column; personal ones as hashes.", JSONB)
    request_id: Mapped[str | None] = col("The request it came with.")
    prev_hash: Mapped[bytes] = col("The hash of the event before it.")
    hash: Mapped[bytes] = col("SHA-256 of the former hash and this event.")


class AccessRefusal(Row):
    """A permission that was refused, or a locked personal field that was opened; append-only."""

    __tablename__ = "access_refusal"
    __table_args__ = (
        one_of("kind", AccessKind),
        Index("ix_access_refusal_at", "tenant_id", "created_at", "id"),
        Index("ix_access_refusal_kind", "tenant_id", "kind", "created_at", "id"),
        Index("ix_access_refusal_principal", "tenant_id", "principal_id", "created_at", "id"),
        Index("ix_access_refusal_role", "tenant_id", "acting_role", "created_at", "id"),
        Index("ix_access_refusal_operation", "tenant_id", "operation", "created_at", "id"),
        Index("ix_access_refusal_permission", "tenant_id", "permission", "created_at", "id"),
        Index("ix_access_refusal_subject", "tenant_id", "subject_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("Refused, or opened.")
    principal_id: Mapped[UUID | None] = col("Who asked; null for the public.")
    acting_role: Mapped[str] = col("In which role.")
    operation: Mapped[str] = col(
        "The mutation or query that was refused, or the field, as Type.field, that was refused or opened."
    )
    permission: Mapped[str] = col("The row of the matrix that decided.")
    subject_type: Mapped[str | None] = col("What kind of thing was opened; null for a refusal.")
    subject_id: Mapped[UUID | None] = col("The thing that was opened; null for a refusal.")
    request_id: Mapped[str | None] = col("The request it came with.")


class IdempotencyRecord(Row):
    """What a key did, so that a second call does it no second time."""

    __tablename__ = "idempotency_record"
    __table_args__ = (
        UniqueConstraint("tenant_id", "principal", "key"),
        Index("ix_idempotency_record_expires", "tenant_id", "expires_at"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    principal: Mapped[str] = col("Whose key it is.")
    key: Mapped[str] = col("The key, 16 to 255 characters.")
    request_hash: Mapped[bytes] = col("SHA-256 of operation and arguments.")
    result: Mapped[dict[str, Any]] = col("The reference to the outcome, or the stored refusal.", JSONB)
    expires_at: Mapped[datetime] = col("Until when it is kept.")


class SearchDocument(Model):
    """The words of a row, for full-text search; written by triggers."""

    __tablename__ = "search_document"
    __table_args__ = (one_of("kind", SEARCH_KINDS), Index("ix_search_document_words", "words", postgresql_using="gin"))

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What kind of row it is.", primary_key=True)
    id: Mapped[UUID] = col("The row whose words they are.", primary_key=True)
    subject_id: Mapped[UUID] = col("The row to show: for a comment its ticket.")
    words: Mapped[Any] = col("The words, and the tenant as one of them.", TSVECTOR)


class Work(Model):
    """Something due in some tenant: ids and times only, no row security; how workers find what to do."""

    __tablename__ = "work"
    __table_args__ = (Index("ix_work_due", "due_at", "tenant_id"), {"schema": "souk"})

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What is due.", primary_key=True)
    ref: Mapped[UUID] = col("The row it is about.", primary_key=True)
    due_at: Mapped[datetime] = col("When it is due.")
    lease_until: Mapped[datetime | None] = col("Until when a worker holds it.")
