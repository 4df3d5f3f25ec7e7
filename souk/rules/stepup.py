"""When a proof of who is asking is fresh enough for money, roles, tokens and erasure."""

from __future__ import annotations

from datetime import datetime, timedelta

from souk.rules.actor import Actor

FRESH = timedelta(minutes=10)


def fresh(actor: Actor, now: datetime) -> bool:
    """Whether this person proved who it is within the last ten minutes. Never so for a token, or for whoever acts for somebody."""
    if actor.user_id is None or actor.impersonator_id is not None or actor.mfa_at is None:
        return False
    return now - actor.mfa_at <= FRESH
