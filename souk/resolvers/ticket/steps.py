"""One step of a ticket, with what follows from it: the clocks that start and stop, and what is remembered."""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm.attributes import set_committed_value

from ...db.session import Transaction
from ...models import Ticket
from ...rules import ticket as rules
from ...rules.clauses import implements
from ..writing import move

CLOSE, RESOLVE, RESUME = "ticket.close", "ticket.resolve", "ticket.resume"
"""Timers: a RESOLVED ticket closes, an unanswered one is resolved, a hold ends."""


def state(ticket: Ticket) -> rules.TicketState:
    return rules.TicketState(ticket.status, ticket.requester_replied_at, ticket.agent_replied_at)


@implements(rules.TICKET, "RESOLVED", "OPEN", effect="reopenCount + 1", trigger="(requester's public comment)")
async def step(
    tx: Transaction,
    ticket: Ticket,
    to: str,
    *,
    mutation: str | None = None,
    cause: str | None = None,
    reason: str | None = None,
) -> None:
    """Move the ticket and tell it. Raises InvalidTransition."""
    with tx.session.no_autoflush:  # one step is one version, whatever is read in between
        before = move(tx, ticket, to, "ticket.status_changed", mutation=mutation, cause=cause, reason=reason)
        if before == "ON_HOLD":
            ticket.hold_reason = ticket.resume_at = None
        if to == "OPEN" and before in ("RESOLVED", "CLOSED"):
            ticket.reopen_count += 1
        if to == "RESOLVED":
            ticket.resolved_at = tx.now
        if to == "CLOSED":
            ticket.closed_at = tx.now
        await _clocks(tx, ticket, before, to)


async def _clocks(tx: Transaction, ticket: Ticket, before: str, to: str) -> None:
    stopped = {"ON_HOLD": RESUME, "WAITING_ON_REQUESTER": RESOLVE, "RESOLVED": CLOSE}.get(before)
    if stopped is not None:
        await tx.not_due(stopped, ticket.id)
    settings = await tx.settings()
    if to == "WAITING_ON_REQUESTER":
        await tx.due(RESOLVE, ticket.id, tx.now + timedelta(days=settings.auto_resolve_days))
    if to == "RESOLVED":
        await tx.due(CLOSE, ticket.id, tx.now + timedelta(hours=settings.auto_close_hours))
    if to == "ON_HOLD" and ticket.resume_at is not None:
        await tx.due(RESUME, ticket.id, ticket.resume_at)


async def worked_on(tx: Transaction, ticket: Ticket) -> None:
    """An agent did something: a NEW ticket is OPEN from then on."""
    if rules.worked_on(ticket.status) != ticket.status:
        await step(tx, ticket, "OPEN", cause="first agent action")


async def spoke(tx: Transaction, ticket: Ticket, column: str) -> None:
    """Remember who spoke last. A comment does not move the ticket's version: it is written beside the ORM."""
    table: Any = Ticket.__table__
    await tx.session.flush()
    same = (table.c.tenant_id == ticket.tenant_id) & (table.c.id == ticket.id)
    await tx.session.execute(table.update().where(same).values({column: tx.now}))
    set_committed_value(ticket, column, tx.now)
