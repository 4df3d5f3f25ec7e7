"""Tickets and comments as reads."""

from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, and_, exists, or_, select

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, among, key
from ...models import Dealer, Team, Ticket, TicketCc, TicketComment, User
from ...permissions.dealer import SeesDealer
from ...permissions.team import SeesTeam
from ...permissions.ticket import OpensTicket, ReadsInternal, SeesComment, SeesTicket
from ...permissions.user import SeesUser
from ...rules.enums import Described, TicketPriority, TicketStatus
from ..enums import known
from ..filters import conditions, during, refers_or_not, refers_to
from ..finding import found_by
from ..subject import OF_TICKETS, about


@known
class TicketOrder(Described):
    """The order of a list of tickets."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


TICKET_ORDER = {
    TicketOrder.NEWEST: Ticket.created_at.desc(),
    TicketOrder.OLDEST: Ticket.created_at.asc(),
    TicketOrder.UPDATED: Ticket.updated_at.desc(),
}


@strawberry.input(description="Conditions on tickets; all must hold.")
class TicketFilter:
    number: strawberry.Maybe[int] = strawberry.field(description="With this number.", default=None)
    status: strawberry.Maybe[list[TicketStatus]] = strawberry.field(description="In one of these states.", default=None)
    priority: strawberry.Maybe[list[TicketPriority]] = strawberry.field(
        description="With one of these priorities.", default=None
    )
    requester_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Asked by this person.", default=None)
    assignee_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Worked on by this person; null for those that nobody works on.", default=None
    )
    team_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="With this team; null for those without a team.", default=None
    )
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="Asked by somebody of this dealer.", default=None
    )
    subject_ref_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="About this thing: an alert, a deal, a dealer, a lead or a listing that the viewer may see.",
        default=None,
    )
    text: strawberry.Maybe[str] = strawberry.field(
        description="With these words in headline, text or comments, as far as the viewer may read them; the best 500.",
        default=None,
    )
    created_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Made at or after this moment.", default=None
    )
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Made before this moment.", default=None)
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.number:
            yield Ticket.number == self.number.value
        if self.status:
            yield among(Ticket.status, self.status.value)
        if self.priority:
            yield among(Ticket.priority, self.priority.value)
        if self.requester_id:
            yield refers_to(Ticket.requester_id, self.requester_id.value, User)
        if self.assignee_id:
            yield refers_or_not(Ticket.assignee_id, self.assignee_id.value, User)
        if self.team_id:
            yield refers_or_not(Ticket.team_id, self.team_id.value, Team)
        if self.dealer_id:
            yield refers_to(Ticket.requester_dealer_id, self.dealer_id.value, Dealer)
        if self.subject_ref_id:
            yield about(viewer, Ticket, self.subject_ref_id.value, OF_TICKETS)
        if self.text:
            yield said(viewer, self.text.value)
        yield from during(Ticket.created_at, self.created_since, self.created_before)
        if self.updated_since:
            yield Ticket.updated_at >= self.updated_since.value


def said(viewer: Viewer, words: Any) -> ColumnElement[bool]:
    """The words stand where the viewer may read: in the ticket and its public comments, or in internal ones."""
    return or_(
        and_(Ticket.id.in_(found_by(words, "TICKET")), OpensTicket().rows(viewer)),
        and_(Ticket.id.in_(found_by(words, "TICKET_INTERNAL")), ReadsInternal().rows(viewer)),
    )


def tickets(
    viewer: Viewer, filter: TicketFilter | None = None, order_by: TicketOrder = TicketOrder.NEWEST
) -> Select[Ticket]:
    """Tickets the viewer may see."""
    asked = select(Ticket).where(SeesTicket().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(TICKET_ORDER[order_by])


def ticket(viewer: Viewer, id: strawberry.ID) -> Select[Ticket]:
    """One ticket by its id."""
    return select(Ticket).where(Ticket.id == key(id, Ticket), SeesTicket().rows(viewer))


def requester_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[User]:
    """Who asked."""
    return select(User).where(User.id == ticket.requester_id, SeesUser().rows(viewer))


def dealer_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[Dealer]:
    """The dealer for whom it was asked."""
    return select(Dealer).where(Dealer.id == ticket.requester_dealer_id, SeesDealer().rows(viewer))


def assignee_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[User]:
    """Who works on it."""
    return select(User).where(User.id == ticket.assignee_id, SeesUser().rows(viewer))


def team_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[Team]:
    """Which team works on it; null for those who do not see teams."""
    return select(Team).where(Team.id == ticket.team_id, SeesTeam().rows(viewer))


def cc_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[User]:
    """Who is copied in, as far as the viewer may see them, by their time in the tenant."""
    copied = exists().where(
        TicketCc.tenant_id == User.tenant_id, TicketCc.user_id == User.id, TicketCc.ticket_id == ticket.id
    )
    return select(User).where(copied, SeesUser().rows(viewer)).order_by(User.created_at.asc())


def follow_up_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[Ticket]:
    """The closed ticket it follows."""
    return select(Ticket).where(Ticket.id == ticket.follow_up_of_id, SeesTicket().rows(viewer))


def duplicate_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[Ticket]:
    """The ticket it was merged into."""
    return select(Ticket).where(Ticket.id == ticket.duplicate_of_id, SeesTicket().rows(viewer))


def comments_of_ticket(viewer: Viewer, ticket: Ticket) -> Select[TicketComment]:
    """What is said about it, the oldest first. Internal comments are there only for those who work on the ticket."""
    asked = select(TicketComment).where(TicketComment.ticket_id == ticket.id, SeesComment().rows(viewer))
    return asked.order_by(TicketComment.created_at.asc())


def comment(viewer: Viewer, id: strawberry.ID) -> Select[TicketComment]:
    """One comment by its id."""
    return select(TicketComment).where(TicketComment.id == key(id, TicketComment), SeesComment().rows(viewer))


def author_of_comment(viewer: Viewer, comment: TicketComment) -> Select[User]:
    """Who said it."""
    return select(User).where(User.id == comment.author_id, SeesUser().rows(viewer))


def ticket_of_comment(viewer: Viewer, comment: TicketComment) -> Select[Ticket]:
    """The ticket it is about."""
    return select(Ticket).where(Ticket.id == comment.ticket_id, SeesTicket().rows(viewer))
