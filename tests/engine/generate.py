"""Random valid documents of any schema, with variables.

`pools` holds plausible values: `ids` by type name, by argument name (`title`, …) where a domain wants some, and `cursors` by
"Parent.field:ORDER", by "TypeConnection:ORDER" or by "TypeConnection:". `rare` are fields to be asked for one time in ten.
"""

import random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
)

Pools = dict[str, Any]
SAMPLES: dict[str, tuple[list[Any], list[Any]]] = {  # good values, and values that are refused
    "DateTime": (
        ["2026-01-01T00:00:20Z", "2026-01-01T01:00:30.12+01:00", "2026-01-01T00:00:35.999999Z"],
        ["2026-01-01", "0001-01-01T00:00:00+14:00", 5],
    ),
    "Date": (["2026-01-01", "2020-01-09"], ["2026-13-01", ""]),
    "BigInt": (["7", "0", "9007199254740993", "5"], ["99999999999999999999", "x"]),
    "Decimal": (["0", "1150.00", "-0.05"], ["1e5", "NaN"]),
    "CurrencyCode": (["EUR", "JPY"], ["eur"]),
    "CountryCode": (["DE", "SA"], ["de"]),
    "EmailAddress": (["a@example.com"], ["a"]),
    "PhoneNumber": (["+4915112345678"], ["0151"]),
    "URL": (["https://example.com/a"], ["javascript:1"]),
    "LocaleCode": (["de", "en-GB"], ["DE"]),
    "TimeZone": (["Europe/Berlin", "UTC"], ["Mars/Base"]),
    "JSON": ([{}, [1], "x"], []),
    "UUID": (["00000000-0000-0000-0000-000000000001"], ["x"]),
    "Float": ([0, 1.5], []),
}


