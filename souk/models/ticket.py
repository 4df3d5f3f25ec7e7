"""The service desk: tickets, their comments, and who is copied in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from ..rules.enums import AppealDecision, CommentVisibility, SubjectType, TicketPriority, TicketStatus
from .base import Row, TenantModel, col, one_of, refers


class Ticket(TenantModel):
    """A request with a clock."""

    __tablename__ = "ticket"
    __table_args__ = (
        one_of("status", TicketStatus),
        one_of("priority", TicketPriority),
        one_of("subject_type", SubjectType),
        one_of("appeal_decision", AppealDecision),
        CheckConstraint("appeal_cycle IS NULL OR subject_type = 'ALERT'", name="appeal_of_alert"),
        Index(
            "uq_ticket_appeal",
            "tenant_id",
            "subject_id",
            "appeal_cycle",
            unique=True,
            postgresql_where=text("appeal_cycle IS NOT NULL"),
        ),
        CheckConstraint("(subject_type IS NULL) = (subject_id IS NULL)", name="subject_whole"),
        UniqueConstraint("tenant_id", "number"),
        refers("requester_id", "app_user"),
        refers("requester_dealer_id", "dealer"),
        refers("assignee_id", "app_user"),
        refers("team_id", "team"),
        refers("category_id", "category"),
        refers("follow_up_of_id", "ticket"),
        refers("duplicate_of_id", "ticket"),
        Index("ix_ticket_newest", "tenant_id", "created_at", "id"),
        Index("ix_ticket_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_ticket_priority", "tenant_id", "priority", "created_at", "id"),
        Index("ix_ticket_requester", "tenant_id", "requester_id", "created_at", "id"),
        Index("ix_ticket_dealer", "tenant_id", "requester_dealer_id", "created_at", "id"),
        Index("ix_ticket_assignee", "tenant_id", "assignee_id", "created_at", "id"),
        Index("ix_ticket_team", "tenant_id", "team_id", "created_at", "id"),
        Index("ix_ticket_subject", "tenant_id", "subject_id", "created_at", "id"),
        Index("ix_ticket_updated", "tenant_id", "updated_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = col("Its number in the tenant, from 1.")
    status: Mapped[str] = col("Where it stands.")
    priority: Mapped[str] = col("How urgent it is.")
    category_id: Mapped[UUID | None] = col("What it is about, by category.")
    subject: Mapped[str] = col("The headline, 3 to 200 characters.", personal=True)
    body_markdown: Mapped[str] = col("The text as written, in Markdown.", personal=True)
    body_html: Mapped[str] = col("The text as HTML, sanitised.", personal=True)
    subject_type: Mapped[str | None] = col("What kind of thing it is about.")
    subject_id: Mapped[UUID | None] = col("The thing it is about.")
    appeal_cycle: Mapped[int | None] = col("The cycle of the alert that is appealed against; null for everything else.")
    appeal_decision: Mapped[str | None] = col("How the appeal was decided; null before, and for everything else.")
    requester_id: Mapped[UUID] = col("Who asked.")
    requester_dealer_id: Mapped[UUID | None] = col("The dealer for whom it was asked.")
    assignee_id: Mapped[UUID | None] = col("Who works on it.")
    team_id: Mapped[UUID | None] = col("Which team works on it.")
    reopen_count: Mapped[int] = col("How often it was reopened.", default=0)
    resolution: Mapped[str | None] = col("How it was resolved.", personal=True)
    hold_reason: Mapped[str | None] = col("What it waits for.", internal=True)
    resume_at: Mapped[datetime | None] = col("When the hold ends by itself.")
    agent_replied_at: Mapped[datetime | None] = col("When an agent last answered publicly.")
    requester_replied_at: Mapped[datetime] = col("When the requester last wrote.")
    resolved_at: Mapped[datetime | None] = col("When it was last resolved.")
    closed_at: Mapped[datetime | None] = col("When it was closed.")
    follow_up_of_id: Mapped[UUID | None] = col("The closed ticket it follows.")
    duplicate_of_id: Mapped[UUID | None] = col("The ticket it was merged into.")
    deleted_at: Mapped[datetime | None] = col("When it was put away.")


class TicketCc(Row):
    """Somebody who is copied in."""

    __tablename__ = "ticket_cc"
    __table_args__ = (
        refers("ticket_id", "ticket", on_delete="CASCADE"),
        refers("user_id", "app_user"),
        UniqueConstraint("tenant_id", "ticket_id", "user_id"),
        Index("ix_ticket_cc_user", "tenant_id", "user_id", "ticket_id"),
    )

    ticket_id: Mapped[UUID] = col("The ticket.")
    user_id: Mapped[UUID] = col("Who is copied in.")


class TicketComment(Row):
    """Something said about a ticket; never changed."""

    __tablename__ = "ticket_comment"
    __table_args__ = (
        one_of("visibility", CommentVisibility),
        refers("ticket_id", "ticket", on_delete="CASCADE"),
        refers("author_id", "app_user"),
        Index("ix_ticket_comment_ticket", "tenant_id", "ticket_id", "created_at", "id"),
    )

    ticket_id: Mapped[UUID] = col("The ticket.")
    author_id: Mapped[UUID | None] = col("Who said it; null for an integration.")
    visibility: Mapped[str] = col("Who reads it.")
    by_requester: Mapped[bool] = col("Said from the requester's side.")
    body_markdown: Mapped[str] = col("The text as written, in Markdown.", personal=True)
    body_html: Mapped[str] = col("The text as HTML, sanitised.", personal=True)
