"""Price policies: what may be asked for a thing, since when, and who is excepted."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped

from ..rules.enums import PolicyKind
from .base import Row, TenantModel, col, minor, one_of, refers


class PricePolicy(TenantModel):
    """A limit on the price of a SKU; amounts live in its versions, the head's are repeated here.

    No two of the same SKU, kind and currency overlap in time: an exclusion constraint of the migration holds that.
    """

    __tablename__ = "price_policy"
    __table_args__ = (
        one_of("kind", PolicyKind),
        CheckConstraint("valid_to > valid_from", name="window_in_order"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("tolerance_bp BETWEEN 0 AND 10000 AND tolerance_minor >= 0", name="tolerance_possible"),
        refers("sku_id", "sku"),
        Index("ix_price_policy_newest", "tenant_id", "created_at", "id"),
        Index("ix_price_policy_sku", "tenant_id", "sku_id", "created_at", "id"),
        Index("ix_price_policy_kind", "tenant_id", "kind", "created_at", "id"),
        Index("ix_price_policy_updated", "tenant_id", "updated_at", "id"),
    )

    sku_id: Mapped[UUID] = col("The thing.")
    kind: Mapped[str] = col("What it forbids.")
    currency: Mapped[str] = col("ISO 4217 code of the amount.")
    head_version: Mapped[int] = col("The number of its newest version, from 1.")
    amount_minor: Mapped[int] = minor("The limit.")
    tolerance_bp: Mapped[int] = col("How far a price may pass it, in basis points.", default=0)
    tolerance_minor: Mapped[int] = minor("How far a price may pass it, in minor units.", default=0)
    valid_from: Mapped[datetime] = col("From when it holds, in UTC.")
    valid_to: Mapped[datetime | None] = col("Until when it holds, in UTC; null for no end.")


class PricePolicyVersion(Row):
    """What a policy said since it was recorded; never changed."""

    __tablename__ = "price_policy_version"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("valid_to > valid_from", name="window_in_order"),
        UniqueConstraint("tenant_id", "policy_id", "n"),
        refers("policy_id", "price_policy", on_delete="CASCADE"),
        refers("recorded_by", "app_user"),
    )

    policy_id: Mapped[UUID] = col("The policy.")
    n: Mapped[int] = col("Its number, from 1.")
    amount_minor: Mapped[int] = minor("The limit.")
    currency: Mapped[str] = col("ISO 4217 code of the amount.")
    tolerance_bp: Mapped[int] = col("How far a price may pass it, in basis points.")
    tolerance_minor: Mapped[int] = minor("How far a price may pass it, in minor units.")
    valid_from: Mapped[datetime] = col("From when it holds, in UTC.")
    valid_to: Mapped[datetime | None] = col("Until when it holds, in UTC; null for no end.")
    recorded_at: Mapped[datetime] = col("Since when we know it, in UTC.")
    recorded_by: Mapped[UUID | None] = col("Who recorded it.")


class PriceException(Row):
    """A window in which a policy does not hold, or another amount does."""

    __tablename__ = "price_exception"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="window_in_order"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        refers("policy_id", "price_policy", on_delete="CASCADE"),
        Index("ix_price_exception_policy", "tenant_id", "policy_id", "starts_at", "id"),
    )

    policy_id: Mapped[UUID] = col("The policy.")
    starts_at: Mapped[datetime] = col("From when, in UTC.")
    ends_at: Mapped[datetime] = col("Until when, in UTC.")
    ended_at: Mapped[datetime | None] = col(
        "When it was ended before its time, in UTC; the one thing that is set later."
    )
    channel: Mapped[str | None] = col("For one channel only; null for every channel.")
    every_dealer: Mapped[bool] = col("For every dealer; otherwise for those named.")
    amount_minor: Mapped[int | None] = minor("Another limit; null for none at all.")
    currency: Mapped[str] = col("ISO 4217 code of the amount.")
    reason: Mapped[str | None] = col("Why.")


class PriceExceptionDealer(Row):
    """A dealer for whom an exception holds."""

    __tablename__ = "price_exception_dealer"
    __table_args__ = (
        refers("exception_id", "price_exception", on_delete="CASCADE"),
        refers("dealer_id", "dealer"),
        UniqueConstraint("tenant_id", "exception_id", "dealer_id"),
    )

    exception_id: Mapped[UUID] = col("The exception.")
    dealer_id: Mapped[UUID] = col("The dealer.")
