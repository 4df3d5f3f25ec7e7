"""What the bearer tokens of the demo's people are derived from, so that each is the same whenever it is printed."""

import base64
import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path


class Secret:
    """256 random bits in a file that only the owner reads; made when first asked for."""

    def __init__(self, directory: Path) -> None:
        path = directory / "demo-secret"
        directory.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32), encoding="ascii")
        try:
            os.link(draft, path)  # the first of several processes wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        self._key = bytes.fromhex(path.read_text(encoding="ascii").strip())

    def token(self, slug: str, email: str, role: str) -> str:
        """The bearer token of one membership."""
        made = hmac.digest(self._key, f"{slug} {email} {role}".encode(), sha256)
        return f"souk_{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
