"""What a schema must be before it is served: every offender is listed at once, when the process starts."""

import inspect
import typing
from collections.abc import Iterator
from enum import Enum
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    is_specified_directive,
)
from graphql.type import is_introspection_type
from strawberry import Schema

from ..rules.actor import Facts, Role
from .batch import asked
from .notes import GATE, Many, NodeById, NodesByIds, Payload, Rows, guards_of, note_of
from .paging import Order
from .payload import node_field
from .rows import Parent, model_rows
from .symbols import Viewer
from .views import view_of


class SchemaProblems(TypeError):
    """The schema breaks its own rules; `problems` are all of them, one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def check_schema(schema: Schema, descriptions: bool = True) -> None:
    """Raises SchemaProblems: root fields without a permission, guards on non-null fields, orders that cannot be paged,
    and (with `descriptions`) types, fields, arguments, inputs and enum values without one."""
    found = list(_problems(schema))
    if descriptions:
        found += undescribed(schema)
    if found:
        raise SchemaProblems(sorted(set(found)))


def _objects(schema: Schema) -> Iterator[GraphQLObjectType | GraphQLInterfaceType]:
    for type_ in schema._schema.type_map.values():
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and not is_introspection_type(type_):
            yield type_


def _problems(schema: Schema) -> Iterator[str]:
    core = schema._schema
    roots = [root for root in (core.query_type, core.mutation_type, core.subscription_type) if root is not None]
    payloads = False
    for type_ in _objects(schema):
        for name, field in type_.fields.items():
            where = f"{type_.name}.{name}"
            declared = field.extensions.get("strawberry-definition")
            if declared is None:
                continue
            note, gate = note_of(declared), declared.metadata.get(GATE)
            payloads = payloads or isinstance(note, Payload)
            if type_ in roots:
                yield from _root(core, where, field, note, gate, stream=type_ is core.subscription_type)
            elif gate is not None and is_non_null_type(field.type):
                yield f"{where} has a gate and must be nullable."
            if any(guards_of(note)) and not _union(note) and is_non_null_type(field.type):
                yield f"{where} is guarded and must be nullable."
            if isinstance(note, Many | Rows):
                yield from _order(core, where, type_, note, in_root=type_ in roots)
    if payloads:
        try:
            node_field(core)
        except TypeError as error:
            yield str(error)


def _union(note: Any) -> bool:
    return type(note).__name__ == "Either"  # shows a redacted case instead of refusing


def _root(schema: GraphQLSchema, where: str, field: Any, note: Any, gate: Any, stream: bool) -> Iterator[str]:
    if isinstance(note, NodeById | NodesByIds):
        if (
            isinstance(note, NodesByIds)
            and is_list_type(inner := get_nullable_type(field.type))
            and is_non_null_type(inner.of_type)
        ):
            yield f"{where} must have nullable items."
        for name in schema.type_map:
            view = view_of(schema, name)
            if view is not None and view.node is not None and view.gate is None:
                yield f"{view.name} can be asked for by its id and needs a gate."
        return
    if gate is None:
        yield f"{where} declares no permission (`gate=…`, or `own` for what concerns only oneself)."
    elif is_non_null_type(field.type) and not stream:
        yield f"{where} is a root field and must be nullable."


def _order(schema: GraphQLSchema, where: str, type_: Any, note: Many | Rows, in_root: bool) -> Iterator[str]:
    """Ask the read once per order it offers, and see whether a cursor can hold it."""
    parent = None
    if not in_root:
        view = view_of(schema, type_.name)
        if view is None:
            return
        parent = Parent(model_rows(view.model))
    viewer = Viewer(Facts(Role.OWNER))
    for arguments in _choices(note.read, 1 if in_root else 2):
        try:
            Order(asked(note.read, viewer, parent, arguments), paged=isinstance(note, Many))
        except TypeError as error:
            yield f"{where}: {error}"


def _choices(read: Any, skip: int) -> Iterator[dict[str, Any]]:
    """The required arguments with something in them, and each value of `order_by`."""
    hints = typing.get_type_hints(read)
    given = list(inspect.signature(read).parameters.values())[skip:]
    required: dict[str, Any] = {
        each.name: next(iter(_words(hints[each.name]) or ("",))) for each in given if each.default is each.empty
    }
    words = _words(next((hints[each.name] for each in given if each.name == "order_by"), None))
    for order in words or (None,):
        yield required if order is None else required | {"order_by": order}


def _words(hint: Any) -> type[Enum] | None:
    """The enum that an argument is of, be it optional."""
    each: Any
    for each in (hint, *typing.get_args(hint)):
        if isinstance(each, type) and issubclass(each, Enum):
            return each
    return None


def undescribed(schema: Schema) -> list[str]:
    """Everything a client sees that says nothing about itself."""
    found: list[str] = []
    for type_ in schema._schema.type_map.values():
        if is_introspection_type(type_) or type_.name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        found += _silent(type_.name, type_)
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for name, field in type_.fields.items():
                found += _silent(f"{type_.name}.{name}", field)
                for argument, given in field.args.items():
                    found += _silent(f"{type_.name}.{name}({argument}:)", given)
        elif isinstance(type_, GraphQLInputObjectType):
            for name, given_field in type_.fields.items():
                found += _silent(f"{type_.name}.{name}", given_field)
        elif isinstance(type_, GraphQLEnumType):
            for name, value in type_.values.items():
                found += _silent(f"{type_.name}.{name}", value)
    for directive in schema._schema.directives:
        if not is_specified_directive(directive):
            found += _silent(f"@{directive.name}", directive)
    return found


def _silent(where: str, thing: GraphQLNamedType | Any) -> list[str]:
    return [] if thing.description else [f"{where} has no description."]
