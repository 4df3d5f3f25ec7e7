"""The views as an ORM maps them."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Enum, Text, Uuid
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from souk.rules.enums import LeadSource, LeadStatus, ListingStatus, OfferStatus


def word(kind: type[StrEnum]) -> Enum:
    return Enum(kind, native_enum=False, create_constraint=False, length=40)


class Model(DeclarativeBase):
    type_annotation_map = {str: Text(), UUID: Uuid()}


@dataclass(slots=True)
class Amount:
    amount: str
    currency_code: str | None = None


class Row(Model):
    __abstract__ = True
    __table_args__ = {"schema": "peer"}

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    row_id: Mapped[UUID] = mapped_column("id", primary_key=True)


class Listing(Row):
    __tablename__ = "listing"

    id: Mapped[str] = mapped_column("gid")
    title: Mapped[str]
    price_amount: Mapped[str | None]
    currency: Mapped[str]
    price_order: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[ListingStatus] = mapped_column(word(ListingStatus))
    city: Mapped[str | None]
    dealer_id: Mapped[UUID]
    created: Mapped[object] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[str]
    cursor: Mapped[str]

    @property
    def price(self) -> Amount | None:
        return None if self.price_amount is None else Amount(self.price_amount, self.currency)


class Dealer(Row):
    __tablename__ = "dealer"

    id: Mapped[str] = mapped_column("gid")
    name: Mapped[str]
    city: Mapped[str | None]


class User(Row):
    __tablename__ = "app_user"

    name: Mapped[str]


class Offer(Row):
    __tablename__ = "offer"

    id: Mapped[str] = mapped_column("gid")
    listing_id: Mapped[UUID]
    proposer_user_id: Mapped[UUID | None]
    amount_text: Mapped[str]
    status: Mapped[OfferStatus] = mapped_column(word(OfferStatus))
    created: Mapped[object] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[str]

    @property
    def amount(self) -> Amount:
        return Amount(self.amount_text)


class Lead(Row):
    __tablename__ = "lead"

    id: Mapped[str] = mapped_column("gid")
    listing_id: Mapped[UUID]
    status: Mapped[LeadStatus] = mapped_column(word(LeadStatus))
    source: Mapped[LeadSource] = mapped_column(word(LeadSource))
    created: Mapped[object] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[str]
