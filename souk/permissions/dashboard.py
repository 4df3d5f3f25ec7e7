"""Who reads the numbers of the tenant, and those of a dealer."""

from typing import Any

from sqlalchemy import ColumnElement, and_

from ..models import Dealer
from ..rules.actor import Actor
from .base import Permission


class ReadsDashboard(Permission[Any]):
    """The numbers of the whole tenant: staff and services of it; a dealer has its own."""

    name = "dashboard:read"
    message = "Dashboards are shown to staff who may; a dealer has its own."


class ReadsDealerDashboard(Permission[Dealer]):
    """The numbers of one dealer: staff who may, and the dealer itself."""

    name = "dashboard:read"
    model = Dealer
    message = "The numbers of a dealer are shown to staff who may, and to the dealer itself."

    def within(self, actor: Actor, row: Dealer) -> bool:
        return row.deleted_at is None

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return Dealer.deleted_at.is_(None)

    def owns(self, actor: Actor, row: Dealer) -> bool:
        return row.deleted_at is None and actor.dealer_id is not None and row.id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return and_(Dealer.deleted_at.is_(None), Dealer.id == viewer.dealer_id)
