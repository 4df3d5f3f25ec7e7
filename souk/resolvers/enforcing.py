"""What an enforcement does to a dealer, a listing and an alert.

Each act is called with its rows locked, and decides everything before it writes anything. One act covers all alerts of its
dealer in a batch: those that come after it have JOINED.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.orm import load_only

from ..db.session import Transaction
from ..models import Alert, Batch, Dealer, Listing, Task, new_id
from ..rules import alert as alert_rules
from ..rules import dealer as dealer_rules
from ..rules.clauses import implements
from ..rules.dealer import STANDING
from ..rules.enums import AlertStatus, BatchAction, RestrictionKind, TaskKind, TaskStatus
from ..rules.errors import Invalid
from .consequences import with_offers
from .filters import any_of
from .listing import suspend, suspend_of
from .notice import notify
from .restriction import restrict
from .writing import move

ENFORCED_FROM = (AlertStatus.OPEN, AlertStatus.ACKNOWLEDGED, AlertStatus.INVESTIGATING, AlertStatus.SNOOZED)
ON_DEALER = (BatchAction.SEND_WARNING, BatchAction.RESTRICT, BatchAction.SUSPEND, BatchAction.HOLD_PAYOUTS)
"""The actions that act on a dealer, once for all of its alerts in a batch."""
BY_STANDING = (BatchAction.SEND_WARNING, BatchAction.RESTRICT, BatchAction.SUSPEND)
"""The steps of the ladder; what they are about, the dealer sees from then on."""
JOINED = "JOINED"
SUSPENDED = "dealer SUSPENDED"
"""What takes a dealer's listings down with it: an event of the machine of Listing."""


@dataclass(slots=True)
class Things:
    """The locked rows of one item. The listing only for SUSPEND_LISTING, with whether somebody offers something for it."""

    alert: Alert
    dealer: Dealer | None
    listing: Listing | None
    offers: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """On whose behalf something is done: the item and its batch, why, and whether an earlier item has done it already."""

    item_id: UUID
    batch_id: UUID
    reason: str
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, in a word, and what has to be known to take it back, besides the states before and after."""

    outcome: str
    before: dict[str, Any]
    after: dict[str, Any]


ASKED: dict[type[Any], Any] = {
    Alert: load_only(
        Alert.version, Alert.kind, Alert.status, Alert.cycle, Alert.dealer_id, Alert.listing_id, Alert.price_minor, Alert.currency,
        Alert.impact_minor, Alert.evidence_head, Alert.notice_sent_at, Alert.cure_due_at, Alert.snoozed_until,
        raiseload=True,
    ),
    Dealer: load_only(
        Dealer.version, Dealer.name, Dealer.email, Dealer.phone, Dealer.standing, Dealer.notice, Dealer.cure_due_at,
        raiseload=True,
    ),
}  # fmt: skip
"""What the acts ask of these; to bring the rest of so many rows costs more than to decide. Asking for it raises."""


async def lock(
    tx: Transaction, action: BatchAction, alerts: Sequence[UUID], *, whole: bool = True
) -> dict[UUID, Things]:
    """The alerts with what the action acts on, all locked, each table in the order of its ids.

    Not `whole`: alerts and dealers only with what the acts ask of them.
    """
    tenant = tx.actor.tenant_id

    async def rows(model: Any, ids: set[UUID]) -> dict[UUID, Any]:
        if not ids:
            return {}
        asked = select(model).where(model.tenant_id == tenant, any_of(model.id, ids)).order_by(model.id)
        asked = asked.with_for_update().execution_options(populate_existing=True)
        if not whole and model in ASKED:
            asked = asked.options(ASKED[model])
        return {row.id: row for row in (await tx.session.execute(asked)).scalars()}

    found = await rows(Alert, set(alerts))
    dealers = await rows(Dealer, {a.dealer_id for a in found.values() if a.dealer_id})
    listings: dict[UUID, Listing] = {}
    if action is BatchAction.SUSPEND_LISTING:
        listings = await rows(Listing, {a.listing_id for a in found.values() if a.listing_id})
    wanted = await with_offers(tx, listings)
    return {
        id_: Things(a, dealers.get(a.dealer_id), listings.get(a.listing_id), a.listing_id in wanted)
        for id_, a in found.items()
    }


ACTED = text("""
SELECT d FROM unnest(CAST(:dealers AS uuid[])) AS d CROSS JOIN LATERAL (
  SELECT FROM alert a JOIN batch_item i ON i.tenant_id = a.tenant_id AND i.target_id = a.id
  WHERE a.tenant_id = :tenant AND a.dealer_id = d AND i.batch_id = :batch AND i.status = 'SUCCEEDED'
    AND i.outcome <> 'JOINED' AND i.action = :action
  LIMIT 1) AS one
