"""Asking for an export: what is asked is checked here, the rows are read and the file is written by the worker."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import strawberry

from ...db.session import Transaction
from ...engine.errors import BadUserInput
from ...engine.scalars import JSON
from ...engine.symbols import Viewer
from ...models import Batch, BatchItem, BatchPreviewItem, Export, new_id
from ...permissions.roles import MATRIX
from ...rules import batch as rules
from ...rules import text as texts
from ...rules.actor import Actor
from ...rules.enums import BatchKind, BatchStatus, ExportFormat, ListName, LogLevel
from ...rules.errors import Forbidden, Invalid
from ...rules.export import XLSX_ROWS, items_of
from ..batch import start
from ..chronicle import Line, set_counts, tell
from ..kinds import KINDS, BatchPlan, BatchSelection, Foresight, OfKind
from ..lists import LISTS
from .columns import FIELDS
from .files import EXPIRY, UNFINISHED
from .filters import filter_of
from .reading import counted

MOST = XLSX_ROWS + 1
"""Rows that are counted beforehand; of more the progress only says that there are more."""


class ExportKind(OfKind):
    """Reads a list in slices while the batch runs; changes nothing, so that there is nothing to preview or to undo."""

    kind = BatchKind.EXPORT
    streamed = True

    def permits(self, actor: Actor, dealer_id: UUID | None) -> bool:
        """O is what is one's own, which each list says of its rows: it needs no dealer."""
        return MATRIX["batch:export"].admits(actor.facts)

    async def foresee(self, tx: Transaction, selection: BatchSelection, plan: BatchPlan) -> Foresight:
        raise Invalid("An export has no preview: `exportCreate` makes it.", field="kind")

    async def states(
        self, tx: Transaction, items: Sequence[BatchPreviewItem | BatchItem]
    ) -> Mapping[UUID, dict[str, Any] | None]:
        return {}


KINDS[BatchKind.EXPORT] = ExportKind()


@strawberry.input(description="A list to be written into a file.")
class ExportCreateInput:
    columns: list[str] | None = strawberry.field(
        default=None,
        description="The fields of the file, in their order: names of the list's fields; when absent all that one may read.",
    )
    filter: JSON | None = strawberry.field(
        default=None, description="The condition, as the list's argument `filter` takes it; when absent the whole list."
    )
    format: ExportFormat = strawberry.field(description="What kind of file.")
    list_name: ListName = strawberry.field(name="list", description="Which list.")
    title: str | None = strawberry.field(
        default=None, description="What it is for, in a line of at most 200 characters; made up when absent."
    )
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


async def export_create(tx: Transaction, input: ExportCreateInput) -> Batch:
    """Write a list into a file: a batch of the kind EXPORT, which starts itself. It holds what its creator may read."""
    actor, list_name = tx.actor, input.list_name
    if not LISTS[list_name].gate.admits(actor.facts):
        raise Forbidden("You may not read this list.", field="list")
    columns = _chosen(Viewer.of(actor), list_name, input.columns)
    given: Any = input.filter
    rows = await counted(tx, actor, list_name, filter_of(list_name, given), MOST)
    if input.format is ExportFormat.XLSX and rows > XLSX_ROWS:
        raise Invalid(f"A sheet holds {XLSX_ROWS} rows; narrow the filter, or take CSV.", field="format")
    batch = await _begun(tx, input, items_of(rows))
    made = f"{list_name.value.lower().replace('_', '-')}-{tx.now:%Y-%m-%d}.{input.format.value.lower()}"
    export = tx.add(
        Export(
            id=new_id(), batch_id=batch.id, creator_id=actor.user_id, token_id=actor.token_id, role=actor.role.value,
            dealer_id=actor.dealer_id, list_name=list_name, filter=given, format=input.format, columns=columns, name=made,
        )
    )  # fmt: skip
    await tx.due(EXPIRY, export.id, tx.now + UNFINISHED)
    await start(tx, batch)
    return batch


async def _begun(tx: Transaction, input: ExportCreateInput, items: int) -> Batch:
    """The batch, READY, with its first event and its first line."""
    title = texts.optional_line(input.title, 200, field="title") or f"{input.list_name} as {input.format}"
    batch: Batch = tx.add(
        Batch(
            id=new_id(), kind=BatchKind.EXPORT, status=BatchStatus.READY, title=title, selection={}, plan={}, impact={},
            creator_id=tx.actor.user_id, token_id=tx.actor.token_id, dealer_id=tx.actor.dealer_id, allow_drift="REFUSE",
            seq_head=0, log_head=0,
        )
    )  # fmt: skip
    set_counts(batch, rules.Counts(pending=items))
    await tx.session.flush()
    tx.emit("batch.created", batch, to_status=batch.status)
    lines: list[Line] = [(LogLevel.INFO, f"To be read in {items - 1} parts.", None)]
    await tell(tx, batch, state=(None, batch.status, None), lines=lines)
    return batch


def _chosen(viewer: Viewer, list_name: ListName, wanted: Sequence[str] | None) -> list[str]:
    """The fields of the file. Raises BadUserInput for a name that the list does not have, Forbidden for one not to be read."""
    fields = {field.name: field for field in FIELDS[list_name]}
    if wanted is None:
        return [name for name, field in fields.items() if field.readable(viewer)]
    if not wanted or len(set(wanted)) < len(wanted):
        raise BadUserInput("Name the columns, each once, or leave them out for all.")
    for name in wanted:
        if name not in fields:
            raise BadUserInput(f"{list_name} has no column {name!r}; it has {', '.join(fields)}.")
        if not fields[name].readable(viewer):
            raise Forbidden(f"You may not read the column {name}.", field="columns")
    return list(wanted)
