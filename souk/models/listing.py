"""Listings, their typed details and their audience."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from ..rules.enums import Availability, Fuel, ListingKind, ListingStatus, Visibility
from .base import Row, TenantModel, col, minor, one_of, refers


class Listing(TenantModel):
    """Something a dealer lists."""

    __tablename__ = "listing"
    __table_args__ = (
        one_of("kind", ListingKind),
        one_of("status", ListingStatus),
        one_of("visibility", Visibility),
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint("floor_minor > 0", name="floor_positive"),
        CheckConstraint("auto_decline_minor < auto_accept_minor", name="decline_below_accept"),
        CheckConstraint("kind <> 'VEHICLE' OR capacity = 1", name="vehicle_is_one"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint("(status = 'SUSPENDED') = (status_before_suspension IS NOT NULL)", name="suspended_remembers"),
        refers("dealer_id", "dealer"),
        refers("sku_id", "sku"),
        refers("category_id", "category"),
        Index("ix_listing_newest", "tenant_id", "created_at", "id"),
        Index("ix_listing_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_listing_kind", "tenant_id", "kind", "status", "created_at", "id"),
        Index("ix_listing_dealer", "tenant_id", "dealer_id", "created_at", "id"),
        Index("ix_listing_sku", "tenant_id", "sku_id", "created_at", "id", postgresql_where=text("sku_id IS NOT NULL")),
        Index("ix_listing_price", "tenant_id", "price_order", "id"),
        Index("ix_listing_title", "tenant_id", "title", "id"),
        Index("ix_listing_city", "tenant_id", "city_key", "created_at", "id"),
        Index(
            "ix_listing_category",
            "tenant_id",
            "category_id",
            "created_at",
            "id",
            postgresql_where=text("category_id IS NOT NULL"),
        ),
        Index("ix_listing_updated", "tenant_id", "updated_at", "id"),
    )

    dealer_id: Mapped[UUID] = col("Whose listing it is.")
    kind: Mapped[str] = col("What is listed; decides the type of the detail.")
    status: Mapped[str] = col("Where it stands.")
    status_before_suspension: Mapped[str | None] = col("What it was when it was suspended.")
    status_reason: Mapped[str | None] = col("Why it was rejected or suspended.")
    title: Mapped[str] = col("The headline, 3 to 200 characters.")
    description: Mapped[str | None] = col("The text, at most 10,000 characters.")
    price_minor: Mapped[int | None] = minor("The price asked; null is on request.")
    price_order: Mapped[int] = minor("The price for ordering: on request comes last.", default=2**62)
    currency: Mapped[str] = col("ISO 4217 code of every amount of the listing.")
    negotiable: Mapped[bool] = col("Whether offers below the price are welcome.", default=True)
    floor_minor: Mapped[int | None] = minor("The least the dealer takes.", internal=True)
    auto_accept_minor: Mapped[int | None] = minor("Offers from here on are accepted at once.", internal=True)
    auto_decline_minor: Mapped[int | None] = minor("Offers up to here are declined at once.", internal=True)
    capacity: Mapped[int | None] = col("How many deals it carries; null for no limit.")
    max_unlocks: Mapped[int] = col("How many dealers may unlock one of its leads.", default=3)
    visibility: Mapped[str] = col("For whom it is meant.")
    city: Mapped[str | None] = col("Where it is.")
    city_key: Mapped[str | None] = col("The city in lower case, for filters.")
    expires_at: Mapped[datetime | None] = col("When it ends by itself; null until it goes live.")
    category_id: Mapped[UUID | None] = col("Its place in the taxonomy.")
    sku_id: Mapped[UUID | None] = col("The thing listed, by its code.")
    published_at: Mapped[datetime | None] = col("When it first went live, in UTC.")
    deleted_at: Mapped[datetime | None] = col("When it was put away.")


class ListingAudience(Row):
    """A dealer or a person for whom a PRIVATE listing is meant."""

    __tablename__ = "listing_audience"
    __table_args__ = (
        CheckConstraint("num_nonnulls(dealer_id, user_id) = 1", name="one_of_both"),
        UniqueConstraint("tenant_id", "listing_id", "dealer_id", "user_id", postgresql_nulls_not_distinct=True),
        refers("listing_id", "listing", on_delete="CASCADE"),
        refers("dealer_id", "dealer"),
        refers("user_id", "app_user"),
        Index("ix_listing_audience_dealer", "tenant_id", "dealer_id", "listing_id"),
        Index("ix_listing_audience_user", "tenant_id", "user_id", "listing_id"),
    )

    listing_id: Mapped[UUID] = col("The listing.")
    dealer_id: Mapped[UUID | None] = col("A dealer who may see it.")
    user_id: Mapped[UUID | None] = col("A person who may see it.")


class VehicleDetail(Row):
    """What only a vehicle has. Its id is the listing's."""

    __tablename__ = "vehicle_detail"
    __table_args__ = (
        one_of("fuel", Fuel),
        CheckConstraint("year BETWEEN 1900 AND 2200", name="year_possible"),
        CheckConstraint("km >= 0", name="km_not_negative"),
        CheckConstraint("power_bhp_tenths > 0", name="power_positive"),
        CheckConstraint("mileage_kmpl_tenths > 0", name="mileage_positive"),
        refers("id", "listing", on_delete="CASCADE"),
        Index("ix_vehicle_detail_model", "tenant_id", "make_key", "model", "id"),
        Index("ix_vehicle_detail_year", "tenant_id", "year", "id"),
    )

    make: Mapped[str | None] = col("The maker.")
    make_key: Mapped[str | None] = col("The maker in lower case, for filters.")
    model: Mapped[str | None] = col("The model.")
    year: Mapped[int | None] = col("The model year.")
    km: Mapped[int | None] = col("Kilometres driven.")
    fuel: Mapped[str | None] = col("What it runs on.")
    owners: Mapped[int | None] = col("How many owners it had.")
    power_bhp_tenths: Mapped[int | None] = col("The power in tenths of a brake horsepower.")
    mileage_kmpl_tenths: Mapped[int | None] = col("The consumption in tenths of a kilometre per litre.")
    registration_number_enc: Mapped[bytes | None] = col("The registration number, as ciphertext.", personal=True)
    registration_hash: Mapped[bytes | None] = col("A keyed hash of it, to find it by.", personal=True)


