"""How a lead moves, and what follows: its clock, its unlocks, and an offer that overtakes it."""

from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Lead, LeadUnlock, Offer
from ...rules import lead as rules
from ...rules.clauses import implements
from ...rules.enums import LeadUnlockStatus, LostReason
from ...rules.lead import LeadState
from ..writing import locked, move

EXPIRY = "lead.expiry"


def state_of(lead: Lead) -> LeadState:
    return LeadState(lead.status, lead.expires_at, lead.unlock_count, lead.max_unlocks)


async def step(
    tx: Transaction,
    lead: Lead,
    to: str,
    *,
    mutation: str | None = None,
    cause: str | None = None,
    lost_reason: str | None = None,
    data: dict[str, str] | None = None,
) -> None:
    """Move the lead and wind its clock: 30 days (`leadDays`) from now while it can run out. An ending ends its unlocks."""
    move(tx, lead, to, "lead.status_changed", mutation=mutation, cause=cause, reason=lost_reason, data=data)
    lead.lost_reason = lost_reason
    lead.expires_at = rules.expiry(tx.now, (await tx.settings()).lead_days)
    if rules.runs_out(to):
        await tx.due(EXPIRY, lead.id, lead.expires_at)
    else:
        await tx.not_due(EXPIRY, lead.id)


async def unlocks(tx: Transaction, lead: Lead) -> list[LeadUnlock]:
    """All of a lead, locked in the order of their ids; the caller holds the lead's lock."""
    asked = select(LeadUnlock).where(LeadUnlock.lead_id == lead.id).order_by(LeadUnlock.id).with_for_update()
    return list((await tx.session.execute(asked.execution_options(populate_existing=True))).scalars())


@implements("Lead", "NEGOTIATING", "WON", effect="other unlocks LOST")
@implements("Lead", "*", "EXPIRED", effect="unlocks LOST")
@implements("Lead", "*", "WITHDRAWN", effect=("unlocks LOST", "nothing is charged back"))
async def end_unlocks(tx: Transaction, lead: Lead, *, but_of: UUID | None = None) -> None:
    """The unlocks still on their way are LOST, because the lead has ended; what was paid for them stays paid."""
    for unlock in await unlocks(tx, lead):
        if unlock.status in rules.LIVE and unlock.dealer_id != but_of:
            unlock.lost_reason = rules.ENDED_WITH[lead.status]
            move(
                tx, unlock, LeadUnlockStatus.LOST, "lead.unlock_changed",
                cause="lead ended", reason=unlock.lost_reason,
            )  # fmt: skip


async def follow(tx: Transaction, lead: Lead, unlock: LeadUnlock) -> None:
    """The lead after one of its unlocks moved: forward with it, lost with the last, reopened with the first."""
    if unlock.status == LeadUnlockStatus.LOST:
        every = await unlocks(tx, lead)
        if lead.status in rules.LIVE and all(each.status in ("LOST", "REFUNDED") for each in every):
            await step(tx, lead, "LOST", cause="every unlock LOST", lost_reason=unlock.lost_reason or LostReason.OTHER)
    elif lead.status == "LOST":
        await step(tx, lead, "CONTACTED", cause="unlock reopened")
    elif rules.follows(lead.status, unlock.status):
        await step(tx, lead, unlock.status, cause="unlock moved")
        if unlock.status == LeadUnlockStatus.WON:
            await end_unlocks(tx, lead, but_of=unlock.dealer_id)


async def offer_made(tx: Transaction, offer: Offer) -> None:
    """A person who asked about the listing makes an offer for it: the lead is NEGOTIATING, the owner's unlock too."""
    if offer.proposer_user_id is None:
        return
    asked = select(Lead).where(Lead.user_id == offer.proposer_user_id, Lead.listing_id == offer.listing_id)
    found = asked.order_by(Lead.id).with_for_update().execution_options(populate_existing=True)
    for lead in (await tx.session.execute(found)).scalars():
        if lead.status in rules.ENDED_WITH or lead.status == "LOST":
            continue
        for unlock in await unlocks(tx, lead):
            on_its_way = rules.ahead("NEGOTIATING", unlock.status)
            if unlock.dealer_id == offer.owner_dealer_id and on_its_way:
                move(tx, unlock, LeadUnlockStatus.NEGOTIATING, "lead.unlock_changed", cause="offer created")
        if rules.offered(state_of(lead)) != lead.status:
            await step(tx, lead, "NEGOTIATING", cause="offer created", data={"offerId": str(offer.id)})


async def expire(tx: Transaction, lead_id: UUID) -> None:
    """What a timer does when a lead's time has come; nothing where it moved meanwhile."""
    lead = await locked(tx, Lead, lead_id, None)
    if rules.expire(state_of(lead), now=tx.now):
        move(tx, lead, "EXPIRED", "lead.expired", cause="expiresAt")
        await end_unlocks(tx, lead)
    elif rules.runs_out(lead.status):
        await tx.due(EXPIRY, lead.id, lead.expires_at)
