"""Values that are known only when a plan runs.

A read is asked once per plan, not once per request: the actor's attributes and the document's variables stand in it as
*symbols*, bind parameters that know how to get their value later. Rule of thumb: what has few values is part of the plan
(role, scopes, enums, booleans, null or not, an id's type), what has many is a parameter.
"""

import base64
import binascii
import itertools
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

import strawberry
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    get_nullable_type,
)
from sqlalchemy import ARRAY, BindParameter, ColumnElement, Text, Uuid, any_, bindparam
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import TypeEngine

from ..rules.actor import Actor, Facts
from .scalars import STORED

Getter = Callable[[Actor, dict[str, Any]], Any]
FEW = 20  # items whose values or shapes may be part of a plan
NODES = 100  # ids in one `nodes(ids:)`
KNOWN_TYPES: set[str] = set()  # names that may stand in a global id; anything else must not make a plan of its own
_names = itertools.count()
MADE: ContextVar[list[BindParameter[Any]] | None] = ContextVar("MADE", default=None)
"""While a plan is made: every symbol, also one that no text of the statement uses (`WHERE false` drops its neighbours)."""


class BadInput(Exception):
    """A value that cannot be used; the executor says so to the client."""


class NotFused(Exception):
    """The operation, or this part of it, is left to the executor; says why."""


class Later(NamedTuple):
    """In place of a symbol's value: which symbol it is, and the way to its value."""

    key: str
    get: Getter


class Symbol(BindParameter[Any]):
    """The parameter that a symbol is. Its name is its own; clauses that differ in nothing else are compiled once."""

    inherit_cache = True
    get: Getter

    def _gen_cache_key(self, anon_map: Any, bindparams: list[BindParameter[Any]]) -> tuple[Any, ...]:
        bindparams.append(self)
        return Symbol, self.type._static_cache_key, anon_map["symbol", self.key]


def symbol(type_: TypeEngine[Any], get: Getter, name: str | None = None) -> BindParameter[Any]:
    """A parameter whose value `get(actor, variables)` finds when the plan runs."""
    key = name or f"v{next(_names)}"
    made = Symbol(key, Later(key, get), type_=type_, required=False)
    made.get = get
    if (every := MADE.get()) is not None:
        every.append(made)
    return made


def getter(of: Any) -> Getter:
    return cast(Getter, of.get)


def derived(of: Any, type_: TypeEngine[Any], convert: Callable[[Any], Any]) -> BindParameter[Any]:
    """A symbol computed from another one when the plan runs."""
    get = getter(of)
    return symbol(type_, lambda actor, variables: convert(get(actor, variables)))


def is_symbol(value: object) -> bool:
    return isinstance(value, BindParameter)


# The actor --------------------------------------------------------------------------------------------------------

_ONE, _MANY = Uuid(), ARRAY(Uuid())
ATTRIBUTES: dict[str, TypeEngine[Any]] = {
    "tenant_id": _ONE,
    "user_id": _ONE,
    "dealer_id": _ONE,
    "membership_id": _ONE,
    "session_id": _ONE,
    "account_id": _ONE,
    "token_id": _ONE,
    "principal_id": _ONE,
    "team_ids": _MANY,
}


def _attribute(actor: Actor, name: str) -> Any:
    value = getattr(actor, name)
    return list(value) if isinstance(value, tuple) else value


class Viewer:
    """The actor as `rows` and reads see it: real facts, and parameters for the rest (a missing one equals nothing).

    `Viewer(facts)` is for plans. `Viewer.of(actor)` carries the actor's values, for a Select that runs at once.
    """

    tenant_id: Any
    user_id: Any
    dealer_id: Any
    membership_id: Any
    session_id: Any
    account_id: Any
    token_id: Any
    principal_id: Any
    team_ids: Any

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.role, self.scopes, self.of_dealer, self.all_teams = facts
        self._actor: Actor | None = None

    @classmethod
    def of(cls, actor: Actor) -> "Viewer":
        """The same for this very actor; a None is bound as NULL, which equals nothing, and never becomes IS NULL."""
        made = cls(actor.facts)
        made._actor = actor
        return made

    def __getattr__(self, name: str) -> BindParameter[Any]:
        type_ = ATTRIBUTES.get(name)
        if type_ is None:
            raise AttributeError(name)
        if self._actor is None:
            made = symbol(type_, lambda actor, _: _attribute(actor, name), f"actor_{name}")
        else:
            made = bindparam(f"actor_{name}", _attribute(self._actor, name), type_=type_, unique=True)
        self.__dict__[name] = made
        return made


