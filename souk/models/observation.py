"""Prices as they were seen: what policies are held against, and what a draft of one is tried on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from ..rules.enums import SnapshotOutcome
from .base import Row, col, minor, one_of, refers


class PriceObservation(Row):
    """A price that a dealer or a competitor asked for a SKU at a moment; append-only.

    Every price that passes the door of detection is here, whether it breached anything or not.
    """

    __tablename__ = "price_observation"
    __table_args__ = (
        one_of("outcome", SnapshotOutcome),
        CheckConstraint("outcome <> 'FOUND' OR price_minor IS NOT NULL", name="found_has_price"),
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint("units > 0", name="units_positive"),
        CheckConstraint("match_bp BETWEEN 0 AND 10000", name="match_bounded"),
        CheckConstraint("num_nonnulls(dealer_id, competitor_id) = 1", name="of_one_seller"),
        CheckConstraint("(source IS NULL) = (external_ref IS NULL)", name="ref_of_source"),
        refers("sku_id", "sku"),
        refers("dealer_id", "dealer"),
        refers("competitor_id", "competitor"),
        refers("listing_id", "listing"),
        UniqueConstraint("tenant_id", "source", "external_ref"),
        Index("ix_price_observation_sku", "tenant_id", "sku_id", "captured_at", "id"),
        Index("ix_price_observation_latest", "tenant_id", "captured_at", "id"),
        Index(
            "ix_price_observation_competitor",
            "tenant_id",
            "sku_id",
            "competitor_id",
            "currency",
            "captured_at",
            "id",
            postgresql_where=text("competitor_id IS NOT NULL"),
        ),
    )

    sku_id: Mapped[UUID] = col("Which thing.")
    dealer_id: Mapped[UUID | None] = col("The dealer whose price it is; null for a competitor's.")
    competitor_id: Mapped[UUID | None] = col("The competitor whose price it is; null for a dealer's.")
    listing_id: Mapped[UUID | None] = col("The listing of our own that it was seen on.")
    captured_at: Mapped[datetime] = col("When it was seen, in UTC.")
    channel: Mapped[str | None] = col("The channel, MARKETPLACE for our own listings; null where nobody said.")
    url: Mapped[str | None] = col("The page's address.")
    outcome: Mapped[str] = col("What came of the look; only what was FOUND is held against policies.")
    price_minor: Mapped[int | None] = minor("The price of one unit.")
    currency: Mapped[str] = col("ISO 4217 code of the price.")
    units: Mapped[int | None] = col("How many units were sold at the price; null where it was only asked.")
    match_bp: Mapped[int | None] = col(
        "How sure it is, in basis points, that a competitor's thing is this SKU; null where nobody doubts it."
    )
    source: Mapped[str | None] = col("The file or feed it was brought in by; null for what was seen here.")
    external_ref: Mapped[str | None] = col("Its key at the source.")
