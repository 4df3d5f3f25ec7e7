"""Who reads and writes notes: staff, on what they may read."""

from ..models import Note
from .base import Permission


class ReadsNote(Permission[Note]):
    """Notes; which of them, decides what they are on."""

    name = "note:read"
    model = Note
    message = "Notes are for staff."


class WritesNote(Permission[Note]):
    """Adds a note."""

    name = "note:write"
    model = Note
    message = "You may not write notes."
