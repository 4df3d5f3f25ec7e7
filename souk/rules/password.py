"""What a password may be: long rather than odd, and not what it protects."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from souk.rules.errors import Invalid, Refused, TooLong

SHORTEST, LONGEST = 10, 256
REMEMBERED = 5
"""This many passwords, the one in force included, are not taken again."""


def normal(password: str) -> str:
    """The one form of what looks the same: NFKC, as NIST SP 800-63B asks. Nothing is trimmed."""
    return unicodedata.normalize("NFKC", password)


def problems(password: str, about: Iterable[str | None]) -> Iterator[Refused]:
    """What is wrong with a normalised password by itself; `about` are the person's name, address and number, the tenant's name."""
    if len(password) > LONGEST:
        yield TooLong(LONGEST)
        return
    if len(password) < SHORTEST:
        yield Invalid(f"A password has at least {SHORTEST} characters.")
    if len(set(password)) < 5:
        yield Invalid("A password has at least five different characters.")
    if any(word in password.casefold() for word in _words(about)):
        yield Invalid("A password must not hold your name, your address or the name of the place.")


def _words(about: Iterable[str | None]) -> set[str]:
    """Words of four letters and more; of an address what is before the @."""
    texts = [(each or "").casefold().split("@")[0] for each in about]
    words = {word for text in texts for word in "".join(c if c.isalnum() else " " for c in text).split()}
    return {word for word in words if len(word) >= 4}


def forms(password: str) -> set[str]:
    """Under which a list of common passwords is asked: as it is, in lower case, and without the digits and signs behind it."""
    folded = password.casefold()
    bare = folded.rstrip("0123456789!?.,;:_-+*#$%&@ ")
    return {form for form in (password, folded, bare) if form}
