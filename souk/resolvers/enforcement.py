"""The kind ENFORCEMENT: acts on dealers and listings, chosen by their alerts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, text

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import Alert, Batch, BatchItem, BatchPreviewItem, Dealer, Listing, Sku
from ..permissions.alert import SeesAlert
from ..permissions.base import may
from ..rules import alert as alert_rules
from ..rules import batch as batch_rules
from ..rules import dealer as dealer_rules
from ..rules import text as texts
from ..rules.enums import AlertStatus, BatchAction, BatchKind
from ..rules.errors import Forbidden, Invalid, NotFound, Problems, Refused, Required
from .filters import refers_to
from .kinds import KINDS, BatchAlertFilter, BatchPlan, BatchSelection, Foreseen, Foresight, OfKind
from .listing import suspend
from .writing import move

ACTIONS = (BatchAction.SEND_WARNING, BatchAction.SUSPEND_LISTING)
ENFORCED_FROM = (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED, AlertStatus.INVESTIGATING, AlertStatus.SNOOZED)
READS_ALERTS = may("alert:read")


class Enforcement(OfKind):
    """SEND_WARNING and SUSPEND_LISTING, by alert."""

    kind = BatchKind.ENFORCEMENT
    undoable = True

    async def foresee(self, tx: Transaction, selection: BatchSelection, plan: BatchPlan) -> Foresight:
        """What would be done for each alert. Raises Required, Invalid, NotFound, Forbidden."""
        if plan.action not in ACTIONS:
            raise Invalid(f"One of {', '.join(ACTIONS)}.", field=("plan", "action"))
        if not plan.reason:
            raise Required("Say why.", field=("plan", "reason"))
        reason = _reason(plan.reason)
        if not tx.system and not READS_ALERTS.admits(tx.actor.facts):
            raise Forbidden("You may not read alerts.")
        asked, ids = _selected(selection)
        chosen = _conditions(selection)
        if not tx.system:
            chosen.append(SeesAlert().rows(Viewer.of(tx.actor)))
        found = (await tx.session.execute(_things(*chosen).limit(batch_rules.SELECTION_MAX[self.kind] + 1))).all()
        if ids is not None and len(found) < len(set(ids)):
            raise NotFound(field=("selection", "alertIds"))
        return Foresight(asked, {"action": plan.action.value, "reason": reason}, _foreseen(plan.action, found, tx.now))

    async def states(
        self, tx: Transaction, items: Sequence[BatchPreviewItem | BatchItem]
    ) -> Mapping[UUID, dict[str, Any] | None]:
        if not items:
            return {}
        action = BatchAction[items[0].action]
        targets = [item.target_id for item in items]
        found = (await tx.session.execute(_things(Alert.id.in_(targets)))).all()
        return {alert.id: state(action, alert, dealer, listing) for alert, dealer, listing in found}


KINDS[BatchKind.ENFORCEMENT] = Enforcement()


def _reason(given: str) -> str:
    problems = Problems()
    reason = problems.take(lambda: texts.line(given, 1000), "plan", "reason")
    problems.check()
    return reason or ""


def _selected(selection: BatchSelection) -> tuple[dict[str, Any], list[UUID] | None]:
    """What was asked for, as it is kept, and the ids when they were named."""
    if selection.alert_ids is not None and selection.alerts is None and selection.upload_id is None:
        if len(selection.alert_ids) > batch_rules.SELECTION_MAX[BatchKind.ENFORCEMENT]:
            raise Invalid("At most 10,000 alerts.", field=("selection", "alertIds"))
        ids = [key(each, Alert) for each in selection.alert_ids]
        if None in ids:
            raise NotFound(field=("selection", "alertIds"))
        return {"alertIds": sorted(str(each) for each in ids)}, ids
    if selection.alerts is not None and selection.alert_ids is None and selection.upload_id is None:
        given = {name: value for name, value in vars(selection.alerts).items() if value is not None}
        return {"alerts": {name: [*map(str, v)] if isinstance(v, list) else str(v) for name, v in given.items()}}, None
    raise Invalid("Name alerts, or conditions on alerts.", field="selection")


def _conditions(selection: BatchSelection) -> list[ColumnElement[bool]]:
    if selection.alert_ids is not None:
        return [Alert.id.in_([key(each, Alert) for each in selection.alert_ids])]
    asked: BatchAlertFilter = selection.alerts or BatchAlertFilter()
    found: list[ColumnElement[bool]] = [Alert.status.in_(asked.status or ENFORCED_FROM)]
    if asked.severity:
        found.append(Alert.severity.in_(asked.severity))
    if asked.kind:
        found.append(Alert.kind == asked.kind)
    if asked.dealer_id:
        found.append(refers_to(Alert.dealer_id, asked.dealer_id, Dealer))
    if asked.sku_id:
        found.append(refers_to(Alert.sku_id, asked.sku_id, Sku))
    return found


def _things(*conditions: ColumnElement[bool]) -> Any:
    """Alerts with their dealers and listings, by id. Row security keeps them to the tenant."""
    dealer = (Dealer.tenant_id == Alert.tenant_id) & (Dealer.id == Alert.dealer_id)
    listing = (Listing.tenant_id == Alert.tenant_id) & (Listing.id == Alert.listing_id)
    asked = select(Alert, Dealer, Listing).outerjoin(Dealer, dealer).outerjoin(Listing, listing)
    return asked.where(*conditions).order_by(Alert.id)


def state(action: BatchAction, alert: Alert, dealer: Dealer | None, listing: Listing | None) -> dict[str, Any]:
    """What must not have changed between the preview and the act."""
    found: dict[str, Any] = {"status": alert.status, "cycle": alert.cycle}
    if action is BatchAction.SEND_WARNING:
        found |= {"standing": dealer.standing if dealer else None, "notice": dealer.notice if dealer else None}
    else:
        found |= {"listing": listing.status if listing else None}
    return found


def _foreseen(action: BatchAction, found: Sequence[Any], now: datetime) -> list[Foreseen]:
    items: list[Foreseen] = []
    told: set[UUID] = set()
    for alert, dealer, listing in found:
        item = Foreseen("Alert", alert.id, action, state(action, alert, dealer, listing))
        item.payload = {"dealer": dealer and str(dealer.id), "listing": listing and str(listing.id)}
        item.impact = {alert.currency: alert.impact_minor} if alert.impact_minor else {}
        if alert.status not in ENFORCED_FROM:
            item.skip = "NOTHING_TO_DO"
        elif dealer is None and action is BatchAction.SEND_WARNING:
            item.skip = "NO_DEALER"
        elif action is BatchAction.SUSPEND_LISTING and (listing is None or listing.status not in ("ACTIVE", "PAUSED")):
            item.skip = "NO_LISTING"
        elif dealer is not None and action is BatchAction.SEND_WARNING:
            if dealer.id in told:
                item.warnings.append("Another alert of this dealer carries the notice.")
            elif unmet := _unmet(alert, dealer, now):
                item.warnings.append(unmet)
            told.add(dealer.id)
        items.append(item)
    return items


def _unmet(alert: Alert, dealer: Dealer, now: datetime) -> str | None:
    """Why the next notice would be refused as things are now: what `rules.dealer.warn` asks, told beforehand."""
    try:
        dealer_rules.warn(
            dealer.standing,
            notices=dealer.notice,
            cure_due_at=dealer.cure_due_at,
            evidence=alert.evidence_head is not None,
            still_breaching=True,
            now=now,
        )
    except Refused as refused:
        return f"The dealer is {dealer.standing}: {refused.message}"
    return None


# Effects: each is called with its rows locked, and decides everything before it writes anything --------------------------


@dataclass(slots=True)
class Things:
    """The locked rows of one item."""

    alert: Alert
    dealer: Dealer | None
    listing: Listing | None


async def lock(tx: Transaction, alerts: Sequence[UUID]) -> dict[UUID, Things]:
    """The alerts with their dealers and listings, all locked, each table in the order of its ids."""
    tenant = tx.actor.tenant_id

    async def rows(model: Any, ids: set[UUID]) -> dict[UUID, Any]:
        asked = select(model).where(model.tenant_id == tenant, model.id.in_(ids)).order_by(model.id)
        asked = asked.with_for_update().execution_options(populate_existing=True)
        return {row.id: row for row in (await tx.session.execute(asked)).scalars()}

    found = await rows(Alert, set(alerts))
    dealers = await rows(Dealer, {a.dealer_id for a in found.values() if a.dealer_id})
    listings = await rows(Listing, {a.listing_id for a in found.values() if a.listing_id})
    return {
        id_: Things(
            a, dealers.get(a.dealer_id) if a.dealer_id else None, listings.get(a.listing_id) if a.listing_id else None
        )
        for id_, a in found.items()
    }


WARNED = text("""
SELECT DISTINCT payload ->> 'dealer' FROM batch_item
WHERE tenant_id = :tenant AND batch_id = :batch AND status = 'SUCCEEDED' AND outcome = 'WARNED'
  AND payload ->> 'dealer' = ANY (CAST(:dealers AS text[]))
