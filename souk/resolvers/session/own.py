"""One's own sign-ins: what is shown of them, and how one ends them."""

from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from ...context import Cookie
from ...db.session import Transaction
from ...engine.symbols import Viewer, key
from ...models import LoginAttempt, Membership, Session, User
from ...permissions.user import SeesUser
from ...rules.enums import SignInMethod, SignInOutcome
from ...rules.errors import Forbidden, NotFound
from ..writing import Said, locked
from .ending import ended, revoke_everywhere
from .keys import attempted, hash_of


class OwnSession:
    """The sessions of one's account in this tenant."""

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        mine: ColumnElement[bool] = Session.account_id == viewer.account_id
        return mine


def _live() -> ColumnElement[bool]:
    return and_(
        Session.revoked_at.is_(None),
        Session.ends_at > func.now(),
        or_(Session.idle_at.is_(None), Session.idle_at > func.now()),
    )


def session(viewer: Viewer, id: strawberry.ID) -> Select[Session]:
    """One sign-in of one's own by its id."""
    return select(Session).where(Session.id == key(id, Session), OwnSession().rows(viewer))


def sessions_of_viewer(viewer: Viewer, me: Any) -> Select[Session]:
    """The person's live sign-ins in this tenant, the newest first; none for a service token."""
    asked = select(Session).where(Session.account_id == viewer.account_id, me.user_id.is_not(None), _live())
    return asked.order_by(Session.created_at.desc())


def is_current(viewer: Viewer, session: Any) -> ColumnElement[bool]:
    """Whether it is the sign-in that asks."""
    return func.coalesce(session.id == viewer.session_id, false())


def membership_of_session(viewer: Viewer, session: Any) -> Select[Membership]:
    """The role it acts in."""
    return select(Membership).where(Membership.id == session.membership_id, Membership.user_id == viewer.user_id)


def login_attempt(viewer: Viewer, id: strawberry.ID) -> Select[LoginAttempt]:
    """One attempt to sign in as oneself by its id."""
    return select(LoginAttempt).where(LoginAttempt.id == key(id, LoginAttempt), LoginAttempt.user_id == viewer.user_id)


def login_attempts_of_viewer(viewer: Viewer, me: Any) -> Select[LoginAttempt]:
    """Who tried to sign in as this person here, the newest first, failures too; none for a service token."""
    asked = select(LoginAttempt).where(LoginAttempt.user_id == viewer.user_id, me.user_id.is_not(None))
    return asked.order_by(LoginAttempt.created_at.desc())


@strawberry.input(description="A sign-in that ends.")
class SessionRevokeInput:
    id: strawberry.ID | None = strawberry.field(default=None, description="The session; left out, the one that asks.")


async def session_revoke(tx: Transaction, input: SessionRevokeInput) -> Said:
    """End one of one's own sign-ins, by default the one that asks. It is void within the second."""
    wanted = input.id if input.id is not None else tx.actor.session_id
    if wanted is None:
        raise NotFound(field="id")
    row = await locked(tx, Session, wanted, OwnSession())
    if tx.actor.impersonator_id is not None and row.id != tx.actor.session_id:
        raise Forbidden("Whoever acts for somebody ends that session only.")
    if row.revoked_at is None:
        ended(tx, [row])
    mine = row.id == tx.actor.session_id
    return Said(row, cookie=Cookie() if mine and tx.caller.by_cookie else None)


@strawberry.input(description="All sign-ins at once.")
class SessionRevokeAllInput:
    except_current: bool = strawberry.field(default=False, description="Leave the one that asks.")


async def session_revoke_all(tx: Transaction, input: SessionRevokeAllInput) -> Said:
    """End all of one's own sign-ins, in every tenant one belongs to. They are void within the second."""
    if tx.actor.account_id is None:
        raise NotFound
    number = await revoke_everywhere(tx, tx.actor.account_id, but=tx.actor.session_id if input.except_current else None)
    taken_back = Cookie() if tx.caller.by_cookie and not input.except_current else None
    return Said(shown={"ended": number}, cookie=taken_back)


@strawberry.input(description="Somebody who was slowed down.")
class UserUnlockInput:
    id: strawberry.ID = strawberry.field(description="The person.")


async def user_unlock(tx: Transaction, input: UserUnlockInput) -> Any:
    """Clear the delays that wrong guesses in this tenant have put on the person's address and number."""
    person = await locked(tx, User, input.id, SeesUser())
    for address in filter(None, (person.email and person.email.lower(), person.phone)):
        attempted(tx, hash_of(tx.keyring, address), person, SignInMethod.CODE, SignInOutcome.UNLOCKED)
    tx.about(person)
    tx.emit("user.unlocked", person)
    return person
