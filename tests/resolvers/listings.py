"""Listings straight into the tables, for tests that begin in the middle."""

from typing import Any
from uuid import UUID

from souk.models import CastingDetail, Listing, ProductDetail, VehicleDetail, new_id
from tests.world import World

DETAIL = {"VEHICLE": VehicleDetail, "CASTING_CALL": CastingDetail, "PRODUCT": ProductDetail}


def listing(world: World, title: str, **more: Any) -> Listing:
    """An ACTIVE, public product of the first dealer, unless told otherwise."""
    price = more.pop("price", 10_000)
    given = {
        "id": new_id(), "dealer_id": world.dealer, "kind": "PRODUCT", "status": "ACTIVE", "visibility": "PUBLIC",
        "title": title, "currency": "INR", "price_minor": price, "price_order": 2**62 if price is None else price,
    }  # fmt: skip
    return Listing(**(given | more))


async def add(world: World, *listings: Listing) -> list[str]:
    """Store them with their details; gives their global ids."""
    await world.add(*listings)
    details: list[Any] = []
    for each in listings:
        more = {"role": "Lead", "currency": "INR"} if each.kind == "CASTING_CALL" else {}
        if each.kind == "PRODUCT":
            more = {"availability": "IN_STOCK"}
        details.append(DETAIL[each.kind](id=each.id, **more))
    await world.add(*details)
    return [world.id("Listing", each.id) for each in listings]


async def kept(world: World, listing_id: UUID, *columns: str) -> Any:
    """Columns of a listing as they are stored."""
    (row,) = await world.rows(f"SELECT {', '.join(columns)} FROM listing WHERE id = :id", id=listing_id)
    return tuple(row)


async def events(world: World, subject_id: UUID) -> list[tuple[Any, ...]]:
    """What happened to a subject, oldest first, but for what the test made itself."""
    found = await world.rows(
        "SELECT type, from_status, to_status, reason FROM domain_event"
        " WHERE subject_id = :id AND type <> 'test.made' ORDER BY seq",
        id=subject_id,
    )
    return [tuple(row) for row in found]


async def audited(world: World, subject_id: UUID) -> list[str]:
    """The operations that were audited for a subject, oldest first."""
    found = await world.rows(
        "SELECT op FROM audit_event WHERE subject_id = :id AND op <> 'test' ORDER BY seq", id=subject_id
    )
    return [row[0] for row in found]


async def due(world: World, listing_id: UUID) -> list[Any]:
    """When its timer is to fire."""
    return [
        row[0]
        for row in await world.rows(
            "SELECT due_at FROM souk.work WHERE ref = :id AND tenant_id = :t", id=listing_id, t=world.tenant_id
        )
    ]
