"""An offer between two parties: whose turn it is, between which amounts, and until when.

*Bid* is the payer's last amount, *ask* the other side's. A side that has not spoken counts with the listing's price if
it is the owner's, and without a bound if there is no price (on request) or it is the proposer's. BUY: the proposer pays
the listing's owner. SUPPLY: the owner pays the proposer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from souk.rules.clauses import implements
from souk.rules.dealer import DealerState
from souk.rules.enums import OfferDirection, OfferParty, RestrictionKind
from souk.rules.errors import (
    Forbidden,
    InvalidTransition,
    LimitExceeded,
    NotYourTurn,
    OfferExpired,
    OutOfRange,
    StaleVersion,
)
from souk.rules.listing import ListingState, takes_offers
from souk.rules.machines import machine
from souk.rules.money import MAX_MINOR

OFFER = "Offer"
OPEN = frozenset({"PENDING", "COUNTERED"})
MAX_ROUNDS = 10
OFFER_HOURS = 72


def other(party: str) -> OfferParty:
    """The side across the table."""
    return OfferParty.OWNER if party == OfferParty.PROPOSER else OfferParty.PROPOSER


@dataclass(frozen=True, slots=True)
class OfferState:
    """An offer at its head revision. `proposed` and `answered`: the last amounts of proposer and owner."""

    status: str
    direction: str
    head: int
    head_by: str
    proposed: int
    answered: int | None
    listing_price: int | None
    expires_at: datetime

    @property
    def amount(self) -> int:
        """The amount on the table: the head revision's."""
        return self.proposed if self.head_by == OfferParty.PROPOSER or self.answered is None else self.answered

    @property
    def payer(self) -> OfferParty:
        return OfferParty.PROPOSER if self.direction == OfferDirection.BUY else OfferParty.OWNER

    @property
    def turn(self) -> OfferParty | None:
        """Who is to answer; None when the offer is closed."""
        return other(self.head_by) if self.status in OPEN else None

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """(bid, ask): a counter lies strictly between; None is no bound."""
        owner = self.answered if self.answered is not None else self.listing_price
        return (self.proposed, owner) if self.direction == OfferDirection.BUY else (owner, self.proposed)


def propose(
    amount: int,
    direction: str,
    *,
    listing: ListingState,
    listing_price: int | None,
    dealer: DealerState,
    own: bool,
    now: datetime,
    offer_hours: int = OFFER_HOURS,
) -> OfferState:
    """The first revision, by the proposer. `own`: the proposer belongs to the listing's dealer.

    Raises ListingUnavailable, Forbidden (own listing; the dealer is under an OFFER restriction), OutOfRange.
    """
    takes_offers(listing, now=now)
    if own:
        raise Forbidden("Nobody makes an offer to oneself.")
    dealer.require_unrestricted(RestrictionKind.OFFER)
    _positive(amount)
    expires_at = now + timedelta(hours=offer_hours)
    return OfferState("PENDING", direction, 1, OfferParty.PROPOSER, amount, None, listing_price, expires_at)


@implements(
    OFFER,
    ("PENDING", "COUNTERED"),
    "COUNTERED",
    guard=("the party that did not make the head revision", "expectedVersion", "round ≤ 10", "bid < amount < ask"),
    effect="expiry reset to +72 h",
)
@implements(OFFER, "COUNTERED", "COUNTERED", guard="the turn flips")
def counter(
    offer: OfferState,
    amount: int,
    *,
    by: str,
    expected_version: int,
    now: datetime,
    max_rounds: int = MAX_ROUNDS,
    offer_hours: int = OFFER_HOURS,
) -> OfferState:
    """The offer with one more revision by the party whose turn it is; a round is a revision, the first offer included.

    Raises InvalidTransition, OfferExpired, NotYourTurn, StaleVersion, LimitExceeded (rounds), OutOfRange (bid < amount < ask).
    """
    _answerable(offer, "COUNTERED", by=by, expected_version=expected_version, now=now)
    if offer.head + 1 > max_rounds:
        raise LimitExceeded(max_rounds, f"An offer has at most {max_rounds} rounds.")
    _positive(amount)
    bid, ask = offer.bounds
    if (bid is not None and amount <= bid) or (ask is not None and amount >= ask):
        raise OutOfRange("A counter lies above the bid and below the ask.", field="amount")
    return replace(
        offer,
        status="COUNTERED",
        head=offer.head + 1,
        head_by=by,
        proposed=amount if by == OfferParty.PROPOSER else offer.proposed,
        answered=amount if by == OfferParty.OWNER else offer.answered,
        expires_at=now + timedelta(hours=offer_hours),
    )


