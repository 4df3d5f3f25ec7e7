"""What people write: tickets and comments."""

from collections.abc import Sequence
from uuid import UUID

import strawberry
from sqlalchemy import func, select, text

from ...db.session import Transaction
from ...models import Category, Ticket, TicketCc, TicketComment, User, new_id
from ...permissions.base import may
from ...permissions.ticket import CommentsTicket, MovesTicket, ReadsInternal, SeesTicket
from ...permissions.user import SeesUser
from ...rules import text as texts
from ...rules import ticket as rules
from ...rules.enums import CategoryKind, CommentVisibility, TicketPriority, TicketStatus
from ...rules.errors import Forbidden, LimitExceeded, NotFound, Problems, Required
from .. import markdown
from ..subject import OF_TICKETS, subject_of
from ..writing import found, locked, permit
from .steps import spoke, state, step, worked_on

BODY, COPIED = 20_000, 20
NUMBERS = text("SELECT pg_advisory_xact_lock(hashtextextended('souk.ticket:' || CAST(:tenant AS text), 0))")
CREATES = may("ticket:create")


@strawberry.input(description="A new ticket.")
class TicketCreateInput:
    subject: str = strawberry.field(description="The headline, 3 to 200 characters.")
    body: str = strawberry.field(
        description="The text in Markdown, at most 20,000 characters; raw HTML is shown as text."
    )
    priority: TicketPriority = strawberry.field(default=TicketPriority.NORMAL, description="How urgent it is.")
    category_id: strawberry.ID | None = strawberry.field(default=None, description="What it is about, by category.")
    subject_ref_id: strawberry.ID | None = strawberry.field(
        default=None, description="What it is about: an alert, a deal, a dealer, a lead or a listing that you may see."
    )
    requester_id: strawberry.ID | None = strawberry.field(
        default=None, description="Who asks; by default you. Staff may ask for others, a service token has to."
    )
    cc_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="Who is copied in, at most 20.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def ticket_create(tx: Transaction, input: TicketCreateInput) -> Ticket:
    """Open a ticket. It is NEW until an agent does something about it."""
    problems = Problems()
    subject = problems.take(lambda: _headline(input.subject), "subject")
    body = problems.take(lambda: texts.body(input.body, BODY), "body")
    if len(input.cc_ids or ()) > COPIED:
        problems.add(LimitExceeded(COPIED), "ccIds")
    problems.check()
    requester = await _requester(tx, input.requester_id)
    copied = [(await found(tx, User, each, SeesUser(), field="ccIds")).id for each in input.cc_ids or ()]
    category = await _category(tx, input.category_id) if input.category_id is not None else None
    about = (
        await subject_of(tx, input.subject_ref_id, OF_TICKETS, field="subjectRefId")
        if input.subject_ref_id is not None
        else None
    )
    ticket = Ticket(
        subject=subject,
        body_markdown=body,
        body_html=markdown.html(body or ""),
        priority=input.priority,
        category_id=category,
        requester_id=requester,
        requester_dealer_id=tx.actor.dealer_id if requester == tx.actor.user_id or tx.actor.user_id is None else None,
        subject_type=about[0] if about else None,
        subject_id=about[1].id if about else None,
    )
    return await opened(tx, ticket, copied)


def _headline(given: str) -> str:
    line = texts.line(given, 200)
    if len(line) < 3:
        raise Required("At least 3 characters.")
    return line


async def _requester(tx: Transaction, id: strawberry.ID | None) -> UUID:
    me = tx.actor.user_id
    if id is None:
        if me is None:
            raise Required("Say who asks.", field="requesterId")
        return me
    asked: UUID = (await found(tx, User, id, SeesUser(), field="requesterId")).id
    if asked != me and CREATES.cell(tx.actor.facts).letter == "O":
        raise Forbidden("You may ask for yourself only.", field="requesterId")
    return asked


async def _category(tx: Transaction, id: strawberry.ID) -> UUID:
    category = await found(tx, Category, id, None, field="categoryId")
    if category.kind != CategoryKind.TICKET or category.archived_at is not None:
        raise NotFound(field="categoryId")
    return category.id


