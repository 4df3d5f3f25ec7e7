"""Signing in, and one's own sign-ins, as clients see them."""

import strawberry

from .. import models
from ..engine.declare import Node, own, payload_node, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..resolvers.session import codes, invitation, renewing
from ..resolvers.session import own as resolve
from ..rules.actor import Role
from ..rules.enums import SessionCarrier, SignInMethod, SignInOutcome
from .mutation import Payload, write
from .user import User

SIGNS_IN = may("session:create")


@view(models.Session, node=resolve.session, gate=own)
class Session(Node):
    """A sign-in of one's own."""

    carrier: SessionCarrier
    created_at: DateTime
    seen_at: DateTime | None
    mfa_at: DateTime | None
    idle_at: DateTime | None
    ends_at: DateTime
    revoked_at: DateTime | None
    ip: str | None
    agent: str | None


@view(models.LoginAttempt, node=resolve.login_attempt, gate=own)
class LoginAttempt(Node):
    """Somebody tried to sign in as oneself."""

    method: SignInMethod
    outcome: SignInOutcome
    created_at: DateTime
    ip: str | None
    agent: str | None


@strawberry.type(description="A role that one may switch to, in this tenant or another one.")
class MembershipChoice:
    membership_id: strawberry.ID = strawberry.field(description="What `sessionSwitch` takes.")
    role: Role = strawberry.field(description="The role.")
    tenant: str = strawberry.field(description="The name of the tenant.")
    tenant_slug: str = strawberry.field(description="The short name of the tenant.")
    dealer: str | None = strawberry.field(description="The name of the organisation, for a DEALER.")
    current: bool = strawberry.field(description="Whether this session acts in it.")


@strawberry.type(description="A session that was just opened or renewed; what it holds is shown this once.")
class OpenedSession:
    id: strawberry.ID = strawberry.field(description="The session, as in `viewer.sessions`.")
    token: str | None = strawberry.field(
        description="The access token, for `Authorization: Bearer`; null where a cookie carries it."
    )
    refresh_token: str | None = strawberry.field(
        description="What `sessionRefresh` takes, once; null where the session is not renewed."
    )
    expires_at: DateTime = strawberry.field(description="When the access token or the cookie ends, in UTC.")
    refresh_until: DateTime | None = strawberry.field(
        description="Until when the refresh token is good unless it is used before, in UTC; null without one."
    )
    carrier: SessionCarrier = strawberry.field(description="How it travels.")
    role: Role = strawberry.field(description="The one role it acts in.")
    membership_id: strawberry.ID = strawberry.field(description="The membership it acts in.")


@strawberry.type(description="A code was sent, if there is somebody at the other end.")
class OtpRequestPayload(Payload):
    challenge_id: strawberry.ID | None = strawberry.field(
        description="What `otpVerify` takes; null when nothing was sent."
    )
    expires_at: DateTime | None = strawberry.field(
        description="Until when the code is good, in UTC; null when nothing was sent."
    )


@strawberry.type(description="Signed in.")
class OtpVerifyPayload(Payload):
    session: OpenedSession | None = strawberry.field(description="The session; null when nobody was signed in.")


@strawberry.type(description="Signed in by accepting an invitation.")
class UserAcceptInvitePayload(Payload):
    session: OpenedSession | None = strawberry.field(description="The session; null when nobody was signed in.")


@strawberry.type(description="The session with its new tokens.")
class SessionRefreshPayload(Payload):
    session: OpenedSession | None = strawberry.field(description="The session; null when it was not renewed.")


@strawberry.type(description="Another session of the same person.")
class SessionSwitchPayload(Payload):
    session: OpenedSession | None = strawberry.field(description="The new session; null when there is none.")


@strawberry.type(description="The sign-in that has ended.")
class SessionRevokePayload(Payload):
    session: Session | None = payload_node("session", description="The session; null when nothing was ended.")


@strawberry.type(description="The sign-ins that have ended.")
class SessionRevokeAllPayload(Payload):
    ended: int | None = strawberry.field(description="How many; null when nothing was done.")


@strawberry.type(description="The person whose delays were cleared.")
class UserUnlockPayload(Payload):
    user: User | None = payload_node("user", description="The person; null when nothing was changed.")


@strawberry.type
class SessionMutations:
    otp_request: OtpRequestPayload | None = write(codes.otp_request, gate=SIGNS_IN)
    otp_verify: OtpVerifyPayload | None = write(codes.otp_verify, gate=SIGNS_IN)
    user_accept_invite: UserAcceptInvitePayload | None = write(invitation.user_accept_invite, gate=SIGNS_IN)
    session_refresh: SessionRefreshPayload | None = write(renewing.session_refresh, gate=SIGNS_IN, acts=renewing.renews)
    session_switch: SessionSwitchPayload | None = write(renewing.session_switch, gate=SIGNS_IN, acts=renewing.switches)
    session_revoke: SessionRevokePayload | None = write(resolve.session_revoke, gate=own)
    session_revoke_all: SessionRevokeAllPayload | None = write(resolve.session_revoke_all, gate=own, in_person=True)
    user_unlock: UserUnlockPayload | None = write(resolve.user_unlock, gate=may("user:unlock"), in_person=True)
