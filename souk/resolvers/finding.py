"""Rows by their words: `souk.find` as something that a read selects from."""

from typing import Any

from sqlalchemy import ARRAY, REAL, ColumnElement, Select, Text, Uuid, bindparam, column, func, select

FOUND = 500
"""Hits of one search at most, the best first."""


def hits(words: Any, *kinds: str) -> Any:
    """The rows whose words match, as (kind, id, rank): the tenant's, whoever asks, so join them with `rows(viewer)`."""
    text = bindparam(None, words, type_=Text()) if isinstance(words, str) else words
    wanted = bindparam(None, list(kinds), type_=ARRAY(Text()))
    found = func.souk.find(text, wanted, FOUND)
    return found.table_valued(column("kind", Text()), column("id", Uuid()), column("rank", REAL()))


def found_by(words: Any, kind: str) -> Select[Any]:
    """The ids of one kind, for `id IN (…)`."""
    found = hits(words, kind)
    return select(found.c.id)


def says_something(words: Any) -> ColumnElement[bool]:
    """Whether there is a word to look for; nothing but signs finds nothing instead of everything."""
    text = bindparam(None, words, type_=Text()) if isinstance(words, str) else words
    return func.numnode(func.websearch_to_tsquery("simple", text)) > 0
