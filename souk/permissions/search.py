"""Who finds what by its words: whoever may read the words."""

from typing import Any

from sqlalchemy import ColumnElement, select

from ..models import Competitor, Dealer, Listing, Sku, Ticket, User
from .base import Permission
from .competitor import SeesCompetitor
from .dealer import SeesDealer
from .listing import SeesListing
from .sku import SeesSku
from .ticket import OpensTicket, ReadsInternal
from .user import NamesUser

FOUND: dict[str, tuple[str, Any, Permission[Any]]] = {
    "LISTING": ("LISTING", Listing, SeesListing()),
    "DEALER": ("DEALER", Dealer, SeesDealer()),
    "SKU": ("SKU", Sku, SeesSku()),
    "COMPETITOR": ("COMPETITOR", Competitor, SeesCompetitor()),
    "TICKET": ("TICKET", Ticket, OpensTicket()),
    "TICKET_INTERNAL": ("TICKET", Ticket, ReadsInternal()),
    "USER": ("USER", User, NamesUser()),
}
"""Kind of words → the type that is shown, its model, and who may read these words of it."""


def readable(viewer: Any, kind: str, row_id: Any) -> ColumnElement[bool]:
    """The viewer may read the words of this kind of the row with this id."""
    _, model, permission = FOUND[kind]
    return select(model.id).where(model.id == row_id, permission.rows(viewer)).exists()
