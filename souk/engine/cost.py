"""What an operation returns and costs at most, told from its document and its variables before it is validated.

*Nodes* are the rows that an answer may hold: page sizes are multiplied through nested lists, lists without pages count by
their limit, a jsonb document of a row counts as one more, and what merely shows columns of a row (money, a union's case)
counts nothing. *Weights* are declared next to a field (`weight=…`) and multiplied like nodes. Both are linear in the
document: each fragment is measured once. Of a document whose page sizes are variables, the expression is kept, and its
value for each combination of sizes.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
)

from .notes import (
    WEIGHT,
    Column,
    Documents,
    Embedded,
    Many,
    NodeById,
    NodesByIds,
    One,
    Payload,
    Reference,
    Rows,
    Stream,
    note_of,
)
from .paging import DEFAULT, LARGEST
from .symbols import NODES

LIST = 100  # rows of a list that says no limit
PER_POINT = 10  # nodes that cost one point
KEPT = 256  # combinations of page sizes of one operation
HUGE = 10**9  # no number beyond it is told
_SIZES = ("first", "last")


class Shape(Enum):
    """How the rows of a field are counted."""

    INSIDE = auto()
    ROW = auto()
    PAGE = auto()
    LIST = auto()
    IDS = auto()
    EACH = auto()
    PAGE_INFO = auto()


class Declared(NamedTuple):
    """What the schema says of a field."""

    shape: Shape
    weight: int
    limit: int
    below: str | None


class Amount(NamedTuple):
    """Of a selection set: `each` and `each_weight` come once per row of the page around it, if `paged` or not zero."""

    nodes: int = 0
    weight: int = 0
    each: int = 0
    each_weight: int = 0
    paged: int = 0


NOTHING = Amount()


class Price:
    """Of one operation with its variables: rows at most, declared weights, and the points that both make."""

    __slots__ = ("nodes", "points", "weight")

    def __init__(self, nodes: int, weight: int) -> None:
        self.nodes, self.weight = nodes, weight
        self.points = min(HUGE, -(-nodes // PER_POINT) + weight) or 1  # asking is not free

    def actual(self, nodes: int) -> int:
        """The points of an answer with at most so many rows."""
        return self.points if nodes >= self.nodes else -(-nodes // PER_POINT) + self.weight or 1


@dataclass(frozen=True, slots=True)
class _Size:
    """A page size that a variable says; `fallback` where it does not."""

    variables: tuple[str, ...]
    fallback: int
    most: int

    def of(self, values: Mapping[str, int]) -> int:
        found = [values[name] for name in self.variables if name in values]
        return min(self.most, max(found)) if found else self.fallback


class _Set:
    """A selection set, measured as far as it does not hang on variables: the rest are its `parts`."""

    __slots__ = ("known", "parts")

    def __init__(self) -> None:
        self.known = NOTHING
        self.parts: list[tuple[Declared | None, int | _Size, _Set]] = []

    def add(self, declared: Declared | None, size: int | _Size, below: "_Set") -> None:
        if below.parts or isinstance(size, _Size):
            self.parts.append((declared, size, below))
        else:
            self.known = _sum(self.known, _counted(declared, size, below.known))

    def value(self, values: Mapping[str, int], known: dict[int, Amount]) -> Amount:
        found = known.get(id(self))
        if found is None:
            found = self.known
            for declared, size, below in self.parts:
                times = size if isinstance(size, int) else size.of(values)
                found = _sum(found, _counted(declared, times, below.value(values, known)))
            known[id(self)] = found
        return found


def _sum(one: Amount, other: Amount) -> Amount:
    return Amount(
        min(HUGE, one.nodes + other.nodes),
        min(HUGE, one.weight + other.weight),
        min(HUGE, one.each + other.each),
        min(HUGE, one.each_weight + other.each_weight),
        max(one.paged, other.paged),
    )


def _counted(declared: Declared | None, size: int, below: Amount) -> Amount:
    if declared is None:  # a fragment
        return below
    weight = declared.weight + below.weight
    match declared.shape:
        case Shape.EACH:
            return Amount(each=1 + below.nodes, each_weight=weight, paged=1)
        case Shape.PAGE_INFO:
            return Amount(paged=1)
        case Shape.PAGE:
            rows = size * max(below.each, below.paged)
            return Amount(below.nodes + rows, weight + size * below.each_weight)
        case Shape.LIST | Shape.IDS:
            return Amount(size * (1 + below.nodes), declared.weight + size * below.weight)
        case Shape.ROW:
            return Amount(1 + below.nodes, weight)
    return below._replace(nodes=declared.limit + below.nodes, weight=weight)


class OperationCost:
    """The expression of one operation, and what it came to for the page sizes of late."""

    __slots__ = ("_defaults", "_kept", "_price", "_set", "_sizes")

    def __init__(self, node: OperationDefinitionNode, made: _Set, variables: set[str]) -> None:
        self._set = made
        self._sizes = tuple(
            each.variable.name.value
            for each in node.variable_definitions or ()
            if each.variable.name.value in variables
        )
        self._defaults = {
            each.variable.name.value: size
            for each in node.variable_definitions or ()
            if each.default_value is not None and (size := _literal(each.default_value)) is not None
        }
        self._kept: OrderedDict[tuple[int | None, ...], Price] = OrderedDict()
        self._price = None if made.parts else Price(made.known.nodes, made.known.weight)

    def of(self, variables: Mapping[str, Any]) -> Price:
        """The price with these variables, whether or not they are any good."""
        if self._price is not None:
            return self._price
        sizes = tuple([_given(variables[name]) if name in variables else None for name in self._sizes])
        found = self._kept.get(sizes)
        if found is None:
            values = self._defaults | {
                name: size for name, size in zip(self._sizes, sizes, strict=True) if size is not None
            }
            made = self._set.value(values, {})
            found = self._kept[sizes] = Price(made.nodes, made.weight)
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return found


class Costs:
    """The costs of a schema's fields, and the way to an operation's."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._roots = {
            kind: root.name
            for kind, root in (
                ("query", schema.query_type),
                ("mutation", schema.mutation_type),
                ("subscription", schema.subscription_type),
            )
            if root is not None
        }
        pages = {
            get_named_type(field.type).name
            for type_ in schema.type_map.values()
            if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
            for field in type_.fields.values()
            if isinstance(note_of(field.extensions.get("strawberry-definition")), Many)
        }
        self._types = {
            name: _declared(schema, type_, name in pages)
            for name, type_ in schema.type_map.items()
            if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        }
        self._unions: dict[str, dict[str, Declared]] = {
            name: {} for name, type_ in schema.type_map.items() if isinstance(type_, GraphQLUnionType)
        }

    def measure(self, document: DocumentNode) -> dict[str | None, OperationCost]:
        """The cost of each operation, by its name. What the schema does not know costs nothing: validation refuses it."""
        return _Measure(document, self._types | self._unions, self._roots).operations()

    def roots(self, kind: str) -> Mapping[str, Declared]:
        """The root fields of `query`, `mutation` or `subscription`."""
        return self._types.get(self._roots.get(kind, ""), {})


