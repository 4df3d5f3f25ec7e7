"""A dealer's two axes: verification (who they are) and standing (how they behave)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from souk.rules.clauses import implements
from souk.rules.enums import LadderStep, RestrictionKind, ReviewAction
from souk.rules.errors import Cooldown, Forbidden, InvalidTransition, Required
from souk.rules.machines import check

VERIFICATION = "DealerVerification"
STANDING = "DealerStanding"
RESUBMIT_AFTER = timedelta(days=7)
"""A dealer whose verification was revoked may hand in documents again after this long."""


REVIEWED: dict[ReviewAction, str] = {
    ReviewAction.APPROVE: "VERIFIED",
    ReviewAction.REJECT: "REJECTED",
    ReviewAction.REVOKE: "REVOKED",
}

CALM = timedelta(days=90)
"""A dealer on WATCH that has not breached for this long is GOOD again."""
OUT_OF_ORDER = frozenset({"RESTRICTED", "SUSPENDED", "TERMINATED"})
"""The standings in which a dealer is not *in order*."""
UNDER_NOTICE = frozenset({"WARNED", "RESTRICTED"})
"""The standings that rest on a notice; a cure, or a hand, leads back to WATCH."""


@dataclass(frozen=True, slots=True)
class DealerState:
    """What the rules of other areas ask about a dealer. `restrictions`: kinds of its live DealerRestrictions."""

    verification: str = "UNVERIFIED"
    standing: str = "GOOD"
    restrictions: frozenset[RestrictionKind] = frozenset()

    @property
    def in_order(self) -> bool:
        """Neither RESTRICTED, SUSPENDED nor TERMINATED."""
        return self.standing not in OUT_OF_ORDER

    @property
    def eligible(self) -> bool:
        """VERIFIED and in order."""
        return self.verification == "VERIFIED" and self.in_order

    def require_in_order(self) -> None:
        """Raises Forbidden."""
        if not self.in_order:
            raise Forbidden(f"The dealer is {self.standing}.")

    def restricted(self, kind: RestrictionKind) -> bool:
        """Whether a restriction of that kind lives."""
        return kind in self.restrictions

    def require_unrestricted(self, kind: RestrictionKind) -> None:
        """Raises Forbidden while a restriction of that kind lives."""
        if self.restricted(kind):
            raise Forbidden(f"The dealer is under a restriction: {kind}.")


@dataclass(frozen=True, slots=True)
class Restriction:
    """A privilege that a dealer lacks from `since` up to but not at `until` (None: until somebody ends it)."""

    kind: RestrictionKind
    since: datetime
    until: datetime | None = None


def restricted(restrictions: Iterable[Restriction], *, now: datetime) -> frozenset[RestrictionKind]:
    """The privileges that a dealer lacks now; several batch items may take the same one, and each gives back its own."""
    return frozenset(
        each.kind for each in restrictions if each.since <= now and (each.until is None or now < each.until)
    )


RESTRICTS: frozenset[RestrictionKind] = frozenset(
    {RestrictionKind.LEAD_UNLOCK, RestrictionKind.LISTING_RESUME, RestrictionKind.OFFER}
)
"""What a dealer lacks once it is RESTRICTED. PAYOUT comes with SUSPENDED, or alone."""


@implements(VERIFICATION, "REVOKED", "PENDING", guard="cool-down 7 d")
def submit_verification(verification: str, *, revoked_at: datetime | None, now: datetime) -> str:
    """PENDING, when documents are handed in. Raises InvalidTransition; Cooldown within 7 days of a revocation."""
    check(VERIFICATION, verification, "PENDING", mutation="dealerSubmitVerification")
    if verification == "REVOKED" and revoked_at is not None and now < revoked_at + RESUBMIT_AFTER:
        raise Cooldown(revoked_at + RESUBMIT_AFTER)
    return "PENDING"


@implements(VERIFICATION, "PENDING", "VERIFIED", guard="reviewer is not the submitter")
@implements(VERIFICATION, "PENDING", "REJECTED", guard="reason")
@implements(VERIFICATION, ("VERIFIED", "EXPIRED"), "REVOKED", guard="reason")
def review(
    verification: str, action: ReviewAction, *, reviewer: UUID | None, submitter: UUID | None, reason: str | None
) -> str:
    """The verification after a review. Raises InvalidTransition, Required (reason), Forbidden (one's own documents)."""
    to = REVIEWED[action]
    check(VERIFICATION, verification, to, mutation="dealerReviewVerification", action=action)
    if action is ReviewAction.APPROVE:
        if reviewer is not None and reviewer == submitter:
            raise Forbidden("Whoever handed in the documents does not approve them.")
    else:
        _reason(reason)
    return to


def confirm_breach(standing: str) -> str:
    """The standing once a breach is confirmed: GOOD becomes WATCH, every other stays."""
    return "WATCH" if standing == "GOOD" else standing


@implements(STANDING, "GOOD", "WATCH", guard="reason when set by hand")
@implements(STANDING, "WATCH", "GOOD", guard="reason when set by hand")
@implements(STANDING, ("WARNED", "RESTRICTED"), "WATCH", guard="reason when set by hand")
def set_standing(standing: str, to: str, *, reason: str | None) -> str:
    """The standing set by hand. Raises InvalidTransition, Required (reason)."""
    check(STANDING, standing, to, mutation="dealerSetStanding")
    _reason(reason)
    return to


def cured(standing: str) -> str:
    """The standing after a compliant re-observation of the last breach: WARNED and RESTRICTED become WATCH."""
    return "WATCH" if standing in UNDER_NOTICE else standing


@dataclass(frozen=True, slots=True)
class Notice:
    """Notice 1 or 2, and until when the dealer may cure."""

    number: int
    cure_due_at: datetime


@implements(STANDING, "WATCH", "WARNED", guard="evidence attached", effect="cure deadline = now + cureHours (72)")
@implements(
    STANDING,
    "WARNED",
    "WARNED",
    guard=("deadline of notice 1 passed", "still breaching"),
    effect=("notice 2", "new cure deadline"),
    trigger="(batch SEND_WARNING)",
)
@implements(STANDING, "WATCH", "WARNED", effect="notice 1")
def warn(
    standing: str,
    *,
    notices: int,
    cure_due_at: datetime | None,
    evidence: bool,
    still_breaching: bool,
    now: datetime,
    cure_hours: int = 72,
) -> Notice:
    """The next notice of the ladder. `notices`: live ones so far (0–2); `evidence`: rows attached to the alert.

    Raises InvalidTransition (not WATCH or WARNED, or both notices are out), Required (evidence), Forbidden (notice 1
    still runs, or the breach is over).
    """
    check(STANDING, standing, "WARNED", event="batch SEND_WARNING")
    if standing == "WATCH":
        if not evidence:
            raise Required("A warning needs evidence.", field="evidence")
        return Notice(1, now + timedelta(hours=cure_hours))
    if notices >= 2:
        raise InvalidTransition("WARNED", "WARNED", (), "Both notices have been given; the next step is RESTRICTED.")
    if cure_due_at is not None and now < cure_due_at:
        raise Forbidden("The time to cure of the first notice has not passed.")
    if not still_breaching:
        raise Forbidden("The breach is over.")
    return Notice(2, now + timedelta(hours=cure_hours))


def next_step(
    standing: str,
    *,
    notices: int,
    cure_due_at: datetime | None,
    evidence: bool = True,
    still_breaching: bool = True,
    now: datetime,
) -> LadderStep | None:
    """The step of the ladder that these facts lead to, None where there is none now.

    None without a breach or evidence of it, while the time to cure of a notice runs, in GOOD standing (nothing is
    confirmed) and after TERMINATED. `notices` and `cure_due_at` are those of the dealer, as in `warn`.
    """
    if not (still_breaching and evidence):
        return None
    if standing == "WARNED":
        if cure_due_at is not None and now < cure_due_at:
            return None
        return LadderStep.WARN_2 if notices < 2 else LadderStep.RESTRICT
    return _STEP_FROM.get(standing)


_STEP_FROM = {"WATCH": LadderStep.WARN_1, "RESTRICTED": LadderStep.SUSPEND, "SUSPENDED": LadderStep.TERMINATE}


@implements(STANDING, "WARNED", "RESTRICTED", guard=("deadline of notice 2 passed", "still breaching"))
def restrict(standing: str, *, notices: int, cure_due_at: datetime | None, still_breaching: bool, now: datetime) -> str:
    """RESTRICTED, from WARNED, when two notices have not led to a cure.

    Raises InvalidTransition, Forbidden (notice 2 has not been given or still runs, or the breach is over).
    """
    check(STANDING, standing, "RESTRICTED", event="batch RESTRICT")
    if notices < 2:
        raise Forbidden("The second notice has not been given.")
    if cure_due_at is not None and now < cure_due_at:
        raise Forbidden("The time to cure of the second notice has not passed.")
    if not still_breaching:
        raise Forbidden("The breach is over.")
    return "RESTRICTED"


@implements(STANDING, "RESTRICTED", "SUSPENDED", guard="still breaching")
def suspend(standing: str, *, still_breaching: bool) -> str:
    """SUSPENDED, from RESTRICTED. Raises InvalidTransition, Forbidden (the breach is over)."""
    check(STANDING, standing, "SUSPENDED", event="batch SUSPEND")
    if not still_breaching:
        raise Forbidden("The breach is over.")
    return "SUSPENDED"


@implements(STANDING, "WARNED", "WATCH", guard="notice 1", trigger="(batch rolled back)")
@implements(STANDING, "WARNED", "WARNED", guard="notice 2", trigger="(batch rolled back)")
def withdraw(standing: str, *, notices: int) -> tuple[str, int]:
    """(standing, notices) once the last notice is taken back: WATCH without one, WARNED under the first. Raises InvalidTransition."""
    to = "WARNED" if notices >= 2 else "WATCH"
    check(STANDING, standing, to, event="batch rolled back")
    return to, max(0, notices - 1)


@implements(STANDING, "SUSPENDED", "RESTRICTED", guard="reason", trigger="dealerReinstate")
def reinstate(standing: str, *, reason: str | None) -> str:
    """RESTRICTED, from SUSPENDED. Raises InvalidTransition, Required (reason)."""
    check(STANDING, standing, "RESTRICTED", mutation="dealerReinstate")
    _reason(reason)
    return "RESTRICTED"


@implements(STANDING, "SUSPENDED", "TERMINATED", guard="reason")
def terminate(standing: str, *, reason: str | None) -> str:
    """TERMINATED, from SUSPENDED, for good. Raises InvalidTransition, Required (reason)."""
    check(STANDING, standing, "TERMINATED", mutation="dealerTerminate")
    _reason(reason)
    return "TERMINATED"


def _reason(reason: str | None) -> None:
    if not (reason and reason.strip()):
        raise Required("Give a reason.", field="reason")
