"""Who sees offers, and who speaks in them: the two parties, as a person or through their dealer."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_
from sqlalchemy.orm import aliased

from ..models import Offer, OfferRevision
from ..rules.actor import Actor, Role
from ..rules.enums import OfferParty
from .base import Permission


def side_of(actor: Actor, offer: Offer) -> OfferParty | None:
    """Which of the two parties the actor is; None for everybody else.

    A session is one membership: a CUSTOMER is the person, everybody else acts through a dealer.
    """
    if actor.role is Role.CUSTOMER:
        return OfferParty.PROPOSER if actor.user_id and offer.proposer_user_id == actor.user_id else None
    if actor.dealer_id is None:
        return None
    if offer.proposer_dealer_id == actor.dealer_id:
        return OfferParty.PROPOSER
    return OfferParty.OWNER if offer.owner_dealer_id == actor.dealer_id else None


def on_side(viewer: Any, party: OfferParty, of: Any = Offer) -> ColumnElement[bool]:
    """The offers in which the viewer is that party."""
    if viewer.role is Role.CUSTOMER:
        mine: ColumnElement[bool] = of.proposer_user_id == viewer.user_id
        return mine if party is OfferParty.PROPOSER else false()
    ours: ColumnElement[bool] = of.proposer_dealer_id == viewer.dealer_id
    return ours if party is OfferParty.PROPOSER else of.owner_dealer_id == viewer.dealer_id


def a_party(viewer: Any, of: Any = Offer) -> ColumnElement[bool]:
    """The offers in which the viewer is one of the two."""
    if viewer.role is Role.CUSTOMER:
        return on_side(viewer, OfferParty.PROPOSER, of)
    return or_(on_side(viewer, OfferParty.PROPOSER, of), on_side(viewer, OfferParty.OWNER, of))


class SeesOffer(Permission[Offer]):
    """Staff of the tenant, and the two parties."""

    name = "offer:read"
    model = Offer

    def owns(self, actor: Actor, row: Offer) -> bool:
        return side_of(actor, row) is not None

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return a_party(viewer)


class AnswersOffer(SeesOffer):
    """Counters, accepts, rejects, withdraws: only the parties, whose turn it is says the machine."""

    name = "offer:respond"
    message = "Only the two parties speak in an offer."


class SeesRevision(Permission[OfferRevision]):
    """The revisions of an offer that one sees."""

    name = "offer:read"
    model = OfferRevision
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        offer = aliased(Offer)
        same = and_(offer.tenant_id == OfferRevision.tenant_id, offer.id == OfferRevision.offer_id)
        return exists().where(same, a_party(viewer, offer))


class ReadsOfferMessage(SeesRevision):
    """What was said with an amount."""

    marked = True
    message = "What the parties say to each other is shown to them and to staff who may."
