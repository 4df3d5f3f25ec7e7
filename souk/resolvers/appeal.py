"""Appeals: tickets of a category of their own, against an alert, a suspended listing or a standing."""

from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.dialects.postgresql import insert

from ..db.session import Transaction
from ..engine.symbols import Viewer
from ..models import Alert, Batch, BatchItem, Category, Dealer, DomainEvent, Listing, Sku, Ticket, new_id
from ..permissions.alert import AppealsAlert, SeesAlert
from ..permissions.ticket import DecidesAppeal, SeesTicket
from ..rules import appeal as rules
from ..rules import text
from ..rules.alert import ENDED
from ..rules.clauses import implements
from ..rules.enums import (
    AlertStatus,
    AppealDecision,
    CategoryKind,
    CategoryPurpose,
    DealerStanding,
    DismissReason,
    ListingStatus,
    SubjectType,
    TicketPriority,
    TicketStatus,
)
from ..rules.errors import Invalid, NotUnique
from . import markdown
from .listing import causes_of_suspension, reinstate, reinstate_of
from .observation import CURE, watched
from .restriction import unrestrict
from .ticket import opened, step, worked_on
from .writing import found, locked, means, move, permit

BODY, REASON = 20_000, 1000
GRANTED, BY_BATCH, BY_DEALER = "appeal granted", "batch SUSPEND_LISTING", "dealer SUSPENDED"
"""What brings a listing back, and what had taken it down: events of the machine of Listing."""
AGAIN = "This cycle of the alert was appealed against already."
means("uq_ticket_appeal", lambda: NotUnique(AGAIN, field="alertId"))


