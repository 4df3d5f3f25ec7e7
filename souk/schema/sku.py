"""SKUs as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Money, Node, many, money, one, payload_node, to_list, to_many, view
from ..engine.scalars import CurrencyCode, DateTime
from ..permissions.alert import SeesAlert
from ..permissions.base import may
from ..permissions.policy import SeesPolicy
from ..permissions.sku import ReadsCost, SeesSku
from ..resolvers import alert as resolve_alert
from ..resolvers import listing as resolve_listing
from ..resolvers import policy as resolve_policy
from ..resolvers import sku as resolve
from .external import ExternalId
from .mutation import KeyedPayload, Payload, write

if TYPE_CHECKING:
    from .alert import Alert
    from .listing import Listing
    from .policy import PricePolicy


@view(models.Sku, node=resolve.sku, gate=SeesSku())
class Sku(Node):
    """A thing by its code, with its prices."""

    code: str
    name: str
    brand: str | None
    mrp: Money | None = money("mrp_minor")
    cost: Money | None = money("cost_minor", permission=ReadsCost())
    currency: CurrencyCode
    ean: str | None
    upc: str | None
    mpn: str | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    external_ids: list[ExternalId] = to_list(resolve.external_ids_of_sku)
    policies: Connection[Annotated["PricePolicy", strawberry.lazy(".policy")]] | None = to_many(
        resolve_policy.policies_of_sku, gate=SeesPolicy()
    )
    alerts: Connection[Annotated["Alert", strawberry.lazy(".alert")]] | None = to_many(
        resolve_alert.alerts_of_sku, gate=SeesAlert()
    )
    listings: Connection[Annotated["Listing", strawberry.lazy(".listing")]] = to_many(resolve_listing.listings_of_sku)


@strawberry.type(description="The new SKU.")
class SkuCreatePayload(KeyedPayload):
    sku: Sku | None = payload_node("sku", description="The SKU; null when nothing was changed.")


@strawberry.type(description="The changed SKU.")
class SkuUpdatePayload(Payload):
    sku: Sku | None = payload_node("sku", description="The SKU; null when nothing was changed.")


@strawberry.type
class SkuQueries:
    sku: Sku | None = one(resolve.sku, gate=SeesSku())
    skus: Connection[Sku] | None = many(resolve.skus, gate=SeesSku())


@strawberry.type
class SkuMutations:
    sku_create: SkuCreatePayload | None = write(resolve.sku_create, gate=may("sku:write"))
    sku_update: SkuUpdatePayload | None = write(resolve.sku_update, gate=may("sku:write"))
