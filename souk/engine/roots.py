"""The words of the roots: what a client can ask for, change, and follow. Each names who may ask at all."""

import inspect
import typing
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import strawberry
from graphql import get_named_type
from sqlalchemy import Uuid

from ..context import Info
from .arguments import described, with_arguments_of
from .errors import BadUserInput
from .fields import admit, field
from .guards import Gate
from .notes import (
    GATE,
    NOTE,
    REFUSED,
    WEIGHT,
    By,
    Constant,
    Many,
    NodeById,
    NodesByIds,
    One,
    Payload,
    Read,
    Rows,
    Stream,
)
from .rows import Shown, named_rows
from .symbols import NODES, read_id
from .views import Ungated, View, referred, view_of

EVENTS = 256  # rows of one reading of a stream
_KEYED = named_rows(("id", Uuid()))


def one(read: Read, *, gate: Gate, variants: By | None = None, weight: int = 0, description: str | None = None) -> Any:
    """A root field: one row of `read(viewer, …)`. Nullable."""

    def resolve(info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        return info.context.reads.one(read, arguments, None, variants)

    return field(
        One(read, gate, variants), with_arguments_of(read, resolve, skip=1), description or inspect.getdoc(read), weight
    )


def many(read: Read, *, gate: Gate, variants: By | None = None, weight: int = 0, description: str | None = None) -> Any:
    """A root field: a page of `read(viewer, …)` in its order. Nullable."""

    def resolve(info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        return info.context.reads.many(read, arguments, None, variants)

    return field(
        Many(read, gate, variants),
        with_arguments_of(read, resolve, skip=1, paged=True),
        description or inspect.getdoc(read),
        weight,
    )


def some(
    read: Read,
    limit: int = 100,
    *,
    gate: Gate,
    variants: By | None = None,
    weight: int = 0,
    description: str | None = None,
) -> Any:
    """A root field: the first `limit` rows of `read(viewer, …)`, a plain list. Nullable."""

    def resolve(info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        return info.context.reads.rows(read, arguments, limit, None, variants)

    return field(
        Rows(read, gate, variants, limit),
        with_arguments_of(read, resolve, skip=1),
        description or inspect.getdoc(read),
        weight,
    )


def node_by_id(*, description: str = "Anything by its global id; null when it is not visible.") -> Any:
    """The root field `node(id:)`. It goes through the read and the gate of the type in the id."""

    def resolve(root: Any, info: Info, id: strawberry.ID) -> Any:
        found = read_id(id)
        target = view_of(info._raw_info.schema, found.type_name) if found else None
        if found is None or target is None or target.node is None:
            return None
        if not isinstance(root, Ungated):
            admit(target.gate, info)
        return _node(info, target, found.row_id)

    return field(NodeById(), with_arguments_of(None, resolve), description)


async def _node(info: Info, target: View, row_id: Any) -> Any:
    row = await info.context.reads.one(referred(target, "id"), {}, _KEYED((row_id,)))
    return None if row is None else Shown(row, target.name)


def nodes_by_ids(
    *, description: str = f"Up to {NODES} rows by their global ids, in their order; null for what is not visible."
) -> Any:
    """The root field `nodes(ids:)`."""

    def resolve(info: Info, ids: list[strawberry.ID]) -> Any:
        if len(ids) > NODES:
            raise BadUserInput(f"At most {NODES} ids at once.")
        found = [read_id(each) for each in ids]
        targets = [view_of(info._raw_info.schema, each.type_name) if each else None for each in found]
        return [
            _admitted(info, target, each.row_id) if each and target and target.node else None
            for each, target in zip(found, targets, strict=True)
        ]

    return field(NodesByIds(), with_arguments_of(None, resolve), description)


def _admitted(info: Info, target: View, row_id: Any) -> Any:
    if target.gate is not None and not target.gate.admits(info.context.actor.facts):
        return target.gate.refusal()
    return _node(info, target, row_id)


def payload_node(name: str, *, description: str | None = None) -> Any:
    """The entity of a mutation's payload, read afresh by its type's own `node` once the mutation is done. Nullable.

    The payload object carries the row's id, or the row, under `name`; None answers null.
    """

    def resolve(root: Any, info: Info) -> Any:
        found = getattr(root, name)
        if found is None:
            return None
        type_name = get_named_type(info._raw_info.return_type).name
        return info.context.reads.payload(type_name, getattr(found, "id", found), info._raw_info)

    return field(Payload(name), resolve, description)


# Plain resolvers --------------------------------------------------------------------------------------------------


def constant(function: Callable[[], Any], *, gate: Gate, description: str | None = None) -> Any:
    """A root field that is part of the program: objects of plain fields from `function()`, which nothing changes."""
    return _plain(strawberry.field, function, gate, description, note=Constant(function, gate))


def query(resolver: Callable[..., Any], *, gate: Gate, weight: int = 0, description: str | None = None) -> Any:
    """A root field that is not a read of rows: any resolver `(info, …)`; it runs on the executor."""
    return _plain(strawberry.field, resolver, gate, description, weight=weight)


Refused = Callable[[Any], Awaitable[None]]


def mutation(
    resolver: Callable[..., Any],
    *,
    gate: Gate,
    refused: Refused | None = None,
    rehearsed: bool = False,
    weight: int = 0,
    description: str | None = None,
) -> Any:
    """A mutation: `async (info, input)`; a role that may not at all gets null and FORBIDDEN before it runs.

    `refused(context)` is told of it first. `rehearsed`: it asks `context.rehearsal` and then keeps nothing; any other is
    refused in a dry run.
    """
    return _plain(strawberry.mutation, resolver, gate, description, refused, rehearsed=rehearsed, weight=weight)


def _plain(
    make: Callable[..., Any],
    resolver: Callable[..., Any],
    gate: Gate,
    description: str | None,
    refused: Refused | None = None,
    *,
    note: Constant | None = None,
    rehearsed: bool = False,
    weight: int = 0,
) -> Any:
    own, takes_info = _signature(resolver)

    def resolve(info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        if not rehearsed and getattr(info.context, "rehearsal", None) is not None:
            raise BadUserInput("This mutation has no dry run.")
        return resolver(info=info, **arguments) if takes_info else resolver(**arguments)

    resolve.__signature__ = own  # type: ignore[attr-defined]
    return make(
        resolver=resolve,
        metadata={NOTE: note, GATE: gate, REFUSED: refused, WEIGHT: weight},
        description=description or inspect.getdoc(resolver),
    )


def _signature(resolver: Callable[..., Any]) -> tuple[inspect.Signature, bool]:
    hints = typing.get_type_hints(resolver, include_extras=True)
    given = inspect.signature(resolver).parameters
    parameters = [
        described(p.replace(annotation=hints[p.name], kind=p.KEYWORD_ONLY)) for p in given.values() if p.name != "info"
    ]
    info = inspect.Parameter("info", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
    return inspect.Signature([info, *parameters], return_annotation=hints.get("return", Any)), "info" in given


def subscription(resolver: Callable[..., AsyncIterator[Any]], *, gate: Gate, description: str | None = None) -> Any:
    """A subscription that is not a stream of event rows: `async def (info, …)` that yields."""
    own, takes_info = _signature(resolver)

    async def resolve(info: Info, **arguments: Any) -> AsyncIterator[Any]:
        admit(gate, info)
        async for event in resolver(info=info, **arguments) if takes_info else resolver(**arguments):
            yield event

    resolve.__signature__ = own  # type: ignore[attr-defined]
    return strawberry.subscription(
        resolver=resolve, metadata={NOTE: None, GATE: gate}, description=description or inspect.getdoc(resolver)
    )


def stream(
    read: Read, *, gate: Gate, seq: str = "seq", variants: By | None = None, description: str | None = None
) -> Any:
    """A subscription over event rows: `read(viewer, …, after)` gives those with `seq > after`, ascending.

    The transport follows it with `Runner.events_plan`, one statement for all subscribers who see the same.
    """

    async def resolve(info: Info, **arguments: Any) -> AsyncIterator[Any]:
        """What is there now, once: for callers without the transport, like a test of the schema."""
        admit(gate, info)
        for row in await info.context.reads.rows(read, arguments, EVENTS, None, variants):
            yield row

    note = Stream(read, gate, variants, seq)
    made = with_arguments_of(read, resolve, skip=1)
    return strawberry.subscription(
        resolver=made, metadata={NOTE: note, GATE: gate}, description=description or inspect.getdoc(read)
    )
