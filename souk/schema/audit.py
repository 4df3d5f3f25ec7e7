"""The audit as clients see it."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from .. import models
from ..engine.declare import Connection, Info, Node, column, computed, many, one, query, to_one, view
from ..engine.scalars import JSON, BigInt, DateTime
from ..engine.symbols import write_id
from ..permissions.audit import OpensChanges, ReadsRefusals, SeesAudit
from ..permissions.base import may
from ..resolvers import audit as resolve
from ..rules.enums import AccessKind
from .user import User

if TYPE_CHECKING:
    from .dealer import Dealer


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
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_event)


def _subject(record: Any) -> str | None:
    known = record.subject_type is not None and record.subject_id is not None
    return write_id(record.subject_type, record.subject_id) if known else None


@view(models.AccessRefusal, node=resolve.access_refusal, gate=ReadsRefusals())
class AccessRefusal(Node):
    """A permission that said no, or a read of personal data that is locked to others.

    Written beside what was asked, in a transaction of its own: of one principal at most 60 refusals a minute, and of one
    field of one thing opened again and again by the same principal one record in ten minutes.
    """

    kind: AccessKind
    operation: str
    permission: str
    acting_role: str
    at: DateTime = column("created_at")
    subject_id: strawberry.ID | None = computed(
        sql=resolve.subject_id_of,
        python=_subject,
        description="The global id of the thing that was opened; null for a refusal.",
    )
    request_id: str | None
    actor: User | None = to_one(resolve.actor_of_refusal)


@strawberry.type(description="What the check of the audit's chain found.")
class AuditVerdict:
    intact: bool = strawberry.field(description="Whether every event that was read is what was hashed.")
    checked: int = strawberry.field(description="How many events were read.")
    broken_at: BigInt | None = strawberry.field(
        description="The number of the first event that is missing or was changed; null where none is."
    )
    seq: BigInt = strawberry.field(description="The number of the last good event: give it as `after` to go on.")
    hash: str = strawberry.field(description="Its hash, in hexadecimal: give it as `hash` to go on.")
    head_seq: BigInt = strawberry.field(description="The number of the newest event when the check began.")
    head_hash: str = strawberry.field(
        description="Its hash, in hexadecimal. Kept elsewhere, it proves later that nothing before it was written anew."
    )
    complete: bool = strawberry.field(description="Whether nothing is left to check up to that event.")


async def audit_verify(
    info: Info,
    after: Annotated[
        BigInt | None,
        strawberry.argument(description="The number of an event that is known; from the beginning without it."),
    ] = None,
    hash: Annotated[
        str | None, strawberry.argument(description="The hash which that event had, in hexadecimal; checked first.")
    ] = None,
    first: Annotated[int, strawberry.argument(description="At most so many events, 1 to 100,000.")] = 100_000,
) -> AuditVerdict | None:
    """Recompute the chain of audit events, a piece at a time: until `complete`, call again with `seq` and `hash`."""
    found = await resolve.audit_verify(info.context, after, hash, first)
    return AuditVerdict(
        intact=found.broken_at is None,
        checked=found.checked,
        broken_at=None if found.broken_at is None else BigInt(found.broken_at),
        seq=BigInt(found.at.seq),
        hash=found.at.hash.hex(),
        head_seq=BigInt(found.head.seq),
        head_hash=found.head.hash.hex(),
        complete=found.complete,
    )


@strawberry.type
class AuditQueries:
    access_refusals: Connection[AccessRefusal] | None = many(resolve.access_refusals, gate=ReadsRefusals())
    audit_verify: AuditVerdict | None = query(audit_verify, gate=may("audit:verify"))
    audit_event: AuditEvent | None = one(resolve.audit_event, gate=SeesAudit())
    audit_events: Connection[AuditEvent] | None = many(resolve.audit_events, gate=SeesAudit())
