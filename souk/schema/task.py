"""Tasks as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Node, column, many, one, payload_node, to_many, to_one, view
from ..engine.scalars import DateTime
from ..permissions.alert import SeesAlert
from ..permissions.base import may
from ..permissions.batch import SeesBatch
from ..permissions.lead import SeesLead
from ..permissions.note import ReadsNote
from ..permissions.task import MOVES, ReadsTaskNote, SeesTask
from ..permissions.ticket import SeesTicket
from ..resolvers import task as resolve
from ..resolvers.note import notes_on
from ..rules.enums import TaskKind, TaskOutcome, TaskStatus
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .alert import Alert
    from .batch import Batch
    from .dealer import Dealer
    from .lead import Lead
    from .note import Note
    from .ticket import Ticket
    from .user import User


@view(models.Task, node=resolve.task, gate=SeesTask())
class Task(Node):
    """Something somebody has to do."""

    kind: TaskKind
    status: TaskStatus
    title: str
    due_at: DateTime | None
    outcome: TaskOutcome | None
    note: str | None = column("note", ReadsTaskNote())
    assignee: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.assignee_of_task)
    alert: Annotated["Alert", strawberry.lazy(".alert")] | None = to_one(resolve.alert_of_task, gate=SeesAlert())
    batch: Annotated["Batch", strawberry.lazy(".batch")] | None = to_one(resolve.batch_of_task, gate=SeesBatch())
    ticket: Annotated["Ticket", strawberry.lazy(".ticket")] | None = to_one(resolve.ticket_of_task, gate=SeesTicket())
    lead: Annotated["Lead", strawberry.lazy(".lead")] | None = to_one(resolve.lead_of_task, gate=SeesLead())
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_task)
    notes: Connection[Annotated["Note", strawberry.lazy(".note")]] | None = to_many(notes_on("Task"), gate=ReadsNote())
    available_transitions: list[Transition] = transitions("Task", MOVES)
    created_at: DateTime
    updated_at: DateTime
    version: int


@strawberry.type(description="The new task.")
class TaskCreatePayload(KeyedPayload):
    task: Task | None = payload_node("task", description="The task; null when nothing was changed.")


@strawberry.type(description="The task in its new state.")
class TaskTransitionPayload(Payload):
    task: Task | None = payload_node("task", description="The task; null when nothing was changed.")


@strawberry.type(description="The task with its outcome.")
class TaskCloseLoopPayload(Payload):
    task: Task | None = payload_node("task", description="The task; null when nothing was changed.")


@strawberry.type(description="The task with who does it, and until when.")
class TaskAssignPayload(Payload):
    task: Task | None = payload_node("task", description="The task; null when nothing was changed.")


@strawberry.type
class TaskQueries:
    task: Task | None = one(resolve.task, gate=SeesTask())
    tasks: Connection[Task] | None = many(resolve.tasks, gate=SeesTask())


@strawberry.type
class TaskMutations:
    task_create: TaskCreatePayload | None = write(resolve.task_create, gate=may("task:write"))
    task_transition: TaskTransitionPayload | None = write(resolve.task_transition, gate=may("task:write"))
    task_assign: TaskAssignPayload | None = write(resolve.task_assign, gate=may("task:write"))
    task_close_loop: TaskCloseLoopPayload | None = write(resolve.task_close_loop, gate=may("task:closeLoop"))
