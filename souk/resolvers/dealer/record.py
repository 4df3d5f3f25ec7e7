"""A dealer's two axes, verification and standing, and what follows for its listings."""

from datetime import UTC, datetime

import strawberry
from sqlalchemy import select

from ...db.session import Transaction
from ...models import Dealer, Membership, ServiceToken, Session, Task, new_id
from ...permissions.dealer import (
    ReviewsVerification,
    SeesDealer,
    SetsStanding,
    SubmitsVerification,
    TerminatesDealer,
)
from ...rules import dealer as rules
from ...rules import text
from ...rules.clauses import implements
from ...rules.dealer import STANDING, VERIFICATION
from ...rules.enums import BatchAction, DealerStanding, DealerVerification, ReviewAction, TaskKind, TaskStatus
from ..listing import archive_of, reinstate_of, suspend_of
from ..observation import resolve_awaiting, watched
from ..restriction import unrestrict
from ..writing import locked, move, permit

REASON = 1000
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Where a task without a due time stands in the order by due time."""
REVOKED, SUSPENDED = "verification REVOKED", "dealer SUSPENDED"
"""What suspends a dealer's listings: events of the machine of Listing."""


@strawberry.input(description="A dealer that hands in for verification.")
class DealerSubmitVerificationInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    expected_version: int = strawberry.field(description="The version that was read.")


@implements(VERIFICATION, "UNVERIFIED", "PENDING", effect="task for OPS")
async def dealer_submit_verification(tx: Transaction, input: DealerSubmitVerificationInput) -> Dealer:
    """Hand in for verification: the dealer itself; after a revocation not before seven days. A task tells OPS."""
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, SubmitsVerification(), dealer)
    to = rules.submit_verification(dealer.verification, revoked_at=dealer.revoked_at, now=tx.now)
    move(
        tx, dealer, to, "dealer.submitted",
        of=VERIFICATION, column="verification", mutation="dealerSubmitVerification",
    )  # fmt: skip
    dealer.submitted_by, dealer.verification_reason = tx.actor.user_id, None
    await tx.session.flush()
    task = tx.add(
        Task(
            id=new_id(),
            kind=TaskKind.VERIFY,
            status=TaskStatus.TODO,
            title="Check the papers of a dealer",
            due_order=NEVER,
            dealer_id=dealer.id,
        )
    )
    tx.emit("task.created", task, to_status=task.status)
    return dealer


@strawberry.input(description="The review of what a dealer handed in.")
class DealerReviewVerificationInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    action: ReviewAction = strawberry.field(description="What is decided.")
    reason: str | None = strawberry.field(
        default=None, description="Why, at most 1,000 characters; needed to reject and to revoke."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


EVENTS = {
    ReviewAction.APPROVE: "dealer.verified",
    ReviewAction.REJECT: "dealer.rejected",
    ReviewAction.REVOKE: "dealer.revoked",
}


@implements(VERIFICATION, "PENDING", "VERIFIED", effect="`dealer.verified`")
@implements(VERIFICATION, ("VERIFIED", "EXPIRED"), "REVOKED", effect="active listings SUSPENDED")
async def dealer_review_verification(tx: Transaction, input: DealerReviewVerificationInput) -> Dealer:
    """Approve or reject what was handed in, or revoke a verification; then the dealer's listings are suspended."""
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, ReviewsVerification(), dealer)
    reason = text.optional_body(input.reason, REASON, field="reason")
    to = rules.review(
        dealer.verification, input.action, reviewer=tx.actor.user_id, submitter=dealer.submitted_by, reason=reason
    )
    move(
        tx, dealer, to, EVENTS[input.action],
        of=VERIFICATION, column="verification", mutation="dealerReviewVerification", action=input.action, reason=reason,
    )  # fmt: skip
    dealer.verification_reason = reason
    if to == DealerVerification.REVOKED:
        dealer.revoked_at = tx.now
        await suspend_of(tx, dealer, reason=reason or "", cause=REVOKED)
    return dealer


