"""Values on the compiled road: columns, arrays, jsonb documents, ciphertext, computed values."""

from typing import Any

import orjson
from graphql import GraphQLObjectType, get_named_type, get_nullable_type, is_leaf_type, is_list_type, is_non_null_type
from sqlalchemy import ClauseElement, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB

from .notes import Computed, Sealed
from .sql import Parameters, Texts, quoted
from .symbols import NotFused
from .text import Literal, Missing, Pieces, concat, null, when_null, written
from .wire import document_writer, list_writer, needs_writing_again, writer


class DocumentScope(Texts):
    """The keys of a jsonb document."""

    def __init__(self, parameters: Parameters, document: str, kept: dict[str, Any]) -> None:
        self.document = document

        def text(name: str) -> tuple[str, Any]:
            type_ = kept.get(name, Text())
            found = f"({document} ->> {quoted(name)})"
            return (found if isinstance(type_, Text) else f"({found}::bigint)"), type_

        super().__init__(parameters, text)


def leaf(fuser: Any, type_: Any, scope: Any, name: str) -> Pieces:
    """A column as the JSON text of a scalar, an enum, or a list of them."""
    named, nullable = get_named_type(type_), not is_non_null_type(type_)
    if isinstance(scope, DocumentScope):
        return member(fuser, type_, [], scope, name)
    stored = scope.stored(name)
    many = is_list_type(get_nullable_type(type_))
    if many and isinstance(stored.type, JSONB):
        return embedded(fuser, type_, [], scope.column(name))
    templates = (list_writer if many else writer)(named, stored.type)
    if templates is None:
        raise NotFused(f"{type_} from {stored.type!r}")
    fuser.again = fuser.again or needs_writing_again(named)
    text = scope.column(name)
    pieces = written(templates, text)
    return when_null(text, nullable, pieces) if stored.nullable else pieces


def constant(fuser: Any, type_: Any, fields: Any, value: Any) -> Literal:
    """What is part of the program, written when the plan is made. Its objects have plain fields only."""

    def shown(type_: Any, fields: Any, value: Any) -> Any:
        type_ = get_nullable_type(type_)
        if value is None:
            return None
        if is_list_type(type_):
            return [shown(type_.of_type, fields, each) for each in value]
        if is_leaf_type(type_):
            return type_.coerce_output_value(value)
        return {key: field(type_, nodes, value) for key, nodes in fuser.selected(type_, fields).items()}

    def field(type_: Any, nodes: Any, value: Any) -> Any:
        name = nodes[0].node.name.value
        if name == "__typename":
            return type_.name
        definition = type_.fields[name]
        declared = definition.extensions["strawberry-definition"]
        if declared.base_resolver is not None:
            raise NotFused(f"{type_.name}.{name} of a constant")
        return shown(definition.type, nodes, getattr(value, declared.python_name))

    return Literal(orjson.dumps(shown(type_, fields, value)).decode())


def computed(fuser: Any, type_: Any, scope: Any, note: Computed) -> Pieces:
    """What `sql` makes beside the row, or a value that is known now."""
    made = note.sql(fuser.viewer, scope.inside)
    named, nullable = get_named_type(type_), not is_non_null_type(type_)
    if not isinstance(made, ClauseElement):
        return [null(nullable) if made is None else Literal(orjson.dumps(made).decode())]
    templates = (list_writer if is_list_type(get_nullable_type(type_)) else writer)(named, made.type)  # type: ignore[attr-defined]
    if templates is None:
        raise NotFused(f"{named.name} computed as {made.type!r}")  # type: ignore[attr-defined]
    fuser.again = fuser.again or needs_writing_again(named)
    text = scope.expression(made)
    pieces = written(templates, text)
    if note.of and not nullable:
        return [*pieces, *(Missing(f"{scope.column(name)} IS NULL") for name in note.of if scope.stored(name).nullable)]
    return when_null(text, nullable, pieces)


