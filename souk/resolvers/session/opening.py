"""A session begins here, whatever proved who it is: a code, an invitation, a password, a switch, an operator's hand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Membership, Session, User, new_id
from ...rules import signin
from ...rules.enums import SessionCarrier, UserStatus
from ...rules.errors import Forbidden
from .secret import ACCESS, REFRESH, digest, secret

LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Opened:
    """A session with its tokens, which nobody can read again; without a refresh token it cannot be renewed."""

    token: str
    refresh_token: str | None
    session: Session

    @property
    def refresh_until(self) -> datetime | None:
        """Until when the refresh token is good, unless it is used before."""
        if self.refresh_token is None:
            return None
        ends, idle = self.session.ends_at, self.session.idle_at
        return ends if idle is None else min(ends, idle)


async def open_session(
    tx: Transaction,
    membership: Membership,
    *,
    carrier: str,
    mfa_at: datetime | None = None,
    lifetime: timedelta | None = None,
    impersonator_id: UUID | None = None,
    reason: str | None = None,
) -> Opened:
    """A new session that acts in this membership, with an id and tokens of its own.

    BEARER: 15 minutes and a refresh token; with `lifetime` that long and none. COOKIE: idle 12 hours, at most 14 days.
    IMPERSONATION (with `impersonator_id` and `reason`): at most 30 minutes, by default those.
    Raises Forbidden when the person or the membership may not act, OutOfRange for the lifetime. The person's row is held
    until the end of the transaction: whoever suspends at the same time finds this session and ends it, or is found here.
    """
    person = await _held(tx, membership)
    now, refresh, family = tx.now, None, None
    idle: timedelta | None = None
    if carrier == SessionCarrier.IMPERSONATION:
        expires = ends = now + signin.held(lifetime or signin.IMPERSONATION, signin.IMPERSONATION)
    elif lifetime is not None:
        expires = ends = now + signin.held(lifetime)
    elif carrier == SessionCarrier.COOKIE:
        expires = ends = now + signin.COOKIE_LONGEST
        idle = signin.COOKIE_IDLE
    else:
        expires, ends, idle = now + signin.ACCESS, now + signin.NATIVE_LONGEST, signin.NATIVE_IDLE
        family = f"{REFRESH}{secret()}"
        refresh = f"{family}.{secret()}"
    token = f"{ACCESS}{secret()}"
    session = tx.add(
        Session(
            id=new_id(),
            account_id=person.account_id,
            membership_id=membership.id,
            carrier=carrier,
            hash=digest(token),
            refresh_hash=digest(refresh) if refresh else None,
            family_hash=digest(family) if family else None,
            ip=tx.caller.address or None,
            agent=tx.caller.agent or None,
            mfa_at=mfa_at,
            idle_seconds=round(idle.total_seconds()) if idle else None,
            idle_at=now + idle if idle else None,
            expires_at=expires,
            ends_at=ends,
            impersonator_id=impersonator_id,
            reason=reason,
        )
    )
    tx.emit("session.created", session)
    return Opened(token, refresh, session)


async def _held(tx: Transaction, membership: Membership) -> User:
    await tx.session.flush()
    asked = (
        select(User, Membership.ended_at)
        .join(Membership, (Membership.tenant_id == User.tenant_id) & (Membership.user_id == User.id))
        .where(Membership.tenant_id == tx.actor.tenant_id, Membership.id == membership.id)
        .with_for_update(read=True, of=User)
    )
    found = (await tx.session.execute(asked)).one_or_none()
    if found is None or found.User.status != UserStatus.ACTIVE or found.ended_at is not None:
        raise Forbidden("This person may not sign in here.")
    person: User = found.User
    return person


async def issue(
    tx: Transaction, membership: Membership, *, lifetime: timedelta = LIFETIME, carrier: str = SessionCarrier.BEARER
) -> tuple[str, Session]:
    """A session without a refresh token, as operators and tests hand it out. Raises OutOfRange, Forbidden."""
    opened = await open_session(tx, membership, carrier=carrier, lifetime=lifetime)
    return opened.token, opened.session
