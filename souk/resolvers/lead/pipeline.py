"""How leads are moved: staff move the lead, a dealer its own unlock, and the lead follows."""

from datetime import datetime
from uuid import UUID

import strawberry
from sqlalchemy import func, select

from ...db.session import Transaction
from ...engine.symbols import key
from ...models import Deal, DomainEvent, Lead, LeadUnlock, Membership, User
from ...permissions.deal import SeesDeal
from ...permissions.lead import AssignsLead, MovesLead, MovesUnlock, SeesLead, WithdrawsLead
from ...rules import lead as rules
from ...rules.actor import Role
from ...rules.enums import LeadStatus, LeadUnlockStatus, LostReason, UserStatus
from ...rules.errors import Forbidden, Invalid, NotFound, StaleVersion
from ..writing import found, locked, move, permit
from .follow import end_unlocks, follow, state_of, step

FOLLOWERS = (Role.OWNER, Role.ADMIN, Role.OPS, Role.SALES)
"""Who may be given a lead."""


@strawberry.input(description="A step of a lead: of the lead itself for staff, of one's own unlock for a dealer.")
class LeadSetStatusInput:
    id: strawberry.ID = strawberry.field(description="The lead.")
    to: LeadStatus = strawberry.field(description="The state it comes to.")
    lost_reason: LostReason | None = strawberry.field(default=None, description="Why; needed for LOST and INVALID.")
    deal_id: strawberry.ID | None = strawberry.field(default=None, description="The deal it was won with; for WON.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was read: the lead's for staff, the unlock's for a dealer."
    )


async def lead_set_status(tx: Transaction, input: LeadSetStatusInput) -> Lead:
    """Move a lead on. Staff move the lead; a dealer moves its own unlock, and a lead that is behind follows."""
    lead = await locked(tx, Lead, input.id, SeesLead())
    unlock = await _own_unlock(tx, lead) if _by_dealer(tx) else None
    if unlock is None:
        await permit(tx, MovesLead(), lead)
    _version(unlock or lead, input.expected_version)
    deal = await _deal(tx, lead, input.deal_id)
    if unlock is not None:
        rules.set_unlock_status(unlock.status, input.to, reason=input.lost_reason, deal=deal is not None)
        unlock.lost_reason = input.lost_reason if input.to == LeadStatus.LOST else None
        move(
            tx, unlock, input.to, "lead.unlock_changed",
            mutation="leadSetStatus", reason=unlock.lost_reason, data=_named(deal),
        )  # fmt: skip
        await follow(tx, lead, unlock)
        return lead
    moved = rules.set_status(state_of(lead), input.to, reason=input.lost_reason, deal=deal is not None, now=tx.now)
    await step(tx, lead, moved.status, mutation="leadSetStatus", lost_reason=moved.lost_reason, data=_named(deal))
    if moved.status in rules.ENDED_WITH:
        await end_unlocks(tx, lead, but_of=lead.dealer_id if deal else None)
    return lead


@strawberry.input(description="A lost lead taken up again: the lead itself for staff, one's own unlock for a dealer.")
class LeadReopenInput:
    id: strawberry.ID = strawberry.field(description="The lead.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was read: the lead's for staff, the unlock's for a dealer."
    )


async def lead_reopen(tx: Transaction, input: LeadReopenInput) -> Lead:
    """Take a lost lead up again, within 30 days."""
    lead = await locked(tx, Lead, input.id, SeesLead())
    if _by_dealer(tx):
        unlock = await _own_unlock(tx, lead)
        _version(unlock, input.expected_version)
        rules.reopen_unlock(unlock.status, lead.status, lost_at=unlock.updated_at, now=tx.now)
        unlock.lost_reason = None
        move(tx, unlock, LeadUnlockStatus.CONTACTED, "lead.unlock_changed", mutation="leadReopen")
        await follow(tx, lead, unlock)
        return lead
    await permit(tx, MovesLead(), lead)
    _version(lead, input.expected_version)
    moved = rules.reopen(state_of(lead), lost_at=await _lost_at(tx, lead), now=tx.now)
    await step(tx, lead, moved.status, mutation="leadReopen")
    return lead


