"""What a batch does to its items: the interface between the engine and the kinds.

An `Action` is given a chunk at a time and works on all of it at once; the engine stores what it answers. Its effects, the
results, the attempts, the counters and the event are one transaction, so whatever it does in the database happens exactly
once per item. It must not do anything outside of the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from ..db.session import Transaction
from ..models import Batch
from ..rules.enums import BatchAction, BatchKind


@dataclass(slots=True)
class Item:
    """One item under the engine's lock. `fresh` ones come from a source and are stored with their result.

    `before` is the state that the preview saw, in the kinds that keep one.
    """

    id: UUID
    n: int
    target_type: str
    target_id: UUID | None
    action: BatchAction
    payload: dict[str, Any]
    attempt: int = 0
    tried_before: int = 0
    fresh: bool = False
    before: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Past(Item):
    """An item that was done, with what its action left behind."""

    status: str = "SUCCEEDED"
    outcome: str | None = None
    after: dict[str, Any] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    impact_minor: int | None = None
    currency: str | None = None


@dataclass(slots=True)
class Result:
    """What became of an item: `status` is SUCCEEDED, SKIPPED or FAILED; `outcome` a word such as CREATED or UNCHANGED.

    `before` and `after` are images of the thing, `target_id` the thing where the item did not name it, `warnings` are
    `{column, value, reason}`. `retry` asks for another attempt of a FAILED item.
    """

    status: str = "SUCCEEDED"
    outcome: str | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    target_id: UUID | None = None
    error_code: str | None = None
    error_message: str | None = None
    warnings: list[dict[str, Any]] = field(default_factory=list)
    impact_minor: int | None = None
    currency: str | None = None
    retry: bool = False


class Skip(Exception):
    """Raised for one item: there is nothing to do, and why. It becomes SKIPPED."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Action(Protocol):
    """What is done to items of one `BatchAction`."""

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        """One result per item, in their order. All items have this action.

        An exception undoes what was done for the chunk; the engine then finds the items it is about by halving, so that
        only they fail: a `Refused` for good, a `Skip` as skipped, anything else with another attempt later. The last
        statement may be sent (`Transaction.send`) and left to the engine, which makes ready what it stores meanwhile.
        """
        ...


class Compensation(Protocol):
    """How items of one `BatchAction` are undone."""

    async def undo(self, tx: Transaction, batch: Batch, items: Sequence[Past]) -> list[Result]:
        """One result per item, in their order: COMPENSATED, or COMPENSATION_FAILED with why. As for `Action.run` otherwise."""
        ...


class Source(Protocol):
    """Where the items of a streamed batch come from."""

    async def more(self, tx: Transaction, batch: Batch, limit: int) -> list[Item]:
        """At most `limit` further items (`fresh=True`, `n` following on); none at the end.

        Reads on from `batch.cursor` and sets it anew (a new dict: the column is only stored when assigned). It is called
        in the transaction that works on the items, so the cursor moves exactly with them; the engine may put an older
        cursor back (after a rollback, or after a look ahead) and ask again from there.
        """
        ...


ACTIONS: dict[BatchAction, Action] = {}
"""Who does what; filled by the modules of `worker/` when they are imported."""
COMPENSATIONS: dict[BatchAction, Compensation] = {}
"""Who undoes what; an action that is not here stays done."""
SOURCES: dict[BatchKind, Source] = {}
"""The kinds whose selection is streamed. Such a batch begins with `total` = `pending` = the preview's total and no items."""


@dataclass(slots=True)
class Settled:
    """An item with what became of it, on its way to the tables: `row` as they store it, `shown` as events list it."""

    item: Item
    result: Result
    status: str
    next_attempt_at: datetime | None = None
    row: bytes = b""
    shown: dict[str, Any] = field(default_factory=dict)
