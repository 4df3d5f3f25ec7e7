"""Who reads price policies, and who writes them."""

from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from ..models import Listing, PricePolicy
from .base import Permission


class SeesPolicy(Permission[PricePolicy]):
    """Staff who may; a dealer the policies of what it lists."""

    name = "pricePolicy:read"
    model = PricePolicy
    in_python = False
    message = "Price policies are shown to staff who may, and to a dealer for what it lists."

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        listed = aliased(Listing)
        return exists().where(
            listed.tenant_id == PricePolicy.tenant_id,
            listed.sku_id == PricePolicy.sku_id,
            listed.dealer_id == viewer.dealer_id,
            listed.deleted_at.is_(None),
        )


class WritesPolicy(Permission[PricePolicy]):
    """Creates, updates, excepts."""

    name = "pricePolicy:write"
    model = PricePolicy
    message = "You may not change price policies."
