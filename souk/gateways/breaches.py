"""Whether a password is known to those who guess: by default among the 10,000 commonest, without asking anybody."""

from bisect import bisect_left
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from typing import Protocol

WIDTH = 8


class Breaches(Protocol):
    """A list of passwords that leaked. It is asked before a transaction begins, so it may take its time."""

    async def known(self, password: str) -> bool: ...


class CommonPasswords:
    """The list that is shipped: `data/common_passwords.sha256`, whose source and licence stand in the NOTICE beside it."""

    @cached_property
    def _prefixes(self) -> bytes:
        return files("souk.gateways").joinpath("data/common_passwords.sha256").read_bytes()

    def __len__(self) -> int:
        return len(self._prefixes) // WIDTH

    async def known(self, password: str) -> bool:
        """Whether this very text is on the list."""
        wanted = sha256(password.encode()).digest()[:WIDTH]
        at = bisect_left(range(len(self)), wanted, key=self._at)
        return at < len(self) and self._at(at) == wanted

    def _at(self, n: int) -> bytes:
        return self._prefixes[n * WIDTH : (n + 1) * WIDTH]
