"""A ticket's way, and the guard that keeps a clock from being stopped without an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from souk.rules.clauses import implements
from souk.rules.enums import CommentVisibility
from souk.rules.errors import InvalidTransition, Refused, Required
from souk.rules.machines import check, machine

TICKET = "Ticket"


@dataclass(frozen=True, slots=True)
class TicketState:
    """`asked_at`: the requester's last public word, the ticket's own text included; `answered_at`: the last PUBLIC
    comment of an agent, None before the first."""

    status: str
    asked_at: datetime
    answered_at: datetime | None = None

    @property
    def answered(self) -> bool:
        """Whether an agent has spoken in public since the requester last did."""
        return self.answered_at is not None and self.answered_at > self.asked_at


@implements(
    TICKET,
    "OPEN",
    "WAITING_ON_REQUESTER",
    guard="a public agent comment since the last requester comment (anti-gaming)",
)
@implements(TICKET, "OPEN", "ON_HOLD", guard="holdReason")
@implements(TICKET, ("OPEN", "WAITING_ON_REQUESTER", "ON_HOLD"), "RESOLVED", guard="resolution text")
def transition(ticket: TicketState, to: str, *, reason: str | None = None, resolution: str | None = None) -> str:
    """The status that an agent moves the ticket to.

    ON_HOLD asks for a reason, RESOLVED for a resolution, WAITING_ON_REQUESTER for a public comment of an agent since
    the requester's last. Raises InvalidTransition (also for the unanswered ticket), Required.
    """
    check(TICKET, ticket.status, to, mutation="ticketTransition")
    if to == "WAITING_ON_REQUESTER" and not ticket.answered:
        allowed = [state for state in machine(TICKET).allowed(ticket.status) if state != to]
        raise InvalidTransition(ticket.status, to, allowed, "Answer in public first: the requester has the last word.")
    if to == "ON_HOLD" and not (reason and reason.strip()):
        raise Required("Say what it waits for.", field="reason")
    if to == "RESOLVED" and not (resolution and resolution.strip()):
        raise Required("Say how it was resolved.", field="resolution")
    return to


def may(ticket: TicketState, to: str) -> str | None:
    """Why the state of things forbids `to` now, for `availableTransitions`; None when it is open."""
    try:
        transition(ticket, to, reason="-", resolution="-")
    except Refused as refusal:
        return refusal.message
    return None


def worked_on(status: str) -> str:
    """The status after an assignment or an agent's first act: NEW becomes OPEN."""
    return "OPEN" if status == "NEW" else status


@dataclass(frozen=True, slots=True)
class Commented:
    """What a comment does to its ticket: `follow_up` is a new ticket in place of a comment on a CLOSED one."""

    status: str
    reopened: bool = False
    follow_up: bool = False


@implements(TICKET, "RESOLVED", "OPEN", guard="own", trigger="(requester's public comment)")
def commented(ticket: TicketState, *, by_requester: bool, visibility: str, by_agent: bool | None = None) -> Commented:
    """The ticket after a comment, by the requester, by an agent (`by_agent`, else), or by neither: somebody copied in.

    An agent's first act opens a NEW one. The requester's public comment takes it out of WAITING_ON_REQUESTER, reopens
    a RESOLVED one, and on a CLOSED one opens another. Whoever is copied in moves nothing. Raises InvalidTransition on a
    CANCELLED ticket for all but agents.
    """
    if by_agent is None:
        by_agent = not by_requester
    if by_agent:
        return Commented(worked_on(ticket.status))
    if ticket.status == "CANCELLED":
        raise InvalidTransition("CANCELLED", "OPEN", (), "The ticket was cancelled; open another.")
    if not by_requester:
        return Commented(ticket.status)
    if ticket.status == "CLOSED":
        return Commented("CLOSED", follow_up=True)
    if visibility == CommentVisibility.PUBLIC and ticket.status in ("WAITING_ON_REQUESTER", "RESOLVED"):
        check(TICKET, ticket.status, "OPEN", event="requester's public comment")
        return Commented("OPEN", reopened=ticket.status == "RESOLVED")
    return Commented(ticket.status)


@implements(TICKET, "NEW", "CANCELLED", guard=("own", "no agent reply yet"), trigger="ticketCancel")
@implements(TICKET, "NEW", "CANCELLED", guard="duplicateOf, or reason (spam)")
@implements(TICKET, ("OPEN", "WAITING_ON_REQUESTER", "ON_HOLD"), "CANCELLED", guard="duplicateOf or reason")
def cancel(ticket: TicketState, *, as_agent: bool, reason: str | None = None, duplicate: bool = False) -> str:
    """CANCELLED: by the requester while nobody has answered, by an agent with a reason or as a `duplicate`.

    Raises InvalidTransition, Required.
    """
    permission = "ticket:transition" if as_agent else "ticket:asRequester"
    mutation = "ticketMerge" if duplicate else "ticketCancel"
    check(TICKET, ticket.status, "CANCELLED", mutation=mutation, permission=permission)
    if not as_agent and ticket.answered_at is not None:
        raise InvalidTransition(ticket.status, "CANCELLED", (), "It was answered already.")
    if as_agent and not duplicate and not (reason and reason.strip()):
        raise Required("Say why.", field="reason")
    return "CANCELLED"


@implements(TICKET, "RESOLVED", "CLOSED", guard="own")
def confirm(ticket: TicketState) -> str:
    """CLOSED: the requester agrees with the resolution. Raises InvalidTransition."""
    check(TICKET, ticket.status, "CLOSED", mutation="ticketConfirm", permission="ticket:asRequester")
    return "CLOSED"
