"""Sign-ins: how they begin, how they end, what is shown of them."""

from .ending import ended, revoke_everywhere, revoke_sessions
from .opening import LIFETIME, Opened, issue, open_session
from .secret import digest, secret

__all__ = [
    "LIFETIME",
    "Opened",
    "digest",
    "ended",
    "issue",
    "open_session",
    "revoke_everywhere",
    "revoke_sessions",
    "secret",
]
