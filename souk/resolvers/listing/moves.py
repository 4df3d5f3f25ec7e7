"""The steps of a listing that a person takes: submit, moderate, pause, renew, archive."""

import strawberry

from ...db.session import Transaction
from ...models import Listing
from ...permissions.base import Permission
from ...permissions.listing import ModeratesListing, SeesListing, WritesListing
from ...rules import listing as rules
from ...rules import text
from ...rules.dealer import DealerState
from ...rules.enums import ListingStatus, ModerationAction
from ..observation import our_price_moved
from ..restriction import dealer_state
from ..writing import found, locked, move, permit
from . import effects
from .effects import state_of

REASON = 1000


async def _taken(
    tx: Transaction, id: strawberry.ID, version: int, permission: Permission[Listing]
) -> tuple[Listing, DealerState]:
    """The listing locked and permitted, and its dealer held: first the dealer, as whoever moves a dealer's listings does."""
    seen = await found(tx, Listing, id, SeesListing(), field="id")
    dealer = await dealer_state(tx, seen.dealer_id)
    listing = await locked(tx, Listing, id, SeesListing(), version=version)
    await permit(tx, permission, listing)
    return listing, dealer


@strawberry.input(description="A listing to be reviewed.")
class ListingSubmitInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_submit(tx: Transaction, input: ListingSubmitInput) -> Listing:
    """Hand in a draft. That of a VERIFIED dealer goes live at once where the tenant's setting says so."""
    listing, dealer = await _taken(tx, input.id, input.expected_version, WritesListing())
    await effects.submit(tx, listing, dealer)
    return listing


@strawberry.input(description="A listing to be taken back before it is reviewed.")
class ListingWithdrawInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_withdraw(tx: Transaction, input: ListingWithdrawInput) -> Listing:
    """Take a listing back from review: it is a draft again."""
    listing = await locked(tx, Listing, input.id, SeesListing(), version=input.expected_version)
    await permit(tx, WritesListing(), listing)
    move(tx, listing, ListingStatus.DRAFT, "listing.withdrawn", mutation="listingWithdraw")
    return listing


@strawberry.input(description="What a moderator does with a listing.")
class ListingModerateInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    action: ModerationAction = strawberry.field(description="What to do.")
    reason: str | None = strawberry.field(
        default=None, description="Why, at most 1,000 characters; needed to reject and to suspend."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_moderate(tx: Transaction, input: ListingModerateInput) -> Listing:
    """Approve or reject what was handed in; suspend what is shown, or reinstate it."""
    listing, dealer = await _taken(tx, input.id, input.expected_version, ModeratesListing())
    reason = text.optional_body(input.reason, REASON, field="reason")
    to = rules.moderate(state_of(listing), dealer, input.action, reason=reason)
    match input.action:
        case ModerationAction.APPROVE:
            await effects.activate(tx, listing, mutation="listingModerate", action="APPROVE")
        case ModerationAction.REJECT:
            move(tx, listing, to, "listing.rejected", mutation="listingModerate", action="REJECT", reason=reason)
            listing.status_reason = reason
        case ModerationAction.SUSPEND:
            await effects.suspend(tx, listing, reason=reason)
        case ModerationAction.REINSTATE:
            await effects.reinstate(tx, listing, reason=reason)
    return listing


@strawberry.input(description="A listing to be taken out for a while.")
class ListingPauseInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_pause(tx: Transaction, input: ListingPauseInput) -> Listing:
    """Take a listing out for a while. Open offers stay; none can be accepted."""
    listing = await locked(tx, Listing, input.id, SeesListing(), version=input.expected_version)
    await permit(tx, WritesListing(), listing)
    move(tx, listing, rules.pause(state_of(listing)), "listing.paused", mutation="listingPause")
    our_price_moved(tx, listing.sku_id)
    return listing


@strawberry.input(description="A paused listing to be shown again.")
class ListingResumeInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_resume(tx: Transaction, input: ListingResumeInput) -> Listing:
    """Show a paused listing again, if its dealer is in order and neither expired nor revoked."""
    listing, dealer = await _taken(tx, input.id, input.expected_version, WritesListing())
    move(tx, listing, rules.resume(state_of(listing), dealer), "listing.resumed", mutation="listingResume")
    await effects.listing_changed(tx, listing)
    return listing


@strawberry.input(description="A listing whose time ran out, to be listed again.")
class ListingRenewInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_renew(tx: Transaction, input: ListingRenewInput) -> Listing:
    """Hand in an expired listing again, with a new end; the rules are those of handing in a draft."""
    listing, dealer = await _taken(tx, input.id, input.expected_version, WritesListing())
    days = (await tx.settings()).listing_days
    to, listing.expires_at = rules.renew(state_of(listing), dealer, now=tx.now, listing_days=days)
    move(tx, listing, to, "listing.submitted", mutation="listingRenew")
    await effects.approve_itself(tx, listing, dealer)
    return listing


@strawberry.input(description="A listing to be put away for good.")
class ListingArchiveInput:
    id: strawberry.ID = strawberry.field(description="The listing.")
    reason: str | None = strawberry.field(
        default=None, description="Why, at most 1,000 characters; needed for a suspended one."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def listing_archive(tx: Transaction, input: ListingArchiveInput) -> Listing:
    """Put a listing away for good: its dealer and staff, but a suspended one only a moderator. Open offers are superseded."""
    listing = await locked(tx, Listing, input.id, SeesListing(), version=input.expected_version)
    suspended = listing.status == ListingStatus.SUSPENDED
    await permit(tx, ModeratesListing() if suspended else WritesListing(), listing)
    await effects.archive(tx, listing, reason=text.optional_body(input.reason, REASON, field="reason"))
    return listing
