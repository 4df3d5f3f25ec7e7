"""Tasks: what somebody has to do about an alert, a batch, a ticket, a lead or a dealer."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, and_, func, select

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, among, key
from ..models import Alert, Batch, Dealer, Lead, Task, Ticket, User, new_id
from ..permissions.alert import SeesAlert
from ..permissions.base import Permission
from ..permissions.batch import SeesBatch
from ..permissions.dealer import SeesDealer
from ..permissions.lead import SeesLead
from ..permissions.task import ClosesTask, MovesTask, SeesTask
from ..permissions.ticket import SeesTicket
from ..permissions.user import SeesUser
from ..rules import task as rules
from ..rules import text
from ..rules.clauses import implements
from ..rules.enums import Described, TaskKind, TaskOutcome, TaskStatus, UserStatus
from ..rules.errors import Invalid, Problems, Required
from .enums import known
from .filters import conditions, during, refers_or_not, refers_to
from .writing import found, locked, move, permit

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
OPEN = (TaskStatus.TODO, TaskStatus.IN_PROGRESS, TaskStatus.BLOCKED)


@known
class TaskOrder(Described):
    """The order of a list of tasks."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    DUE = "DUE", "What is due first; without a due time last."
    UPDATED = "UPDATED", "What changed last first."


TASK_ORDER: dict[TaskOrder, Any] = {
    TaskOrder.NEWEST: Task.created_at.desc(),
    TaskOrder.OLDEST: Task.created_at.asc(),
    TaskOrder.DUE: Task.due_order.asc(),
    TaskOrder.UPDATED: Task.updated_at.desc(),
}


@strawberry.input(description="Conditions on tasks; all must hold.")
class TaskFilter:
    status: strawberry.Maybe[list[TaskStatus]] = strawberry.field(description="In one of these states.", default=None)
    assignee_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Done by this person; null for those that nobody has.", default=None
    )
    alert_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="From this alert.", default=None)
    batch_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="From this batch.", default=None)
    ticket_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="From this ticket.", default=None)
    lead_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="From this lead.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this dealer.", default=None)
    overdue: strawberry.Maybe[bool] = strawberry.field(
        description="Due before now and not ended, or (false) all others.", default=None
    )
    due_before: strawberry.Maybe[DateTime] = strawberry.field(description="Due before this moment.", default=None)
    created_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Made at or after this moment.", default=None
    )
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Made before this moment.", default=None)
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield among(Task.status, self.status.value)
        if self.assignee_id:
            yield refers_or_not(Task.assignee_id, self.assignee_id.value, User)
        for column, given, model in (
            (Task.alert_id, self.alert_id, Alert),
            (Task.batch_id, self.batch_id, Batch),
            (Task.ticket_id, self.ticket_id, Ticket),
            (Task.lead_id, self.lead_id, Lead),
            (Task.dealer_id, self.dealer_id, Dealer),
        ):
            if given:
                yield refers_to(column, given.value, model)
        if self.overdue:
            late = and_(Task.due_order < func.now(), among(Task.status, OPEN))
            yield late if self.overdue.value else ~late
        if self.due_before:
            yield Task.due_order < self.due_before.value
        yield from during(Task.created_at, self.created_since, self.created_before)
        if self.updated_since:
            yield Task.updated_at >= self.updated_since.value


def tasks(viewer: Viewer, filter: TaskFilter | None = None, order_by: TaskOrder = TaskOrder.NEWEST) -> Select[Task]:
    """Tasks the viewer may see."""
    return select(Task).where(SeesTask().rows(viewer), *conditions(filter, viewer)).order_by(TASK_ORDER[order_by])


def task(viewer: Viewer, id: strawberry.ID) -> Select[Task]:
    """One task by its id."""
    return select(Task).where(Task.id == key(id, Task), SeesTask().rows(viewer))


def tasks_of_alert(
    viewer: Viewer, alert: Alert, filter: TaskFilter | None = None, order_by: TaskOrder = TaskOrder.NEWEST
) -> Select[Task]:
    """Tasks from the alert that the viewer may see."""
    return tasks(viewer, filter, order_by).where(Task.alert_id == alert.id)


def tasks_of_ticket(
    viewer: Viewer, ticket: Ticket, filter: TaskFilter | None = None, order_by: TaskOrder = TaskOrder.NEWEST
) -> Select[Task]:
    """Tasks from the ticket that the viewer may see."""
    return tasks(viewer, filter, order_by).where(Task.ticket_id == ticket.id)


def tasks_of_lead(
    viewer: Viewer, lead: Lead, filter: TaskFilter | None = None, order_by: TaskOrder = TaskOrder.NEWEST
) -> Select[Task]:
    """Tasks from the lead that the viewer may see."""
    return tasks(viewer, filter, order_by).where(Task.lead_id == lead.id)


