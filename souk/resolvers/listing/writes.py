"""What a listing says: created, updated, and for whom it is meant."""

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import strawberry
from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from ...db.session import Transaction
from ...engine.scalars import CurrencyCode
from ...models import Category, Dealer, Listing, ListingAudience, Sku, Tenant, User, new_id
from ...permissions.category import SeesCategory
from ...permissions.dealer import SeesDealer
from ...permissions.listing import SeesListing, WritesListing
from ...permissions.sku import SeesSku
from ...rules import listing as rules
from ...rules import text
from ...rules.enums import CategoryKind, ExternalType, ListingKind, ListingStatus, UserStatus, Visibility
from ...rules.errors import Invalid, LimitExceeded, NotFound, OutOfRange, Problems, Refused, Required
from ...rules.money import digits_of
from ..deal import places_taken
from ..external import NAMED, brought_in
from ..filters import ExternalIdInput
from ..money import MoneyInput, minor_units
from ..observation import our_price_moved
from ..writing import Sees, found, locked, move, permit
from .details import FIELD, CastingInput, Detail, ProductInput, VehicleInput, bounded, fill, new_detail
from .effects import listing_changed, price_order, state_of

M = TypeVar("M")
AUDIENCE = 200
AMOUNTS = {"floor": "floor_minor", "auto_accept": "auto_accept_minor", "auto_decline": "auto_decline_minor"}


@strawberry.input(description="A new listing; it begins as a draft.")
class ListingCreateInput:
    dealer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose listing it is; a dealer's own where it is left out, needed from anybody else."
    )
    kind: ListingKind = strawberry.field(description="What is listed.")
    title: str = strawberry.field(description="The headline, 3 to 200 characters.")
    description: str | None = strawberry.field(default=None, description="The text, at most 10,000 characters.")
    price: MoneyInput | None = strawberry.field(default=None, description="The price asked; null is on request.")
    currency_code: CurrencyCode | None = strawberry.field(
        default=None, description="Of every amount, where no price is given; by default the tenant's."
    )
    negotiable: bool = strawberry.field(default=True, description="Whether offers below the price are welcome.")
    floor: MoneyInput | None = strawberry.field(default=None, description="The least the dealer takes.")
    auto_accept: MoneyInput | None = strawberry.field(
        default=None, description="Offers from here on are accepted at once."
    )
    auto_decline: MoneyInput | None = strawberry.field(
        default=None, description="Offers up to here are declined at once; below `autoAccept`."
    )
    capacity: int | None = strawberry.field(
        default=None, description="How many deals it carries; null for no limit, always 1 for a vehicle."
    )
    max_unlocks: int = strawberry.field(
        default=3, description="How many dealers may unlock one of its leads, 1 to 100."
    )
    visibility: Visibility = strawberry.field(default=Visibility.PUBLIC, description="For whom it is meant.")
    city: str | None = strawberry.field(default=None, description="Where it is, at most 100 characters.")
    category_id: strawberry.ID | None = strawberry.field(default=None, description="Its place in the taxonomy.")
    sku_id: strawberry.ID | None = strawberry.field(default=None, description="The thing listed, by its code.")
    vehicle: VehicleInput | None = strawberry.field(default=None, description="For the kind VEHICLE only.")
    casting_call: CastingInput | None = strawberry.field(
        default=None, description="For the kind CASTING_CALL only, and needed there."
    )
    product: ProductInput | None = strawberry.field(default=None, description="For the kind PRODUCT only.")
    external_id: ExternalIdInput | None = strawberry.field(default=None, description=NAMED)
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def listing_create(tx: Transaction, input: ListingCreateInput) -> Listing:
    """Add a listing: a dealer for itself, staff and integrations for any dealer. It is a draft until it is submitted."""
    listing = Listing(
        id=new_id(), kind=input.kind, status=ListingStatus.DRAFT, currency="",
        negotiable=input.negotiable, visibility=input.visibility, max_unlocks=3,
    )  # fmt: skip
    listing.dealer_id = await _dealer(tx, input)
    await permit(tx, WritesListing(), listing)
    problems = Problems()
    listing.currency = problems.take(lambda: _currency(input), "currencyCode") or await _home_currency(tx)
    listing.capacity = problems.take(lambda: rules.capacity(input.kind, input.capacity), "capacity")
    given: dict[str, Any] = {name: getattr(input, name) for name in TEXTS}
    given |= {name: value for name in ("price", *AMOUNTS) if (value := getattr(input, name)) is not None}
    await _write(tx, listing, given | {"max_unlocks": input.max_unlocks}, problems)
    detail = new_detail(listing)
    _detail(tx, listing, detail, input, problems)
    problems.check()
    listing.price_order = price_order(listing.price_minor)
    tx.add(listing)
    await tx.session.flush()
    tx.add(detail)
    tx.emit("listing.created", listing, to_status=listing.status)
    await brought_in(tx, ExternalType.LISTING, listing, input.external_id)
    await listing_changed(tx, listing)
    return listing


