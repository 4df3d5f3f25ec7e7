"""Lists on the compiled road: pages with cursors, plain lists, rows by their global ids, rows named by two columns."""

from typing import Any

from graphql import GraphQLObjectType, get_named_type, get_nullable_type, is_non_null_type
from sqlalchemy import Uuid, literal_column

from . import counts
from .batch import asked
from .notes import By, Reference
from .paging import COUNTED, Order, Window, split
from .sql import FEW, Parameters, Scope, Texts, quoted, rows_only
from .symbols import ids_and_types, is_symbol
from .text import Around, Literal, Pieces, concat, inside, members, null
from .views import referred, view_of


def page(
    fuser: Any, read: Any, arguments: dict[str, Any], type_: GraphQLObjectType, fields: Any, scope: Any, by: By | None
) -> Around:
    """The JSON text of a connection, around a Select of one row with one column, `answer`."""
    arguments, window = split(arguments)
    select = asked(read, fuser.viewer, scope and scope.row, arguments)
    order, size = Order(select), window.size
    row = Scope(fuser.alias(), select, fuser.parameters, few=isinstance(size, int) and size <= FEW)
    for name in order.names:
        row.column(name)
    selected = fuser.selected(type_, fields)
    names = {group[0].node.name.value for group in selected.values()}
    rows_wanted = bool(names & {"edges", "nodes", "pageInfo"})
    if is_symbol(size):
        if not rows_wanted:  # a parameter that no text uses would be an error, but its value must be good all the same
            fuser.parameters.checks.append(size.get)
        size = fuser.parameters.render(size) if rows_wanted else ""
    numbered = f"{row.alias}_page"
    pairs: list[tuple[str, Pieces]] = []
    for key, group in selected.items():
        name = group[0].node.name.value
        item: Any = None if name == "__typename" else type_.fields[name].type
        match name:
            case "__typename":
                made: Pieces = [Literal(f'"{type_.name}"')]
            case "totalCount":
                made = [
                    counts.total(select, fuser.parameters)
                    or f"(SELECT count(*) FROM ({fuser.parameters.render(rows_only(select))} LIMIT {COUNTED}) c)"
                ]
            case "nodes":
                made = array(fuser.row_object(_item(item), group, row, by), order, row)
            case "edges":
                made = array(_edge(fuser, _named(item), group, order, row, by), order, row)
            case _:
                made = _page_info(fuser, _named(item), group, order, window, numbered, size)
        pairs.append((key, made))
    before, answer, after = inside(members(pairs))
    if not rows_wanted:
        return before, f"SELECT {answer} AS answer", after
    wanted = window.of(select, order)
    fuser.parameters.checks += order.checks(window)
    if "pageInfo" not in names:
        return before, f"SELECT {answer} AS answer FROM {row.rows(wanted, f' LIMIT {size}')}", after
    number = f"row_number() OVER (ORDER BY {order.text(row.alias, window.backward)}) AS page_at"
    source = f"WITH {numbered} AS MATERIALIZED (SELECT {row.alias}.*, {number} FROM ({row.inner(wanted)} LIMIT {size} + 1) {row.alias})"
    rows = (
        f" FROM {numbered} {row.alias} {' '.join(row.joins)} WHERE {row.alias}.page_at <= {size}"
        if names & {"edges", "nodes"}
        else ""
    )
    return before, f"{source} SELECT {answer} AS answer{rows}", after


def _named(type_: Any) -> Any:
    return get_named_type(type_)


def _item(type_: Any) -> Any:
    """The type of a list's items, as it is declared."""
    return get_nullable_type(type_).of_type


def array(pieces: Pieces, order: Order, row: Scope) -> Pieces:
    sorted_by = f" ORDER BY {order.text(row.alias)}" if order.names else ""
    return [Literal("["), f"string_agg({concat(pieces)}, ','{sorted_by})", Literal("]")]


def _edge(fuser: Any, type_: GraphQLObjectType, fields: Any, order: Order, row: Scope, by: By | None) -> Pieces:
    pairs: list[tuple[str, Pieces]] = []
    for key, group in fuser.selected(type_, fields).items():
        match group[0].node.name.value:
            case "cursor":
                made: Pieces = [Literal('"'), order.cursor_in_sql(row.alias), Literal('"')]
            case "node":
                made = fuser.row_object(type_.fields["node"].type, group, row, by)
            case _:
                made = [Literal(f'"{type_.name}"')]
        pairs.append((key, made))
    return members(pairs)