def tasks_of_batch(
    viewer: Viewer, batch: Batch, filter: TaskFilter | None = None, order_by: TaskOrder = TaskOrder.NEWEST
) -> Select[Task]:
    """Tasks from the batch that the viewer may see."""
    return tasks(viewer, filter, order_by).where(Task.batch_id == batch.id)


def tasks_of_dealer(
    viewer: Viewer, dealer: Dealer, filter: TaskFilter | None = None, order_by: TaskOrder = TaskOrder.NEWEST
) -> Select[Task]:
    """Tasks about the dealer that the viewer may see."""
    return tasks(viewer, filter, order_by).where(Task.dealer_id == dealer.id)


def alert_of_task(viewer: Viewer, task: Task) -> Select[Alert]:
    """The alert it follows from."""
    return select(Alert).where(Alert.id == task.alert_id, SeesAlert().rows(viewer))


def batch_of_task(viewer: Viewer, task: Task) -> Select[Batch]:
    """The batch it follows from."""
    return select(Batch).where(Batch.id == task.batch_id, SeesBatch().rows(viewer))


def ticket_of_task(viewer: Viewer, task: Task) -> Select[Ticket]:
    """The ticket it follows from."""
    return select(Ticket).where(Ticket.id == task.ticket_id, SeesTicket().rows(viewer))


def lead_of_task(viewer: Viewer, task: Task) -> Select[Lead]:
    """The lead it follows from."""
    return select(Lead).where(Lead.id == task.lead_id, SeesLead().rows(viewer))


def assignee_of_task(viewer: Viewer, task: Task) -> Select[User]:
    """Who does it."""
    return select(User).where(User.id == task.assignee_id, SeesUser().rows(viewer))