async def _lost_at(tx: Transaction, lead: Lead) -> datetime:
    """When it was lost last; what the tenant's `leadDays` have become since does not matter."""
    lost = (DomainEvent.subject_id == lead.id, DomainEvent.to_status == LeadStatus.LOST)
    found = (await tx.session.execute(select(func.max(DomainEvent.at)).where(*lost))).scalar_one()
    return found if found is not None else lead.updated_at


@strawberry.input(description="Who follows a lead up.")
class LeadAssignInput:
    id: strawberry.ID = strawberry.field(description="The lead.")
    assignee_id: strawberry.ID | None = strawberry.field(
        description="A colleague who is OWNER, ADMIN, OPS or SALES; null for nobody. SALES name themselves."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def lead_assign(tx: Transaction, input: LeadAssignInput) -> Lead:
    """Give a lead to a colleague. SALES take one that nobody has."""
    lead = await locked(tx, Lead, input.id, SeesLead(), version=input.expected_version)
    await permit(tx, AssignsLead(), lead)
    assignee = await _colleague(tx, input.assignee_id) if input.assignee_id is not None else None
    if tx.actor.role is Role.SALES and assignee != tx.actor.user_id:
        raise Forbidden("You may take a lead for yourself.")
    lead.assignee_id = assignee
    tx.emit("lead.assigned", lead, data={"assigneeId": str(assignee) if assignee else None})
    return lead


@strawberry.input(description="One's own question, taken back.")
class LeadWithdrawInput:
    id: strawberry.ID = strawberry.field(description="The lead.")
    expected_version: int | None = strawberry.field(default=None, description="The version that was read.")


async def lead_withdraw(tx: Transaction, input: LeadWithdrawInput) -> Lead:
    """Take one's own lead back. What dealers paid for it stays paid."""
    lead = await locked(tx, Lead, input.id, SeesLead(), version=input.expected_version)
    await permit(tx, WithdrawsLead(), lead)
    status = rules.withdraw(state_of(lead), own=True)
    await step(tx, lead, status, mutation="leadWithdraw")
    await end_unlocks(tx, lead)
    return lead


# The parts --------------------------------------------------------------------------------------------------------


def _by_dealer(tx: Transaction) -> bool:
    return MovesUnlock().admits(tx.actor.facts)


async def _own_unlock(tx: Transaction, lead: Lead) -> LeadUnlock:
    """The unlock of the actor's dealer, locked. Raises Forbidden without one: the lead is in sight all the same."""
    asked = select(LeadUnlock).where(LeadUnlock.lead_id == lead.id, LeadUnlock.dealer_id == tx.actor.dealer_id)
    unlock = (await tx.session.execute(asked.with_for_update())).scalar_one_or_none()
    if unlock is None:
        raise Forbidden(MovesUnlock.message)
    await permit(tx, MovesUnlock(), unlock)
    return unlock


def _version(row: Lead | LeadUnlock, expected: int | None) -> None:
    if expected is not None and expected != row.version:
        raise StaleVersion(row.version)


async def _deal(tx: Transaction, lead: Lead, deal_id: strawberry.ID | None) -> Deal | None:
    if deal_id is None:
        return None
    deal = await found(tx, Deal, deal_id, SeesDeal(), field="deal_id")
    if deal.listing_id != lead.listing_id:
        raise Invalid("The deal is about another listing.", field="deal_id")
    return deal


def _named(deal: Deal | None) -> dict[str, str] | None:
    return {"dealId": str(deal.id)} if deal else None


async def _colleague(tx: Transaction, id: strawberry.ID) -> UUID:
    """The user behind the id, if leads are something for that person. Raises NotFound."""
    member = select(Membership.user_id).where(
        Membership.user_id == key(id, User), Membership.role.in_(FOLLOWERS), Membership.ended_at.is_(None)
    )
    asked = select(User.id).where(User.id.in_(member), User.status == UserStatus.ACTIVE)
    user_id: UUID | None = (await tx.session.execute(asked)).scalar_one_or_none()
    if user_id is None:
        raise NotFound(field="assignee_id")
    return user_id
