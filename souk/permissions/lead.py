"""Who sees leads, and who reads the contact in them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_
from sqlalchemy.orm import aliased

from ..engine.symbols import among
from ..models import Dealer, Lead, LeadUnlock
from ..rules.actor import Actor, Role
from ..rules.dealer import OUT_OF_ORDER
from ..rules.enums import DealerVerification, LeadDistribution, LeadUnlockStatus
from .base import Permission


def _is(column: Any, value: Any) -> ColumnElement[bool]:
    same: ColumnElement[bool] = column == value
    return same


def eligible(viewer: Any) -> ColumnElement[bool]:
    """The viewer's dealer is VERIFIED and in order."""
    dealer = aliased(Dealer)
    own = and_(dealer.tenant_id == Lead.tenant_id, dealer.id == viewer.dealer_id)
    in_order = ~among(dealer.standing, sorted(OUT_OF_ORDER))
    return exists().where(own, dealer.verification == DealerVerification.VERIFIED, in_order)


def unlocked(viewer: Any, *, live: bool) -> ColumnElement[bool]:
    """The viewer's dealer has an unlock of the lead; a refunded one is not live."""
    unlock = aliased(LeadUnlock)
    own = and_(unlock.tenant_id == Lead.tenant_id, unlock.lead_id == Lead.id, unlock.dealer_id == viewer.dealer_id)
    return exists().where(own, unlock.status != LeadUnlockStatus.REFUNDED) if live else exists().where(own)


class SeesLead(Permission[Lead]):
    """Staff; who asked; the listing's dealer, who unlocked it, and eligible dealers where a SHARED one has a place left."""

    name = "lead:read"
    model = Lead
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role is Role.CUSTOMER:
            return _is(Lead.user_id, viewer.user_id)
        open_to_all = and_(Lead.distribution == LeadDistribution.SHARED, Lead.unlock_count < Lead.max_unlocks)
        return or_(
            Lead.user_id == viewer.user_id,
            Lead.dealer_id == viewer.dealer_id,
            unlocked(viewer, live=False),
            and_(open_to_all, eligible(viewer)),
        )


class OpensContact(Permission[Lead]):
    """Name, phone, e-mail and message."""

    name = "lead:contact"
    model = Lead
    in_python = False
    marked = True
    message = "The contact of a lead is shown to who may open it."

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        match viewer.role:
            case Role.SALES:
                return _is(Lead.assignee_id, viewer.user_id)
            case Role.CUSTOMER:
                return _is(Lead.user_id, viewer.user_id)
            case Role.DEALER:
                return or_(Lead.user_id == viewer.user_id, unlocked(viewer, live=True))
            case Role.SERVICE:
                return unlocked(viewer, live=True)
        return false()


class SeesUnlock(Permission[LeadUnlock]):
    """The unlocks of a lead: staff all of them, a dealer its own."""

    name = "lead:read"
    model = LeadUnlock

    def owns(self, actor: Actor, row: LeadUnlock) -> bool:
        return actor.dealer_id is not None and row.dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _is(LeadUnlock.dealer_id, viewer.dealer_id)


class MovesLead(Permission[Lead]):
    """The lead's own status: staff."""

    name = "lead:setStatus"
    model = Lead
    message = "You may not move this lead."


class MovesUnlock(SeesUnlock):
    """The status of one's own unlock."""

    name = "unlock:setStatus"
    message = "You may move the leads that you have unlocked."


class AssignsLead(Permission[Lead]):
    """Gives a lead to a colleague; SALES takes one that nobody has."""

    name = "lead:assign"
    model = Lead
    message = "You may take a lead that nobody has."

    def owns(self, actor: Actor, row: Lead) -> bool:
        if actor.role is not Role.SALES:
            return actor.dealer_id is not None and row.dealer_id == actor.dealer_id
        return row.assignee_id is None or row.assignee_id == actor.user_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role is not Role.SALES:
            return _is(Lead.dealer_id, viewer.dealer_id)
        return or_(Lead.assignee_id.is_(None), Lead.assignee_id == viewer.user_id)


class WithdrawsLead(Permission[Lead]):
    """Takes back one's own lead."""

    name = "lead:withdraw"
    model = Lead
    message = "Only who asked takes it back."

    def owns(self, actor: Actor, row: Lead) -> bool:
        return actor.user_id is not None and row.user_id == actor.user_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _is(Lead.user_id, viewer.user_id)
