"""Deals as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Money, Node, many, money, one, to_one, view
from ..engine.scalars import DateTime
from ..permissions.deal import SeesDeal
from ..permissions.offer import SeesOffer
from ..resolvers import deal as resolve
from ..resolvers import offer as resolve_offer
from ..rules.enums import DealKind, DealStatus, Settlement
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .dealer import Dealer
    from .listing import Listing
    from .offer import Offer
    from .user import User


@view(models.Deal, node=resolve.deal, gate=SeesDeal())
class Deal(Node):
    """An accepted offer."""

    kind: DealKind
    settlement: Settlement
    status: DealStatus
    net: Money = money("net_minor")
    vat: Money = money("vat_minor")
    gross: Money = money("gross_minor")
    payment_due_at: DateTime
    created_at: DateTime
    updated_at: DateTime
    version: int
    listing: Annotated["Listing", strawberry.lazy(".listing")] | None = to_one(resolve.listing_of_deal)
    offer: Annotated["Offer", strawberry.lazy(".offer")] | None = to_one(resolve_offer.offer_of_deal, gate=SeesOffer())
    payer_user: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.payer_of_deal)
    payer_dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.paying_dealer_of_deal)
    payee_user: Annotated["User", strawberry.lazy(".user")] | None = to_one(resolve.payee_of_deal)
    payee_dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.paid_dealer_of_deal)
    available_transitions: list[Transition] = transitions("Deal", {})


@strawberry.type
class DealQueries:
    deal: Deal | None = one(resolve.deal, gate=SeesDeal())
    deals: Connection[Deal] | None = many(resolve.deals, gate=SeesDeal())
