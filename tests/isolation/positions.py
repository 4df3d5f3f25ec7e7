"""Every place of the schema where a client can put an id or a cursor, each as one document ready to be asked.

Found from the schema alone, so that a field added tomorrow is asked tomorrow.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

CURSORS = ("after", "before")
SCALARS: dict[str, Any] = {
    "String": "some text of a caller",
    "Int": 1,
    "Boolean": True,
    "BigInt": "0",
    "DateTime": "2026-11-22T09:00:00Z",
    "Date": "2026-11-22",
    "Decimal": "10.00",
    "CurrencyCode": "INR",
    "EmailAddress": "somebody@example.com",
    "PhoneNumber": "+919800000003",
    "URL": "https://example.com/",
    "CountryCode": "IN",
    "LocaleCode": "en",
    "TimeZone": "Asia/Kolkata",
    "JSON": {},
}
Fill = dict[str, str]
"""For a required id elsewhere in the same input: the field's name → an id."""


@dataclass(frozen=True)
class Position:
    """`path` names it for people; `document` declares `$it`; `variable` is built around the id put there.

    Of a cursor, `place` is "Parent.field:ORDER", without the order where it is not said.
    """

    path: str
    document: str
    kind: str
    argument: Any
    way: tuple[str | int, ...]
    cursor: bool = False
    place: str = ""

    def variables(self, value: str, fill: Fill) -> dict[str, Any]:
        return {"it": _around(self.argument, self.way, value, fill)}


def _around(type_: Any, way: tuple[str | int, ...], value: str, fill: Fill) -> Any:
    """A value of the type with `value` at the end of `way`, everything else only where it is required."""
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        return [_around(type_.of_type, way[1:] if way else way, value, fill)]
    if not isinstance(type_, GraphQLInputObjectType):
        return value
    step, *rest = way
    made = {}
    for name, each in type_.fields.items():
        if name == step:
            made[name] = _around(each.type, tuple(rest), value, fill)
        elif is_required_input_field(each):
            made[name] = plain(each.type, name, fill)
    return made


def plain(type_: Any, name: str, fill: Fill) -> Any:
    """Some value of an input type."""
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        return [plain(type_.of_type, name, fill)]
    if isinstance(type_, GraphQLInputObjectType):
        return {n: plain(f.type, n, fill) for n, f in type_.fields.items() if is_required_input_field(f)}
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if type_.name == "ID":
        if name == "idempotencyKey":
            return fill.get(name, "key-of-a-fuzzing-caller")
        return fill.get(name, fill["*"])
    return SCALARS[type_.name]


def ways_to_ids(type_: Any, seen: tuple[str, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every way through an input type that ends at an ID."""
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        for way in ways_to_ids(type_.of_type, seen):
            yield (0, *way)
    elif isinstance(type_, GraphQLInputObjectType):
        if type_.name in seen:
            return
        for name, field in type_.fields.items():
            if name != "idempotencyKey":
                for way in ways_to_ids(field.type, (*seen, type_.name)):
                    yield (name, *way)
    elif type_.name == "ID":
        yield ()


def positions(schema: GraphQLSchema) -> list[Position]:
    """All of them: arguments and inputs of every root, and of every field that can be reached from one."""
    found: dict[str, Position] = {}
    reached: set[tuple[str, str]] = set()

    waiting: deque[tuple[str, GraphQLObjectType, str, str, str]] = deque()
    roots = (
        ("query", schema.query_type),
        ("mutation", schema.mutation_type),
        ("subscription", schema.subscription_type),
    )
    for kind, root in roots:
        if root is not None:
            waiting.append((kind, root, "{ ", " }", root.name))
    while waiting:  # the nearest way to each field, so that its rows are most likely there
        kind, parent, prefix, suffix, path = waiting.popleft()
        for name, field in parent.fields.items():
            if (parent.name, name) in reached:
                continue
            reached.add((parent.name, name))
            where = f"{path}.{name}"
            for argument, type_, way, cursor, more in _takes(field):
                required = more + "".join(
                    f", {n}: {_literal(a.type)}"
                    for n, a in field.args.items()
                    if is_required_argument(a) and n != argument
                )
                body = selection(get_named_type(field.type))
                document = f"{kind} F($it: {type_}) {prefix}{name}({argument}: $it{required}) {body}{suffix}"
                key = f"{where}({argument}{''.join(f'.{step}' for step in way)}{more})"
                place = f"{parent.name}.{name}:{more.removeprefix(', orderBy: ')}"
                found[key] = Position(key, document, kind, type_, way, cursor, place)
            target = get_named_type(field.type)
            nestable = kind == "query" and not any(is_required_argument(a) for a in field.args.values())
            if nestable and isinstance(target, GraphQLObjectType) and name not in ("edges", "pageInfo"):
                waiting.append((kind, target, f"{prefix}{name} {{ ", f" }}{suffix}", where))
    return list(found.values())


def _takes(field: GraphQLField) -> Iterator[tuple[str, Any, tuple[str | int, ...], bool, str]]:
    for name, argument in field.args.items():
        if name in CURSORS and get_named_type(argument.type).name == "String":
            orders = get_named_type(field.args["orderBy"].type).values if "orderBy" in field.args else []
            for order in [None, *orders] if name == "after" else [None]:
                yield name, argument.type, (), True, f", orderBy: {order}" if order else ""
        for way in ways_to_ids(argument.type):
            yield name, argument.type, way, False, ""


def _literal(type_: Any) -> str:
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if type_.name == "ID":
        return '"Tm93aGVyZTow"'
    return {"String": '"some text"', "Int": "1", "Boolean": "true"}[type_.name]


def selection(type_: Any) -> str:
    """What tells most of an answer in few words: ids, totals, typenames, refusals."""
    if is_leaf_type(type_):
        return ""
    if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
        return "{ __typename ... on Node { id } }" if type_.name == "Node" else "{ __typename }"
    names = type_.fields
    if "nodes" in names and "pageInfo" in names:
        node = get_named_type(names["nodes"].type)
        return f"{{ totalCount nodes {selection(node)} edges {{ cursor }} }}"
    parts = ["__typename"]
    for name, field in names.items():
        named = get_named_type(field.type)
        if name == "userErrors":
            parts.append("userErrors { __typename code message field }")
        elif name in ("id", "version", "status"):
            parts.append(name)
        elif "userErrors" in names and isinstance(named, GraphQLObjectType) and "id" in named.fields:
            parts.append(f"{name} {{ id }}")
    return "{ " + " ".join(parts) + " }"