@strawberry.input(description="A dealer's standing, set by hand.")
class DealerSetStandingInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    to: DealerStanding = strawberry.field(description="The standing it gets.")
    reason: str = strawberry.field(description="Why, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


@implements(STANDING, "RESTRICTED", "WATCH", effect="restrictions end", trigger="dealerSetStanding")
async def dealer_set_standing(tx: Transaction, input: DealerSetStandingInput) -> Dealer:
    """Set a dealer's standing by hand, with a reason: GOOD to WATCH, WATCH to GOOD, WARNED or RESTRICTED to WATCH.

    Out of WARNED and RESTRICTED, the alerts that wait for the dealer's cure are resolved with that reason.
    """
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, SetsStanding(), dealer)
    reason = text.body(input.reason, REASON, field="reason")
    before = dealer.standing
    rules.set_standing(before, input.to, reason=reason)
    move(
        tx, dealer, input.to, "dealer.standing_changed",
        of=STANDING, column="standing", mutation="dealerSetStanding", reason=reason,
    )  # fmt: skip
    dealer.standing_reason, dealer.notice, dealer.cure_due_at = reason, 0, None
    if input.to is DealerStanding.WATCH:
        await watched(tx, dealer)
    if before in rules.UNDER_NOTICE:
        await resolve_awaiting(tx, dealer, reason)
        await unrestrict(tx, dealer, reason=reason)
    return dealer


@strawberry.input(description="A suspended dealer that may list again.")
class DealerReinstateInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    reason: str = strawberry.field(description="Why, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


@implements(STANDING, "SUSPENDED", "RESTRICTED", effect="listings return to what they were", trigger="dealerReinstate")
async def dealer_reinstate(tx: Transaction, input: DealerReinstateInput) -> Dealer:
    """Let a suspended dealer list again, still RESTRICTED; the listings that went down with it return to what they were."""
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, SetsStanding(), dealer)
    reason = text.body(input.reason, REASON, field="reason")
    to = rules.reinstate(dealer.standing, reason=reason)
    move(
        tx, dealer, to, "dealer.reinstated",
        of=STANDING, column="standing", mutation="dealerReinstate", reason=reason,
    )  # fmt: skip
    dealer.standing_reason = reason
    await tx.session.flush()  # its listings ask how it stands now
    await reinstate_of(tx, dealer, suspended_by=SUSPENDED, cause="dealer reinstated")
    await unrestrict(tx, dealer, action=BatchAction.SUSPEND, reason=reason)
    return dealer


@strawberry.input(description="A suspended dealer that is ended for good.")
class DealerTerminateInput:
    id: strawberry.ID = strawberry.field(description="The dealer.")
    reason: str = strawberry.field(description="Why, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def dealer_terminate(tx: Transaction, input: DealerTerminateInput) -> Dealer:
    """End a suspended dealer for good: its listings are archived, its people's sessions and its tokens end at once."""
    dealer = await locked(tx, Dealer, input.id, SeesDealer(), version=input.expected_version)
    await permit(tx, TerminatesDealer(), dealer)
    reason = text.body(input.reason, REASON, field="reason")
    to = rules.terminate(dealer.standing, reason=reason)
    move(
        tx, dealer, to, "dealer.terminated",
        of=STANDING, column="standing", mutation="dealerTerminate", reason=reason,
    )  # fmt: skip
    dealer.standing_reason = reason
    await archive_of(tx, dealer, reason=reason)
    await _lock_out(tx, dealer)
    return dealer


@implements(STANDING, "SUSPENDED", "TERMINATED", effect="sessions and tokens of the organisation revoked")
async def _lock_out(tx: Transaction, dealer: Dealer) -> None:
    """End every live session in a membership of the organisation, and every token that acts for it."""
    members = (
        select(Session)
        .join(Membership, (Membership.tenant_id == Session.tenant_id) & (Membership.id == Session.membership_id))
        .where(Membership.dealer_id == dealer.id, Session.revoked_at.is_(None))
        .order_by(Session.id)
    )
    tokens = select(ServiceToken).where(ServiceToken.dealer_id == dealer.id, ServiceToken.revoked_at.is_(None))
    for asked in (members.with_for_update(of=Session), tokens.order_by(ServiceToken.id).with_for_update()):
        for row in (await tx.session.execute(asked)).scalars().all():
            row.revoked_at = tx.now
            tx.emit("session.revoked", row)
