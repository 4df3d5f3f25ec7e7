"""How an enforcement is taken back: each act has its own way, and none is taken where something has moved since.

What was sent cannot be unsent: a letter says that it is withdrawn.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select

from ..db.session import Transaction
from ..models import Dealer, Task
from ..rules import dealer as dealer_rules
from ..rules.clauses import implements
from ..rules.dealer import STANDING
from ..rules.enums import AlertStatus, BatchAction, DealerStanding, TaskStatus
from ..rules.errors import Forbidden
from .enforcement import state
from .enforcing import JOINED, SUSPENDED, Things
from .listing import reinstate, reinstate_of
from .notice import notify
from .observation import CURE, watched
from .restriction import unrestrict
from .writing import move

BACK = "batch rolled back"
OF_DEALER = ("standing", "notice")


@implements("BatchItem", "SUCCEEDED", "COMPENSATED", guard="after-state untouched since")
@implements("Alert", "AWAITING_CURE", "INVESTIGATING", effect="cureDueAt cleared", trigger="(batch rolled back)")
async def compensate(
    tx: Transaction,
    action: BatchAction,
    things: Things,
    item_id: UUID,
    outcome: str | None,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    """Undo one item, its rows locked. Raises Refused, having changed nothing, where they are not as it left them."""
    alert, joined = things.alert, outcome == JOINED
    now = state(action, alert, things.dealer, things.listing)
    # one act covers several alerts: those that joined it only give back their own
    moved = [name for name, is_ in now.items() if after.get(name) != is_ and not (joined and name in OF_DEALER)]
    if moved:
        changed = ", ".join(f"{name}: {after.get(name)} → {now[name]}" for name in moved)
        raise Forbidden(f"It changed since: {changed}.")
    if not joined:
        await WAYS_BACK[action](tx, things, item_id, before, after)
    if alert.status != AlertStatus.AWAITING_CURE:
        return  # its listing came back at another price, and that has cured it
    move(tx, alert, AlertStatus.INVESTIGATING, "alert.not_enforced", cause=BACK)
    alert.cure_due_at, alert.notice_sent_at = None, _moment(before.get("noticeSentAt"))
    await tx.not_due(CURE, alert.id)


@implements(STANDING, "WARNED", "WATCH", effect="notice withdrawn", trigger="(batch rolled back)")
@implements(
    STANDING,
    "WARNED",
    "WARNED",
    effect=("notice 2 withdrawn", "the deadline of notice 1 stands"),
    trigger="(batch rolled back)",
)
async def _withdraw_notice(
    tx: Transaction, things: Things, item_id: UUID, before: dict[str, Any], after: dict[str, Any]
) -> None:
    dealer = _dealer(things)
    to, notices = dealer_rules.withdraw(dealer.standing, notices=dealer.notice)
    dealer.notice, dealer.cure_due_at = notices, _moment(before.get("cureDueAt")) if notices else None
    move(
        tx, dealer, to, "dealer.notice_withdrawn", of=STANDING, column="standing", cause=BACK, data={"notice": notices}
    )
    if to == DealerStanding.WATCH:
        await watched(tx, dealer)
    await notify(tx, dealer, "withdrawn")


@implements(STANDING, "RESTRICTED", "WARNED", effect="restrictions of that item end")
async def _unrestrict(
    tx: Transaction, things: Things, item_id: UUID, before: dict[str, Any], after: dict[str, Any]
) -> None:
    dealer = _dealer(things)
    move(tx, dealer, "WARNED", "dealer.standing_changed", of=STANDING, column="standing", cause=BACK)
    await unrestrict(tx, dealer, item_id=item_id)
    await notify(tx, dealer, "withdrawn")


@implements(STANDING, "SUSPENDED", "RESTRICTED", effect="listings return to what they were", trigger=f"({BACK})")
async def _reinstate(
    tx: Transaction, things: Things, item_id: UUID, before: dict[str, Any], after: dict[str, Any]
) -> None:
    dealer = _dealer(things)
    move(tx, dealer, "RESTRICTED", "dealer.reinstated", of=STANDING, column="standing", cause=BACK)
    await unrestrict(tx, dealer, item_id=item_id)
    await tx.session.flush()  # its listings ask how it stands now
    await reinstate_of(tx, dealer, suspended_by=SUSPENDED, cause=BACK)
    await notify(tx, dealer, "withdrawn")


async def _release_payouts(
    tx: Transaction, things: Things, item_id: UUID, before: dict[str, Any], after: dict[str, Any]
) -> None:
    dealer = _dealer(things)
    await unrestrict(tx, dealer, item_id=item_id)
    await notify(tx, dealer, "withdrawn")


async def _reinstate_listing(
    tx: Transaction, things: Things, item_id: UUID, before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert things.listing is not None
    await reinstate(tx, things.listing, cause=BACK)
    if things.dealer is not None:
        await notify(tx, things.dealer, "withdrawn")


async def _cancel_task(
    tx: Transaction, things: Things, item_id: UUID, before: dict[str, Any], after: dict[str, Any]
) -> None:
    asked = select(Task).where(Task.tenant_id == tx.actor.tenant_id, Task.id == UUID(after["task"])).with_for_update()
    task = (await tx.session.execute(asked)).scalar_one()
    if task.status != TaskStatus.TODO:
        raise Forbidden(f"Somebody took the task up: it is {task.status}.")
    task.note = "The batch was rolled back."
    move(tx, task, TaskStatus.CANCELLED, "task.cancelled", mutation="taskTransition", reason=task.note)


Way = Callable[[Transaction, Things, UUID, dict[str, Any], dict[str, Any]], Awaitable[None]]
WAYS_BACK: dict[BatchAction, Way] = {
    BatchAction.SEND_WARNING: _withdraw_notice,
    BatchAction.RESTRICT: _unrestrict,
    BatchAction.SUSPEND: _reinstate,
    BatchAction.HOLD_PAYOUTS: _release_payouts,
    BatchAction.SUSPEND_LISTING: _reinstate_listing,
    BatchAction.CREATE_TASK: _cancel_task,
}


def _dealer(things: Things) -> Dealer:
    assert things.dealer is not None
    return things.dealer


def _moment(told: str | None) -> datetime | None:
    return None if told is None else datetime.fromisoformat(told)
