"""Batches as clients see them: the work, its items, its log, and its live stream."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from .. import models
from ..engine.declare import (
    By,
    Connection,
    Money,
    Node,
    column,
    computed,
    embedded,
    many,
    money,
    one,
    payload_node,
    reference,
    stream,
    to_list,
    to_many,
    to_one,
    totals,
    value,
    view,
)
from ..engine.scalars import JSON, BigInt, DateTime
from ..permissions.base import may
from ..permissions.batch import (
    ApprovesBatch,
    ControlsBatch,
    ControlsItem,
    ReadsDeadLetters,
    ReadsImages,
    ReplaysDeadLetter,
    SeesBatch,
    SeesPreview,
)
from ..permissions.task import SeesTask
from ..resolvers import batch as resolve
from ..resolvers import enforcement, export, importing, policy_import, preview, retrying
from ..resolvers import task as resolve_task
from ..resolvers.evidence import in_hex
from ..rules.enums import BatchAction, BatchEventKind, BatchItemStatus, BatchKind, BatchStatus, DriftPolicy, LogLevel
from .export import Export
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .dealer import Dealer
    from .task import Task
    from .user import User

KNOWN_KINDS = (enforcement.Enforcement, export.ExportKind, importing.Import)
"""The kinds of this part: known once their modules are imported."""


@strawberry.type(description="How many items stand where; the parts add up to the total.")
class BatchCounts:
    total: int = strawberry.field(description="All of them.")
    pending: int = strawberry.field(description="Not taken yet.")
    running: int = strawberry.field(description="Leased by a worker for something outside of the database.")
    waiting: int = strawberry.field(description="Will be tried again.")
    succeeded: int = strawberry.field(description="Done.")
    failed: int = strawberry.field(description="Refused for good, or not undone.")
    dead: int = strawberry.field(description="Tried too often.")
    skipped: int = strawberry.field(description="Nothing to do, changed meanwhile, or not permitted.")
    cancelled: int = strawberry.field(description="The batch was cancelled first.")
    compensated: int = strawberry.field(description="Undone.")


COUNTS = {name: name for name in ("total", *models.batch.COUNTS)}
COUNTED = "How many items stand where."
REPORTED = (
    "The report, once it ended; `batchReport` is whole. `GET /batches/{id}/report.csv` names every cell that an import lost, and"
    " every item of any other batch."
)


@strawberry.type(description="Items that ended alike.")
class BatchReportGroup:
    action: BatchAction | None = strawberry.field(description="What was done.")
    status: BatchItemStatus | None = strawberry.field(description="How they ended.")
    outcome: str | None = strawberry.field(description="What came of it, in a word.")
    error_code: str | None = strawberry.field(description="Why they failed or were skipped.")
    items: int | None = strawberry.field(description="How many they are.")
    warnings: int | None = strawberry.field(description="How many cells of theirs were left empty.")


@strawberry.type(description="What came of a batch.")
class BatchReport:
    total: int | None = strawberry.field(description="How many items it had.")
    warnings: int | None = strawberry.field(description="How many cells were left empty.")
    duration_ms: int | None = strawberry.field(description="From its start to its end, in milliseconds.")
    per_second_tenths: int | None = strawberry.field(description="Items a second, in tenths.")
    groups: list[BatchReportGroup] | None = strawberry.field(description="Items by action, state, outcome and error.")


@view(models.BatchItemAttempt)
class BatchItemAttempt:
    """One try at an item."""

    n: int
    status: BatchItemStatus
    error_code: str | None
    ended_at: DateTime


@strawberry.type(description="A cell that was left empty.")
class BatchItemWarning:
    column: str | None = strawberry.field(description="The column of the file.")
    value: str | None = strawberry.field(description="What stood there.")
    reason: str | None = strawberry.field(description="Why it was left empty.")


TARGETS = {"Alert": "Alert", "Listing": "Listing", "CompetitorSnapshot": "CompetitorSnapshot"}
TARGET = "The thing; null for a row that brought nothing in yet, and for what the viewer may not see."


@view(models.BatchItem, node=resolve.batch_item, gate=SeesBatch())
class BatchItem(Node):
    """One unit of a batch's work."""

    n: int
    target_type: str
    target: Node | None = reference("target_type", "target_id", TARGETS, description=TARGET)
    action: BatchAction
    status: BatchItemStatus
    attempt: int
    outcome: str | None
    error_code: str | None
    error_message: str | None
    warnings: list[BatchItemWarning] | None = embedded("warnings")
    impact: Money | None = money("impact_minor", description="The money it acts on.")
    next_attempt_at: DateTime | None
    settled_at: DateTime | None
    before: JSON | None = column("before", ReadsImages())
    after: JSON | None = column("after", ReadsImages())
    available_transitions: list[Transition] = transitions(
        "BatchItem", {"batch:control": ControlsItem(), "dlq:replay": ReplaysDeadLetter()}
    )
    attempts: list[BatchItemAttempt] = to_list(resolve.attempts_of_item)
    batch: Annotated["Batch", strawberry.lazy(".batch")] | None = to_one(resolve.batch_of_item)


