"""Leads: somebody asks about a listing; the contact is ciphertext until it may be opened."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from ..rules.enums import LeadDistribution, LeadSource, LeadStatus, LeadTier, LeadUnlockStatus, LostReason
from .base import TenantModel, col, one_of, refers


class Lead(TenantModel):
    """Somebody's interest."""

    __tablename__ = "lead"
    __table_args__ = (
        one_of("status", LeadStatus),
        one_of("distribution", LeadDistribution),
        one_of("tier", LeadTier),
        one_of("source", LeadSource),
        one_of("lost_reason", LostReason),
        CheckConstraint("unlock_count BETWEEN 0 AND max_unlocks", name="unlocks_bounded"),
        CheckConstraint("status <> 'LOST' OR lost_reason IS NOT NULL", name="lost_has_reason"),
        refers("listing_id", "listing"),
        refers("dealer_id", "dealer"),
        refers("user_id", "app_user"),
        refers("assignee_id", "app_user"),
        Index("ix_lead_newest", "tenant_id", "created_at", "id"),
        Index("ix_lead_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_lead_dealer", "tenant_id", "dealer_id", "created_at", "id"),
        Index("ix_lead_listing", "tenant_id", "listing_id", "created_at", "id"),
        Index("ix_lead_source", "tenant_id", "source", "created_at", "id"),
        Index("ix_lead_user", "tenant_id", "user_id", "created_at", "id"),
        Index("ix_lead_assignee", "tenant_id", "assignee_id", "created_at", "id"),
        Index("ix_lead_updated", "tenant_id", "updated_at", "id"),
        Index("ix_lead_phone", "tenant_id", "phone_hash", postgresql_where=text("phone_hash IS NOT NULL")),
        Index("ix_lead_email", "tenant_id", "email_hash", postgresql_where=text("email_hash IS NOT NULL")),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    listing_id: Mapped[UUID | None] = col("The listing asked about.")
    dealer_id: Mapped[UUID | None] = col("The dealer whose listing it is.")
    user_id: Mapped[UUID | None] = col("The person, if signed in.")
    assignee_id: Mapped[UUID | None] = col("The colleague who follows it up.")
    status: Mapped[str] = col("Where it stands.")
    distribution: Mapped[str] = col("To how many dealers it may go.")
    tier: Mapped[str] = col("What unlocking costs.")
    source: Mapped[str] = col("Where it came from.")
    contact_name_enc: Mapped[bytes] = col("The person's name, as ciphertext.", personal=True)
    contact_phone_enc: Mapped[bytes | None] = col("The phone number, as ciphertext.", personal=True)
    contact_email_enc: Mapped[bytes | None] = col("The e-mail address, as ciphertext.", personal=True)
    message_enc: Mapped[bytes | None] = col("What was asked, as ciphertext.", personal=True)
    phone_hash: Mapped[bytes | None] = col("A keyed hash of the phone number, to find it by.", personal=True)
    email_hash: Mapped[bytes | None] = col("A keyed hash of the address, to find it by.", personal=True)
    max_unlocks: Mapped[int] = col("How many dealers may unlock it.")
    unlock_count: Mapped[int] = col("How many did.", default=0)
    unlock_cost: Mapped[int] = col("What unlocking costs, in credits.")
    expires_at: Mapped[datetime] = col("When it ends unless it moves.")
    lost_reason: Mapped[str | None] = col("Why it came to nothing.")


class LeadUnlock(TenantModel):
    """One dealer's way with one lead: its contact is open to that dealer."""

    __tablename__ = "lead_unlock"
    __table_args__ = (
        one_of("status", LeadUnlockStatus),
        one_of("lost_reason", LostReason),
        UniqueConstraint("tenant_id", "lead_id", "dealer_id"),
        refers("lead_id", "lead"),
        refers("dealer_id", "dealer"),
        Index("ix_lead_unlock_dealer", "tenant_id", "dealer_id", "created_at", "id"),
    )

    lead_id: Mapped[UUID] = col("The lead.")
    dealer_id: Mapped[UUID] = col("The dealer.")
    status: Mapped[str] = col("Where this dealer stands with it.")
    price_credits: Mapped[int] = col("What was paid, in credits; 0 by entitlement.")
    lost_reason: Mapped[str | None] = col("Why it came to nothing.")