""")


async def warned_by(tx: Transaction, batch: Batch, dealers: set[str]) -> set[UUID]:
    """The dealers whom this batch has warned already: one notice covers all their alerts in it."""
    values = {"tenant": batch.tenant_id, "batch": batch.id, "dealers": list(dealers)}
    return {UUID(each) for each in (await tx.session.execute(WARNED, values)).scalars()}


async def send_warning(tx: Transaction, things: Things, *, joined: bool, reason: str) -> str:
    """Put the dealer on notice and give it time to cure. Gives WARNED, or JOINED under a notice of the same batch.

    The notice stands in the database; the letter to the dealer goes out once there is mail. Raises Refused.
    """
    alert, dealer = things.alert, things.dealer
    if dealer is None:
        raise Invalid("The alert has no dealer.")
    settings = await tx.settings()
    if not joined:
        notice = dealer_rules.warn(
            dealer.standing,
            notices=dealer.notice,
            cure_due_at=dealer.cure_due_at,
            evidence=alert.evidence_head is not None,
            still_breaching=alert.status not in alert_rules.ENDED,
            now=tx.now,
            cure_hours=settings.cure_hours,
        )
        dealer.notice, dealer.cure_due_at = notice.number, notice.cure_due_at
        move(
            tx, dealer, "WARNED", "dealer.warned", of="DealerStanding", column="standing", cause="batch SEND_WARNING",
            reason=reason, data={"notice": notice.number},
        )  # fmt: skip
    await _await_cure(tx, alert, dealer.cure_due_at)
    alert.notice_sent_at = tx.now
    return "JOINED" if joined else "WARNED"


async def suspend_listing(tx: Transaction, things: Things, *, reason: str) -> str:
    """Take the listing off the market. Gives SUSPENDED. Raises Refused."""
    listing = things.listing
    if listing is None:
        raise Invalid("The alert has no listing.")
    await suspend(tx, listing, reason=reason, cause="batch SUSPEND_LISTING")
    await _await_cure(tx, things.alert, None)
    return "SUSPENDED"


async def _await_cure(tx: Transaction, alert: Alert, due: Any) -> None:
    """The alert goes through ENFORCING to AWAITING_CURE and is looked at again when the time is over."""
    settings = await tx.settings()
    move(tx, alert, AlertStatus.ENFORCING, "alert.enforcing", cause="batch item RUNNING")
    now = alert_rules.AlertState(alert.status, alert.price_minor, alert.cycle)
    after = alert_rules.enforced(now, succeeded=True, now=tx.now, cure_hours=settings.cure_hours)
    move(tx, alert, after.status, "alert.awaiting_cure", cause="batch item SUCCEEDED")
    alert.cure_due_at, alert.snoozed_until = due or after.cure_due_at, None
    assert alert.cure_due_at is not None
    await tx.due("alert.cure", alert.id, alert.cure_due_at)
    await tx.not_due("alert.snooze", alert.id)


def refused(tx: Transaction, alert: Alert) -> None:
    """The act was refused for good: somebody has to look. An alert that a person settled meanwhile stays as it is."""
    if alert.status in ENFORCED_FROM:
        move(tx, alert, AlertStatus.ENFORCING, "alert.enforcing", cause="batch item RUNNING")
        cause = "batch item FAILED, DEAD, SKIPPED or CANCELLED"
        move(tx, alert, AlertStatus.INVESTIGATING, "alert.not_enforced", cause=cause)


async def previewed(tx: Transaction, batch: Batch, items: Sequence[Any]) -> dict[UUID, dict[str, Any]]:
    """The states that the preview saw, by item."""
    ids = [item.id for item in items]
    asked = select(BatchItem.id, BatchItem.before).where(BatchItem.tenant_id == batch.tenant_id, BatchItem.id.in_(ids))
    return {id_: before or {} for id_, before in (await tx.session.execute(asked))}
