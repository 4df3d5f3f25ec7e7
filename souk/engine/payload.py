"""The entities in mutations' payloads: mutations run in graphql-core, but what they answer is read like everything else.

The executor sees `{ __typename }` where the client selected fields of the entity; the entity is read on either road once the
mutation's own transaction is over, and put in its place in the answer.
"""

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    execute,
    visit,
)
from graphql.execution.collect_fields import FieldDetails

from ..rules.actor import Actor
from .answer import Decrypt, finished
from .batch import Reads
from .document import Operation
from .errors import shown
from .fuse import ROW_ID, Plan
from .notes import NodeById, Payload, note_of
from .pool import Inside, Pool
from .rows import Shown
from .symbols import BadInput, NotFused, write_id
from .views import Ungated

_TYPENAME = SelectionSetNode(selections=(FieldNode(name=NameNode(value="__typename"), arguments=(), directives=()),))
Errors = list[dict[str, Any]]


@dataclass(frozen=True)
class Cut:
    """A mutation's document as the executor gets it, and the selections that were taken out, by the field left in."""

    ast: DocumentNode
    taken: dict[int, FieldNode]
    left: list[FieldNode]  # keeps the ids above alive


class _Cutter(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.taken: dict[int, FieldNode] = {}
        self.left: list[FieldNode] = []

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        definition = self.info.get_field_def()
        declared = definition and definition.extensions.get("strawberry-definition")
        if declared is None or not isinstance(note_of(declared), Payload) or id(node) in self.taken:
            return None
        left = replace(node, selection_set=_TYPENAME)
        self.taken[id(left)] = node
        self.left.append(left)
        return left


_CUTS: WeakKeyDictionary[Operation, Cut] = WeakKeyDictionary()


def cut_of(operation: Operation) -> Cut:
    """The document with every payload's entity reduced to its type's name."""
    found = _CUTS.get(operation)
    if found is None:
        info = TypeInfo(operation.document.schema._schema)
        cutter = _Cutter(info)
        ast = visit(operation.document.ast, TypeInfoVisitor(info, cutter))
        found = _CUTS[operation] = Cut(ast, cutter.taken, cutter.left)
    return found


class MutationReads(Reads):
    """The reads of a mutation: each entity of a payload sees what the mutation before it has committed."""

    def __init__(
        self, actor: Actor, pool: Pool, decrypt: Decrypt | None, operation: Operation, variables: dict[str, Any], values: dict[str, Any],
        context: Any, fused: bool,
    ) -> None:  # fmt: skip
        super().__init__(actor, pool.snapshot(actor.tenant_id), decrypt)
        self.pool, self.operation, self.variables, self.values, self.context, self.fused = (
            pool,
            operation,
            variables,
            values,
            context,
            fused,
        )
        self.entities: Pool | Inside = pool
        self.cut = cut_of(operation)
        self.found: list[tuple[list[str | int], Any]] = []
        self.errors: Errors = []
        self.reasons: list[str] = []

    async def payload(self, type_name: str, row_id: Any, info: Any) -> Any:
        """Read the entity and keep it; the executor only learns whether it is there."""
        await self.again()
        rehearsal = getattr(self.context, "rehearsal", None)
        if rehearsal is not None and rehearsal.connection is not None:
            self.entities = Inside(rehearsal.connection)
        nodes = [self.cut.taken[id(node)] for node in info.field_nodes]
        path = info.path.as_list()
        entity, errors = await self._read(type_name, row_id, nodes, path)
        self.errors += errors
        if entity is None:
            return None
        self.found.append((path, entity))
        return Shown(None, type_name)

    async def _read(
        self, type_name: str, row_id: Any, nodes: list[FieldNode], path: list[str | int]
    ) -> tuple[Any, Errors]:
        if self.fused:
            answer = await self._by_plan(type_name, row_id, nodes)
            if isinstance(answer, bytes):
                if b'"errors":' not in answer:
                    entity = answer[len(b'{"data":') : -1]
                    return (None if entity == b"null" else orjson.Fragment(entity)), []
                body = orjson.loads(answer)
                return body["data"], [error | {"path": path + error["path"]} for error in body.get("errors", ())]
            self.reasons.append(answer)
        return await self._by_executor(type_name, row_id, nodes, path)

    async def _by_plan(self, type_name: str, row_id: Any, nodes: list[FieldNode]) -> bytes | str:
        plan = self._plan(type_name, nodes)
        if isinstance(plan, NotFused):
            return str(plan)
        try:
            values = plan.parameters.bind(self.actor, self.values | {ROW_ID: row_id})
        except BadInput as error:
            return str(error)
        text = b'{"data":%s}' % await self.entities.answer(plan, values)
        return finished(text, plan, self.actor, self.context.request_id, self.decrypt) or "null for a non-null field"

    def _plan(self, type_name: str, nodes: list[FieldNode]) -> Plan | NotFused:
        key = (type_name, tuple(map(id, nodes)), *self.operation.key(self.actor.facts, self.values))
        found = self.operation.plans.get(key)
        if found is None:
            try:
                fields = [FieldDetails(node, None) for node in nodes]
                found = self.operation.fuser(self.actor.facts, self.values).payload(type_name, fields)
            except NotFused as why:
                found = why
            self.operation.keep(key, found)
        return found

    async def _by_executor(
        self, type_name: str, row_id: Any, nodes: list[FieldNode], path: list[str | int]
    ) -> tuple[Any, Errors]:
        schema = self.operation.document.schema._schema
        name = node_field(schema)
        document = _query(self.operation, name, type_name, row_id, nodes)
        context = copy.copy(self.context)
        context.reads = Reads(self.actor, self.entities.snapshot(self.actor.tenant_id), self.decrypt)
        try:
            made = execute(schema, document, Ungated(), context, self.variables)
            result = await made if inspect.isawaitable(made) else made
        finally:
            await context.reads.close()
        errors = [shown(error, self.context.request_id) for error in result.errors or ()]
        return (result.data or {}).get(name), [
            error | {"path": path + list(error.get("path") or [name])[1:]} for error in errors
        ]


def node_field(schema: Any) -> str:
    """The name of the root field that reads anything by its id."""
    for name, field in schema.query_type.fields.items():
        if isinstance(note_of(field.extensions.get("strawberry-definition")), NodeById):
            return str(name)
    raise TypeError("A schema with payloads needs a root field `node_by_id()`.")


def _query(operation: Operation, name: str, type_name: str, row_id: Any, nodes: Sequence[FieldNode]) -> DocumentNode:
    """The client's own selections, with their places in his document, of one node."""
    selections = tuple(each for node in nodes if node.selection_set for each in node.selection_set.selections)
    on_type = InlineFragmentNode(
        type_condition=NamedTypeNode(name=NameNode(value=type_name)),
        directives=(),
        selection_set=SelectionSetNode(selections=selections),
    )
    id_ = ArgumentNode(name=NameNode(value="id"), value=StringValueNode(value=write_id(type_name, row_id), block=False))
    field = FieldNode(
        name=NameNode(value=name),
        arguments=(id_,),
        directives=(),
        selection_set=SelectionSetNode(selections=(on_type,)),
    )
    query = OperationDefinitionNode(
        operation=OperationType.QUERY,
        variable_definitions=tuple(operation.definitions),
        directives=(),
        selection_set=SelectionSetNode(selections=(field,)),
    )
    return DocumentNode(definitions=(query, *(each.definition for each in operation.document.fragments.values())))


def put(data: Any, found: Sequence[tuple[list[str | int], Any]]) -> None:
    """Put what was read in its place, unless a null has taken the place away."""
    for path, entity in found:
        at = data
        for step in path[:-1]:
            at = at[step] if at is not None else None
        if at is not None and at.get(path[-1]) is not None:
            at[path[-1]] = entity
