"""What something is about: a row of one of several types, kept as a word and an id."""

from collections.abc import Mapping
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, and_, false, or_, select

from ..db.session import Transaction
from ..engine.symbols import Viewer, id_of
from ..models import Alert, Deal, Dealer, Lead, Listing, Task, Ticket
from ..permissions.alert import SeesAlert
from ..permissions.base import Permission
from ..permissions.deal import SeesDeal
from ..permissions.dealer import SeesDealer
from ..permissions.lead import SeesLead
from ..permissions.listing import SeesListing
from ..permissions.task import SeesTask
from ..permissions.ticket import SeesTicket
from ..rules.enums import SubjectType
from ..rules.errors import NotFound

Subjects = Mapping[str, tuple[SubjectType, Any, Permission[Any]]]

SUBJECTS: Subjects = {
    "Alert": (SubjectType.ALERT, Alert, SeesAlert()),
    "Deal": (SubjectType.DEAL, Deal, SeesDeal()),
    "Dealer": (SubjectType.DEALER, Dealer, SeesDealer()),
    "Lead": (SubjectType.LEAD, Lead, SeesLead()),
    "Listing": (SubjectType.LISTING, Listing, SeesListing()),
    "Task": (SubjectType.TASK, Task, SeesTask()),
    "Ticket": (SubjectType.TICKET, Ticket, SeesTicket()),
}
"""The type in the schema → its word in the column, its model, and who sees it."""

OF_TICKETS: Subjects = {name: SUBJECTS[name] for name in ("Alert", "Deal", "Dealer", "Lead", "Listing")}
OF_NOTES: Subjects = {name: SUBJECTS[name] for name in ("Alert", "Dealer", "Lead", "Task", "Ticket")}


def _seen(viewer: Viewer, model: Any, sees: Permission[Any], row_id: Any) -> Select[Any]:
    found: Select[Any] = select(model).where(model.id == row_id, sees.rows(viewer))
    return found


def about(viewer: Viewer, model: Any, id: Any, subjects: Subjects) -> ColumnElement[bool]:
    """Rows of `model` about the thing with this id, provided that the viewer may see the thing."""
    found = id_of(id)
    if found is None or found.type_name not in subjects:
        return false()
    word, of, sees = subjects[found.type_name]
    there = _seen(viewer, of, sees, found.row_id).with_only_columns(of.id)
    return and_(model.subject_type == word, model.subject_id.in_(there))


def seen(viewer: Viewer, model: Any, subjects: Subjects) -> ColumnElement[bool]:
    """Rows of `model` on things that the viewer may see."""
    ways = (
        and_(model.subject_type == word, _seen(viewer, of, sees, model.subject_id).correlate(model).exists())
        for word, of, sees in subjects.values()
        if sees.admits(viewer.facts)
    )
    return or_(false(), *ways)


async def subject_of(tx: Transaction, id: strawberry.ID, subjects: Subjects, *, field: str) -> tuple[SubjectType, Any]:
    """The word and the row of a thing that the actor may see. Raises NotFound."""
    found = id_of(id)
    if found is None or found.type_name not in subjects:
        raise NotFound(field=field)
    word, of, sees = subjects[found.type_name]
    row = (await tx.session.execute(_seen(Viewer.of(tx.actor), of, sees, found.row_id))).scalar_one_or_none()
    if row is None:
        raise NotFound(field=field)
    return word, row
