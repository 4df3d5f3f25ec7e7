"""How sign-ins end: each with its event, so that every process drops it at once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, or_, select

from ...db.session import Transaction
from ...models import Membership, ServiceToken, Session


async def revoke_sessions(
    tx: Transaction, user_id: UUID, *, membership_id: UUID | None = None, but: UUID | None = None
) -> int:
    """End the live sessions of a person, all or those of one membership, but one, each with its event; and, whenever any
    role ends, those in which the person acts for somebody else. Gives their number."""
    mine = Membership.user_id == user_id
    if membership_id is not None:
        mine = and_(mine, Membership.id == membership_id)
    asked = (
        select(Session)
        .join(Membership, (Membership.tenant_id == Session.tenant_id) & (Membership.id == Session.membership_id))
        .where(or_(mine, Session.impersonator_id == user_id), Session.revoked_at.is_(None))
        .order_by(Session.id)
        .with_for_update(of=Session)
    )
    if but is not None:
        asked = asked.where(Session.id != but)
    return ended(tx, (await tx.session.execute(asked)).scalars().all())


def ended(tx: Transaction, rows: Sequence[Session | ServiceToken]) -> int:
    """End these rows, whose locks are held. Gives their number."""
    for row in rows:
        row.revoked_at = tx.now
        tx.emit("session.revoked", row)
    return len(rows)
