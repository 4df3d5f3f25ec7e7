"""Offers with their immutable revisions, and the deals they become."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, declared_attr

from ..rules.enums import DealKind, DealStatus, OfferDirection, OfferParty, OfferStatus, Settlement
from .base import Row, TenantModel, col, minor, one_of, refers


class Offer(TenantModel):
    """A price put to a listing. Its version is its head revision."""

    __tablename__ = "offer"
    __table_args__ = (
        one_of("status", OfferStatus),
        one_of("direction", OfferDirection),
        one_of("head_party", OfferParty),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("num_nonnulls(proposer_user_id, proposer_dealer_id) >= 1", name="has_proposer"),
        CheckConstraint("proposer_dealer_id <> owner_dealer_id", name="not_with_oneself"),
        refers("listing_id", "listing"),
        refers("proposer_user_id", "app_user"),
        refers("proposer_dealer_id", "dealer"),
        refers("owner_dealer_id", "dealer"),
        Index(
            "uq_offer_open",
            "tenant_id",
            "listing_id",
            "proposer_user_id",
            "proposer_dealer_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=text("status IN ('PENDING','COUNTERED')"),
        ),
        Index("ix_offer_direction", "tenant_id", "direction", "created_at", "id"),
        Index("ix_offer_newest", "tenant_id", "created_at", "id"),
        Index("ix_offer_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_offer_listing", "tenant_id", "listing_id", "created_at", "id"),
        Index("ix_offer_highest", "tenant_id", "listing_id", "amount_minor", "id"),
        Index("ix_offer_amount", "tenant_id", "amount_minor", "id"),
        Index("ix_offer_proposer", "tenant_id", "proposer_user_id", "created_at", "id"),
        Index("ix_offer_proposer_dealer", "tenant_id", "proposer_dealer_id", "created_at", "id"),
        Index("ix_offer_owner", "tenant_id", "owner_dealer_id", "created_at", "id"),
        Index("ix_offer_updated", "tenant_id", "updated_at", "id"),
    )

    listing_id: Mapped[UUID] = col("What it is for.")
    direction: Mapped[str] = col("Who pays whom.")
    status: Mapped[str] = col("Where it stands.")
    proposer_user_id: Mapped[UUID | None] = col("The person who made it.")
    proposer_dealer_id: Mapped[UUID | None] = col("The dealer for whom it was made.")
    owner_dealer_id: Mapped[UUID] = col("The dealer whose listing it is.")
    head_party: Mapped[str] = col("Who spoke last; the other one answers.")
    amount_minor: Mapped[int] = minor("The amount of the head revision.")
    proposer_amount_minor: Mapped[int] = minor("The proposer's last amount.")
    owner_amount_minor: Mapped[int | None] = minor("The owner's last amount; null until it spoke.")
    currency: Mapped[str] = col("ISO 4217 code of every revision.")
    expires_at: Mapped[datetime] = col("When it ends unless somebody answers.")

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        # a new revision moves the version, an answer does not: the version *is* the head revision
        return {"version_id_col": cls.__table__.c.version, "version_id_generator": False}


class OfferRevision(Row):
    """One amount of one party; never changed."""

    __tablename__ = "offer_revision"
    __table_args__ = (
        one_of("by_party", OfferParty),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("n > 0", name="n_positive"),
        UniqueConstraint("tenant_id", "offer_id", "n"),
        refers("offer_id", "offer", on_delete="CASCADE"),
        refers("by_user_id", "app_user"),
    )

    offer_id: Mapped[UUID] = col("The offer.")
    n: Mapped[int] = col("Its number in the offer, from 1.")
    by_party: Mapped[str] = col("Which side spoke.")
    by_user_id: Mapped[UUID | None] = col("Who spoke for it.")
    amount_minor: Mapped[int] = minor("The amount named.")
    currency: Mapped[str] = col("ISO 4217 code of the amount.")
    message: Mapped[str | None] = col("What was said with it.", personal=True)


class Deal(TenantModel):
    """An accepted offer."""

    __tablename__ = "deal"
    __table_args__ = (
        one_of("kind", DealKind),
        one_of("settlement", Settlement),
        one_of("status", DealStatus),
        CheckConstraint("gross_minor = net_minor + vat_minor", name="gross_adds_up"),
        CheckConstraint("gross_minor > 0 AND vat_minor >= 0", name="amounts_possible"),
        refers("listing_id", "listing"),
        refers("offer_id", "offer"),
        refers("payer_user_id", "app_user"),
        refers("payer_dealer_id", "dealer"),
        refers("payee_user_id", "app_user"),
        refers("payee_dealer_id", "dealer"),
        UniqueConstraint("tenant_id", "offer_id"),
        Index(
            "uq_deal_open_vehicle",
            "tenant_id",
            "listing_id",
            unique=True,
            postgresql_where=text("exclusive AND status NOT IN ('CANCELLED','REFUNDED')"),
        ),
        Index("ix_deal_newest", "tenant_id", "created_at", "id"),
        Index("ix_deal_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_deal_listing", "tenant_id", "listing_id", "created_at", "id"),
        Index("ix_deal_kind", "tenant_id", "kind", "created_at", "id"),
        Index("ix_deal_payer", "tenant_id", "payer_user_id", "created_at", "id"),
        Index("ix_deal_payer_dealer", "tenant_id", "payer_dealer_id", "created_at", "id"),
        Index("ix_deal_payee", "tenant_id", "payee_dealer_id", "created_at", "id"),
        Index("ix_deal_payee_user", "tenant_id", "payee_user_id", "created_at", "id"),
        Index("ix_deal_updated", "tenant_id", "updated_at", "id"),
    )

    listing_id: Mapped[UUID] = col("What it is about.")
    offer_id: Mapped[UUID] = col("The offer it grew from.")
    kind: Mapped[str] = col("What was agreed.")
    settlement: Mapped[str] = col("How it is paid.")
    status: Mapped[str] = col("Where it stands.")
    exclusive: Mapped[bool] = col("The listing is a single vehicle: no second open deal.")
    payer_user_id: Mapped[UUID | None] = col("The person who pays.")
    payer_dealer_id: Mapped[UUID | None] = col("The dealer who pays.")
    payee_user_id: Mapped[UUID | None] = col("The person who is paid.")
    payee_dealer_id: Mapped[UUID | None] = col("The dealer who is paid.")
    net_minor: Mapped[int] = minor("The amount without VAT.")
    vat_minor: Mapped[int] = minor("The VAT.")
    gross_minor: Mapped[int] = minor("What the payer pays.")
    currency: Mapped[str] = col("ISO 4217 code of the amounts.")
    payment_due_at: Mapped[datetime] = col("Until when the payment is awaited.")
