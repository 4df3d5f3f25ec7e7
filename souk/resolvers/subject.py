"""What something is about: a row of one of several types, kept as a word and an id."""

from typing import Any

import strawberry
from sqlalchemy import ColumnElement, and_, false

from ..db.session import Transaction
from ..engine.symbols import GlobalId, Viewer, id_of
from ..engine.views import VIEWS, View
from ..rules.enums import SubjectType
from ..rules.errors import NotFound

TYPES = {"Alert": "ALERT", "Deal": "DEAL", "Dealer": "DEALER", "Lead": "LEAD", "Listing": "LISTING"}
"""What a ticket may be about: the type in the schema → the word in the column."""


def _target(viewer: Viewer, id: Any, types: dict[str, str]) -> tuple[View, GlobalId] | None:
    """The view of the id's type, if it is one of these and the role may ask for it at all."""
    found = id_of(id)
    view = VIEWS.get(found.type_name) if found and found.type_name in types else None
    if found is None or view is None or view.node is None:
        return None
    if view.gate is not None and not view.gate.admits(viewer.facts):
        return None
    return view, found


def about(viewer: Viewer, model: Any, id: Any, types: dict[str, str] | None = None) -> ColumnElement[bool]:
    """Rows of `model` about the thing with this id, provided that the viewer may see the thing."""
    known = types or TYPES
    target = _target(viewer, id, known)
    if target is None:
        return false()
    view, found = target
    assert view.node is not None
    seen = view.node(viewer, id=found).with_only_columns(view.model.id)
    return and_(model.subject_type == known[found.type_name], model.subject_id.in_(seen))


async def subject_of(
    tx: Transaction, id: strawberry.ID, *, field: str, types: dict[str, str] | None = None
) -> tuple[SubjectType, Any]:
    """The word and the row of a thing that the actor may see, through that type's own read. Raises NotFound."""
    known, viewer = types or TYPES, Viewer.of(tx.actor)
    target = _target(viewer, id, known)
    if target is None:
        raise NotFound(field=field)
    view, found = target
    assert view.node is not None
    row = (await tx.session.execute(view.node(viewer, id=found))).scalar_one_or_none()
    if row is None:
        raise NotFound(field=field)
    return SubjectType[known[found.type_name]], row
