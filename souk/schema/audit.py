"""The audit as clients see it."""

import strawberry

from .. import models
from ..engine.declare import Connection, Node, column, computed, many, one, to_one, view
from ..engine.scalars import JSON, BigInt, DateTime
from ..engine.symbols import write_id
from ..permissions.audit import OpensChanges, SeesAudit
from ..resolvers import audit as resolve
from .user import User


@view(models.AuditEvent, node=resolve.audit_event, gate=SeesAudit())
class AuditEvent(Node):
    """Who did what: one event for each mutation that changed something, each hashed with the one before it."""

    seq: BigInt
    op: str
    acting_role: str
    subject_type: str
    subject_id: strawberry.ID = computed(
        sql=resolve.subject_id_of,
        python=lambda event: write_id(event.subject_type, event.subject_id),
        description="The global id of the thing that was changed.",
    )
    changes: JSON | None = column("changes", OpensChanges())
    request_id: str | None
    hash: str = computed(
        sql=resolve.hash_of,
        python=lambda event: bytes(event.hash).hex(),
        description="SHA-256 of the former event's hash and this event, in hexadecimal.",
    )
    at: DateTime = column("created_at")
    actor: User | None = to_one(resolve.actor_of_event)
    impersonator: User | None = to_one(resolve.impersonator_of_event)


@strawberry.type
class AuditQueries:
    audit_event: AuditEvent | None = one(resolve.audit_event, gate=SeesAudit())
    audit_events: Connection[AuditEvent] | None = many(resolve.audit_events, gate=SeesAudit())
