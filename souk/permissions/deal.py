"""Who sees deals: staff, and who pays or is paid."""

from typing import Any

from sqlalchemy import ColumnElement, or_

from ..models import Deal
from ..rules.actor import Actor, Role
from .base import Permission


class SeesDeal(Permission[Deal]):
    """Staff of the tenant, the payer and the payee."""

    name = "deal:read"
    model = Deal

    def owns(self, actor: Actor, row: Deal) -> bool:
        if actor.role is Role.CUSTOMER:
            return actor.user_id is not None and actor.user_id in (row.payer_user_id, row.payee_user_id)
        return actor.dealer_id is not None and actor.dealer_id in (row.payer_dealer_id, row.payee_dealer_id)

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        if viewer.role is Role.CUSTOMER:
            return or_(Deal.payer_user_id == viewer.user_id, Deal.payee_user_id == viewer.user_id)
        return or_(Deal.payer_dealer_id == viewer.dealer_id, Deal.payee_dealer_id == viewer.dealer_id)
