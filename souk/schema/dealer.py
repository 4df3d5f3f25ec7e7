"""Dealers as clients see them."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from .. import models
from ..engine.declare import Connection, Node, column, many, one, payload_node, to_list, to_many, to_one, view
from ..engine.scalars import DateTime, EmailAddress, PhoneNumber
from ..permissions.alert import SeesAlert
from ..permissions.base import may
from ..permissions.batch import SeesBatch
from ..permissions.dealer import (
    OpensDealer,
    ReadsDealerRecord,
    ReadsRestriction,
    ReviewsVerification,
    SeesDealer,
    SetsStanding,
    SubmitsVerification,
    TerminatesDealer,
)
from ..permissions.lead import SeesLead
from ..permissions.note import ReadsNote
from ..permissions.task import SeesTask
from ..resolvers import alert as resolve_alert
from ..resolvers import dealer as resolve
from ..resolvers import lead as resolve_lead
from ..resolvers import listing as resolve_listing
from ..resolvers import restriction as resolve_restriction
from ..resolvers import task as resolve_task
from ..resolvers import user as resolve_user
from ..resolvers.note import notes_on
from ..rules.enums import DealerKind, DealerStanding, DealerVerification, RestrictionKind
from .external import ExternalId
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, joined, steps

if TYPE_CHECKING:
    from .alert import Alert
    from .batch import BatchItem
    from .lead import Lead
    from .listing import Listing
    from .note import Note
    from .task import Task
    from .user import Membership


VERIFICATION = {"dealer:submitVerification": SubmitsVerification(), "dealer:verify": ReviewsVerification()}
STANDING = {
    "dealer:standing": SetsStanding(),
    "dealer:terminate": TerminatesDealer(),
    "appeal:decide": may("appeal:decide"),
}


SINCE: Any = column("since")
SINCE.graphql_name = "from"  # a word of Python's, so that the attribute cannot bear it


@view(models.DealerRestriction, node=resolve_restriction.dealer_restriction, gate=ReadsRestriction())
class DealerRestriction(Node):
    """A privilege that a dealer lacks for a while. Staff and the dealer itself see it."""

    kind: RestrictionKind
    reason: str
    from_: DateTime = SINCE
    until: DateTime | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    batch_item: Annotated["BatchItem", strawberry.lazy(".batch")] | None = to_one(
        resolve_restriction.item_of_restriction, gate=SeesBatch()
    )


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
    verification_reason: str | None = column("verification_reason", ReadsDealerRecord())
    standing_reason: str | None = column("standing_reason", ReadsDealerRecord())
    notice: int | None = column("notice", ReadsDealerRecord())
    cure_due_at: DateTime | None = column("cure_due_at", ReadsDealerRecord())
    authorised: bool | None = column("authorised", ReadsDealerRecord())
    created_at: DateTime
    updated_at: DateTime
    version: int
    external_ids: list[ExternalId] = to_list(resolve.external_ids_of_dealer)
    members: Connection[Annotated["Membership", strawberry.lazy(".user")]] | None = to_many(
        resolve_user.members_of_dealer, gate=ReadsDealerRecord()
    )
    restrictions: Connection[DealerRestriction] | None = to_many(
        resolve_restriction.restrictions_of_dealer, gate=ReadsDealerRecord()
    )
    tasks: Connection[Annotated["Task", strawberry.lazy(".task")]] | None = to_many(
        resolve_task.tasks_of_dealer, gate=SeesTask()
    )
    alerts: Connection[Annotated["Alert", strawberry.lazy(".alert")]] | None = to_many(
        resolve_alert.alerts_of_dealer, gate=SeesAlert()
    )
    listings: Connection[Annotated["Listing", strawberry.lazy(".listing")]] = to_many(
        resolve_listing.listings_of_dealer
    )
    notes: Connection[Annotated["Note", strawberry.lazy(".note")]] | None = to_many(
        notes_on("Dealer"), gate=ReadsNote()
    )
    leads: Connection[Annotated["Lead", strawberry.lazy(".lead")]] | None = to_many(
        resolve_lead.leads_of_dealer, gate=SeesLead()
    )


def changed() -> Any:
    """The entity of a payload."""
    return payload_node("dealer", description="The dealer; null when nothing was changed.")


@strawberry.type(description="The new dealer.")
class DealerCreatePayload(KeyedPayload):
    dealer: Dealer | None = changed()


@strawberry.type(description="The changed dealer.")
class DealerUpdatePayload(Payload):
    dealer: Dealer | None = changed()


@strawberry.type(description="The dealer that waits for a reviewer.")
class DealerSubmitVerificationPayload(Payload):
    dealer: Dealer | None = changed()


@strawberry.type(description="The dealer as the reviewer left it.")
class DealerReviewVerificationPayload(Payload):
    dealer: Dealer | None = changed()


@strawberry.type(description="The dealer with its standing.")
class DealerSetStandingPayload(Payload):
    dealer: Dealer | None = changed()


@strawberry.type(description="The dealer that may list again.")
class DealerReinstatePayload(Payload):
    dealer: Dealer | None = changed()


@strawberry.type(description="The dealer that has ended.")
class DealerTerminatePayload(Payload):
    dealer: Dealer | None = changed()


@strawberry.type
class DealerQueries:
    dealer: Dealer | None = one(resolve.dealer, gate=SeesDealer())
    dealers: Connection[Dealer] | None = many(resolve.dealers, gate=SeesDealer())


@strawberry.type
class DealerMutations:
    dealer_create: DealerCreatePayload | None = write(resolve.dealer_create, gate=may("dealer:write"))
    dealer_update: DealerUpdatePayload | None = write(resolve.dealer_update, gate=may("dealer:write"))
    dealer_submit_verification: DealerSubmitVerificationPayload | None = write(
        resolve.dealer_submit_verification, gate=may("dealer:submitVerification")
    )
    dealer_review_verification: DealerReviewVerificationPayload | None = write(
        resolve.dealer_review_verification, gate=may("dealer:verify")
    )
    dealer_set_standing: DealerSetStandingPayload | None = write(
        resolve.dealer_set_standing, gate=may("dealer:standing")
    )
    dealer_reinstate: DealerReinstatePayload | None = write(resolve.dealer_reinstate, gate=may("dealer:standing"))
    dealer_terminate: DealerTerminatePayload | None = write(
        resolve.dealer_terminate, gate=may("dealer:terminate"), step_up=True
    )
