"""Who may change a batch while its items are in flight: chunks of it run side by side, whoever steers it waits for all.

A chunk holds a share of the batch from its start to its commit, and the lock of its row only from where it counts. Whoever
pauses, cancels or takes it up again holds it alone. The database queues both in their order, so that neither starves
(PostgreSQL, "Advisory Locks"). Always the batch before its row, and before its items.
"""

from uuid import UUID

from sqlalchemy import text

from ..db.session import Transaction

SHARED, ALONE = (
    text(f"SELECT {lock}(hashtextextended(CAST(:tenant AS text) || CAST(:batch AS text), 7037))")
    for lock in ("pg_advisory_xact_lock_shared", "pg_advisory_xact_lock")
)


async def in_flight(tx: Transaction, batch_id: UUID) -> None:
    """Until the end of the transaction nobody steers the batch."""
    await tx.session.execute(SHARED, {"tenant": str(tx.actor.tenant_id), "batch": str(batch_id)})


async def at_rest(tx: Transaction, batch_id: UUID) -> None:
    """Wait for the chunks in flight; until the end of the transaction there are no others."""
    await tx.session.execute(ALONE, {"tenant": str(tx.actor.tenant_id), "batch": str(batch_id)})
