"""`availableTransitions`: what a person may trigger from the state a row is in, for the viewer.

    available_transitions: list[Transition] = transitions(
        "Listing", {"listing:write": WritesListing(), "listing:moderate": ModeratesListing()}
    )

The list follows from the machine's table; whether each is allowed, from the permission of its row of the matrix, and from
guards that a domain can spell cheaply beside the row (`unless`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any, NamedTuple

import orjson
import strawberry
from sqlalchemy import ColumnElement, case, false, func, literal_column, or_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import False_, True_

from ..engine.declare import documents
from ..engine.guards import Guard
from ..engine.sql import quoted
from ..rules.later import pullable
from ..rules.machines import machine


@strawberry.type(description="A step that a person may trigger from the state a thing is in.")
class Transition:
    to: str = strawberry.field(description="The state it leads to.")
    mutation: str = strawberry.field(description="The mutation that triggers it.")
    allowed: bool = strawberry.field(
        description="Whether the viewer may, as far as can be told beforehand; the mutation may still find a guard unmet."
    )
    reason: str | None = strawberry.field(description="Why the viewer may not; null when it is allowed.")


@dataclass(frozen=True)
class Unless:
    """A guard of the row itself: `met(viewer, row)` in SQL beside the row, and why not where it is not met."""

    met: Callable[[Any, Any], ColumnElement[bool]]
    reason: str


class Way(NamedTuple):
    """One entry of the list: a state, a mutation, and the rows of the matrix of which one is enough."""

    to: str
    mutation: str
    permissions: tuple[str, ...]


@cache
def ways(name: str, from_: str) -> tuple[Way, ...]:
    """What a person may trigger from a state, in the order of the table; only what exists by now."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for row in machine(name).for_person(from_):
        for trigger in row.mutations:
            if trigger.mutation and pullable(name, trigger):
                found.setdefault((row.to, trigger.mutation), {})[row.permission] = None
    return tuple(Way(to, mutation, tuple(permissions)) for (to, mutation), permissions in found.items())


Made = Callable[[Any, Any], ColumnElement[Any]]


def transitions(
    name: str,
    permissions: Mapping[str, Guard],
    *,
    column: str = "status",
    unless: Mapping[str, Unless] | None = None,
    permission: Guard | None = None,
) -> Any:
    """The field, for a type with one machine; the arguments are those of `steps`. With a `permission` it is nullable."""
    return joined(steps(name, permissions, column=column, unless=unless), permission=permission)


def joined(*made: Made, permission: Guard | None = None) -> Any:
    """The field, for a type with several machines: their steps one after the other."""

    def sql(viewer: Any, row: Any) -> ColumnElement[Any]:
        return reduce(lambda before, after: before.op("||")(after), (each(viewer, row) for each in made))

    return documents(sql=sql, permission=permission, description="What a person may trigger from here.")


def steps(
    name: str, permissions: Mapping[str, Guard], *, column: str = "status", unless: Mapping[str, Unless] | None = None
) -> Made:
    """The list of one machine, in SQL. `column` holds the state; `unless` is keyed by mutation.

    `permissions` holds one for each row of the matrix that the machine names. Raises TypeError when one is missing.
    """
    states = {state: found for state in machine(name).states if (found := ways(name, state))}
    missing = {each for found in states.values() for way in found for each in way.permissions} - set(permissions)
    if missing:
        raise TypeError(f"The transitions of {name} need {sorted(missing)}.")

    def made(viewer: Any, row: Any) -> ColumnElement[Any]:
        allowed = {each: guard.rows(viewer) for each, guard in permissions.items()}

        def item(way: Way) -> ColumnElement[Any]:
            refused = document(way, permissions[way.permissions[0]].refusal().message)
            rule: Any = or_(false(), *(allowed[each] for each in way.permissions))
            if isinstance(rule, False_):
                return refused
            held, guard = document(way, None), (unless or {}).get(way.mutation)
            if guard is not None:
                held = case((guard.met(viewer, row), held), else_=document(way, guard.reason))
            return held if isinstance(rule, True_) else case((rule, held), else_=refused)

        state = getattr(row, column)
        lists = [
            (state == each, func.jsonb_build_array(*map(item, found), type_=JSONB())) for each, found in states.items()
        ]
        return case(*lists, else_=EMPTY) if lists else EMPTY

    return made


def document(way: Way, reason: str | None) -> ColumnElement[Any]:
    """One entry as a constant."""
    text = orjson.dumps({"to": way.to, "mutation": way.mutation, "allowed": reason is None, "reason": reason}).decode()
    return literal_column(f"{quoted(text)}::jsonb", JSONB())


EMPTY: ColumnElement[Any] = literal_column("'[]'::jsonb", JSONB())
