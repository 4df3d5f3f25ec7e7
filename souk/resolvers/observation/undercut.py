"""Competitors held against our own price again when that has moved, by what was last seen of them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import text

from ...db.session import Transaction
from ...models import Alert
from ..limits import SURE, Seen
from .judging import observe_all

MOVED = "our prices"

LATEST = text("""
SELECT DISTINCT ON (o.sku_id, o.competitor_id, o.currency)
  o.sku_id, o.price_minor, o.currency, o.captured_at, o.competitor_id, o.channel, o.url, o.match_bp
FROM price_observation o
WHERE o.tenant_id = :tenant AND o.sku_id = ANY (CAST(:skus AS uuid[])) AND o.competitor_id IS NOT NULL
  AND o.outcome = 'FOUND' AND o.captured_at <= :now
ORDER BY o.sku_id, o.competitor_id, o.currency, o.captured_at DESC, o.id DESC
""")


def our_price_moved(tx: Transaction, sku_id: UUID | None) -> None:
    """What we ask for a SKU may be another price now: before the commit, competitors are looked at again, once for all."""
    if sku_id is not None:
        tx.looked_up.setdefault(MOVED, set()).add(sku_id)
        tx.before_commit(_compare_moved)


async def _compare_moved(tx: Transaction) -> None:
    await compare(tx, tx.looked_up.pop(MOVED, ()))


async def compare(tx: Transaction, skus: Collection[UUID]) -> list[Alert]:
    """Hold what was last found at each competitor against our prices of now. Gives the alerts that were touched.

    A look that found no price (INSUFFICIENT, ACCESS_LIMITED, PARSE_FAILED) says nothing: the price before it still counts.
    """
    if not skus:
        return []
    values: dict[str, Any] = {"tenant": tx.actor.tenant_id, "skus": sorted(skus), "now": tx.now}
    found = (await tx.session.execute(LATEST, values)).all()
    sights = [
        Seen(
            row.sku_id, row.price_minor, row.currency, row.captured_at, competitor_id=row.competitor_id,
            channel=row.channel, url=row.url, match_bp=SURE if row.match_bp is None else row.match_bp, judged_at=tx.now,
        )
        for row in found
    ]  # fmt: skip
    return await observe_all(tx, [(seen, ()) for seen in sights]) if sights else []
