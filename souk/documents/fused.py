"""Whether a document is read by statements alone, for whoever may ask it and with whatever it is given.

Plans are made, nothing is run: this needs no database. The values are samples of the right shape.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from graphql import (
    ArgumentNode,
    FragmentDefinitionNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    VariableNode,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
    visit,
)

from souk.engine.document import Document, Operation
from souk.engine.roads import Part, parts
from souk.engine.symbols import KNOWN_TYPES, write_id
from souk.permissions.roles import MATRIX
from souk.rules.actor import Facts, Role
from souk.schema import schema

SAMPLES: dict[str, Any] = {
    "String": "text",
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "BigInt": "1",
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
EVERY_SCOPE = frozenset(MATRIX)
SHAPED = (Role.OWNER, Role.DEALER)  # who sees the most, and who sees the most by conditions
PEOPLE = ("actor", "assignee", "requester", "maker", "checker", "author", "person")  # an id called so is a user's


class LeftOver(NamedTuple):
    """A part of a document that is left to the executor: for whom, and why."""

    role: Role
    part: str
    reason: str


def facts_of(role: Role) -> tuple[Facts, ...]:
    """What plans may know of somebody in this role: with and without what hangs on the person, the fullest first."""
    match role:
        case Role.DEALER:
            return (Facts(role, of_dealer=True),)
        case Role.AGENT:
            return Facts(role, all_teams=True), Facts(role)
        case Role.SERVICE:
            return Facts(role, EVERY_SCOPE), Facts(role, EVERY_SCOPE, of_dealer=True), Facts(role)
    return (Facts(role),)


def left_over(text: str) -> list[LeftOver]:
    """What of the document is not fused, for each role with all variables, and for two roles with others; each reason once.

    The document must be valid. Raises ValueError for one with a variable that no sample fits.
    """
    found: dict[LeftOver, None] = {}
    for operation in Document(schema, text).operations:
        full, *others = (coerced(operation, each) for each in samples(operation))
        for role in Role:
            for facts in facts_of(role):
                for values in (full, *(others if role in SHAPED else ())):
                    found |= dict.fromkeys(_left(role, parts(operation, facts, values)))
    return list(found)


def _left(role: Role, made: list[Part]) -> Iterator[LeftOver]:
    return (LeftOver(role, each.name, each.reason) for each in made if each.reason is not None)


def coerced(operation: Operation, variables: dict[str, Any]) -> dict[str, Any]:
    """Raises ValueError where the values do not fit."""
    values = operation.coerce(variables)
    if isinstance(values, list):
        raise ValueError(values[0].message)
    return values


def samples(operation: Operation) -> Iterator[dict[str, Any]]:
    """Variables: all of them, in every field; with each other value of those that are enums; then the required ones alone."""
    ids, full = _ids(operation), {}
    for name, type_ in operation.types:
        full[name] = sample(type_, ids.get(name, name), full=True)
    yield full
    for name, type_ in operation.types:
        plain = get_nullable_type(type_)
        if isinstance(plain, GraphQLEnumType):
            yield from (full | {name: other} for other in list(plain.values)[1:])
        elif str(plain) == "Boolean":
            yield full | {name: False}
    needed = {each.variable.name.value for each in operation.definitions if each.type.kind == "non_null_type"}
    needed -= {each.variable.name.value for each in operation.definitions if each.default_value is not None}
    yield {name: sample(type_, ids.get(name, name), full=False) for name, type_ in operation.types if name in needed}


def sample(type_: Any, name: str, *, full: bool, within: tuple[str, ...] = ()) -> Any:
    """A value of an input type, `full` with its optional fields too. An id is one of the type that `name` says."""
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        return [sample(type_.of_type, name, full=full, within=within)]
    if isinstance(type_, GraphQLEnumType):
        return next(iter(type_.values))
    if isinstance(type_, GraphQLInputObjectType):
        fields = type_.fields.items()
        taken = [
            (key, each)
            for key, each in fields
            if is_required_input_field(each) or (full and get_named_type(each.type).name not in (*within, type_.name))
        ]
        if type_.is_one_of:
            taken = list(fields)[:1]
        return {key: sample(each.type, key, full=full, within=(*within, type_.name)) for key, each in taken}
    if type_.name == "ID":
        return write_id(type_named(name), UUID(int=1))
    if type_.name not in SAMPLES:
        raise ValueError(f"no sample fits: {type_.name}")
    return SAMPLES[type_.name]


def type_named(name: str) -> str:
    """The type whose ids are called so: `listingId` and `Listing` are Listing, whoever is known to be a person is User."""
    stem = name.removesuffix("Ids").removesuffix("Id").removesuffix("s")
    found = stem[:1].upper() + stem[1:]
    return "User" if stem in PEOPLE or found not in KNOWN_TYPES else found


def _ids(operation: Operation) -> dict[str, str]:
    """By what name each variable is used: that of its argument, or, where that is just `id`, of the type it is asked of."""
    names = _Names(TypeInfo(operation.document.schema._schema))
    nodes: list[OperationDefinitionNode | FragmentDefinitionNode] = [operation.node]
    nodes += [each.definition for each in operation.document.fragments.values()]
    for node in nodes:
        visit(node, TypeInfoVisitor(names.info, names))
    return names.found


class _Names(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info, self.found = info, dict[str, str]()

    def enter_argument(self, node: ArgumentNode | ObjectFieldNode, *_: Any) -> None:
        if not isinstance(node.value, VariableNode):
            return
        definition, name = self.info.get_field_def(), node.name.value
        if name in ("id", "ids") and definition is not None:
            name = get_named_type(definition.type).name
        self.found.setdefault(node.value.name.value, name)

    enter_object_field = enter_argument
