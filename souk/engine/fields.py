"""The words a type is declared with. Each makes a Strawberry field and leaves a note of what it means for the compiler."""

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import orjson
import strawberry

from ..context import Info
from .arguments import with_arguments_of
from .guards import Gate, Guard
from .notes import (
    GATE,
    NOTE,
    WEIGHT,
    By,
    Column,
    Computed,
    Documents,
    Either,
    Embedded,
    Many,
    One,
    Read,
    Reference,
    Rows,
    Sealed,
    Totals,
    Value,
    Variants,
    name_of,
)
from .rows import Shown, bare, wrapped
from .views import referred, view_of


def field(note: Any, resolver: Callable[..., Any], description: str | None, weight: int = 0, **more: Any) -> Any:
    """`weight`: the points it costs besides those of its rows (`engine.cost`), each time it is asked."""
    known = {NOTE: note, GATE: getattr(note, "gate", None), WEIGHT: weight}
    return strawberry.field(resolver=resolver, metadata=known, description=description, **more)


def admit(gate: Gate | None, info: Info) -> None:
    if gate is not None and not gate.admits(info.context.actor.facts):
        raise gate.refusal()


def _guarded(guard: Guard | None, root: Any, info: Info, show: Callable[[], Any]) -> Any:
    """What `show` gives, once the guard allows it; awaitable when only SQL knows."""
    if guard is None:
        return show()
    if guard.in_python:
        guard.require(info.context.actor, bare(root))
        return show()
    return _guarded_later(guard, root, info, show)


async def _guarded_later(guard: Guard, root: Any, info: Info, show: Callable[[], Any]) -> Any:
    if not await info.context.reads.allowed(guard, root):
        raise guard.refusal()
    found = show()
    return await found if inspect.isawaitable(found) else found


# One row ----------------------------------------------------------------------------------------------------------


def column(name: str, permission: Guard | None = None, *, description: str | None = None) -> Any:
    """A column under another name, or one that needs permission (then the field is nullable)."""

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: getattr(root, name))

    return field(Column(name, permission), resolve, description)


def value(permission: Guard | None = None, /, *, description: str | None = None, **names: str) -> Any:
    """An object made of several columns, like Money; null when the first of them is. `field="column"`."""

    def show(root: Any) -> Any:
        parts = {part: getattr(root, name) for part, name in names.items()}
        return None if next(iter(parts.values())) is None else SimpleNamespace(**parts)

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: show(root))

    return field(Value(names, permission), resolve, description)


def totals(name: str, permission: Guard | None = None, *, description: str | None = None) -> Any:
    """A list of Money from a jsonb `{currency: minor}`, one per currency, by currency."""

    def show(root: Any) -> Any:
        sums: dict[str, int] | None = getattr(root, name)
        return None if sums is None else [SimpleNamespace(currency=code, minor=sums[code]) for code in sorted(sums)]

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: show(root))

    return field(Totals(name, permission), resolve, description)


def embedded(name: str, permission: Guard | None = None, *, description: str | None = None) -> Any:
    """An object, or a list of objects, kept as a jsonb document in the row.

    The annotation says which. Its fields are the document's keys: the Python name, or `column("key")`. Scalars are String, Int,
    Boolean, BigInt, DateTime and Date (as text), enums, Money (`{minor, currency}`), lists of texts, and further objects.
    """

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: wrapped(getattr(root, name)))

    return field(Embedded(name, permission), resolve, description)


def sealed(name: str, permission: Guard, *, description: str | None = None) -> Any:
    """A text kept as ciphertext (LargeBinary); opened in Python, only for those who may. Nullable."""

    def show(root: Any, info: Info) -> Any:
        data = getattr(root, name)
        return None if data is None else info.context.reads.opened(root, name, data)

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: show(root, info))

    return field(Sealed(name, permission), resolve, description)


def computed(
    *,
    sql: Callable[..., Any],
    python: Callable[..., Any] | None = None,
    permission: Guard | None = None,
    of: tuple[str, ...] = (),
    description: str | None = None,
) -> Any:
    """A value made from the row: `sql(row)` beside the row's own table (or a constant), `python(row)` the same in Python.

    Both may take the actor first: `sql(viewer, row)`, `python(actor, row)`. Without `python` the batched road asks SQL, one
    statement for all rows; so a count or an EXISTS over another table is written once. `of` names the columns without which
    there is no value; said of one that is never null, nothing has to be looked at.
    """
    in_sql, in_python = _with_actor(sql), _with_actor(python) if python else None

    def show(root: Any, info: Info) -> Any:
        return in_python(info.context.actor, root) if in_python else info.context.reads.expression(in_sql, root)

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: show(root, info))

    return field(Computed(in_sql, in_python, permission, of), resolve, description)


