"""The lists of the API by name: what a number drills down to, and what an export writes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Select

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
    """A list: the read behind the root field, the model of its rows, the input `filter`, and who may ask."""

    read: Callable[..., Select[Any]]
    model: Any
    filter: type
    gate: Permission[Any]


LISTS: dict[ListName, Listed] = {
    ListName.ALERTS: Listed(alerts, Alert, AlertFilter, SeesAlert()),
    ListName.BATCHES: Listed(batches, Batch, BatchFilter, SeesBatch()),
    ListName.DEALERS: Listed(dealers, Dealer, DealerFilter, SeesDealer()),
    ListName.LEADS: Listed(leads, Lead, LeadFilter, SeesLead()),
    ListName.LISTINGS: Listed(listings, Listing, ListingFilter, SeesListing()),
    ListName.OFFERS: Listed(offers, Offer, OfferFilter, SeesOffer()),
    ListName.TASKS: Listed(tasks, Task, TaskFilter, SeesTask()),
    ListName.TICKETS: Listed(tickets, Ticket, TicketFilter, SeesTicket()),
}
