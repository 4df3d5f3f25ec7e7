"""Rows of a file as listings: found again by their key, created through submit, or changed; one statement per step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select

from ..db.journal import Change, Happened
from ..db.sealing import place
from ..db.session import Transaction
from ..models import Batch, Listing, Sku, new_id, new_key
from ..resolvers.importing import REST, dealers_named, folded
from ..resolvers.observation import observe
from ..resolvers.restriction import dealer_states
from ..rules import listing as rules
from ..rules.dealer import DealerState
from ..rules.errors import Refused
from ..rules.importing.mapping import Mapping
from ..rules.importing.walking import mapping_of
from ..rules.listing import ListingState
from .actions import Item, Result
from .brought import refused, warned
from .listing_sql import CHANGE, CREATE, FOUND, KNOWN, LATER, LOCK

EXPIRY = "listing.expiry"
ON_REQUEST = 2**62
OF_LISTING = {"title", "description", "price_minor", "city", "sku_id"}
OF_DETAIL = {
    "VEHICLE": {"make", "model", "year", "km", "fuel", "owners", "power_bhp_tenths", "mileage_kmpl_tenths"},
    "CASTING_CALL": set[str](),
    "PRODUCT": {"availability", "source_id", "external_id"},
}


@dataclass(slots=True)
class Brought:
    """A listing that a row of this chunk creates or changes."""

    id: UUID
    key: str
    digest: str
    dealer: UUID
    row: dict[str, Any]
    status: str = "ACTIVE"
    before: str | None = None


@dataclass(slots=True)
class Chunk:
    """What is known while a chunk is worked on."""

    mapping: Mapping
    dealers: dict[str, UUID]
    statuses: dict[UUID, str]
    skus: dict[str, UUID]
    otherwise: UUID | None
    known: dict[str, tuple[UUID, str | None]]
    created: dict[str, Brought] = field(default_factory=dict)
    changed: dict[str, Brought] = field(default_factory=dict)

    def dealer(self, name: str | None) -> UUID | None:
        if name is not None and (of := self.dealers.get(folded(name))) is not None:
            return of
        return self.otherwise or self.dealers.get(REST)


async def import_listings(
    tx: Transaction, batch: Batch, items: Sequence[Item], meanwhile: Callable[[], None] = lambda: None
) -> list[Result]:
    """One result per item: CREATED, UPDATED, UNCHANGED, or REFUSED. A row with the key of an earlier one changes that.

    `meanwhile` is called where the database has something to do for a while.
    """
    chunk = await _chunk(tx, batch, items)
    places: dict[str, list[int]] = {}
    results = [_one(chunk, item, n, places) for n, item in enumerate(items)]
    for key, refusal in (await _change(tx, chunk)).items():
        for n in places[key]:
            results[n] = refused(items[n], "", "", refusal)
    await _create(tx, batch, chunk, meanwhile)
    await _observe(tx, [*chunk.created.values(), *chunk.changed.values()])
    return results


async def _chunk(tx: Transaction, batch: Batch, items: Sequence[Item]) -> Chunk:
    plan, tenant = batch.plan, tx.actor.tenant_id
    mapping = mapping_of(plan["mapping"])
    assert isinstance(mapping, Mapping)
    values = {"tenant": tenant, "source": plan["source"], "keys": [item.payload["key"] for item in items]}
    # one import of a source at a time, to the end of the chunk: two of them never create the same listing
    await tx.session.execute(LATER, {"name": f"import {tenant} {plan['source']}"})
    known = {key: (id_, digest and digest.hex()) for key, id_, digest in await tx.session.execute(KNOWN, values)}
    names = {item.payload["dealer"] for item in items if item.payload["dealer"]} if plan["by_column"] else set()
    dealers = await dealers_named(tx, plan["source"], sorted(names)) if plan["by_column"] else {}
    otherwise = UUID(plan["dealer_id"]) if plan["dealer_id"] else None
    wanted = sorted({*dealers.values(), *([otherwise] if otherwise else [])})
    statuses = {id_: _status(dealer) for id_, dealer in (await dealer_states(tx, wanted)).items()}
    codes = {code for item in items if (code := item.payload["values"].get("sku"))}
    skus: dict[str, UUID] = {}
    if codes:
        of = select(Sku.code, Sku.id).where(Sku.tenant_id == tenant, Sku.code.in_(codes))
        skus = dict((await tx.session.execute(of)).all())
    return Chunk(mapping, dealers, statuses, skus, otherwise, known)


def _one(chunk: Chunk, item: Item, n: int, places: dict[str, list[int]]) -> Result:
    key = item.payload["key"]
    row, digest = _row(chunk, item)
    warnings = item.payload["warnings"]
    target, before = chunk.known.get(key, (None, None))
    if target is not None and before == digest:
        return Result(outcome="UNCHANGED", target_id=target, warnings=warnings)
    if target is None:
        dealer = chunk.dealer(item.payload["dealer"])
        if dealer is None:
            name = item.payload["dealer"] or ""
            return refused(item, chunk.mapping.dealer or "", name, "names no dealer of this tenant")
        made = Brought(new_id(), key, digest, dealer, row, chunk.statuses[dealer])
        if made.status == "DRAFT":
            warned(
                item, chunk.mapping.dealer or "", item.payload["dealer"] or "", "the dealer may not list now: a draft"
            )
        chunk.created[key] = made
        chunk.known[key] = (made.id, digest)
        return Result(outcome="CREATED", target_id=made.id, warnings=warnings)
    chunk.known[key] = (target, digest)
    if (made_here := chunk.created.get(key)) is not None:
        made_here.row, made_here.digest = row, digest
    else:
        chunk.changed[key] = Brought(target, key, digest, target, row)
        places.setdefault(key, []).append(n)
    return Result(outcome="UPDATED", target_id=target, warnings=warnings)


def as_listing(payload: dict[str, Any]) -> dict[str, Any]:
    """What can be said of a row before its chunk comes up: its values in the names of the columns, and their digest."""
    values = payload["values"]
    values["price_minor"] = values.pop("price", None)
    payload["digest"] = None if "sku" in values else _digest(values)
    return payload


def _row(chunk: Chunk, item: Item) -> tuple[dict[str, Any], str]:
    """The values in the names of the columns, and what tells whether they are those of the last time."""
    if item.payload["digest"] is not None:
        return item.payload["values"], item.payload["digest"]
    row = dict(item.payload["values"])
    code = row.pop("sku")
    row["sku_id"] = chunk.skus.get(code) if code else None
    if code and row["sku_id"] is None:
        warned(item, "sku", code, "is no SKU of this tenant")
    return row, _digest(row)


def _digest(row: dict[str, Any]) -> str:
    return sha256(orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


@lru_cache(256)
def _status(dealer: DealerState) -> str:
    """Where a new listing comes to: submitted, and ACTIVE at once for a VERIFIED dealer in order."""
    try:
        rules.submit(ListingState("DRAFT"), dealer, by_import=True)
    except Refused:
        return "DRAFT"
    return "ACTIVE" if rules.approves_itself(dealer, auto_approve=False, by_import=True) else "PENDING_REVIEW"


async def _create(tx: Transaction, batch: Batch, chunk: Chunk, meanwhile: Callable[[], None]) -> None:
    if not chunk.created:
        meanwhile()  # the results are still to be stored
        return
    settings, tenant = await tx.settings(), tx.actor.tenant_id
    rows = [
        made.row | _derived(made.row, tenant, made.id, tx) | {
            "id": made.id, "ref_id": new_key(), "key": made.key, "digest": made.digest, "status": made.status,
            "dealer_id": made.dealer, "price_order": _order(made.row["price_minor"]),
        }
        for made in chunk.created.values()
    ]  # fmt: skip
    values = {
        "tenant": tenant, "now": tx.now, "rows": orjson.dumps(rows, default=str).decode(), "kind": chunk.mapping.kind,
        "currency": chunk.mapping.currency, "source": batch.plan["source"], "expiry": EXPIRY,
        "ends": rules.expiry(tx.now, settings.listing_days),
    }  # fmt: skip
    await tx.send(CREATE[chunk.mapping.kind], values)
    meanwhile()
    of = {"batch": str(batch.id)}
    for made in chunk.created.values():
        tx.events.append(Happened("listing.imported", "Listing", made.id, None, made.status, data=of))
        price = made.row["price_minor"]
        tx.changes[made.id] = Change("Listing", {"status": [None, made.status], "price_minor": [None, price]})


async def _change(tx: Transaction, chunk: Chunk) -> dict[str, str]:
    """Write what changed; gives why not, by key, where a listing is fixed."""
    if not chunk.changed:
        return {}
    tenant, kind = tx.actor.tenant_id, chunk.mapping.kind
    by_id = {each.id: each for each in chunk.changed.values()}
    values = {"tenant": tenant, "ids": sorted(by_id)}
    await tx.session.execute(LOCK, values)
    rows, fixed = [], dict[str, str]()
    for now in (await tx.session.execute(FOUND[kind], values)).mappings():
        each = by_id.pop(now["id"])
        state = ListingState(now["status"], kind)
        try:
            rules.editable(state)
        except Refused:
            fixed[each.key] = f"the listing is {now['status']}"
            del chunk.changed[each.key]
            continue
        each.before, each.status = now["status"], rules.back_to_draft(state)
        mine = {name: each.row.get(name, now[name]) for name in OF_LISTING | OF_DETAIL[kind]}
        sealed = _derived(each.row, tenant, each.id, tx)
        row = mine | _derived(mine, tenant, each.id, tx) | {
            "id": each.id, "status": each.status, "price_order": _order(mine["price_minor"]), "digest": each.digest,
            "key": each.key, "registered": "registration_number" in each.row, "number_enc": sealed["number_enc"],
            "number_hash": sealed["number_hash"],
        }  # fmt: skip
        rows.append(row)
        columns = {name: [_plain(now[name]), _plain(value)] for name, value in mine.items() if now[name] != value}
        moved = now["status"] if each.status != now["status"] else None
        tx.events.append(
            Happened(
                "listing.updated", "Listing", each.id, moved, each.status if moved else None, data={"by": "import"}
            )
        )
        tx.changes[each.id] = Change("Listing", columns)
    for gone in by_id.values():
        fixed[gone.key] = "the listing is gone"
        del chunk.changed[gone.key]
    if rows:
        await tx.session.execute(
            CHANGE[kind], {"tenant": tenant, "now": tx.now, "rows": orjson.dumps(rows, default=str).decode()}
        )
    return fixed


def _derived(row: dict[str, Any], tenant: UUID, id_: UUID, tx: Transaction) -> dict[str, Any]:
    """Keys for filters, and the registration number as ciphertext; the number itself is not passed on."""
    number = row.get("registration_number")
    sealed = (
        tx.keyring.seal(number, place(tenant, "vehicle_detail", "registration_number_enc", id_)) if number else None
    )
    return {
        "city_key": folded(row["city"]) if row.get("city") else None,
        "make_key": row["make"].casefold() if row.get("make") else None,
        "number_enc": sealed.hex() if sealed else None,
        "number_hash": tx.keyring.hash(number).hex() if number else None,
        "registration_number": None,
    }


def _order(price: int | None) -> int:
    return ON_REQUEST if price is None else price


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


async def _observe(tx: Transaction, brought: list[Brought]) -> None:
    """Prices of things with a SKU are held against the policies, as those of any listing are."""
    ids = [each.id for each in brought if each.row.get("sku_id")]
    if not ids:
        return
    await tx.landed()
    asked = select(Listing).where(Listing.tenant_id == tx.actor.tenant_id, Listing.id.in_(ids)).order_by(Listing.id)
    for listing in (await tx.session.execute(asked.execution_options(populate_existing=True))).scalars().all():
        await observe(tx, listing)
