"""Dealers, what they sell by name, and who else sells it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from ..rules.enums import (
    CategoryKind,
    CategoryPurpose,
    DealerKind,
    DealerStanding,
    DealerVerification,
    ExternalType,
    RestrictionKind,
    SnapshotOutcome,
)
from .base import Row, TenantModel, col, minor, one_of, refers


class Dealer(TenantModel):
    """An organisation that lists."""

    __tablename__ = "dealer"
    __table_args__ = (
        one_of("kind", DealerKind),
        one_of("verification", DealerVerification),
        one_of("standing", DealerStanding),
        CheckConstraint("name <> ''", name="named"),
        Index("ix_dealer_newest", "tenant_id", "created_at", "id"),
        Index("ix_dealer_name", "tenant_id", "name", "id"),
        Index("ix_dealer_verification", "tenant_id", "verification", "created_at", "id"),
        Index("ix_dealer_standing", "tenant_id", "standing", "created_at", "id"),
        Index("ix_dealer_city", "tenant_id", "city_key", "created_at", "id"),
        Index("ix_dealer_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What kind of organisation it is.")
    name: Mapped[str] = col("The name it trades under.")
    city: Mapped[str | None] = col("The city it is in.")
    city_key: Mapped[str | None] = col("The city in lower case, for filters.")
    tax_id: Mapped[str | None] = col("The tax number.", personal=True)
    phone: Mapped[str | None] = col("The phone number, E.164.", personal=True)
    email: Mapped[str | None] = col("The e-mail address.", personal=True)
    address: Mapped[str | None] = col("The postal address, in lines.", personal=True)
    verification: Mapped[str] = col("Whether it is who it says it is.")
    verification_reason: Mapped[str | None] = col("Why it was rejected or revoked.")
    submitted_by: Mapped[UUID | None] = col("Who handed in for verification; may not review it.")
    revoked_at: Mapped[datetime | None] = col("When the verification was revoked.")
    standing: Mapped[str] = col("How it keeps the rules.")
    standing_reason: Mapped[str | None] = col("Why the standing was set by hand.")
    notice: Mapped[int] = col("The number of the last notice, 0 for none.", default=0)
    cure_due_at: Mapped[datetime | None] = col("Until when the last notice wants a cure.")
    authorised: Mapped[bool] = col("Authorised by the brand to sell.", default=True)
    deleted_at: Mapped[datetime | None] = col("When it was put away.")


class DealerRestriction(TenantModel):
    """A privilege that a dealer lacks for a while."""

    __tablename__ = "dealer_restriction"
    __table_args__ = (
        one_of("kind", RestrictionKind),
        CheckConstraint("until >= since", name="ends_after_start"),
        refers("dealer_id", "dealer"),
        refers("batch_item_id", "batch_item"),
        Index(
            "uq_dealer_restriction_live",
            "tenant_id",
            "dealer_id",
            "kind",
            "batch_item_id",
            unique=True,
            postgresql_where=text("until IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index("ix_dealer_restriction_dealer", "tenant_id", "dealer_id", "since", "id"),
        Index("ix_dealer_restriction_item", "tenant_id", "batch_item_id"),
    )

    dealer_id: Mapped[UUID] = col("The dealer.")
    kind: Mapped[str] = col("What it lacks.")
    batch_item_id: Mapped[UUID | None] = col("The item of a batch that took it away, and gives it back when undone.")
    reason: Mapped[str] = col("Why, as the dealer reads it.")
    since: Mapped[datetime] = col("From when.")
    until: Mapped[datetime | None] = col("Until when; null until somebody ends it.")


class Competitor(TenantModel):
    """Somebody who sells the same goods outside the marketplace."""

    __tablename__ = "competitor"
    __table_args__ = (
        UniqueConstraint("tenant_id", "domain"),
        Index("ix_competitor_newest", "tenant_id", "created_at", "id"),
        Index("ix_competitor_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = col("The name.")
    domain: Mapped[str] = col("The domain name of its shop, in lower case.")


class Sku(TenantModel):
    """A thing by its code, with its prices."""

    __tablename__ = "sku"
    __table_args__ = (
        UniqueConstraint("tenant_id", "code"),
        CheckConstraint("mrp_minor > 0", name="mrp_positive"),
        CheckConstraint("cost_minor >= 0", name="cost_not_negative"),
        Index("ix_sku_newest", "tenant_id", "created_at", "id"),
        Index("ix_sku_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = col("The code, unique in the tenant.")
    name: Mapped[str] = col("The name.")
    brand: Mapped[str | None] = col("The brand.")
    mrp_minor: Mapped[int | None] = minor("The maximum retail price.")
    cost_minor: Mapped[int | None] = minor("What it costs us.", internal=True)
    currency: Mapped[str] = col("ISO 4217 code of both prices.")
    ean: Mapped[str | None] = col("The European article number.")
    upc: Mapped[str | None] = col("The universal product code.")
    mpn: Mapped[str | None] = col("The manufacturer's part number.")


class CompetitorSnapshot(Row):
    """What a look at a competitor's page gave."""

    __tablename__ = "competitor_snapshot"
    __table_args__ = (
        one_of("outcome", SnapshotOutcome),
        CheckConstraint("(outcome = 'FOUND') = (price_minor IS NOT NULL)", name="found_has_price"),
        refers("competitor_id", "competitor"),
        refers("sku_id", "sku"),
        UniqueConstraint("tenant_id", "competitor_id", "sku_id", "captured_at"),
        Index("ix_competitor_snapshot_latest", "tenant_id", "competitor_id", "captured_at", "id"),
    )

    competitor_id: Mapped[UUID] = col("Whose page.")
    sku_id: Mapped[UUID] = col("Which thing.")
    captured_at: Mapped[datetime] = col("When, in UTC.")
    url: Mapped[str | None] = col("The page's address.")
    outcome: Mapped[str] = col("What came of it.")
    price_minor: Mapped[int | None] = minor("The price found.")
    currency: Mapped[str] = col("ISO 4217 code of the price.")


