"""The lists of the API by name: what a number drills down to, and what an export writes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, or_

from ..engine.symbols import Viewer
from ..models import Alert, Batch, Dealer, Lead, Listing, Offer, Task, Ticket
from ..permissions.alert import SeesAlert
from ..permissions.base import Permission
from ..permissions.batch import SeesBatch
from ..permissions.dealer import SeesDealer
from ..permissions.lead import SeesLead
from ..permissions.listing import SeesListing
from ..permissions.offer import SeesOffer
from ..permissions.task import SeesTask
from ..permissions.ticket import SeesTicket
from ..rules.enums import ListName
from .alert import AlertFilter, alerts
from .batch import BatchFilter, batches
from .dealer.reads import DealerFilter, dealers
from .lead.reads import LeadFilter, leads
from .listing.reads import ListingFilter, listings
from .offer.reads import OfferFilter, offers
from .task import TaskFilter, tasks
from .ticket.reads import TicketFilter, tickets


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


def _given(model: Any, sees: Permission[Any]) -> Callable[[Viewer], ColumnElement[bool]]:
    return lambda viewer: or_(sees.owned(viewer), model.assignee_id == viewer.user_id)


LISTS: dict[ListName, Listed] = {
    ListName.ALERTS: Listed(alerts, Alert, AlertFilter, SeesAlert(), SeesAlert().owned),
    ListName.BATCHES: Listed(batches, Batch, BatchFilter, SeesBatch(), SeesBatch().owned),
    ListName.DEALERS: Listed(dealers, Dealer, DealerFilter, SeesDealer(), SeesDealer().owned),
    ListName.LEADS: Listed(leads, Lead, LeadFilter, SeesLead(), _given(Lead, SeesLead())),
    ListName.LISTINGS: Listed(listings, Listing, ListingFilter, SeesListing(), _own_listing),
    ListName.OFFERS: Listed(offers, Offer, OfferFilter, SeesOffer(), SeesOffer().owned),
    ListName.TASKS: Listed(tasks, Task, TaskFilter, SeesTask(), _given(Task, SeesTask())),
    ListName.TICKETS: Listed(tickets, Ticket, TicketFilter, SeesTicket(), _given(Ticket, SeesTicket())),
}
