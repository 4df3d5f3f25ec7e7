"""What an observation does to an alert: raised, repeated, reopened, cured."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Alert, Dealer, new_id
from ...rules.alert import roused
from ...rules.clauses import implements
from ...rules.enums import AlertKind, AlertStatus
from .. import impact
from ..evidence import Sale
from ..limits import Limit, Seen
from ..writing import move
from .ground import Ground
from .key import key_of, state_of
from .standing import confirm, relieve

CURED = "compliant re-observation"
CURE = "alert.cure"
"""The kind of work that looks at a breach again when its time to cure is over."""
SNOOZE = "alert.snooze"
"""The kind of work that opens an alert again when the time for which it was put off is over."""


async def raised(ground: Ground, seen: Seen, limit: Limit, kind: AlertKind, sales: Sequence[Sale]) -> Alert:
    """A first breach: an alert, with its evidence and what it costs."""
    alert = ground.tx.add(
        Alert(
            id=new_id(), kind=kind, status=AlertStatus.OPEN, cycle=1, severity="LOW", score_tenths=0,
            dealer_id=seen.dealer_id, competitor_id=seen.competitor_id, sku_id=seen.sku_id, currency=seen.currency,
            price_minor=seen.price, first_seen_at=seen.at, last_seen_at=seen.captured_at,
            impact=impact.document((), seen.currency), evidence_head=None,
        )
    )  # fmt: skip
    ground.alerts.setdefault(key_of(seen), []).insert(0, alert)
    _point(ground, alert, seen, limit)
    _support(ground, alert, seen, sales)
    ground.costs.begin(alert, seen.at)
    await impact.assess(ground.tx, alert, seen.at, ground.costs)
    ground.tx.emit("alert.opened", alert, to_status=AlertStatus.OPEN, data=begun(alert))
    await confirm(ground, alert)
    made: Alert = alert
    return made


async def repeated(ground: Ground, alert: Alert, seen: Seen, limit: Limit, sales: Sequence[Sale]) -> Alert | None:
    """The live breach again, or a deeper one; None when nothing of it is new."""
    moved = seen.judged_at is not None and limit.amount != alert.policy_minor
    if not _support(ground, alert, seen, sales) and not moved:
        return None
    further = roused(state_of(alert), limit.kind, limit.amount, seen.price)
    # a sale is what a price led to: it adds to the cost of the listing that breaches, whose price alone can cure
    if not (sales and seen.listing_id is None and alert.listing_id is not None):
        _point(ground, alert, seen, limit)
    alert.last_seen_at = seen.captured_at
    await impact.assess(ground.tx, alert, seen.at, ground.costs)
    ground.tx.emit("alert.repeated", alert, data=told(alert))
    if further:
        await woken(ground.tx, alert)
        move(ground.tx, alert, AlertStatus.OPEN, "alert.woken", cause="price moves further", data=told(alert))
    return alert


async def woken(tx: Transaction, alert: Alert) -> None:
    """An alert is not put off any more."""
    if alert.snoozed_until is not None:
        await tx.not_due(SNOOZE, alert.id)
    alert.snoozed_until = alert.snoozed_price_minor = None


async def reopened(ground: Ground, alert: Alert, seen: Seen, limit: Limit, sales: Sequence[Sale]) -> Alert:
    """A breach soon after the last: the same alert, in its next cycle."""
    alert.cycle += 1
    alert.resolved_at = alert.resolution = alert.cure_due_at = None
    alert.first_seen_at, alert.last_seen_at = seen.at, seen.captured_at
    _point(ground, alert, seen, limit)
    _support(ground, alert, seen, sales)
    ground.costs.begin(alert, seen.at)
    await impact.assess(ground.tx, alert, seen.at, ground.costs)
    move(ground.tx, alert, AlertStatus.OPEN, "alert.reopened", cause="re-breach ≤ 30 d", data=begun(alert))
    await confirm(ground, alert)
    return alert


@implements("Alert", "*", "RESOLVED", effect="recovered margin computed")
@implements("DealerStanding", ("WARNED", "RESTRICTED"), "WATCH", effect="alert RESOLVED")
async def cured(ground: Ground, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert:
    """A price within the limits: the alert is over, and what was won back is counted."""
    _support(ground, alert, seen, sales)
    if alert.id in ground.costs.sold:
        await ground.write()
        recovered = await impact.recover(ground.tx, alert)
    else:
        recovered = impact.recover_unsold(alert)
    await resolve(ground, alert, seen.at, recovered=recovered.amount)
    return alert


async def resolve(ground: Ground, alert: Alert, at: datetime, *, recovered: int = 0) -> None:
    """The breach is over: the alert is RESOLVED, its deadline falls away, and its dealer may stand better."""
    tx = ground.tx
    if alert.cure_due_at is not None:
        await tx.not_due(CURE, alert.id)
    alert.resolved_at, alert.cure_due_at = at, None
    await woken(tx, alert)
    move(tx, alert, AlertStatus.RESOLVED, "alert.resolved", cause=CURED, data=told(alert) | {"recovered": recovered})
    await relieve(ground, alert)


@implements("DealerStanding", ("WARNED", "RESTRICTED"), "WATCH", effect="alert RESOLVED")
async def resolve_awaiting(tx: Transaction, dealer: Dealer, reason: str) -> int:
    """The notices of a dealer are taken back by hand: the alerts that wait for its cure are RESOLVED. Gives their number.

    Whatever still breaches opens again, in its next cycle, when it is seen.
    """
    waiting = select(Alert).where(Alert.dealer_id == dealer.id, Alert.status == AlertStatus.AWAITING_CURE)
    asked = waiting.order_by(Alert.id).with_for_update().execution_options(populate_existing=True)
    alerts = (await tx.session.execute(asked)).scalars().all()
    for alert in alerts:
        recovered = await impact.recover(tx, alert)
        alert.resolution, alert.resolved_at, alert.cure_due_at = reason, tx.now, None
        data = told(alert) | {"recovered": recovered.amount}
        move(tx, alert, AlertStatus.RESOLVED, "alert.resolved", mutation="alertTransition", reason=reason, data=data)
        await tx.not_due(CURE, alert.id)
    return len(alerts)


async def late(ground: Ground, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """A report that comes after a newer one: evidence, but no news."""
    if not _support(ground, alert, seen, sales):
        return None
    await impact.assess(ground.tx, alert, alert.last_seen_at, ground.costs)
    ground.tx.emit("alert.repeated", alert, data=told(alert))
    return alert


def noted(ground: Ground, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """The dismissed price again: kept as evidence, on which somebody may open the alert by hand."""
    if not _support(ground, alert, seen, sales):
        return None
    ground.tx.emit("alert.evidence_added", alert, internal=True, data=told(alert))
    return alert


def _point(ground: Ground, alert: Alert, seen: Seen, limit: Limit) -> None:
    ground.costs.matches[alert.id] = seen.match_bp
    alert.price_minor, alert.policy_minor, alert.policy_version_id = seen.price, limit.amount, limit.version_id
    alert.listing_id = seen.listing_id


def _support(ground: Ground, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> bool:
    """Append the evidence of an observation. Whether any of it is new."""
    fresh = ground.chains.snapshot(
        alert, price=seen.price, captured_at=seen.captured_at, url=seen.url, listing_id=seen.listing_id
    )
    sold = ground.chains.sales(alert, sales)
    for sale in sold:
        ground.costs.sell(alert, sale.dealer_id, sale.occurred_at, sale.units, sale.unit_price)
    return bool(sold) or fresh


def told(alert: Alert) -> dict[str, object]:
    """What events say of an alert."""
    return {"cycle": alert.cycle, "severity": alert.severity, "price": alert.price_minor, "currency": alert.currency}


def begun(alert: Alert) -> dict[str, object]:
    """What an event says of an alert whose cycle begins: by it, later ones know when that was."""
    return told(alert) | {"firstSeenAt": alert.first_seen_at.isoformat()}
