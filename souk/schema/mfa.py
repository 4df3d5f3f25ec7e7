"""The second factor and the step-up as clients see them."""

import strawberry

from ..engine.declare import own, payload_node
from ..engine.scalars import DateTime
from ..resolvers import mfa as resolve
from ..resolvers import step_up
from ..resolvers.step_up import ProofMethod
from .mutation import Payload, write
from .user import User

PERSON = "Oneself; null when nothing was changed."
CODES = "Ten codes, each good once in place of one of the app; shown this once. Null when nothing was changed."


@strawberry.type(description="How one's own account is signed in to.")
class SignInMeans:
    enabled: bool = strawberry.field(description="Whether an authenticator app is asked for.")
    recovery_codes_left: int = strawberry.field(description="How many recovery codes are left, of ten.")
    password_set: bool = strawberry.field(description="Whether there is a password.")


@strawberry.type(description="The secret of a new authenticator app.")
class MfaEnrollPayload(Payload):
    user: User | None = payload_node("user", description=PERSON)
    secret: str | None = strawberry.field(
        description="The secret in base32, for typing in; shown this once. Null when nothing was changed."
    )
    uri: str | None = strawberry.field(
        description="The same as `otpauth://` address, for a QR code. Null when nothing was changed."
    )


@strawberry.type(description="The authenticator app is in use.")
class MfaConfirmPayload(Payload):
    user: User | None = payload_node("user", description=PERSON)
    recovery_codes: list[str] | None = strawberry.field(description=CODES)


@strawberry.type(description="No authenticator app is asked for any more.")
class MfaDisablePayload(Payload):
    user: User | None = payload_node("user", description=PERSON)


@strawberry.type(description="The new recovery codes.")
class MfaRenewRecoveryCodesPayload(Payload):
    user: User | None = payload_node("user", description=PERSON)
    recovery_codes: list[str] | None = strawberry.field(description=CODES)


@strawberry.type(description="How to prove who is asking.")
class MfaChallengePayload(Payload):
    method: ProofMethod | None = strawberry.field(description="What `mfaVerify` takes; null when nothing was done.")
    challenge_id: strawberry.ID | None = strawberry.field(
        description="The challenge of a code that was sent, for `mfaVerify`; null for an authenticator app."
    )
    expires_at: DateTime | None = strawberry.field(
        description="Until when a code that was sent is good, in UTC; null for an authenticator app."
    )


@strawberry.type(description="The proof was accepted.")
class MfaVerifyPayload(Payload):
    proven_until: DateTime | None = strawberry.field(
        description="Until when this session may do what needs a step-up, in UTC; null when the code was wrong."
    )


@strawberry.type
class MfaMutations:
    mfa_enroll: MfaEnrollPayload | None = write(resolve.mfa_enroll, gate=own, step_up=True)
    mfa_confirm: MfaConfirmPayload | None = write(resolve.mfa_confirm, gate=own, in_person=True)
    mfa_disable: MfaDisablePayload | None = write(resolve.mfa_disable, gate=own, step_up=True)
    mfa_renew_recovery_codes: MfaRenewRecoveryCodesPayload | None = write(
        resolve.mfa_renew_recovery_codes, gate=own, step_up=True
    )
    mfa_challenge: MfaChallengePayload | None = write(step_up.mfa_challenge, gate=own, in_person=True)
    mfa_verify: MfaVerifyPayload | None = write(step_up.mfa_verify, gate=own, in_person=True)