@strawberry.input(description="Changes of a listing; what is left out stays.")
class ListingUpdateInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    expected_version: int = strawberry.field(description="The version that was read.")
    title: strawberry.Maybe[str] = strawberry.field(description="The headline, 3 to 200 characters.")
    description: strawberry.Maybe[str | None] = strawberry.field(
        description="The text, at most 10,000 characters; null takes it away."
    )
    price: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="The price asked, in the listing's currency; null is on request."
    )
    negotiable: strawberry.Maybe[bool] = strawberry.field(description="Whether offers below the price are welcome.")
    floor: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="The least the dealer takes; null takes it away."
    )
    auto_accept: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="Offers from here on are accepted at once; null takes it away."
    )
    auto_decline: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="Offers up to here are declined at once; null takes it away."
    )
    capacity: strawberry.Maybe[int | None] = strawberry.field(
        description="How many deals it carries; null for no limit, always 1 for a vehicle."
    )
    max_unlocks: strawberry.Maybe[int] = strawberry.field(
        description="How many dealers may unlock one of its leads, 1 to 100."
    )
    visibility: strawberry.Maybe[Visibility] = strawberry.field(description="For whom it is meant.")
    city: strawberry.Maybe[str | None] = strawberry.field(description="Where it is; null takes it away.")
    category_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Its place in the taxonomy; null takes it away."
    )
    sku_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="The thing listed, by its code; null takes it away."
    )
    vehicle: strawberry.Maybe[VehicleInput] = strawberry.field(description="For the kind VEHICLE only.")
    casting_call: strawberry.Maybe[CastingInput] = strawberry.field(description="For the kind CASTING_CALL only.")
    product: strawberry.Maybe[ProductInput] = strawberry.field(description="For the kind PRODUCT only.")


async def listing_update(tx: Transaction, input: ListingUpdateInput) -> Listing:
    """Change what a listing says. A rejected one becomes a draft again; kind, dealer and currency stay."""
    listing = await locked(tx, Listing, input.id, SeesListing(), version=input.expected_version)
    await permit(tx, WritesListing(), listing)
    rules.editable(state_of(listing))
    _, table = FIELD[listing.kind]
    detail: Any = (await tx.session.execute(select(table).where(table.id == listing.id))).scalar_one()
    problems = Problems()
    with tx.session.no_autoflush:
        names = (*TEXTS, "price", *AMOUNTS, "max_unlocks")
        given = {name: maybe.value for name in names if (maybe := getattr(input, name)) is not None}
        if (capacity := input.capacity) is not None:
            listing.capacity = problems.take(partial(rules.capacity, listing.kind, capacity.value), "capacity")
            taken = await places_taken(tx, listing)
            problems.take(partial(rules.roomy, listing.capacity, deals=taken), "capacity")
        if input.negotiable is not None:
            listing.negotiable = input.negotiable.value
        if input.visibility is not None:
            listing.visibility = input.visibility.value
        await _write(tx, listing, given, problems)
        _detail(tx, listing, detail, input, problems)
        problems.check()
    if rules.back_to_draft(state_of(listing)) != listing.status:
        move(tx, listing, ListingStatus.DRAFT, "listing.updated", mutation="listingUpdate")
        listing.status_reason = None
    else:
        tx.emit("listing.updated", listing)
    flag_modified(listing, "updated_at")  # a change of the detail alone is a change of the listing
    await listing_changed(tx, listing)
    return listing


TEXTS = ("title", "description", "city", "category_id", "sku_id")


async def _write(tx: Transaction, listing: Listing, given: dict[str, Any], problems: Problems) -> None:
    """Put what is given into the listing's columns, and note what is wrong."""
    if "title" in given:
        listing.title = problems.take(lambda: title(given["title"]), "title") or listing.title
    if "description" in given:
        listing.description = problems.take(lambda: text.optional_body(given["description"], 10_000), "description")
    if "city" in given:
        listing.city = problems.take(lambda: text.optional_line(given["city"], 100), "city")
        listing.city_key = text.fold(listing.city) if listing.city else None
    if "max_unlocks" in given:
        unlocks = problems.take(lambda: bounded(given["max_unlocks"], 1, 100), "max_unlocks")
        listing.max_unlocks = unlocks or listing.max_unlocks
    for name, column in {"price": "price_minor", **AMOUNTS}.items():
        if name in given:
            read = partial(_amount, given[name], listing.currency)
            setattr(listing, column, problems.take(read, name))
    accept, decline = listing.auto_accept_minor, listing.auto_decline_minor
    if accept is not None and decline is not None and decline >= accept:
        problems.add(OutOfRange("Below the amount that is accepted at once."), "auto_decline")
    if "category_id" in given:
        listing.category_id = await _key(tx, Category, given["category_id"], SeesCategory(), "category_id", problems)
    if "sku_id" in given:
        our_price_moved(tx, listing.sku_id)  # another is offered for less, or nothing is
        listing.sku_id = await _key(tx, Sku, given["sku_id"], SeesSku(), "sku_id", problems)