class Category(TenantModel):
    """A place in the taxonomy of listings or tickets."""

    __tablename__ = "category"
    __table_args__ = (
        one_of("kind", CategoryKind),
        one_of("purpose", CategoryPurpose),
        CheckConstraint("purpose IS NULL OR kind = 'TICKET'", name="purpose_of_tickets"),
        Index("uq_category_purpose", "tenant_id", "purpose", unique=True),
        refers("parent_id", "category"),
        UniqueConstraint("tenant_id", "kind", "parent_id", "name", postgresql_nulls_not_distinct=True),
        Index("ix_category_name", "tenant_id", "kind", "name", "id"),
        Index("ix_category_order", "tenant_id", "name", "id"),
        Index("ix_category_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = col("What it sorts.")
    name: Mapped[str] = col("The name, unique below its parent.")
    parent_id: Mapped[UUID | None] = col("The category above it.")
    archived_at: Mapped[datetime | None] = col("When it was put away.")
    purpose: Mapped[str | None] = col("What the rules use it for; null for most.")


class ExternalRef(Row):
    """The id that another system gives to one of our rows."""

    __tablename__ = "external_ref"
    __table_args__ = (
        one_of("type", ExternalType),
        UniqueConstraint("tenant_id", "source", "type", "external_id"),
        Index("ix_external_ref_subject", "tenant_id", "subject_id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    source: Mapped[str] = col("The other system.")
    type: Mapped[str] = col("What the id names.")
    external_id: Mapped[str] = col("The id over there.")
    subject_id: Mapped[UUID] = col("Our row.")
    content_hash: Mapped[bytes | None] = col("SHA-256 of what was brought in last, to tell a change from a repeat.")
    extra: Mapped[dict[str, Any] | None] = col("What the source said besides.", JSONB)
