"""Sign-ins: 256 random bits each, shown once, kept as SHA-256."""

import base64
import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from ..db.session import Transaction
from ..models import Membership, Session, new_id
from ..rules.enums import SessionCarrier
from ..rules.errors import OutOfRange

LIFETIME = timedelta(days=30)
LONGEST = timedelta(days=366)


def _secret() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


async def issue(
    tx: Transaction, membership: Membership, *, lifetime: timedelta = LIFETIME, carrier: str = SessionCarrier.BEARER
) -> tuple[str, Session]:
    """A session that acts in this membership, with its token, which nobody can read again. Raises OutOfRange."""
    token = f"souk_{_secret()}"
    session = tx.add(
        Session(
            id=new_id(),
            membership_id=membership.id,
            carrier=carrier,
            hash=digest(token),
            expires_at=tx.now + _held(lifetime),
        )
    )
    tx.emit("session.created", session)
    return token, session


async def revoke_sessions(tx: Transaction, user_id: UUID, *, membership_id: UUID | None = None) -> int:
    """End the live sessions of a person, all or those of one membership, each with its event. Gives their number."""
    asked = (
        select(Session)
        .join(Membership, (Membership.tenant_id == Session.tenant_id) & (Membership.id == Session.membership_id))
        .where(Membership.user_id == user_id, Session.revoked_at.is_(None))
        .order_by(Session.id)
        .with_for_update(of=Session)
    )
    if membership_id is not None:
        asked = asked.where(Membership.id == membership_id)
    return _ended(tx, (await tx.session.execute(asked)).scalars().all())


def _ended(tx: Transaction, rows: Sequence[Session]) -> int:
    for row in rows:
        row.revoked_at = tx.now
        tx.emit("session.revoked", row)
    return len(rows)


def _held(lifetime: timedelta) -> timedelta:
    if not timedelta(0) < lifetime <= LONGEST:
        raise OutOfRange(f"A token lives between a moment and {LONGEST.days} days.", field="days")
    return lifetime
