"""How an offer is made, answered and taken back.

Locks are taken in one order everywhere: the dealer, the listing, then offers by id, then leads, then unlocks. A counter, a refusal
and a withdrawal need the offer alone; whatever opens a deal or lets an offer in holds the listing first, so that two
answers to sibling offers come one after the other, and its dealer before, so that no restriction comes in between.
"""

from uuid import UUID

import strawberry

from ...db.session import Transaction
from ...models import Deal, Listing, Offer, OfferRevision, new_id
from ...permissions.listing import SeesListing
from ...permissions.offer import AnswersOffer, SeesOffer, side_of
from ...rules import listing as listing_rules
from ...rules import offer as rules
from ...rules import text
from ...rules.actor import Role
from ...rules.clauses import implements
from ...rules.enums import ListingStatus, OfferDirection, OfferParty, OfferStatus
from ...rules.errors import Duplicate, Forbidden, ListingUnavailable, Problems
from ...rules.listing import ListingState
from ...rules.offer import OfferState
from ..consequences import supersede_offers
from ..deal import open_deal, places_taken
from ..lead.follow import offer_made
from ..money import MoneyInput, minor_units
from ..observation import our_price_moved
from ..restriction import dealer_state
from ..writing import found, locked, means, move, permit

EXPIRY = "offer.expiry"
MESSAGE = 2_000

means("uq_offer_open", lambda: Duplicate("There is an open offer of yours already.", field="listing_id"))
means("uq_deal_open_vehicle", ListingUnavailable)
means("ck_deal_within_capacity", ListingUnavailable)


@strawberry.input(description="A price for a listing.")
class OfferCreateInput:
    listing_id: strawberry.ID = strawberry.field(description="The listing.")
    amount: MoneyInput = strawberry.field(description="The price, in the listing's currency.")
    direction: OfferDirection = strawberry.field(default=OfferDirection.BUY, description="Who pays whom.")
    message: str | None = strawberry.field(default=None, description="What to say with it, at most 2,000 characters.")
    idempotency_key: strawberry.ID = strawberry.field(
        description="16 to 255 characters; the same key does it once.",
    )


async def offer_create(tx: Transaction, input: OfferCreateInput) -> Offer:
    """Put a price to a listing: a customer for oneself, a dealer's member for the dealer.

    The listing's automatic answers may accept or decline it at once.
    """
    shown = await found(tx, Listing, input.listing_id, SeesListing(), field="listing_id")
    dealer = await dealer_state(tx, shown.dealer_id)
    listing = await locked(tx, Listing, input.listing_id, SeesListing(), field="listing_id")
    problems = Problems()
    amount = problems.take(lambda: minor_units(input.amount, listing.currency), "amount")
    message = problems.take(lambda: text.optional_body(input.message, MESSAGE), "message")
    problems.check()
    dealer_id = tx.actor.dealer_id if tx.actor.role is Role.DEALER else None
    settings = await tx.settings()
    state = rules.propose(
        amount or 0,
        input.direction,
        listing=_market(listing),
        listing_price=listing.price_minor,
        dealer=dealer,
        own=dealer_id == listing.dealer_id,
        now=tx.now,
        offer_hours=settings.offer_hours,
    )
    offer: Offer = tx.add(
        Offer(
            id=new_id(),
            version=state.head,
            listing_id=listing.id,
            direction=input.direction,
            status=state.status,
            proposer_user_id=tx.actor.user_id if dealer_id is None else None,
            proposer_dealer_id=dealer_id,
            owner_dealer_id=listing.dealer_id,
            head_party=state.head_by,
            amount_minor=state.amount,
            proposer_amount_minor=state.proposed,
            owner_amount_minor=state.answered,
            currency=listing.currency,
            expires_at=state.expires_at,
        )
    )
    await tx.session.flush()
    _say(tx, offer, message)
    tx.emit("offer.created", offer, to_status=offer.status)
    await offer_made(tx, offer)
    match rules.answer_by_itself(state, auto_accept=listing.auto_accept_minor, auto_decline=listing.auto_decline_minor):
        case "ACCEPTED":
            await _accepted(tx, offer, listing, cause="auto-accept at autoAcceptMinor")
        case "REJECTED":
            move(tx, offer, OfferStatus.REJECTED, "offer.rejected", cause="auto-decline at autoDeclineMinor")
        case _:
            await tx.due(EXPIRY, offer.id, offer.expires_at)
    return offer


