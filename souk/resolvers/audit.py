"""The audit: who did what, when, to what; who was refused, and who opened what is locked; and the proof of the chain."""

from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, false, func, select
from sqlalchemy.orm import aliased

from ..context import Context
from ..db.proof import Head, Verdict, verify_audit
from ..engine.errors import BadUserInput
from ..engine.scalars import BigInt, DateTime
from ..engine.symbols import Viewer, id_of, key
from ..models import AccessRefusal, AuditEvent, Dealer, Session, User
from ..permissions.audit import ReadsRefusals, SeesAudit
from ..permissions.dealer import SeesDealer
from ..permissions.user import SeesUser
from ..rules.enums import AccessKind, Described
from .enums import known
from .filters import conditions, refers_to


@known
class AuditOrder(Described):
    """The order of a list of audit events."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."


AUDIT_ORDER = {AuditOrder.NEWEST: AuditEvent.created_at.desc(), AuditOrder.OLDEST: AuditEvent.created_at.asc()}


@known
class ActingRole(Described):
    """In which role something was done: one of the matrix, or by the system itself."""

    OWNER = "OWNER", "The accountable person of the tenant."
    ADMIN = "ADMIN", "Runs the marketplace and the desk."
    OPS = "OPS", "Enforcement, dealer standing, moderation, tasks."
    SALES = "SALES", "Tasks, notes, lead follow-up."
    AGENT = "AGENT", "The service desk."
    VIEWER = "VIEWER", "Reads, without personal data."
    DEALER = "DEALER", "A member of an organisation that lists."
    CUSTOMER = "CUSTOMER", "A person who asks, offers or buys."
    SERVICE = "SERVICE", "An integration, within its scopes."
    PUBLIC = "PUBLIC", "Nobody signed in."
    SYSTEM = "SYSTEM", "A timer, a worker, an operator."


@strawberry.input(description="Conditions on audit events; all must hold.")
class AuditFilter:
    op: strawberry.Maybe[str] = strawberry.field(
        description="Left by this mutation, as `offerAccept`, or by this act of the system.", default=None
    )
    subject_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this thing.", default=None)
    actor_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Done by this person.", default=None)
    role: strawberry.Maybe[ActingRole] = strawberry.field(description="Done in this role.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="Done for this organisation by one of its members.", default=None
    )
    since: strawberry.Maybe[DateTime] = strawberry.field(description="At or after this moment.", default=None)
    until: strawberry.Maybe[DateTime] = strawberry.field(description="Before this moment.", default=None)

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.op:
            yield AuditEvent.op == self.op.value
        if self.subject_id:
            yield _about(AuditEvent, self.subject_id.value)
        if self.actor_id:
            yield refers_to(AuditEvent.actor_id, self.actor_id.value, User)
        if self.role:
            yield AuditEvent.acting_role == self.role.value
        if self.dealer_id:
            yield refers_to(AuditEvent.dealer_id, self.dealer_id.value, Dealer)
        if self.since:
            yield AuditEvent.created_at >= self.since.value
        if self.until:
            yield AuditEvent.created_at < self.until.value


def _about(model: Any, id: Any) -> ColumnElement[bool]:
    """Whether a row is about the thing with this global id."""
    found = id_of(id)
    if found is None:
        return false()
    return and_(model.subject_type == found.type_name, model.subject_id == found.row_id)


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


def dealer_of_event(viewer: Viewer, event: AuditEvent) -> Select[Dealer]:
    """The organisation for which it was done; null where it was done for none."""
    return select(Dealer).where(Dealer.id == event.dealer_id, SeesDealer().rows(viewer))


def subject_id_of(event: Any) -> ColumnElement[str]:
    """The global id of the thing, beside the row; null where there is none."""
    plain = func.convert_to(event.subject_type + ":" + cast(event.subject_id, Text), "UTF8")
    return func.translate(func.encode(plain, "base64"), "\n", "", type_=Text())


def hash_of(event: Any) -> ColumnElement[str]:
    """The event's hash in hexadecimal, beside the row."""
    return func.encode(event.hash, "hex", type_=Text())


# Refused, and opened ----------------------------------------------------------------------------------------------------


@strawberry.input(description="Conditions on records of access; all must hold.")
class AccessRefusalFilter:
    kind: strawberry.Maybe[AccessKind] = strawberry.field(description="Of this kind.", default=None)
    actor_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Asked by this person.", default=None)
    role: strawberry.Maybe[ActingRole] = strawberry.field(description="Asked in this role.", default=None)
    operation: strawberry.Maybe[str] = strawberry.field(
        description="For this mutation or query, or this field of a type, as `LeadContactOpen.phone`.", default=None
    )
    permission: strawberry.Maybe[str] = strawberry.field(description="Decided by this row of the matrix.", default=None)
    subject_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Opened this thing.", default=None)
    since: strawberry.Maybe[DateTime] = strawberry.field(description="At or after this moment.", default=None)
    until: strawberry.Maybe[DateTime] = strawberry.field(description="Before this moment.", default=None)

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.kind:
            yield AccessRefusal.kind == self.kind.value
        if self.actor_id:
            yield refers_to(AccessRefusal.principal_id, self.actor_id.value, User)
        if self.role:
            yield AccessRefusal.acting_role == self.role.value
        if self.operation:
            yield AccessRefusal.operation == self.operation.value
        if self.permission:
            yield AccessRefusal.permission == self.permission.value
        if self.subject_id:
            yield _about(AccessRefusal, self.subject_id.value)
        if self.since:
            yield AccessRefusal.created_at >= self.since.value
        if self.until:
            yield AccessRefusal.created_at < self.until.value


def access_refusals(viewer: Viewer, filter: AccessRefusalFilter | None = None) -> Select[AccessRefusal]:
    """Refused access, and reads of personal data that is locked to others; the newest first."""
    asked = select(AccessRefusal).where(ReadsRefusals().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(AccessRefusal.created_at.desc())


def access_refusal(viewer: Viewer, id: strawberry.ID) -> Select[AccessRefusal]:
    """One record of access by its id."""
    return select(AccessRefusal).where(AccessRefusal.id == key(id, AccessRefusal), ReadsRefusals().rows(viewer))


def actor_of_refusal(viewer: Viewer, record: AccessRefusal) -> Select[User]:
    """Who asked; null for the public and for a service token."""
    return select(User).where(User.id == record.principal_id, SeesUser().rows(viewer))


# The proof --------------------------------------------------------------------------------------------------------------

AT_ONCE = 100_000
SECONDS = 4.0
"""How long one call may take: less than half of what a request has."""


async def audit_verify(context: Context, after: BigInt | None, hash: str | None, first: int) -> Verdict:
    """Recompute a piece of the chain, from its beginning or behind a known event. Raises BadUserInput."""
    if not 1 <= first <= AT_ONCE:
        raise BadUserInput(f"Between 1 and {AT_ONCE} events at once.")
    if (after is None) != (hash is None):
        raise BadUserInput("`after` and `hash` belong together: the number and the hash of a known event.")
    known = None
    if after is not None and hash is not None:
        try:
            known = Head(int(after), bytes.fromhex(hash))
        except ValueError as error:
            raise BadUserInput("`hash` is hexadecimal.") from error
        if known.seq < 1 or len(known.hash) != 32:
            raise BadUserInput("`after` is a number from 1, `hash` has 64 hexadecimal digits.")
    async with context.db.transaction(context.actor, "auditVerify", now=context.now) as tx:
        return await verify_audit(tx.session, tx.actor.tenant_id, known, at_most=first, seconds=SECONDS)