def sealed(fuser: Any, scope: Any, note: Sealed, nullable: bool) -> Pieces:
    """The ciphertext between two marks; the server opens it."""
    if not isinstance(scope.stored(note.name).type, LargeBinary):
        raise NotFused(f"{note.name} is not ciphertext")
    fuser.seals.append((scope.source.model.__tablename__, note.name))
    text = scope.column(note.name)
    data = f"translate(encode({text}, 'base64'), E'\\n', '')"
    mark = [rf"E'\x03{len(fuser.seals) - 1}:'", f"{scope.column('id')}::text", "':'", data, r"E'\x03'"]
    return when_null(text, nullable, mark)


# jsonb ------------------------------------------------------------------------------------------------------------


def member(fuser: Any, type_: Any, fields: Any, scope: DocumentScope, name: str) -> Pieces:
    """A key of a document: a scalar, or a document inside."""
    named, nullable = get_named_type(type_), not is_non_null_type(type_)
    if not is_leaf_type(named) or is_list_type(get_nullable_type(type_)):
        return embedded(fuser, type_, fields, f"({scope.document} -> {quoted(name)})")
    if needs_writing_again(named):
        fuser.again = True
        text = f"({scope.document} -> {quoted(name)})"
        return [f"coalesce(nullif({text}, 'null'::jsonb)::text, {null(nullable)})"]
    return _scalar(named, f"({scope.document} ->> {quoted(name)})", nullable)


def _scalar(named: Any, text: str, nullable: bool) -> Pieces:
    templates = document_writer(named)
    if templates is None:
        raise NotFused(f"{named.name} in a document")
    return when_null(text, nullable, written(templates, text))


def embedded(fuser: Any, type_: Any, fields: Any, document: str) -> Pieces:
    """A jsonb document as the object, or the list, that a type describes."""
    nullable, inner = not is_non_null_type(type_), get_nullable_type(type_)
    if is_list_type(inner):
        alias = fuser.alias("e")
        item = inner.of_type
        if is_leaf_type(get_named_type(item)) and not is_list_type(get_nullable_type(item)):
            pieces = _scalar(get_named_type(item), f"({alias}.doc #>> '{{}}')", not is_non_null_type(item))
        else:
            pieces = embedded(fuser, item, fields, f"{alias}.doc")
        items = f"(SELECT string_agg({concat(pieces)}, ',' ORDER BY {alias}.at) FROM jsonb_array_elements({document}) WITH ORDINALITY AS {alias}(doc, at))"
        return _typed(document, "array", nullable, [Literal("["), items, Literal("]")])
    if not isinstance(inner, GraphQLObjectType):
        raise NotFused(f"{inner} in a document")
    origin = inner.extensions["strawberry-definition"].origin
    return _typed(
        document,
        "object",
        nullable,
        fuser.object(inner, fields, DocumentScope(fuser.parameters, document, getattr(origin, "__kept__", {}))),
    )


def _typed(document: str, kind: str, nullable: bool, pieces: Pieces) -> Pieces:
    return [
        f"CASE WHEN jsonb_typeof({document}) IS DISTINCT FROM '{kind}' THEN {null(nullable)} ELSE {concat(pieces)} END"
    ]


def totals(fuser: Any, type_: Any, fields: Any, document: str) -> Pieces:
    """A list of Money from `{currency: minor}`, by currency."""
    alias = fuser.alias("e")
    inner = get_named_type(type_)
    kept = inner.extensions["strawberry-definition"].origin.__kept__
    texts = {"minor": f"{alias}.minor::bigint", "currency": f"{alias}.currency"}
    pieces = fuser.object(inner, fields, Texts(fuser.parameters, lambda name: (texts[name], kept[name])))
    items = f"(SELECT string_agg({concat(pieces)}, ',' ORDER BY {alias}.currency COLLATE \"C\") FROM jsonb_each_text({document}) AS {alias}(currency, minor))"
    return _typed(document, "object", not is_non_null_type(type_), [Literal("["), items, Literal("]")])
