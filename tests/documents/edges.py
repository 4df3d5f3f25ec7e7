"""What the variables of a document may be given at their edges: each in turn beyond, at and within its bounds.

`sets` starts from variables that are plausible and turns one thing in them at a time, inside inputs and lists too. Ids come
from `pools` by the type they stand for, cursors from the lists of the document and from all others.
"""

import base64
from collections.abc import Iterator
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
    type_from_ast,
)

from souk.engine.document import Operation
from tests.engine.generate import SAMPLES, Pools

Values = dict[str, Any]
LONG = 101
NOWHERE = "AAAAAAAA-0000-4000-8000-000000000000"
WORDS = ["", " ", "a", "%_\\", "quo\"te's", "ünï 日本 👩‍👩‍👧", "\u0001\u2028", "x" * 3_000]
NUMBERS = [0, -1, 1, 2, 100, LONG, 2**31 - 1, -(2**31), 2**31, 1.5, "1", True]
BIG = ["0", "-1", "3", 3, 2**53 + 1, str(2**63 - 1), str(-(2**63)), str(2**63), "1e3", " 1", "٣", ""]
TIMES = ["2026-11-22T09:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-14:00",
         "2026-02-29T00:00:00Z", "2026-11-22T09:00:00", 0]  # fmt: skip
SCALARS: dict[str, list[Any]] = {
    "String": [*WORDS, 1, [], {}], "Int": NUMBERS, "BigInt": BIG, "DateTime": TIMES, "Boolean": [True, False, "true", 1],
    "Decimal": ["0", "0.01", "1150.00", "-1", "0.001", "92233720368547758.07", "92233720368547758.08", "1e5", ""],
    "CurrencyCode": ["INR", "JPY", "KWD", "XXX", "inr", ""], "Float": [0, -0.0, 1e308, "1"],
}  # fmt: skip


