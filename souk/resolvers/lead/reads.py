"""Which leads there are for somebody."""

from collections.abc import Iterator

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, among, key
from ...models import Dealer, Lead, LeadUnlock, Listing, User
from ...permissions.dealer import SeesDealer
from ...permissions.lead import OpensContact, SeesLead, SeesUnlock
from ...permissions.listing import SeesListing
from ...permissions.user import SeesUser
from ...rules.enums import Described, ExternalType, LeadSource, LeadStatus
from ..enums import known
from ..filters import ExternalIdInput, conditions, during, named_elsewhere, refers_or_not, refers_to


@known
class LeadContactReason(Described):
    """Why the contact of a lead is locked for somebody."""

    NOT_UNLOCKED = "NOT_UNLOCKED", "The viewer's dealer has not unlocked it."
    MASKED = "MASKED", "The role does not read contacts."
    NOT_ASSIGNED = "NOT_ASSIGNED", "The lead is another colleague's, or nobody's."
    RESTRICTED = "RESTRICTED", "The viewer's dealer may not unlock: not verified, or under enforcement."


@known
class LeadOrder(Described):
    """The order of a list of leads."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


LEAD_ORDER = {
    LeadOrder.NEWEST: Lead.created_at.desc(),
    LeadOrder.OLDEST: Lead.created_at.asc(),
    LeadOrder.UPDATED: Lead.updated_at.desc(),
}


@strawberry.input(description="Conditions on leads; all must hold.")
class LeadFilter:
    status: strawberry.Maybe[list[LeadStatus]] = strawberry.field(description="In one of these states.", default=None)
    listing_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this listing.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="About a listing of this dealer.", default=None
    )
    assignee_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Followed up by this colleague; null for those nobody has.", default=None
    )
    source: strawberry.Maybe[LeadSource] = strawberry.field(description="From this source.", default=None)
    external_id: strawberry.Maybe[ExternalIdInput] = strawberry.field(
        description="What another system names so.", default=None
    )
    created_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Made at or after this moment.", default=None
    )
    created_before: strawberry.Maybe[DateTime] = strawberry.field(description="Made before this moment.", default=None)
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield among(Lead.status, self.status.value)
        if self.listing_id:
            yield refers_to(Lead.listing_id, self.listing_id.value, Listing)
        if self.dealer_id:
            yield refers_to(Lead.dealer_id, self.dealer_id.value, Dealer)
        if self.assignee_id:
            yield refers_or_not(Lead.assignee_id, self.assignee_id.value, User)
        if self.source:
            yield Lead.source == self.source.value
        if self.external_id:
            yield named_elsewhere(Lead, ExternalType.LEAD, self.external_id.value)
        yield from during(Lead.created_at, self.created_since, self.created_before)
        if self.updated_since:
            yield Lead.updated_at >= self.updated_since.value


def leads(viewer: Viewer, filter: LeadFilter | None = None, order_by: LeadOrder = LeadOrder.NEWEST) -> Select[Lead]:
    """Leads the viewer may see: all for staff; for a dealer its own, those it unlocked and those it may still unlock."""
    found = select(Lead).where(SeesLead().rows(viewer), *conditions(filter, viewer))
    return found.order_by(LEAD_ORDER[order_by])


def lead(viewer: Viewer, id: strawberry.ID) -> Select[Lead]:
    """One lead by its id."""
    return select(Lead).where(Lead.id == key(id, Lead), SeesLead().rows(viewer))


def leads_of_listing(
    viewer: Viewer, listing: Listing, filter: LeadFilter | None = None, order_by: LeadOrder = LeadOrder.NEWEST
) -> Select[Lead]:
    """Leads about the listing that the viewer may see."""
    return leads(viewer, filter, order_by).where(Lead.listing_id == listing.id)


def leads_of_dealer(
    viewer: Viewer, dealer: Dealer, filter: LeadFilter | None = None, order_by: LeadOrder = LeadOrder.NEWEST
) -> Select[Lead]:
    """Leads about listings of the dealer that the viewer may see."""
    return leads(viewer, filter, order_by).where(Lead.dealer_id == dealer.id)


def lead_of_unlock(viewer: Viewer, unlock: LeadUnlock) -> Select[Lead]:
    """The lead it opens."""
    return select(Lead).where(Lead.id == unlock.lead_id, SeesLead().rows(viewer))


def unlocks_of_lead(viewer: Viewer, lead: Lead) -> Select[LeadUnlock]:
    """Who unlocked it: all of them for staff, one's own for a dealer; the first one first."""
    found = select(LeadUnlock).where(LeadUnlock.lead_id == lead.id, SeesUnlock().rows(viewer))
    return found.order_by(LeadUnlock.created_at.asc())


def own_unlock_of_lead(viewer: Viewer, lead: Lead) -> Select[LeadUnlock]:
    """The unlock of the viewer's own dealer; null without one."""
    return select(LeadUnlock).where(
        LeadUnlock.lead_id == lead.id, LeadUnlock.dealer_id == viewer.dealer_id, SeesUnlock().rows(viewer)
    )


def lead_unlock(viewer: Viewer, id: strawberry.ID) -> Select[LeadUnlock]:
    """One unlock by its id."""
    return select(LeadUnlock).where(LeadUnlock.id == key(id, LeadUnlock), SeesUnlock().rows(viewer))


# Whom and what it concerns ----------------------------------------------------------------------------------------


def listing_of_lead(viewer: Viewer, lead: Lead) -> Select[Listing]:
    """What was asked about; null where the viewer does not see the listing any more."""
    return select(Listing).where(Listing.id == lead.listing_id, SeesListing().rows(viewer))


def dealer_of_lead(viewer: Viewer, lead: Lead) -> Select[Dealer]:
    """The dealer whose listing was asked about."""
    return select(Dealer).where(Dealer.id == lead.dealer_id, SeesDealer().rows(viewer))


def user_of_lead(viewer: Viewer, lead: Lead) -> Select[User]:
    """The person who asked; null for somebody without an account, and for those who do not read the contact."""
    open_ = select(Lead.id).where(Lead.tenant_id == User.tenant_id, Lead.id == lead.id, OpensContact().rows(viewer))
    return select(User).where(User.id == lead.user_id, open_.exists(), SeesUser().rows(viewer))


def assignee_of_lead(viewer: Viewer, lead: Lead) -> Select[User]:
    """The colleague who follows it up; null for nobody, and for those who do not see staff."""
    return select(User).where(User.id == lead.assignee_id, SeesUser().rows(viewer))


def dealer_of_unlock(viewer: Viewer, unlock: LeadUnlock) -> Select[Dealer]:
    """The dealer that unlocked it."""
    return select(Dealer).where(Dealer.id == unlock.dealer_id, SeesDealer().rows(viewer))
