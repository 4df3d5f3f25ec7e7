"""Who sees tasks, and who does them."""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, and_, any_, exists, or_, true

from ..models import Task, Ticket, TicketCc
from ..rules.actor import Role
from .base import Permission


class ReadsTicketOfTask(Permission[Ticket]):
    """The tickets that one may read; an AGENT those of its teams, or all of them, besides one's own."""

    name = "ticket:read"
    model = Ticket
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return Ticket.deleted_at.is_(None)

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        copied = exists().where(
            TicketCc.tenant_id == Ticket.tenant_id, TicketCc.ticket_id == Ticket.id, TicketCc.user_id == viewer.user_id
        )
        mine = or_(Ticket.requester_id == viewer.user_id, copied)
        if viewer.role is not Role.AGENT:
            return and_(Ticket.deleted_at.is_(None), mine)
        team = true() if viewer.all_teams else Ticket.team_id == any_(viewer.team_ids)
        return and_(Ticket.deleted_at.is_(None), or_(team, mine))


class _Task(Permission[Task]):
    """Staff who may; an AGENT the tasks of tickets that it may read."""

    model = Task
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        readable = ReadsTicketOfTask().owned(viewer)
        return exists().where(Ticket.tenant_id == Task.tenant_id, Ticket.id == Task.ticket_id, readable)


class SeesTask(_Task):
    """Reads tasks."""

    name = "task:read"
    message: ClassVar[str] = "You may not see tasks."


class MovesTask(_Task):
    """Creates, assigns, moves."""

    name = "task:write"
    message: ClassVar[str] = "You may not change this task."


class ClosesTask(_Task):
    """Finishes with an outcome."""

    name = "task:closeLoop"
    message: ClassVar[str] = "You may not close this task."


class ReadsTaskNote(Permission[Task]):
    """What was said about a task: for those who read notes."""

    name = "note:read"
    model = Task
    message: ClassVar[str] = "What was said about a task is shown to staff who read notes."


MOVES: dict[str, Permission[Task]] = {"task:write": MovesTask(), "task:closeLoop": ClosesTask()}
