"""The gate of a field is asked before its arguments are looked at: who may not ask learns nothing from them."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema

from .notes import GATE, REFUSED, guards_of, note_of
from .witness import named

DONE = "gate"


def gates_first(schema: GraphQLSchema) -> None:
    """Put each gate in front of its field's resolver, which converts the arguments first. A second call changes nothing.

    What a gate or a guard refuses says which field it was, for the record of refusals.
    """
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_ is schema.subscription_type:
            continue
        for name, field in type_.fields.items():
            declared = field.extensions.get("strawberry-definition")
            if declared is None or field.resolve is None or DONE in field.extensions:
                continue
            note = note_of(declared)
            gate = declared.metadata.get(GATE) or getattr(note, "gate", None)
            if gate is not None:
                field.resolve = _behind(gate, declared.metadata.get(REFUSED), field.resolve)
            if gate is not None or any(guards_of(note)):
                field.resolve = _saying(named(schema, type_, name), field.resolve)
                field.extensions[DONE] = gate


def _behind(gate: Any, refused: Any, resolve: Callable[..., Any]) -> Callable[..., Any]:
    async def refuse(context: Any) -> None:
        await refused(context)
        error = gate.refusal()
        error.asks = ""  # it is written down already
        raise error

    def asked(source: Any, info: Any, **arguments: Any) -> Any:
        if gate.admits(info.context.actor.facts):
            return resolve(source, info, **arguments)
        if refused is not None:
            return refuse(info.context)
        raise gate.refusal()

    return asked


def _saying(field: str, resolve: Callable[..., Any]) -> Callable[..., Any]:
    def said(error: Exception) -> None:
        if hasattr(error, "asks") and not hasattr(error, "refused_at"):
            error.refused_at = field  # type: ignore[attr-defined]

    async def later(found: Awaitable[Any]) -> Any:
        try:
            return await found
        except Exception as error:
            said(error)
            raise

    def saying(source: Any, info: Any, **arguments: Any) -> Any:
        try:
            found = resolve(source, info, **arguments)
        except Exception as error:
            said(error)
            raise
        return later(found) if inspect.isawaitable(found) else found

    return saying
