"""The actions of the kind ENFORCEMENT, a chunk at a time, and how they are taken back."""

from collections.abc import Sequence
from uuid import UUID

from ..db.session import Transaction
from ..models import Batch
from ..resolvers import enforcing
from ..resolvers.compensating import compensate
from ..resolvers.enforcement import state, worth
from ..rules.clauses import implements
from ..rules.enums import AlertStatus, BatchAction, BatchItemStatus
from ..rules.errors import Refused
from .actions import ACTIONS, COMPENSATIONS, Item, Past, Result

OF_DEALER = ("standing", "notice")


class Enforce:
    """Acts on the dealers or listings of alerts. An alert that is not as it was previewed is skipped."""

    def __init__(self, action: BatchAction) -> None:
        self.action = action

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        ids = [item.target_id for item in items if item.target_id]
        found = await enforcing.lock(tx, self.action, ids, whole=False)
        dealers = {things.dealer.id for things in found.values() if things.dealer is not None}
        acted = await enforcing.acted_on(tx, batch, self.action, dealers)
        return [
            await self._one(tx, batch, item, found.get(item.target_id) if item.target_id else None, acted)
            for item in items
        ]

    @implements("Alert", "ENFORCING", "RESOLVED", effect="the item, if still to do, is SKIPPED as already cured")
    async def _one(
        self,
        tx: Transaction,
        batch: Batch,
        item: Item,
        things: enforcing.Things | None,
        acted: set[UUID],
    ) -> Result:
        before = item.before
        if things is None:
            return Result("SKIPPED", error_code="DRIFT", error_message="It is gone.")
        alert, dealer = things.alert, things.dealer
        if alert.status == AlertStatus.RESOLVED:
            return Result(
                "SKIPPED", before=before, error_code="ALREADY_CURED", error_message="The price is cured already."
            )
        joined = dealer is not None and dealer.id in acted
        now = state(self.action, alert, dealer, things.listing)
        drifted = [name for name, was in before.items() if now.get(name) != was]
        if joined:  # an item of this very batch has moved the dealer
            drifted = [name for name in drifted if name not in OF_DEALER]
        if drifted:
            changed = ", ".join(f"{name}: {before[name]} → {now.get(name)}" for name in drifted)
            return Result("SKIPPED", before=before, error_code="DRIFT", error_message=f"It changed: {changed}.")
        order = enforcing.Order(item.id, batch.id, str(batch.plan["reason"]), joined)
        try:
            done = await enforcing.act(tx, self.action, things, order)
        except Refused as refusal:
            enforcing.refused(tx, alert)
            return Result("FAILED", before=before, error_code=refusal.code, error_message=refusal.message)
        if dealer is not None and self.action in enforcing.ON_DEALER:
            acted.add(dealer.id)
        after = state(self.action, alert, dealer, things.listing) | done.after
        return Result(
            outcome=done.outcome, before=before | done.before, after=after, impact_minor=worth(alert),
            currency=alert.currency,
        )  # fmt: skip


class TakeBack:
    """Undoes what an action did, where it is still as the action left it."""

    def __init__(self, action: BatchAction) -> None:
        self.action = action

    async def undo(self, tx: Transaction, batch: Batch, items: Sequence[Past]) -> list[Result]:
        found = await enforcing.lock(tx, self.action, [item.target_id for item in items if item.target_id])
        return [await self._one(tx, item, found.get(item.target_id) if item.target_id else None) for item in items]

    async def _one(self, tx: Transaction, item: Past, things: enforcing.Things | None) -> Result:
        failed = BatchItemStatus.COMPENSATION_FAILED
        if things is None:
            return Result(failed, error_code="NOT_FOUND", error_message="It is gone.")
        try:
            await compensate(tx, self.action, things, item.id, item.outcome, item.before, item.after)
        except Refused as refusal:
            return Result(failed, error_code=refusal.code, error_message=refusal.message)
        return Result(BatchItemStatus.COMPENSATED)


for _action in enforcing.ACTS:
    ACTIONS[_action] = Enforce(_action)
    COMPENSATIONS[_action] = TakeBack(_action)