# Global ids -------------------------------------------------------------------------------------------------------


class GlobalId(NamedTuple):
    """An id whose type is known and whose row is a symbol, a column, or known too."""

    type_name: str
    row_id: Any


class GlobalIds(NamedTuple):
    """A list of ids that is one variable: the types in it are known, their order and the rows are not."""

    type_names: tuple[str, ...]
    texts: Getter


LONGEST = 200  # characters of a global id


def read_id(text: str) -> GlobalId | None:
    """The type and the row of a global id; None for anything else."""
    return _read_id(text) if len(text) <= LONGEST else None


@lru_cache(4096)
def _read_id(text: str) -> GlobalId | None:
    """Remembered: the shape of a variable asks, and then its value."""
    try:
        type_name, row_id = base64.b64decode(text, validate=True).decode().split(":")
        return GlobalId(type_name, UUID(row_id))
    except (ValueError, binascii.Error):
        return None


def write_id(type_name: str, row_id: UUID) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{type_name}:{row_id}".encode()).decode())


def id_type(text: str) -> str:
    """The type a global id names, if there is such a type, else the empty string."""
    found = read_id(text)
    return found.type_name if found and found.type_name in KNOWN_TYPES else ""


def id_of(value: Any) -> GlobalId | None:
    """A global id as a read gets it: known, or the symbol of a variable."""
    return value if isinstance(value, GlobalId) else read_id(value)


def key(id: Any, model: type) -> Any:
    """The row's key if the global id is one of this model, else None, which no row equals."""
    found = id_of(id)
    return found.row_id if found and found.type_name == model.__name__ else None


def keys(ids: Sequence[Any], model: type) -> list[Any]:
    """The rows' keys of those global ids that are of this model, for `among`."""
    match ids:
        case [GlobalIds() as every]:
            get = every.texts

            def rows(actor: Actor, variables: dict[str, Any]) -> list[UUID]:
                found = (read_id(text) for text in get(actor, variables) if text is not None)
                return [each.row_id for each in found if each and each.type_name == model.__name__]

            return [symbol(ARRAY(Uuid()), rows)]
    return [row_id for row_id in (key(each, model) for each in ids if each is not None) if row_id is not None]


def among(column: Any, values: Sequence[Any]) -> ColumnElement[bool]:
    """`column in values` as one array, so that the statement does not depend on how many there are."""
    match values:
        case [BindParameter(type=ARRAY()) as every]:  # a list variable
            return cast(ColumnElement[bool], column == any_(every))
        case _ if any(map(is_symbol, values)):
            return cast(ColumnElement[bool], column == any_(array(values, type_=column.type)))
    plain = [getattr(value, "value", value) for value in values]
    return cast(ColumnElement[bool], column == any_(bindparam(None, plain, type_=ARRAY(column.type))))


# Variables --------------------------------------------------------------------------------------------------------


def shape(type_: GraphQLInputType, value: Any) -> Any:
    """What a plan must know of a variable: enum and boolean values, an id's type, what is present, what is null."""
    if value is None:
        return None
    type_ = cast(GraphQLInputType, get_nullable_type(type_))
    if type_ is GraphQLID:
        return id_type(value)
    if isinstance(type_, GraphQLEnumType) or type_ is GraphQLBoolean:
        return value
    if isinstance(type_, GraphQLInputObjectType):
        return tuple((name, shape(type_.fields[name].type, each)) for name, each in value.items())
    if isinstance(type_, GraphQLList):
        return _shape_of_list(cast(GraphQLInputType, get_nullable_type(type_.of_type)), value)
    return "$"


