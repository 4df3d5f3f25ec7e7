"""What the machines ask and the code does not do yet, each with the part that will.

A part that takes up its share removes the lines here and says `implements(...)` beside its code. Nothing on this list
is faked meanwhile: the guard is not asked, the effect does not happen.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from souk.rules.clauses import Clause, clauses, find
from souk.rules.machines import Trigger, machine, machines

PARTS = ("money", "desk", "media", "operations")
"""Ledger and auctions, service desk, files and documents, running the place."""

MACHINES: dict[str, str] = {
    "Auction": "money",
    "Deal": "money",
    "Escrow": "money",
    "Payment": "money",
    "Refund": "money",
    "Payout": "money",
    "DealerSubscription": "money",
    "ReopenRequest": "desk",
    "SlaClock": "desk",
    "Attachment": "media",
    "OutboundDelivery": "operations",
    "InboundEvent": "operations",
    "DataSubjectRequest": "operations",
}
"""Machines of which no transition exists yet.

A Deal is opened by an accepted offer and waits for its payment. Until there is an escrow, its settlement is OFFLINE; until
there are rates, its VAT is 0 and no commission is frozen.
"""

TRIGGERS: dict[str, dict[str, tuple[str, ...]]] = {
    "User": {
        "operations": ("(erasure completed)",),
    },
    "DealerVerification": {"media": ("(document expiry)",)},
    "Listing": {
        "money": (
            "(auction won)",
            "(deal cancelled)",
            "(deal refunded)",
            "(deal completed)",
            "(deal settled by split)",
        ),
        "media": ("(verification EXPIRED for 14 d)",),
        "operations": ("(90 d)",),
    },
    "Lead": {"money": ("leadUnlock", "leadInvalidDecide(CONFIRM)", "(deal completed)")},
    "LeadUnlock": {"money": ("(deal completed)", "(lead INVALID)")},
    "Ticket": {
        "desk": (
            "ticketReopen",
            "(reopening approved)",
        ),
        "money": ("(dispute resolved)",),
    },
    "Batch": {
        "operations": ("(breaker open)",),
    },
}
"""Machine → part → triggers that nobody can pull yet. Where a row has no other, its clauses come with them."""


class Missing(NamedTuple):
    """One clause on rows that exist already; "*" is any state."""

    machine: str
    from_: str
    to: str
    side: str
    text: str


CLAUSES: dict[str, tuple[Missing, ...]] = {
    "money": (
        Missing("DealerStanding", "WARNED", "RESTRICTED", "effect", "entitlement snapshot override"),
        Missing("DealerStanding", "RESTRICTED", "SUSPENDED", "effect", "payouts ON_HOLD"),
        Missing("DealerStanding", "SUSPENDED", "RESTRICTED", "effect", "payouts held by that item released"),
        Missing("DealerStanding", "SUSPENDED", "TERMINATED", "guard", "no HELD or FROZEN escrow"),
        Missing("DealerStanding", "SUSPENDED", "RESTRICTED", "effect", "payouts stay ON_HOLD until released"),
        Missing("Listing", "*", "PENDING_REVIEW", "guard", "entitlement ACTIVE_LISTINGS left"),
        Missing("Listing", "PENDING_REVIEW", "ACTIVE", "effect", "usage counter +1"),
        Missing("Listing", "PAUSED", "ACTIVE", "guard", "entitlement left"),
        Missing("Listing", "ACTIVE", "*", "guard", "no LIVE auction"),
        Missing("Listing", "PAUSED", "ARCHIVED", "guard", "no auction but ended ones"),
        Missing("Listing", "ACTIVE", "SUSPENDED", "effect", "a LIVE auction CANCELLED"),
        Missing("Offer", "*", "ACCEPTED", "effect", "frozen commission and VAT"),
    ),
    "desk": (
        Missing("Ticket", "OPEN", "WAITING_ON_REQUESTER", "effect", "pausing clocks PAUSE"),
        Missing("Ticket", "WAITING_ON_REQUESTER", "OPEN", "effect", "clocks RESUME"),
        Missing("Ticket", "OPEN", "ON_HOLD", "effect", "pause if policy.pauseOn has ON_HOLD"),
        Missing("Ticket", "*", "RESOLVED", "effect", "RESOLUTION clock MET"),
        Missing("Ticket", "*", "RESOLVED", "effect", "CSAT request once"),
        Missing("Ticket", "RESOLVED", "OPEN", "guard", "reason 10–1000 characters"),
        Missing("Ticket", "RESOLVED", "OPEN", "guard", "cooldown 15 min"),
        Missing("Ticket", "RESOLVED", "OPEN", "guard", "on HIGH and CRITICAL a ReopenRequest is opened instead"),
    ),
    "media": (
        Missing("DealerVerification", "UNVERIFIED", "PENDING", "guard", "required documents CLEAN"),
        Missing("Listing", "*", "PENDING_REVIEW", "guard", "≥ 1 CLEAN media (an import brings none)"),
    ),
    "operations": (Missing("DealerVerification", "PENDING", "REJECTED", "effect", "notify"),),
}
"""Part → clauses of rows that exist, for which a later table is needed."""


def later() -> dict[Clause, str]:
    """Every clause that is still to come → its part."""
    owed: dict[Clause, str] = {}
    for name in machines():
        rows = _rows_to_come(name)
        for clause in clauses(name):
            part = MACHINES.get(name) or rows.get((clause.from_, clause.to, clause.trigger))
            if part:
                owed[clause] = part
    for part, missing in CLAUSES.items():
        for m in missing:
            for clause in find(m.machine, m.from_, m.to, "guard" if m.side == "guard" else "effect", m.text):
                owed.setdefault(clause, part)
    return owed


def _rows_to_come(name: str) -> dict[tuple[str, str, str], str]:
    """Rows of which every trigger comes later → the part of the first."""
    part_of = {Trigger.parse(text): part for part, texts in TRIGGERS.get(name, {}).items() for text in texts}
    found = {}
    for row in machine(name).rows:
        parts = [part_of.get(trigger) for trigger in row.triggers]
        if all(parts):
            found[(row.from_, row.to, row.trigger)] = str(parts[0])
    return found


def idle_triggers() -> Iterator[tuple[str, str]]:
    """Triggers named above that no row of their machine has: always none."""
    for name, parts in TRIGGERS.items():
        known = {trigger for row in machine(name).rows for trigger in row.triggers}
        for texts in parts.values():
            yield from ((name, text) for text in texts if Trigger.parse(text) not in known)


def pullable(name: str, trigger: Trigger) -> bool:
    """Whether somebody can pull this trigger of this machine by now."""
    return name not in MACHINES and str(trigger) not in _idle(name)


@cache
def _idle(name: str) -> frozenset[str]:
    return frozenset(text for texts in TRIGGERS.get(name, {}).values() for text in texts)
