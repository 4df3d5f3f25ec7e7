"""The streams of tickets and alerts: what happened to them, in the order of commits."""

from typing import Any

import strawberry
from sqlalchemy import BigInteger, ColumnElement, Select, and_, func, literal, or_, select, true

from ..engine.scalars import BigInt
from ..engine.symbols import Viewer, key
from ..models import Alert, DomainEvent, EventStream, Ticket, User
from ..permissions.alert import SeesAlert, outside
from ..permissions.ticket import ReadsInternal, SeesTicket
from ..permissions.user import SeesUser
from .batch import BEYOND, EVENTS_MAX


def _shown_of_ticket(viewer: Viewer) -> ColumnElement[bool]:
    """Internal events are for those who work on the ticket."""
    return or_(DomainEvent.internal.is_(False), ReadsInternal().rows(viewer))


def shown_of_alert(viewer: Viewer) -> ColumnElement[bool]:
    """Internal events are for staff and for services of the tenant."""
    return DomainEvent.internal.is_(False) if outside(viewer) else true()


def actor_of_event(viewer: Viewer, event: DomainEvent) -> Select[User]:
    """Who caused it; null for the system, the public, and for those who may not see the person."""
    return select(User).where(User.id == event.actor_id, SeesUser().rows(viewer))


def domain_event(viewer: Viewer, id: strawberry.ID) -> Select[DomainEvent]:
    """One event by its id, if it happened to a ticket or an alert that the viewer may see, and is shown to the viewer."""
    ticket = select(Ticket.id).where(Ticket.id == DomainEvent.subject_id, SeesTicket().rows(viewer))
    alert = select(Alert.id).where(Alert.id == DomainEvent.subject_id, SeesAlert().rows(viewer))
    of_ticket = and_(DomainEvent.subject_type == "Ticket", ticket.where(_shown_of_ticket(viewer)).exists())
    of_alert = and_(DomainEvent.subject_type == "Alert", alert.exists(), shown_of_alert(viewer))
    return select(DomainEvent).where(DomainEvent.id == key(id, DomainEvent), or_(of_ticket, of_alert))


def follow_ticket(viewer: Viewer, ticket_id: strawberry.ID, after: BigInt | None = None) -> Select[DomainEvent]:
    """What happens to a ticket: first what came after `after`, then what comes."""
    of = and_(Ticket.tenant_id == DomainEvent.tenant_id, Ticket.id == DomainEvent.subject_id)
    found = select(DomainEvent).join(Ticket, of).where(DomainEvent.subject_id == key(ticket_id, Ticket))
    return _after(found.where(SeesTicket().rows(viewer), _shown_of_ticket(viewer)), after)


def follow_alert(viewer: Viewer, alert_id: strawberry.ID, after: BigInt | None = None) -> Select[DomainEvent]:
    """What happens to an alert: first what came after `after`, then what comes."""
    of = and_(Alert.tenant_id == DomainEvent.tenant_id, Alert.id == DomainEvent.subject_id)
    found = select(DomainEvent).join(Alert, of).where(DomainEvent.subject_id == key(alert_id, Alert))
    return _after(found.where(SeesAlert().rows(viewer), shown_of_alert(viewer)), after)


def _after(found: Select[DomainEvent], after: BigInt | None) -> Select[DomainEvent]:
    found = found.order_by(DomainEvent.seq.asc())
    return found if after is None else found.where(DomainEvent.seq > after)


def _page(model: Any, id: Any, rows: ColumnElement[bool], after: BigInt | None, first: int) -> Select[Any]:
    big = BigInteger()
    since = literal(0, big) if after is None else func.least(func.greatest(after, 0, type_=big), BEYOND, type_=big)
    upto = since + func.least(func.greatest(first, 1, type_=big), EVENTS_MAX, type_=big)
    stream = and_(EventStream.tenant_id == model.tenant_id, EventStream.id == model.id)
    return (
        select(
            model.id.label("id"),
            since.label("since"),
            func.least(EventStream.seq, upto, type_=big).label("last_seq"),
            (EventStream.seq > upto).label("has_more"),
        )
        .join(EventStream, stream)
        .where(model.id == key(id, model), rows)
    )


def ticket_events(
    viewer: Viewer, ticket_id: strawberry.ID, after: BigInt | None = None, first: int = 100
) -> Select[Any]:
    """The same events for those who ask again and again: those after `after`, at most `first` (1 to 500)."""
    return _page(Ticket, ticket_id, SeesTicket().rows(viewer), after, first)


def alert_events(viewer: Viewer, alert_id: strawberry.ID, after: BigInt | None = None, first: int = 100) -> Select[Any]:
    """The same events for those who ask again and again: those after `after`, at most `first` (1 to 500)."""
    return _page(Alert, alert_id, SeesAlert().rows(viewer), after, first)


def events_of_ticket_page(viewer: Viewer, page: Any) -> Select[DomainEvent]:
    """The events of the page, in their order."""
    of = and_(Ticket.tenant_id == DomainEvent.tenant_id, Ticket.id == DomainEvent.subject_id)
    return _within(select(DomainEvent).join(Ticket, of).where(_shown_of_ticket(viewer)), page)


def events_of_alert_page(viewer: Viewer, page: Any) -> Select[DomainEvent]:
    """The events of the page, in their order."""
    return _within(select(DomainEvent).where(shown_of_alert(viewer)), page)


def _within(found: Select[DomainEvent], page: Any) -> Select[DomainEvent]:
    within = (DomainEvent.subject_id == page.id, DomainEvent.seq > page.since, DomainEvent.seq <= page.last_seq)
    return found.where(*within).order_by(DomainEvent.seq.asc())
