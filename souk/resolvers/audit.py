"""The audit: who did what, when, to what."""

from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, false, func, select
from sqlalchemy.orm import aliased

from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, id_of, key
from ..models import AuditEvent, Session, User
from ..permissions.audit import SeesAudit
from ..permissions.user import SeesUser
from ..rules.enums import Described
from .enums import known
from .filters import conditions, refers_to


@known
class AuditOrder(Described):
    """The order of a list of audit events."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."


AUDIT_ORDER = {AuditOrder.NEWEST: AuditEvent.seq.desc(), AuditOrder.OLDEST: AuditEvent.seq.asc()}


@strawberry.input(description="Conditions on audit events; all must hold.")
class AuditFilter:
    op: strawberry.Maybe[str] = strawberry.field(
        description="Left by this mutation, as `offerAccept`, or by this act of the system.", default=None
    )
    subject_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this thing.", default=None)
    actor_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Done by this person.", default=None)
    since: strawberry.Maybe[DateTime] = strawberry.field(description="At or after this moment.", default=None)

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.op:
            yield AuditEvent.op == self.op.value
        if self.subject_id:
            found = id_of(self.subject_id.value)
            yield (
                and_(AuditEvent.subject_type == found.type_name, AuditEvent.subject_id == found.row_id)
                if found is not None
                else false()
            )
        if self.actor_id:
            yield refers_to(AuditEvent.actor_id, self.actor_id.value, User)
        if self.since:
            yield AuditEvent.created_at >= self.since.value


def audit_events(
    viewer: Viewer, filter: AuditFilter | None = None, order_by: AuditOrder = AuditOrder.NEWEST
) -> Select[AuditEvent]:
    """What was done, as far as the viewer may know."""
    asked = select(AuditEvent).where(SeesAudit().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(AUDIT_ORDER[order_by])


def audit_event(viewer: Viewer, id: strawberry.ID) -> Select[AuditEvent]:
    """One audit event by its id."""
    return select(AuditEvent).where(AuditEvent.id == key(id, AuditEvent), SeesAudit().rows(viewer))


def actor_of_event(viewer: Viewer, event: AuditEvent) -> Select[User]:
    """Who did it; null for the system, the public and a service token."""
    return select(User).where(User.id == event.actor_id, SeesUser().rows(viewer))


def impersonator_of_event(viewer: Viewer, event: AuditEvent) -> Select[User]:
    """The member of staff who did it in the actor's name; null where the actor did it alone."""
    session = aliased(Session)
    acted = exists().where(
        session.tenant_id == User.tenant_id, session.id == event.session_id, session.impersonator_id == User.id
    )
    return select(User).where(acted, SeesUser().rows(viewer))


def subject_id_of(event: Any) -> ColumnElement[str]:
    """The global id of the thing, beside the row."""
    plain = func.convert_to(event.subject_type + ":" + cast(event.subject_id, Text), "UTF8")
    return func.translate(func.encode(plain, "base64"), "\n", "", type_=Text())


def hash_of(event: Any) -> ColumnElement[str]:
    """The event's hash in hexadecimal, beside the row."""
    return func.encode(event.hash, "hex", type_=Text())