@implements(
    OFFER,
    ("PENDING", "COUNTERED"),
    "ACCEPTED",
    guard=("non-head party", "listing ACTIVE", "no OFFER restriction on the listing's dealer", "expectedVersion"),
)
@implements("Listing", "ACTIVE", "PAUSED", effect="none can be accepted")
def accept(
    offer: OfferState,
    *,
    by: str,
    listing: ListingState,
    dealer: DealerState,
    expected_version: int,
    now: datetime,
) -> OfferState:
    """The offer ACCEPTED at its head amount by the party that did not make the head revision.

    Raises InvalidTransition, OfferExpired, NotYourTurn, StaleVersion, ListingUnavailable, Forbidden (OFFER restriction).
    """
    _answerable(offer, "ACCEPTED", by=by, expected_version=expected_version, now=now)
    takes_offers(listing, now=now)
    dealer.require_unrestricted(RestrictionKind.OFFER)
    return replace(offer, status="ACCEPTED")


@implements(OFFER, ("PENDING", "COUNTERED"), "REJECTED", guard="non-head party")
def reject(offer: OfferState, *, by: str, now: datetime, expected_version: int | None = None) -> OfferState:
    """The offer REJECTED by the party to answer. Raises InvalidTransition, OfferExpired, NotYourTurn, StaleVersion."""
    _answerable(offer, "REJECTED", by=by, expected_version=expected_version, now=now)
    return replace(offer, status="REJECTED")


@implements(OFFER, ("PENDING", "COUNTERED"), "WITHDRAWN", guard="head party only")
def withdraw(offer: OfferState, *, by: str, now: datetime, expected_version: int | None = None) -> OfferState:
    """The offer WITHDRAWN by the party that made the head revision. Raises as `reject`."""
    _answerable(offer, "WITHDRAWN", by=other(by), expected_version=expected_version, now=now)
    return replace(offer, status="WITHDRAWN")


def answer_by_itself(offer: OfferState, *, auto_accept: int | None, auto_decline: int | None) -> str | None:
    """ACCEPTED or REJECTED by the listing's automatic answers to a fresh BUY offer, else None.

    At `autoAcceptMinor` or above it is accepted, at `autoDeclineMinor` or below declined. SUPPLY offers are answered by
    people: there the lower amount is the better one, and the two limits (decline < accept) would contradict each other.
    """
    if offer.status != "PENDING" or offer.direction != OfferDirection.BUY:
        return None
    if auto_accept is not None and offer.proposed >= auto_accept:
        return "ACCEPTED"
    return "REJECTED" if auto_decline is not None and offer.proposed <= auto_decline else None


def expire(offer: OfferState, *, now: datetime) -> OfferState | None:
    """The offer EXPIRED once its time has come, None where there is nothing to do."""
    return replace(offer, status="EXPIRED") if offer.status in OPEN and offer.expires_at <= now else None


def supersede(offer: OfferState) -> OfferState | None:
    """The offer SUPERSEDED by its listing, None when it is closed already."""
    return replace(offer, status="SUPERSEDED") if offer.status in OPEN else None


def available(offer: OfferState, *, by: str, now: datetime) -> tuple[str, ...]:
    """The statuses that this party may lead the offer to now, amounts and listing aside."""
    if offer.status not in OPEN or offer.expires_at <= now:
        return ()
    if by == offer.head_by:
        return ("WITHDRAWN",)
    return ("COUNTERED", "ACCEPTED", "REJECTED") if offer.head < MAX_ROUNDS else ("ACCEPTED", "REJECTED")


def _answerable(offer: OfferState, to: str, *, by: str, expected_version: int | None, now: datetime) -> None:
    if offer.status not in OPEN:
        raise InvalidTransition(offer.status, to, machine(OFFER).allowed(offer.status))
    if offer.expires_at <= now:
        raise OfferExpired(offer.expires_at)
    if by != offer.turn:
        raise NotYourTurn()
    if expected_version is not None and expected_version != offer.head:
        raise StaleVersion(offer.head)


def _positive(amount: int) -> None:
    if not 0 < amount <= MAX_MINOR:
        raise OutOfRange("An amount above zero.", field="amount")
