"""Parsing and validation of the documents that clients send, leaving nothing behind for the garbage collector.

graphql-core links the tokens of a text both ways, and each of its thirty rules to its own bound methods: thousands of objects
a document that reference counts do not free. A process that is asked ever new documents would hold many megabytes of them,
until the rare full collection. Here they are taken apart when they are done with, all but those that nobody can reach: the
visitors that look for the variables of fragments.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Location,
    Node,
    OperationDefinitionNode,
    OperationType,
    ParallelVisitor,
    Source,
    Token,
    TokenKind,
    ValidationContext,
    ValidationRule,
    Visitor,
    specified_rules,
    validate,
)
from graphql.language import Lexer
from graphql.language.parser import Parser
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from .notes import Sealed, note_of


class NothingSealedInSubscriptions(ValidationRule):
    """A subscription selects no field of ciphertext.

    What opens one is somebody's act, which the record of access keeps; events are read once for everybody who may see the
    same, and read again, by nobody in particular.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.found: dict[Any, list[GraphQLError]] = {}
        self.inside: Any = None

    def enter_operation_definition(self, node: OperationDefinitionNode, *_: Any) -> None:
        self.inside = node

    def enter_fragment_definition(self, node: FragmentDefinitionNode, *_: Any) -> None:
        self.inside = node

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        field, parent = self.context.get_field_def(), self.context.get_parent_type()
        if field is None or not isinstance(note_of(field.extensions.get("strawberry-definition")), Sealed):
            return
        message = f"A subscription does not show {parent}.{node.name.value}, which is sealed; ask for it with a query."
        self.found.setdefault(self.inside, []).append(GraphQLError(message, node))

    def leave_document(self, node: DocumentNode, *_: Any) -> None:
        if not self.found:
            return
        for each in node.definitions:
            if isinstance(each, OperationDefinitionNode) and each.operation is OperationType.SUBSCRIPTION:
                for part in (each, *self.context.get_recursively_referenced_fragments(each)):
                    for error in self.found.get(part, ()):
                        self.report_error(error)


RULES = (*specified_rules, NothingSealedInSubscriptions, MaybeNullValidationRule, OneOfInputValidationRule)
"""Those of GraphQL, ours, and those that Strawberry adds."""
NO_TOKEN = Token(TokenKind.SOF, 0, 0, 0, 0)


class _Together(Visitor):
    """All rules as one, which can be taken apart again."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__()
        self.context = context
        self.rules = [rule(context) for rule in RULES]
        self.each = ParallelVisitor(self.rules)

    def enter(self, node: Node, *args: Any) -> Any:
        found = self.each.get_enter_leave_for_kind(node.kind).enter
        return None if found is None else found(node, *args)

    def leave(self, node: Node, *args: Any) -> Any:
        found = self.each.get_enter_leave_for_kind(node.kind).leave
        return None if found is None else found(node, *args)

    def apart(self) -> None:
        for found in vars(self.context).values():  # by node: lists of what uses a variable, which visitors hold too
            if isinstance(found, dict):
                for each in found.values():
                    if isinstance(each, list):
                        each.clear()
        visitors: tuple[Visitor, ...] = (*self.rules, self.each, self)
        for visitor in visitors:
            vars(visitor).clear()


class _Parser(Parser):
    """Its nodes know where they stand in the text, and let go of the tokens there: a fourth of what a document holds."""

    def loc(self, start_token: Token) -> Location | None:
        found = super().loc(start_token)
        if found is not None:
            found.start_token = found.end_token = NO_TOKEN
        return found


def unlinked(last: Token) -> None:
    """Let go of the tokens up to this one; what they say stays."""
    token: Token | None = last
    while token is not None:
        token.next, token.prev, token = None, None, token.prev


def parsed(text: str, *, locations: bool = True) -> DocumentNode:
    """The document as a tree, its nodes with their places in the text or without. Raises GraphQLError (a syntax error)."""
    lexer = Lexer(Source(text))
    try:
        return _Parser(lexer.source, no_location=not locations, lexer=lexer).parse_document()
    finally:
        unlinked(lexer.token)


def validated(schema: GraphQLSchema, document: DocumentNode) -> Sequence[GraphQLError]:
    """What is wrong with it by `RULES`: nothing, at best."""
    made = list[_Together]()

    def rules(context: ValidationContext) -> _Together:
        made.append(_Together(context))
        return made[-1]

    try:
        errors = validate(schema, document, (rules,))  # type: ignore[arg-type]  # it only calls what it is given
        for error in errors:
            for raised in (error, error.original_error):
                if raised is not None:
                    raised.with_traceback(None)  # its frames would hold all of this
        return errors
    finally:
        for each in made:
            each.apart()
