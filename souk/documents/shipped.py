"""The documents that come with the program, registered for every tenant: one file each, known by the hash of the file.

A file begins with comments: what it is for, and lines of the form `# Role: OPS`, `# Ceiling: 40`, `# Route: GET /path`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from souk.rules.actor import Role
from souk.rules.manifest import digest, document_id

_FACT = re.compile(r"^# (Role|Ceiling|Route): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shipped:
    """One document. `ceiling` are the points that a run costs at most; `routes` what of former APIs it answers."""

    name: str
    text: str
    role: Role | None
    ceiling: int
    routes: tuple[str, ...]

    @property
    def sha256(self) -> bytes:
        return digest(self.text)

    @property
    def id(self) -> str:
        """What a client sends as `documentId`."""
        return document_id(self.sha256)


@cache
def shipped() -> Mapping[bytes, Shipped]:
    """By digest, in the order of their names. Raises ValueError for a file that does not say its ceiling."""
    found = (read(each.name.removesuffix(".graphql"), each) for each in _files())
    return {each.sha256: each for each in found}


def _files() -> list[Any]:
    folder = files("souk") / "documents" / "operations"
    return sorted((each for each in folder.iterdir() if each.name.endswith(".graphql")), key=lambda each: each.name)


def read(name: str, file: Any) -> Shipped:
    """What a file says of its document. Raises ValueError for one that does not say its ceiling."""
    text = file.read_text(encoding="utf-8")
    facts: dict[str, list[str]] = {}
    for kind, said in _FACT.findall(text):
        facts.setdefault(kind, []).append(said.strip())
    if "Ceiling" not in facts:
        raise ValueError(f"{name} does not say its ceiling")
    role = Role(facts["Role"][0]) if "Role" in facts else None
    return Shipped(name, text, role, int(facts["Ceiling"][0]), tuple(facts.get("Route", ())))
