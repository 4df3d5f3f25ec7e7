"""Who signs in, and as whom: accounts are global, everything else belongs to one tenant."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped

from ..rules.actor import Role
from ..rules.enums import (
    ChallengePurpose,
    LetterChannel,
    LetterStatus,
    SessionCarrier,
    SignInMethod,
    SignInOutcome,
    UserStatus,
)
from .base import Model, Row, TenantModel, col, new_id, one_of, refers


class Account(Model):
    """Sign-in of a person across tenants. No tenant reads or changes it."""

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("phone_key IS NOT NULL OR email_key IS NOT NULL", name="reachable"),
        CheckConstraint("email_key = lower(email_key)", name="email_folded"),
        CheckConstraint("cardinality(password_history) <= 5", name="history_short"),
        CheckConstraint("(mfa_secret_enc IS NULL) = (mfa_since IS NULL)", name="mfa_since_known"),
    )

    id: Mapped[UUID] = col("The account's id.", primary_key=True, default=new_id)
    phone_key: Mapped[str | None] = col("E.164.", unique=True, personal=True)
    email_key: Mapped[str | None] = col("The address in lower case.", unique=True, personal=True)
    created_at: Mapped[datetime] = col("When it was made, in UTC.")
    password_hash: Mapped[str | None] = col("Argon2id of the password; null: signs in by code only.", personal=True)
    password_history: Mapped[list[str]] = col(
        "The hashes of the passwords before, the latest first.", ARRAY(Text), personal=True, server_default=text("'{}'")
    )
    mfa_secret_enc: Mapped[bytes | None] = col("The secret of the authenticator app, sealed.", personal=True)
    mfa_pending_enc: Mapped[bytes | None] = col("The same before it is confirmed, sealed.", personal=True)
    mfa_since: Mapped[datetime | None] = col("Since when the authenticator app is asked for, in UTC.")
    mfa_step: Mapped[int | None] = col(
        "The time step of the last code that was taken: it and older ones are used up.", BigInteger
    )
    recovery_hashes: Mapped[list[bytes]] = col(
        "SHA-256 of the recovery codes that are left.", ARRAY(LargeBinary), personal=True, server_default=text("'{}'")
    )


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
    """A sign-in: tokens are never stored, only their hashes.

    The access token is good until `expires_at`. A native client renews it with its refresh token, which is good once; the
    session as a whole ends at `ends_at`, or when it was idle for `idle_seconds`.
    """

    __tablename__ = "session"
    __table_args__ = (
        one_of("carrier", SessionCarrier),
        CheckConstraint(
            "(carrier = 'IMPERSONATION') = (reason IS NOT NULL) AND (carrier = 'IMPERSONATION') = (impersonator_id IS NOT NULL)",
            name="impersonation_has_reason",
        ),
        CheckConstraint(
            "carrier <> 'IMPERSONATION' OR ends_at - created_at <= interval '30 minutes'", name="impersonation_is_short"
        ),
        CheckConstraint("expires_at <= ends_at", name="access_within_session"),
        CheckConstraint("(refresh_hash IS NULL) = (family_hash IS NULL)", name="refresh_has_family"),
        CheckConstraint("(spent_hash IS NULL) = (renewed_at IS NULL)", name="spent_when_renewed"),
        refers("membership_id", "membership", on_delete="CASCADE"),
        Index("ix_session_membership", "tenant_id", "membership_id"),
        Index("ix_session_account", "tenant_id", "account_id", "created_at", "id"),
    )

    account_id: Mapped[UUID] = col("The account that signed in.", ForeignKey("account.id"))
    membership_id: Mapped[UUID] = col("The membership it acts in.")
    carrier: Mapped[str] = col("How it travels.")
    hash: Mapped[bytes] = col("SHA-256 of the access token.", unique=True)
    refresh_hash: Mapped[bytes | None] = col("SHA-256 of the refresh token that is good now.", unique=True)
    family_hash: Mapped[bytes | None] = col("SHA-256 of what all its refresh tokens have in common.", unique=True)
    spent_hash: Mapped[bytes | None] = col("SHA-256 of the refresh token that was used last.")
    renewed_at: Mapped[datetime | None] = col("When that was first used, in UTC; null: never renewed.")
    ip: Mapped[str | None] = col("The network address it was opened from.", personal=True)
    agent: Mapped[str | None] = col("What the client called itself, at most 200 characters.", personal=True)
    mfa_at: Mapped[datetime | None] = col("When a second factor was last shown over it, in UTC; null: never.")
    seen_at: Mapped[datetime | None] = col("When it was last used, in UTC, to the minute; null: not yet.")
    idle_seconds: Mapped[int | None] = col("How long it may lie unused, in seconds; null: as long as it lives.")
    idle_at: Mapped[datetime | None] = col("When it ends unless it is used before, in UTC.")
    expires_at: Mapped[datetime] = col("When the access token ends by itself, in UTC.")
    ends_at: Mapped[datetime] = col("When the session ends by itself, however often it is renewed, in UTC.")
    revoked_at: Mapped[datetime | None] = col("When it was ended.")
    impersonator_id: Mapped[UUID | None] = col("Who acts for the person.")
    reason: Mapped[str | None] = col("Why somebody acts for the person.")


class SignInChallenge(Row):
    """A code or an invitation on its way to somebody; good once, for at most five guesses."""

    __tablename__ = "sign_in_challenge"
    __table_args__ = (
        one_of("purpose", ChallengePurpose),
        one_of("channel", LetterChannel),
        CheckConstraint("attempts BETWEEN 0 AND 5", name="attempts_few"),
        CheckConstraint("(purpose = 'INVITATION') = (user_id IS NOT NULL)", name="invitation_has_user"),
        refers("user_id", "app_user", on_delete="CASCADE"),
        UniqueConstraint("tenant_id", "code_hash"),
        Index("ix_sign_in_challenge_key", "key_hash", "created_at"),
        Index("ix_sign_in_challenge_ip", "ip", "created_at"),
        Index("ix_sign_in_challenge_user", "tenant_id", "user_id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    purpose: Mapped[str] = col("A code, or an invitation.")
    channel: Mapped[str] = col("By which way it was sent.")
    key_hash: Mapped[bytes] = col("A keyed hash of the address or number.", personal=True)
    key_enc: Mapped[bytes] = col("The address or number, sealed.", personal=True)
    code_hash: Mapped[bytes] = col("A keyed hash of code and challenge; of an invitation's token.", personal=True)
    user_id: Mapped[UUID | None] = col("Who is invited.")
    attempts: Mapped[int] = col("How many guesses were evaluated.", default=0)
    ip: Mapped[str | None] = col("The network it was asked for from.", personal=True)
    expires_at: Mapped[datetime] = col("Until when it is good, in UTC.")
    used_at: Mapped[datetime | None] = col("When it was used, in UTC.")


class LoginAttempt(Row):
    """Somebody tried to sign in; append-only. What it counts against is the sign-in key, never the account."""

    __tablename__ = "login_attempt"
    __table_args__ = (
        one_of("method", SignInMethod),
        one_of("outcome", SignInOutcome),
        refers("user_id", "app_user", on_delete="CASCADE"),
        Index("ix_login_attempt_key", "key_hash", "created_at"),
        Index("ix_login_attempt_user", "tenant_id", "user_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    key_hash: Mapped[bytes] = col("A keyed hash of the address or number.", personal=True)
    user_id: Mapped[UUID | None] = col("The person of the tenant who signs in with that key, if there is one.")
    method: Mapped[str] = col("With what.")
    outcome: Mapped[str] = col("What came of it.")
    ip: Mapped[str | None] = col("The network address it came from.", personal=True)
    agent: Mapped[str | None] = col("What the client called itself, at most 200 characters.", personal=True)


class Letter(Row):
    """A message to somebody, as e-mail or SMS: written with its cause, sent by a worker."""

    __tablename__ = "letter"
    __table_args__ = (
        one_of("channel", LetterChannel),
        one_of("status", LetterStatus),
        CheckConstraint("attempts >= 0", name="attempts_positive"),
        Index("ix_letter_newest", "tenant_id", "created_at", "id"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    channel: Mapped[str] = col("By which way.")
    status: Mapped[str] = col("What became of it.")
    to_enc: Mapped[bytes] = col("The address or number, sealed.", personal=True)
    subject: Mapped[str] = col("The subject of an e-mail; names no person and no code.")
    body_enc: Mapped[bytes | None] = col("The text, sealed; null once it was handed on.", personal=True)
    expires_at: Mapped[datetime] = col("When it is no longer worth sending, in UTC.")
    attempts: Mapped[int] = col("How often a worker took it.", default=0)
    sent_at: Mapped[datetime | None] = col("When it was handed on, in UTC.")
    error: Mapped[str | None] = col("Why it could not be handed on, in a word.")


class ServiceToken(TenantModel):
    """A token of an integration: a principal of its own, with permission names as scopes."""

    __tablename__ = "service_token"
    __table_args__ = (
        refers("dealer_id", "dealer"),
        refers("rotates_id", "service_token"),
        Index("ix_service_token_newest", "tenant_id", "created_at", "id"),
        Index("ix_service_token_updated", "tenant_id", "updated_at", "id"),
        # one that is rotated has one successor at a time: two of a line are live, never three
        Index(
            "uq_service_token_successor",
            "tenant_id",
            "rotates_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        CheckConstraint("rotates_id <> id", name="rotates_another"),
    )

    tenant_id: Mapped[UUID] = col("The tenant.", ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = col("What it is for.")
    prefix: Mapped[str] = col("The public part of the token, to recognise it by.")
    hash: Mapped[bytes] = col("SHA-256 of the token.", unique=True)
    scopes: Mapped[list[str]] = col("Names of the permission matrix.", ARRAY(Text))
    dealer_id: Mapped[UUID | None] = col("The one dealer it may act for.")
    expires_at: Mapped[datetime] = col("When it ends by itself, in UTC.")
    revoked_at: Mapped[datetime | None] = col("When it was ended, in UTC; null while it was not.")
    created_by: Mapped[UUID | None] = col("Who made it.")
    rotates_id: Mapped[UUID | None] = col("The token it takes over from; both are good until that one ends.")
    last_used_at: Mapped[datetime | None] = col("When it was last shown, in UTC, to the minute; null: never.")
