"""What happened to a thing, as clients see it: timelines and event streams show the same rows."""

from .. import models
from ..engine.declare import view
from ..engine.scalars import BigInt, DateTime


@view(models.DomainEvent)
class DomainEvent:
    """Something that happened to one subject; written in the transaction of its cause, never changed."""

    seq: BigInt
    type: str
    at: DateTime
    from_status: str | None
    to_status: str | None
    reason: str | None