def _detail(tx: Transaction, listing: Listing, detail: Detail, input: Any, problems: Problems) -> None:
    """The detail of the listing's kind from the input's field for it; another kind's is refused."""
    for kind, (name, _) in FIELD.items():
        given = getattr(input, name)
        if kind == listing.kind:
            fill(tx, listing, detail, getattr(given, "value", given), problems)
        elif given is not None:
            problems.add(Invalid(f"This listing is a {listing.kind}."), name)


def title(value: str) -> str:
    """A headline. Raises Required, TooLong, OutOfRange below three characters."""
    found = text.line(value, 200)
    if len(found) < 3:
        raise OutOfRange("At least three characters.")
    return found


def _amount(given: MoneyInput | None, currency: str) -> int | None:
    return None if given is None else minor_units(given, currency)


async def _key(
    tx: Transaction, model: type[M], id: strawberry.ID | None, sees: Sees, field: str, problems: Problems
) -> Any:
    """The key of a row that is named, or None after noting that there is none to be seen."""
    if id is None:
        return None
    try:
        row: Any = await found(tx, model, id, sees, field=field)
    except NotFound as missing:
        problems.add(missing)
        return None
    if isinstance(row, Category) and (row.kind != CategoryKind.LISTING or row.archived_at is not None):
        problems.add(Invalid("This category takes no listings."), field)
    return row.id


async def _dealer(tx: Transaction, input: ListingCreateInput) -> Any:
    """Whose listing it will be. Raises Required, NotFound."""
    if input.dealer_id is not None:
        return (await found(tx, Dealer, input.dealer_id, SeesDealer(), field="dealer_id")).id
    if tx.actor.dealer_id is None:
        raise Required("Whose listing is it?", field="dealer_id")
    return tx.actor.dealer_id


def _currency(input: ListingCreateInput) -> str | None:
    """The currency that the input names, if any. Raises Invalid for what is none."""
    named: str | None = input.price.currency_code if input.price else input.currency_code
    if named is not None:
        digits_of(named)
    return named


async def _home_currency(tx: Transaction) -> str:
    asked = select(Tenant.default_currency).where(Tenant.id == tx.actor.tenant_id)
    home: str = (await tx.session.execute(asked)).scalar_one()
    return home


# The audience -----------------------------------------------------------------------------------------------------


@strawberry.input(description="For whom a PRIVATE listing is meant; replaces the whole audience.")
class ListingAudienceSetInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    dealer_ids: list[strawberry.ID] = strawberry.field(description="Dealers who may see it.")
    user_ids: list[strawberry.ID] = strawberry.field(description="People who may see it; both lists hold at most 200.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_audience_set(tx: Transaction, input: ListingAudienceSetInput) -> Listing:
    """Say for whom a listing is meant. It matters while its visibility is PRIVATE."""
    listing = await locked(tx, Listing, input.id, SeesListing(), version=input.expected_version)
    await permit(tx, WritesListing(), listing)
    rules.editable(state_of(listing))
    if len(input.dealer_ids) + len(input.user_ids) > AUDIENCE:
        raise LimitExceeded(AUDIENCE)
    problems = Problems()
    wanted = await _members(tx, input.dealer_ids, "dealer_ids", problems)
    wanted |= await _members(tx, input.user_ids, "user_ids", problems)
    problems.check()
    asked = select(ListingAudience).where(ListingAudience.listing_id == listing.id)
    present = {(row.dealer_id, row.user_id): row for row in (await tx.session.execute(asked)).scalars()}
    for pair in sorted(wanted - present.keys(), key=str):
        tx.add(ListingAudience(id=new_id(), listing_id=listing.id, dealer_id=pair[0], user_id=pair[1]))
    for pair in present.keys() - wanted:
        await tx.session.delete(present[pair])
    flag_modified(listing, "updated_at")
    tx.emit("listing.updated", listing, data={"audience": len(wanted)})
    await tx.session.flush()
    return listing


async def _members(
    tx: Transaction, ids: Sequence[strawberry.ID], field: str, problems: Problems
) -> set[tuple[Any, Any]]:
    """(dealer, user) pairs, one of both None."""
    pairs: set[tuple[Any, Any]] = set()
    for at, id in enumerate(ids):
        try:
            if field == "dealer_ids":
                pairs.add(((await found(tx, Dealer, id, SeesDealer(), field=field)).id, None))
            else:
                pairs.add((None, (await _person(tx, id, field)).id))
        except Refused as missing:
            problems.add(missing, field, str(at))
    return pairs


async def _person(tx: Transaction, id: strawberry.ID, field: str) -> User:
    """A person of the tenant whose id one was given; it need not be one whose name one may read."""
    person = await found(tx, User, id, None, field=field)
    if person.status != UserStatus.ACTIVE:
        raise NotFound(field=field)
    return person
