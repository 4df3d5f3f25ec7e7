"""Who sees dealers, what they sell by name, and who else sells it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists
from sqlalchemy.orm import aliased

from ..models import Dealer, Listing, Sku
from ..rules.actor import Actor, Role
from .base import Permission


class SeesDealer(Permission[Dealer]):
    """The card: staff and dealers any dealer, customers and the public those with a listing they may see."""

    name = "dealer:read"
    model = Dealer
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role not in (Role.CUSTOMER, Role.PUBLIC):
            return Dealer.deleted_at.is_(None)
        shown = aliased(Listing)  # aliased: the enclosing read may itself be of Listing
        public = and_(shown.tenant_id == Dealer.tenant_id, shown.dealer_id == Dealer.id, shown.status == "ACTIVE")
        return and_(Dealer.deleted_at.is_(None), exists().where(public, shown.visibility == "PUBLIC"))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return Dealer.id == viewer.dealer_id


class OpensDealer(Permission[Dealer]):
    """The marked fields of the card: phone, e-mail, address, tax number."""

    name = "dealer:read"
    model = Dealer
    marked = True
    message = "The contact of a dealer is shown to staff who may and to the dealer itself."

    def owns(self, actor: Actor, row: Dealer) -> bool:
        return actor.dealer_id is not None and row.id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return Dealer.id == viewer.dealer_id


class ReadsDealerRecord(Permission[Dealer]):
    """Verification, standing and what follows from them."""

    name = "dealer:readRecord"
    model = Dealer
    message = "The record of a dealer is shown to staff and to the dealer itself."

    def owns(self, actor: Actor, row: Dealer) -> bool:
        return actor.dealer_id is not None and row.id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return Dealer.id == viewer.dealer_id


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


class DecidesAppeal(Permission[Dealer]):
    """Grants or refuses an appeal."""

    name = "appeal:decide"
    model = Dealer
    message = "You may not decide an appeal."


class SetsStanding(Permission[Dealer]):
    """Sets a standing by hand, reinstates."""

    name = "dealer:standing"
    model = Dealer
    message = "You may not set a dealer's standing."


class SeesSku(Permission[Sku]):
    """Everybody who is signed in, but the service desk."""

    name = "sku:read"
    model = Sku


class ReadsCost(Permission[Sku]):
    """What a thing costs us."""

    name = "sku:readCost"
    model = Sku
    message = "The cost is shown to OWNER, ADMIN and OPS."
