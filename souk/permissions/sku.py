"""Who sees what is sold by its code, what it costs us, and who changes it."""

from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from ..models import Listing, Sku
from .base import Permission


def lists(viewer: Any, tenant_id: Any, sku_id: Any) -> ColumnElement[bool]:
    """The viewer's organisation has a listing of the SKU that these columns name."""
    listed = aliased(Listing)
    return exists().where(
        listed.tenant_id == tenant_id,
        listed.sku_id == sku_id,
        listed.dealer_id == viewer.dealer_id,
        listed.deleted_at.is_(None),
    )


class SeesSku(Permission[Sku]):
    """Everybody who is signed in, but the service desk."""

    name = "sku:read"
    model = Sku


class ReadsCost(Permission[Sku]):
    """What a thing costs us."""

    name = "sku:readCost"
    model = Sku
    message = "The cost is shown to OWNER, ADMIN and OPS."


class WritesSku(Permission[Sku]):
    """Creates and updates."""

    name = "sku:write"
    model = Sku
    message = "You may not change SKUs."