class CastingDetail(Row):
    """What only a casting call has. Its id is the listing's."""

    __tablename__ = "casting_detail"
    __table_args__ = (
        CheckConstraint("shoot_end >= shoot_start", name="shoot_in_order"),
        CheckConstraint("age_to >= age_from", name="ages_in_order"),
        CheckConstraint("fee_minor > 0", name="fee_positive"),
        refers("id", "listing", on_delete="CASCADE"),
    )

    role: Mapped[str] = col("The part to be cast.")
    age_from: Mapped[int | None] = col("The least age played.")
    age_to: Mapped[int | None] = col("The greatest age played.")
    shoot_start: Mapped[date | None] = col("The first day of the shoot.")
    shoot_end: Mapped[date | None] = col("The last day of the shoot.")
    fee_minor: Mapped[int | None] = minor("The fee.")
    currency: Mapped[str] = col("ISO 4217 code of the fee.")
    minors_allowed: Mapped[bool] = col("Whether minors may apply.", default=False)


class ProductDetail(Row):
    """What only a product has. Its id is the listing's."""

    __tablename__ = "product_detail"
    __table_args__ = (one_of("availability", Availability), refers("id", "listing", on_delete="CASCADE"))

    availability: Mapped[str] = col("Whether it can be had.")
    source_id: Mapped[str | None] = col("The catalogue it comes from.")
    external_id: Mapped[str | None] = col("Its id over there.")
