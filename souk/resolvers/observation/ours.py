"""What we ask for a SKU: the price that a competitor is held against."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from ...db.session import Transaction
from ...rules.enums import PolicyKind
from ..limits import Limit, Seen

# the cheapest offer that everybody sees; of what nobody offers, what it should sell for
OURS = text("""
SELECT a.sku, a.currency, coalesce(
  (SELECT min(l.price_minor) FROM listing l WHERE l.tenant_id = :tenant AND l.sku_id = a.sku AND l.currency = a.currency
     AND l.status = 'ACTIVE' AND l.visibility = 'PUBLIC' AND l.deleted_at IS NULL),
  (SELECT s.mrp_minor FROM sku s WHERE s.tenant_id = :tenant AND s.id = a.sku AND s.currency = a.currency))
FROM unnest(CAST(:skus AS uuid[]), CAST(:currencies AS text[])) AS a(sku, currency)
""")


async def undercuts(tx: Transaction, seen: Sequence[Seen]) -> list[Limit | None]:
    """Our price as the limit of each price, in their order: None for a dealer of ours, and where we ask nothing."""
    pairs = sorted({(each.sku_id, each.currency) for each in seen if each.competitor_id is not None})
    if not pairs:
        return [None] * len(seen)
    skus, currencies = (list(each) for each in zip(*pairs, strict=True))
    values = {"tenant": tx.actor.tenant_id, "skus": skus, "currencies": currencies}
    found = (await tx.session.execute(OURS, values)).all()
    ours: dict[tuple[UUID, str], int] = {(sku, currency): price for sku, currency, price in found if price is not None}
    return [_limit(ours.get((each.sku_id, each.currency)), each) for each in seen]


def _limit(ours: int | None, seen: Seen) -> Limit | None:
    if ours is None or seen.competitor_id is None:
        return None
    return Limit(PolicyKind.MRP_FLOOR, None, ours, seen.price < ours)
