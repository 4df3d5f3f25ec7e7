"""Exports: what was asked for, the rows that were read so far, and the file they became."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from ..rules.actor import Role
from ..rules.enums import ExportFormat, ListName
from .base import Row, TenantModel, col, one_of, refers


class Export(TenantModel):
    """A list as a file, for the one who asked, in the role in which it was asked for."""

    __tablename__ = "export"
    __table_args__ = (
        one_of("list_name", ListName),
        one_of("format", ExportFormat),
        one_of("role", Role),
        refers("batch_id", "batch", on_delete="CASCADE"),
        refers("creator_id", "app_user"),
        refers("dealer_id", "dealer"),
        UniqueConstraint("tenant_id", "batch_id"),
        CheckConstraint("num_nonnulls(row_count, size, sha256, expires_at) IN (0, 4)", name="file_is_whole"),
        CheckConstraint("stored_as IS NULL OR sha256 IS NOT NULL", name="stored_is_known"),
        CheckConstraint("row_count >= 0 AND size >= 0", name="counts_not_negative"),
        Index("ix_export_creator", "tenant_id", "creator_id"),
    )

    batch_id: Mapped[UUID] = col("The batch that writes it.")
    creator_id: Mapped[UUID | None] = col("Who asked for it.")
    token_id: Mapped[UUID | None] = col("Which service token asked for it.")
    role: Mapped[str] = col("In which role it was asked for; the rows are what that role may read.")
    dealer_id: Mapped[UUID | None] = col("For which dealer it was asked for.")
    list_name: Mapped[str] = col("Which list it holds.")
    filter: Mapped[dict[str, Any] | None] = col("The condition on the list, as it was given.", JSONB)
    format: Mapped[str] = col("What kind of file it is.")
    columns: Mapped[list[str]] = col("The columns of the file, in their order.", JSONB)
    name: Mapped[str] = col("The file's name.")
    row_count: Mapped[int | None] = col(
        "How many rows it holds, without its heading; null until it is whole.", BigInteger()
    )
    size: Mapped[int | None] = col("Its length in bytes; null until it is whole.", BigInteger())
    sha256: Mapped[bytes | None] = col("SHA-256 of its bytes; null until it is whole.")
    stored_as: Mapped[str | None] = col("Where the storage keeps it; null before and after.")
    expires_at: Mapped[datetime | None] = col("Until when the file is kept; null until it is whole.")


class ExportPart(Row):
    """The rows that one item read, until the file is written from all of them."""

    __tablename__ = "export_part"
    __table_args__ = (
        refers("export_id", "export", on_delete="CASCADE"),
        CheckConstraint("row_count >= 0", name="rows_not_negative"),
        UniqueConstraint("tenant_id", "export_id", "n"),
    )

    export_id: Mapped[UUID] = col("The export.")
    n: Mapped[int] = col("The place of the item that read them, from 1.")
    row_count: Mapped[int] = col("How many rows they are.")
    data: Mapped[bytes] = col("The rows, packed.", internal=True)
