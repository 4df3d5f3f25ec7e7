"""What the tests of margin defence share: a SKU with policies, listings, and ways to see prices as they are seen live."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from souk.db.session import Transaction
from souk.models import Deal, Listing, Offer, Sku, new_id
from souk.resolvers import observation
from souk.resolvers.evidence import Sale
from souk.rules.actor import Actor, Role
from tests.world import NOW, World

POLICY = "pricePolicy { id version headVersion amount { amount currencyCode } }"


@asynccontextmanager
async def at(world: World, now: datetime) -> AsyncIterator[Transaction]:
    """A transaction of the system at a moment."""
    actor = Actor(world.tenant_id, Role.OWNER)
    async with world.souk.app.transaction(actor, "test", now=now, system=True) as tx:
        yield tx


async def sku(world: World, code: str = "S-1") -> UUID:
    row = Sku(id=new_id(), code=code, name=f"Thing {code}", currency="INR")
    await world.add(row)
    return row.id


async def policy(world: World, sku_id: UUID, amount: str = "1000.00", kind: str = "MAP", **more: Any) -> dict[str, Any]:
    """A policy since thirty days before the tests' now."""
    given = {
        "skuId": world.id("Sku", sku_id),
        "kind": kind,
        "amount": {"amount": amount, "currencyCode": "INR"},
        "validFrom": iso(NOW - timedelta(days=200)),
        **more,
    }
    payload = await world.do(Role.ADMIN, "pricePolicyCreate", POLICY, **given)
    assert payload["userErrors"] == []
    made: dict[str, Any] = payload["pricePolicy"]
    return made


def iso(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")


async def listing(world: World, sku_id: UUID, price: int | None, *, dealer: UUID | None = None) -> Listing:
    row = Listing(
        id=new_id(), dealer_id=dealer or world.dealer, kind="PRODUCT", status="ACTIVE", title="A thing", currency="INR",
        price_minor=price, price_order=price or 2**62, negotiable=True, visibility="PUBLIC", sku_id=sku_id,
    )  # fmt: skip
    await world.add(row)
    return row


async def a_deal(world: World, row: Listing, when: datetime, status: str = "AWAITING_PAYMENT") -> None:
    """A sale of one unit of a listing, whoever bought it."""
    person = world.actors[Role.CUSTOMER].user_id
    of = {"listing_id": row.id, "currency": "INR", "created_at": when}
    offer = Offer(
        id=new_id(), direction="BUY", status="ACCEPTED", proposer_user_id=person, owner_dealer_id=row.dealer_id,
        head_party="PROPOSER", amount_minor=1, proposer_amount_minor=1, expires_at=when, **of,
    )  # fmt: skip
    await world.add(offer)
    await world.add(
        Deal(
            id=new_id(), offer_id=offer.id, kind="SALE", settlement="OFFLINE", status=status, exclusive=False,
            payer_user_id=person, payee_dealer_id=row.dealer_id, net_minor=1, vat_minor=0, gross_minor=1,
            payment_due_at=when, **of,
        )
    )  # fmt: skip


async def see(world: World, row: Listing, price: int, now: datetime) -> list[Any]:
    """Change a listing's price and see it, as its write does: one transaction."""
    async with at(world, now) as tx:
        found = await tx.session.get(Listing, (world.tenant_id, row.id))
        assert found is not None
        found.price_minor = found.price_order = price
        tx.emit("listing.updated", found)
        return await observation.observe(tx, found)


async def report(world: World, sku_id: UUID, price: int, now: datetime, *sales: Sale, **more: Any) -> list[Any]:
    """See a price elsewhere."""
    if "competitor_id" not in more:
        more.setdefault("dealer_id", world.dealer)
    async with at(world, now) as tx:
        return await observation.observe_price(
            tx, sku_id=sku_id, price=price, currency="INR", captured_at=now, sales=sales, **more
        )


ALERTS = "{ alerts(orderBy: OLDEST) { nodes { id status cycle kind version evidenceSnapshots { totalCount } } } }"


async def alerts(world: World) -> list[dict[str, Any]]:
    found = await world.data(Role.OPS, ALERTS)
    nodes: list[dict[str, Any]] = found["alerts"]["nodes"]
    return nodes


async def statuses(world: World) -> list[tuple[str, int, int]]:
    """(status, cycle, snapshots) of each alert, the oldest first."""
    return [(a["status"], a["cycle"], a["evidenceSnapshots"]["totalCount"]) for a in await alerts(world)]
