"""Who sees listings, and who moves them."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from ..models import Listing, ListingAudience, VehicleDetail
from ..rules.actor import Actor, Role
from .base import AnyOf, Permission


class ReadsPublished(Permission[Listing]):
    """ACTIVE listings: public ones, and private ones for their audience."""

    name = "listing:read"
    model = Listing
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        active = and_(Listing.status == "ACTIVE", Listing.deleted_at.is_(None))
        if viewer.role not in (Role.DEALER, Role.CUSTOMER):
            return and_(active, Listing.visibility == "PUBLIC")
        meant = aliased(ListingAudience)
        me = meant.dealer_id == viewer.dealer_id if viewer.role is Role.DEALER else meant.user_id == viewer.user_id
        invited = exists().where(meant.tenant_id == Listing.tenant_id, meant.listing_id == Listing.id, me)
        return and_(active, or_(Listing.visibility == "PUBLIC", invited))

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        own: ColumnElement[bool] = Listing.dealer_id == viewer.dealer_id
        return own


class _OwnListing(Permission[Listing]):
    model = Listing

    def within(self, actor: Actor, row: Listing) -> bool:
        return row.deleted_at is None

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return Listing.deleted_at.is_(None)

    def owns(self, actor: Actor, row: Listing) -> bool:
        return row.deleted_at is None and actor.dealer_id is not None and row.dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(Listing.deleted_at.is_(None), Listing.dealer_id == viewer.dealer_id)


class ReadsUnpublished(_OwnListing):
    """Every other state, and private ones."""

    name = "listing:readUnpublished"


class ReadsPrivate(_OwnListing):
    """Floor, automatic answers, registration number."""

    name = "listing:readPrivate"
    message = "Shown to staff who may and to the listing's dealer."


class ReadsRegistration(Permission[VehicleDetail]):
    """The registration number of a vehicle."""

    name = "listing:readPrivate"
    model = VehicleDetail
    subject = "Listing"
    message = "Shown to staff who may and to the listing's dealer."
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        listed = aliased(Listing)
        same = and_(listed.tenant_id == VehicleDetail.tenant_id, listed.id == VehicleDetail.id)
        return exists().where(same, listed.dealer_id == viewer.dealer_id)


class WritesListing(_OwnListing):
    """Creates, updates, submits, pauses, renews, archives."""

    name = "listing:write"
    message = "You may not change this listing."


class ModeratesListing(_OwnListing):
    """Approves, rejects, suspends, reinstates."""

    name = "listing:moderate"
    message = "You may not moderate listings."


class SeesListing(AnyOf):
    """What is published, or what is one's own or staff's to see."""

    def __init__(self) -> None:
        super().__init__(ReadsPublished(), ReadsUnpublished())
