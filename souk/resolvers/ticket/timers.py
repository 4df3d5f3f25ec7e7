"""What time does to tickets. Each is work found in `souk.work`, done in a transaction of the system."""

from datetime import timedelta
from uuid import UUID

from ...db.session import Transaction
from ...models import Ticket
from ...rules.clauses import implements
from ...rules.enums import TicketStatus
from ..writing import locked
from .steps import CLOSE, step

UNANSWERED = "Resolved without an answer from the requester."


async def close_resolved(tx: Transaction, id: UUID) -> None:
    """`ticket.close`: a RESOLVED ticket that nobody reopened is CLOSED."""
    ticket = await locked(tx, Ticket, id, None)
    if ticket.status != TicketStatus.RESOLVED or ticket.resolved_at is None:
        return
    closes_at = ticket.resolved_at + timedelta(hours=(await tx.settings()).auto_close_hours)
    if closes_at <= tx.now:
        await step(tx, ticket, TicketStatus.CLOSED, cause="72 h")
    else:
        await tx.due(CLOSE, ticket.id, closes_at)  # the tenant gives more time than when it was resolved


@implements("Ticket", "WAITING_ON_REQUESTER", "RESOLVED", guard="resolution text", trigger="(7 d without answer)")
async def resolve_unanswered(tx: Transaction, id: UUID) -> None:
    """`ticket.resolve`: a ticket whose requester does not answer is RESOLVED."""
    ticket = await locked(tx, Ticket, id, None)
    if ticket.status == TicketStatus.WAITING_ON_REQUESTER:
        ticket.resolution = UNANSWERED
        await step(tx, ticket, TicketStatus.RESOLVED, cause="7 d without answer")


async def resume(tx: Transaction, id: UUID) -> None:
    """`ticket.resume`: the hold of a ticket ends."""
    ticket = await locked(tx, Ticket, id, None)
    if ticket.status == TicketStatus.ON_HOLD and ticket.resume_at is not None and ticket.resume_at <= tx.now:
        await step(tx, ticket, TicketStatus.OPEN, cause="resumeAt")
