"""A market in small: every kind of column, key and document that the engine knows."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, DateTime, Index, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Model(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text(), dict[str, Any]: JSONB(), list[Any]: JSONB()}

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(doc="When it came to be.")


class Dealer(Model):
    __tablename__ = "dealer"
    name: Mapped[str] = mapped_column(doc="What it is called.")
    city: Mapped[str | None] = mapped_column(doc="Where it is.")
    verified: Mapped[bool] = mapped_column(doc="Whether somebody has looked.")
    opened_on: Mapped[date | None] = mapped_column(doc="The first day.")


class Buyer(Model):
    __tablename__ = "buyer"
    name: Mapped[str] = mapped_column(doc="What the buyer is called.")
    email: Mapped[str] = mapped_column(doc="Where to write to.")
    phone: Mapped[bytes | None] = mapped_column(LargeBinary, doc="The number, for those who may call.")


class Listing(Model):
    __tablename__ = "listing"
    __table_args__ = (
        CheckConstraint("status in ('DRAFT','ACTIVE','SOLD')"),
        Index("listing_newest", "tenant_id", "created_at", "id"),
        Index("listing_status", "tenant_id", "status", "created_at", "id"),
        Index("listing_price", "tenant_id", "price_minor", "id"),
    )
    dealer_id: Mapped[UUID]
    title: Mapped[str] = mapped_column(doc="The headline.")
    description: Mapped[str | None] = mapped_column(doc="What is told about it.")
    year: Mapped[int] = mapped_column(doc="Year of make.")
    status: Mapped[str] = mapped_column(doc="Where it stands.")
    kind: Mapped[str] = mapped_column(doc="What is sold.")
    price_minor: Mapped[int] = mapped_column(BigInteger, doc="What it costs.")
    floor_minor: Mapped[int | None] = mapped_column(BigInteger, doc="What it must bring.")
    currency: Mapped[str]
    views: Mapped[int] = mapped_column(BigInteger, doc="How often it was looked at.")
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text), doc="Free words.")
    marks: Mapped[list[str] | None] = mapped_column(ARRAY(Text), doc="Statuses it had.")
    details: Mapped[dict[str, Any] | None] = mapped_column(doc="What is particular.")
    damages: Mapped[list[Any]] = mapped_column(doc="What is broken.")
    earned: Mapped[dict[str, Any]] = mapped_column(doc="What it has brought so far.")
    extra: Mapped[dict[str, Any] | None] = mapped_column(doc="Whatever else.")


class Offer(Model):
    __tablename__ = "offer"
    __table_args__ = (
        CheckConstraint("status in ('OPEN','ACCEPTED','DECLINED')"),
        Index("offer_of_listing", "tenant_id", "listing_id", "created_at", "id"),
        Index("offer_newest", "tenant_id", "created_at", "id"),
        Index("offer_amount", "tenant_id", "amount_minor", "id"),
    )
    listing_id: Mapped[UUID]
    buyer_id: Mapped[UUID]
    dealer_id: Mapped[UUID]
    status: Mapped[str] = mapped_column(doc="Where it stands.")
    amount_minor: Mapped[int] = mapped_column(BigInteger, doc="What is offered.")
    currency: Mapped[str]
    note: Mapped[str | None] = mapped_column(doc="What was said.")


class Event(Model):
    __tablename__ = "event"
    seq: Mapped[int] = mapped_column(BigInteger, doc="Dense from 1.")
    kind: Mapped[str]
    listing_id: Mapped[UUID]
    subject_type: Mapped[str]
    subject_id: Mapped[UUID | None]
    moved_from: Mapped[str | None] = mapped_column(doc="Status before.")
    lines: Mapped[list[Any] | None] = mapped_column(doc="What was logged.")


TABLES = ("dealer", "buyer", "listing", "offer", "event")
POLICIES = """
create schema if not exists souk;
create or replace function souk.current_tenant() returns uuid language sql stable
  as $$ select nullif(current_setting('souk.tenant_id', true), '')::uuid $$;
grant usage on schema souk to engine_app;
""" + "".join(
    f"""
alter table {table} enable row level security; alter table {table} force row level security;
create policy tenant on {table} using (tenant_id = (select souk.current_tenant()));
grant select, insert, update on {table} to engine_app;
"""
    for table in TABLES
)
