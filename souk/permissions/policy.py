"""Who reads price policies, and who writes them."""

from typing import Any

from sqlalchemy import ColumnElement

from ..models import PricePolicy
from .base import Permission
from .sku import lists


class SeesPolicy(Permission[PricePolicy]):
    """Staff who may; a dealer the policies of what it lists."""

    name = "pricePolicy:read"
    model = PricePolicy
    in_python = False
    message = "Price policies are shown to staff who may, and to a dealer for what it lists."

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return lists(viewer, PricePolicy.tenant_id, PricePolicy.sku_id)


class WritesPolicy(Permission[PricePolicy]):
    """Creates, updates, excepts."""

    name = "pricePolicy:write"
    model = PricePolicy
    message = "You may not change price policies."
