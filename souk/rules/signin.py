"""How long a sign-in lives, and how long whoever guesses has to wait: pure arithmetic over what the database counted."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta
from typing import NamedTuple

from souk.rules.errors import OutOfRange

ACCESS = timedelta(minutes=15)
"""An access token of a native client; the refresh token renews it."""
RENEWED_AGAIN = timedelta(seconds=10)
"""How long a refresh token may be sent again, by a client that did not hear the answer."""
NATIVE_IDLE, NATIVE_LONGEST = timedelta(days=30), timedelta(days=180)
COOKIE_IDLE, COOKIE_LONGEST = timedelta(hours=12), timedelta(days=14)
IMPERSONATION = timedelta(minutes=30)
LONGEST = timedelta(days=366)
"""A bearer token that an operator hands out has no refresh token and no idle end, only this limit."""

DIGITS, CODE_LIFE, GUESSES = 6, timedelta(minutes=5), 5
INVITATION_LIFE = timedelta(days=7)

WEIGHED = timedelta(days=1)
"""What is older weighs nothing any more."""
LATELY, PER_NETWORK = timedelta(hours=1), 60
FIRST, SLOWEST = timedelta(seconds=30), timedelta(minutes=15)

ALONE = frozenset(
    {"otpRequest", "otpVerify", "userAcceptInvite", "sessionRefresh", "sessionSwitch", "passwordSignIn", "mfaVerify"}
)
"""Mutations that sign in: each is the only one of its operation, or one request would carry many guesses."""


class Pressure(NamedTuple):
    """What weighs on a sign-in key since its last success: codes sent, guesses that were wrong; and how many codes the
    network of the caller asked for lately, whatever the key."""

    sent: int = 0
    sent_at: datetime | None = None
    failed: int = 0
    failed_at: datetime | None = None
    by_network: int = 0


def next_code(pressure: Pressure, now: datetime) -> datetime | None:
    """When the next code may be sent, None at once.

    The first two come 30 seconds apart, then the pause doubles with each code and with each five wrong guesses, up to 15
    minutes: it slows down whoever guesses and never locks anybody out.
    """
    times = []
    if pressure.sent and pressure.sent_at is not None:
        times.append(pressure.sent_at + _pause(pressure.sent))
    if pressure.failed >= GUESSES and pressure.failed_at is not None:
        times.append(pressure.failed_at + _pause(pressure.failed // GUESSES))
    if pressure.by_network >= PER_NETWORK:
        times.append(now + SLOWEST)
    latest = max(times, default=None)
    return latest if latest is not None and latest > now else None


def next_guess(pressure: Pressure, now: datetime) -> datetime | None:
    """When a secret that does not run out (a password) may be tried again, None at once: the same growth per five failures."""
    if pressure.failed < GUESSES or pressure.failed_at is None:
        return None
    at = pressure.failed_at + _pause(pressure.failed // GUESSES)
    return at if at > now else None


def _pause(times: int) -> timedelta:
    doubled: int = 2 ** min(times - 1, 10)
    return min(FIRST * doubled, SLOWEST)


def held(lifetime: timedelta, longest: timedelta = LONGEST) -> timedelta:
    """The lifetime of a token that has no refresh. Raises OutOfRange."""
    if not timedelta(0) < lifetime <= longest:
        raise OutOfRange(f"A token lives between a moment and {longest.days} days.", field="days")
    return lifetime


def network_of(address: str) -> str:
    """What is counted of a network address: IPv4 as it is, of IPv6 the /64 that one customer has."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
