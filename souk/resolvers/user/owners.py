"""The owners of a tenant: there is always one who can act. `last_owner`, a trigger, is the wall behind these locks."""

from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Membership, User
from ...rules import user as rules
from ...rules.actor import Role
from ...rules.enums import UserStatus
from ...rules.errors import Forbidden
from ..writing import means

means("last_owner", lambda: Forbidden(rules.LAST_OWNER))


async def owners(tx: Transaction) -> set[UUID]:
    """The ACTIVE owners, their roles locked: two who remove each other go one after the other."""
    held = select(Membership).where(Membership.role == "OWNER", Membership.ended_at.is_(None)).order_by(Membership.id)
    members = (await tx.session.execute(held.with_for_update())).scalars().all()
    ids = [member.user_id for member in members]
    active = select(User.id).where(User.id.in_(ids), User.status == UserStatus.ACTIVE)
    return set((await tx.session.execute(active)).scalars())


async def is_owner(tx: Transaction, person: User) -> bool:
    """Whether the person holds the role OWNER."""
    held = select(Membership.id).where(
        Membership.user_id == person.id, Membership.role == Role.OWNER, Membership.ended_at.is_(None)
    )
    return (await tx.session.execute(held.limit(1))).scalar_one_or_none() is not None


def is_last(acting: set[UUID], person: User) -> bool:
    """Whether nobody but this person is left of the ACTIVE owners."""
    return acting == {person.id}
