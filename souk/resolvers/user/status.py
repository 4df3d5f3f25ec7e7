"""A person is suspended in this tenant, or let back in."""

import strawberry

from ...db.session import Transaction
from ...models import User
from ...permissions.user import SeesUser, SetsUserStatus
from ...rules import text
from ...rules import user as rules
from ...rules.clauses import implements
from ...rules.enums import UserStatus
from ..service_token import revoke_service_tokens
from ..session import revoke_sessions
from ..writing import demand, locked, move, permit
from .owners import is_last, is_owner, owners


@strawberry.input(description="A person's status, set by somebody else.")
class UserSetStatusInput:
    id: strawberry.ID = strawberry.field(description="The person.")
    to: UserStatus = strawberry.field(description="SUSPENDED, or ACTIVE again.")
    reason: str = strawberry.field(description="Why, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


@implements(
    "User",
    "ACTIVE",
    "SUSPENDED",
    effect="sessions acting in this tenant and the person's service tokens revoked in the same transaction",
)
async def user_set_status(tx: Transaction, input: UserSetStatusInput) -> User:
    """Suspend a person in this tenant, or let the person back in. Suspending ends every sign-in at once."""
    acting = await owners(tx)
    person = await locked(tx, User, input.id, SeesUser(), version=input.expected_version)
    await permit(tx, SetsUserStatus(), person)
    if await is_owner(tx, person):
        demand(tx)
    reason = text.line(input.reason, 1000, field="reason")
    rules.set_status(person.status, input.to, oneself=person.id == tx.actor.user_id, last_owner=is_last(acting, person))
    move(tx, person, input.to, "user.status_changed", mutation="userSetStatus", reason=reason)
    if input.to is UserStatus.SUSPENDED:
        await revoke_sessions(tx, person.id)
        await revoke_service_tokens(tx, person.id)
    return person
