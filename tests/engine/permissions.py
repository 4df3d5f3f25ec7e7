"""Small permissions with every shape the engine knows: by role, by owner, by EXISTS."""

from typing import Any, ClassVar

from graphql import GraphQLError
from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import aliased

from souk.rules.actor import STAFF, Actor, Facts, Role

from .models import Buyer, Dealer, Listing, Offer


class Permission:
    message = "You may not see this."
    in_python: ClassVar[bool] = True
    model: Any = None

    def allows(self, actor: Actor, row: Any) -> bool:
        return False

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        return false()

    def refusal(self) -> GraphQLError:
        return GraphQLError(self.message, extensions={"code": "FORBIDDEN", "retryable": False})

    def require(self, actor: Actor, row: Any) -> None:
        if not self.allows(actor, row):
            raise self.refusal()


class MayAsk:
    def __init__(self, *roles: Role) -> None:
        self.roles = roles

    def admits(self, facts: Facts) -> bool:
        return facts.role in self.roles

    def refusal(self) -> GraphQLError:
        return GraphQLError("Your role may not ask this.", extensions={"code": "FORBIDDEN", "retryable": False})


EVERYBODY = MayAsk(*Role)
NOT_PUBLIC = MayAsk(*(role for role in Role if role is not Role.PUBLIC))
ONLY_STAFF = MayAsk(*STAFF)


class SeesListing(Permission):
    """Staff; the dealer his own; everybody what is for sale or sold."""

    model = Listing

    def allows(self, actor: Actor, row: Any) -> bool:
        return (
            actor.role in STAFF
            or row.status != "DRAFT"
            or (actor.role is Role.DEALER and row.dealer_id == actor.dealer_id)
        )

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role in STAFF:
            return true()
        public = Listing.status != "DRAFT"
        return or_(public, Listing.dealer_id == viewer.dealer_id) if viewer.role is Role.DEALER else public


class SeesFloor(Permission):
    model = Listing
    message = "Only the owner may see the floor price."

    def allows(self, actor: Actor, row: Any) -> bool:
        return actor.role in STAFF or (actor.role is Role.DEALER and row.dealer_id == actor.dealer_id)

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role in STAFF:
            return true()
        return Listing.dealer_id == viewer.dealer_id if viewer.role is Role.DEALER else false()


class SeesOffer(Permission):
    model = Offer

    def allows(self, actor: Actor, row: Any) -> bool:
        match actor.role:
            case Role.DEALER:
                return bool(row.dealer_id == actor.dealer_id)
            case Role.CUSTOMER:
                return bool(row.buyer_id == actor.user_id)
            case Role.PUBLIC:
                return False
        return True

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        match viewer.role:
            case Role.DEALER:
                return Offer.dealer_id == viewer.dealer_id
            case Role.CUSTOMER:
                return Offer.buyer_id == viewer.user_id
            case Role.PUBLIC:
                return false()
        return true()


class SeesBuyer(Permission):
    """Staff, the buyer, and a dealer to whom the buyer made an offer: an EXISTS, so only SQL can tell."""

    model = Buyer
    in_python = False

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        match viewer.role:
            case Role.CUSTOMER:
                return Buyer.id == viewer.user_id
            case Role.PUBLIC:
                return false()
            case Role.DEALER:
                made = aliased(Offer)  # aliased: the enclosing read may itself be of Offer
                return exists().where(
                    and_(
                        made.tenant_id == Buyer.tenant_id, made.buyer_id == Buyer.id, made.dealer_id == viewer.dealer_id
                    )
                )
        return true()


class SeesEmail(Permission):
    """A dealer once one of the buyer's offers to him is accepted: an EXISTS."""

    model = Buyer
    in_python = False
    message = "Unlock the contact to see the address."

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role is not Role.DEALER:
            return true()
        made = aliased(Offer)
        return exists().where(
            and_(
                made.tenant_id == Buyer.tenant_id,
                made.buyer_id == Buyer.id,
                made.dealer_id == viewer.dealer_id,
                made.status == "ACCEPTED",
            )
        )


class CallsBuyer(Permission):
    model = Buyer
    message = "Only staff may call."

    def allows(self, actor: Actor, row: Any) -> bool:
        return actor.role in STAFF or row.id == actor.user_id

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        return true() if viewer.role in STAFF else Buyer.id == viewer.user_id


class OpensContact(Permission):
    model = Offer

    def allows(self, actor: Actor, row: Any) -> bool:
        return actor.role in STAFF or row.status == "ACCEPTED"

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        return true() if viewer.role in STAFF else Offer.status == "ACCEPTED"


class KnowsParty(Permission):
    """A dealer with another offer of the same buyer that was accepted: an EXISTS inside a union."""

    model = Offer
    in_python = False

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        made = aliased(Offer)
        return exists().where(
            and_(
                made.tenant_id == Offer.tenant_id,
                made.buyer_id == Offer.buyer_id,
                made.status == "ACCEPTED",
                made.id != Offer.id,
            )
        )


class SeesDealer(Permission):
    model = Dealer

    def allows(self, actor: Actor, row: Any) -> bool:
        return True

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        return true()


EVERY = (SeesListing, SeesFloor, SeesOffer, SeesBuyer, SeesEmail, CallsBuyer, OpensContact, KnowsParty, SeesDealer)
