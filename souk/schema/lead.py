"""Leads as clients see them; the contact is a union, open or locked."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import and_, case, false, func, literal, or_

from .. import models
from ..engine.declare import (
    Connection,
    Node,
    computed,
    either,
    many,
    one,
    payload_node,
    sealed,
    to_list,
    to_many,
    to_one,
    view,
)
from ..engine.scalars import DateTime, EmailAddress, PhoneNumber
from ..engine.symbols import among
from ..permissions.base import may
from ..permissions.lead import MovesLead, MovesUnlock, OpensContact, SeesLead, WithdrawsLead, eligible, unlocked
from ..permissions.note import ReadsNote
from ..permissions.task import SeesTask
from ..resolvers import lead as resolve
from ..resolvers import task as resolve_task
from ..resolvers.external import external_ids_of_lead
from ..resolvers.lead import LeadContactReason
from ..resolvers.note import notes_on
from ..rules.actor import Role
from ..rules.enums import (
    LeadDistribution,
    LeadSource,
    LeadStatus,
    LeadTier,
    LeadUnlockStatus,
    LostReason,
)
from ..rules.lead import LIVE
from .external import ExternalId
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .dealer import Dealer
    from .listing import Listing
    from .note import Note
    from .task import Task
    from .user import User


def _reason(viewer: Any, _row: Any) -> Any:
    match viewer.role:
        case Role.SALES:
            return literal("NOT_ASSIGNED")
        case Role.DEALER:
            return case((eligible(viewer), literal("NOT_UNLOCKED")), else_=literal("RESTRICTED"))
        case Role.SERVICE if viewer.of_dealer and OpensContact().admits(viewer.facts):
            return literal("NOT_UNLOCKED")
    return literal("MASKED")


def _can_unlock(viewer: Any, row: Any) -> Any:
    if viewer.role is not Role.DEALER:
        return false()
    meant = or_(row.distribution == LeadDistribution.SHARED, func.coalesce(row.dealer_id == viewer.dealer_id, False))
    left = and_(among(row.status, LIVE), row.unlock_count < row.max_unlocks)
    return and_(left, meant, eligible(viewer), ~unlocked(viewer, live=False))


@view(models.Lead)
class LeadContactOpen:
    """Who asked, and what, for those who may open it."""

    name: str | None = sealed("contact_name_enc", OpensContact(), description="The person's name.")
    phone: PhoneNumber | None = sealed("contact_phone_enc", OpensContact(), description="The phone number, if given.")
    email: EmailAddress | None = sealed("contact_email_enc", OpensContact(), description="The address, if given.")
    message: str | None = sealed("message_enc", OpensContact(), description="What was asked, if anything.")


@view(models.Lead)
class LeadContactLocked:
    """In place of the contact: why it is locked, and whether it can be unlocked."""

    reason: LeadContactReason = computed(sql=_reason, description="Why.")
    unlock_cost: int
    can_unlock: bool = computed(sql=_can_unlock, description="Whether the viewer's dealer may unlock it now.")


LeadContact = Annotated[
    LeadContactOpen | LeadContactLocked, strawberry.union("LeadContact", description="The contact, open or locked.")
]


@view(models.LeadUnlock, node=resolve.lead_unlock, gate=SeesLead())
class LeadUnlock(Node):
    """One dealer's way with one lead: its contact is open to that dealer."""

    status: LeadUnlockStatus
    price_credits: int
    lost_reason: LostReason | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    lead: Annotated["Lead", strawberry.lazy(".lead")] | None = to_one(resolve.lead_of_unlock)
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_unlock)
    available_transitions: list[Transition] = transitions("LeadUnlock", {"unlock:setStatus": MovesUnlock()})


@view(models.Lead, node=resolve.lead, gate=SeesLead())
class Lead(Node):
    """Somebody's interest in a listing."""

    status: LeadStatus
    distribution: LeadDistribution
    tier: LeadTier
    source: LeadSource
    contact: LeadContact = either(
        OpensContact(), LeadContactOpen, LeadContactLocked, description="Who asked: open, or why it is locked."
    )
    max_unlocks: int
    unlock_count: int
    lost_reason: LostReason | None
    expires_at: DateTime
    created_at: DateTime
    updated_at: DateTime
    version: int
    tasks: Connection[Annotated["Task", strawberry.lazy(".task")]] | None = to_many(
        resolve_task.tasks_of_lead, gate=SeesTask()
    )
    listing: Annotated["Listing", strawberry.lazy(".listing")] | None = to_one(resolve.listing_of_lead)
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_lead)
    unlocks: Connection[LeadUnlock] = to_many(resolve.unlocks_of_lead)
    unlock: LeadUnlock | None = to_one(resolve.own_unlock_of_lead)
    user: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.user_of_lead)
    assignee: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.assignee_of_lead)
    external_ids: list[ExternalId] = to_list(external_ids_of_lead)
    notes: Connection[Annotated["Note", strawberry.lazy(".note")]] | None = to_many(notes_on("Lead"), gate=ReadsNote())
    available_transitions: list[Transition] = transitions(
        "Lead", {"lead:setStatus": MovesLead(), "lead:withdraw": WithdrawsLead()}
    )


DONE = "The lead; null when nothing was changed, and for those who may not read it."


@strawberry.type(description="The new lead.")
class LeadCreatePayload(KeyedPayload):
    lead: Lead | None = payload_node("lead", description=DONE)


@strawberry.type(description="The lead in its new state.")
class LeadSetStatusPayload(Payload):
    lead: Lead | None = payload_node("lead", description=DONE)


@strawberry.type(description="The lead taken up again.")
class LeadReopenPayload(Payload):
    lead: Lead | None = payload_node("lead", description=DONE)


@strawberry.type(description="The lead with its assignee.")
class LeadAssignPayload(Payload):
    lead: Lead | None = payload_node("lead", description=DONE)


@strawberry.type(description="The lead that was taken back.")
class LeadWithdrawPayload(Payload):
    lead: Lead | None = payload_node("lead", description=DONE)


@strawberry.type
class LeadQueries:
    lead: Lead | None = one(resolve.lead, gate=SeesLead())
    leads: Connection[Lead] | None = many(resolve.leads, gate=SeesLead())


MOVES = may("lead:setStatus") | may("unlock:setStatus")


@strawberry.type
class LeadMutations:
    lead_create: LeadCreatePayload | None = write(resolve.lead_create, gate=may("lead:create"))
    lead_set_status: LeadSetStatusPayload | None = write(resolve.lead_set_status, gate=MOVES)
    lead_reopen: LeadReopenPayload | None = write(resolve.lead_reopen, gate=MOVES)
    lead_assign: LeadAssignPayload | None = write(resolve.lead_assign, gate=may("lead:assign"))
    lead_withdraw: LeadWithdrawPayload | None = write(resolve.lead_withdraw, gate=may("lead:withdraw"))
