"""Stock that does not move: looked for once a day, an alert per SKU, over when it sells or is gone."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from ...db.session import Transaction
from ...models import Alert, new_id
from ...rules import alert as rules
from ...rules.alert import ENDED, Observed
from ...rules.enums import AlertKind, AlertStatus, PolicyKind, SnapshotOutcome
from ...rules.impact import dead_stock
from .. import impact
from ..evidence import Chains
from ..writing import move
from .effects import begun, resolve, told
from .ground import Ground
from .key import Key, lock, state_of

STOCK = "stock.look"
"""The kind of work that looks for stock that does not move, once a day in each tenant."""
DAY = timedelta(days=1)
AGAIN = timedelta(days=7)
"""After which an alert says anew what the stock costs, while nothing happens."""
AT_ONCE = 500
KIND = AlertKind.DEAD_STOCK

# Only listings carry a quantity. A listing without a capacity says nothing of how many there are: at least one. What was
# on the market before a sale and after it has not moved since the sale; what came later, since it came.
UNMOVED = text("""
WITH offered AS (
  SELECT l.sku_id, l.id, l.price_minor, l.currency, coalesce(l.published_at, l.created_at) AS since,
    coalesce(l.capacity, 1) - (SELECT count(*) FROM deal d WHERE d.tenant_id = l.tenant_id AND d.listing_id = l.id
      AND d.status NOT IN ('CANCELLED','REFUNDED')) AS units
  FROM listing l LEFT JOIN product_detail p ON p.tenant_id = l.tenant_id AND p.id = l.id
  WHERE l.tenant_id = :tenant AND l.sku_id IS NOT NULL AND l.status = 'ACTIVE' AND l.deleted_at IS NULL
    AND p.availability IS DISTINCT FROM 'OUT_OF_STOCK'
    AND (CAST(:skus AS uuid[]) IS NULL OR l.sku_id = ANY (CAST(:skus AS uuid[])))
), stock AS (
  SELECT sku_id, sum(units) AS units, min(since) AS since, (array_agg(id ORDER BY since, id))[1] AS listing_id
  FROM offered WHERE units > 0 GROUP BY sku_id HAVING min(since) <= :before
), moved AS (
  SELECT s.sku_id, s.units, s.listing_id, greatest(s.since,
    (SELECT max(d.created_at) FROM listing l JOIN deal d ON d.tenant_id = l.tenant_id AND d.listing_id = l.id
     WHERE l.tenant_id = :tenant AND l.sku_id = s.sku_id AND d.status NOT IN ('CANCELLED','REFUNDED')),
    (SELECT max(o.captured_at) FROM price_observation o
     WHERE o.tenant_id = :tenant AND o.sku_id = s.sku_id AND o.units IS NOT NULL AND o.dealer_id IS NOT NULL)) AS since
  FROM stock s
)
SELECT m.sku_id, CAST(m.units AS bigint) AS units, m.since, m.listing_id, k.currency, coalesce(k.cost_minor, 0) AS cost,
  (SELECT min(o.price_minor) FROM offered o WHERE o.sku_id = m.sku_id AND o.currency = k.currency) AS price,
  (SELECT o.price_minor FROM offered o WHERE o.id = m.listing_id AND o.currency = k.currency) AS shown, k.mrp_minor AS mrp
