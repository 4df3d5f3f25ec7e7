"""Sign-ins and service tokens: how they begin, how they end, what is shown of them."""

from .ending import ended, revoke_service_tokens, revoke_sessions
from .opening import LIFETIME, Opened, issue, open_session
from .secret import digest
from .service import issue_service_token

__all__ = [
    "LIFETIME",
    "Opened",
    "digest",
    "ended",
    "issue",
    "issue_service_token",
    "open_session",
    "revoke_service_tokens",
    "revoke_sessions",
]
