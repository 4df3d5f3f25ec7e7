"""Notes: remarks of staff on alerts, tasks, leads, dealers and tickets."""

from collections.abc import Callable
from functools import cache
from typing import Any

import strawberry
from sqlalchemy import Select, select

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import Note, User, new_id
from ..permissions.note import ReadsNote
from ..permissions.user import SeesUser
from ..rules import text
from .subject import OF_NOTES, seen, subject_of

BODY = 10_000


@cache
def notes_on(type_name: str) -> Callable[[Viewer, Any], Select[Note]]:
    """The read of the notes on a row of this type: a field of that type, so that the row itself is visible."""
    word = OF_NOTES[type_name][0]

    def notes(viewer: Viewer, subject: Any) -> Select[Note]:
        """What staff noted on it, the newest first."""
        asked = select(Note).where(Note.subject_type == word, Note.subject_id == subject.id)
        return asked.where(ReadsNote().rows(viewer)).order_by(Note.created_at.desc())

    return notes


def note(viewer: Viewer, id: strawberry.ID) -> Select[Note]:
    """One note by its id, if the viewer may read what it is on."""
    return select(Note).where(Note.id == key(id, Note), ReadsNote().rows(viewer), seen(viewer, Note, OF_NOTES))


def author_of_note(viewer: Viewer, note: Note) -> Select[User]:
    """Who wrote it."""
    return select(User).where(User.id == note.author_id, SeesUser().rows(viewer))


@strawberry.input(description="A remark of staff.")
class NoteAddInput:
    id: strawberry.ID = strawberry.field(
        description="What it is on: an alert, a dealer, a lead, a task or a ticket that you may read."
    )
    body: str = strawberry.field(description="The text, at most 10,000 characters.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def note_add(tx: Transaction, input: NoteAddInput) -> Note:
    """Note something on a row that one may read. A note stays as it is, and moves no version."""
    word, subject = await subject_of(tx, input.id, OF_NOTES, field="id")
    body = text.body(input.body, BODY, field="body")
    made: Note = tx.add(
        Note(id=new_id(), subject_type=word, subject_id=subject.id, author_id=tx.actor.user_id, body=body)
    )
    tx.emit(f"{word.value.lower()}.noted", subject, internal=True, data={"note": str(made.id)})
    return made
