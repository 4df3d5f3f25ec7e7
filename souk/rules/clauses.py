"""The guards and effects of the machines, clause by clause, and who does each.

A text such as "dealer in order; reason" is two clauses. A clause is done where code says so, beside that code:

    @implements("Listing", ("DRAFT", "EXPIRED"), "PENDING_REVIEW", guard="dealer in order")
    def submit(...): ...

    implements("Listing", "ACTIVE", "PAUSED", effect="open offers stay")         # or as a plain call

or it stands in `rules/later.py`. `tests/rules/test_later.py` imports everything and holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeVar

from souk.rules.machines import Machine, Transition, machine, machines

Side = Literal["guard", "effect"]
_SIDES: tuple[Side, ...] = ("guard", "effect")
F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True, order=True)
class Clause:
    """One condition or consequence of one row; `trigger` tells apart rows between the same two states."""

    machine: str
    from_: str
    to: str
    trigger: str
    side: Side
    text: str

    def __str__(self) -> str:
        return f"{self.machine} {self.from_} → {self.to} [{self.trigger}] {self.side}: {self.text}"


# Sentences that say two things which different code does.
_TWO_IN_ONE: dict[str, tuple[str, ...]] = {
    "dealer in order, no LISTING_RESUME restriction": ("dealer in order", "no LISTING_RESUME restriction"),
    "dealer eligible, no LEAD_UNLOCK restriction": ("dealer eligible", "no LEAD_UNLOCK restriction"),
    "staff, with reason": ("staff", "with reason"),
    "one transaction: Deal with frozen commission and VAT": ("one transaction: Deal", "frozen commission and VAT"),
    "listing RESERVED when its capacity is used up, siblings then SUPERSEDED": (
        "listing RESERVED when its capacity is used up",
        "siblings then SUPERSEDED",
    ),
    "cycle + 1, next step of the ladder": ("cycle + 1", "next step of the ladder"),
    "backoff 10·2ⁿ s, full jitter": ("backoff 10·2ⁿ s", "full jitter"),
}

# Sentences that point at another row: at the nearest above that leads to the same state and has a text on that side
# (else the nearest that has one), or at a mutation's row.
_ABOVE = re.compile(r"(?:same|as above)(?: \((?P<but>.*)\)|, (?P<and>.*))?")
_AS = re.compile(r"as (?P<mutation>[a-z]+[A-Z][A-Za-z]*)")


@cache
def clauses(name: str) -> tuple[Clause, ...]:
    """Every clause of a machine, in the order of its table, references followed."""
    return tuple(_of_machine(machine(name)))


@cache
def all_clauses() -> frozenset[Clause]:
    """Every clause of every machine."""
    return frozenset(clause for name in machines() for clause in clauses(name))


def _of_machine(m: Machine) -> Iterator[Clause]:
    above: dict[tuple[Side, str], tuple[str, ...]] = {}
    for row in m.rows:
        for side in _SIDES:
            pointed = above.get((side, row.to)) or above.get((side, ""), ())
            texts = tuple(_texts(m, row, side, pointed))
            if texts:
                above[side, row.to] = above[side, ""] = texts
            for text in dict.fromkeys(texts):
                yield Clause(m.name, row.from_, row.to, row.trigger, side, text)


def _texts(m: Machine, row: Transition, side: Side, above: tuple[str, ...]) -> Iterator[str]:
    for part in filter(None, (row.guard if side == "guard" else row.effect).split("; ")):
        if pointer := _ABOVE.fullmatch(part):
            yield from above
            yield from filter(None, (pointer["but"], pointer["and"]))
        elif pointer := _AS.fullmatch(part):
            other = next(r for r in m.rows if r.has(mutation=pointer["mutation"]))
            yield from _texts(m, other, side, ())
        else:
            yield from _TWO_IN_ONE.get(part, (part,))


DONE: dict[Clause, str] = {}
"""What is done → the module that said so. Filled by `implements` when modules are imported."""


def find(
    name: str, from_: str | tuple[str, ...], to: str, side: Side, text: str, trigger: str | None = None
) -> tuple[Clause, ...]:
    """The clauses meant; `from_` "*" is any state, `trigger` narrows to rows with that mutation or (event).

    Raises LookupError when there are none, so that nobody claims what the table does not ask.
    """
    from_states = (from_,) if isinstance(from_, str) else from_
    found = tuple(
        clause
        for clause in clauses(name)
        if (clause.from_ in from_states or from_states == ("*",))
        and to in (clause.to, "*")
        and clause.side == side
        and clause.text == text
        and (trigger is None or trigger in clause.trigger.split(" / "))
    )
    missing = set(from_states) - {"*"} - {clause.from_ for clause in found}
    if missing or not found:
        raise LookupError(f"{name} {from_} → {to} has no {side} {text!r}")
    return found


def implements(
    name: str,
    from_: str | tuple[str, ...],
    to: str,
    *,
    guard: str | tuple[str, ...] = (),
    effect: str | tuple[str, ...] = (),
    trigger: str | None = None,
    by: str | None = None,
) -> Callable[[F], F]:
    """Declare, next to the code that does it, clauses of a machine as done. A decorator, or a plain call.

    `by` names the module where it is called plainly; a decorator knows its function's. Raises LookupError.
    """
    found = [
        clause
        for side, texts in zip(_SIDES, (guard, effect))
        for text in ((texts,) if isinstance(texts, str) else texts)
        for clause in find(name, from_, to, side, text, trigger)
    ]
    for clause in found:
        DONE[clause] = by or DONE.get(clause, "")

    def note(function: F) -> F:
        for clause in found:
            DONE[clause] = f"{function.__module__}.{function.__qualname__}"
        return function

    return note