@view(models.BatchLog, node=resolve.batch_log, gate=SeesBatch())
class BatchLog(Node):
    """A line of a batch's log."""

    n: BigInt
    level: LogLevel
    message: str
    created_at: DateTime


@view(models.BatchPreviewItem, node=preview.preview_item, gate=SeesPreview())
class BatchPreviewItem(Node):
    """What would be done to one thing."""

    n: int
    target_type: str
    target: Node | None = reference("target_type", "target_id", TARGETS, description=TARGET)
    action: BatchAction
    permitted: bool
    state: JSON
    warnings: list[str]
    impact: list[Money] = totals("impact")
    cost: list[Money] = totals("cost")


HASHED = "SHA-256 of selection, before-states and plan, in hexadecimal."


@view(models.BatchPreview, node=preview.preview, gate=SeesPreview())
class BatchPreview(Node):
    """What a batch would do, pinned by a hash."""

    kind: BatchKind
    total: int
    actionable: int
    impact: list[Money] = totals("impact")
    cost: list[Money] = totals("cost")
    preview_hash: str = computed(sql=lambda row: in_hex(row.hash), description=HASHED)
    warnings: list[str]
    expires_at: DateTime
    created_at: DateTime
    items: Connection[BatchPreviewItem] = to_many(preview.items_of_preview)


@view(models.Batch, node=resolve.batch, gate=SeesBatch())
class Batch(Node):
    """Work on many items, resumable and watched live."""

    kind: BatchKind
    status: BatchStatus
    status_reason: str | None
    title: str
    pace: int | None
    allow_drift: DriftPolicy
    counts: BatchCounts = value(description=COUNTED, **COUNTS)
    impact_so_far: list[Money] = totals("impact")
    report: BatchReport | None = embedded("report", description=REPORTED)
    last_seq: BigInt = column("seq_head")
    started_at: DateTime | None
    not_before: DateTime | None
    ended_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    creator: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.creator_of_batch)
    starter: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.starter_of_batch)
    approver: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.approver_of_batch)
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_batch)
    tasks: Connection[Annotated["Task", strawberry.lazy(".task")]] | None = to_many(
        resolve_task.tasks_of_batch, gate=SeesTask()
    )
    available_transitions: list[Transition] = transitions(
        "Batch", {"batch:control": ControlsBatch(), "batch:approve": ApprovesBatch()}
    )
    preview: BatchPreview | None = to_one(preview.preview_of_batch, gate=SeesPreview())
    export: Export | None = to_one(export.export_of_batch)
    items: Connection[BatchItem] = to_many(resolve.items_of_batch)
    logs: Connection[BatchLog] = to_many(resolve.logs_of_batch)


# The stream ------------------------------------------------------------------------------------------------------------


@strawberry.interface(description="Something that happened to a batch; `seq` is dense from 1, in the order of commits.")
class BatchEvent:
    seq: BigInt = strawberry.field(description="Its place in the stream, from 1.")
    at: DateTime = strawberry.field(description="When, in UTC.")
    counts: BatchCounts = value(description="How many items stood where, after it.", **COUNTS)
    impact_so_far: list[Money] = totals("impact", description="Minor units acted on so far, per currency.")


@strawberry.type(description="An item with what became of it.")
class BatchItemChange:
    item_id: strawberry.ID | None = strawberry.field(description="The item.")
    n: int | None = strawberry.field(description="Its place in the batch, from 1; a file's row number.")
    status: BatchItemStatus | None = strawberry.field(description="Where it stands now.")
    outcome: str | None = strawberry.field(description="What came of it, in a word.")
    error_code: str | None = strawberry.field(description="Why it failed or was skipped.")
    target_id: strawberry.ID | None = strawberry.field(description="The thing it acted on.")


@strawberry.type(description="A line that was added to the log.")
class BatchLogLine:
    n: BigInt | None = strawberry.field(description="Its number, from 1.")
    level: LogLevel | None = strawberry.field(description="How serious it is.")
    message: str | None = strawberry.field(description="What happened, in a sentence.")


FROM: Any = column("from_status", description="The state before; null for the first event.")
FROM.graphql_name = "from"  # a word of Python's, so that the attribute cannot bear it


