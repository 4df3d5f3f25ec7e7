"""The actions of the kind ENFORCEMENT, a chunk at a time."""

from collections.abc import Sequence
from uuid import UUID

from ..db.session import Transaction
from ..models import Batch
from ..resolvers import enforcement
from ..rules.clauses import implements
from ..rules.enums import AlertStatus, BatchAction
from ..rules.errors import Refused
from .actions import ACTIONS, Item, Result


class Enforce:
    """Acts on the dealers or listings of alerts. An alert that is not as it was previewed is skipped."""

    def __init__(self, action: BatchAction) -> None:
        self.action = action

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        found = await enforcement.lock(tx, [item.target_id for item in items if item.target_id])
        dealers = {item.payload["dealer"] for item in items if item.payload.get("dealer")}
        warned = await enforcement.warned_by(tx, batch, dealers) if self.action is BatchAction.SEND_WARNING else set()
        before = await enforcement.previewed(tx, batch, items)
        return [
            await self._one(tx, batch, found.get(item.target_id) if item.target_id else None, before[item.id], warned)
            for item in items
        ]

    @implements("Alert", "ENFORCING", "RESOLVED", effect="the item, if still to do, is SKIPPED as already cured")
    async def _one(
        self,
        tx: Transaction,
        batch: Batch,
        things: enforcement.Things | None,
        before: dict[str, object],
        warned: set[UUID],
    ) -> Result:
        if things is None:
            return Result("SKIPPED", error_code="DRIFT", error_message="It is gone.")
        alert, dealer = things.alert, things.dealer
        if alert.status == AlertStatus.RESOLVED:
            return Result(
                "SKIPPED", before=before, error_code="ALREADY_CURED", error_message="The price is cured already."
            )
        joined = dealer is not None and dealer.id in warned
        now = enforcement.state(self.action, alert, dealer, things.listing)
        drifted = [name for name, was in before.items() if now.get(name) != was]
        if joined:  # the notice of this very batch has moved the dealer
            drifted = [name for name in drifted if name not in ("standing", "notice")]
        if drifted:
            changed = ", ".join(f"{name}: {before[name]} → {now.get(name)}" for name in drifted)
            return Result("SKIPPED", before=before, error_code="DRIFT", error_message=f"It changed: {changed}.")
        reason = str(batch.plan["reason"])
        try:
            if self.action is BatchAction.SEND_WARNING:
                outcome = await enforcement.send_warning(tx, things, joined=joined, reason=reason)
            else:
                outcome = await enforcement.suspend_listing(tx, things, reason=reason)
        except Refused as refusal:
            enforcement.refused(tx, alert)
            return Result("FAILED", before=before, error_code=refusal.code, error_message=refusal.message)
        if dealer is not None and outcome == "WARNED":
            warned.add(dealer.id)
        after = enforcement.state(self.action, alert, dealer, things.listing)
        return Result(
            outcome=outcome, before=before, after=after, impact_minor=alert.impact_minor, currency=alert.currency
        )


for _action in enforcement.ACTIONS:
    ACTIONS[_action] = Enforce(_action)
