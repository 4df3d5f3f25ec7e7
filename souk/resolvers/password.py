"""Passwords, where a tenant lets people have one: chosen after a step-up, kept as Argon2id, tried under the same delays as codes.

A lost one needs no way of its own: sign in with a code, then choose another.
"""

import strawberry
from sqlalchemy import func, literal, select

from ..db.session import Transaction
from ..gateways.breaches import Breaches, CommonPasswords
from ..models import Tenant, User
from ..rules import password as rules
from ..rules import signin
from ..rules.enums import Carrier, SignInMethod, SignInOutcome, UserStatus
from ..rules.errors import Cooldown, Duplicate, Forbidden, Invalid, Problems
from . import hashing
from .mfa import own, second_factor, secrets_of, wrong
from .session import revoke_everywhere
from .session.answer import check_carrier, opened_for
from .session.codes import membership_for
from .session.keys import attempted, hash_of, in_line, key_of, person_of, pressure_on
from .writing import Said

BREACHES: Breaches = CommonPasswords()
WRONG = "The address or the password is wrong."


async def _allowed(tx: Transaction) -> None:
    if not (await tx.settings()).password_sign_in:
        raise Forbidden("Here one signs in with a code.")


@strawberry.input(description="A password to sign in with.")
class PasswordSetInput:
    password: str = strawberry.field(
        description="10 to 256 characters, at least five different ones; none of the common ones, not your name or address,"
        " none of your last five."
    )


async def password_set(tx: Transaction, input: PasswordSetInput) -> User:
    """Choose a password, the first one or another. It ends every other sign-in of oneself, in every tenant. Needs a step-up."""
    await _allowed(tx)
    person, account_id, held = await own(tx)
    chosen = rules.normal(input.password)
    tenant = await tx.session.get_one(Tenant, tx.actor.tenant_id)
    problems = Problems()
    for problem in rules.problems(chosen, (person.name, person.email, held.email_key, held.phone_key, tenant.name)):
        problems.add(problem, "password")
    if any([await BREACHES.known(form) for form in rules.forms(chosen)]):
        problems.add(Invalid("This password is among those that are tried first."), "password")
    if not problems:
        before = [each for each in (held.password_hash, *held.password_history) if each is not None]
        for each in before[: rules.REMEMBERED]:
            if await hashing.matches(each, chosen):
                problems.add(Duplicate("This was one of your last five passwords."), "password")
                break
            # five hashes in a row would outlast what a transaction may lie idle
            await tx.session.execute(select(literal(1)))
    problems.check()
    made = await hashing.hashed(chosen)
    tx.emit("user.password_set", person)
    # before the account's row is held: whoever signs in with the old one holds the person and may want that row
    await revoke_everywhere(tx, account_id, but=tx.actor.session_id)
    await tx.session.execute(select(func.souk.account_set_password(account_id, made)))
    return person


@strawberry.input(description="An address or number with its password.")
class PasswordSignInInput:
    email: str | None = strawberry.field(default=None, description="The e-mail address; this or the phone number.")
    phone: str | None = strawberry.field(default=None, description="The phone number, with its country code.")
    password: str = strawberry.field(description="The password.")
    mfa_code: str | None = strawberry.field(
        default=None,
        description="A code of the authenticator app, or a recovery code; STEP_UP_REQUIRED tells that it is needed.",
    )
    carrier: Carrier = strawberry.field(
        default=Carrier.BEARER, description="How the client wants to carry the session: in the answer or as a cookie."
    )
    membership_id: strawberry.ID | None = strawberry.field(
        default=None, description="The role to act in; left out, the one used last."
    )


async def password_sign_in(tx: Transaction, input: PasswordSignInInput) -> Said:
    """Sign in with a password. An address that nobody has answers as a wrong password does, and as late.

    After five wrong ones COOLDOWN tells when the next is looked at; a code signs in meanwhile.
    """
    await _allowed(tx)
    check_carrier(tx, input.carrier)
    key = key_of(input.email, input.phone)
    hashed = hash_of(tx.keyring, key.address)
    await in_line(tx, hashed.hex())
    at = signin.next_guess(await pressure_on(tx, hashed), tx.now)
    if at is not None:
        raise Cooldown(at)
    person = await person_of(tx, key, lock=True)
    held = None if person is None else await secrets_of(tx, person.account_id)
    stored = None if held is None else held.password_hash
    given = rules.normal(input.password)
    if not await hashing.matches(stored, given[: rules.LONGEST + 1]) or person is None or stored is None:
        attempted(tx, hashed, person, SignInMethod.PASSWORD, SignInOutcome.WRONG)
        return Said(problem=Invalid(WRONG, field="password"))
    member = await membership_for(tx, person, input.membership_id) if person.status == UserStatus.ACTIVE else None
    if member is None:
        attempted(tx, hashed, person, SignInMethod.PASSWORD, SignInOutcome.REFUSED)
        return Said(problem=Forbidden("This person may not sign in here."))
    if not await second_factor(tx, person, input.mfa_code):
        attempted(tx, hashed, person, SignInMethod.PASSWORD, SignInOutcome.WRONG)
        return wrong()
    if hashing.outdated(stored):
        again = await hashing.hashed(given)
        await tx.session.execute(select(func.souk.account_rehash(person.account_id, stored, again)))
    attempted(tx, hashed, person, SignInMethod.PASSWORD, SignInOutcome.SUCCEEDED)
    # a password alone is no fresh proof: what needs a step-up still asks for a code
    proven = tx.now if held is not None and held.mfa_since is not None else None
    return await opened_for(tx, member, input.carrier, mfa_at=proven)
