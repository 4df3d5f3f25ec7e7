"""The pieces an answer is made of: text that is known now, and SQL expressions for the rest."""

import base64

from .sql import quoted

EXECUTOR = r"E'\x01'"  # a null for a non-null field: only graphql-core knows how far it bubbles


class Literal(str):
    """A piece of the answer that is known now; every other piece is a SQL expression."""


Pieces = list[str]


def null(nullable: bool) -> str:
    return "'null'" if nullable else EXECUTOR


def when_null(text: str, nullable: bool, pieces: Pieces) -> Pieces:
    """The pieces, or null where `text` is. What must not be null needs no text of its own: `concat` passes over nulls."""
    if not nullable:
        return [*pieces, f"CASE WHEN {text} IS NULL THEN {EXECUTOR} END"]
    return [f"CASE WHEN {text} IS NULL THEN {null(nullable)} ELSE {whole(pieces)} END"]


def whole(pieces: Pieces) -> str:
    """One text of them all, where none is null."""
    if len(pieces) == 1 and not isinstance(pieces[0], Literal):
        return f"({pieces[0]})::text"
    return concat(pieces)


def global_id(type_name: str, row: str) -> Pieces:
    """base64 of `Type:row`: three bytes of it are four characters, so that what begins it is known now."""
    prefix = f"{type_name}:".encode()
    known = len(prefix) - len(prefix) % 3
    rest = f"{quoted(prefix[known:].decode())} || " if prefix[known:] else ""
    return [Literal(base64.b64encode(prefix[:known]).decode()), f"encode(textsend({rest}{row}), 'base64')"]


def members(pairs: list[tuple[str, Pieces]]) -> Pieces:
    """A JSON object of keys and the pieces of their values."""
    pieces: Pieces = [Literal("{")]
    for key, value in pairs:
        pieces += [Literal(f'"{key}":' if len(pieces) == 1 else f',"{key}":'), *value]
    return [*pieces, Literal("}")]


def concat(pieces: Pieces) -> str:
    """One text of them all: neighbouring literals joined, and nested, because a function takes 100 arguments."""
    items: list[str] = []
    for piece in pieces:
        if items and isinstance(piece, Literal) and isinstance(items[-1], Literal):
            items[-1] = Literal(items[-1] + piece)
        else:
            items.append(piece)
    texts = [quoted(item) if isinstance(item, Literal) else item for item in items]
    while len(texts) > 90:
        texts = [f"concat({', '.join(texts[at : at + 90])})" for at in range(0, len(texts), 90)]
    return f"concat({', '.join(texts)})"
