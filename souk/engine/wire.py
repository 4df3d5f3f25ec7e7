"""One value, two writers: how Python and PostgreSQL put a column on the wire. They must agree byte for byte."""

from typing import Any

from graphql import GraphQLEnumType, GraphQLNamedType
from sqlalchemy import ARRAY, BigInteger, Boolean, Date, DateTime, Integer, Numeric, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import String, TypeEngine

from .scalars import TEXTS
from .text import Literal

Templates = tuple[str, ...]
QUOTE = Literal('"')
BOOLEAN = "CASE WHEN {0} THEN 'true' ELSE 'false' END"

_WRITERS: dict[tuple[str, type], Templates] = {
    ("Int", Integer): ("{0}",),
    ("Boolean", Boolean): (BOOLEAN,),
    ("BigInt", BigInteger): (QUOTE, "{0}", QUOTE),
    ("BigInt", Integer): (QUOTE, "{0}", QUOTE),
    ("DateTime", DateTime): ("left(to_json({0})::text, -7)", Literal('Z"')),
    ("Date", Date): (QUOTE, "{0}", QUOTE),
    ("Decimal", Numeric): (QUOTE, "{0}", QUOTE),
    ("UUID", Uuid): (QUOTE, "{0}", QUOTE),
    ("enum", String): (QUOTE, "{0}", QUOTE),
    ("JSON", JSONB): ("{0}::text",),
    ("ID", String): ("to_json({0})",),
} | {(name, String): ("to_json({0})",) for name in TEXTS}

_LISTS = {("Int", Integer), ("enum", String), ("UUID", Uuid)} | {(name, String) for name in TEXTS}
_KINDS = (BigInteger, Integer, Numeric, String, Boolean, DateTime, Date, Uuid, JSONB)

# Inside a jsonb document every value is a text, `{0}` = doc ->> 'key'.
_DOCUMENT: dict[str, Templates] = {
    "Int": ("{0}",),
    "Boolean": ("{0}",),
    "BigInt": (QUOTE, "{0}", QUOTE),
    "DateTime": ("to_json({0})",),
    "Date": ("to_json({0})",),
    "UUID": ("to_json({0})",),
    "ID": ("to_json({0})",),
    "enum": ("to_json({0})",),
} | dict.fromkeys(TEXTS, ("to_json({0})",))


def kind_of(type_: GraphQLNamedType) -> str:
    return "enum" if isinstance(type_, GraphQLEnumType) else type_.name


def _stored(stored: TypeEngine[Any]) -> type | None:
    return next((kind for kind in _KINDS if isinstance(stored, kind)), None)


def writer(type_: GraphQLNamedType, stored: TypeEngine[Any]) -> Templates | None:
    """Literals and SQL templates whose concatenation is the JSON text of a value, or None when nobody proved that they agree."""
    kind = _stored(stored)
    return _WRITERS.get((kind_of(type_), kind)) if kind else None


def list_writer(type_: GraphQLNamedType, stored: TypeEngine[Any]) -> Templates | None:
    """The same for an array: PostgreSQL writes it without spaces, like orjson."""
    kind = _stored(stored.item_type) if isinstance(stored, ARRAY) else None
    return ("array_to_json({0})",) if kind and (kind_of(type_), kind) in _LISTS else None


def document_writer(type_: GraphQLNamedType) -> Templates | None:
    """The same for a value inside a jsonb document, given as text."""
    return _DOCUMENT.get(kind_of(type_))


def needs_writing_again(type_: GraphQLNamedType) -> bool:
    """Whether PostgreSQL's text must go through Python's writer once (jsonb has blanks after its colons)."""
    return kind_of(type_) == "JSON"
