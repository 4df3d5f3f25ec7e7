"""A document that clients sent: parsed and validated once, with the plans of its operations."""

from collections import OrderedDict
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLBoolean,
    GraphQLError,
    GraphQLID,
    GraphQLInt,
    GraphQLString,
    OperationDefinitionNode,
    OperationType,
    get_nullable_type,
    get_variable_values,
    is_non_null_type,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from graphql.utilities import type_from_ast
from strawberry import Schema

from ..rules.actor import Facts
from .fuse import Fuser, Plan
from .symbols import Getter, NotFused, shape, symbolic
from .validation import parsed, validated

PLANS_PER_OPERATION = 64
_TEXTS, _SIMPLE = (GraphQLString, GraphQLID), (GraphQLString, GraphQLID, GraphQLInt, GraphQLBoolean)


class Parsed:
    """What a document says, as its operations hold it: they do not hold the document, which holds them."""

    def __init__(self, schema: Schema, text: str) -> None:
        self.schema, self.text = schema, text
        # counted, for both are asked of every kept document when one comes: the plans of all operations, and the characters
        # of the text and of the plans' statements, each of which takes some ten bytes of what is kept
        self.plans, self.characters = 0, len(text)
        try:
            self.ast = parsed(text)
            self.errors = validated(schema._schema, self.ast)
        except RecursionError:
            raise GraphQLError("The document is nested too deeply.") from None
        definitions = [d for d in self.ast.definitions if isinstance(d, FragmentDefinitionNode)]
        self.fragments = {d.name.value: FragmentDetails(d) for d in definitions}

    def count(self, plan: Plan | NotFused, sign: int) -> None:
        """A plan of one of its operations has come (1) or gone (-1)."""
        self.plans += sign
        if isinstance(plan, Plan):
            self.characters += sign * len(plan.sql)


class Operation:
    """One operation of a document, and its plans: one per facts of the actor and shape of the variables."""

    def __init__(self, document: Parsed, node: OperationDefinitionNode) -> None:
        self.document, self.node = document, node
        self.name = node.name.value if node.name else None
        self.kind = node.operation
        self.definitions = list(node.variable_definitions or ())
        schema = document.schema._schema
        self.types: list[tuple[str, Any]] = [
            (d.variable.name.value, type_from_ast(schema, d.type)) for d in self.definitions
        ]
        self._plain = [(name, get_nullable_type(type_), is_non_null_type(type_)) for name, type_ in self.types]
        self._simple = all(type_ in _SIMPLE for _, type_, _ in self._plain) and not any(
            d.default_value for d in self.definitions
        )
        self.plans: OrderedDict[Any, Plan | NotFused] = OrderedDict()

    @property
    def is_query(self) -> bool:
        return self.kind is OperationType.QUERY

    def coerce(self, variables: dict[str, Any]) -> dict[str, Any] | list[GraphQLError]:
        """The variables' values, or what is wrong with them."""
        if not self.definitions:
            return {}
        if self._simple:
            found = self._at_once(variables)
            if found is not None:
                return found
        given = get_variable_values(self.document.schema._schema, self.definitions, variables, max_errors=50)
        return given if isinstance(given, list) else given.coerced

    def _at_once(self, variables: dict[str, Any]) -> dict[str, Any] | None:
        """What graphql-core would say of plain scalars, or None where it has to say it itself."""
        found: dict[str, Any] = {}
        for name, type_, required in self._plain:
            if name not in variables:
                if required:
                    return None
                continue
            value = variables[name]
            kind = type(value)
            good = (
                kind is str
                if type_ in _TEXTS
                else kind is bool
                if type_ is GraphQLBoolean
                else kind is int and -(2**31) <= value < 2**31
            )
            if not good and (value is not None or required):
                return None
            found[name] = value
        return found

    def key(self, facts: Facts, values: dict[str, Any]) -> tuple[Any, ...]:
        return (facts, *[shape(type_, values[name]) if name in values else ... for name, type_ in self.types])

    def symbols(self, values: dict[str, Any]) -> VariableValues:
        found = {name: symbolic(type_, values[name], _value(name)) for name, type_ in self.types if name in values}
        return VariableValues({}, found)

    def fuser(self, facts: Facts, values: dict[str, Any]) -> Fuser:
        return Fuser(self.document.schema, self.node, self.document.fragments, self.symbols(values), facts)

    def plan(self, facts: Facts, values: dict[str, Any]) -> Plan | NotFused:
        """The plan for these facts and this shape of the variables, or why there is none."""
        key = self.key(facts, values)
        found = self.plans.get(key)
        if found is None:
            try:
                found = self.fuser(facts, values).plan()
            except NotFused as why:
                found = NotFused(*why.args)  # another: the frames of this one hold all that was half made
            except RecursionError:
                found = NotFused("nested too deeply")
            self.keep(key, found)
        return found

    def keep(self, key: Any, plan: Plan | NotFused) -> None:
        self.plans[key] = plan
        self.document.count(plan, 1)
        if len(self.plans) > PLANS_PER_OPERATION:
            self.document.count(self.plans.popitem(last=False)[1], -1)


def _value(name: str) -> Getter:
    return lambda actor, values: values[name]


class Document:
    """Parsed and validated; `errors` are those of validation. Raises GraphQLError when it cannot be parsed."""

    def __init__(self, schema: Schema, text: str) -> None:
        given = self.parsed = Parsed(schema, text)
        self.ast, self.errors = given.ast, given.errors
        nodes = [d for d in self.ast.definitions if isinstance(d, OperationDefinitionNode)]
        self.operations = [] if self.errors else [Operation(given, node) for node in nodes]

    def operation(self, name: str | None) -> Operation | None:
        """The operation of that name, or the only one."""
        if name is None:
            return self.operations[0] if len(self.operations) == 1 else None
        return next((each for each in self.operations if each.name == name), None)


class Documents:
    """The documents of a process, bounded by their number, by the plans they hold and by the characters of all of it; the least
    recently used go. An ordinary document with a plan has some thousands of characters, one with all that is let in 40,000.
    """

    def __init__(self, schema: Schema, documents: int = 1000, plans: int = 5000, characters: int = 16_000_000) -> None:
        self.schema, self.kept, self.plans, self.characters = schema, documents, plans, characters
        self._found: OrderedDict[str, Document] = OrderedDict()

    def known(self, text: str) -> Document | None:
        """The document, where it is kept."""
        found = self._found.get(text)
        if found is not None:
            self._found.move_to_end(text)
        return found

    def get(self, text: str) -> Document:
        found = self.known(text)
        if found is not None:
            return found
        found = self._found[text] = Document(self.schema, text)
        self.trim()
        return found

    def trim(self) -> None:
        """Forget the oldest documents while there is too much; called when one came, and when a plan was made."""
        plans = sum(each.parsed.plans for each in self._found.values())
        characters = sum(each.parsed.characters for each in self._found.values())
        while len(self._found) > 1 and (
            len(self._found) > self.kept or plans > self.plans or characters > self.characters
        ):
            _, gone = self._found.popitem(last=False)
            plans -= gone.parsed.plans
            characters -= gone.parsed.characters

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Any:
        return iter(self._found.values())
