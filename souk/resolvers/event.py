"""What happened to a thing: its timeline, the live stream of it, and the same by pages."""

from typing import Annotated, Any

import strawberry
from sqlalchemy import BigInteger, ColumnElement, Select, and_, func, literal, select, true

from ..engine.scalars import BigInt
from ..engine.symbols import Viewer
from ..models import DomainEvent, EventStream
from ..rules.actor import STAFF, Role

EVENTS_MAX = 500
"""Events of one page at most."""
AfterSeq = Annotated[BigInt | None, strawberry.argument(description="Only events with a greater `seq`; null for all.")]
FirstEvents = Annotated[int, strawberry.argument(description="How far the page reaches in `seq`, 1 to 500.")]


def shown_to(viewer: Viewer) -> ColumnElement[bool]:
    """Events marked internal are for staff, and for integrations that are not a dealer's."""
    if viewer.role in STAFF or (viewer.role is Role.SERVICE and not viewer.of_dealer):
        return true()
    return DomainEvent.internal.is_(False)


def followed(
    viewer: Viewer, model: Any, id_: Any, visible: ColumnElement[bool], after: BigInt | None
) -> Select[DomainEvent]:
    """The events of one thing that the viewer may see, those after `after`, in their order."""
    of = and_(model.tenant_id == DomainEvent.tenant_id, model.id == DomainEvent.subject_id)
    found = select(DomainEvent).join(model, of).where(model.id == id_, visible, shown_to(viewer))
    found = found.order_by(DomainEvent.seq.asc())
    return found if after is None else found.where(DomainEvent.seq > after)


def page_of(
    viewer: Viewer, model: Any, id_: Any, visible: ColumnElement[bool], after: BigInt | None, first: int
) -> Select[Any]:
    """A range of `seq` after `after`; what the viewer may not see in it is left out of the events."""
    big = BigInteger()
    since = literal(0, big) if after is None else func.greatest(after, 0, type_=big)
    upto = since + func.least(func.greatest(first, 1, type_=big), EVENTS_MAX, type_=big)
    head = and_(EventStream.tenant_id == model.tenant_id, EventStream.id == model.id)
    return (
        select(
            model.id.label("id"),
            since.label("since"),
            func.least(EventStream.seq, upto, type_=big).label("last_seq"),
            (EventStream.seq > upto).label("has_more"),
        )
        .select_from(model)
        .join(EventStream, head)
        .where(model.id == id_, visible)
    )


def events_of_page(viewer: Viewer, page: Any) -> Select[DomainEvent]:
    """The events of the page, in their order."""
    in_range = and_(DomainEvent.seq > page.since, DomainEvent.seq <= page.last_seq)
    found = select(DomainEvent).where(DomainEvent.subject_id == page.id, in_range, shown_to(viewer))
    return found.order_by(DomainEvent.seq.asc())
