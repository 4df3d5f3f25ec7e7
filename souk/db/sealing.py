"""Secrets at rest: AES-256-GCM in the application, the key's id in front, the place of the value authenticated.

Layout of a sealed value: one byte with the length of the key's id, the id, 12 bytes of nonce, ciphertext with tag
(NIST SP 800-38D). The associated data are `tenant:table:column:row`, so that a ciphertext moved elsewhere does not open.
"""

import base64
import hmac
import os
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE = 12


class Keyring:
    """The keys of `SOUK_ENCRYPTION_KEYS`: the first seals, all open.

    `spec` is `id:base64[,id:base64…]`, each key 32 bytes. Raises ValueError for anything else.
    """

    def __init__(self, spec: str) -> None:
        keys: dict[str, bytes] = {}
        for part in filter(None, (p.strip() for p in spec.split(","))):
            name, _, encoded = part.partition(":")
            key = base64.b64decode(encoded, validate=True)
            if len(key) != 32 or not 1 <= len(name.encode()) <= 255:
                raise ValueError("SOUK_ENCRYPTION_KEYS holds id:base64 pairs of 32 bytes each.")
            keys[name] = key
        if not keys:
            raise ValueError("SOUK_ENCRYPTION_KEYS is empty.")
        self._first = next(iter(keys))
        self._ciphers = {name: AESGCM(key) for name, key in keys.items()}
        # equality search must survive a rotation: the hash key hangs on the last (oldest) key
        self._hash_key = hmac.digest(list(keys.values())[-1], b"souk equality search", "sha256")

    @staticmethod
    def generate(name: str = "k1") -> str:
        """A fresh key in the form of the setting."""
        return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"

    def seal(self, text: str, place: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        name = self._first.encode()
        return bytes([len(name)]) + name + nonce + self._ciphers[self._first].encrypt(nonce, text.encode(), place)

    def open(self, sealed: bytes, place: bytes) -> str:
        """The text. Raises `cryptography.exceptions.InvalidTag` when value or place were changed, KeyError for a lost key."""
        at = 1 + sealed[0]
        cipher = self._ciphers[sealed[1:at].decode()]
        return cipher.decrypt(sealed[at : at + NONCE], sealed[at + NONCE :], place).decode()

    def sealed_by_first(self, sealed: bytes) -> bool:
        """Whether the value is under the key that seals now; what is not is to be sealed anew before its key is dropped."""
        return sealed[1 : 1 + sealed[0]] == self._first.encode()

    def hash(self, text: str) -> bytes:
        """A keyed hash, equal for equal texts: for equality search over what is sealed."""
        return hmac.digest(self._hash_key, text.encode(), sha256)


def place(tenant_id: UUID, table: str, column: str, row_id: UUID | str) -> bytes:
    """The associated data of one value."""
    return f"{tenant_id}:{table}:{column}:{row_id}".encode()
