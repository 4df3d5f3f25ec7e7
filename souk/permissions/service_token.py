"""Who sees the tokens of integrations, and who makes and ends them."""

from typing import Any

from sqlalchemy import ColumnElement

from ..models import ServiceToken
from ..rules.actor import Actor
from .base import Permission


class SeesServiceToken(Permission[ServiceToken]):
    """OWNER and ADMIN every token of the tenant, a dealer those that act for it."""

    name = "serviceToken:read"
    model = ServiceToken
    message = "Service tokens are shown to OWNER and ADMIN, and to the dealer that they act for."

    def owns(self, actor: Actor, row: ServiceToken) -> bool:
        return actor.dealer_id is not None and row.dealer_id == actor.dealer_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        own: ColumnElement[bool] = ServiceToken.dealer_id == viewer.dealer_id
        return own


class WritesServiceToken(SeesServiceToken):
    """Makes, rotates and revokes them."""

    name = "serviceToken:write"
    message = "You may not change this service token."
