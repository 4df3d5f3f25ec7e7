"""A ticket's way: who works on it, where it goes, and how it ends."""

from uuid import UUID

import strawberry
from sqlalchemy import any_, bindparam, exists, or_, select

from ...db.session import Transaction
from ...engine.scalars import DateTime
from ...models import Membership, MembershipTeam, Team, Ticket, User
from ...permissions.team import SeesTeam
from ...permissions.ticket import AsRequester, AssignsTicket, MovesTicket, SeesTicket
from ...permissions.user import SeesUser
from ...rules import text as texts
from ...rules import ticket as rules
from ...rules.actor import Role
from ...rules.enums import TicketStatus, UserStatus
from ...rules.errors import Invalid, OutOfRange, Required
from ..writing import found, locked, permit
from .steps import state, step


@strawberry.input(description="A ticket on its way.")
class TicketTransitionInput:
    id: strawberry.ID = strawberry.field(description="The ticket.")
    to: TicketStatus = strawberry.field(description="Where it goes.")
    reason: str | None = strawberry.field(
        default=None, description="Why, at most 1,000 characters; required for ON_HOLD, where only staff read it."
    )
    resolution: str | None = strawberry.field(
        default=None, description="How it was resolved, at most 5,000 characters; required for RESOLVED."
    )
    resume_at: DateTime | None = strawberry.field(
        default=None, description="For ON_HOLD: when the hold ends by itself."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def ticket_transition(tx: Transaction, input: TicketTransitionInput) -> Ticket:
    """Move a ticket: OPEN, WAITING_ON_REQUESTER (once it was answered in public), ON_HOLD, RESOLVED, CLOSED."""
    ticket = await locked(tx, Ticket, input.id, SeesTicket(), version=input.expected_version)
    await permit(tx, MovesTicket(), ticket)
    reason = texts.optional_body(input.reason, 1000, field="reason")
    resolution = texts.optional_body(input.resolution, 5000, field="resolution")
    rules.transition(state(ticket), input.to, reason=reason, resolution=resolution)
    held = input.to is TicketStatus.ON_HOLD
    if input.resume_at is not None and (not held or input.resume_at <= tx.now):
        raise OutOfRange("A hold ends in the future.", field="resumeAt")
    if held:
        ticket.hold_reason, ticket.resume_at = reason, input.resume_at
    if input.to is TicketStatus.RESOLVED:
        ticket.resolution = resolution
    await step(tx, ticket, input.to, mutation="ticketTransition", reason=None if held else reason)
    return ticket


@strawberry.input(description="Who works on a ticket.")
class TicketAssignInput:
    id: strawberry.ID = strawberry.field(description="The ticket.")
    assignee_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Who works on it: OWNER, ADMIN, OPS, or an AGENT of the team; null for nobody.", default=None
    )
    team_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Which team; null for none.", default=None
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def ticket_assign(tx: Transaction, input: TicketAssignInput) -> Ticket:
    """Give a ticket to a person, a team, or both. A NEW one is OPEN from then on."""
    ticket = await locked(tx, Ticket, input.id, SeesTicket(), version=input.expected_version)
    await permit(tx, AssignsTicket(), ticket)
    if input.assignee_id is None and input.team_id is None:
        raise Required("Say who, or which team.", field="assigneeId")
    if ticket.status == TicketStatus.CANCELLED:
        raise Invalid("The ticket was cancelled.", field="id")
    team_id, assignee_id = ticket.team_id, ticket.assignee_id
    if input.team_id is not None:
        team = input.team_id.value
        row = None if team is None else await found(tx, Team, team, SeesTeam(), field="teamId")
        if row is not None and row.archived_at is not None and row.id != ticket.team_id:
            raise Invalid("An archived team takes no ticket.", field="teamId")
        team_id = None if row is None else row.id
    if input.assignee_id is not None:
        who = input.assignee_id.value
        assignee_id = None if who is None else (await _worker(tx, team_id, who)).id
    ticket.team_id, ticket.assignee_id = team_id, assignee_id
    tx.emit("ticket.assigned", ticket, data={"assignee": _id(ticket.assignee_id), "team": _id(ticket.team_id)})
    if rules.worked_on(ticket.status) != ticket.status:
        await step(tx, ticket, TicketStatus.OPEN, mutation="ticketAssign")
    return ticket


