"""Tickets as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import (
    Connection,
    Node,
    column,
    many,
    one,
    payload_node,
    reference,
    to_list,
    to_many,
    to_one,
    view,
)
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.note import ReadsNote
from ..permissions.task import SeesTask
from ..permissions.ticket import (
    AsRequester,
    AssignsTicket,
    MovesTicket,
    OpensComment,
    OpensTicket,
    ReadsInternal,
    SeesComment,
    SeesTicket,
)
from ..resolvers import appeal as resolve_appeal
from ..resolvers import task as resolve_task
from ..resolvers import ticket as resolve
from ..resolvers.note import notes_on
from ..rules.enums import AppealDecision, CommentVisibility, TicketPriority, TicketStatus
from .mutation import KeyedPayload, Payload, write
from .note import Note
from .team import Team
from .transitions import Transition, transitions
from .user import User

if TYPE_CHECKING:
    from .alert import Alert
    from .deal import Deal
    from .dealer import Dealer
    from .lead import Lead
    from .listing import Listing
    from .task import Task

TicketSubject = Annotated[
    Annotated["Alert", strawberry.lazy(".alert")]
    | Annotated["Deal", strawberry.lazy(".deal")]
    | Annotated["Dealer", strawberry.lazy(".dealer")]
    | Annotated["Lead", strawberry.lazy(".lead")]
    | Annotated["Listing", strawberry.lazy(".listing")],
    strawberry.union("TicketSubject", description="What a ticket can be about."),
]


@view(models.TicketComment, node=resolve.comment, gate=SeesComment())
class TicketComment(Node):
    """Something said about a ticket; never changed. Internal ones are there only for those who work on the ticket."""

    visibility: CommentVisibility
    by_requester: bool
    body_markdown: str | None = column("body_markdown", OpensComment())
    body_html: str | None = column("body_html", OpensComment())
    created_at: DateTime
    author: User | None = to_one(resolve.author_of_comment)
    ticket: Annotated["Ticket", strawberry.lazy(".ticket")] | None = to_one(resolve.ticket_of_comment)


@view(models.Ticket, node=resolve.ticket, gate=SeesTicket())
class Ticket(Node):
    """A request with a clock. Its text is guarded; those who work on it see more than those who asked."""

    number: int
    status: TicketStatus
    priority: TicketPriority
    subject: str | None = column("subject", OpensTicket())
    body_markdown: str | None = column("body_markdown", OpensTicket())
    body_html: str | None = column("body_html", OpensTicket())
    resolution: str | None = column("resolution", OpensTicket())
    hold_reason: str | None = column("hold_reason", ReadsInternal())
    resume_at: DateTime | None = column("resume_at", ReadsInternal())
    reopen_count: int
    resolved_at: DateTime | None
    closed_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    tasks: Connection[Annotated["Task", strawberry.lazy(".task")]] | None = to_many(
        resolve_task.tasks_of_ticket, gate=SeesTask()
    )
    requester: User | None = to_one(resolve.requester_of_ticket)
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_ticket)
    assignee: User | None = to_one(resolve.assignee_of_ticket)
    team: Team | None = to_one(resolve.team_of_ticket)
    cc: list[User] = to_list(resolve.cc_of_ticket)
    subject_ref: TicketSubject | None = reference(
        "subject_type",
        "subject_id",
        {"ALERT": "Alert", "DEAL": "Deal", "DEALER": "Dealer", "LEAD": "Lead", "LISTING": "Listing"},
        description="What it is about; null when it is about nothing, or about what the viewer may not see.",
    )
    follow_up_of: Annotated["Ticket", strawberry.lazy(".ticket")] | None = to_one(resolve.follow_up_of_ticket)
    duplicate_of: Annotated["Ticket", strawberry.lazy(".ticket")] | None = to_one(resolve.duplicate_of_ticket)
    appeal_cycle: int | None
    appeal_decision: AppealDecision | None
    comments: Connection[TicketComment] = to_many(resolve.comments_of_ticket)
    notes: Connection[Note] | None = to_many(notes_on("Ticket"), gate=ReadsNote())
    available_transitions: list[Transition] = transitions(
        "Ticket",
        {
            "ticket:assign": AssignsTicket(),
            "ticket:transition": MovesTicket(),
            "ticket:asRequester": AsRequester(),
        },
    )


def changed() -> Ticket | None:
    made: Ticket | None = payload_node("ticket", description="The ticket; null when nothing was changed.")
    return made


@strawberry.type(description="The new ticket.")
class TicketCreatePayload(KeyedPayload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The comment that was added.")
class CommentAddPayload(KeyedPayload):
    comment: TicketComment | None = payload_node(
        "comment",
        description="The comment; null when nothing was changed. On a closed ticket it stands in the follow-up.",
    )


@strawberry.type(description="The ticket in its new state.")
class TicketTransitionPayload(Payload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The ticket with who works on it.")
class TicketAssignPayload(Payload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The cancelled ticket.")
class TicketCancelPayload(Payload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The closed ticket.")
class TicketConfirmPayload(Payload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The ticket that ended.")
class TicketMergePayload(Payload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The ticket of the appeal.")
class AlertAppealPayload(KeyedPayload):
    ticket: Ticket | None = changed()


@strawberry.type(description="The ticket of the appeal, resolved.")
class AppealDecidePayload(Payload):
    ticket: Ticket | None = changed()


@strawberry.type
class TicketQueries:
    ticket: Ticket | None = one(resolve.ticket, gate=SeesTicket())
    tickets: Connection[Ticket] | None = many(resolve.tickets, gate=SeesTicket())


@strawberry.type
class TicketMutations:
    ticket_create: TicketCreatePayload | None = write(resolve.ticket_create, gate=may("ticket:create"))
    comment_add: CommentAddPayload | None = write(
        resolve.comment_add, gate=may("ticket:comment") | may("ticket:internal")
    )
    ticket_transition: TicketTransitionPayload | None = write(resolve.ticket_transition, gate=may("ticket:transition"))
    ticket_assign: TicketAssignPayload | None = write(resolve.ticket_assign, gate=may("ticket:assign"))
    ticket_cancel: TicketCancelPayload | None = write(
        resolve.ticket_cancel, gate=may("ticket:transition") | may("ticket:asRequester")
    )
    ticket_confirm: TicketConfirmPayload | None = write(resolve.ticket_confirm, gate=may("ticket:asRequester"))
    ticket_merge: TicketMergePayload | None = write(resolve.ticket_merge, gate=may("ticket:transition"))
    alert_appeal: AlertAppealPayload | None = write(resolve_appeal.alert_appeal, gate=may("alert:appeal"))
    appeal_decide: AppealDecidePayload | None = write(resolve_appeal.appeal_decide, gate=may("appeal:decide"))
