"""The random part of tokens, and what is stored of one."""

import base64
import hashlib
import secrets

ACCESS, REFRESH, INVITATION = "souk_", "soukr_", "souki_"


def secret() -> str:
    """256 random bits, safe in a URL."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()


def digest(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()
