"""What happened to a thing, as clients see it: timelines and event streams show the same rows."""

import strawberry

from .. import models
from ..engine.declare import to_list, view
from ..engine.scalars import BigInt, DateTime
from ..resolvers import event as resolve


@view(models.DomainEvent)
class DomainEvent:
    """Something that happened to one subject; written in the transaction of its cause, never changed."""

    seq: BigInt
    type: str
    at: DateTime
    from_status: str | None
    to_status: str | None
    reason: str | None


@strawberry.type(description="Events for those who ask again and again: the same as the stream's.")
class DomainEventPage:
    events: list[DomainEvent] = to_list(
        resolve.events_of_page, resolve.EVENTS_MAX, description="The events the viewer may see, in their order."
    )
    last_seq: BigInt = strawberry.field(description="The number up to which this page reaches; ask on after it.")
    has_more: bool = strawberry.field(description="Whether there are more already.")
