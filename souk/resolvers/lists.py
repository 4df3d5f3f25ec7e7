"""The lists of the API by name: what a number drills down to, and what an export writes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, any_, false, or_, true

from ..engine.symbols import Viewer
from ..models import (
    AccessRefusal,
    Alert,
    AuditEvent,
    Batch,
    BatchItem,
    Category,
    Competitor,
    Deal,
    Dealer,
    Lead,
    Listing,
    Offer,
    OperationManifest,
    PersistedOperation,
    PricePolicy,
    ServiceToken,
    Sku,
    Task,
    Team,
    Ticket,
    User,
)
from ..permissions.alert import SeesAlert
from ..permissions.audit import ReadsRefusals, SeesAudit
from ..permissions.base import Permission
from ..permissions.batch import ReadsDeadLetters, SeesBatch
from ..permissions.category import SeesCategory
from ..permissions.competitor import SeesCompetitor
from ..permissions.deal import SeesDeal
from ..permissions.dealer import SeesDealer
from ..permissions.document import SeesManifest, SeesOperation
from ..permissions.lead import SeesLead
from ..permissions.listing import SeesListing
from ..permissions.offer import SeesOffer
from ..permissions.policy import SeesPolicy
from ..permissions.service_token import SeesServiceToken
from ..permissions.sku import SeesSku, lists
from ..permissions.task import SeesTask
from ..permissions.team import SeesTeam
from ..permissions.ticket import SeesTicket
from ..permissions.user import ReadsUser, SeesUser
from ..rules.enums import ListName
from .alert import AlertFilter, alerts
from .audit import AccessRefusalFilter, AuditFilter, access_refusals, audit_events
from .batch import BatchFilter, batches
from .category import CategoryFilter, categories
from .competitor import CompetitorFilter, competitors
from .deal import DealFilter, deals
from .dealer.reads import DealerFilter, dealers
from .document import OperationManifestFilter, PersistedOperationFilter, operation_manifests, persisted_operations
from .lead.reads import LeadFilter, leads
from .listing.reads import ListingFilter, listings
from .offer.reads import OfferFilter, offers
from .policy import PricePolicyFilter, price_policies
from .retrying import DeadLetterFilter, dead_letters
from .service_token import ServiceTokenFilter, service_tokens
from .sku import SkuFilter, skus
from .task import TaskFilter, tasks
from .team import TeamFilter, teams
from .ticket.reads import TicketFilter, tickets
from .user.reads import UserFilter, users


class Listed(NamedTuple):
    """A list: the read behind the root field, the model of its rows, the input `filter`, who may ask, and what is one's own.

    Own is what a person or its dealer is a party to, and what is given to it to do.
    """

    read: Callable[..., Select[Any]]
    model: Any
    filter: type
    gate: Permission[Any]
    own: Callable[[Viewer], ColumnElement[bool]]


def _own_listing(viewer: Viewer) -> ColumnElement[bool]:
    mine: ColumnElement[bool] = Listing.dealer_id == viewer.dealer_id
    return mine


def _listed(viewer: Viewer) -> ColumnElement[bool]:
    """What the dealer lists, by its code."""
    return lists(viewer, Sku.tenant_id, Sku.id)


def _given(model: Any, sees: Permission[Any]) -> Callable[[Viewer], ColumnElement[bool]]:
    return lambda viewer: or_(sees.owned(viewer), model.assignee_id == viewer.user_id)


def _own_teams(viewer: Viewer) -> ColumnElement[bool]:
    return true() if viewer.all_teams else Team.id == any_(viewer.team_ids)


def _nobodys(viewer: Viewer) -> ColumnElement[bool]:
    """What the marketplace keeps for everybody is nobody's own."""
    return false()


LISTS: dict[ListName, Listed] = {
    ListName.ACCESS_REFUSALS: Listed(access_refusals, AccessRefusal, AccessRefusalFilter, ReadsRefusals(), _nobodys),
    ListName.ALERTS: Listed(alerts, Alert, AlertFilter, SeesAlert(), SeesAlert().owned),
    ListName.AUDIT_EVENTS: Listed(audit_events, AuditEvent, AuditFilter, SeesAudit(), SeesAudit().owned),
    ListName.BATCHES: Listed(batches, Batch, BatchFilter, SeesBatch(), SeesBatch().owned),
    ListName.CATEGORIES: Listed(categories, Category, CategoryFilter, SeesCategory(), _nobodys),
    ListName.COMPETITORS: Listed(competitors, Competitor, CompetitorFilter, SeesCompetitor(), _nobodys),
    ListName.DEAD_LETTERS: Listed(dead_letters, BatchItem, DeadLetterFilter, ReadsDeadLetters(), SeesBatch().owned),
    ListName.DEALERS: Listed(dealers, Dealer, DealerFilter, SeesDealer(), SeesDealer().owned),
    ListName.DEALS: Listed(deals, Deal, DealFilter, SeesDeal(), SeesDeal().owned),
    ListName.LEADS: Listed(leads, Lead, LeadFilter, SeesLead(), _given(Lead, SeesLead())),
    ListName.LISTINGS: Listed(listings, Listing, ListingFilter, SeesListing(), _own_listing),
    ListName.OFFERS: Listed(offers, Offer, OfferFilter, SeesOffer(), SeesOffer().owned),
    ListName.OPERATION_MANIFESTS: Listed(
        operation_manifests, OperationManifest, OperationManifestFilter, SeesManifest(), _nobodys
    ),
    ListName.PERSISTED_OPERATIONS: Listed(
        persisted_operations, PersistedOperation, PersistedOperationFilter, SeesOperation(), _nobodys
    ),
    ListName.PRICE_POLICIES: Listed(price_policies, PricePolicy, PricePolicyFilter, SeesPolicy(), SeesPolicy().owned),
    ListName.SERVICE_TOKENS: Listed(
        service_tokens, ServiceToken, ServiceTokenFilter, SeesServiceToken(), SeesServiceToken().owned
    ),
    ListName.SKUS: Listed(skus, Sku, SkuFilter, SeesSku(), _listed),
    ListName.TASKS: Listed(tasks, Task, TaskFilter, SeesTask(), _given(Task, SeesTask())),
    ListName.TEAMS: Listed(teams, Team, TeamFilter, SeesTeam(), _own_teams),
    ListName.TICKETS: Listed(tickets, Ticket, TicketFilter, SeesTicket(), _given(Ticket, SeesTicket())),
    ListName.USERS: Listed(users, User, UserFilter, SeesUser(), ReadsUser().owned),
}
