"""The gate of a field is asked before its arguments are looked at: who may not ask learns nothing from them."""

from collections.abc import Callable
from typing import Any

from graphql import GraphQLObjectType, GraphQLSchema

from .notes import GATE, REFUSED, note_of

DONE = "gate"


def gates_first(schema: GraphQLSchema) -> None:
    """Put each gate in front of its field's resolver, which converts the arguments first. A second call changes nothing."""
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_ is schema.subscription_type:
            continue
        for field in type_.fields.values():
            declared = field.extensions.get("strawberry-definition")
            if declared is None or field.resolve is None or DONE in field.extensions:
                continue
            gate = declared.metadata.get(GATE) or getattr(note_of(declared), "gate", None)
            if gate is not None:
                field.resolve = _behind(gate, declared.metadata.get(REFUSED), field.resolve)
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
