"""Who sees tickets and what is said about them, and who works on them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, any_, exists, false, or_, true

from ..models import Ticket, TicketCc, TicketComment
from ..rules.actor import Actor, Role
from .base import AnyOf, Permission


def _involved(viewer: Any) -> ColumnElement[bool]:
    """Who asked, and who is copied in; a token of a dealer, what was asked for it."""
    if viewer.role is Role.SERVICE:
        for_dealer: ColumnElement[bool] = Ticket.requester_dealer_id == viewer.dealer_id
        return for_dealer
    copied = exists().where(
        TicketCc.tenant_id == Ticket.tenant_id, TicketCc.ticket_id == Ticket.id, TicketCc.user_id == viewer.user_id
    )
    return or_(Ticket.requester_id == viewer.user_id, copied)


def _in_teams(viewer: Any) -> ColumnElement[bool]:
    """Tickets of the teams of an AGENT, or of all of them."""
    if viewer.role is not Role.AGENT:
        return Ticket.requester_dealer_id == viewer.dealer_id if viewer.role is Role.SERVICE else false()
    return true() if viewer.all_teams else Ticket.team_id == any_(viewer.team_ids)


class _OfTicket(Permission[Ticket]):
    model = Ticket

    def within(self, actor: Actor, row: Ticket) -> bool:
        return row.deleted_at is None

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return Ticket.deleted_at.is_(None)


class SeesTicket(_OfTicket):
    """The requester and who is copied in; an AGENT the tickets of its teams; OWNER, ADMIN, OPS and VIEWER all."""

    name = "ticket:read"
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(Ticket.deleted_at.is_(None), or_(_involved(viewer), _in_teams(viewer)))


class OpensTicket(SeesTicket):
    """The text of a ticket: everybody who sees it, but for a VIEWER."""

    marked = True
    message = "The text of tickets is personal; a VIEWER does not read it."


class CommentsTicket(SeesTicket):
    """Comments in public."""

    name = "ticket:comment"
    message = "You may not comment on this ticket."


class _Works(_OfTicket):
    """OWNER, ADMIN and OPS all tickets, an AGENT those of its teams."""

    def owns(self, actor: Actor, row: Ticket) -> bool:
        if row.deleted_at is not None:
            return False
        if actor.role is Role.AGENT:
            return actor.all_teams or (row.team_id is not None and row.team_id in actor.team_ids)
        return actor.role is Role.SERVICE and actor.dealer_id is not None and row.requester_dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(Ticket.deleted_at.is_(None), _in_teams(viewer))


class ReadsInternal(_Works):
    """Internal comments and fields, reading and writing."""

    name = "ticket:internal"
    message = "This is for those who work on the ticket."


class MovesTicket(_Works):
    """Status, cancelling, merging."""

    name = "ticket:transition"
    message = "You may not move this ticket."


class AssignsTicket(_Works):
    """Assignee and team."""

    name = "ticket:assign"
    message = "You may not assign this ticket."


class DecidesAppeal(_OfTicket):
    """Grants or refuses an appeal."""

    name = "appeal:decide"
    message = "You may not decide appeals."


class AsRequester(_OfTicket):
    """Cancels and confirms one's own request."""

    name = "ticket:asRequester"
    message = "Only the requester may do this."

    def owns(self, actor: Actor, row: Ticket) -> bool:
        return row.deleted_at is None and actor.user_id is not None and row.requester_id == actor.user_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(Ticket.deleted_at.is_(None), Ticket.requester_id == viewer.user_id)


# Comments ---------------------------------------------------------------------------------------------------------


def _of_a(ticket: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(Ticket.tenant_id == TicketComment.tenant_id, Ticket.id == TicketComment.ticket_id, ticket)


class PublicComment(Permission[TicketComment]):
    """PUBLIC comments on tickets that one sees."""

    name = "ticket:read"
    model = TicketComment
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return and_(TicketComment.visibility == "PUBLIC", _of_a(SeesTicket().within_rows(viewer)))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(TicketComment.visibility == "PUBLIC", _of_a(SeesTicket().owned(viewer)))


class OpensPublicComment(PublicComment):
    """Their text."""

    marked = True
    message = "What is said about tickets is personal; a VIEWER does not read it."


class InternalComment(Permission[TicketComment]):
    """INTERNAL comments on tickets that one works on."""

    name = "ticket:internal"
    model = TicketComment
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return and_(TicketComment.visibility == "INTERNAL", _of_a(ReadsInternal().within_rows(viewer)))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(TicketComment.visibility == "INTERNAL", _of_a(ReadsInternal().owned(viewer)))


class SeesComment(AnyOf):
    """What is said to everybody, and what is said among those who work on it."""

    def __init__(self) -> None:
        super().__init__(PublicComment(), InternalComment())


class OpensComment(AnyOf):
    """The text of a comment."""

    def __init__(self) -> None:
        super().__init__(OpensPublicComment(), InternalComment())
