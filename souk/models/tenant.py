"""The wall: tenants, their hosts and their settings."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped

from ..rules.enums import TaxProfile, TenantStatus
from ..rules.settings import THRESHOLDS
from .base import Model, Row, TenantModel, col, new_id, one_of


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


def _threshold(name: str) -> Mapped[Any]:
    return col(THRESHOLDS[name].doc, default=THRESHOLDS[name].default)


class TenantSettings(Row):
    """Every threshold of a tenant. Each change is a new row, which stays as it is; one is current."""

    __tablename__ = "tenant_settings"
    __table_args__ = (
        Index("uq_tenant_settings_current", "tenant_id", unique=True, postgresql_where=text("current")),
        UniqueConstraint("tenant_id", "n"),
        Index("ix_tenant_settings_newest", "tenant_id", "n", "id"),
        *(CheckConstraint(f"{name} BETWEEN {of.low} AND {of.high}", name=name) for name, of in THRESHOLDS.items()),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = col("Which version of the settings it is, from 1; give it as `expectedVersion`.")
    current: Mapped[bool] = col("Whether it is in force.")
    changed_by: Mapped[UUID | None] = col("Who changed them.")
    four_eyes: Mapped[dict[str, Any]] = col(
        "From which amount on a second person decides on a batch, one per currency; for other currencies always.", JSONB
    )
    refund_auto: Mapped[dict[str, Any]] = col(
        "Up to which amount a refund is approved by itself, one per currency; for other currencies never.",
        JSONB,
        default=dict,
    )
    severity_ref: Mapped[dict[str, Any]] = col("The loss that counts as a full one, one amount per currency.", JSONB)
    auto_approve: Mapped[bool] = col("Listings of VERIFIED dealers go live by themselves.", default=False)
    credit_adjust_limit: Mapped[int] = _threshold("credit_adjust_limit")
    listing_days: Mapped[int] = _threshold("listing_days")
    lead_days: Mapped[int] = _threshold("lead_days")
    offer_hours: Mapped[int] = _threshold("offer_hours")
    max_offer_rounds: Mapped[int] = _threshold("max_offer_rounds")
    deal_payment_hours: Mapped[int] = _threshold("deal_payment_hours")
    inspection_hours: Mapped[int] = _threshold("inspection_hours")
    invalid_report_hours: Mapped[int] = _threshold("invalid_report_hours")
    horizon_days: Mapped[int] = _threshold("horizon_days")
    run_rate_days: Mapped[int] = _threshold("run_rate_days")
    cascade_bp: Mapped[int] = _threshold("cascade_bp")
    dead_stock_days: Mapped[int] = _threshold("dead_stock_days")
    carry_bp: Mapped[int] = _threshold("carry_bp")
    cure_hours: Mapped[int] = _threshold("cure_hours")
    rebreach_days: Mapped[int] = _threshold("rebreach_days")
    failure_threshold_pct: Mapped[int] = _threshold("failure_threshold_pct")
    failure_threshold_min: Mapped[int] = _threshold("failure_threshold_min")
    rollback_hours: Mapped[int] = _threshold("rollback_hours")
    preview_minutes: Mapped[int] = _threshold("preview_minutes")
    undo_seconds: Mapped[int] = _threshold("undo_seconds")
    reopen_days: Mapped[int] = _threshold("reopen_days")
    reopen_cooldown_minutes: Mapped[int] = _threshold("reopen_cooldown_minutes")
    auto_close_hours: Mapped[int] = _threshold("auto_close_hours")
    auto_resolve_days: Mapped[int] = _threshold("auto_resolve_days")
    password_sign_in: Mapped[bool] = col(
        "People may choose a password and sign in with it, besides by code.",
        default=False,
        server_default=text("false"),
    )


class FeatureFlag(TenantModel):
    """A switch of the tenant: for some roles, for a share of people, or for all."""

    __tablename__ = "feature_flag"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        CheckConstraint("percentage BETWEEN 0 AND 100", name="percentage"),
        Index("ix_feature_flag_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = col("Its name in the code of clients and servers, unique in the tenant.")
    about: Mapped[str] = col("What it switches, in words.")
    enabled: Mapped[bool] = col("Off for everybody while false.")
    roles: Mapped[list[str]] = col("The roles it is on for; every role where none is named.", ARRAY(Text))
    percentage: Mapped[int] = col("The share of principals it is on for, 0 to 100; always the same ones.")
