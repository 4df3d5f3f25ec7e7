"""Who reads why something happened: whoever reads the text of what it happened to."""

from typing import Any

from sqlalchemy import ColumnElement, and_, select

from ..models import Alert, DomainEvent, Ticket
from .alert import SeesAlert
from .base import AnyOf, Permission
from .ticket import OpensTicket


class _OfEvent(Permission[DomainEvent]):
    model = DomainEvent
    in_python = False
    message = "Why is said in the words of people; a VIEWER does not read them of tickets."


def _of(model: Any, rows: ColumnElement[bool]) -> ColumnElement[bool]:
    """Events of a row of this model that meets a condition."""
    there = select(model.id).where(
        model.tenant_id == DomainEvent.tenant_id, model.id == DomainEvent.subject_id, rows
    )  # correlated by hand: the enclosing read may itself be of the model
    return and_(DomainEvent.subject_type == model.__name__, there.correlate(DomainEvent).exists())


class OpensTicketReason(_OfEvent):
    """Why a ticket went where it went: part of its text."""

    name = "ticket:read"
    marked = True

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return _of(Ticket, OpensTicket().within_rows(viewer))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _of(Ticket, OpensTicket().owned(viewer))


class OpensAlertReason(_OfEvent):
    """Why an alert went where it went: whoever sees the alert."""

    name = "alert:read"

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return _of(Alert, SeesAlert().within_rows(viewer))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _of(Alert, SeesAlert().owned(viewer))


class OpensReason(AnyOf):
    """The reason of an event."""

    def __init__(self) -> None:
        super().__init__(OpensTicketReason(), OpensAlertReason())
