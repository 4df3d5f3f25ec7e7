"""Break one thing at a time; the differential test must notice. `python -m tests.engine.mutants`, or through test_mutants."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import true

from souk.engine import answer, fuse, leaves, pages, paging, wire

from . import permissions

Undo = Callable[[], None]


def swap(owner: Any, name: Any, value: Any) -> Undo:
    """Put something wrong in its place; calling what it returns puts it right again."""
    if isinstance(owner, dict):
        old = owner[name]
        owner[name] = value
        return lambda: owner.__setitem__(name, old)
    old = getattr(owner, name)
    setattr(owner, name, value)
    return lambda: setattr(owner, name, old)


_TIME = next(each for each in wire._WRITERS if each[0] == "DateTime")
MUTANTS: dict[str, Callable[[], Undo]] = {
    "times with +00:00": lambda: swap(wire._WRITERS, _TIME, ("to_json({0})",)),
    "contact always open": lambda: swap(permissions.OpensContact, "rows", lambda self, viewer: true()),
    "a guard forgotten": lambda: swap(
        fuse.Fuser, "guarded", lambda self, guard, scope, fields, nullable, write: list(write())
    ),
    "counts capped too early": lambda: swap(pages, "COUNTED", 3),
    "cursor without its order": lambda: swap(
        paging.Order, "cursor_in_sql", lambda self, alias: f"encode(uuid_send({alias}.id), 'base64')"
    ),
    "documents without nulls": lambda: swap(leaves, "_typed", lambda document, kind, nullable, pieces: pieces),
    "free json as jsonb writes it": lambda: swap(leaves, "needs_writing_again", lambda type_: False),
    "the gate left open": lambda: swap(permissions.MayAsk, "admits", Alternating()),
    "refusals without their path": lambda: swap(
        answer, "_with_refusals", lambda text, refusals, request_id: text.replace(b"\x02", b"")
    ),
}


class Alternating:
    """A gate that is open on the compiled road only: the first to ask is the plan."""

    def __get__(self, gate: Any, owner: Any) -> Any:
        def admits(facts: Any) -> bool:
            gate.asked = not getattr(gate, "asked", False)
            return gate.asked or facts.role in gate.roles

        return admits