""")


async def acted_on(tx: Transaction, batch: Batch, action: BatchAction, dealers: set[UUID]) -> set[UUID]:
    """The dealers on whom this batch has acted so already: one act covers all their alerts in it.

    Found by their alerts: to look through what the batch has done would take the longer, the more it has done.
    """
    if action not in ON_DEALER:
        return set()
    values = {"tenant": batch.tenant_id, "batch": batch.id, "action": action, "dealers": list(dealers)}
    return set((await tx.session.execute(ACTED, values)).scalars())


async def act(tx: Transaction, action: BatchAction, things: Things, order: Order) -> Done:
    """Do what the item says, and give the dealer time to cure. Raises Refused, having changed nothing."""
    alert, dealer = things.alert, things.dealer
    before = {
        "cureDueAt": _text(dealer.cure_due_at if dealer else None),
        "noticeSentAt": _text(alert.notice_sent_at),
    }
    outcome, after = await ACTS[action](tx, things, order)
    due = dealer.cure_due_at if dealer is not None and action is BatchAction.SEND_WARNING else None
    await _await_cure(tx, alert, due, {"batch": str(order.batch_id), "action": str(action)})
    if action in BY_STANDING:
        alert.notice_sent_at = tx.now
    return Done(outcome, before, after)


async def send_warning(tx: Transaction, things: Things, order: Order) -> tuple[str, dict[str, Any]]:
    """Put the dealer on notice, with a letter, and give it time to cure."""
    alert, dealer = things.alert, _dealer(things)
    if order.joined:
        return JOINED, {}
    settings = await tx.settings()
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
        tx, dealer, "WARNED", "dealer.warned", of=STANDING, column="standing", cause="batch SEND_WARNING",
        reason=order.reason, data={"notice": notice.number},
    )  # fmt: skip
    words = "notice_1" if notice.number == 1 else "notice_2"
    await notify(tx, dealer, words, reason=order.reason, until=notice.cure_due_at)
    return "WARNED", {}


@implements(STANDING, "WARNED", "RESTRICTED", effect="DealerRestriction LEAD_UNLOCK, LISTING_RESUME, OFFER")
async def restrict_dealer(tx: Transaction, things: Things, order: Order) -> tuple[str, dict[str, Any]]:
    """Take from a dealer that was warned twice what it needs to trade: leads, listings, deals."""
    dealer = _dealer(things)
    if order.joined:
        return JOINED, {}
    to = dealer_rules.restrict(
        dealer.standing,
        notices=dealer.notice,
        cure_due_at=dealer.cure_due_at,
        still_breaching=things.alert.status not in alert_rules.ENDED,
        now=tx.now,
    )
    move(
        tx, dealer, to, "dealer.standing_changed",
        of=STANDING, column="standing", cause="batch RESTRICT", reason=order.reason,
    )  # fmt: skip
    await restrict(tx, dealer, dealer_rules.RESTRICTS, reason=order.reason, item_id=order.item_id)
    await notify(tx, dealer, "restricted", reason=order.reason)
    return "RESTRICTED", {}


@implements(STANDING, "RESTRICTED", "SUSPENDED", effect=("listings SUSPENDED", "DealerRestriction PAYOUT"))
async def suspend_dealer(tx: Transaction, things: Things, order: Order) -> tuple[str, dict[str, Any]]:
    """Suspend a restricted dealer: every listing of it goes down, and nothing is paid out."""
    dealer = _dealer(things)
    if order.joined:
        return JOINED, {}
    to = dealer_rules.suspend(dealer.standing, still_breaching=things.alert.status not in alert_rules.ENDED)
    move(
        tx, dealer, to, "dealer.suspended",
        of=STANDING, column="standing", cause="batch SUSPEND", reason=order.reason,
    )  # fmt: skip
    listings = await suspend_of(tx, dealer, reason=order.reason, cause=SUSPENDED)
    await restrict(tx, dealer, {RestrictionKind.PAYOUT}, reason=order.reason, item_id=order.item_id)
    await notify(tx, dealer, "suspended", reason=order.reason)
    return "SUSPENDED", {"listings": listings}


async def hold_payouts(tx: Transaction, things: Things, order: Order) -> tuple[str, dict[str, Any]]:
    """Pay the dealer nothing out, however it stands, until that is taken back."""
    dealer = _dealer(things)
    if order.joined:
        return JOINED, {}
    await restrict(tx, dealer, {RestrictionKind.PAYOUT}, reason=order.reason, item_id=order.item_id)
    await notify(tx, dealer, "payouts_held", reason=order.reason)
    return "HELD", {}


async def suspend_listing(tx: Transaction, things: Things, order: Order) -> tuple[str, dict[str, Any]]:
    """Take the listing off the market."""
    listing = things.listing
    if listing is None:
        raise Invalid("The alert has no listing.")
    await suspend(tx, listing, reason=order.reason, cause="batch SUSPEND_LISTING", offers=things.offers)
    if things.dealer is not None:
        await notify(tx, things.dealer, "listing_suspended", reason=order.reason)
    return "SUSPENDED", {}


async def create_task(tx: Transaction, things: Things, order: Order) -> tuple[str, dict[str, Any]]:
    """Give somebody something to do about the alert: nobody yet, due when its time to cure is over."""
    alert, settings = things.alert, await tx.settings()
    due = tx.now + timedelta(hours=settings.cure_hours)
    task = tx.add(
        Task(
            id=new_id(), kind=TaskKind.ENFORCE, status=TaskStatus.TODO, title=f"Act on a breach: {order.reason}"[:200],
            due_at=due, due_order=due, alert_id=alert.id, dealer_id=alert.dealer_id, batch_id=order.batch_id,
        )
    )  # fmt: skip
    tx.emit("task.created", task, to_status=TaskStatus.TODO)
    tx.emit("alert.task_created", alert, internal=True, data={"taskId": str(task.id)})
    return "TASKED", {"task": str(task.id)}


Act = Callable[[Transaction, Things, Order], Awaitable[tuple[str, dict[str, Any]]]]
ACTS: dict[BatchAction, Act] = {
    BatchAction.SEND_WARNING: send_warning,
    BatchAction.RESTRICT: restrict_dealer,
    BatchAction.SUSPEND: suspend_dealer,
    BatchAction.HOLD_PAYOUTS: hold_payouts,
    BatchAction.SUSPEND_LISTING: suspend_listing,
    BatchAction.CREATE_TASK: create_task,
}


def _dealer(things: Things) -> Dealer:
    if things.dealer is None:
        raise Invalid("The alert has no dealer.")
    return things.dealer


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


async def _await_cure(tx: Transaction, alert: Alert, due: datetime | None, data: dict[str, Any]) -> None:
    """The alert goes through ENFORCING to AWAITING_CURE and is looked at again when the time is over."""
    settings = await tx.settings()
    move(tx, alert, AlertStatus.ENFORCING, "alert.enforcing", cause="batch item RUNNING", data=data)
    now = alert_rules.AlertState(alert.status, alert.price_minor, alert.cycle)
    after = alert_rules.enforced(now, succeeded=True, now=tx.now, cure_hours=settings.cure_hours)
    move(tx, alert, after.status, "alert.awaiting_cure", cause="batch item SUCCEEDED", data=data)
    alert.cure_due_at = due or after.cure_due_at
    assert alert.cure_due_at is not None
    if alert.snoozed_until is not None:
        alert.snoozed_until = None
        await tx.not_due("alert.snooze", alert.id)
    await tx.due("alert.cure", alert.id, alert.cure_due_at)


def refused(tx: Transaction, alert: Alert) -> None:
    """The act was refused for good: somebody has to look. An alert that a person settled meanwhile stays as it is."""
    if alert.status in ENFORCED_FROM:
        move(tx, alert, AlertStatus.ENFORCING, "alert.enforcing", cause="batch item RUNNING")
        cause = "batch item FAILED, DEAD, SKIPPED or CANCELLED"
        move(tx, alert, AlertStatus.INVESTIGATING, "alert.not_enforced", cause=cause)