def appeals_of_alert(viewer: Viewer, alert: Alert) -> Select[Ticket]:
    """The appeals against it that the viewer may see, at most one for each cycle, the newest first."""
    asked = select(Ticket).where(
        Ticket.subject_type == SubjectType.ALERT, Ticket.subject_id == alert.id, Ticket.appeal_cycle.is_not(None)
    )
    return asked.where(SeesTicket().rows(viewer)).order_by(Ticket.created_at.desc())


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="An appeal against an alert.")
class AlertAppealInput:
    alert_id: strawberry.ID = strawberry.field(description="The alert.")
    message: str = strawberry.field(
        description="Why it is wrong, in Markdown, at most 20,000 characters; raw HTML is shown as text."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def alert_appeal(tx: Transaction, input: AlertAppealInput) -> Ticket:
    """Appeal against an alert, once in each of its cycles: the dealer whom it concerns. It stops nothing by itself."""
    alert = await locked(tx, Alert, input.alert_id, SeesAlert(), field="alertId")
    await permit(tx, AppealsAlert(), alert)
    body = text.body(input.message, BODY, field="message")
    before = select(Ticket.id).where(Ticket.subject_id == alert.id, Ticket.appeal_cycle == alert.cycle)
    rules.appeal(alert.status, appealed=(await tx.session.execute(before)).first() is not None)
    sku = await found(tx, Sku, alert.sku_id, None, field="alertId")
    ticket = Ticket(
        subject=f"Appeal: {alert.kind} of {sku.code}"[:200], body_markdown=body, body_html=markdown.html(body),
        priority=TicketPriority.NORMAL, category_id=await _category(tx), requester_id=tx.actor.user_id,
        requester_dealer_id=tx.actor.dealer_id, subject_type=SubjectType.ALERT, subject_id=alert.id,
        appeal_cycle=alert.cycle,
    )  # fmt: skip
    await opened(tx, ticket, ())
    tx.emit("alert.appealed", alert, data={"cycle": alert.cycle, "ticket": ticket.number})
    return ticket


async def _category(tx: Transaction) -> UUID:
    """The tenant's category for appeals, made where it has none."""
    of = select(Category.id).where(Category.tenant_id == tx.actor.tenant_id, Category.purpose == CategoryPurpose.APPEAL)
    known: UUID | None = (await tx.session.execute(of)).scalar_one_or_none()
    if known is not None:
        return known
    row = {
        "tenant_id": tx.actor.tenant_id, "id": new_id(), "created_at": tx.now, "updated_at": tx.now, "version": 1,
        "kind": CategoryKind.TICKET, "name": "Appeal", "purpose": CategoryPurpose.APPEAL,
    }  # fmt: skip
    made = insert(Category).values(row)
    named = [
        "tenant_id",
        "kind",
        "parent_id",
        "name",
    ]  # a tenant may have given the name to one of its own: that one is it
    taken = made.on_conflict_do_update(index_elements=named, set_={"purpose": CategoryPurpose.APPEAL})
    return (await tx.session.execute(taken.returning(Category.id))).scalar_one()


@strawberry.input(description="The decision of an appeal.")
class AppealDecideInput:
    ticket_id: strawberry.ID = strawberry.field(description="The ticket of the appeal.")
    decision: AppealDecision = strawberry.field(description="What is decided.")
    reason: str = strawberry.field(
        description="Why, at most 1,000 characters; whoever appealed reads it as the resolution."
    )
    dismiss_reason: DismissReason = strawberry.field(
        default=DismissReason.FALSE_POSITIVE, description="For GRANT: why the alert is dismissed."
    )
    expected_version: int = strawberry.field(description="The version of the ticket that was read.")


@implements("Alert", ("INVESTIGATING", "AWAITING_CURE"), "DISMISSED", guard="reason", trigger="appealDecide(GRANT)")
@implements(
    "DealerStanding", ("WARNED", "RESTRICTED", "SUSPENDED"), "WATCH", guard="reason", trigger="appealDecide(GRANT)"
)
async def appeal_decide(tx: Transaction, input: AppealDecideInput) -> Ticket:
    """Grant or refuse an appeal, and resolve its ticket with the reason. Whoever enforced does not decide.

    GRANT takes back what rests on the subject: an alert is dismissed, a standing is WATCH again unless another notice
    holds it, restrictions end, and listings that were taken down for it return to what they were.
    """
    ticket = await locked(tx, Ticket, input.ticket_id, SeesTicket(), version=input.expected_version, field="ticketId")
    await permit(tx, DecidesAppeal(), ticket)
    reason = text.body(input.reason, REASON, field="reason")
    await _is_appeal(tx, ticket)
    rules.decide(tx.actor.user_id, await _enforcers(tx, ticket))
    with tx.session.no_autoflush:  # one decision is one version
        await worked_on(tx, ticket)
        ticket.resolution, ticket.appeal_decision = reason, input.decision
        await step(tx, ticket, TicketStatus.RESOLVED, cause="appeal decided", reason=reason)
    await tx.session.flush()
    if input.decision is AppealDecision.GRANT:
        await _grant(tx, ticket, reason, input.dismiss_reason)
    elif ticket.subject_type == SubjectType.ALERT:
        alert = await locked(tx, Alert, ticket.subject_id, None)
        tx.emit("alert.appeal_refused", alert, reason=reason, data={"ticket": ticket.number})
    return ticket


async def _is_appeal(tx: Transaction, ticket: Ticket) -> None:
    if ticket.appeal_cycle is not None:
        return
    of = select(Category.purpose).where(Category.id == ticket.category_id)
    purpose = (await tx.session.execute(of)).scalar_one_or_none()
    if purpose != CategoryPurpose.APPEAL or ticket.subject_type not in (SubjectType.LISTING, SubjectType.DEALER):
        raise Invalid("This ticket is no appeal.", field="ticketId")


async def _enforcers(tx: Transaction, ticket: Ticket) -> set[UUID]:
    """Who made, approved or started a batch that acted on it, and who took a listing down or set a standing by hand."""
    of = {SubjectType.ALERT: Alert.id, SubjectType.LISTING: Alert.listing_id, SubjectType.DEALER: Alert.dealer_id}
    alerts = select(Alert.id).where(of[SubjectType[str(ticket.subject_type)]] == ticket.subject_id)
    acted = exists().where(
        BatchItem.tenant_id == Batch.tenant_id, BatchItem.batch_id == Batch.id, BatchItem.status == "SUCCEEDED",
        BatchItem.target_id.in_(alerts),
    )  # fmt: skip
    people = select(Batch.creator_id, Batch.starter_id, Batch.approver_id).where(Batch.kind == "ENFORCEMENT", acted)
    by_batch = {person for row in await tx.session.execute(people) for person in row if person is not None}
    by_hand: ColumnElement[bool] = DomainEvent.type.in_(("listing.suspended", "dealer.standing_changed"))
    events = select(DomainEvent.actor_id).where(DomainEvent.subject_id == ticket.subject_id, by_hand)
    return by_batch | {person for person in (await tx.session.execute(events)).scalars() if person is not None}


implements("Listing", ("ACTIVE", "PAUSED"), "SUSPENDED", effect="the owner may appeal", by=__name__)


async def _grant(tx: Transaction, ticket: Ticket, reason: str, why: DismissReason) -> None:
    """What follows from a granted appeal. Alerts are locked before dealers, dealers before listings."""
    if ticket.subject_type == SubjectType.LISTING:
        listing = await found(tx, Listing, ticket.subject_id, None, field="ticketId")
        await locked(tx, Dealer, listing.dealer_id, None)
        listing = await locked(tx, Listing, ticket.subject_id, None)
        if listing.status == ListingStatus.SUSPENDED:
            await reinstate(tx, listing, cause=GRANTED, reason=reason)
        return
    on_alert = ticket.subject_type == SubjectType.ALERT
    chosen = (
        Alert.id == ticket.subject_id
        if on_alert
        else (Alert.dealer_id == ticket.subject_id) & (Alert.status == AlertStatus.AWAITING_CURE)
    )
    asked = select(Alert).where(Alert.tenant_id == tx.actor.tenant_id, chosen).order_by(Alert.id).with_for_update()
    alerts = (await tx.session.execute(asked.execution_options(populate_existing=True))).scalars().all()
    for alert in alerts:
        await _dismiss(tx, alert, ticket, reason, why)
    await tx.session.flush()
    dealer_id = alerts[0].dealer_id if on_alert else ticket.subject_id
    if dealer_id is not None:
        await _pardon(tx, await locked(tx, Dealer, dealer_id, None), reason, wholly=not on_alert)
    for listing_id in sorted({alert.listing_id for alert in alerts if alert.listing_id is not None}):
        listing = await locked(tx, Listing, listing_id, None)
        down = listing.status == ListingStatus.SUSPENDED
        if down and (await causes_of_suspension(tx, [listing_id])).get(listing_id) == BY_BATCH:
            await reinstate(tx, listing, cause=GRANTED, reason=reason)


async def _dismiss(tx: Transaction, alert: Alert, ticket: Ticket, reason: str, why: DismissReason) -> None:
    data: dict[str, Any] = {"cycle": alert.cycle, "ticket": ticket.number, "dismissReason": str(why)}
    to = rules.granted(alert.status)
    tx.emit("alert.appeal_granted", alert, reason=reason, data={"ticket": ticket.number})
    if to == alert.status:
        return
    alert.dismiss_reason, alert.dismissed_at, alert.dismissed_price_minor = why, tx.now, alert.price_minor
    alert.cure_due_at = None
    move(tx, alert, to, "alert.dismissed", mutation="appealDecide", action="GRANT", reason=reason, data=data)
    await tx.not_due(CURE, alert.id)


@implements(
    "Alert", "AWAITING_CURE", "DISMISSED", effect="the dealer's standing follows", trigger="appealDecide(GRANT)"
)
@implements("DealerStanding", "WARNED", "WATCH", effect="notices withdrawn", trigger="appealDecide(GRANT)")
@implements(
    "DealerStanding", ("RESTRICTED", "SUSPENDED"), "WATCH", effect="restrictions end", trigger="appealDecide(GRANT)"
)
@implements(
    "DealerStanding",
    "SUSPENDED",
    "WATCH",
    effect="listings return to what they were",
    trigger="appealDecide(GRANT)",
)
async def _pardon(tx: Transaction, dealer: Dealer, reason: str, *, wholly: bool) -> None:
    """Its notices and restrictions are taken back; unless `wholly`, not while another live alert is under notice."""
    before, to = dealer.standing, rules.pardoned(dealer.standing)
    other = select(Alert.id).where(
        Alert.dealer_id == dealer.id, Alert.status.not_in(ENDED), Alert.notice_sent_at.is_not(None)
    )
    if to == before or (not wholly and (await tx.session.execute(other.limit(1))).first() is not None):
        return
    move(
        tx, dealer, to, "dealer.standing_changed", of="DealerStanding", column="standing", mutation="appealDecide",
        action="GRANT", reason=reason,
    )  # fmt: skip
    dealer.standing_reason, dealer.notice, dealer.cure_due_at = reason, 0, None
    await unrestrict(tx, dealer, reason=reason)
    await watched(tx, dealer)
    await tx.session.flush()  # its listings ask how it stands now
    if before == DealerStanding.SUSPENDED:
        await reinstate_of(tx, dealer, suspended_by=BY_DEALER, cause=GRANTED)
