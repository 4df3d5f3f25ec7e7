"""Who sees batches, who steers them, and who may do what their kinds do."""

from typing import Any

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import aliased

from ..models import Batch, BatchItem, BatchPreview
from ..rules.actor import Actor, Facts
from ..rules.enums import BatchKind
from .base import Permission
from .roles import MATRIX


class SeesBatch(Permission[Batch]):
    """Batches with items, log, events and report: staff all, everybody else those they made."""

    name = "batch:read"
    model = Batch

    def owns(self, actor: Actor, row: Any) -> bool:
        return (actor.user_id is not None and row.creator_id == actor.user_id) or (
            actor.token_id is not None and row.token_id == actor.token_id
        )

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return or_(Batch.creator_id == viewer.user_id, Batch.token_id == viewer.token_id)


class ControlsBatch(SeesBatch):
    """Creates, starts, pauses, resumes, cancels."""

    name = "batch:control"
    message = "You may not steer this batch."


class ApprovesBatch(SeesBatch):
    """Decides a batch above the amount."""

    name = "batch:approve"
    message = "You may not decide this batch."


class SeesPreview(Permission[BatchPreview]):
    """Who may make a batch of a preview: staff of any, everybody else of their own."""

    name = "batch:control"
    model = BatchPreview

    def owns(self, actor: Actor, row: Any) -> bool:
        return SeesBatch().owns(actor, row)

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return or_(BatchPreview.creator_id == viewer.user_id, BatchPreview.token_id == viewer.token_id)


class ReadsImages(Permission[BatchItem]):
    """How a thing was before and after: internal."""

    name = "batch:read"
    model = BatchItem
    marked = True
    in_python = False
    message = "The images of a batch are shown to staff who act and to whoever made it."

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        of = aliased(Batch)  # aliased: the enclosing read may itself be of Batch
        mine = or_(of.creator_id == viewer.user_id, of.token_id == viewer.token_id)
        return exists().where(of.tenant_id == BatchItem.tenant_id, of.id == BatchItem.batch_id, mine)


class ControlsItem(Permission[BatchItem]):
    """The items of a batch that one steers: staff of any, everybody else of their own batches."""

    name = "batch:control"
    model = BatchItem
    in_python = False
    message = "You may not steer this batch."

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return ReadsImages().owned(viewer)


class ReadsDeadLetters(Permission[BatchItem]):
    """Items that are dead: who looks after the place."""

    name = "system:read"
    model = BatchItem


class ReplaysDeadLetter(Permission[BatchItem]):
    """Replays dead work."""

    name = "dlq:replay"
    model = BatchItem
    message = "You may not replay dead work."


ROW_OF_KIND = {
    BatchKind.IMPORT: "batch:import",
    BatchKind.ENFORCEMENT: "batch:enforcement",
    BatchKind.TICKET_BULK: "batch:ticketBulk",
    BatchKind.LISTING_BULK: "batch:listingBulk",
    BatchKind.EXPORT: "batch:export",
    BatchKind.REPORT: "batch:report",
    BatchKind.BROADCAST: "batch:broadcast",
    BatchKind.DSR: "batch:dsr",
    BatchKind.CREDIT_GRANT: "batch:creditGrant",
}


def does(kind: BatchKind, actor: Actor, dealer_id: Any) -> bool:
    """Whether the matrix lets the actor do what the kind does: for everybody, or (O) for its own dealer only."""
    facts: Facts = actor.facts
    row = MATRIX[ROW_OF_KIND[kind]]
    if not row.admits(facts):
        return False
    if row.cells[facts.role].letter == "O" or facts.of_dealer:
        return dealer_id is not None and dealer_id == actor.dealer_id
    return True