def _declared(schema: GraphQLSchema, type_: Any, page: bool) -> dict[str, Declared]:
    return {name: _of_field(schema, type_, name, field, page) for name, field in type_.fields.items()}


def _of_field(schema: GraphQLSchema, type_: Any, name: str, field: Any, page: bool) -> Declared:
    declared = field.extensions.get("strawberry-definition")
    weight = declared.metadata.get(WEIGHT, 0) if declared is not None else 0
    below = get_named_type(field.type)
    inner = below.name if is_composite_type(below) else None
    listed = is_list_type(get_nullable_type(field.type))

    def said(shape: Shape, limit: int = 0) -> Declared:
        return Declared(shape, weight, limit, inner)

    if inner is None:
        return said(Shape.INSIDE)
    if page:
        return said(Shape.PAGE_INFO if name == "pageInfo" else Shape.EACH)
    match note_of(declared):
        case Many():
            return said(Shape.PAGE, LARGEST)
        case Rows(limit=limit):
            return said(Shape.LIST, limit)
        case NodesByIds():
            return said(Shape.IDS, NODES)
        case One() | NodeById() | Payload() | Reference() | Stream():
            return said(Shape.ROW)
        case Embedded() | Documents():
            return said(Shape.INSIDE, 1)
        case Column():
            return said(Shape.INSIDE, int(listed))
        case None if type_ in (schema.query_type, schema.mutation_type, schema.subscription_type):
            return said(Shape.LIST, LIST) if listed else said(Shape.ROW)
    return said(Shape.INSIDE)


class _Measure:
    def __init__(self, document: DocumentNode, types: Mapping[str, Mapping[str, Declared]], roots: Mapping[str, str]):
        self.document, self.types, self.roots = document, types, roots
        self.fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self.known: dict[str, _Set] = {}
        self.variables: set[str] = set()

    def operations(self) -> dict[str | None, OperationCost]:
        return {
            each.name.value if each.name else None: OperationCost(
                each, self.of(each.selection_set, self.roots.get(each.operation.value)), self.variables
            )
            for each in self.document.definitions
            if isinstance(each, OperationDefinitionNode)
        }

    def of(self, selection_set: SelectionSetNode, type_name: str | None) -> _Set:
        made = _Set()
        fields = self.types.get(type_name or "", {})
        for selection in selection_set.selections:
            match selection:
                case FieldNode():
                    declared = fields.get(selection.name.value)
                    if declared is None:
                        continue
                    below = self.of(selection.selection_set, declared.below) if selection.selection_set else _Set()
                    made.add(declared, self.size(declared, selection), below)
                case FragmentSpreadNode():
                    made.add(None, 1, self.fragment(selection.name.value))
                case InlineFragmentNode():
                    condition = selection.type_condition
                    made.add(
                        None, 1, self.of(selection.selection_set, condition.name.value if condition else type_name)
                    )
        return made

    def fragment(self, name: str) -> _Set:
        if name not in self.known:
            self.known[name] = _Set()  # while it is measured, and for one that is not there
            if name in self.fragments:
                found = self.fragments[name]
                self.known[name] = self.of(found.selection_set, found.type_condition.name.value)
        return self.known[name]

    def size(self, declared: Declared, node: FieldNode) -> int | _Size:
        """How many rows the arguments ask for, at most what the engine gives; what is no size is refused by others."""
        if declared.shape not in (Shape.PAGE, Shape.IDS):
            return declared.limit
        names, fallback = (("first", "last"), DEFAULT) if declared.shape is Shape.PAGE else (("ids",), NODES)
        found: list[int] = []
        variables: list[str] = []
        for argument in node.arguments or ():
            if argument.name.value in names:
                if isinstance(argument.value, VariableNode):
                    variables.append(argument.value.name.value)
                elif (literal := _literal(argument.value)) is not None:
                    found.append(literal)
        known = min(declared.limit, max(found)) if found else fallback
        self.variables.update(variables)
        return _Size(tuple(variables), known, declared.limit) if variables else known


def _literal(node: ValueNode) -> int | None:
    match node:
        case IntValueNode():
            return _given(int(node.value)) if len(node.value) < 10 else HUGE
        case ListValueNode():
            return len(node.values)
    return None


def _given(value: Any) -> int | None:
    """The size that a variable's value says, if it is one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return max(0, min(value, HUGE))
    return len(value) if isinstance(value, list) else None
