"""Who sees tasks, and who does them."""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, any_, exists, or_, true
from sqlalchemy.orm import aliased

from ..models import Task, Ticket, TicketCc
from .base import Permission


class _Task(Permission[Task]):
    """Staff who may; an AGENT the tasks of tickets that it may read."""

    model = Task
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        ticket, cc = aliased(Ticket), aliased(TicketCc)
        copied = exists().where(
            cc.tenant_id == ticket.tenant_id, cc.ticket_id == ticket.id, cc.user_id == viewer.user_id
        )
        team = true() if viewer.all_teams else ticket.team_id == any_(viewer.team_ids)
        readable = or_(team, ticket.requester_id == viewer.user_id, copied)
        return exists().where(
            ticket.tenant_id == Task.tenant_id,
            ticket.id == Task.ticket_id,
            ticket.deleted_at.is_(None),
            readable,
        )


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
