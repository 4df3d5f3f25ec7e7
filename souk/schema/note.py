"""Notes as clients see them."""

import strawberry

from .. import models
from ..engine.declare import Node, payload_node, reference, to_one, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.note import ReadsNote
from ..resolvers import note as resolve
from .mutation import KeyedPayload, write
from .user import User


@view(models.Note, node=resolve.note, gate=ReadsNote())
class Note(Node):
    """A remark of staff on something; never changed."""

    body: str
    created_at: DateTime
    author: User | None = to_one(resolve.author_of_note)
    subject: Node | None = reference(
        "subject_type",
        "subject_id",
        {"ALERT": "Alert", "DEALER": "Dealer", "LEAD": "Lead", "TASK": "Task", "TICKET": "Ticket"},
        description="What it is on: an alert, a dealer, a lead, a task or a ticket.",
    )


@strawberry.type(description="The note that was added.")
class NoteAddPayload(KeyedPayload):
    note: Note | None = payload_node("note", description="The note; null when nothing was changed.")


@strawberry.type
class NoteMutations:
    note_add: NoteAddPayload | None = write(resolve.note_add, gate=may("note:write"))
