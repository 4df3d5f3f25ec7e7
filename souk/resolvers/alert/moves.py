"""The steps of an alert that a person takes: acknowledge, investigate, resolve, dismiss, snooze, open again."""

from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import select

from ...db.session import Transaction
from ...engine.scalars import DateTime
from ...models import Alert, EvidenceSnapshot
from ...permissions.alert import MOVES, MovesAlert, SeesAlert
from ...rules import alert as rules
from ...rules import text
from ...rules.enums import AlertStatus, DismissReason
from ...rules.errors import NotUnique
from ...rules.machines import machine
from .. import impact
from ..observation import CURE, SNOOZE, state_of, woken
from ..writing import locked, means, move, permit

means("uq_alert_live", lambda: NotUnique("Another alert of the same breach is live.", field="to"))

EVENTS = {
    AlertStatus.ACKNOWLEDGED: "alert.acknowledged",
    AlertStatus.INVESTIGATING: "alert.investigating",
    AlertStatus.RESOLVED: "alert.resolved",
    AlertStatus.DISMISSED: "alert.dismissed",
    AlertStatus.OPEN: "alert.reopened",
}


@strawberry.input(description="A step of an alert.")
class AlertTransitionInput:
    id: strawberry.ID = strawberry.field(description="The alert.")
    to: AlertStatus = strawberry.field(description="The state it gets.")
    reason: str | None = strawberry.field(default=None, description="Why, for the timeline, at most 1,000 characters.")
    dismiss_reason: DismissReason | None = strawberry.field(default=None, description="Required to dismiss.")
    resolution: str | None = strawberry.field(
        default=None, description="How it was resolved, required to resolve, at most 1,000 characters."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def alert_transition(tx: Transaction, input: AlertTransitionInput) -> Alert:
    """Move an alert by hand: acknowledge, investigate, resolve with a resolution, dismiss with a reason, open again."""
    alert = await locked(tx, Alert, input.id, SeesAlert(), version=input.expected_version)
    step = machine("Alert").check(alert.status, input.to, mutation="alertTransition")
    await permit(tx, MOVES[step.permission], alert)
    reason = text.optional_line(input.reason, 1000, field="reason")
    resolution = text.optional_line(input.resolution, 1000, field="resolution")
    rules.transition(
        state_of(alert), input.to, permission=step.permission, reason=input.dismiss_reason, resolution=resolution,
        evidence_since=await _evidence_since(tx, alert),
    )  # fmt: skip
    data: dict[str, Any] = {"cycle": alert.cycle}
    match input.to:
        case AlertStatus.DISMISSED:
            alert.dismiss_reason, alert.dismissed_at = input.dismiss_reason, tx.now
            alert.dismissed_price_minor = alert.price_minor
            data["dismissReason"] = str(input.dismiss_reason)
        case AlertStatus.RESOLVED:
            recovered = await impact.recover(tx, alert)
            alert.resolution, alert.resolved_at, alert.cure_due_at = resolution, tx.now, None
            await tx.not_due(CURE, alert.id)
            data |= {"recovered": recovered.amount, "currency": alert.currency}
        case AlertStatus.OPEN:
            alert.dismiss_reason = alert.dismissed_at = alert.dismissed_price_minor = None
            await woken(tx, alert)
    because = reason or resolution
    move(tx, alert, input.to, EVENTS[input.to], mutation="alertTransition", reason=because, data=data)
    return alert


@strawberry.input(description="An alert to be put off.")
class AlertSnoozeInput:
    id: strawberry.ID = strawberry.field(description="The alert.")
    until: DateTime = strawberry.field(description="Until when, in UTC: in the future, at most 30 days ahead.")
    reason: str | None = strawberry.field(default=None, description="Why, for the timeline, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def alert_snooze(tx: Transaction, input: AlertSnoozeInput) -> Alert:
    """Put an alert off. It is OPEN again at that time, or as soon as the price moves further past the policy."""
    alert = await locked(tx, Alert, input.id, SeesAlert(), version=input.expected_version)
    await permit(tx, MovesAlert(), alert)
    reason = text.optional_line(input.reason, 1000, field="reason")
    to = rules.snooze(state_of(alert), until=input.until, now=tx.now)
    alert.snoozed_until, alert.snoozed_price_minor = input.until, alert.price_minor
    data = {"cycle": alert.cycle, "until": input.until.isoformat()}
    move(tx, alert, to, "alert.snoozed", mutation="alertSnooze", reason=reason, data=data)
    await tx.due(SNOOZE, alert.id, input.until)
    return alert


async def alert_wake(tx: Transaction, alert_id: UUID) -> Alert | None:
    """`alert.snooze`: the time for which an alert was put off is over. None when it was not, or is not yet."""
    alert = await locked(tx, Alert, alert_id, None)
    if not rules.awake(state_of(alert), now=tx.now):
        return None
    alert.snoozed_until = alert.snoozed_price_minor = None
    move(tx, alert, AlertStatus.OPEN, "alert.woken", cause="until", data={"cycle": alert.cycle})
    return alert


async def _evidence_since(tx: Transaction, alert: Alert) -> bool:
    if alert.dismissed_at is None:
        return False
    since = select(EvidenceSnapshot.id).where(
        EvidenceSnapshot.alert_id == alert.id, EvidenceSnapshot.created_at > alert.dismissed_at
    )
    return (await tx.session.execute(since.limit(1))).first() is not None