def documents(*, sql: Callable[..., Any], permission: Guard | None = None, description: str | None = None) -> Any:
    """An object, or a list of objects, made from the row: `sql(row)` or `sql(viewer, row)` is a jsonb expression beside it.

    The annotation says which; the fields of the object are the document's keys, as with `embedded`. There is one spelling:
    the batched road asks the same SQL, one statement for all rows.
    """
    in_sql = _with_actor(sql)

    async def show(root: Any, info: Info) -> Any:
        found = await info.context.reads.expression(in_sql, root)
        return wrapped(orjson.loads(found) if isinstance(found, str) else found)

    def resolve(root: Any, info: Info) -> Any:
        return _guarded(permission, root, info, lambda: show(root, info))

    return field(Documents(in_sql, permission), resolve, description)


def _with_actor(function: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return function if len(inspect.signature(function).parameters) == 2 else lambda _, row: function(row)


def either(*cases: Any, otherwise: type | str | None = None, description: str | None = None) -> Any:
    """The same row, shown by the first case that allows it: `either(Opens(), Open, Locked)`, or
    `either((Opens(), Open), (Knows(), Half), otherwise=Locked)`."""
    if otherwise is None:
        guard, shown, redacted = cases
        pairs: list[tuple[Guard | None, str]] = [(guard, name_of(shown)), (None, name_of(redacted))]
    else:
        pairs = [*((guard, name_of(shown)) for guard, shown in cases), (None, name_of(otherwise))]

    async def resolve_later(root: Any, info: Info) -> Any:
        for guard, name in pairs:
            allowed = guard is None or info.context.reads.allowed(guard, root)
            if (await allowed) if inspect.isawaitable(allowed) else allowed:
                return Shown(bare(root), name)
        return None

    def resolve(root: Any, info: Info) -> Any:
        if any(guard is not None and not guard.in_python for guard, _ in pairs):
            return resolve_later(root, info)
        return Shown(
            bare(root),
            next(name for guard, name in pairs if guard is None or guard.allows(info.context.actor, bare(root))),
        )

    return field(Either(tuple(pairs)), resolve, description)


def variants(column: str, types: Mapping[str, type | str], *, description: str | None = None) -> Any:
    """The same row, shown as the type that a text column names: `variants("kind", {"VEHICLE": VehicleDetail, …})`."""
    by = By(column, {value: name_of(each) for value, each in types.items()})

    def resolve(root: Any) -> Any:
        as_type = by.type_of(root)
        return Shown(bare(root), as_type) if as_type else None

    return field(Variants(by), resolve, description)


def reference(
    type_column: str, id_column: str, types: Mapping[str, type | str], *, description: str | None = None
) -> Any:
    """Another row, whose type is in one column and whose id in another; read through that type's own `node`. Nullable."""
    named = {value: name_of(each) for value, each in types.items()}

    async def read(root: Any, info: Info, name: str) -> Any:
        view = view_of(info._raw_info.schema, name)
        if view is None or view.node is None:
            raise TypeError(f"{name} cannot be read by its id.")
        row = await info.context.reads.one(referred(view, id_column), {}, root)
        return None if row is None else Shown(row, name)

    def resolve(root: Any, info: Info) -> Any:
        name = named.get(str(getattr(root, type_column)))
        return read(root, info, name) if name and getattr(root, id_column) is not None else None

    return field(Reference(type_column, id_column, named), resolve, description)


# Reads ------------------------------------------------------------------------------------------------------------


def to_one(
    read: Read, *, gate: Gate | None = None, variants: By | None = None, weight: int = 0, description: str | None = None
) -> Any:
    """One other row: `read(viewer, row, …)`."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        return info.context.reads.one(read, arguments, root, variants)

    return field(
        One(read, gate, variants), with_arguments_of(read, resolve, skip=2), description or inspect.getdoc(read), weight
    )


def to_many(
    read: Read, *, gate: Gate | None = None, variants: By | None = None, weight: int = 0, description: str | None = None
) -> Any:
    """A page of other rows: `read(viewer, row, …)` in its order."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        return info.context.reads.many(read, arguments, root, variants)

    return field(
        Many(read, gate, variants),
        with_arguments_of(read, resolve, skip=2, paged=True),
        description or inspect.getdoc(read),
        weight,
    )


def to_list(
    read: Read,
    limit: int = 100,
    *,
    gate: Gate | None = None,
    variants: By | None = None,
    weight: int = 0,
    description: str | None = None,
) -> Any:
    """A small list of other rows without pages: the first `limit` of `read(viewer, row, …)` in its order."""

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        admit(gate, info)
        return info.context.reads.rows(read, arguments, limit, root, variants)

    return field(
        Rows(read, gate, variants, limit),
        with_arguments_of(read, resolve, skip=2),
        description or inspect.getdoc(read),
        weight,
    )
