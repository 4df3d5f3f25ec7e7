"""The pieces an answer is made of: text that is known now, and SQL expressions for the rest."""

import base64

from .sql import quoted

EXECUTOR = r"E'\x01'"  # a null for a non-null field: only graphql-core knows how far it bubbles


class Literal(str):
    """A piece of the answer that is known now; every other piece is a SQL expression."""


class Missing(str):
    """A condition under which there is a null for a non-null field: it has no place in the text, and no text of its own."""


Pieces = list[str]
Around = tuple[Literal, str, Literal]
"""A statement, or a text, and what stands before and after its answer."""


def null(nullable: bool) -> str:
    return "'null'" if nullable else EXECUTOR


def when_null(text: str, nullable: bool, pieces: Pieces) -> Pieces:
    """The pieces, or null where `text` is. What must not be null needs no text of its own: `concat` passes over nulls."""
    if not nullable:
        return [*pieces, Missing(f"{text} IS NULL")]
    if pieces == [f"to_json({text})"]:
        return [f"coalesce({pieces[0]}, 'null'::json)"]
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


def written(templates: tuple[str, ...], text: str) -> Pieces:
    """What a writer of `wire` makes of a value."""
    return [each if isinstance(each, Literal) else each.format(text) for each in templates]


def inside(pieces: Pieces) -> Around:
    """The pieces without what is known at their begin and end, for an answer that is read elsewhere: less to copy there.

    It may be null where there is nothing between them.
    """
    open_ = [at for at, piece in enumerate(pieces) if not isinstance(piece, Literal)]
    first, last = (open_[0], open_[-1] + 1) if open_ else (0, len(pieces))
    between = pieces[first:last]
    answer = between[0] if open_ and len(between) == 1 else concat(between)
    return Literal("".join(pieces[:first])), answer, Literal("".join(pieces[last:]))


def concat(pieces: Pieces) -> str:
    """One text of them all: neighbouring literals joined, and nested, because a function takes 100 arguments.

    Each argument costs its copy, so that what may be missing is looked at in the end, at once.
    """
    items: list[str] = []
    missing = [piece for piece in pieces if isinstance(piece, Missing)]
    for piece in pieces:
        if isinstance(piece, Missing) or not piece:
            continue
        if items and isinstance(piece, Literal) and isinstance(items[-1], Literal):
            items[-1] = Literal(items[-1] + piece)
        else:
            items.append(piece)
    texts = [quoted(item) if isinstance(item, Literal) else item for item in items]
    if missing:
        texts.append(f"CASE WHEN {' OR '.join(missing)} THEN {EXECUTOR} END")
    while len(texts) > 90:
        texts = [f"concat({', '.join(texts[at : at + 90])})" for at in range(0, len(texts), 90)]
    return f"concat({', '.join(texts)})"