def _id(value: object) -> str | None:
    return None if value is None else str(value)


async def _worker(tx: Transaction, team_id: UUID | None, id: strawberry.ID) -> User:
    """Somebody who may work on a ticket of this team."""
    person = await found(tx, User, id, SeesUser(), field="assigneeId")
    in_team = exists().where(
        MembershipTeam.tenant_id == Membership.tenant_id,
        MembershipTeam.membership_id == Membership.id,
        MembershipTeam.team_id == team_id,
    )
    everywhere = Membership.role == any_(bindparam(None, [Role.OWNER.value, Role.ADMIN.value, Role.OPS.value]))
    held = select(Membership.id).where(
        Membership.user_id == person.id,
        Membership.ended_at.is_(None),
        or_(everywhere, (Membership.role == "AGENT") & or_(Membership.all_teams.is_(True), in_team)),
    )
    works = (await tx.session.execute(held.limit(1))).scalar_one_or_none() is not None
    if not works or person.status != UserStatus.ACTIVE:
        raise Invalid("This person does not work on this ticket's team.", field="assigneeId")
    return person


@strawberry.input(description="A ticket that nobody is to work on.")
class TicketCancelInput:
    id: strawberry.ID = strawberry.field(description="The ticket.")
    reason: str | None = strawberry.field(
        default=None, description="Why, at most 1,000 characters; required of those who work on it."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def ticket_cancel(tx: Transaction, input: TicketCancelInput) -> Ticket:
    """Cancel a ticket: the requester while it is NEW and nobody answered, or those who work on it, with a reason."""
    ticket = await locked(tx, Ticket, input.id, SeesTicket(), version=input.expected_version)
    own = tx.actor.user_id == ticket.requester_id and ticket.status == TicketStatus.NEW
    as_agent = MovesTicket().allows(tx.actor, ticket) and not own
    await permit(tx, MovesTicket() if as_agent else AsRequester(), ticket)
    reason = texts.optional_body(input.reason, 1000, field="reason")
    rules.cancel(state(ticket), as_agent=as_agent, reason=reason)
    await step(tx, ticket, TicketStatus.CANCELLED, mutation="ticketCancel", reason=reason)
    return ticket


@strawberry.input(description="A resolution that the requester agrees with.")
class TicketConfirmInput:
    id: strawberry.ID = strawberry.field(description="The ticket.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def ticket_confirm(tx: Transaction, input: TicketConfirmInput) -> Ticket:
    """Agree with a resolution: the ticket is CLOSED."""
    ticket = await locked(tx, Ticket, input.id, SeesTicket(), version=input.expected_version)
    await permit(tx, AsRequester(), ticket)
    rules.confirm(state(ticket))
    await step(tx, ticket, TicketStatus.CLOSED, mutation="ticketConfirm")
    return ticket


@strawberry.input(description="A ticket that says what another one says.")
class TicketMergeInput:
    id: strawberry.ID = strawberry.field(description="The ticket that ends.")
    into_id: strawberry.ID = strawberry.field(description="The ticket that goes on.")
    expected_version: int = strawberry.field(description="The version of the first that was read.")


async def ticket_merge(tx: Transaction, input: TicketMergeInput) -> Ticket:
    """End a ticket as a duplicate of another. Nobody sees the other one for it who did not see it before."""
    ticket = await locked(tx, Ticket, input.id, SeesTicket(), version=input.expected_version)
    await permit(tx, MovesTicket(), ticket)
    into = await found(tx, Ticket, input.into_id, SeesTicket(), field="intoId")
    await permit(tx, MovesTicket(), into)
    if into.id == ticket.id or into.status == TicketStatus.CANCELLED:
        raise Invalid("Name another ticket, one that was not cancelled.", field="intoId")
    rules.cancel(state(ticket), as_agent=True, duplicate=True)
    ticket.duplicate_of_id = into.id
    await step(tx, ticket, TicketStatus.CANCELLED, mutation="ticketMerge")
    tx.emit("ticket.merged", into, data={"from": str(ticket.id)}, internal=True)
    return ticket
