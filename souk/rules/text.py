"""What people type: normalised once, on the way in. Addresses and numbers of people are another room's affair."""

from __future__ import annotations

import re
import unicodedata

from souk.rules.errors import Invalid, Required, TooLong

_SPACES = re.compile(r"\s+")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def line(value: str, limit: int, *, field: str | None = None) -> str:
    """One line of text in NFC, trimmed, any run of white space one space.

    At most `limit` characters (code points). Raises Required when nothing is left, TooLong, and Invalid for control
    characters, lone surrogates and non-characters.
    """
    return _held(_SPACES.sub(" ", _clean(value, field)).strip(), limit, field)


def optional_line(value: str | None, limit: int, *, field: str | None = None) -> str | None:
    """`line`, or None where nothing but white space is given."""
    return line(value, limit, field=field) if value is not None and value.strip() else None


def body(value: str, limit: int, *, field: str | None = None) -> str:
    """Text of several lines in NFC, line ends as LF, outer white space and trailing spaces of lines removed."""
    unified = _clean(value, field).replace("\r\n", "\n").replace("\r", "\n").replace("\u0085", "\n")
    return _held("\n".join(each.rstrip() for each in unified.split("\n")).strip(), limit, field)


def optional_body(value: str | None, limit: int, *, field: str | None = None) -> str | None:
    """`body`, or None where nothing but white space is given."""
    return body(value, limit, field=field) if value is not None and value.strip() else None


def fold(value: str) -> str:
    """The key under which two spellings are the same: NFKC, case folded, white space unified."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return _SPACES.sub(" ", folded).strip()


def slug(value: str) -> str:
    """Lower-case ASCII words joined by hyphens, accents dropped; empty where nothing of the kind is left."""
    decomposed = unicodedata.normalize("NFKD", value.casefold())
    return _NOT_SLUG.sub("-", "".join(c for c in decomposed if not unicodedata.combining(c))).strip("-")


def _clean(value: str, field: str | None) -> str:
    normal = unicodedata.normalize("NFC", value)
    if _FORBIDDEN.search(normal):
        raise Invalid("Control characters are not allowed.", field=field)
    return normal


def _held(value: str, limit: int, field: str | None) -> str:
    if not value:
        raise Required(field=field)
    if len(value) > limit:
        raise TooLong(limit, field=field)
    return value
