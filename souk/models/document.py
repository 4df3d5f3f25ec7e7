"""Registered documents: what a version of a client may send by its hash."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from ..rules.actor import Role
from ..rules.manifest import MAX_BYTES
from .base import Row, TenantModel, col, one_of, refers


class OperationManifest(TenantModel):
    """One version of an application, with the documents that it sends."""

    __tablename__ = "operation_manifest"
    __table_args__ = (
        one_of("owner_role", Role),
        UniqueConstraint("tenant_id", "client_app", "client_version"),
        CheckConstraint("documents >= 0", name="documents_counted"),
        Index("ix_operation_manifest_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    client_app: Mapped[str] = col("The application.")
    client_version: Mapped[str] = col("Its version.")
    owner_role: Mapped[str | None] = col("The role that it signs in with; null when it serves several.")
    documents: Mapped[int] = col("How many documents it holds.")
    deprecated_at: Mapped[datetime | None] = col("Since when this version should be used no more, in UTC.")


class PersistedOperation(Row):
    """A registered document. Its text never changes; only its last use is written again."""

    __tablename__ = "persisted_operation"
    __table_args__ = (
        refers("manifest_id", "operation_manifest", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "manifest_id", "sha256"),
        CheckConstraint("sha256 = sha256(convert_to(document, 'UTF8'))", name="sha256_of_document"),
        CheckConstraint(f"octet_length(document) <= {MAX_BYTES}", name="document_not_too_long"),
        CheckConstraint("ceiling >= 0", name="ceiling_positive"),
        Index("ix_persisted_operation_sha256", "tenant_id", "sha256", "id"),
        Index("ix_persisted_operation_newest", "tenant_id", "created_at", "id"),
        Index("ix_persisted_operation_manifest", "tenant_id", "manifest_id", "created_at", "id"),
    )

    manifest_id: Mapped[UUID] = col("The version of an application that sends it.")
    sha256: Mapped[bytes] = col("SHA-256 of the document in UTF-8.")
    name: Mapped[str] = col("The name of its operation, or what its manifest calls it.")
    document: Mapped[str] = col("The document.")
    ceiling: Mapped[int] = col("Points that one run costs at most, whatever the variables.")
    last_used_at: Mapped[datetime | None] = col(
        "When it was last asked for by its hash, to the minute, in UTC; null: never."
    )
