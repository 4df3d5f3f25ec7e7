"""What only a vehicle, a casting call or a product has: how it is given and how it is kept."""

from collections.abc import Callable
from functools import partial
from typing import Any

import strawberry

from ...db.sealing import place
from ...db.session import Transaction
from ...engine.scalars import Date, Decimal
from ...models import CastingDetail, Listing, ProductDetail, VehicleDetail
from ...rules import text
from ...rules.enums import Availability, Fuel, ListingKind
from ...rules.errors import Invalid, OutOfRange, Problems, Required
from ..money import MoneyInput, minor_units

Detail = VehicleDetail | CastingDetail | ProductDetail
OLDEST_YEAR = 1950


@strawberry.input(description="What only a vehicle has; what is left out stays.")
class VehicleInput:
    make: strawberry.Maybe[str | None] = strawberry.field(description="The maker, at most 100 characters.")
    model: strawberry.Maybe[str | None] = strawberry.field(description="The model, at most 100 characters.")
    year: strawberry.Maybe[int | None] = strawberry.field(description="The model year, 1950 to next year.")
    km: strawberry.Maybe[int | None] = strawberry.field(description="Kilometres driven, at most 10,000,000.")
    fuel: strawberry.Maybe[Fuel | None] = strawberry.field(description="What it runs on.")
    owners: strawberry.Maybe[int | None] = strawberry.field(description="How many owners it had, at most 99.")
    power_bhp: strawberry.Maybe[Decimal | None] = strawberry.field(
        description="The power in brake horsepower, above zero, with at most one digit after the point."
    )
    mileage_kmpl: strawberry.Maybe[Decimal | None] = strawberry.field(
        description="Kilometres per litre, above zero, with at most one digit after the point."
    )
    registration_number: strawberry.Maybe[str | None] = strawberry.field(
        description="The registration number, at most 20 characters; kept as ciphertext."
    )


@strawberry.input(description="What only a casting call has; what is left out stays.")
class CastingInput:
    role: strawberry.Maybe[str] = strawberry.field(description="The part to be cast, at most 200 characters; needed.")
    age_from: strawberry.Maybe[int | None] = strawberry.field(description="The least age played, 0 to 120.")
    age_to: strawberry.Maybe[int | None] = strawberry.field(description="The greatest age played, 0 to 120.")
    shoot_start: strawberry.Maybe[Date | None] = strawberry.field(description="The first day of the shoot.")
    shoot_end: strawberry.Maybe[Date | None] = strawberry.field(description="The last day of the shoot.")
    fee: strawberry.Maybe[MoneyInput | None] = strawberry.field(description="The fee, in the listing's currency.")
    minors_allowed: strawberry.Maybe[bool] = strawberry.field(description="Whether minors may apply; by default not.")


@strawberry.input(description="What only a product has; what is left out stays.")
class ProductInput:
    availability: strawberry.Maybe[Availability] = strawberry.field(
        description="Whether it can be had; by default IN_STOCK."
    )
    source_id: strawberry.Maybe[str | None] = strawberry.field(description="The catalogue, at most 200 characters.")
    external_id: strawberry.Maybe[str | None] = strawberry.field(description="Its id there, at most 200 characters.")


FIELD: dict[str, tuple[str, type[Detail]]] = {
    ListingKind.VEHICLE: ("vehicle", VehicleDetail),
    ListingKind.CASTING_CALL: ("casting_call", CastingDetail),
    ListingKind.PRODUCT: ("product", ProductDetail),
}
"""Kind → the input's field, and the table."""


def new_detail(listing: Listing) -> Detail:
    """An empty detail of the listing's kind."""
    match listing.kind:
        case ListingKind.VEHICLE:
            return VehicleDetail(id=listing.id)
        case ListingKind.CASTING_CALL:
            return CastingDetail(id=listing.id, currency=listing.currency, minors_allowed=False)
    return ProductDetail(id=listing.id, availability=Availability.IN_STOCK)


