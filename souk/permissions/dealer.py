"""Who sees dealers, and who changes what about them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from ..models import Dealer, DealerRestriction, Listing, ListingAudience
from ..rules.actor import Actor, Role
from .base import Permission


def _own(viewer: Any) -> ColumnElement[bool]:
    own: ColumnElement[bool] = Dealer.id == viewer.dealer_id
    return own


class SeesDealer(Permission[Dealer]):
    """The card: staff and dealers any dealer, customers and the public those with a listing they may see."""

    name = "dealer:read"
    model = Dealer
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role not in (Role.CUSTOMER, Role.PUBLIC):
            return Dealer.deleted_at.is_(None)
        shown = aliased(Listing)  # aliased: the enclosing read may itself be of Listing
        active = and_(
            shown.tenant_id == Dealer.tenant_id,
            shown.dealer_id == Dealer.id,
            shown.status == "ACTIVE",
            shown.deleted_at.is_(None),
        )
        meant_for = shown.visibility == "PUBLIC"
        if viewer.role is Role.CUSTOMER:
            meant = aliased(ListingAudience)
            invited = and_(meant.tenant_id == shown.tenant_id, meant.listing_id == shown.id)
            meant_for = or_(meant_for, exists().where(invited, meant.user_id == viewer.user_id))
        return and_(Dealer.deleted_at.is_(None), exists().where(active, meant_for))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _own(viewer)


class OpensDealer(Permission[Dealer]):
    """The marked fields of the card: phone, e-mail, address, tax number."""

    name = "dealer:read"
    model = Dealer
    marked = True
    message = "The contact of a dealer is shown to staff who may and to the dealer itself."

    def owns(self, actor: Actor, row: Dealer) -> bool:
        return actor.dealer_id is not None and row.id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _own(viewer)


class ReadsDealerRecord(Permission[Dealer]):
    """Verification, standing and what follows from them."""

    name = "dealer:readRecord"
    model = Dealer
    message = "The record of a dealer is shown to staff and to the dealer itself."

    def owns(self, actor: Actor, row: Dealer) -> bool:
        return actor.dealer_id is not None and row.id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _own(viewer)


class ReadsRestriction(Permission[DealerRestriction]):
    """What a dealer lacks: part of its record."""

    name = "dealer:readRecord"
    model = DealerRestriction
    message = "The record of a dealer is shown to staff and to the dealer itself."

    def owns(self, actor: Actor, row: DealerRestriction) -> bool:
        return actor.dealer_id is not None and row.dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        own: ColumnElement[bool] = DealerRestriction.dealer_id == viewer.dealer_id
        return own


class CreatesDealer(Permission[Dealer]):
    """Adds and authorises dealers: staff and integrations, never a dealer."""

    name = "dealer:write"
    model = Dealer
    message = "Dealers are added and authorised by staff."


class EditsDealer(ReadsDealerRecord):
    """Edits the card."""

    name = "dealer:write"
    message = "You may not edit this dealer."


class SubmitsVerification(ReadsDealerRecord):
    """Hands in documents."""

    name = "dealer:submitVerification"
    message = "Only the dealer itself hands in for verification."


class ReviewsVerification(Permission[Dealer]):
    """Approves, rejects, revokes."""

    name = "dealer:verify"
    model = Dealer
    message = "You may not review a verification."


class TerminatesDealer(Permission[Dealer]):
    """Ends a dealer for good."""

    name = "dealer:terminate"
    model = Dealer
    message = "Only the OWNER ends a dealer."


class SetsStanding(Permission[Dealer]):
    """Sets a standing by hand, reinstates."""

    name = "dealer:standing"
    model = Dealer
    message = "You may not set a dealer's standing."
