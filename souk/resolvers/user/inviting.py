"""Invitations: somebody new is asked to join, and joins, or the invitation is withdrawn or lapses."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, case, func, null, select

from ...db.session import Transaction
from ...models import User, new_id
from ...permissions.user import InvitesUser, SeesUser
from ...rules import text
from ...rules.actor import Role
from ...rules.clauses import implements
from ...rules.enums import UserStatus
from ...rules.errors import NotUnique, Problems, Required
from .. import contact
from ..session import revoke_sessions
from ..session.inviting import invite
from ..writing import locked, means, move, permit
from .roles import appoint, place_for

INVITED_FOR = timedelta(days=7)
EXPIRY = "user.invite_expiry"

means("uq_app_user_account", lambda: NotUnique("This person is here already.", field="email"))


def invite_expiry(person: User) -> datetime | None:
    """When the invitation lapses."""
    return person.created_at + INVITED_FOR if person.status == UserStatus.INVITED else None


def invite_expiry_of(person: Any) -> ColumnElement[datetime | None]:
    """The same beside the row."""
    return case((person.status == UserStatus.INVITED, person.created_at + INVITED_FOR), else_=null())


@strawberry.input(description="Somebody new in the tenant, with a first role.")
class UserInviteInput:
    name: str = strawberry.field(description="The name, at most 200 characters.")
    email: str | None = strawberry.field(
        default=None, description="The e-mail address to sign in with; this or the phone number."
    )
    phone: str | None = strawberry.field(
        default=None, description="The phone number to sign in with, with its country code."
    )
    role: Role = strawberry.field(description="The role; a DEALER invites for its own organisation only.")
    dealer_id: strawberry.ID | None = strawberry.field(
        default=None, description="The organisation of a DEALER; by default the inviter's own."
    )
    team_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="The teams of staff, at most 50.")
    all_teams: bool = strawberry.field(default=False, description="For an AGENT: works on the tickets of every team.")
    locale: str | None = strawberry.field(default=None, description="The language the person reads, as a BCP 47 tag.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def user_invite(tx: Transaction, input: UserInviteInput) -> User:
    """Ask somebody to join, with a first role. The person is INVITED until the first sign-in, for seven days."""
    problems = Problems()
    name = problems.take(lambda: text.line(input.name, 200), "name")
    email = problems.take(lambda: contact.email(input.email) if input.email else None, "email")
    phone = problems.take(lambda: contact.phone(input.phone) if input.phone else None, "phone")
    locale = problems.take(lambda: text.optional_line(input.locale, 35), "locale")
    if not (input.email or input.phone):
        problems.add(Required("Give an e-mail address or a phone number."), "email")
    problems.check()
    place = await place_for(tx, input.role, input.dealer_id, input.team_ids, input.all_teams)
    # by one key, the one that the invitation goes to: a second one that nobody has proved would sign in as the person
    account = func.souk.account_for(new_id(), email.lower() if email else None, None if email else phone)
    person: User = tx.add(
        User(
            id=new_id(),
            account_id=(await tx.session.execute(select(account))).scalar_one(),
            name=name,
            email=email,
            phone=phone,
            locale=locale,
            status=UserStatus.INVITED,
            staff=place.staff,
        )
    )
    await tx.session.flush()
    tx.emit("user.invited", person, to_status=UserStatus.INVITED, data={"role": place.role.value})
    await appoint(tx, person, place)
    await tx.due(EXPIRY, person.id, tx.now + INVITED_FOR)
    await invite(tx, person)
    return person


@strawberry.input(description="An invitation taken back.")
class UserWithdrawInviteInput:
    id: strawberry.ID = strawberry.field(description="Who was invited.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def user_withdraw_invite(tx: Transaction, input: UserWithdrawInviteInput) -> User:
    """Take an invitation back that was not accepted yet."""
    person = await locked(tx, User, input.id, SeesUser(), version=input.expected_version)
    await permit(tx, InvitesUser(), person)
    return await _withdrawn(tx, person, mutation="userWithdrawInvite")


@implements("User", "INVITED", "CANCELLED", effect="token void")
async def _withdrawn(tx: Transaction, person: User, mutation: str | None = None, cause: str | None = None) -> User:
    move(tx, person, UserStatus.CANCELLED, "user.status_changed", mutation=mutation, cause=cause)
    await revoke_sessions(tx, person.id)
    await tx.not_due(EXPIRY, person.id)
    return person


async def expire_invite(tx: Transaction, id: UUID) -> None:
    """Work of a timer: an invitation that nobody accepted in seven days lapses."""
    person = await locked(tx, User, id, None)
    if person.status == UserStatus.INVITED:
        await _withdrawn(tx, person, cause="7 d")


async def activate(tx: Transaction, person: User, mutation: str = "userAcceptInvite") -> None:
    """The invitation is accepted, by its token or a code; on the command line whoever hands over a token vouches."""
    if person.status == UserStatus.INVITED:
        move(tx, person, UserStatus.ACTIVE, "user.status_changed", mutation=mutation)