def fill(tx: Transaction, listing: Listing, detail: Detail, given: Any, problems: Problems) -> None:
    """Put what is given into the detail, and note what is wrong with it under the input's field."""
    name, _ = FIELD[listing.kind]
    readers = _readers(tx, listing, detail)
    for attribute, read in readers.items():
        maybe = getattr(given, attribute, None)
        if maybe is not None:
            problems.take(partial(read, maybe.value), name, attribute)
    if isinstance(detail, CastingDetail):
        _casting_agrees(detail, problems, name)


def _casting_agrees(detail: CastingDetail, problems: Problems, name: str) -> None:
    if not detail.role:
        problems.add(Required("Which part is to be cast?"), name, "role")
    if detail.age_from is not None and detail.age_to is not None and detail.age_to < detail.age_from:
        problems.add(OutOfRange("Not below the least age."), name, "age_to")
    if detail.shoot_start and detail.shoot_end and detail.shoot_end < detail.shoot_start:
        problems.add(OutOfRange("Not before the first day."), name, "shoot_end")


def _readers(tx: Transaction, listing: Listing, detail: Detail) -> dict[str, Callable[[Any], None]]:
    """The input's fields, each with what puts its value into the columns."""

    def to(column: str, read: Callable[[Any], Any] = lambda value: value) -> Callable[[Any], None]:
        return lambda value: setattr(detail, column, None if value is None else read(value))

    def registration(value: str | None) -> None:
        assert isinstance(detail, VehicleDetail)
        number = text.optional_line(value, 20)
        where = place(tx.actor.tenant_id, "vehicle_detail", "registration_number_enc", detail.id)
        detail.registration_number_enc = None if number is None else tx.keyring.seal(number, where)
        detail.registration_hash = None if number is None else tx.keyring.hash(plate(number))

    def make(value: str | None) -> None:
        assert isinstance(detail, VehicleDetail)
        detail.make = text.optional_line(value, 100)
        detail.make_key = text.fold(detail.make) if detail.make else None

    match listing.kind:
        case ListingKind.VEHICLE:
            return {
                "make": make,
                "model": to("model", lambda value: text.optional_line(value, 100)),
                "year": to("year", lambda value: bounded(value, OLDEST_YEAR, tx.now.year + 1)),
                "km": to("km", lambda value: bounded(value, 0, 10_000_000)),
                "fuel": to("fuel"),
                "owners": to("owners", lambda value: bounded(value, 0, 99)),
                "power_bhp": to("power_bhp_tenths", tenths),
                "mileage_kmpl": to("mileage_kmpl_tenths", tenths),
                "registration_number": registration,
            }
        case ListingKind.CASTING_CALL:
            return {
                "role": to("role", lambda value: text.line(value, 200)),
                "age_from": to("age_from", lambda value: bounded(value, 0, 120)),
                "age_to": to("age_to", lambda value: bounded(value, 0, 120)),
                "shoot_start": to("shoot_start"),
                "shoot_end": to("shoot_end"),
                "fee": to("fee_minor", lambda value: minor_units(value, listing.currency)),
                "minors_allowed": to("minors_allowed"),
            }
    return {
        "availability": to("availability"),
        "source_id": to("source_id", lambda value: text.optional_line(value, 200)),
        "external_id": to("external_id", lambda value: text.optional_line(value, 200)),
    }


def plate(number: str) -> str:
    """A registration number as it is compared: upper case, letters and digits only."""
    return "".join(each for each in text.fold(number).upper() if each.isalnum())


def bounded(value: int, least: int, most: int) -> int:
    """The same number. Raises OutOfRange."""
    if not least <= value <= most:
        raise OutOfRange(f"{least:,} to {most:,}.")
    return value


def tenths(value: str) -> int:
    """A decimal above zero in tenths. Raises Invalid for more digits, OutOfRange."""
    whole, _, fraction = value.partition(".")
    if len(fraction) > 1:
        raise Invalid("At most one digit after the point.")
    return bounded(int(whole + (fraction or "0")), 1, 1_000_000)
