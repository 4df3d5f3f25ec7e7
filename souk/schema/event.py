"""What happened to a thing, as clients see it: timelines and event streams show the same rows."""

import strawberry

from .. import models
from ..engine.declare import Node, column, one, reference, stream, to_list, to_one, view
from ..engine.scalars import BigInt, DateTime
from ..permissions.alert import SeesAlert
from ..permissions.event import OpensReason
from ..permissions.ticket import SeesTicket
from ..resolvers import event as resolve
from ..resolvers.batch import EVENTS_MAX
from .user import User


@view(models.DomainEvent, node=resolve.domain_event, gate=SeesTicket() | SeesAlert())
class DomainEvent(Node):
    """Something that happened to one subject; written in the transaction of its cause, never changed."""

    seq: BigInt
    type: str
    at: DateTime
    from_status: str | None
    to_status: str | None
    reason: str | None = column("reason", OpensReason())
    actor: User | None = to_one(resolve.actor_of_event)
    subject: Node | None = reference(
        "subject_type",
        "subject_id",
        {"Ticket": "Ticket", "Alert": "Alert"},
        description="The ticket or alert it is about.",
    )


LAST = "The number of the newest event of this page; ask on after it."
MORE = "Whether there are more already."


@strawberry.type(description="Events of a ticket, for those who ask again and again.")
class TicketEventPage:
    events: list[DomainEvent] = to_list(resolve.events_of_ticket_page, EVENTS_MAX)
    last_seq: BigInt = strawberry.field(description=LAST)
    has_more: bool = strawberry.field(description=MORE)


@strawberry.type(description="Events of an alert, for those who ask again and again.")
class AlertEventPage:
    events: list[DomainEvent] = to_list(resolve.events_of_alert_page, EVENTS_MAX)
    last_seq: BigInt = strawberry.field(description=LAST)
    has_more: bool = strawberry.field(description=MORE)


@strawberry.type
class EventQueries:
    ticket_events: TicketEventPage | None = one(resolve.ticket_events, gate=SeesTicket())
    alert_events: AlertEventPage | None = one(resolve.alert_events, gate=SeesAlert())


@strawberry.type
class EventSubscriptions:
    ticket_events: DomainEvent = stream(resolve.follow_ticket, gate=SeesTicket())
    alert_events: DomainEvent = stream(resolve.follow_alert, gate=SeesAlert())
