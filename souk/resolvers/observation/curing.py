"""When the time for a cure is over: the breach is looked at again."""

from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Alert, Listing
from ...rules import alert as rules
from ...rules.enums import AlertStatus
from .. import impact
from ..writing import locked, move
from .effects import resolve, told
from .key import SHOWN
from .seeing import observe, state_of


async def cure_due(tx: Transaction, alert_id: UUID) -> Alert | None:
    """The deadline of a cure has passed: the breach is looked at again, and what still breaches is open once more.

    For the worker. Gives the alert when it moved, None when there is nothing to do.
    """
    alert = await locked(tx, Alert, alert_id, None)
    if rules.cure_due(state_of(alert), breaching=True, now=tx.now) is None:
        return None
    listing = await _listing(tx, alert)
    if listing is not None and listing.status not in SHOWN:
        await impact.recover(tx, alert)
        await resolve(tx, alert, tx.now)  # what is no longer offered breaches nothing
        return alert
    if listing is not None:
        await observe(tx, listing)
    decided = rules.cure_due(state_of(alert), breaching=True, now=tx.now)
    if decided is None:
        return alert  # cured by what was just seen
    alert.cycle, alert.cure_due_at, alert.first_seen_at = decided[1], None, tx.now
    await impact.assess(tx, alert, tx.now)
    cause = "cureDueAt passed, still breaching"
    move(tx, alert, AlertStatus.OPEN, "alert.reopened", cause=cause, data=told(alert))
    await tx.session.flush()
    return alert


async def _listing(tx: Transaction, alert: Alert) -> Listing | None:
    if alert.listing_id is None:
        return None
    asked = select(Listing).where(Listing.tenant_id == tx.actor.tenant_id, Listing.id == alert.listing_id)
    return (await tx.session.execute(asked)).scalar_one_or_none()