def _page_info(
    fuser: Any, type_: GraphQLObjectType, fields: Any, order: Order, window: Window, numbered: str, size: Any
) -> Pieces:
    more = f"CASE WHEN (SELECT count(*) FROM {numbered}) > {size} THEN 'true' ELSE 'false' END"

    def known(cursor: Any) -> str:
        return Literal("false" if cursor is None else "true")

    def cursor(first: bool) -> str:
        """Of the first row in their order, or the last; they are numbered from where the window begins."""
        last = f"least({size}, (SELECT count(*) FROM {numbered}))"
        place = f"page_at = {last}" if first is window.backward else f"page_at = 1 AND {size} > 0"
        found = f"SELECT concat('\"', {order.cursor_in_sql(numbered)}, '\"') FROM {numbered} WHERE {place}"
        return f"coalesce(({found}), 'null')"

    pairs: list[tuple[str, Pieces]] = []
    for key, group in fuser.selected(type_, fields).items():
        match group[0].node.name.value:
            case "hasNextPage":
                made = known(window.before) if window.backward else more
            case "hasPreviousPage":
                made = more if window.backward else known(window.after)
            case "startCursor":
                made = cursor(first=True)
            case "endCursor":
                made = cursor(first=False)
            case _:
                made = Literal(f'"{type_.name}"')
        pairs.append((key, [made]))
    return members(pairs)


def plain_list(
    fuser: Any, read: Any, arguments: dict[str, Any], type_: Any, fields: Any, scope: Any, by: By | None, limit: int
) -> Around:
    """The JSON text of a list, around a Select of one row with one column, `answer`."""
    select = asked(read, fuser.viewer, scope and scope.row, arguments)
    order = Order(select, paged=False)
    row = Scope(fuser.alias(), select, fuser.parameters)
    for name in order.names:
        row.column(name)
    before, answer, after = inside(array(fuser.row_object(_item(type_), fields, row, by), order, row))
    wanted = select.order_by(None).order_by(*order.by())
    return before, f"SELECT {answer} AS answer FROM {row.rows(wanted, f' LIMIT {limit}')}", after


class _Ids(Texts):
    """The ids that `nodes` was given, one per row."""

    def __init__(self, parameters: Parameters, alias: str) -> None:
        super().__init__(parameters, lambda name: (f"{alias}.{name}", Uuid()))
        self.joins: list[str] = []


def nodes(fuser: Any, ids: list[Any], fields: Any) -> Pieces:
    """The rows of `nodes(ids:)` in the order of the ids: one branch per type that occurs."""
    types, check, rows, names = ids_and_types(ids)
    branches, alias = [], fuser.alias("i")
    scope = _Ids(fuser.parameters, alias)
    for name in types:
        target = view_of(fuser.schema, name)
        if target is None or target.node is None:
            continue
        is_this = f"{alias}.type = {quoted(name)}"
        if target.gate is not None and not target.gate.admits(fuser.viewer.facts):
            branches.append(f"WHEN {is_this} THEN {fuser.refusal(target.gate, fields, True)}")
            continue
        select = asked(referred(target, "id"), fuser.viewer, scope.row, {}).where(literal_column(is_this))
        present, pieces = fuser.joined(select, fuser.schema.type_map[name], fields, scope, None)
        branches.append(f"WHEN {present} IS NOT NULL THEN {concat(pieces)}")
    if not branches:
        if check is not None:
            fuser.parameters.checks.append(check.get)
        count = f"cardinality({fuser.parameters.render(names)})"
        return [Literal("["), f"array_to_string(array_fill('null'::text, ARRAY[{count}]), ',')", Literal("]")]
    source = f"unnest({fuser.parameters.render(rows)}, {fuser.parameters.render(names)}) WITH ORDINALITY AS {alias}(id, type, at) {' '.join(scope.joins)}"
    return [
        Literal("["),
        f"(SELECT string_agg(CASE {' '.join(branches)} ELSE 'null' END, ',' ORDER BY {alias}.at) FROM {source})",
        Literal("]"),
    ]


def reference(fuser: Any, note: Reference, type_: Any, fields: Any, scope: Any) -> Pieces:
    """The row that two columns name: a join per type it may be of."""
    named, nullable = get_named_type(type_), not is_non_null_type(type_)
    possible = (
        {each.name for each in fuser.schema.get_possible_types(named)}
        if not isinstance(named, GraphQLObjectType)
        else {named.name}
    )
    branches = []
    for value, name in note.types.items():
        target = view_of(fuser.schema, name)
        if target is None or target.node is None or name not in possible:
            raise TypeError(f"{name} is not one of {named.name}")
        is_this: Any = literal_column(f"{scope.column(note.type_column)} = {quoted(value)}")
        select = asked(referred(target, note.id_column), fuser.viewer, scope.row, {}).where(is_this)
        present, pieces = fuser.joined(select, fuser.schema.type_map[name], fields, scope, None)
        branches.append(f"WHEN {present} IS NOT NULL THEN {concat(pieces)}")
    return [f"CASE {' '.join(branches)} ELSE {null(nullable)} END"]