class Edges:
    """Of one operation. `names` tells of which type the ids are that stand under some name."""

    def __init__(self, schema: GraphQLSchema, operation: Operation, pools: Pools) -> None:
        self.schema, self.pools = schema, pools
        self.types = {each.variable.name.value: type_from_ast(schema, each.type) for each in operation.definitions}
        self.defaults = {each.variable.name.value for each in operation.definitions if each.default_value is not None}
        self.root = operation.node.selection_set.selections[0].name.value  # type: ignore[union-attr]
        kind = {"query": schema.query_type, "mutation": schema.mutation_type, "subscription": schema.subscription_type}
        type_: Any = get_named_type(kind[operation.kind.value].fields[self.root].type)  # type: ignore[union-attr]
        entities = (
            [each for name, each in type_.fields.items() if name != "userErrors"]
            if "userErrors" in type_.fields
            else []
        )
        self.entity = get_named_type(entities[0].type).name if entities else type_.name

    def ids(self, name: str) -> list[str]:
        """Of this tenant, the last two of another."""
        ids = self.pools["ids"]
        found = (
            ids.get(name) or ids.get(name.removesuffix("s")) or ids.get(name[0].upper() + name.removesuffix("Id")[1:])
        )
        found = found or ids.get(self.entity) or ids["Listing"]
        return [str(each) for each in found]

    def base(self, first: int = 3) -> Values:
        """What is required, with the first of the ids that fit, and short pages."""
        given = {name: self.plain(type_, name) for name, type_ in self.types.items() if self.needed(name)}
        return given | ({"first": first} if "first" in self.types else {})

    def needed(self, name: str) -> bool:
        return isinstance(self.types[name], GraphQLNonNull) and name not in self.defaults

    def plain(self, type_: Any, name: str) -> Any:
        type_ = get_nullable_type(type_)
        if isinstance(type_, GraphQLList):
            return [self.plain(type_.of_type, name)]
        if isinstance(type_, GraphQLInputObjectType):
            return {n: self.plain(f.type, n) for n, f in type_.fields.items() if is_required_input_field(f)}
        if isinstance(type_, GraphQLEnumType):
            return next(iter(type_.values))
        if type_.name == "ID":
            return "key-of-both-roads" if name == "idempotencyKey" else self.ids(name)[0]
        if type_.name == "Int":
            return 1  # versions begin with it
        found: Any = {"String": "text", "BigInt": "0", "Boolean": True}.get(type_.name)
        return found if found is not None else SAMPLES[type_.name][0][0]

    def objects(self) -> Iterator[Values]:
        """One id in turn for each place of one: of this tenant, of another, of another type, of nothing."""
        for name, type_ in self.types.items():
            for place, way in self.places(type_, name):
                for each in self.targets(place):
                    yield self.base() | {name: self.around(type_, way, each, name)}

    def places(self, type_: Any, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
        inner = get_named_type(type_)
        if isinstance(inner, GraphQLInputObjectType):
            for each, field in inner.fields.items():
                yield from ((place, (each, *way)) for place, way in self.places(field.type, each))
        elif inner.name == "ID" and name != "idempotencyKey":
            yield name, ()

    def targets(self, name: str) -> list[str]:
        own = self.ids(name)
        type_ = base64.b64decode(own[0]).decode().partition(":")[0]
        other = next(
            each for key, some in self.pools["ids"].items() if key[0].isupper() and key != type_ for each in some
        )
        return [*own[:3], own[-1], self.id(f"{type_}:{NOWHERE}"), other]

    @staticmethod
    def id(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    def around(self, type_: Any, way: tuple[str, ...], value: Any, name: str) -> Any:
        type_ = get_nullable_type(type_)
        if isinstance(type_, GraphQLList):
            return [self.around(type_.of_type, way, value, name)]
        if not way:
            return value
        return self.plain(type_, name) | {way[0]: self.around(type_.fields[way[0]].type, way[1:], value, way[0])}

    def sets(self) -> Iterator[Values]:
        """Variables with one thing in turn at an edge, all that is left out left out, and names that nobody declared."""
        base = self.base()
        yield base
        yield {}
        yield base | {"nobodyDeclaredThis": 1}
        for name, type_ in self.types.items():
            yield {key: each for key, each in base.items() if key != name}
            for value in self.edges(type_, name):
                yield base | {name: value}

    def edges(self, type_: Any, name: str) -> Iterator[Any]:
        yield None
        type_ = get_nullable_type(type_)
        if isinstance(type_, GraphQLList):
            plain = self.plain(type_.of_type, name)
            yield from ([], plain, [plain, plain], [plain] * 20, [plain] * 21, [plain] * LONG, [None], [[plain]])
            yield from ([each] for each in self.edges(type_.of_type, name))
        elif isinstance(type_, GraphQLInputObjectType):
            plain = self.plain(type_, name)
            yield from ({}, plain | {"nobodyDeclaredThis": 1}, "text", [plain])
            yield plain | {n: self.plain(f.type, n) for n, f in type_.fields.items()}
            for each, field in type_.fields.items():
                yield from (plain | {each: value} for value in self.edges(field.type, each))
        elif isinstance(type_, GraphQLEnumType):
            yield from (*type_.values, "NOBODY", next(iter(type_.values)).lower(), 0)
        elif type_.name == "ID":
            yield from self.strange(name)
        elif name in ("after", "before") and type_.name == "String":
            yield from self.cursors()
        else:
            yield from SCALARS.get(type_.name) or [each for some in SAMPLES[type_.name] for each in some]

    def strange(self, name: str) -> list[Any]:
        if name == "idempotencyKey":
            return ["", "short", "k" * 255, "k" * 256, "ünï"]
        own, uuid = self.ids(name)[0], base64.b64decode(self.ids(name)[0]).decode().partition(":")[2]
        type_ = base64.b64decode(own).decode().partition(":")[0]
        garbage = ["", "==", "nonsense", "👩", uuid, 5, own.rstrip("="), f"{own}\n", own[:-8], own + own, "x" * 5_000]
        return [
            own,
            *garbage,
            *map(self.id, (f"{type_}:", f"{type_}:x", f":{uuid}", f"{type_}:{uuid.upper()}", f"Nobody:{uuid}")),
        ]

    def cursors(self) -> list[Any]:
        """Of this list in each of its orders, of three others, and none at all."""
        found: list[Any] = ["", "nonsense", "AAAA", "A" * 5_000, self.id("é")]
        others = 3
        for key, some in self.pools["cursors"].items():
            if some and (key.startswith(f"Query.{self.root}:") or (others := others - 1) >= 0):
                found += [some[0], some[-1], some[0][:-4]]
        return found