def _shape_of_list(item: GraphQLInputType, values: list[Any]) -> Any:
    if item is GraphQLID:
        return tuple(sorted({id_type(each) for each in values if each is not None}))
    if isinstance(item, GraphQLEnumType | GraphQLInputObjectType | GraphQLList) or item is GraphQLBoolean:
        return tuple(shape(item, each) for each in values) if len(values) <= FEW else f"more than {FEW}"
    return "$"


def symbolic(type_: GraphQLInputType, value: Any, get: Getter) -> Any:
    """The variable's value with a symbol for each part that its shape leaves open."""
    type_ = cast(GraphQLInputType, get_nullable_type(type_))
    if value is None or isinstance(type_, GraphQLEnumType) or type_ is GraphQLBoolean:
        return value
    if isinstance(type_, GraphQLInputObjectType):
        return {name: symbolic(type_.fields[name].type, each, _item(get, name)) for name, each in value.items()}
    if type_ is GraphQLID:
        found = id_type(value)
        return (
            GlobalId(found, symbol(Uuid(), lambda a, vs: cast(GlobalId, read_id(get(a, vs))).row_id))
            if found
            else GlobalId("", None)
        )
    if isinstance(type_, GraphQLList):
        return _symbolic_list(cast(GraphQLInputType, get_nullable_type(type_.of_type)), value, get)
    stored = STORED.get(getattr(type_, "name", ""))
    if stored is None:
        raise NotFused(f"a variable of type {type_}")
    return symbol(stored, get)


def _symbolic_list(item: GraphQLInputType, values: list[Any], get: Getter) -> list[Any]:
    if item is GraphQLID:
        return [GlobalIds(_shape_of_list(item, values), get)]  # one item: Strawberry copies lists with list(value)
    stored = STORED.get(getattr(item, "name", ""))
    if stored is not None and item is not GraphQLBoolean:
        return [symbol(ARRAY(stored), get)]
    if len(values) > FEW:
        raise NotFused(f"a list of more than {FEW} values that are part of the plan")
    return [symbolic(item, each, _item(get, at)) for at, each in enumerate(values)]


def _item(get: Getter, step: str | int) -> Getter:
    return lambda actor, variables: get(actor, variables)[step]


def ids_and_types(ids: Sequence[Any]) -> tuple[list[str], BindParameter[Any] | None, Any, Any]:
    """A list of global ids for one `unnest`: its types, the check of its length, the rows' keys, the types per row."""
    match ids:
        case [GlobalIds() as every]:
            get = every.texts

            def texts(actor: Actor, variables: dict[str, Any]) -> list[Any]:
                found = cast(list[Any], get(actor, variables))
                if len(found) > NODES:
                    raise BadInput(f"At most {NODES} ids at once.")
                return found

            rows = symbol(
                ARRAY(_ONE), lambda a, vs: [(read_id(text) or GlobalId("", None)).row_id for text in texts(a, vs)]
            )
            types = symbol(ARRAY(Text()), lambda a, vs: [id_type(text) for text in texts(a, vs)])
            return [name for name in every.type_names if name], rows, rows, types
    if len(ids) > NODES:
        raise BadInput(f"At most {NODES} ids at once.")
    found = [id_of(each) or GlobalId("", None) for each in ids]
    constant = ARRAY(Text())
    names = [each.type_name if each.type_name in KNOWN_TYPES else "" for each in found]
    rows_of = [each.row_id for each in found]
    if any(map(is_symbol, rows_of)):
        row_array: Any = array(
            [each if is_symbol(each) else bindparam(None, each, type_=Uuid()) for each in rows_of], type_=_ONE
        )
    else:
        row_array = bindparam(None, rows_of, type_=ARRAY(Uuid()))
    return sorted({name for name in names if name}), None, row_array, bindparam(None, names, type_=constant)
