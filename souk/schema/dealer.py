"""Dealers as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Node, column, many, one, payload_node, to_many, view
from ..engine.scalars import DateTime, EmailAddress, PhoneNumber
from ..permissions.base import may
from ..permissions.dealer import (
    OpensDealer,
    ReadsDealerRecord,
    ReviewsVerification,
    SeesDealer,
    SetsStanding,
    SubmitsVerification,
    TerminatesDealer,
)
from ..resolvers import dealer as resolve
from ..resolvers import listing as resolve_listing
from ..rules.enums import DealerKind, DealerStanding, DealerVerification
from .mutation import Payload, write
from .transitions import Transition, joined, steps

if TYPE_CHECKING:
    from .listing import Listing


VERIFICATION = {"dealer:submitVerification": SubmitsVerification(), "dealer:verify": ReviewsVerification()}
STANDING = {"dealer:standing": SetsStanding(), "dealer:terminate": TerminatesDealer()}


@view(models.Dealer, node=resolve.dealer, gate=SeesDealer())
class Dealer(Node):
    """An organisation that lists. Everybody sees the card; contact and record are guarded."""

    kind: DealerKind
    name: str
    city: str | None
    tax_id: str | None = column("tax_id", OpensDealer())
    phone: PhoneNumber | None = column("phone", OpensDealer())
    email: EmailAddress | None = column("email", OpensDealer())
    address: str | None = column("address", OpensDealer())
    verification: DealerVerification | None = column("verification", ReadsDealerRecord())
    standing: DealerStanding | None = column("standing", ReadsDealerRecord())
    available_transitions: list[Transition] | None = joined(
        steps("DealerVerification", VERIFICATION, column="verification"),
        steps("DealerStanding", STANDING, column="standing"),
        permission=ReadsDealerRecord(),
    )
    created_at: DateTime
    updated_at: DateTime
    version: int
    listings: Connection[Annotated["Listing", strawberry.lazy(".listing")]] = to_many(
        resolve_listing.listings_of_dealer
    )


@strawberry.type(description="The new dealer.")
class DealerCreatePayload(Payload):
    dealer: Dealer | None = payload_node("dealer", description="The dealer; null when nothing was changed.")


@strawberry.type(description="The dealer with its standing.")
class DealerSetStandingPayload(Payload):
    dealer: Dealer | None = payload_node("dealer", description="The dealer; null when nothing was changed.")


@strawberry.type
class DealerQueries:
    dealer: Dealer | None = one(resolve.dealer, gate=SeesDealer())
    dealers: Connection[Dealer] | None = many(resolve.dealers, gate=SeesDealer())


@strawberry.type
class DealerMutations:
    dealer_create: DealerCreatePayload | None = write(resolve.dealer_create, gate=may("dealer:write"))
    dealer_set_standing: DealerSetStandingPayload | None = write(
        resolve.dealer_set_standing, gate=may("dealer:standing")
    )
