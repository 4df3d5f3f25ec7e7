"""The second factor: codes of an authenticator app (RFC 6238), each good once, and recovery codes.

It belongs to the account, so to the person in every tenant; `souk.account_…` are the door's functions, which look at and
change one account for whoever acts in a tenant where it has a live person.
"""

import base64
import secrets
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import pyotp
import strawberry
from sqlalchemy import func, select, text

from ..db.sealing import place
from ..db.session import Transaction
from ..models import Session, User
from ..rules import signin
from ..rules.enums import SignInMethod, SignInOutcome, UserStatus
from ..rules.errors import Cooldown, Forbidden, Invalid, NotFound, StepUpRequired
from .contact import email_key
from .letter import sender
from .session.keys import attempted, hash_of, in_line, pressure_on
from .writing import Said

NOBODYS = UUID(int=0)
"""Stands for the tenant in the place of what is sealed for an account, which belongs to none."""
STEP = 30
DRIFT = 1
"""Steps of 30 seconds that a clock may be off, either way."""
RECOVERY_CODES = 10
SECRETS = text("SELECT * FROM souk.account_secrets(:account)")
WRONG = "The code is wrong, or was used already."


class Secrets(NamedTuple):
    """What an account signs in with besides its keys; hashed or sealed."""

    password_hash: str | None
    password_history: list[str]
    mfa_secret_enc: bytes | None
    mfa_pending_enc: bytes | None
    mfa_since: datetime | None
    recovery_left: int
    email_key: str | None
    phone_key: str | None


async def secrets_of(tx: Transaction, account_id: UUID) -> Secrets | None:
    """None for an account without a live person in this tenant."""
    found = (await tx.session.execute(SECRETS, {"account": account_id})).one_or_none()
    return None if found is None else Secrets(*found)


async def own(tx: Transaction) -> tuple[User, UUID, Secrets]:
    """The person who asks, with the account. Raises Forbidden for whoever is no person, or only acts for one."""
    actor = tx.actor
    if actor.user_id is None or actor.account_id is None or actor.impersonator_id is not None:
        raise Forbidden("Only the person may do this.")
    person = await tx.session.get(User, (actor.tenant_id, actor.user_id))
    found = await secrets_of(tx, actor.account_id)
    if person is None or found is None:
        raise Forbidden("Only the person may do this.")
    return person, actor.account_id, found


# Codes ------------------------------------------------------------------------------------------------------------


