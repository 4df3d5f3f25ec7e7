"""Price policies as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import (
    Connection,
    Money,
    Node,
    embedded,
    many,
    money,
    one,
    payload_node,
    to_list,
    to_many,
    to_one,
    view,
)
from ..engine.scalars import CurrencyCode, DateTime
from ..permissions.base import may
from ..permissions.policy import SeesPolicy
from ..permissions.sku import SeesSku
from ..resolvers import policy as resolve
from ..resolvers import simulation
from ..rules.enums import PolicyKind
from .mutation import KeyedPayload, Payload, write

if TYPE_CHECKING:
    from .dealer import Dealer
    from .sku import Sku


@view(models.PricePolicyVersion, node=resolve.policy_version, gate=SeesPolicy())
class PricePolicyVersion(Node):
    """What a policy said since it was recorded; never changed."""

    n: int
    amount: Money = money("amount_minor")
    tolerance_bp: int
    tolerance: Money = money("tolerance_minor")
    valid_from: DateTime
    valid_to: DateTime | None
    recorded_at: DateTime


@view(models.PriceException, node=resolve.price_exception, gate=SeesPolicy())
class PriceException(Node):
    """A window in which a policy does not hold, or another amount does; never changed, but it may be ended early."""

    starts_at: DateTime
    ends_at: DateTime
    ended_at: DateTime | None
    channel: str | None
    every_dealer: bool
    amount: Money | None = money("amount_minor")
    reason: str | None
    dealers: list[Annotated["Dealer", strawberry.lazy(".dealer")]] = to_list(resolve.dealers_of_exception)


@view(models.PricePolicy, node=resolve.price_policy, gate=SeesPolicy())
class PricePolicy(Node):
    """A limit on the price of a SKU. Every change appends a version; the newest is shown on the policy itself."""

    sku: Annotated["Sku", strawberry.lazy(".sku")] | None = to_one(resolve.sku_of_policy, gate=SeesSku())
    kind: PolicyKind
    currency: CurrencyCode
    amount: Money = money("amount_minor")
    tolerance_bp: int
    tolerance: Money = money("tolerance_minor")
    valid_from: DateTime
    valid_to: DateTime | None
    head_version: int
    created_at: DateTime
    updated_at: DateTime
    version: int
    versions: Connection[PricePolicyVersion] = to_many(resolve.versions_of_policy)
    as_of: PricePolicyVersion | None = to_one(resolve.version_as_of)
    exceptions: Connection[PriceException] = to_many(resolve.exceptions_of_policy)


@strawberry.type(description="What the prices of a range raise under some policies, as if nobody acted on the alerts.")
class PricePolicyOutcome:
    observations: int = strawberry.field(description="Prices for which there is a limit.")
    breaches: int = strawberry.field(description="Those that pass it by more than the tolerance.")
    alerts: int = strawberry.field(description="Alerts that they raise, one live one per seller and SKU.")
    cycles: int = strawberry.field(
        description="Cycles of those: a breach soon after a cure opens the same alert again."
    )
    skus: int = strawberry.field(description="SKUs with a breach.")
    dealers: int = strawberry.field(description="Dealers with a breach.")
    competitors: int = strawberry.field(description="Competitors with a breach.")
    at_risk: Money = strawberry.field(
        description="How far the breaches lie past the limit, in all: times the units sold, once where none are told."
    )
    open: int = strawberry.field(description="Sellers and SKUs whose last price of the range is a breach.")
    open_at_risk: Money = strawberry.field(description="How far those last prices lie past the limit, in all.")


@strawberry.type(description="A draft of a price policy beside the policies of today, over the same prices.")
class PricePolicySimulation:
    draft: PricePolicyOutcome = embedded("draft", description="By the draft, and nothing else.")
    today: PricePolicyOutcome = embedded(
        "today", description="By the policies of today of its kind, each at its time, with their exceptions."
    )


@strawberry.type(description="The new policy.")
class PricePolicyCreatePayload(KeyedPayload):
    price_policy: PricePolicy | None = payload_node(
        "price_policy", description="The policy; null when nothing was changed."
    )


@strawberry.type(description="The policy with its new version.")
class PricePolicyUpdatePayload(Payload):
    price_policy: PricePolicy | None = payload_node(
        "price_policy", description="The policy; null when nothing was changed."
    )


@strawberry.type(description="The policy with its new exception.")
class PriceExceptionCreatePayload(KeyedPayload):
    price_policy: PricePolicy | None = payload_node(
        "price_policy", description="The policy; null when nothing was changed."
    )


@strawberry.type(description="The policy whose exception was ended.")
class PriceExceptionEndPayload(Payload):
    price_policy: PricePolicy | None = payload_node(
        "price_policy", description="The policy; null when nothing was changed."
    )


@strawberry.type
class PricePolicyQueries:
    price_policy: PricePolicy | None = one(resolve.price_policy, gate=SeesPolicy())
    price_policies: Connection[PricePolicy] | None = many(resolve.price_policies, gate=SeesPolicy())
    price_policy_simulate: PricePolicySimulation | None = one(
        simulation.price_policy_simulate, gate=may("pricePolicy:write"), weight=50
    )


@strawberry.type
class PricePolicyMutations:
    price_policy_create: PricePolicyCreatePayload | None = write(
        resolve.price_policy_create, gate=may("pricePolicy:write")
    )
    price_policy_update: PricePolicyUpdatePayload | None = write(
        resolve.price_policy_update, gate=may("pricePolicy:write")
    )
    price_exception_create: PriceExceptionCreatePayload | None = write(
        resolve.price_exception_create, gate=may("pricePolicy:write")
    )
    price_exception_end: PriceExceptionEndPayload | None = write(
        resolve.price_exception_end, gate=may("pricePolicy:write")
    )
