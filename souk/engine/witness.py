"""What an answer refused and what it opened, noticed while it is made on either road.

The answer is made first; whoever keeps records is told afterwards (`Runner(witness=…)`).
"""

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple
from uuid import UUID

from graphql import GraphQLObjectType, GraphQLSchema

from ..db.refusals import Access
from ..rules.actor import Facts


class Place(NamedTuple):
    """What lies in a column of ciphertext: the field that shows it, the type of the thing it belongs to, its guard."""

    shown_as: str
    subject: str
    guard: Any


Places = dict[tuple[str, str], Place]


class Seen:
    """The notebook of one answer: each opened field of a row once, each refused field once."""

    def __init__(self, facts: Facts, places: Places) -> None:
        self.facts, self.places = facts, places
        self.opened: dict[tuple[str, UUID], Access] = {}
        self.refused: dict[tuple[str, str], Access] = {}

    def __iter__(self) -> Iterator[Access]:
        yield from self.opened.values()
        yield from self.refused.values()

    def open(self, aad: bytes) -> None:
        """A ciphertext is opened: `aad` names its place, `tenant:table:column:row`."""
        _, table, column, row = aad.decode().split(":")
        found = self.places.get((table, column))
        if found is not None and found.guard.watched(self.facts):
            row_id, asks = UUID(row), found.guard.asks
            self.opened.setdefault((found.shown_as, row_id), Access(found.shown_as, asks, found.subject, row_id))

    def refuse(self, field: str, asks: str) -> None:
        """A field was refused by a row of the matrix."""
        self.refused.setdefault((field, asks), Access(field, asks))


def named(schema: GraphQLSchema, type_: GraphQLObjectType | None, field: str) -> str:
    """A field as records name it: `Type.field`; what is asked of no thing, a query or a mutation, by its name alone."""
    if type_ is None or type_ in (schema.query_type, schema.mutation_type, schema.subscription_type):
        return field
    return f"{type_.name}.{field}"


SEEN: ContextVar[Seen | None] = ContextVar("SEEN", default=None)
"""Whoever watches the answer that is being made."""


def watched(decrypt: Callable[[bytes, bytes], str | None]) -> Callable[[bytes, bytes], str | None]:
    """The same, noting what it opens."""

    def opened(data: bytes, aad: bytes) -> str | None:
        found = decrypt(data, aad)
        if (seen := SEEN.get()) is not None:
            seen.open(aad)
        return found

    return opened


def refused(field: str, asks: str) -> None:
    """Note a refusal, where somebody is watching and a row of the matrix decided."""
    if asks and (seen := SEEN.get()) is not None:
        seen.refuse(field, asks)
