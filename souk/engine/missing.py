"""Which permissions an operation would ask for that a role does not have, without running it."""

from collections.abc import Iterator
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    visit,
)

from ..rules.actor import Facts
from .document import Operation
from .notes import GATE, guards_of, note_of


def missing(operation: Operation, facts: Facts) -> list[dict[str, str]]:
    """`{field: "Type.field", permission}` for what is refused whatever the row; in the order of their names.

    Each fragment is looked at once. A permission that hangs on the row is not told: nobody looked at one.
    """
    schema = operation.document.schema._schema
    looker = _Looker(schema, facts)
    reached: set[str] = set()
    nodes: list[OperationDefinitionNode | FragmentDefinitionNode] = [operation.node]
    while nodes:
        node = nodes.pop()
        looker.spread.clear()
        visit(node, TypeInfoVisitor(looker.info, looker))
        for name in looker.spread - reached:
            reached.add(name)
            if name in operation.document.fragments:
                nodes.append(operation.document.fragments[name].definition)
    return [{"field": field, "permission": permission} for field, permission in sorted(looker.found)]


class _Looker(Visitor):
    def __init__(self, schema: GraphQLSchema, facts: Facts) -> None:
        super().__init__()
        self.info, self.facts = TypeInfo(schema), facts
        self.found: set[tuple[str, str]] = set()
        self.spread: set[str] = set()

    def enter_fragment_spread(self, node: Any, *_: Any) -> None:
        self.spread.add(node.name.value)

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent, definition = self.info.get_parent_type(), self.info.get_field_def()
        declared = definition.extensions.get("strawberry-definition") if definition is not None else None
        if parent is None or declared is None:
            return
        for asked in _asked(declared):
            if not asked.admits(self.facts):
                self.found.add((f"{parent.name}.{node.name.value}", getattr(asked, "asks", "")))


def _asked(declared: Any) -> Iterator[Any]:
    note = note_of(declared)
    gate = declared.metadata.get(GATE) or getattr(note, "gate", None)
    if gate is not None:
        yield gate
    yield from (guard for guard in guards_of(note) if hasattr(guard, "admits"))
