"""When the time for a cure is over: the breach is looked at again."""

from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Alert, Dealer, Listing
from ...rules import alert as rules
from ...rules.clauses import implements
from ...rules.dealer import next_step
from ...rules.enums import AlertKind, AlertStatus, LadderStep
from .. import impact
from ..evidence import Chains
from ..writing import found, locked, move
from .effects import begun, resolve
from .ground import Ground
from .key import SHOWN, state_of
from .seeing import observe
from .stock import look
from .undercut import compare


@implements("Alert", "AWAITING_CURE", "OPEN", effect="next step of the ladder")
async def cure_due(tx: Transaction, alert_id: UUID) -> Alert | None:
    """The deadline of a cure has passed: the breach is looked at again, and what still breaches is open once more.

    The event names the next step of the ladder, which the same facts give for everyone; somebody decides to take it.
    For the worker. Gives the alert when it moved, None when there is nothing to do.
    """
    alert = await locked(tx, Alert, alert_id, None)
    if rules.cure_due(state_of(alert), breaching=True, now=tx.now) is None:
        return None
    listing = await _listing(tx, alert)
    if listing is not None and listing.status not in SHOWN:
        await impact.recover(tx, alert)
        # what is no longer offered breaches nothing
        await resolve(Ground(tx, Chains(tx), impact.Ground()), alert, tx.now)
        return alert
    if listing is not None:
        await observe(tx, listing)
    if alert.kind == AlertKind.COMPETITOR_UNDERCUT:
        await compare(tx, {alert.sku_id})
    if alert.kind == AlertKind.DEAD_STOCK:
        await look(tx, {alert.sku_id})
    decided = rules.cure_due(state_of(alert), breaching=True, now=tx.now)
    if decided is None:
        return alert  # cured by what was just seen
    alert.cycle, alert.cure_due_at, alert.first_seen_at = decided[1], None, tx.now
    await impact.assess(tx, alert, tx.now)
    cause = "cureDueAt passed, still breaching"
    data = begun(alert) | {"nextStep": await _next_step(tx, alert)}
    move(tx, alert, AlertStatus.OPEN, "alert.reopened", cause=cause, data=data)
    await tx.session.flush()
    return alert


async def _next_step(tx: Transaction, alert: Alert) -> LadderStep | None:
    if alert.dealer_id is None:
        return None
    dealer = await found(tx, Dealer, alert.dealer_id, None, field="id")
    return next_step(
        dealer.standing, notices=dealer.notice, cure_due_at=dealer.cure_due_at,
        evidence=alert.evidence_head is not None, now=tx.now,
    )  # fmt: skip


async def _listing(tx: Transaction, alert: Alert) -> Listing | None:
    if alert.listing_id is None:
        return None
    asked = select(Listing).where(Listing.tenant_id == tx.actor.tenant_id, Listing.id == alert.listing_id)
    return (await tx.session.execute(asked)).scalar_one_or_none()
