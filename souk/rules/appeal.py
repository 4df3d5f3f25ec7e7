"""An appeal: once in each cycle of an alert, decided by somebody who had no hand in what is appealed against."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from souk.rules.alert import ALERT, ENDED
from souk.rules.clauses import implements
from souk.rules.dealer import STANDING
from souk.rules.errors import Forbidden, Invalid, NotUnique
from souk.rules.machines import check, machine


def appeal(status: str, *, appealed: bool) -> None:
    """Raises Invalid against a DISMISSED alert, NotUnique when this cycle was appealed against before."""
    if status == "DISMISSED":
        raise Invalid("The alert was dismissed already.", field="alertId")
    if appealed:
        raise NotUnique("This cycle of the alert was appealed against already.", field="alertId")


@implements(
    ALERT,
    ("INVESTIGATING", "AWAITING_CURE"),
    "DISMISSED",
    guard="decider did not enforce",
    trigger="appealDecide(GRANT)",
)
@implements(
    STANDING,
    ("WARNED", "RESTRICTED", "SUSPENDED"),
    "WATCH",
    guard="decider did not enforce",
    trigger="appealDecide(GRANT)",
)
def decide(decider: UUID | None, enforcers: Collection[UUID]) -> None:
    """Raises Forbidden for whoever made, approved or started what acted, or did it by hand."""
    if decider is None or decider in enforcers:
        raise Forbidden("Whoever enforced does not decide the appeal against it.")


def granted(status: str) -> str:
    """The alert once an appeal is granted: DISMISSED; one that ended stays as it is.

    Raises InvalidTransition (OPEN, ACKNOWLEDGED, SNOOZED and ENFORCING: it is investigated first).
    """
    if status in ENDED:
        return status
    check(ALERT, status, "DISMISSED", mutation="appealDecide", action="GRANT")
    return "DISMISSED"


def pardoned(standing: str) -> str:
    """The standing once an appeal is granted: WARNED, RESTRICTED and SUSPENDED become WATCH, every other stays."""
    ways = machine(STANDING).to(standing, "WATCH")
    return "WATCH" if any(row.has(mutation="appealDecide", action="GRANT") for row in ways) else standing