def _sealed_in(column: str, account_id: UUID) -> bytes:
    return place(NOBODYS, "account", column, account_id)


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, within the drift of a clock; None for a wrong one."""
    totp, current = pyotp.TOTP(secret, interval=STEP), int(now.timestamp()) // STEP
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):
        if pyotp.utils.strings_equal(code, totp.generate_otp(step)):
            found = step
    return found


async def _done(tx: Transaction, changed: object) -> bool:
    """Whether a function of the door did what it says: null when there was nothing to do it to."""
    return (await tx.session.execute(select(changed))).scalar_one() is True  # type: ignore[call-overload]


async def right(tx: Transaction, account_id: UUID, held: Secrets, code: str) -> bool:
    """Whether this is a code of the app that was not used yet, or a recovery code that is left; it is used up by this."""
    given = "".join(code.split()).replace("-", "")
    if held.mfa_secret_enc is None:
        return False
    if len(given) == 6:
        secret = tx.keyring.open(held.mfa_secret_enc, _sealed_in("mfa_secret_enc", account_id))
        step = step_of(secret, given, tx.now)
        return step is not None and await _done(tx, func.souk.account_use_step(account_id, step))
    return await _done(tx, func.souk.account_use_recovery(account_id, _recovery_hash(account_id, given)))


def _recovery_hash(account_id: UUID, code: str) -> bytes:
    """80 random bits need no slow hash; the account keeps equal codes of two people apart."""
    return sha256(f"{account_id}:{code.upper()}".encode()).digest()


def _recovery_codes() -> list[str]:
    """Ten of them, 80 bits each, as people can copy them."""
    made = [base64.b32encode(secrets.token_bytes(10)).decode() for _ in range(RECOVERY_CODES)]
    return ["-".join(each[n : n + 4] for n in range(0, 16, 4)) for each in made]


def _hashes(account_id: UUID, codes: list[str]) -> list[bytes]:
    return [_recovery_hash(account_id, each.replace("-", "")) for each in codes]


async def second_factor(tx: Transaction, person: User, code: str | None, *, field: str = "mfa_code") -> bool:
    """Whether the second factor is right, or none is in use; a wrong one is counted, so its refusal must be committed.

    Raises StepUpRequired where one is missing and Cooldown where too many were wrong: these are rolled back, so that what
    proved the first factor stays good for the next try.
    """
    held = await secrets_of(tx, person.account_id)
    if held is None or held.mfa_since is None:
        return True
    if code is None:
        raise StepUpRequired("Give a code of your authenticator app, or a recovery code.", field=field)
    counted = hash_of(tx.keyring, f"mfa:{person.account_id}")
    await in_line(tx, counted.hex())
    at = signin.next_guess(await pressure_on(tx, counted), tx.now)
    if at is not None:
        raise Cooldown(at)
    taken = await right(tx, person.account_id, held, code)
    attempted(tx, counted, person, SignInMethod.MFA, SignInOutcome.SUCCEEDED if taken else SignInOutcome.WRONG)
    return taken


async def has_second_factor(tx: Transaction, person: User) -> bool:
    """Whether every sign-in of this person asks for one."""
    held = await secrets_of(tx, person.account_id)
    return held is not None and held.mfa_since is not None


def wrong(field: str = "mfa_code") -> Said:
    """The answer to a wrong second factor; what was counted stays."""
    return Said(problem=Invalid(WRONG, field=field))


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A new authenticator app.")
class MfaEnrollInput:
    label: str | None = strawberry.field(
        default=None, description="What the app shows beside the name of the place; by default the address."
    )


async def mfa_enroll(tx: Transaction, input: MfaEnrollInput) -> Said:
    """Get a secret for an authenticator app. It is asked for from `mfaConfirm` on; until then nothing changes. Needs a step-up."""
    person, account_id, held = await own(tx)
    secret = pyotp.random_base32(32)
    sealed = tx.keyring.seal(secret, _sealed_in("mfa_pending_enc", account_id))
    await _done(tx, func.souk.account_enrol(account_id, sealed))
    name = (await sender(tx)).name
    label = (input.label or "").strip()[:100] or held.email_key or held.phone_key or "account"
    tx.emit("user.mfa_begun", person)
    return Said(person, {"secret": secret, "uri": pyotp.TOTP(secret).provisioning_uri(name=label, issuer_name=name)})


@strawberry.input(description="The first code of a new authenticator app.")
class MfaConfirmInput:
    code: str = strawberry.field(description="The six digits that the app shows now.")


async def mfa_confirm(tx: Transaction, input: MfaConfirmInput) -> Said:
    """Begin to use the app whose secret `mfaEnroll` gave, in place of a former one. From now on every sign-in asks for it.

    The recovery codes are shown in this answer and never again.
    """
    person, account_id, held = await own(tx)
    if held.mfa_pending_enc is None:
        raise Invalid("Ask for a secret first, by mfaEnroll.", field="code")
    secret = tx.keyring.open(held.mfa_pending_enc, _sealed_in("mfa_pending_enc", account_id))
    step = step_of(secret, "".join(input.code.split()), tx.now)
    if step is None:
        raise Invalid(WRONG, field="code")
    codes = _recovery_codes()
    sealed = tx.keyring.seal(secret, _sealed_in("mfa_secret_enc", account_id))
    confirm = func.souk.account_confirm(account_id, held.mfa_pending_enc, sealed, step, _hashes(account_id, codes))
    if not await _done(tx, confirm):
        raise Invalid("Another secret was asked for meanwhile.", field="code")
    tx.emit("user.mfa_enabled", person)
    await proven(tx)
    return Said(person, {"recovery_codes": codes})


@strawberry.input(description="The end of the second factor.")
class MfaDisableInput:
    reason: str | None = strawberry.field(default=None, description="Why, for the audit; at most 200 characters.")


async def mfa_disable(tx: Transaction, input: MfaDisableInput) -> User:
    """Sign in without the authenticator app from now on; its recovery codes are void. Needs a step-up."""
    person, account_id, _ = await own(tx)
    if not await _done(tx, func.souk.account_forget_mfa(account_id)):
        raise Invalid("No authenticator app is in use.")
    tx.emit("user.mfa_disabled", person, reason=(input.reason or "")[:200] or None)
    return person


async def mfa_reset(tx: Transaction, email: str) -> User:
    """The operator's hand: take the second factor from whoever lost it. Raises NotFound, Invalid."""
    asked = select(User).where(func.lower(User.email) == email_key(email), User.status == UserStatus.ACTIVE)
    person: User | None = (await tx.session.execute(asked)).scalars().one_or_none()
    if person is None:
        raise NotFound("There is no such person.")
    if not await _done(tx, func.souk.account_forget_mfa(person.account_id)):
        raise Invalid("No authenticator app is in use.")
    tx.emit("user.mfa_disabled", person, reason="By the operator.")
    return person


@strawberry.input(description="New recovery codes.")
class MfaRenewRecoveryCodesInput:
    reason: str | None = strawberry.field(default=None, description="Why, for the audit; at most 200 characters.")


async def mfa_renew_recovery_codes(tx: Transaction, input: MfaRenewRecoveryCodesInput) -> Said:
    """Get ten new recovery codes, shown in this answer and never again; those before are void. Needs a step-up."""
    person, account_id, _ = await own(tx)
    codes = _recovery_codes()
    if not await _done(tx, func.souk.account_set_recovery(account_id, _hashes(account_id, codes))):
        raise Invalid("No authenticator app is in use.")
    tx.emit("user.mfa_codes_renewed", person, reason=(input.reason or "")[:200] or None)
    return Said(person, {"recovery_codes": codes})


async def proven(tx: Transaction) -> None:
    """The session that asks has just proven who it is: what needs a step-up may be done for ten minutes."""
    id_ = tx.actor.session_id
    session = None if id_ is None else await tx.session.get(Session, (tx.actor.tenant_id, id_), with_for_update=True)
    if session is not None:
        session.mfa_at = tx.now
        tx.emit("session.proven", session)
