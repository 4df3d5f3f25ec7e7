"""Support acts for somebody: openly, for a reason, for half an hour at most. Party acts are no staff powers otherwise."""

from datetime import timedelta

import strawberry
from sqlalchemy import select

from ..db.session import Transaction
from ..engine.symbols import key
from ..models import Membership, User
from ..permissions.impersonation import Impersonates
from ..permissions.user import SeesUser
from ..rules import signin, text
from ..rules.enums import SessionCarrier, UserStatus
from ..rules.errors import Invalid, NotFound, OutOfRange, Problems, Required
from .session import open_session
from .writing import Said, locked, permit

SHORTEST_REASON = 10


@strawberry.input(description="Somebody to act for.")
class UserImpersonateInput:
    id: strawberry.ID = strawberry.field(description="The person.")
    reason: str = strawberry.field(
        description="Why, 10 to 1,000 characters: it is kept, and shown in `viewer` all the while."
    )
    minutes: int = strawberry.field(default=30, description="For how many minutes, 1 to 30.")
    membership_id: strawberry.ID | None = strawberry.field(
        default=None, description="In which of the person's roles; needed where there are several."
    )


async def user_impersonate(tx: Transaction, input: UserImpersonateInput) -> Said:
    """Act for a person, with the person's rights and no others. The session ends by itself, or by its own `sessionRevoke`;
    it changes nothing of sign-in and roles, and no step-up is possible in it. Needs a step-up.
    """
    person = await locked(tx, User, input.id, SeesUser())
    await permit(tx, Impersonates(), person)
    problems = Problems()
    reason = problems.take(lambda: text.line(input.reason, 1000), "reason")
    if reason is not None and len(reason) < SHORTEST_REASON:
        problems.add(Invalid(f"Say why in {SHORTEST_REASON} characters or more."), "reason")
    if not 1 <= input.minutes <= 30:
        problems.add(OutOfRange("It lasts 1 to 30 minutes."), "minutes")
    if person.id == tx.actor.user_id:
        problems.add(Invalid("You are this person."), "id")
    elif person.status != UserStatus.ACTIVE:
        problems.add(Invalid("Only for somebody who may sign in."), "id")
    problems.check()
    member = await _role(tx, person, input.membership_id)
    tx.emit("user.impersonated", person, reason=reason, data={"membership": str(member.id)})
    opened = await open_session(
        tx,
        member,
        carrier=SessionCarrier.IMPERSONATION,
        lifetime=min(timedelta(minutes=input.minutes), signin.IMPERSONATION),
        impersonator_id=tx.actor.user_id,
        reason=reason,
    )
    return Said(person, {"token": opened.token, "expires_at": opened.session.expires_at})


async def _role(tx: Transaction, person: User, id: strawberry.ID | None) -> Membership:
    """The role to act in. Raises NotFound, Required."""
    asked = select(Membership).where(Membership.user_id == person.id, Membership.ended_at.is_(None))
    if id is not None:
        asked = asked.where(Membership.id == key(id, Membership))
    held = (await tx.session.execute(asked.order_by(Membership.created_at, Membership.id))).scalars().all()
    if len(held) > 1:
        raise Required("The person has several roles: name one.", field="membershipId")
    if not held:
        raise NotFound(field="membershipId")
    member: Membership = held[0]
    return member
