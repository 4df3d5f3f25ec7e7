"""Who sees tasks, and who does them."""

from typing import Any, ClassVar

from sqlalchemy import ColumnElement, exists

from ..models import Task, Ticket
from .base import Permission
from .ticket import SeesTicket


class _Task(Permission[Task]):
    """Staff who may; an AGENT the tasks of tickets that it may read."""

    model = Task
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        readable = SeesTicket().owned(viewer)
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
