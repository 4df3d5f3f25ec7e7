"""The compiled road: a whole operation becomes one statement that writes the JSON answer.

Three control bytes can stand in the answer, which `to_json` never lets through from data: \\x01 where GraphQL needs what only
the executor does (null for a non-null field), \\x02k\\x02 where refusal k of the plan goes, \\x03k:row:base64\\x03 where the
server opens a ciphertext.
"""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from graphql import (
    GraphQLError,
    GraphQLObjectType,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import FieldDetails, FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import VariableValues, get_argument_values
from sqlalchemy import BigInteger, Integer, Select, Uuid, true
from sqlalchemy.sql.elements import False_, True_
from strawberry import Schema
from strawberry.types.arguments import convert_arguments

from ..rules.actor import Facts
from . import leaves, pages
from .batch import asked
from .guards import Gate, Guard
from .notes import (
    By,
    Column,
    Computed,
    Constant,
    Documents,
    Either,
    Embedded,
    GlobalIdOf,
    Many,
    NodeById,
    NodesByIds,
    One,
    Reference,
    Rows,
    Sealed,
    Stream,
    Totals,
    Value,
    Variants,
    note_of,
)
from .paging import Order
from .sql import Parameters, Renamed, Scope, Texts, always, quoted
from .symbols import MADE, BadInput, GlobalId, NotFused, Viewer, read_id, symbol
from .text import EXECUTOR, Around, Literal, Pieces, concat, global_id, members, null, when_null, whole
from .views import view_of
from .witness import named

Fields = list[FieldDetails]
WALL = "WITH s AS MATERIALIZED (SELECT set_config('souk.tenant_id', {}::text, true)) SELECT {} FROM s"
AFTER, LIMIT, ROW_ID = "\0after", "\0limit", "\0id"  # values that no document can name


@dataclass(frozen=True, eq=False)
class Plan:
    """One statement, the way to its parameters, and what the server does with the text it answers."""

    sql: str
    parameters: Parameters
    refusals: list[dict[str, Any]]
    seals: list[tuple[str, str]]
    again: bool
    after: Any = None
    asked: tuple[tuple[str, str], ...] = ()
    """Beside each refusal the field and the row of the matrix, for whoever keeps records."""
    number: int = field(default_factory=count().__next__)
    """Its own in this process: what is kept for a plan is found by it, and does not keep the plan."""


class Fuser:
    """Compiles one operation for one set of facts and one shape of its variables."""

    def __init__(
        self,
        schema: Schema,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        values: VariableValues,
        facts: Facts,
    ) -> None:
        self.strawberry, self.schema = schema, schema._schema
        self.operation, self.fragments, self.values, self.viewer = operation, fragments, values, Viewer(facts)
        self.parameters = Parameters()
        self.refusals: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.within: GraphQLObjectType | None = None
        self.seals: list[tuple[str, str]] = []
        self.again = False  # the text has to go through Python's writer once
        self._aliases = 0

    def plan(self) -> Plan:
        """The plan of a query."""
        if self.operation.operation is not OperationType.QUERY:
            raise NotFused("not a query")
        query = self.schema.query_type
        assert query is not None
        fields = collect_fields(self.schema, self.fragments, self.values, query, self.operation).grouped_field_set
        return self._made(lambda: [Literal('{"data":'), *self.members(query, fields, None), Literal("}")])

    def payload(self, type_name: str, fields: Fields) -> Plan:
        """The plan of the entity in a mutation's payload; its row's key comes with the values."""
        target = view_of(self.schema, type_name)
        if target is None or target.node is None:
            raise NotFused(f"{type_name} cannot be read by its id")
        node, found = target.node, GlobalId(target.model.__name__, symbol(Uuid(), lambda _, values: values[ROW_ID]))
        return self._made(
            lambda: self.one(
                asked(node, self.viewer, None, {"id": found}),
                self.schema.type_map[target.name],
                fields,
                None,
                True,
                None,
            )
        )

    def events(self) -> Plan:
        """The plan of a subscription over event rows: an array of `seq:payload`, ascending."""
        definition, declared, fields = self.root()
        note, key = note_of(declared), (fields[0].node.alias or fields[0].node.name).value
        if not isinstance(note, Stream):
            raise NotFused("not a stream of rows")
        arguments = self.arguments(definition, declared, fields)
        after = arguments.get("after")

        def write() -> Pieces:
            asked_for = arguments | {"after": symbol(BigInteger(), lambda _, values: values[AFTER])}
            select = asked(note.read, self.viewer, None, asked_for)
            order, row = Order(select, paged=False), Scope(self.alias(), select, self.parameters)
            seq = row.column(note.seq)
            for name in order.names:
                row.column(name)
            body = concat(
                [
                    Literal(f'{{"data":{{"{key}":'),
                    *self.row_object(definition.type, fields, row, note.by),
                    Literal("}}"),
                ]
            )
            limit = self.parameters.render(symbol(Integer(), lambda _, values: values[LIMIT]))
            rows = row.rows(select.order_by(None).order_by(*order.by()), f" LIMIT {limit}")
            return [
                f"(SELECT array_agg(textsend(concat({seq}, ':', {body})) ORDER BY {order.text(row.alias)}) FROM {rows})"
            ]

        return self._made(write, text=False, after=after)

    def root(self) -> tuple[Any, Any, Fields]:
        """The one field of a subscription: its definition for graphql-core and for Strawberry, and its nodes."""
        type_ = self.schema.subscription_type
        assert type_ is not None
        (fields,) = collect_fields(
            self.schema, self.fragments, self.values, type_, self.operation
        ).grouped_field_set.values()
        definition = type_.fields.get(fields[0].node.name.value)
        if definition is None:
            raise NotFused("no field of a subscription")
        return definition, definition.extensions["strawberry-definition"], fields

    def _made(self, write: Any, text: bool = True, after: Any = None) -> Plan:
        tenant = self.parameters.render(self.viewer.tenant_id)
        collecting = MADE.set([])
        try:
            pieces = write()
            self.parameters.check_dropped(MADE.get() or ())
        except (BadInput, GraphQLError, TypeError) as error:  # TypeError: a read looked into a symbol (`if`, `int()`)
            raise NotFused(str(error)) from error
        finally:
            MADE.reset(collecting)
        answer = f"textsend({concat(pieces)})" if text else pieces[0]
        sql, asked = WALL.format(tenant, answer), tuple(self.asked)
        return Plan(sql, self.parameters, self.refusals, self.seals, self.again, after, asked)

    # Objects and fields -------------------------------------------------------------------------------------------

    def selected(self, type_: GraphQLObjectType, fields: Fields) -> dict[str, Fields]:
        return collect_subfields(
            self.schema, self.fragments, self.values, self.operation, type_, fields
        ).grouped_field_set

    def object(self, type_: Any, fields: Fields, scope: Any) -> Pieces:
        return self.members(type_, self.selected(type_, fields), scope)

    def members(self, type_: GraphQLObjectType, selected: dict[str, Fields], scope: Any) -> Pieces:
        return members([(key, self.field(type_, fields, scope)) for key, fields in selected.items()])

    def row_object(self, type_: Any, fields: Fields, row: Scope, by: By | None) -> Pieces:
        """The object of a row: of its one type, or of the type that a column names."""
        named, nullable = get_named_type(type_), not is_non_null_type(type_)
        if by is None:
            if not isinstance(named, GraphQLObjectType):
                raise NotFused(f"{named.name} without `variants`")
            return self.object(named, fields, row)
        return self.by_type(by, fields, row, nullable)

    def by_type(self, by: By, fields: Fields, scope: Any, nullable: bool) -> Pieces:
        text = scope.column(by.column)
        cases = [
            f"WHEN {quoted(value)} THEN {concat(self.object(self.schema.type_map[name], fields, scope))}"
            for value, name in by.types.items()
        ]
        return [f"CASE {text} {' '.join(cases)} ELSE {null(nullable)} END"]

    def field(self, type_: GraphQLObjectType, fields: Fields, scope: Any) -> Pieces:
        """A field of a type; what it refuses is written down as that type's."""
        before, self.within = self.within, type_
        try:
            return self._field(type_, fields, scope)
        finally:
            self.within = before

    def _field(self, type_: GraphQLObjectType, fields: Fields, scope: Any) -> Pieces:
        name = fields[0].node.name.value
        if name == "__typename":
            return [Literal(f'"{type_.name}"')]
        definition = type_.fields.get(name)
        declared = definition and definition.extensions.get("strawberry-definition")
        if definition is None or declared is None:
            raise NotFused(f"{type_.name}.{name}")
        output: Any = definition.type
        nullable, note = not is_non_null_type(output), note_of(declared)
        gate: Gate | None = getattr(note, "gate", None)
        if gate is not None and not gate.admits(self.viewer.facts):
            return [self.refusal(gate, fields, nullable)]
        match note:
            case Column(column, guard):
                return self.guarded(guard, scope, fields, nullable, lambda: self.column(output, fields, scope, column))
            case Value(names, guard):
                return self.guarded(guard, scope, fields, nullable, lambda: self.value(output, fields, scope, names))
            case Computed():
                return self.guarded(
                    note.guard, scope, fields, nullable, lambda: leaves.computed(self, output, scope, note)
                )
            case Embedded(column, guard):
                return self.guarded(
                    guard, scope, fields, nullable, lambda: leaves.embedded(self, output, fields, scope.column(column))
                )
            case Documents(sql, guard):

                def made() -> Pieces:
                    return leaves.embedded(self, output, fields, scope.expression(sql(self.viewer, scope.inside)))

                return self.guarded(guard, scope, fields, nullable, made)
            case Totals(column, guard):
                return self.guarded(
                    guard, scope, fields, nullable, lambda: leaves.totals(self, output, fields, scope.column(column))
                )
            case Sealed():
                return self.guarded(
                    note.guard, scope, fields, nullable, lambda: leaves.sealed(self, scope, note, nullable)
                )
            case Either(cases):
                return self.either(cases, fields, scope)
            case Variants():
                return self.by_type(note.by, fields, scope, nullable)
            case Reference():
                return pages.reference(self, note, output, fields, scope)
            case Constant(function):
                return [leaves.constant(self, output, fields, function())]
            case GlobalIdOf():
                return [Literal('"'), *global_id(type_.name, f"{scope.column('id')}::text"), Literal('"')]
        if not (scope is None or hasattr(scope, "joins")):
            raise NotFused(f"{type_.name}.{name} inside a value")
        arguments = self.arguments(definition, declared, fields)
        match note:
            case One(read, _, by):
                return self.one(
                    asked(read, self.viewer, scope and scope.row, arguments), output, fields, scope, nullable, by
                )
            case Many(read, _, by):
                return self.lateral(pages.page(self, read, arguments, get_named_type(output), fields, scope, by), scope)
            case Rows(read, _, by, limit):
                return self.lateral(pages.plain_list(self, read, arguments, output, fields, scope, by, limit), scope)
            case NodeById():
                return self.node(arguments["id"], fields)
            case NodesByIds():
                return pages.nodes(self, arguments["ids"], fields)
        raise NotFused(f"{type_.name}.{name}")

    def arguments(self, definition: Any, declared: Any, fields: Fields) -> dict[str, Any]:
        """The arguments as the read gets them: converted by graphql-core and Strawberry, with symbols in them."""
        given = get_argument_values(definition, fields[0].node, self.values, fields[0].fragment_variable_values)
        converter = self.strawberry.schema_converter
        return convert_arguments(given, declared.arguments, converter.scalar_registry, converter.config)

    def column(self, output: Any, fields: Fields, scope: Any, name: str) -> Pieces:
        if isinstance(scope, leaves.DocumentScope):
            return leaves.member(self, output, fields, scope, name)
        if not is_leaf_type(get_named_type(output)):
            raise NotFused(f"{output} from the column {name}")
        return leaves.leaf(self, output, scope, name)

    def value(self, output: Any, fields: Fields, scope: Any, names: dict[str, str]) -> Pieces:
        first = next(iter(names.values()))
        pieces = self.object(get_named_type(output), fields, Renamed(scope, names))
        return (
            when_null(scope.column(first), not is_non_null_type(output), pieces)
            if scope.stored(first).nullable
            else pieces
        )

    def either(self, cases: tuple[tuple[Guard | None, str], ...], fields: Fields, scope: Any) -> Pieces:
        branches: list[str] = []
        for guard, name in cases:
            rule = guard.rows(self.viewer) if guard else None
            if isinstance(rule, False_):
                continue
            shown = concat(self.object(self.schema.type_map[name], fields, scope))
            if rule is None or isinstance(rule, True_):
                return [f"CASE {' '.join(branches)} ELSE {shown} END" if branches else shown]
            branches.append(f"WHEN {scope.expression(rule)} THEN {shown}")
        raise NotFused("a union without a last case")

    def refusal(self, by: Guard | Gate, fields: Fields, nullable: bool) -> str:
        """The mark that the server replaces by null, while it adds the error with its path."""
        error = by.refusal()
        self.asked.append((named(self.schema, self.within, fields[0].node.name.value), getattr(error, "asks", "")))
        self.refusals.append(
            dict(GraphQLError(error.message, [f.node for f in fields], extensions=error.extensions).formatted)
        )
        return rf"E'\x02{len(self.refusals) - 1}\x02'" if nullable else EXECUTOR

    def guarded(self, guard: Guard | None, scope: Any, fields: Fields, nullable: bool, write: Any) -> Pieces:
        rule = guard.rows(self.viewer) if guard else None
        if guard is None or rule is None or always(rule):
            return list(write())
        if isinstance(scope, Texts):
            raise NotFused("a guard inside a document")
        refused = self.refusal(guard, fields, nullable)
        return (
            [refused]
            if isinstance(rule, False_)
            else [f"CASE WHEN {scope.expression(rule)} THEN {whole(write())} ELSE {refused} END"]
        )

    # Rows ---------------------------------------------------------------------------------------------------------

    def alias(self, letter: str = "t") -> str:
        self._aliases += 1
        return f"{letter}{self._aliases}"

    def lateral(self, made: Around, scope: Any) -> Pieces:
        before, statement, after = made
        if scope is None:
            return [before, f"({statement})", after]
        alias = self.alias()
        scope.joins.append(f"LEFT JOIN LATERAL ({statement}) {alias} ON true")
        return [before, f"{alias}.answer", after]

    def one(
        self, select: Select[Any], output: Any, fields: Fields, scope: Any, nullable: bool, by: By | None
    ) -> Pieces:
        if is_list_type(get_nullable_type(output)):
            raise NotFused(f"one row as {output}")
        if scope is not None:
            present, pieces = self.joined(select, output, fields, scope, by)
            return when_null(present, nullable, pieces)
        row = Scope(self.alias(), select, self.parameters, few=True)
        if row.source.model:
            row.column("id")
        pieces = self.row_object(output, fields, row, by)
        if not row._inner:
            row.column(row.source.names[0])
        return [f"coalesce((SELECT {concat(pieces)} FROM {row.rows()}), {null(nullable)})"]

    def joined(self, select: Select[Any], output: Any, fields: Fields, scope: Any, by: By | None) -> tuple[str, Pieces]:
        """A row joined to the enclosing one: the text that is null when there is none, and the object."""
        few = getattr(scope, "few", False)
        row = Scope(self.alias(), select, self.parameters, few)
        present = row.column("id") if row.source.model else row.expression(true())
        pieces = self.row_object(output, fields, row, by)
        # said to be one row, it is looked up by its key: a join of two lists would read all dealers for fifty listings
        only = " LIMIT 1" if row.source.model and not few and select._limit_clause is None else ""
        scope.joins += [f"LEFT JOIN LATERAL ({row.inner()}{only}) {row.alias} ON true", *row.joins]
        return present, pieces

    def node(self, id: Any, fields: Fields) -> Pieces:
        found = id if isinstance(id, GlobalId) else read_id(id)
        target = view_of(self.schema, found.type_name) if found else None
        if found is None or target is None or target.node is None:
            return [Literal("null")]
        if target.gate is not None and not target.gate.admits(self.viewer.facts):
            return [self.refusal(target.gate, fields, True)]
        select = asked(target.node, self.viewer, None, {"id": GlobalId(target.model.__name__, found.row_id)})
        return self.one(select, self.schema.type_map[target.name], fields, None, True, None)
