"""Things by their code: what they are called, what they should sell for, what they cost us."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..db.session import Transaction
from ..engine.scalars import CurrencyCode, DateTime
from ..engine.symbols import Viewer, among, key
from ..models import CompetitorSnapshot, ExternalRef, Listing, Sku, Tenant, new_id
from ..permissions.sku import SeesSku, WritesSku
from ..rules import text
from ..rules.enums import Described, ExternalType
from ..rules.errors import Invalid, NotUnique, Problems
from ..rules.money import digits_of, parse_amount
from .enums import known
from .external import NAMED, brought_in
from .filters import ExternalIdInput, conditions, named_elsewhere
from .money import MoneyInput, minor_units
from .observation import our_price_moved
from .writing import locked, means, permit

means("uq_sku_tenant_id_code", lambda: NotUnique("There is a SKU with this code.", field="code"))


@known
class SkuOrder(Described):
    """The order of a list of SKUs."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    CODE = "CODE", "By code."
    UPDATED = "UPDATED", "What changed last first."


SKU_ORDER: dict[str, Any] = {
    SkuOrder.NEWEST: Sku.created_at.desc(),
    SkuOrder.OLDEST: Sku.created_at.asc(),
    SkuOrder.CODE: Sku.code.asc(),
    SkuOrder.UPDATED: Sku.updated_at.desc(),
}


@strawberry.input(description="Conditions on SKUs; all must hold.")
class SkuFilter:
    codes: strawberry.Maybe[list[str]] = strawberry.field(description="With one of these codes.")
    external_id: strawberry.Maybe[ExternalIdInput] = strawberry.field(description="What another system names so.")
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(description="Changed at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.codes:
            yield among(Sku.code, self.codes.value)
        if self.external_id:
            yield named_elsewhere(Sku, ExternalType.SKU, self.external_id.value)
        if self.updated_since:
            yield Sku.updated_at >= self.updated_since.value


def skus(viewer: Viewer, filter: SkuFilter | None = None, order_by: SkuOrder = SkuOrder.NEWEST) -> Select[Sku]:
    """SKUs the viewer may see."""
    found = select(Sku).where(SeesSku().rows(viewer), *conditions(filter, viewer))
    return found.order_by(SKU_ORDER[order_by])


def sku(viewer: Viewer, id: strawberry.ID) -> Select[Sku]:
    """One SKU by its id."""
    return select(Sku).where(Sku.id == key(id, Sku), SeesSku().rows(viewer))


def sku_of_listing(viewer: Viewer, listing: Listing) -> Select[Sku]:
    """The thing listed, by its code."""
    return select(Sku).where(Sku.id == listing.sku_id, SeesSku().rows(viewer))


def sku_of_snapshot(viewer: Viewer, snapshot: CompetitorSnapshot) -> Select[Sku]:
    """What was looked for."""
    return select(Sku).where(Sku.id == snapshot.sku_id, SeesSku().rows(viewer))


def external_ids_of_sku(viewer: Viewer, sku: Sku) -> Select[ExternalRef]:
    """What other systems call it."""
    found = select(ExternalRef).where(ExternalRef.subject_id == sku.id, ExternalRef.type == ExternalType.SKU)
    return found.order_by(ExternalRef.source, ExternalRef.external_id)


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A new SKU.")
class SkuCreateInput:
    code: str = strawberry.field(description="The code, unique in the tenant, at most 64 characters.")
    name: str = strawberry.field(description="The name, at most 200 characters.")
    brand: str | None = strawberry.field(default=None, description="The brand, at most 100 characters.")
    mrp: MoneyInput | None = strawberry.field(default=None, description="The maximum retail price.")
    cost: MoneyInput | None = strawberry.field(default=None, description="What it costs us, in the same currency.")
    currency_code: CurrencyCode | None = strawberry.field(
        default=None, description="Of both prices where neither is given; by default the tenant's."
    )
    ean: str | None = strawberry.field(default=None, description="8 or 13 digits.")
    upc: str | None = strawberry.field(default=None, description="12 digits.")
    mpn: str | None = strawberry.field(default=None, description="The manufacturer's number, at most 64 characters.")
    external_id: ExternalIdInput | None = strawberry.field(default=None, description=NAMED)
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def sku_create(tx: Transaction, input: SkuCreateInput) -> Sku:
    """Add a SKU."""
    await permit(tx, WritesSku(), None)
    problems = Problems()
    currency = problems.take(lambda: _currency(input), "currencyCode") or ""
    if not currency and not problems:
        tenant = await tx.session.get_one(Tenant, tx.actor.tenant_id)
        currency = tenant.default_currency
    made = {
        "code": problems.take(lambda: text.line(input.code, 64), "code"),
        "name": problems.take(lambda: text.line(input.name, 200), "name"),
        "brand": problems.take(lambda: text.optional_line(input.brand, 100), "brand"),
        "mrp_minor": problems.take(lambda: minor_units(input.mrp, currency) if input.mrp else None, "mrp"),
        "cost_minor": problems.take(lambda: cost_of(input.cost, currency) if input.cost else None, "cost"),
        "ean": problems.take(lambda: _digits(input.ean, 8, 13), "ean"),
        "upc": problems.take(lambda: _digits(input.upc, 12), "upc"),
        "mpn": problems.take(lambda: text.optional_line(input.mpn, 64), "mpn"),
    }
    problems.check()
    sku = tx.add(Sku(id=new_id(), currency=currency, **made))
    tx.emit("sku.created", sku)
    await tx.session.flush()
    await brought_in(tx, ExternalType.SKU, sku, input.external_id)
    return sku


@strawberry.input(description="Changes of a SKU; what is left out stays.")
class SkuUpdateInput:
    id: strawberry.ID = strawberry.field(description="The SKU.")
    expected_version: int = strawberry.field(description="The version that was read.")
    name: strawberry.Maybe[str] = strawberry.field(description="The name, at most 200 characters.")
    brand: strawberry.Maybe[str | None] = strawberry.field(description="The brand; null takes it away.")
    mrp: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="The maximum retail price, in the SKU's currency; null takes it away."
    )
    cost: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="What it costs us, in the SKU's currency; null takes it away."
    )
    ean: strawberry.Maybe[str | None] = strawberry.field(description="8 or 13 digits; null takes it away.")
    upc: strawberry.Maybe[str | None] = strawberry.field(description="12 digits; null takes it away.")
    mpn: strawberry.Maybe[str | None] = strawberry.field(
        description="The manufacturer's number, at most 64 characters; null takes it away."
    )