@strawberry.input(description="Another amount, in answer to an offer.")
class OfferCounterInput:
    id: strawberry.ID = strawberry.field(description="The offer.")
    amount: MoneyInput = strawberry.field(
        description="Above the payer's last amount and below the other side's, in the currency of the offer."
    )
    message: str | None = strawberry.field(default=None, description="What to say with it, at most 2,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read, which is the head revision.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


@implements("Offer", ("PENDING", "COUNTERED"), "COUNTERED", effect="new immutable OfferRevision")
async def offer_counter(tx: Transaction, input: OfferCounterInput) -> Offer:
    """Answer with another amount: the party whose turn it is. The turn goes to the other one, the time starts anew."""
    offer, by = await _spoken_to(tx, input.id)
    problems = Problems()
    amount = problems.take(lambda: minor_units(input.amount, offer.currency), "amount")
    message = problems.take(lambda: text.optional_body(input.message, MESSAGE), "message")
    problems.check()
    listing, settings = await found(tx, Listing, offer.listing_id, None, field="id"), await tx.settings()
    state = rules.counter(
        _state(offer, listing),
        amount or 0,
        by=by,
        expected_version=input.expected_version,
        now=tx.now,
        max_rounds=settings.max_offer_rounds,
        offer_hours=settings.offer_hours,
    )
    move(tx, offer, OfferStatus.COUNTERED, "offer.countered", mutation="offerCounter")
    offer.version, offer.head_party, offer.amount_minor = state.head, state.head_by, state.amount
    offer.proposer_amount_minor, offer.owner_amount_minor = state.proposed, state.answered
    offer.expires_at = state.expires_at
    _say(tx, offer, message)
    await tx.due(EXPIRY, offer.id, offer.expires_at)
    return offer


@strawberry.input(description="Yes to the amount on the table.")
class OfferAcceptInput:
    id: strawberry.ID = strawberry.field(description="The offer.")
    expected_version: int = strawberry.field(description="The version that was read, which is the head revision.")
    idempotency_key: strawberry.ID = strawberry.field(description="16 to 255 characters; the same key does it once.")


async def offer_accept(tx: Transaction, input: OfferAcceptInput) -> Deal:
    """Accept the amount on the table: the party whose turn it is. It becomes a deal.

    Once the listing's capacity is used up, it is reserved and its other open offers are superseded.
    """
    seen = await found(tx, Offer, input.id, SeesOffer(), field="id")
    dealer = await dealer_state(tx, seen.owner_dealer_id)
    listing = await locked(tx, Listing, seen.listing_id, None)
    offer, by = await _spoken_to(tx, seen.id)
    rules.accept(
        _state(offer, listing),
        by=by,
        listing=_market(listing),
        dealer=dealer,
        expected_version=input.expected_version,
        now=tx.now,
    )
    return await _accepted(tx, offer, listing, mutation="offerAccept")


@strawberry.input(description="No to the amount on the table.")
class OfferRejectInput:
    id: strawberry.ID = strawberry.field(description="The offer.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was read; left out, whatever is on the table is refused."
    )


async def offer_reject(tx: Transaction, input: OfferRejectInput) -> Offer:
    """Refuse the offer: the party whose turn it is."""
    offer, by = await _spoken_to(tx, input.id)
    rules.reject(_state(offer), by=by, now=tx.now, expected_version=input.expected_version)
    move(tx, offer, OfferStatus.REJECTED, "offer.rejected", mutation="offerReject")
    await tx.not_due(EXPIRY, offer.id)
    return offer


@strawberry.input(description="An offer taken back.")
class OfferWithdrawInput:
    id: strawberry.ID = strawberry.field(description="The offer.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version that was read; left out, it is taken back as it is."
    )


async def offer_withdraw(tx: Transaction, input: OfferWithdrawInput) -> Offer:
    """Take the offer back: the party that spoke last."""
    offer, by = await _spoken_to(tx, input.id)
    rules.withdraw(_state(offer), by=by, now=tx.now, expected_version=input.expected_version)
    move(tx, offer, OfferStatus.WITHDRAWN, "offer.withdrawn", mutation="offerWithdraw")
    await tx.not_due(EXPIRY, offer.id)
    return offer


async def expire(tx: Transaction, offer_id: UUID) -> None:
    """What a timer does when an offer's time has come; nothing where somebody answered meanwhile."""
    offer = await locked(tx, Offer, offer_id, None)
    state = _state(offer)
    if rules.expire(state, now=tx.now):
        move(tx, offer, OfferStatus.EXPIRED, "offer.expired", cause="expiresAt")
    elif state.status in rules.OPEN:
        await tx.due(EXPIRY, offer.id, offer.expires_at)


# The parts --------------------------------------------------------------------------------------------------------


@implements(
    "Offer",
    ("PENDING", "COUNTERED"),
    "ACCEPTED",
    effect=("one transaction: Deal", "listing RESERVED when its capacity is used up", "siblings then SUPERSEDED"),
)
@implements("Listing", "ACTIVE", "RESERVED", effect="other open offers SUPERSEDED")
async def _accepted(
    tx: Transaction, offer: Offer, listing: Listing, *, mutation: str | None = None, cause: str | None = None
) -> Deal:
    taken = await places_taken(tx, listing)
    if listing_rules.reserved(_market(listing), deals=taken):
        raise ListingUnavailable
    move(tx, offer, OfferStatus.ACCEPTED, "offer.accepted", mutation=mutation, cause=cause)
    await tx.not_due(EXPIRY, offer.id)
    deal = await open_deal(tx, offer, listing)
    if listing_rules.reserved(_market(listing), deals=taken + 1):
        move(tx, listing, ListingStatus.RESERVED, "listing.reserved", cause="offer accepted")
        our_price_moved(tx, listing.sku_id)
        await supersede_offers(tx, listing, but=offer)
    return deal


async def _spoken_to(tx: Transaction, id: strawberry.ID | UUID) -> tuple[Offer, OfferParty]:
    """The offer, locked, and the party for which the actor speaks in it."""
    offer = await locked(tx, Offer, id, SeesOffer())
    await permit(tx, AnswersOffer(), offer)
    party = side_of(tx.actor, offer)
    if party is None:
        raise Forbidden(AnswersOffer.message)
    return offer, party


def _say(tx: Transaction, offer: Offer, message: str | None) -> None:
    """Write the head down as a revision."""
    tx.add(
        OfferRevision(
            id=new_id(),
            offer_id=offer.id,
            n=offer.version,
            by_party=offer.head_party,
            by_user_id=tx.actor.user_id,
            amount_minor=offer.amount_minor,
            currency=offer.currency,
            message=message,
        )
    )


def _state(offer: Offer, listing: Listing | None = None) -> OfferState:
    return OfferState(
        offer.status,
        offer.direction,
        offer.version,
        offer.head_party,
        offer.proposer_amount_minor,
        offer.owner_amount_minor,
        listing.price_minor if listing else None,
        offer.expires_at,
    )


def _market(listing: Listing) -> ListingState:
    return ListingState(listing.status, listing.kind, listing.capacity, expires_at=listing.expires_at)
