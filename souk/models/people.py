"""Who signs in, and as whom: accounts are global, everything else belongs to one tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from ..rules.actor import Role
from ..rules.enums import SessionCarrier, UserStatus
from .base import Model, Row, TenantModel, col, new_id, one_of, refers


class Account(Model):
    """Sign-in of a person across tenants. No tenant reads or changes it."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("phone_key IS NOT NULL OR email_key IS NOT NULL", name="reachable"),
        CheckConstraint("email_key = lower(email_key)", name="email_folded"),
    )

    id: Mapped[UUID] = col("The account's id.", primary_key=True, default=new_id)
    phone_key: Mapped[str | None] = col("E.164.", unique=True, personal=True)
    email_key: Mapped[str | None] = col("The address in lower case.", unique=True, personal=True)
    created_at: Mapped[datetime] = col("When it was made, in UTC.")


class User(TenantModel):
    """A person in one tenant."""

    __tablename__ = "app_user"
    __table_args__ = (
        one_of("status", UserStatus),
        Index("ix_app_user_newest", "tenant_id", "created_at", "id"),
        Index("ix_app_user_status", "tenant_id", "status", "created_at", "id"),
        Index("ix_app_user_updated", "tenant_id", "updated_at", "id"),
        Index(
            "uq_app_user_account",
            "tenant_id",
            "account_id",
            unique=True,
            postgresql_where=text("status NOT IN ('CANCELLED','ERASED')"),
        ),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[UUID] = col("The account behind it.", ForeignKey("account.id"))
    name: Mapped[str] = col("The person's name.", personal=True)
    email: Mapped[str | None] = col("The e-mail address.", personal=True)
    phone: Mapped[str | None] = col("The phone number, E.164.", personal=True)
    locale: Mapped[str | None] = col("The language the person reads, as a BCP 47 tag.")
    status: Mapped[str] = col("Whether the person may act in this tenant.")
    staff: Mapped[bool] = col("Holds a staff role: shown to those who deal with staff.", default=False)


class Team(TenantModel):
    """People of the service desk who work on the same tickets."""

    __tablename__ = "team"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name"),
        Index("ix_team_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = col("The team's name, unique in the tenant.")
    archived_at: Mapped[datetime | None] = col("Since when nobody is put into it any more; null while it works.")


class Membership(TenantModel):
    """A role of a person, for a DEALER in one organisation."""

    __tablename__ = "membership"
    __table_args__ = (
        one_of("role", [r for r in Role if r not in (Role.SERVICE, Role.PUBLIC)]),
        CheckConstraint("(role = 'DEALER') = (dealer_id IS NOT NULL)", name="dealer_has_dealer"),
        UniqueConstraint("tenant_id", "user_id", "role", "dealer_id", postgresql_nulls_not_distinct=True),
        refers("user_id", "app_user", on_delete="CASCADE"),
        refers("dealer_id", "dealer"),
        Index("ix_membership_dealer", "tenant_id", "dealer_id", "user_id"),
    )

    user_id: Mapped[UUID] = col("The person.")
    role: Mapped[str] = col("The role.")
    dealer_id: Mapped[UUID | None] = col("The organisation of a DEALER.")
    all_teams: Mapped[bool] = col("An AGENT who works on the tickets of every team.", default=False)
    ended_at: Mapped[datetime | None] = col("When the role was taken away.")


class MembershipTeam(Row):
    """A team that a membership works in."""

    __tablename__ = "membership_team"
    __table_args__ = (
        refers("membership_id", "membership", on_delete="CASCADE"),
        refers("team_id", "team", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "membership_id", "team_id"),
        Index("ix_membership_team_team", "tenant_id", "team_id", "membership_id"),
    )

    membership_id: Mapped[UUID] = col("The membership.")
    team_id: Mapped[UUID] = col("The team.")


class Session(Row):
    """A sign-in: the token itself is never stored, only its hash."""

    __tablename__ = "session"
    __table_args__ = (
        one_of("carrier", SessionCarrier),
        CheckConstraint("(carrier = 'IMPERSONATION') = (reason IS NOT NULL)", name="impersonation_has_reason"),
        refers("membership_id", "membership", on_delete="CASCADE"),
        Index("ix_session_membership", "tenant_id", "membership_id"),
    )

    membership_id: Mapped[UUID] = col("The membership it acts in.")
    carrier: Mapped[str] = col("How it travels.")
    hash: Mapped[bytes] = col("SHA-256 of the token.", unique=True)
    expires_at: Mapped[datetime] = col("When it ends by itself.")
    revoked_at: Mapped[datetime | None] = col("When it was ended.")
    impersonator_id: Mapped[UUID | None] = col("Who acts for the person.")
    reason: Mapped[str | None] = col("Why somebody acts for the person.")


class ServiceToken(Row):
    """A token of an integration: a principal of its own, with permission names as scopes."""

    __tablename__ = "service_token"
    __table_args__ = (
        refers("dealer_id", "dealer"),
        Index("ix_service_token_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = col("What it is for.")
    prefix: Mapped[str] = col("The public part of the token, to recognise it by.")
    hash: Mapped[bytes] = col("SHA-256 of the token.", unique=True)
    scopes: Mapped[list[str]] = col("Names of the permission matrix.", ARRAY(Text))
    dealer_id: Mapped[UUID | None] = col("The one dealer it may act for.")
    expires_at: Mapped[datetime] = col("When it ends by itself.")
    revoked_at: Mapped[datetime | None] = col("When it was ended.")
    created_by: Mapped[UUID | None] = col("Who made it.")
