"""The kind ENFORCEMENT: what is to be done about dealers and listings, chosen by their alerts, and what would be."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Bundle

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import Alert, Batch, BatchItem, BatchPreviewItem, Dealer, Listing, Sku, Task
from ..permissions.alert import SeesAlert
from ..permissions.base import may
from ..rules import alert as alert_rules
from ..rules import batch as batch_rules
from ..rules import dealer as dealer_rules
from ..rules import impact as impact_rules
from ..rules import text as texts
from ..rules.enums import AlertKind, BatchAction, BatchKind, LadderStep, TaskKind, TaskStatus
from ..rules.errors import Forbidden, Invalid, NotFound, Problems, Refused, Required
from . import impact
from .enforcing import ACTS, BY_STANDING, ENFORCED_FROM, ON_DEALER
from .filters import any_of, refers_to
from .kinds import KINDS, BatchAlertFilter, BatchPlan, BatchSelection, Foreseen, Foresight, OfKind

ACTIONS = tuple(ACTS)
STEPS = {
    LadderStep.WARN_1: BatchAction.SEND_WARNING,
    LadderStep.WARN_2: BatchAction.SEND_WARNING,
    LadderStep.RESTRICT: BatchAction.RESTRICT,
    LadderStep.SUSPEND: BatchAction.SUSPEND,
    LadderStep.TERMINATE: BatchAction.CREATE_TASK,  # only the OWNER ends a dealer, by hand
}
"""What a batch does where the ladder comes to a step."""
READS_ALERTS = may("alert:read")


class Enforcement(OfKind):
    """Acts on the dealer or the listing of each alert: one action for all, or for each the step that the ladder asks."""

    kind = BatchKind.ENFORCEMENT
    undoable = True
    compensates = True

    async def foresee(self, tx: Transaction, selection: BatchSelection, plan: BatchPlan) -> Foresight:
        """What would be done for each alert. Raises Required, Invalid, NotFound, Forbidden."""
        if plan.action is not None and plan.action not in ACTIONS:
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
        found = await _things(tx, *chosen)
        if ids is not None and len(found) < len(set(ids)):
            raise NotFound(field=("selection", "alertIds"))
        action = plan.action.value if plan.action else None
        return Foresight(asked, {"action": action, "reason": reason}, _foreseen(plan.action, found, tx.now))

    async def states(
        self, tx: Transaction, items: Sequence[BatchPreviewItem | BatchItem]
    ) -> Mapping[UUID, dict[str, Any] | None]:
        if not items:
            return {}
        actions = {item.target_id: BatchAction[item.action] for item in items}
        found = await _things(tx, any_of(Alert.id, actions))
        return {alert.id: state(actions[alert.id], alert, dealer, listing) for alert, dealer, listing in found}

    async def made(self, tx: Transaction, batch: Batch) -> None:
        """A task for each dealer on whom it acts: to hear what they make of it, before their time to cure is over."""
        own = (BatchItem.tenant_id == batch.tenant_id, BatchItem.batch_id == batch.id, BatchItem.status == "PENDING")
        named = select(BatchItem.payload["dealer"].astext).where(*own, BatchItem.action != BatchAction.CREATE_TASK)
        ids = {UUID(each) for each in (await tx.session.execute(named.distinct())).scalars() if each is not None}
        asked = select(Dealer.id, Dealer.name).where(Dealer.tenant_id == batch.tenant_id, Dealer.id.in_(ids))
        due = tx.now + timedelta(hours=(await tx.settings()).cure_hours)
        tasks = [
            {"kind": TaskKind.FOLLOW_UP.value, "status": TaskStatus.TODO.value, "title": f"Follow up with {name}"[:200],
             "due_at": due, "due_order": due, "dealer_id": dealer_id, "batch_id": batch.id}
            for dealer_id, name in await tx.session.execute(asked.order_by(Dealer.id))
        ]  # fmt: skip
        await tx.add_alike(Task, tasks, "task.created", to_status=TaskStatus.TODO)


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


ALERT: Bundle[Any] = Bundle(
    "alert", Alert.id, Alert.kind, Alert.status, Alert.cycle, Alert.currency, Alert.price_minor, Alert.policy_minor,
    Alert.impact_minor, Alert.evidence_head,
)  # fmt: skip
DEALER: Bundle[Any] = Bundle("dealer", Dealer.id, Dealer.standing, Dealer.notice, Dealer.cure_due_at)
LISTING: Bundle[Any] = Bundle("listing", Listing.id, Listing.status)
"""What is asked of ten thousand rows at once: not the whole of each."""


async def _things(tx: Transaction, *conditions: ColumnElement[bool]) -> list[tuple[Any, Any, Any]]:
    """Alerts with their dealers and listings, or None, by id: one more than a batch takes. Row security keeps them to the tenant."""
    dealer = (Dealer.tenant_id == Alert.tenant_id) & (Dealer.id == Alert.dealer_id)
    listing = (Listing.tenant_id == Alert.tenant_id) & (Listing.id == Alert.listing_id)
    asked = select(ALERT, DEALER, LISTING).select_from(Alert).outerjoin(Dealer, dealer).outerjoin(Listing, listing)
    asked = asked.where(*conditions).order_by(Alert.id).limit(batch_rules.SELECTION_MAX[BatchKind.ENFORCEMENT] + 1)
    return [
        (alert, dealer if dealer.id else None, listing if listing.id else None)
        for alert, dealer, listing in await tx.session.execute(asked)
    ]


def state(action: BatchAction, alert: Alert, dealer: Dealer | None, listing: Listing | None) -> dict[str, Any]:
    """What must not have changed between the preview and the act, nor between the act and its being taken back."""
    found: dict[str, Any] = {"status": alert.status, "cycle": alert.cycle}
    if action in BY_STANDING:
        found |= {"standing": dealer.standing if dealer else None, "notice": dealer.notice if dealer else None}
    elif action is BatchAction.SUSPEND_LISTING:
        found |= {"listing": listing.status if listing else None}
    return found


def worth(alert: Alert) -> int | None:
    """The money that an item acts on, in minor units; what stock costs is not for all who see a batch."""
    return None if alert.kind == AlertKind.DEAD_STOCK else alert.impact_minor


def _foreseen(plan: BatchAction | None, found: Sequence[Any], now: datetime) -> list[Foreseen]:
    items: list[Foreseen] = []
    told: set[tuple[UUID, BatchAction]] = set()
    for alert, dealer, listing in found:
        step = _step(alert, dealer, now)
        action = plan or (BatchAction.CREATE_TASK if dealer is None else _of_step(step))
        item = Foreseen("Alert", alert.id, action, state(action, alert, dealer, listing))
        item.payload = {"dealer": dealer and str(dealer.id), "listing": listing and str(listing.id)}
        item.payload["facts"] = facts(alert, dealer)
        item.impact = {alert.currency: minor} if (minor := worth(alert)) else {}
        if alert.status not in ENFORCED_FROM:
            item.skip = "NOTHING_TO_DO"
        elif dealer is None and action in ON_DEALER:
            item.skip = "NO_DEALER"
        elif action is BatchAction.SUSPEND_LISTING and (listing is None or listing.status not in ("ACTIVE", "PAUSED")):
            item.skip = "NO_LISTING"
        elif plan is None and dealer is not None and step is None:
            item.skip = "NO_STEP"
        if dealer is not None and action in ON_DEALER and item.skip in (None, "NO_STEP"):
            if (dealer.id, action) in told:
                item.warnings.append(CARRIED[action])
            elif unmet := _unmet(action, alert, dealer, now):
                item.warnings.append(f"The dealer is {dealer.standing}: {unmet}")
            told.add((dealer.id, action))
        items.append(item)
    return items


def facts(alert: Alert, dealer: Dealer | None) -> dict[str, Any]:
    """What decides about the step, and the price it is about: written down, for the report to hold the steps against."""
    limit, kind = alert.policy_minor, impact.POLICY_OF.get(AlertKind[alert.kind])
    return {
        "alertKind": alert.kind,
        "depthBand": impact_rules.depth_band(kind, limit, alert.price_minor) if kind and limit else None,
        "repeatCount": alert.cycle,
        "standing": dealer.standing if dealer else None,
        "limitMinor": limit if kind else None,
        "priceMinor": alert.price_minor,
    }


def _of_step(step: LadderStep | None) -> BatchAction:
    """What the ladder does here; where it waits, what it began with."""
    return BatchAction.SEND_WARNING if step is None else STEPS[step]


CARRIED = {
    BatchAction.SEND_WARNING: "Another alert of this dealer carries the notice.",
    BatchAction.RESTRICT: "Another alert of this dealer carries the restriction.",
    BatchAction.SUSPEND: "Another alert of this dealer carries the suspension.",
    BatchAction.HOLD_PAYOUTS: "Another alert of this dealer carries the hold.",
}


def _step(alert: Alert, dealer: Dealer | None, now: datetime) -> LadderStep | None:
    """The step of the ladder that these facts lead to: the same one for everybody."""
    if dealer is None:
        return None
    return dealer_rules.next_step(
        dealer.standing,
        notices=dealer.notice,
        cure_due_at=dealer.cure_due_at,
        evidence=alert.evidence_head is not None,
        still_breaching=alert.status not in alert_rules.ENDED,
        now=now,
    )


def _unmet(action: BatchAction, alert: Alert, dealer: Dealer, now: datetime) -> str | None:
    """Why the act would be refused as things are now: what its rule asks, told beforehand."""
    facts: dict[str, Any] = {"notices": dealer.notice, "cure_due_at": dealer.cure_due_at, "now": now}
    try:
        match action:
            case BatchAction.SEND_WARNING:
                dealer_rules.warn(
                    dealer.standing, evidence=alert.evidence_head is not None, still_breaching=True, **facts
                )
            case BatchAction.RESTRICT:
                dealer_rules.restrict(dealer.standing, still_breaching=True, **facts)
            case BatchAction.SUSPEND:
                dealer_rules.suspend(dealer.standing, still_breaching=True)
    except Refused as refused:
        return refused.message
    return None