class Generator:
    """One document per instance."""

    def __init__(
        self, schema: GraphQLSchema, rng: random.Random, pools: Pools, depth: int = 5, hostile: float = 0.03
    ) -> None:
        self.schema, self.rng, self.pools, self.depth, self.hostile = schema, rng, pools, depth, hostile
        self.variables: dict[str, Any] = {}  # name -> type
        self.defaults: dict[str, str] = {}
        self.fragments: list[str] = []
        self.aliases = 0

    def document(self, root: GraphQLObjectType | None = None, kind: str = "query") -> str:
        """A document with one operation over the query type, or over another root."""
        body = self.selection(root or self.schema.query_type, 0)
        declared = ", ".join(
            f"${n}: {t}{' = ' + self.defaults[n] if n in self.defaults else ''}" for n, t in self.variables.items()
        )
        return f"{kind} Q{'(' + declared + ')' if declared else ''} {body}\n" + "\n".join(self.fragments)

    def values(self) -> dict[str, Any]:
        """Values for the document's variables: absent, null, good, and a few that are refused."""
        given = {}
        for name, type_ in self.variables.items():
            if (not is_non_null_type(type_) or name in self.defaults) and self.rng.random() < 0.25:
                continue
            given[name] = self.value(type_, name.rsplit("_", 1)[0])
        return given

    # Selections

    def selection(self, type_: Any, level: int) -> str:
        rng = self.rng
        parts: list[str] = []
        if isinstance(type_, GraphQLUnionType | GraphQLInterfaceType):
            possible = list(self.schema.get_possible_types(type_))
            for each in rng.sample(possible, min(len(possible), rng.randint(1, 4))):
                parts.append(self.fragment(each, level))
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            fields = [f for f in type_.fields.items() if is_leaf_type(get_named_type(f[1].type)) or level < self.depth]
            fields = [f for f in fields if f[0] not in self.pools.get("rare", ()) or rng.random() < 0.1]
            count = rng.randint(1, 5) if level else rng.randint(1, 3)
            for name, field in rng.sample(fields, min(count, len(fields))):
                parts.append(self.field(name, field, level, type_.name))
            if rng.random() < 0.2 and parts:
                parts.append(self.fragment(type_, level))
        if not parts or rng.random() < 0.12 or (isinstance(type_, GraphQLUnionType) and rng.random() < 0.4):
            parts.append(rng.choice(["__typename", "kind__: __typename"]))
        rng.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def fragment(self, type_: Any, level: int) -> str:
        body = self.selection(type_, level)
        if self.rng.random() < 0.5:
            return f"... {'on ' + type_.name} {self.directive()} {body}"
        name = f"F{len(self.fragments)}x{self.rng.randrange(10**6)}"
        self.fragments.append(f"fragment {name} on {type_.name} {body}")
        return f"...{name} {self.directive()}" + (f" ...{name}" if self.rng.random() < 0.1 else "")

    def field(self, name: str, field: Any, level: int, parent: str) -> str:
        arguments, alias = self.arguments(field, f"{parent}.{name}"), ""
        if arguments or field.args:
            self.aliases += 1
            alias = f"{name}_{self.aliases}: "
        elif self.rng.random() < 0.15:
            alias = f"{name}Alias: "
        type_ = get_named_type(field.type)
        body = "" if is_leaf_type(type_) else " " + self.selection(type_, level + 1)
        return f"{alias}{name}{arguments}{self.directive()}{body}"

    def directive(self) -> str:
        if self.rng.random() > 0.08:
            return ""
        boolean = GraphQLNonNull(self.schema.type_map["Boolean"])  # type: ignore[type-var]
        condition = self.variable(boolean) if self.rng.random() < 0.7 else self.rng.choice(["true", "false"])
        return f" @{self.rng.choice(['skip', 'include'])}(if: {condition}) "

    # Arguments

    def arguments(self, field: Any, where: str) -> str:
        given: list[str] = []
        paged = "first" in field.args and "last" in field.args
        for name, argument in field.args.items():
            if not is_required_argument(argument) and self.rng.random() < (0.35 if name == "first" else 0.65):
                continue
            if name == "last" and any(each.startswith("first") for each in given) and self.rng.random() < 0.9:
                continue
            if name == "before" and self.rng.random() < 0.5:
                continue
            role = name
            if paged and name in ("after", "before"):
                if any(each.startswith("orderBy: $") for each in given) and self.rng.random() < 0.9:
                    continue  # an order that is not known yet has cursors of its own
                role = self.cursors(field, where, given)
            given.append(f"{name}: {self.input(argument.type, role)}")
        return f"({', '.join(given)})" if given else ""

    def cursors(self, field: Any, where: str, given: list[str]) -> str:
        """Which pool of cursors fits: of this list in this order, or of its type."""
        order = next((each.split(": ")[1] for each in given if each.startswith("orderBy")), "")
        type_ = get_named_type(field.type).name
        keys = [f"{each}:{order}" for each in (where, type_) if "$" not in order]
        return "cursors:" + next((key for key in keys if self.pools["cursors"].get(key)), f"{type_}:")

    def input(self, type_: Any, name: str) -> str:
        if self.rng.random() < 0.5:
            return self.variable(type_, name)
        inner = get_nullable_type(type_)
        if isinstance(inner, GraphQLInputObjectType):
            chosen = [f for f in inner.fields.items() if is_required_input_field(f[1]) or self.rng.random() < 0.4]
            return "{" + ", ".join(f"{n}: {self.input(f.type, n)}" for n, f in chosen) + "}"
        if isinstance(inner, GraphQLList) and self.rng.random() < 0.5:
            return "[" + ", ".join(self.input(inner.of_type, name) for _ in range(self.rng.randint(0, 3))) + "]"
        return literal(self.value(type_, name), type_)

    def variable(self, type_: Any, role: str = "") -> str:
        slug = "".join(c if c.isalnum() else "0" for c in role) or "v"
        fitting = [n for n, t in self.variables.items() if str(t) == str(type_) and n.startswith(f"{slug}_")]
        if fitting and self.rng.random() < 0.4:
            return "$" + self.rng.choice(fitting)
        name = f"{slug}_{len(self.variables)}"
        self.variables[name] = type_
        self.pools.setdefault("roles", {})[slug] = role
        if self.rng.random() < 0.1 and not isinstance(get_nullable_type(type_), GraphQLInputObjectType):
            self.defaults[name] = literal(self.value(type_, role, nullable=False), type_)
        return "$" + name

    def value(self, type_: Any, role: str, nullable: bool = True) -> Any:
        rng = self.rng
        role = self.pools.get("roles", {}).get(role, role)
        if not is_non_null_type(type_) and nullable and rng.random() < 0.08:
            return None
        type_ = get_nullable_type(type_)
        if isinstance(type_, GraphQLList):
            return [self.value(type_.of_type, role, nullable=False) for _ in range(rng.randint(0, 4))]
        if isinstance(type_, GraphQLInputObjectType):
            chosen = [f for f in type_.fields.items() if is_required_input_field(f[1]) or rng.random() < 0.4]
            return {n: self.value(f.type, n, nullable=rng.random() < 0.2) for n, f in chosen}
        if isinstance(type_, GraphQLEnumType):
            return rng.choice(list(type_.values))
        return self.scalar(type_.name, role)

    def scalar(self, name: str, role: str) -> Any:
        rng = self.rng
        hostile = rng.random() < self.hostile
        if role in self.pools and isinstance(self.pools[role], list) and not hostile:
            return rng.choice(self.pools[role])
        match name:
            case "Int":
                if role in ("first", "last"):
                    return rng.choice([0, -1, 101, 1000]) if hostile else rng.choice([1, 2, 3, 5])
                return rng.choice([1, 2, 3, 4, 2000, 2010, 2020, 0, 5, 100, 100_000])
            case "String":
                if role.startswith("cursors:"):
                    fitting = self.pools["cursors"].get(role.removeprefix("cursors:"))
                    every = [each for some in self.pools["cursors"].values() for each in some]
                    return (
                        rng.choice(["", "nonsense", "AAAA"]) if hostile or not every else rng.choice(fitting or every)
                    )
                return rng.choice(["", "plain", "text", 'quo"te', "null"])
            case "ID":
                known = [each for some in self.pools["ids"].values() for each in some]
                fitting = self.pools["ids"].get(role, ()) or known
                return (
                    rng.choice(["", "nonsense", "TGlzdGluZzp4", "=="])
                    if hostile or not known
                    else rng.choice(fitting if rng.random() < 0.8 else known)
                )
            case "Boolean":
                return rng.random() < 0.5
        good, bad = SAMPLES[name]
        return rng.choice(bad) if hostile and bad else rng.choice(good)


def literal(value: Any, type_: Any) -> str:
    """A value as it is written in a document."""
    type_ = get_nullable_type(type_)
    if value is None:
        return "null"
    if isinstance(type_, GraphQLList):
        return "[" + ", ".join(literal(each, type_.of_type) for each in value) + "]"
    if isinstance(type_, GraphQLInputObjectType):
        return "{" + ", ".join(f"{k}: {literal(v, type_.fields[k].type)}" for k, v in value.items()) + "}"
    if isinstance(type_, GraphQLEnumType):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {literal(v, type_)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(literal(each, type_) for each in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else str(value)
