"""Who sees what is sold by its code, what it costs us, and who changes it."""

from ..models import Sku
from .base import Permission


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
