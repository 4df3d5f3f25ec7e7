"""A session goes on: renewed with its refresh token, or minted anew in another membership of the same account."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import select, text

from ...context import Context
from ...db.session import Transaction
from ...engine.symbols import read_id
from ...models import Membership, Session, User
from ...rules import signin
from ...rules.actor import Actor, Role
from ...rules.enums import Carrier, SessionCarrier, SignInMethod, SignInOutcome, UserStatus
from ...rules.errors import Forbidden, Invalid, NotFound
from ..writing import Said
from .answer import check_carrier, opened_for, said
from .ending import ended
from .keys import attempted, hash_of
from .opening import Opened
from .secret import ACCESS, REFRESH, digest, secret

BY_FAMILY = text("SELECT * FROM souk.session_by_family(:family)")
OF_ACCOUNT = text("SELECT * FROM souk.membership_of_account(:account, :membership)")
LONGEST = 200


def _void() -> Invalid:
    return Invalid("The refresh token is not valid, or no longer valid.", field="refresh_token")


@strawberry.input(description="A refresh token.")
class SessionRefreshInput:
    refresh_token: str = strawberry.field(
        description="The refresh token of the session. It is good once, and for ten seconds again, as long as nothing"
        " of the answer was used."
    )


async def renews(context: Context, input: SessionRefreshInput) -> Actor:
    """Whose refresh token it is, in whatever tenant. Raises Invalid."""
    family, dot, _ = input.refresh_token.partition(".")
    if not family.startswith(REFRESH) or not dot or len(input.refresh_token) > LONGEST:
        raise _void()
    row = await _found(context, BY_FAMILY, {"family": digest(family)})
    if row is None:
        raise _void()
    return Actor(
        row.tenant_id, Role(row.role), row.user_id, row.dealer_id, row.membership_id, row.session_id,
        account_id=row.account_id, mfa_at=row.mfa_at,
    )  # fmt: skip


async def session_refresh(tx: Transaction, input: SessionRefreshInput) -> Said:
    """A new access token and a new refresh token; the old ones are void. Send no access token along.

    Whoever did not hear the answer sends the same refresh token again within ten seconds, and gets other tokens for those
    that got lost. A refresh token that comes a second time after that, or after one of the new tokens was used, was copied:
    the session ends at once, for whoever holds it.
    """
    # the person first, as whoever suspends does
    person = await tx.session.get_one(User, (tx.actor.tenant_id, tx.actor.user_id), with_for_update={"read": True})
    asked = select(Session).where(Session.id == tx.actor.session_id).with_for_update()
    session: Session = (await tx.session.execute(asked)).scalar_one()
    over = session.ends_at <= tx.now or (session.idle_at is not None and session.idle_at <= tx.now)
    if session.revoked_at is not None or over:
        raise _void()
    given = digest(input.refresh_token)
    again = given == session.spent_hash and _unheard(session, tx.now)
    if given != session.refresh_hash and not again:
        ended(tx, [session])
        attempted(tx, hash_of(tx.keyring, f"session {session.id}"), person, SignInMethod.REFRESH, SignInOutcome.REUSED)
        return Said(problem=_void())
    member = await tx.session.get_one(Membership, (tx.actor.tenant_id, session.membership_id))
    if person.status != UserStatus.ACTIVE or member.ended_at is not None:
        raise _void()
    family = input.refresh_token.partition(".")[0]
    token, refresh = f"{ACCESS}{secret()}", f"{family}.{secret()}"
    session.hash, session.refresh_hash = digest(token), digest(refresh)
    if not again:  # a second repetition has no more time than the first
        session.spent_hash, session.renewed_at = given, tx.now
    session.expires_at = min(tx.now + signin.ACCESS, session.ends_at)
    session.seen_at = session.renewed_at
    session.idle_at = None if session.idle_seconds is None else tx.now + timedelta(seconds=session.idle_seconds)
    tx.emit("session.refreshed", session)
    return said(Opened(token, refresh, session), member)


def _unheard(session: Session, now: datetime) -> bool:
    """Whether the answer to the last renewal may have got lost: it is young, and its access token was never shown."""
    renewed, seen = session.renewed_at, session.seen_at
    return renewed is not None and now < renewed + signin.RENEWED_AGAIN and (seen is None or seen <= renewed)


@strawberry.input(description="Another role to act in.")
class SessionSwitchInput:
    membership_id: strawberry.ID = strawberry.field(
        description="One of `viewer.memberships`, in this tenant or another one of the same person."
    )
    carrier: Carrier = strawberry.field(
        default=Carrier.BEARER, description="How the client wants to carry the session: in the answer or as a cookie."
    )


async def switches(context: Context, input: SessionSwitchInput) -> Actor:
    """The same account in the other membership, in whatever tenant. Raises NotFound, Forbidden."""
    actor, wanted = context.actor, read_id(input.membership_id)
    if actor.impersonator_id is not None:
        raise Forbidden("Who acts for somebody stays in that role.")
    if actor.account_id is None or wanted is None or wanted.type_name != "Membership":
        raise NotFound(field="membership_id")
    row = await _found(context, OF_ACCOUNT, {"account": actor.account_id, "membership": wanted.row_id})
    if row is None:
        raise NotFound(field="membership_id")
    here = row.tenant_id == actor.tenant_id
    return replace(
        actor, tenant_id=row.tenant_id, role=Role(row.role), user_id=row.user_id, dealer_id=row.dealer_id,
        membership_id=wanted.row_id, session_id=actor.session_id if here else None, team_ids=(), all_teams=False,
    )  # fmt: skip


async def session_switch(tx: Transaction, input: SessionSwitchInput) -> Said:
    """Open another session of the same person, in another role. The session that asks stays as it is, but for a cookie."""
    check_carrier(tx, input.carrier)
    assert tx.actor.membership_id is not None
    asked = select(Membership).where(Membership.id == tx.actor.membership_id)
    member: Membership = (await tx.session.execute(asked)).scalar_one()
    return await opened_for(tx, member, input.carrier, mfa_at=tx.actor.mfa_at)


async def _found(context: Context, statement: Any, values: dict[str, UUID | bytes]) -> Any:
    """What the door says, before the tenant is known."""
    async with context.db.engine.connect() as connection:
        return (await connection.execute(statement, values)).one_or_none()


assert {each.value for each in Carrier} < {each.value for each in SessionCarrier}
