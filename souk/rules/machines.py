"""The state machines of the domain, as data: who may move what from where to where, and by which trigger.

`machines.json` is the whole table. A transition names its *permission*; who holds it is the matrix's affair, and its
`roles` are only what follows from there. Guards and effects are texts: `rules/later.py` holds what is done of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from souk.rules.errors import InvalidTransition

SYSTEM = "SYSTEM"
"""No row of the matrix: a timer, a worker, a webhook, or the consequence of another act in its transaction."""
SELF = "SELF"
"""No row of the matrix: the person who holds the token."""
UPLOADER = "UPLOADER"
"""No row of the matrix: who created the upload."""

_MUTATION = re.compile(r"([a-z][A-Za-z]*)(?:\(([A-Z_]+)\))?")


@dataclass(frozen=True, slots=True)
class Trigger:
    """A mutation (with its action where it has one), or an event, which is SYSTEM's. Exactly one of the two is set."""

    mutation: str | None = None
    action: str | None = None
    event: str | None = None

    def __str__(self) -> str:
        if self.event is not None:
            return f"({self.event})"
        return f"{self.mutation}({self.action})" if self.action else str(self.mutation)

    @classmethod
    def parse(cls, text: str) -> Trigger:
        """`listingSubmit`, `listingModerate(APPROVE)` or `(expiresAt)`."""
        if text.startswith("(") and text.endswith(")"):
            return cls(event=text[1:-1])
        match = _MUTATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is neither a mutation nor an event")
        return cls(mutation=match[1], action=match[2])


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of a machine's table; `guard` and `effect` are its sentences."""

    from_: str
    to: str
    triggers: tuple[Trigger, ...]
    permission: str
    roles: tuple[str, ...]
    guard: str
    effect: str

    @property
    def trigger(self) -> str:
        """All triggers as the table spells them."""
        return " / ".join(map(str, self.triggers))

    @property
    def mutations(self) -> tuple[Trigger, ...]:
        """What a person may pull."""
        return tuple(trigger for trigger in self.triggers if trigger.mutation)

    def has(self, *, mutation: str | None = None, action: str | None = None, event: str | None = None) -> bool:
        """Whether one of its triggers is the one described; an action left out stands for any."""
        if event is not None:
            return any(trigger.event == event for trigger in self.triggers)
        return any(
            trigger.mutation is not None
            and (mutation is None or trigger.mutation == mutation)
            and (action is None or trigger.action == action)
            for trigger in self.triggers
        )


@dataclass(frozen=True, slots=True)
class Machine:
    """The states of one type and the ways between them, in the order of the table."""

    name: str
    initial: tuple[str, ...]
    terminal: tuple[str, ...]
    rows: tuple[Transition, ...]
    _ways: dict[tuple[str | None, ...], Transition] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def states(self) -> tuple[str, ...]:
        """Every state, initial ones first, then as the table names them."""
        return tuple(dict.fromkeys((*self.initial, *(s for row in self.rows for s in (row.from_, row.to)))))

    def transitions(self, from_: str) -> tuple[Transition, ...]:
        return tuple(row for row in self.rows if row.from_ == from_)

    def to(self, from_: str, to: str) -> tuple[Transition, ...]:
        """The rows from one state to another: several where several permissions or events lead there."""
        return tuple(row for row in self.rows if row.from_ == from_ and row.to == to)

    def for_person(self, from_: str) -> tuple[Transition, ...]:
        """What a person may trigger from here, were the guards met: for `availableTransitions`."""
        return tuple(row for row in self.transitions(from_) if row.mutations)

    def allowed(self, from_: str) -> tuple[str, ...]:
        """Where a person may lead it from here; the facts of `InvalidTransition`."""
        return tuple(dict.fromkeys(row.to for row in self.for_person(from_)))

    def permissions(self, mutation: str, action: str | None = None) -> tuple[str, ...]:
        """The matrix rows that guard a mutation, or one action of it."""
        return tuple(dict.fromkeys(row.permission for row in self.rows if row.has(mutation=mutation, action=action)))

    def permission(self, from_: str, to: str, mutation: str, action: str | None = None) -> tuple[str, ...]:
        """The matrix rows of which a caller needs one to go this way by this mutation; empty: nobody goes."""
        ways = (row for row in self.to(from_, to) if row.has(mutation=mutation, action=action))
        return tuple(dict.fromkeys(row.permission for row in ways))

    def check(
        self,
        from_: str,
        to: str,
        *,
        mutation: str | None = None,
        action: str | None = None,
        event: str | None = None,
        permission: str | None = None,
    ) -> Transition:
        """The row that leads there by this trigger. Raises InvalidTransition with what a person might do instead.

        Where a mutation leads the same way under two permissions (a party's and staff's), name the one held.
        """
        asked = (from_, to, mutation, action, event, permission)
        if asked in self._ways:  # a batch asks the same of each of its thousands
            return self._ways[asked]
        for row in self.to(from_, to):
            if row.has(mutation=mutation, action=action, event=event) and permission in (None, row.permission):
                self._ways[asked] = row
                return row
        raise InvalidTransition(from_, to, self.allowed(from_))


@cache
def machines() -> Mapping[str, Machine]:
    """All machines by name."""
    table = json.loads(files("souk.rules").joinpath("machines.json").read_text(encoding="utf-8"))
    return {name: _machine(name, entry) for name, entry in table.items()}


def machine(name: str) -> Machine:
    """The machine of a type, as `DealerStanding` or `Offer`. Raises KeyError."""
    return machines()[name]


def states(name: str) -> tuple[str, ...]:
    """Every state of a machine; the schema's enum and the table's CHECK are made of it."""
    return machine(name).states


def check(
    name: str,
    from_: str,
    to: str,
    *,
    mutation: str | None = None,
    action: str | None = None,
    event: str | None = None,
    permission: str | None = None,
) -> Transition:
    """`Machine.check` by the machine's name."""
    return machine(name).check(from_, to, mutation=mutation, action=action, event=event, permission=permission)


def for_person(name: str, from_: str) -> tuple[Transition, ...]:
    """`Machine.for_person` by the machine's name."""
    return machine(name).for_person(from_)


def _machine(name: str, entry: Mapping[str, list[str]] | Mapping[str, list[dict[str, object]]]) -> Machine:
    return Machine(
        name,
        tuple(str(state) for state in entry["initial"]),
        tuple(str(state) for state in entry["terminal"]),
        tuple(_transition(row) for row in entry["transitions"] if isinstance(row, dict)),
    )


def _transition(row: Mapping[str, object]) -> Transition:
    roles = row["roles"]
    return Transition(
        from_=str(row["from"]),
        to=str(row["to"]),
        triggers=tuple(Trigger.parse(part) for part in str(row["trigger"]).split(" / ")),
        permission=str(row["permission"]),
        roles=tuple(map(str, roles)) if isinstance(roles, list) else (),
        guard=str(row["guard"]),
        effect=str(row["effect"]),
    )