def dealer_of_task(viewer: Viewer, task: Task) -> Select[Dealer]:
    """The dealer it is about."""
    return select(Dealer).where(Dealer.id == task.dealer_id, SeesDealer().rows(viewer))


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A new task.")
class TaskCreateInput:
    kind: TaskKind = strawberry.field(description="What kind of work it is.")
    title: str = strawberry.field(description="What to do, 3 to 200 characters.")
    due_at: DateTime | None = strawberry.field(default=None, description="Until when, in UTC.")
    assignee_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who does it: a person of the staff."
    )
    alert_id: strawberry.ID | None = strawberry.field(default=None, description="The alert it follows from.")
    batch_id: strawberry.ID | None = strawberry.field(default=None, description="The batch it follows from.")
    ticket_id: strawberry.ID | None = strawberry.field(default=None, description="The ticket it follows from.")
    lead_id: strawberry.ID | None = strawberry.field(default=None, description="The lead it follows from.")
    dealer_id: strawberry.ID | None = strawberry.field(default=None, description="The dealer it is about.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def task_create(tx: Transaction, input: TaskCreateInput) -> Task:
    """Give somebody something to do. An AGENT makes tasks of tickets that it may read."""
    problems = Problems()
    title = problems.take(lambda: _title(input.title), "title")
    problems.check()
    subjects = await _subjects(tx, input)
    if input.assignee_id:
        subjects["assignee_id"] = (await _assignee(tx, input.assignee_id)).id
    alert_id = subjects.get("alert_id")
    if alert_id and "dealer_id" not in subjects:
        subjects["dealer_id"] = (await found(tx, Alert, alert_id, None, field="alert_id")).dealer_id
    task: Task = tx.add(
        Task(
            id=new_id(), kind=input.kind, status=TaskStatus.TODO, title=title, due_at=input.due_at,
            due_order=input.due_at or NEVER, **subjects,
        )
    )  # fmt: skip
    await tx.session.flush()
    await permit(tx, MovesTask(), task)
    tx.emit("task.created", task, to_status=TaskStatus.TODO)
    await _tell(tx, task, "task_created")
    return task


async def _subjects(tx: Transaction, input: TaskCreateInput) -> dict[str, Any]:
    """The rows that the task follows from, each visible to whoever makes it."""
    given: tuple[tuple[str, strawberry.ID | None, Any, Permission[Any]], ...] = (
        ("alert_id", input.alert_id, Alert, SeesAlert()),
        ("batch_id", input.batch_id, Batch, SeesBatch()),
        ("ticket_id", input.ticket_id, Ticket, SeesTicket()),
        ("lead_id", input.lead_id, Lead, SeesLead()),
        ("dealer_id", input.dealer_id, Dealer, SeesDealer()),
    )
    return {field: (await found(tx, model, id_, sees, field=field)).id for field, id_, model, sees in given if id_}


async def _assignee(tx: Transaction, id_: strawberry.ID) -> User:
    user = await found(tx, User, id_, None, field="assignee_id")
    if not user.staff or user.status != UserStatus.ACTIVE:
        raise Invalid("A task is done by an active person of the staff.", field="assignee_id")
    return user


def _title(value: str) -> str:
    title = text.line(value, 200)
    if len(title) < 3:
        raise Invalid("At least 3 characters.")
    return title


@strawberry.input(description="A step of a task.")
class TaskTransitionInput:
    id: strawberry.ID = strawberry.field(description="The task.")
    to: TaskStatus = strawberry.field(description="The state it gets; DONE is reached by `taskCloseLoop`.")
    reason: str | None = strawberry.field(
        default=None, description="Why it is blocked, cancelled or taken up again, at most 1,000 characters."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def task_transition(tx: Transaction, input: TaskTransitionInput) -> Task:
    """Begin, block, cancel or take up a task again."""
    task = await locked(tx, Task, input.id, SeesTask(), version=input.expected_version)
    await permit(tx, MovesTask(), task)
    reason = text.optional_line(input.reason, 1000, field="reason")
    rules.transition(task.status, input.to, reason=reason)
    task.note, task.outcome = reason, None
    event = {TaskStatus.IN_PROGRESS: "task.begun", TaskStatus.BLOCKED: "task.blocked"}.get(input.to, "task.cancelled")
    move(tx, task, input.to, event, mutation="taskTransition")
    return task


@strawberry.input(description="Who does a task, and until when; what is absent stays.")
class TaskAssignInput:
    id: strawberry.ID = strawberry.field(description="The task.")
    assignee_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Who does it: a person of the staff; null for nobody.", default=None
    )
    due_at: strawberry.Maybe[DateTime | None] = strawberry.field(
        description="Until when, in UTC; null for no due time.", default=None
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def task_assign(tx: Transaction, input: TaskAssignInput) -> Task:
    """Give an open task to somebody, or another due time."""
    task = await locked(tx, Task, input.id, SeesTask(), version=input.expected_version)
    await permit(tx, MovesTask(), task)
    if input.assignee_id is None and input.due_at is None:
        raise Required("Say who, or until when.", field="assigneeId")
    if task.status in (TaskStatus.DONE, TaskStatus.CANCELLED):
        raise Invalid("The task has ended.", field="id")
    if input.assignee_id is not None:
        who = input.assignee_id.value
        task.assignee_id = None if who is None else (await _assignee(tx, who)).id
    if input.due_at is not None:
        task.due_at = input.due_at.value
        task.due_order = task.due_at or NEVER
    data = {"assignee": task.assignee_id and str(task.assignee_id), "dueAt": task.due_at and task.due_at.isoformat()}
    tx.emit("task.assigned", task, data=data)
    await _tell(tx, task, "task_assigned", **data)
    return task


@strawberry.input(description="The end of a task.")
class TaskCloseLoopInput:
    id: strawberry.ID = strawberry.field(description="The task.")
    outcome: TaskOutcome | None = strawberry.field(default=None, description="How it ended; required.")
    note: str | None = strawberry.field(
        default=None, description="What was found or agreed; required, at most 10,000 characters."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


@implements("Task", ("TODO", "IN_PROGRESS", "BLOCKED"), "DONE", effect="timeline entry on the alert, ticket or lead")
async def task_close_loop(tx: Transaction, input: TaskCloseLoopInput) -> Task:
    """Finish a task with its outcome and a note; the timeline of what it follows from tells it."""
    task = await locked(tx, Task, input.id, SeesTask(), version=input.expected_version)
    await permit(tx, ClosesTask(), task)
    note = text.optional_body(input.note, 10_000, field="note")
    rules.close_loop(task.status, outcome=input.outcome, note=note)
    task.outcome, task.note = input.outcome, note
    move(tx, task, TaskStatus.DONE, "task.done", mutation="taskCloseLoop", data={"outcome": str(input.outcome)})
    await _tell(tx, task, "task_done", outcome=str(input.outcome))
    return task


async def _tell(tx: Transaction, task: Task, what: str, **data: Any) -> None:
    """An entry in the timeline of each thing the task follows from, for staff; the note stays with the task."""
    for model, row_id, prefix in (
        (Alert, task.alert_id, "alert"),
        (Ticket, task.ticket_id, "ticket"),
        (Lead, task.lead_id, "lead"),
    ):
        if row_id is not None:
            row = await found(tx, model, row_id, None, field="id")
            tx.emit(f"{prefix}.{what}", row, internal=True, data={"taskId": str(task.id), **data})
