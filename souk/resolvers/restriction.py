"""What a dealer lacks: who reads it, and the one function that asks it before a dealer acts.

Whoever restricts a dealer holds its row FOR UPDATE, whoever asks holds it FOR SHARE: what was asked stays so until the
end of the transaction, and a deal is never made beside a restriction that came first.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

import strawberry
from sqlalchemy import Select, or_, select

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import Batch, BatchItem, Dealer, DealerRestriction, new_id
from ..permissions.batch import SeesBatch
from ..permissions.dealer import ReadsRestriction
from ..rules import dealer as rules
from ..rules.dealer import DealerState, Restriction
from ..rules.enums import BatchAction, RestrictionKind


def dealer_restriction(viewer: Viewer, id: strawberry.ID) -> Select[DealerRestriction]:
    """One restriction by its id."""
    found = select(DealerRestriction).where(DealerRestriction.id == key(id, DealerRestriction))
    return found.where(ReadsRestriction().rows(viewer))


def restrictions_of_dealer(viewer: Viewer, dealer: Dealer) -> Select[DealerRestriction]:
    """What it lacks and lacked, the newest first; what has no end yet still holds."""
    found = select(DealerRestriction).where(DealerRestriction.dealer_id == dealer.id, ReadsRestriction().rows(viewer))
    return found.order_by(DealerRestriction.since.desc())


async def dealer_state(tx: Transaction, dealer_id: UUID) -> DealerState:
    """The dealer as the rules see it; held until the end of the transaction, so that it stays so."""
    (found,) = (await dealer_states(tx, [dealer_id])).values()
    return found


async def dealer_states(tx: Transaction, dealer_ids: Collection[UUID]) -> dict[UUID, DealerState]:
    """The same of several dealers, held in the order of their ids."""
    tenant = tx.actor.tenant_id
    asked = select(Dealer.id, Dealer.verification, Dealer.standing).where(Dealer.tenant_id == tenant)
    held = asked.where(Dealer.id.in_(dealer_ids)).order_by(Dealer.id).with_for_update(read=True)
    dealers = (await tx.session.execute(held)).all()
    # a statement of its own: it begins when the lock is there, and so sees what was committed meanwhile
    of = DealerRestriction
    lacking = select(of.dealer_id, of.kind, of.since, of.until).where(of.tenant_id == tenant)
    lacked: dict[UUID, list[Restriction]] = {}
    for dealer, kind, since, until in await tx.session.execute(lacking.where(of.dealer_id.in_(dealer_ids))):
        lacked.setdefault(dealer, []).append(Restriction(RestrictionKind[kind], since, until))
    return {
        id_: DealerState(verification, standing, rules.restricted(lacked.get(id_, ()), now=tx.now))
        for id_, verification, standing in dealers
    }


async def restrict(
    tx: Transaction, dealer: Dealer, kinds: Iterable[RestrictionKind], *, reason: str, item_id: UUID | None = None
) -> list[DealerRestriction]:
    """Take privileges from a dealer whose row the caller holds, for a batch item or for itself."""
    made = [
        DealerRestriction(
            id=new_id(), dealer_id=dealer.id, kind=kind, batch_item_id=item_id, reason=reason, since=tx.now
        )
        for kind in sorted(kinds)
    ]
    for each in made:
        tx.add(each)
        tx.emit("dealer.restricted", dealer, reason=reason, data={"kind": each.kind})
    return made


async def unrestrict(
    tx: Transaction,
    dealer: Dealer,
    *,
    item_id: UUID | None = None,
    action: BatchAction | None = None,
    reason: str | None = None,
) -> int:
    """End restrictions of a dealer whose row the caller holds: those of one batch item, of one action, or all that live.

    Gives their number.
    """
    of = DealerRestriction
    live = select(of).where(
        of.tenant_id == tx.actor.tenant_id, of.dealer_id == dealer.id, or_(of.until.is_(None), of.until > tx.now)
    )
    if item_id is not None:
        live = live.where(of.batch_item_id == item_id)
    if action is not None:
        item = (BatchItem.tenant_id == of.tenant_id) & (BatchItem.id == of.batch_item_id)
        live = live.join(BatchItem, item).where(BatchItem.action == action)
    ended = (await tx.session.execute(live.order_by(of.id).with_for_update(of=of))).scalars().all()
    for each in ended:
        each.until = tx.now
        tx.emit("dealer.unrestricted", dealer, reason=reason, data={"kind": each.kind})
    return len(ended)


def item_of_restriction(viewer: Viewer, restriction: DealerRestriction) -> Select[BatchItem]:
    """The item of a batch that took it away; null for those who may not see that batch."""
    of = (Batch.tenant_id == BatchItem.tenant_id) & (Batch.id == BatchItem.batch_id)
    found = select(BatchItem).join(Batch, of)
    return found.where(BatchItem.id == restriction.batch_item_id, SeesBatch().rows(viewer))
