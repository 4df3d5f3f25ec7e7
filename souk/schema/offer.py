"""Offers as clients see them."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import case, literal, null

from .. import models
from ..engine.declare import (
    Connection,
    Money,
    Node,
    column,
    computed,
    many,
    money,
    one,
    payload_node,
    to_many,
    to_one,
    view,
)
from ..engine.scalars import DateTime
from ..engine.symbols import among
from ..permissions.base import may
from ..permissions.deal import SeesDeal
from ..permissions.offer import AnswersOffer, ReadsOfferMessage, SeesOffer, on_side, side_of
from ..resolvers import deal as resolve_deal
from ..resolvers import offer as resolve
from ..rules import offer as rules
from ..rules.actor import Actor
from ..rules.enums import OfferDirection, OfferParty, OfferStatus
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, Unless, transitions

if TYPE_CHECKING:
    from .deal import Deal
    from .dealer import Dealer
    from .listing import Listing
    from .user import User


def _turn(row: Any) -> str | None:
    return rules.other(row.head_party).value if row.status in rules.OPEN else None


def _turn_in_sql(row: Any) -> Any:
    flipped = case((row.head_party == OfferParty.PROPOSER, literal("OWNER")), else_=literal("PROPOSER"))
    return case((among(row.status, sorted(rules.OPEN)), flipped), else_=null())


def _side(actor: Actor, row: Any) -> str | None:
    party = side_of(actor, row)
    return party.value if party else None


def _side_in_sql(viewer: Any, row: Any) -> Any:
    proposer, owner = (on_side(viewer, party, row) for party in (OfferParty.PROPOSER, OfferParty.OWNER))
    return case((proposer, literal("PROPOSER")), (owner, literal("OWNER")), else_=null())


def _spoke_last(viewer: Any, row: Any) -> Any:
    proposer, owner = (on_side(viewer, party, row) for party in (OfferParty.PROPOSER, OfferParty.OWNER))
    return case((row.head_party == OfferParty.PROPOSER, proposer), else_=owner)


def _is_to_answer(viewer: Any, row: Any) -> Any:
    proposer, owner = (on_side(viewer, party, row) for party in (OfferParty.PROPOSER, OfferParty.OWNER))
    return case((row.head_party == OfferParty.PROPOSER, owner), else_=proposer)


WAIT = "The other party is to answer."


@view(models.OfferRevision, node=resolve.offer_revision, gate=SeesOffer())
class OfferRevision(Node):
    """One amount named by one party; never changed."""

    n: int
    by_party: OfferParty
    amount: Money = money("amount_minor")
    message: str | None = column("message", ReadsOfferMessage())
    created_at: DateTime
    offer: Annotated["Offer", strawberry.lazy(".offer")] | None = to_one(resolve.offer_of_revision)
    by_user: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.speaker_of_revision)


@view(models.Offer, node=resolve.offer, gate=SeesOffer())
class Offer(Node):
    """A price put to a listing, and what the two parties made of it."""

    status: OfferStatus
    direction: OfferDirection
    amount: Money = money("amount_minor", description="The amount on the table: the head revision's.")
    head_party: OfferParty
    turn: OfferParty | None = computed(
        python=_turn, sql=_turn_in_sql, description="Who is to answer; null when the offer is closed."
    )
    viewer_party: OfferParty | None = computed(
        python=_side, sql=_side_in_sql, description="Which party the viewer is; null for everybody else."
    )
    expires_at: DateTime
    created_at: DateTime
    updated_at: DateTime
    version: int = strawberry.field(description="Its head revision; give it as `expectedVersion`.")
    listing: Annotated["Listing", strawberry.lazy(".listing")] | None = to_one(resolve.listing_of_offer)
    proposer_user: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.proposer_of_offer)
    proposer_dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.proposing_dealer_of_offer)
    owner_dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.owner_of_offer)
    revisions: Connection[OfferRevision] = to_many(resolve.revisions_of_offer)
    deal: Annotated["Deal", strawberry.lazy(".deal")] | None = to_one(resolve_deal.deal_of_offer, gate=SeesDeal())
    available_transitions: list[Transition] = transitions(
        "Offer",
        {"offer:respond": AnswersOffer()},
        unless={
            "offerCounter": Unless(_is_to_answer, WAIT),
            "offerAccept": Unless(_is_to_answer, WAIT),
            "offerReject": Unless(_is_to_answer, WAIT),
            "offerWithdraw": Unless(_spoke_last, "Only the party that spoke last takes it back."),
        },
    )


DONE = "The offer; null when nothing was changed."


@strawberry.type(description="The new offer; a listing's automatic answer may have closed it already.")
class OfferCreatePayload(KeyedPayload):
    offer: Offer | None = payload_node("offer", description=DONE)


@strawberry.type(description="The offer with its new head revision.")
class OfferCounterPayload(KeyedPayload):
    offer: Offer | None = payload_node("offer", description=DONE)


@strawberry.type(description="What the offer became.")
class OfferAcceptPayload(KeyedPayload):
    deal: Annotated["Deal", strawberry.lazy(".deal")] | None = payload_node(
        "deal", description="The deal; null when nothing was changed."
    )


@strawberry.type(description="The offer that was refused.")
class OfferRejectPayload(Payload):
    offer: Offer | None = payload_node("offer", description=DONE)


@strawberry.type(description="The offer that was taken back.")
class OfferWithdrawPayload(Payload):
    offer: Offer | None = payload_node("offer", description=DONE)


@strawberry.type
class OfferQueries:
    offer: Offer | None = one(resolve.offer, gate=SeesOffer())
    offers: Connection[Offer] | None = many(resolve.offers, gate=SeesOffer())


@strawberry.type
class OfferMutations:
    offer_create: OfferCreatePayload | None = write(resolve.offer_create, gate=may("offer:create"))
    offer_counter: OfferCounterPayload | None = write(resolve.offer_counter, gate=may("offer:respond"))
    offer_accept: OfferAcceptPayload | None = write(resolve.offer_accept, gate=may("offer:respond"))
    offer_reject: OfferRejectPayload | None = write(resolve.offer_reject, gate=may("offer:respond"))
    offer_withdraw: OfferWithdrawPayload | None = write(resolve.offer_withdraw, gate=may("offer:respond"))