async def opened(tx: Transaction, ticket: Ticket, copied: Sequence[UUID]) -> Ticket:
    """Number the ticket, densely: whoever else opens one in the tenant waits for this commit."""
    await tx.session.execute(NUMBERS, {"tenant": str(tx.actor.tenant_id)})
    last = (await tx.session.execute(select(func.max(Ticket.number)))).scalar_one()
    ticket.id, ticket.number = new_id(), (last or 0) + 1
    ticket.status, ticket.requester_replied_at = TicketStatus.NEW, tx.now
    tx.add(ticket)
    await tx.session.flush()
    for user_id in dict.fromkeys(copied):
        if user_id != ticket.requester_id:
            tx.add(TicketCc(id=new_id(), ticket_id=ticket.id, user_id=user_id))
    tx.emit("ticket.created", ticket, to_status=TicketStatus.NEW, data={"number": ticket.number})
    await tx.session.flush()
    return ticket


@strawberry.input(description="Something said about a ticket.")
class CommentAddInput:
    id: strawberry.ID = strawberry.field(description="The ticket.")
    body: str = strawberry.field(
        description="The text in Markdown, at most 20,000 characters; raw HTML is shown as text."
    )
    visibility: CommentVisibility = strawberry.field(
        default=CommentVisibility.PUBLIC, description="Who reads it; INTERNAL is for those who work on the ticket."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def comment_add(tx: Transaction, input: CommentAddInput) -> TicketComment:
    """Say something about a ticket.

    An agent's first word opens it. The requester's public word takes it out of WAITING_ON_REQUESTER and reopens a
    RESOLVED one; on a CLOSED one it opens a new ticket, `followUpOf` the old one, and is the first comment there.
    Whoever is copied in may speak, and moves nothing.
    """
    ticket = await locked(tx, Ticket, input.id, SeesTicket())
    internal = input.visibility is CommentVisibility.INTERNAL
    await permit(tx, ReadsInternal() if internal else CommentsTicket(), ticket)
    body = texts.body(input.body, BODY, field="body")
    me = tx.actor.user_id
    works = internal or (MovesTicket().allows(tx.actor, ticket) and me != ticket.requester_id)
    asks = not works and (me is None or me == ticket.requester_id)  # a channel without a person speaks for who asked
    outcome = rules.commented(state(ticket), by_requester=asks, by_agent=works, visibility=input.visibility)
    if outcome.follow_up:
        ticket = await _follow_up(tx, ticket)
    comment: TicketComment = tx.add(
        TicketComment(
            id=new_id(),
            ticket_id=ticket.id,
            author_id=tx.actor.user_id,
            visibility=input.visibility,
            by_requester=not works,
            body_markdown=body,
            body_html=markdown.html(body),
        )
    )
    tx.emit("ticket.commented", ticket, internal=internal, data={"comment": str(comment.id)})
    if asks:
        await spoke(tx, ticket, "requester_replied_at")
        if outcome.status != ticket.status and not outcome.follow_up:
            await step(tx, ticket, outcome.status, cause="requester's public comment")
    elif works:
        if not internal:
            await spoke(tx, ticket, "agent_replied_at")
        await worked_on(tx, ticket)
    return comment


async def _follow_up(tx: Transaction, closed: Ticket) -> Ticket:
    """A new ticket in place of a closed one: same people, same subject."""
    body = f"Follow-up of #{closed.number}."
    copied = (await tx.session.execute(select(TicketCc.user_id).where(TicketCc.ticket_id == closed.id))).scalars().all()
    follow_up = Ticket(
        subject=closed.subject,
        body_markdown=body,
        body_html=markdown.html(body),
        priority=closed.priority,
        category_id=closed.category_id,
        requester_id=closed.requester_id,
        requester_dealer_id=closed.requester_dealer_id,
        subject_type=closed.subject_type,
        subject_id=closed.subject_id,
        team_id=closed.team_id,
        follow_up_of_id=closed.id,
    )
    return await opened(tx, follow_up, copied)
