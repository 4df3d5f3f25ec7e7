"""What a client is told of a session it has just opened: the tokens in the answer, or a cookie and no token."""

from types import SimpleNamespace
from typing import Any

from ...context import Cookie
from ...db.session import Transaction
from ...engine.symbols import write_id
from ...models import Membership, Session
from ...rules.enums import Carrier, SessionCarrier
from ...rules.errors import Invalid
from ..writing import Said
from .ending import ended
from .opening import Opened, open_session


def check_carrier(tx: Transaction, carrier: Carrier) -> None:
    """Raises Invalid where a cookie is asked for and cannot be set."""
    if carrier is Carrier.COOKIE and not tx.caller.cookies:
        raise Invalid(
            "A cookie is set over HTTP, for a page of this very host that sends graphql-require-preflight.",
            field="carrier",
        )


async def opened_for(tx: Transaction, member: Membership, carrier: Carrier, *, mfa_at: Any = None) -> Said:
    """Open a session as the client wants to carry it; a cookie that is replaced takes its session along."""
    opened = await open_session(tx, member, carrier=SessionCarrier[carrier.value], mfa_at=mfa_at)
    if carrier is Carrier.COOKIE and tx.caller.by_cookie and tx.actor.session_id is not None:
        before = await tx.session.get(Session, (tx.actor.tenant_id, tx.actor.session_id), with_for_update=True)
        if before is not None and before.revoked_at is None:
            ended(tx, [before])
    return said(opened, member)


def said(opened: Opened, member: Membership) -> Said:
    """The answer to a sign-in: `session` of the payload, and the cookie."""
    session = opened.session
    as_cookie = session.carrier == SessionCarrier.COOKIE
    shown = SimpleNamespace(
        id=write_id("Session", session.id),
        token=None if as_cookie else opened.token,
        refresh_token=opened.refresh_token,
        expires_at=session.expires_at,
        refresh_until=opened.refresh_until,
        carrier=SessionCarrier[session.carrier],
        role=member.role,
        membership_id=write_id("Membership", member.id),
    )
    seconds = round((session.ends_at - session.created_at).total_seconds())
    return Said(session, {"session": shown}, cookie=Cookie(opened.token, seconds) if as_cookie else None)