FROM moved m JOIN sku k ON k.tenant_id = :tenant AND k.id = m.sku_id
WHERE m.since <= :before ORDER BY m.sku_id
""")


async def look_at_stock(tx: Transaction, ref: UUID) -> list[Alert]:
    """`stock.look`, what the timer does: every SKU of the tenant, then again tomorrow, or at once while there is more."""
    touched = await look(tx)
    await tx.due(STOCK, ref, tx.now if len(touched) == AT_ONCE else tx.now + DAY)
    return touched


async def look(tx: Transaction, skus: Collection[UUID] | None = None) -> list[Alert]:
    """Raise, keep up or resolve the alerts of stock that does not move, at most 500. Gives those that were touched."""
    settings = await tx.settings()
    values: dict[str, Any] = {
        "tenant": tx.actor.tenant_id, "skus": None if skus is None else sorted(skus),
        "before": tx.now - settings.dead_stock_days * DAY,
    }  # fmt: skip
    dead = {row.sku_id: row for row in (await tx.session.execute(UNMOVED, values)).all()}
    alerts = await _alerts(tx, skus, dead)
    todo = [sku for sku in sorted({*dead, *alerts}) if _changes(tx, alerts.get(sku, ()), dead.get(sku))][:AT_ONCE]
    if not todo:
        return []
    await lock(tx, [_key(sku) for sku in todo])
    chains = Chains(tx)
    known = [alert for sku in todo for alert in alerts.get(sku, ())]
    await chains.know(known, [], [])
    ground = Ground(tx, chains, await impact.surveyed(tx, known, tx.now, tx.now))
    touched = []
    for sku in todo:
        of_sku, row = alerts.get(sku, ()), dead.get(sku)
        last = next(iter(of_sku), None)
        if row is None:
            assert last is not None
            await resolve(ground, last, tx.now)
            touched.append(last)
        else:
            touched.append(await _unmoved(ground, last, row))
    await ground.write()
    return touched


def _key(sku: UUID) -> Key:
    return sku, None, None


async def _alerts(tx: Transaction, skus: Collection[UUID] | None, dead: Collection[UUID]) -> dict[UUID, list[Alert]]:
    """The alerts of SKUs whose stock is dead, and those that still say it is: the newest first, the live one before all."""
    asked = select(Alert).where(Alert.tenant_id == tx.actor.tenant_id, Alert.kind == KIND)
    live = Alert.status.not_in(ENDED)
    asked = asked.where(live | Alert.sku_id.in_(dead))
    if skus is not None:
        asked = asked.where(Alert.sku_id.in_(skus))
    asked = asked.order_by(live.desc(), Alert.first_seen_at.desc(), Alert.id.desc()).with_for_update()
    found: dict[UUID, list[Alert]] = {}
    for alert in (await tx.session.execute(asked.execution_options(populate_existing=True))).scalars():
        found.setdefault(alert.sku_id, []).append(alert)
    return found


def _changes(tx: Transaction, alerts: Sequence[Alert], row: Any) -> bool:
    """Whether there is something to do about a SKU."""
    last = next(iter(alerts), None)
    live = last is not None and last.status not in ENDED
    if row is None or last is None:
        return live or row is not None
    if live:
        return last.last_seen_at + AGAIN <= tx.now or impact.stock_of(last) != (row.units, row.cost)
    # of the stock that somebody said is fine, nothing more is said until it has moved
    return not (
        last.status == AlertStatus.DISMISSED and last.dismissed_at is not None and row.since <= last.dismissed_at
    )


async def _unmoved(ground: Ground, last: Alert | None, row: Any) -> Alert:
    tx = ground.tx
    settings = await tx.settings()
    decided = Observed.RAISE
    if last is not None and last.status != AlertStatus.DISMISSED:
        decided = rules.observe(
            state_of(last), PolicyKind.MRP_FLOOR, 0, 0, breaching=True, now=tx.now, rebreach_days=settings.rebreach_days
        )
    if last is None or decided is Observed.RAISE:
        await tx.session.flush()  # the former alert must have ended
        last = tx.add(
            Alert(
                id=new_id(), kind=KIND, status=AlertStatus.OPEN, cycle=1, severity="LOW", score_tenths=0, sku_id=row.sku_id,
                currency=row.currency, price_minor=0, first_seen_at=tx.now, last_seen_at=tx.now,
                impact=impact.document((), row.currency), evidence_head=None,
            )
        )  # fmt: skip
    assert last is not None
    if decided is Observed.REOPEN:
        last.cycle += 1
        last.resolved_at = last.resolution = last.cure_due_at = None
        last.first_seen_at = tx.now
    last.last_seen_at, last.price_minor = tx.now, row.price or row.mrp or 0
    if decided is not Observed.REPEAT:
        outcome = SnapshotOutcome.INSUFFICIENT if row.shown is None else SnapshotOutcome.FOUND
        ground.chains.snapshot(
            last, price=row.shown, captured_at=tx.now, listing_id=row.listing_id, outcome=outcome
        )  # the oldest of the listings that carry it
        ground.costs.begin(last, tx.now)
    age = (tx.now - row.since).days
    term = dead_stock(row.units, row.cost, age, settings.carry_bp, settings.dead_stock_days)
    last.impact = impact.document([term], last.currency)
    await impact.assess(tx, last, tx.now, ground.costs)
    match decided:
        case Observed.RAISE:
            tx.emit("alert.opened", last, to_status=AlertStatus.OPEN, data=begun(last))
        case Observed.REOPEN:
            move(tx, last, AlertStatus.OPEN, "alert.reopened", cause="re-breach ≤ 30 d", data=begun(last))
        case _:
            tx.emit("alert.repeated", last, data=told(last))
    return last
