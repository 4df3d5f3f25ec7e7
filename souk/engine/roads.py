"""How an operation would be read, part by part, without running it: its statements, or why a part has none.

A query is one part. Of a mutation each entity of its payload is one, of a subscription its events: what is written is
graphql-core's in any case.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from graphql import OperationType, get_named_type, is_abstract_type, is_object_type
from graphql.execution.collect_fields import collect_fields

from ..rules.actor import Facts
from .document import Operation
from .fuse import Fields, Fuser, Plan
from .notes import Payload, Stream, note_of
from .symbols import NotFused


@dataclass(frozen=True)
class Part:
    """`name` is `query`, `events`, or the path of an entity in a payload with its type; `plan` its statement, or why none."""

    name: str
    plan: Plan | NotFused

    @property
    def reason(self) -> str | None:
        return str(self.plan) if isinstance(self.plan, NotFused) else None


def parts(operation: Operation, facts: Facts, values: dict[str, Any]) -> list[Part]:
    """For these facts and this shape of the variables. A mutation whose payload has no entity has none, nor has a
    subscription that these facts may not ask."""
    if operation.kind is OperationType.QUERY:
        return [Part("query", operation.plan(facts, values))]
    if operation.kind is OperationType.SUBSCRIPTION:
        return list(_events(operation, facts, values))
    fuser = operation.fuser(facts, values)
    root = fuser.schema.mutation_type
    assert root is not None
    fields = collect_fields(fuser.schema, fuser.fragments, fuser.values, root, operation.node).grouped_field_set
    found = [each for key, group in fields.items() for each in _entities(fuser, root, key, group)]
    return [
        Part(f"{path}: {type_name}", _tried(operation.fuser(facts, values), type_name, group))
        for path, type_name, group in found
    ]


def _events(operation: Operation, facts: Facts, values: dict[str, Any]) -> Iterator[Part]:
    fuser = operation.fuser(facts, values)
    note = note_of(fuser.root()[1])
    if isinstance(note, Stream) and note.gate is not None and not note.gate.admits(facts):
        return
    yield Part("events", _tried(fuser, None, []))


def _entities(fuser: Fuser, parent: Any, path: str, fields: Fields) -> Iterator[tuple[str, str, Fields]]:
    """Path, type and selections of each entity at or below a field."""
    definition = parent.fields.get(fields[0].node.name.value)
    if definition is None:
        return
    type_ = get_named_type(definition.type)
    possible = fuser.schema.get_possible_types(type_) if is_abstract_type(type_) else [type_]
    entity = isinstance(note_of(definition.extensions.get("strawberry-definition")), Payload)
    for each in possible:
        if entity:
            yield path, each.name, fields
        elif is_object_type(each):
            for key, below in fuser.selected(each, fields).items():
                yield from _entities(fuser, each, f"{path}.{key}", below)


def _tried(fuser: Fuser, type_name: str | None, fields: Fields) -> Plan | NotFused:
    try:
        return fuser.events() if type_name is None else fuser.payload(type_name, fields)
    except NotFused as why:
        return why
    except RecursionError:
        return NotFused("nested too deeply")