@view(models.BatchEvent)
class BatchStateChanged(BatchEvent):
    """The batch changed its state. When it was cancelled, the items not begun are told by the counts here."""

    from_: BatchStatus | None = FROM
    to: BatchStatus | None = column("to_status")
    reason: str | None


@view(models.BatchEvent)
class BatchItemsChanged(BatchEvent):
    """Items were settled, or put off: at most 200, by one commit."""

    items: list[BatchItemChange] | None = embedded("items")


@view(models.BatchEvent)
class BatchLogAppended(BatchEvent):
    """Lines were added to the log."""

    lines: list[BatchLogLine] | None = embedded("lines")


BY_KIND = By(
    "kind",
    {
        BatchEventKind.STATE.value: "BatchStateChanged",
        BatchEventKind.ITEMS.value: "BatchItemsChanged",
        BatchEventKind.LOG.value: "BatchLogAppended",
    },
)
EVENT_TYPES: list[type] = [BatchStateChanged, BatchItemsChanged, BatchLogAppended]


@strawberry.type(description="Events of a batch, for those who ask again and again.")
class BatchEventPage:
    events: list[BatchEvent] = to_list(
        resolve.events_of_page, resolve.EVENTS_MAX, variants=BY_KIND, description="The events, in their order."
    )
    last_seq: BigInt = strawberry.field(description="The number of the newest event here; ask on after it.")
    has_more: bool = strawberry.field(description="Whether there are more already.")


# Payloads and roots ----------------------------------------------------------------------------------------------------

CHANGED = "The batch; null when nothing was changed."


@strawberry.type(description="What the batch would do.")
class BatchPreviewPayload(Payload):
    preview: BatchPreview | None = payload_node("preview", description="The preview; null when it was refused.")


@strawberry.type(description="What the import would do.")
class PricePolicyImportPayload(Payload):
    preview: BatchPreview | None = payload_node("preview", description="The preview; null when it was refused.")


@strawberry.type(description="The new batch.")
class BatchCreatePayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch that writes the file; it has started.")
class ExportCreatePayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, started.")
class BatchStartPayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, paused.")
class BatchPausePayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, going on.")
class BatchResumePayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, stopped or about to stop.")
class BatchCancelPayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, decided.")
class BatchDecidePayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, whose failures are tried again.")
class BatchRetryFailedPayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The batch, being undone.")
class BatchRollbackPayload(KeyedPayload):
    batch: Batch | None = payload_node("batch", description=CHANGED)


@strawberry.type(description="The item, to be done again.")
class DlqReplayPayload(Payload):
    item: BatchItem | None = payload_node("item", description="The item; null when nothing was changed.")


@strawberry.type
class BatchQueries:
    batch: Batch | None = one(resolve.batch, gate=SeesBatch())
    batches: Connection[Batch] | None = many(resolve.batches, gate=SeesBatch())
    batch_preview: BatchPreview | None = one(preview.preview, gate=SeesPreview())
    batch_events: BatchEventPage | None = one(resolve.batch_events, gate=SeesBatch())
    dead_letters: Connection[BatchItem] | None = many(retrying.dead_letters, gate=ReadsDeadLetters())


CONTROL = may("batch:control")


@strawberry.type
class BatchMutations:
    batch_preview: BatchPreviewPayload | None = write(preview.batch_preview, gate=CONTROL)
    price_policy_import: PricePolicyImportPayload | None = write(
        policy_import.price_policy_import, gate=may("pricePolicy:write")
    )
    batch_create: BatchCreatePayload | None = write(preview.batch_create, gate=CONTROL)
    export_create: ExportCreatePayload | None = write(export.export_create, gate=may("batch:export"))
    batch_start: BatchStartPayload | None = write(resolve.batch_start, gate=CONTROL)
    batch_pause: BatchPausePayload | None = write(resolve.batch_pause, gate=CONTROL)
    batch_resume: BatchResumePayload | None = write(resolve.batch_resume, gate=CONTROL)
    batch_cancel: BatchCancelPayload | None = write(resolve.batch_cancel, gate=CONTROL)
    batch_decide: BatchDecidePayload | None = write(resolve.batch_decide, gate=may("batch:approve"))
    batch_retry_failed: BatchRetryFailedPayload | None = write(retrying.batch_retry_failed, gate=CONTROL)
    batch_rollback: BatchRollbackPayload | None = write(retrying.batch_rollback, gate=CONTROL)
    dlq_replay: DlqReplayPayload | None = write(retrying.dlq_replay, gate=may("dlq:replay"))


@strawberry.type
class BatchSubscriptions:
    batch_events: BatchEvent = stream(resolve.follow_batch, gate=SeesBatch(), variants=BY_KIND)
