"""Rows of a file as prices seen at competitors, each held against the policies of its SKU."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ..db.session import Transaction
from ..models import Batch, Competitor, CompetitorSnapshot, Sku, new_id
from ..resolvers.observation import observe_price
from .actions import Item, Result
from .brought import refused


async def import_snapshots(tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
    """One result per item: CREATED, UNCHANGED for one that is known, or REFUSED where competitor or SKU are not."""
    tenant = tx.actor.tenant_id
    domains = {item.payload["values"]["competitor"] for item in items}
    codes = {item.payload["values"]["sku"] for item in items}
    sellers = select(Competitor.domain, Competitor.id).where(
        Competitor.tenant_id == tenant, Competitor.domain.in_(domains)
    )
    things = select(Sku.code, Sku.id).where(Sku.tenant_id == tenant, Sku.code.in_(codes))
    seller_ids: dict[str, UUID] = dict((await tx.session.execute(sellers)).all())
    sku_ids: dict[str, UUID] = dict((await tx.session.execute(things)).all())
    results = []
    for item in items:
        values = item.payload["values"]
        seller, sku = seller_ids.get(values["competitor"]), sku_ids.get(values["sku"])
        if seller is None:
            results.append(refused(item, "competitor", values["competitor"], "is no competitor of this tenant"))
        elif sku is None:
            results.append(refused(item, "sku", values["sku"], "is no SKU of this tenant"))
        else:
            results.append(await _one(tx, item, seller, sku))
    return results


async def _one(tx: Transaction, item: Item, seller: UUID, sku: UUID) -> Result:
    values = item.payload["values"]
    seen = datetime.fromisoformat(values["captured_at"])
    row = {
        "tenant_id": tx.actor.tenant_id, "id": new_id(), "created_at": tx.now, "competitor_id": seller, "sku_id": sku,
        "captured_at": seen, "url": values["url"], "outcome": "FOUND", "price_minor": values["price"],
        "currency": values["currency"],
    }  # fmt: skip
    made = insert(CompetitorSnapshot).values(row).on_conflict_do_nothing().returning(CompetitorSnapshot.id)
    kept = (await tx.session.execute(made)).scalar_one_or_none()
    if kept is None:
        return Result(outcome="UNCHANGED")
    await observe_price(
        tx, sku_id=sku, price=values["price"], currency=values["currency"], captured_at=seen, competitor_id=seller,
        url=values["url"],
    )  # fmt: skip
    return Result(outcome="CREATED", target_id=kept)
