"""The wall: tenants, their hosts and their settings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from ..rules.enums import TaxProfile, TenantStatus
from .base import Model, Row, col, new_id, one_of


class Tenant(Model):
    """A brand or marketplace operator. No `tenant_id`: it is the tenant; its policy compares `id`."""

    __tablename__ = "tenant"
    __table_args__ = (one_of("status", TenantStatus), one_of("tax_profile", TaxProfile))

    id: Mapped[UUID] = col("The tenant's id.", primary_key=True, default=new_id)
    slug: Mapped[str] = col("The short name in addresses.", unique=True)
    name: Mapped[str] = col("The name.")
    status: Mapped[str] = col("Whether it is served.")
    default_currency: Mapped[str] = col("ISO 4217 code used where none is given.")
    country: Mapped[str] = col("ISO 3166-1 alpha-2 code.")
    timezone: Mapped[str] = col("IANA name.")
    locale: Mapped[str] = col("BCP 47 tag.")
    tax_profile: Mapped[str] = col("Who owes the consumer's VAT.")
    demo: Mapped[bool] = col("Made by the demo; `souk demo` may wipe it.", default=False)
    created_at: Mapped[datetime] = col("When it was made, in UTC.")


class TenantHost(Row):
    """A host name that leads unsigned visitors to a tenant."""

    __tablename__ = "tenant_host"

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    host: Mapped[str] = col("The host name in lower case.", unique=True)


class TenantSettings(Row):
    """Every threshold of a tenant. Each change is a new row; one is current."""

    __tablename__ = "tenant_settings"
    __table_args__ = (
        Index("uq_tenant_settings_current", "tenant_id", unique=True, postgresql_where=text("current")),
        CheckConstraint("undo_seconds >= 0 AND cure_hours > 0 AND preview_minutes > 0", name="positive"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = col("The version of the settings, from 1.")
    current: Mapped[bool] = col("Whether it is in force.")
    changed_by: Mapped[UUID | None] = col("Who changed them.")
    four_eyes: Mapped[dict[str, Any]] = col("Minor units per currency above which a second person approves.", JSONB)
    severity_ref: Mapped[dict[str, Any]] = col("Minor units per currency that count as a full loss.", JSONB)
    auto_approve: Mapped[bool] = col("Listings of VERIFIED dealers go live by themselves.", default=False)
    listing_days: Mapped[int] = col("How long a listing lives.", default=60)
    lead_days: Mapped[int] = col("How long a lead lives after its last change.", default=30)
    offer_hours: Mapped[int] = col("How long an offer waits for an answer.", default=72)
    max_offer_rounds: Mapped[int] = col("How many revisions an offer may have.", default=10)
    deal_payment_hours: Mapped[int] = col("How long a deal waits for its payment.", default=72)
    inspection_hours: Mapped[int] = col("How long a payer may inspect.", default=72)
    horizon_days: Mapped[int] = col("How far ahead exposure is counted.", default=30)
    run_rate_days: Mapped[int] = col("Over how many days sales are averaged.", default=14)
    cascade_bp: Mapped[int] = col("The share of peers that follow, in basis points.", default=1500)
    cure_hours: Mapped[int] = col("The cure time of a notice.", default=72)
    rebreach_days: Mapped[int] = col("Within how many days a new breach reopens the same alert.", default=30)
    failure_threshold_pct: Mapped[int] = col("Above which share of failures a batch stops.", default=20)
    failure_threshold_min: Mapped[int] = col("After how many settled items that is looked at.", default=20)
    rollback_hours: Mapped[int] = col("How long a batch may be rolled back.", default=24)
    preview_minutes: Mapped[int] = col("How long a preview is good.", default=30)
    undo_seconds: Mapped[int] = col("How long an enforcement waits before its first item.", default=5)
    reopen_days: Mapped[int] = col("How long a closed ticket may be reopened by staff.", default=14)
    reopen_cooldown_minutes: Mapped[int] = col("How long a requester waits between reopenings.", default=15)
    auto_close_hours: Mapped[int] = col("After how many hours a resolved ticket closes.", default=72)
    auto_resolve_days: Mapped[int] = col("After how many days without an answer a ticket is resolved.", default=7)
    password_sign_in: Mapped[bool] = col(
        "People may choose a password and sign in with it, besides by code.",
        default=False,
        server_default=text("false"),
    )