COLUMNS = {"mrp": "mrp_minor", "cost": "cost_minor"}


async def sku_update(tx: Transaction, input: SkuUpdateInput) -> Sku:
    """Change a SKU. Its code and its currency stay."""
    sku = await locked(tx, Sku, input.id, SeesSku(), version=input.expected_version)
    await permit(tx, WritesSku(), sku)
    problems = Problems()
    readers: dict[str, Callable[[Any], str | int | None]] = {
        "name": lambda value: text.line(value, 200),
        "brand": lambda value: text.optional_line(value, 100),
        "mrp": lambda value: minor_units(value, sku.currency) if value else None,
        "cost": lambda value: cost_of(value, sku.currency) if value else None,
        "ean": lambda value: _digits(value, 8, 13),
        "upc": lambda value: _digits(value, 12),
        "mpn": lambda value: text.optional_line(value, 64),
    }
    changes = {
        COLUMNS.get(name, name): problems.take(partial(read, given.value), name)
        for name, read in readers.items()
        if (given := getattr(input, name)) is not None
    }
    problems.check()
    for name, value in changes.items():
        setattr(sku, name, value)
    if "mrp_minor" in changes:
        our_price_moved(tx, sku.id)
    tx.emit("sku.updated", sku)
    await tx.session.flush()
    return sku


def _currency(input: SkuCreateInput) -> str | None:
    """The currency of both prices, where one is named at all. Raises Invalid for what is none."""
    named = input.currency_code or next((each.currency_code for each in (input.mrp, input.cost) if each), None)
    if named is not None:
        digits_of(named)
    return named


def cost_of(given: MoneyInput, currency: str) -> int:
    """What a thing costs: minor units, nothing or more. Raises Invalid, OutOfRange."""
    if given.currency_code != currency:
        raise Invalid(f"The amount has to be in {currency}.", field=("amount", "currencyCode"))
    minor = parse_amount(given.amount, given.currency_code)
    return minor if minor == 0 else minor_units(given, currency)


def _digits(value: str | None, *lengths: int) -> str | None:
    """A number of the trade, spaces and hyphens dropped. Raises Invalid."""
    if value is None or not value.strip():
        return None
    found = value.replace(" ", "").replace("-", "")
    if not (found.isascii() and found.isdigit() and len(found) in lengths):
        raise Invalid(f"This has {' or '.join(map(str, lengths))} digits.")
    return found
