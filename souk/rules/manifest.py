"""Manifests of registered documents, as the tools of clients write them: which format it is, and what it holds.

Three are known: a map from hash to document (the client preset of GraphQL codegen, and Relay's compiler, write the same
shape) and Apollo's list of operations. A document is known by the SHA-256 of its text in UTF-8, and by nothing else.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from .errors import Invalid, LimitExceeded, Refused, Required, TooLong

APOLLO = "apollo-persisted-query-manifest"
MAX_DOCUMENTS = 2_000
MAX_BYTES = 262_144
PREFIX = "sha256:"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OTHERS = {32: "MD5", 40: "SHA-1"}


class Listed(NamedTuple):
    """One document of a manifest; `sha256` is its digest, `name` what the manifest calls it, if it does."""

    sha256: bytes
    document: str
    name: str | None = None


def digest(document: str) -> bytes:
    """The SHA-256 of a document's text."""
    return hashlib.sha256(document.encode()).digest()


def document_id(sha256: bytes) -> str:
    """`sha256:` and the digest in hexadecimal: what clients send as `documentId`."""
    return PREFIX + sha256.hex()


@lru_cache(maxsize=2_000)
def read_id(text: str) -> bytes | None:
    """The digest out of `sha256:…`, or out of the bare 64 hexadecimal digits; None if it is neither."""
    plain = text.removeprefix(PREFIX)
    return bytes.fromhex(plain) if _SHA256.fullmatch(plain) else None


def read_manifest(value: Any) -> list[Listed]:
    """The documents of a manifest, each once, in its order.

    Raises Invalid for what is no manifest, for a hash that is not the SHA-256 of its document, and for a document twice
    under different names; Required when it is empty; LimitExceeded; TooLong for a document.
    """
    if not isinstance(value, dict):
        raise _wrong("A manifest is a JSON object.")
    found: dict[bytes, Listed] = {}
    for hash_, document, name in _apollo(value) if _is_apollo(value) else _map(value):
        label = name or str(hash_)[:80]
        listed = _checked(hash_, document, name, label)
        before = found.setdefault(listed.sha256, listed)
        if before.name != listed.name:
            raise _wrong(f"{label}: the same document stands there as {before.name}.")
        if len(found) > MAX_DOCUMENTS:
            raise LimitExceeded(MAX_DOCUMENTS, f"A manifest may have {MAX_DOCUMENTS} documents.", field="manifest")
    if not found:
        raise Required("The manifest has no documents.", field="manifest")
    return list(found.values())


def _is_apollo(value: dict[str, Any]) -> bool:
    return "operations" in value or "format" in value


def _apollo(value: dict[str, Any]) -> Iterator[tuple[Any, Any, str | None]]:
    operations = value.get("operations")
    if value.get("format") != APOLLO or value.get("version") != 1 or not isinstance(operations, list):
        raise _wrong(f"An Apollo manifest has the format {APOLLO}, version 1.")
    for each in operations:
        if not isinstance(each, dict) or not isinstance(each.get("name"), str | None):
            raise _wrong("Each operation of an Apollo manifest is an object with id, name and body.")
        yield each.get("id"), each.get("body"), each.get("name")


def _map(value: dict[str, Any]) -> Iterator[tuple[Any, Any, str | None]]:
    for hash_, document in value.items():
        yield hash_, document, None


def _checked(hash_: Any, document: Any, name: str | None, label: str) -> Listed:
    if not isinstance(hash_, str) or not isinstance(document, str):
        raise _wrong(f"{label}: a document is a text under its hash.")
    given = read_id(hash_.lower())
    if given is None:
        other = _OTHERS.get(len(hash_))
        asked = f"this is {other}; set the tool's algorithm to SHA-256" if other else "this is none"
        raise _wrong(f"{label}: documents are known by their SHA-256 in hexadecimal; {asked}.")
    if len(document.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise TooLong(MAX_BYTES, f"{label}: a document may have {MAX_BYTES} bytes.", field="manifest")
    try:
        if given == digest(document):
            return Listed(given, document, name)
    except UnicodeEncodeError:
        raise _wrong(f"{label}: the text is not Unicode.") from None
    raise _wrong(f"{label}: the hash is not the SHA-256 of the document.")


def _wrong(message: str) -> Refused:
    return Invalid(message, field="manifest")
