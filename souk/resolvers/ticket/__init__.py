"""The service desk: tickets, what is said about them, and their way."""

from .reads import (
    TicketFilter,
    TicketOrder,
    assignee_of_ticket,
    author_of_comment,
    cc_of_ticket,
    comment,
    comments_of_ticket,
    dealer_of_ticket,
    duplicate_of_ticket,
    follow_up_of_ticket,
    requester_of_ticket,
    team_of_ticket,
    ticket,
    ticket_of_comment,
    tickets,
)
from .steps import step, worked_on
from .timers import close_resolved, resolve_unanswered, resume
from .way import ticket_assign, ticket_cancel, ticket_confirm, ticket_merge, ticket_transition
from .words import comment_add, opened, ticket_create

__all__ = [
    "TicketFilter",
    "TicketOrder",
    "assignee_of_ticket",
    "author_of_comment",
    "cc_of_ticket",
    "close_resolved",
    "comment",
    "comment_add",
    "comments_of_ticket",
    "dealer_of_ticket",
    "duplicate_of_ticket",
    "follow_up_of_ticket",
    "opened",
    "requester_of_ticket",
    "resolve_unanswered",
    "resume",
    "step",
    "team_of_ticket",
    "ticket",
    "ticket_assign",
    "ticket_cancel",
    "ticket_confirm",
    "ticket_create",
    "ticket_merge",
    "ticket_of_comment",
    "ticket_transition",
    "tickets",
    "worked_on",
]
