"""How sign-ins end: each with its event, so that every process drops it at once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, or_, select, text

from ...db.session import Transaction
from ...models import Membership, ServiceToken, Session, User
from ...rules.actor import Actor, Role
from .keys import in_line

PEOPLE = text("SELECT * FROM souk.people_of_account(:account) ORDER BY tenant_id")


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


async def revoke_everywhere(tx: Transaction, account_id: UUID, *, but: UUID | None = None) -> int:
    """End the live sessions of an account in every tenant, but one, each as its person there. Gives their number.

    The persons' rows are held until the end of the transaction: whoever signs in as one of them at the same time comes
    before, and is ended here, or after.
    """
    await in_line(tx, f"account {account_id}")  # one who does this in two tenants at once would wait for itself
    number = 0
    for person in (await tx.session.execute(PEOPLE, {"account": account_id})).all():
        if person.tenant_id == tx.actor.tenant_id:
            number += await _revoke_all(tx, person.user_id, but)
            continue
        there = Actor(
            person.tenant_id, Role(person.role), person.user_id, person.dealer_id, person.membership_id,
            account_id=account_id,
        )  # fmt: skip
        async with tx.elsewhere(there) as other:
            number += await _revoke_all(other, person.user_id, None)
    return number


async def _revoke_all(tx: Transaction, user_id: UUID, but: UUID | None) -> int:
    await tx.session.get_one(User, (tx.actor.tenant_id, user_id), with_for_update=True)
    return await revoke_sessions(tx, user_id, but=but)


def ended(tx: Transaction, rows: Sequence[Session | ServiceToken]) -> int:
    """End these rows, whose locks are held. Gives their number."""
    for row in rows:
        row.revoked_at = tx.now
        tx.emit("session.revoked", row)
    return len(rows)
