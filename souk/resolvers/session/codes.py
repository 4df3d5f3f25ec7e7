"""Signing in with a code: six digits to an address or number, good once, for five minutes and five guesses."""

import hmac
import secrets
from typing import Any, NamedTuple
from uuid import UUID

import strawberry
from sqlalchemy import func, select, text

from ...db.sealing import place
from ...db.session import Transaction
from ...engine.symbols import key as row_id
from ...engine.symbols import write_id
from ...models import Membership, Session, SignInChallenge, User, new_id
from ...rules import signin
from ...rules import text as texts
from ...rules.actor import Role
from ...rules.clauses import implements
from ...rules.enums import Carrier, ChallengePurpose, LetterChannel, SignInMethod, SignInOutcome, UserStatus
from ...rules.errors import Forbidden, Invalid, NotFound, Problems, Required
from ...rules.letters import words
from ..letter import post, sender
from ..mfa import second_factor, wrong
from ..user import activate
from ..writing import Said
from .answer import check_carrier, opened_for
from .keys import SignInKey, attempted, hash_of, key_of, may_be_sent, over_at, person_of

# One statement, so that a hundred guesses at once are five: each takes the row's lock, and looks at the row as the one
# before it left it. What it wrote is committed also when the guess is wrong.
GUESS = text("""
UPDATE sign_in_challenge SET attempts = attempts + 1
WHERE tenant_id = :tenant AND id = :id AND purpose = 'CODE' AND attempts < :guesses AND used_at IS NULL AND expires_at > :now
RETURNING key_hash, key_enc, code_hash, channel
""")
USED = text("UPDATE sign_in_challenge SET used_at = :now WHERE tenant_id = :tenant AND id = :id")


def _wrong() -> Invalid:
    return Invalid("The code is wrong, or no longer good.", field="code")


@strawberry.input(description="Where to send a code: one of the two.")
class OtpRequestInput:
    email: str | None = strawberry.field(default=None, description="The e-mail address to sign in with.")
    phone: str | None = strawberry.field(
        default=None, description="The phone number to sign in with, with its country code."
    )


async def otp_request(tx: Transaction, input: OtpRequestInput) -> Said:
    """Have a code sent. The answer is the same whether somebody signs in with this address or not.

    COOLDOWN tells when the next code may be sent to this address, or be asked for from this network.
    """
    challenge = await send_code(tx, key_of(input.email, input.phone))
    return Said(
        challenge,
        {"challenge_id": write_id("SignInChallenge", challenge.id), "expires_at": challenge.expires_at},
    )


async def send_code(tx: Transaction, key: SignInKey, locale: str | None = None) -> SignInChallenge:
    """A challenge whose code is on its way, in the words of `locale`, else of the tenant's. Raises Cooldown.

    Whoever asks for a code by an address gives none: nobody is looked up, not even for the language.
    """
    hashed = hash_of(tx.keyring, key.address)
    await may_be_sent(tx, hashed)
    id_, code, expires = (
        new_id(),
        f"{secrets.randbelow(10**signin.DIGITS):0{signin.DIGITS}d}",
        tx.now + signin.CODE_LIFE,
    )
    challenge: SignInChallenge = tx.add(
        SignInChallenge(
            id=id_,
            purpose=ChallengePurpose.CODE,
            channel=key.channel,
            key_hash=hashed,
            key_enc=tx.keyring.seal(key.address, _sealed_in(tx, id_)),
            code_hash=_code_hash(tx, id_, code),
            attempts=0,
            ip=signin.network_of(tx.caller.address) or None,
            expires_at=expires,
        )
    )
    by = await sender(tx)
    said = words(locale, by.locale)
    subject, body = said.code_subject.format(name=by.name), said.code.format(code=code, name=by.name)
    await post(tx, key.channel, key.address, subject, body, expires_at=expires)
    await over_at(tx, id_, expires)
    tx.emit("session.code_sent", challenge, data={"channel": key.channel.value})
    return challenge


class Guess(NamedTuple):
    """A guess that was looked at: whose code it is, and whether it is the right one."""

    key: SignInKey
    key_hash: bytes
    right: bool


async def guessed(tx: Transaction, id_: UUID | None, code: str) -> Guess | None:
    """Look at one guess; it is counted by this. None where none is looked at any more. A right one is still to be used up."""
    values = {"tenant": tx.actor.tenant_id, "id": id_, "now": tx.now, "guesses": signin.GUESSES}
    taken = (await tx.session.execute(GUESS, values)).one_or_none()
    if taken is None or id_ is None:
        return None
    key = SignInKey(LetterChannel[taken.channel], tx.keyring.open(taken.key_enc, _sealed_in(tx, id_)))
    right = hmac.compare_digest(taken.code_hash, _code_hash(tx, id_, code.strip()))
    return Guess(key, taken.key_hash, right)


async def use_up(tx: Transaction, id_: UUID | None) -> None:
    """A code is good once."""
    await tx.session.execute(USED, {"tenant": tx.actor.tenant_id, "id": id_, "now": tx.now})


def _sealed_in(tx: Transaction, id_: UUID) -> bytes:
    return place(tx.actor.tenant_id, "sign_in_challenge", "key_enc", id_)


def _code_hash(tx: Transaction, id_: UUID, code: str) -> bytes:
    return tx.keyring.hash(f"code:{id_}:{code}")


@strawberry.input(description="Who somebody is that signs in for the first time.")
class RegistrationInput:
    name: str = strawberry.field(description="The name, at most 200 characters.")
    locale: str | None = strawberry.field(default=None, description="The language the person reads, as a BCP 47 tag.")


@strawberry.input(description="A code that was sent.")
class OtpVerifyInput:
    id: strawberry.ID = strawberry.field(description="The challenge that `otpRequest` gave.")
    code: str = strawberry.field(description="The six digits.")
    mfa_code: str | None = strawberry.field(
        default=None,
        description="A code of the authenticator app, or a recovery code: STEP_UP_REQUIRED tells that it is missing, and the"
        " six digits stay good for another try.",
    )
    carrier: Carrier = strawberry.field(
        default=Carrier.BEARER, description="How the client wants to carry the session: in the answer or as a cookie."
    )
    membership_id: strawberry.ID | None = strawberry.field(
        default=None, description="The role to act in; left out, the one used last."
    )
    register: RegistrationInput | None = strawberry.field(
        default=None,
        description="For somebody new: REQUIRED tells that this is missing, and the code stays good for another try.",
    )


@implements(
    "User",
    "INVITED",
    "ACTIVE",
    guard="valid token",
    effect="registration is one transaction (account, user, membership, profile)",
)
async def otp_verify(tx: Transaction, input: OtpVerifyInput) -> Said:
    """Sign in with a code. Five guesses are looked at, then the challenge is over; a right one is good once.

    Somebody new becomes a CUSTOMER with `register`; somebody invited accepts the invitation by this.
    """
    check_carrier(tx, input.carrier)
    id_ = row_id(input.id, SignInChallenge)
    guess = await guessed(tx, id_, input.code)
    if guess is None:
        return Said(problem=_wrong())
    key = guess.key
    person = await person_of(tx, key, lock=guess.right)
    if not guess.right:
        attempted(tx, guess.key_hash, person, SignInMethod.CODE, SignInOutcome.WRONG)
        return Said(problem=_wrong())
    if person is not None and not await second_factor(tx, person, input.mfa_code):
        return wrong()
    await use_up(tx, id_)
    if person is None:
        person = await _registered(tx, key, input.register)
    elif person.status == UserStatus.INVITED:
        await activate(tx, person, mutation="otpVerify")
    member = None
    if person.status == UserStatus.ACTIVE:
        member = await membership_for(tx, person, input.membership_id)
    if member is None:
        attempted(tx, guess.key_hash, person, SignInMethod.CODE, SignInOutcome.REFUSED)
        return Said(problem=Forbidden("This person may not sign in here."))
    attempted(tx, guess.key_hash, person, SignInMethod.CODE, SignInOutcome.SUCCEEDED)
    # a fresh code, with the second factor where there is one, is as good a proof as any step-up
    return await opened_for(tx, member, input.carrier, mfa_at=tx.now)


async def _registered(tx: Transaction, key: SignInKey, given: RegistrationInput | None) -> User:
    """Account, person and role of somebody new. Raises Required, InvalidInput, and NotUnique for a twin that was faster."""
    if given is None:
        raise Required("Nobody signs in with this here yet; say who it is.", field="register")
    problems = Problems()
    name = problems.take(lambda: texts.line(given.name, 200), "register", "name")
    locale = problems.take(lambda: texts.optional_line(given.locale, 35), "register", "locale")
    problems.check()
    account = await tx.session.execute(select(func.souk.account_for(new_id(), key.email, key.phone)))
    person: User = tx.add(
        User(
            id=new_id(),
            account_id=account.scalar_one(),
            name=name,
            email=key.email,
            phone=key.phone,
            locale=locale,
            status=UserStatus.ACTIVE,
            staff=False,
        )
    )
    await tx.session.flush()
    tx.add(Membership(id=new_id(), user_id=person.id, role=Role.CUSTOMER))
    await tx.session.flush()
    tx.emit("user.registered", person, to_status=UserStatus.ACTIVE)
    return person


async def membership_for(tx: Transaction, person: User, asked: Any = None) -> Membership | None:
    """The role to act in: the one asked for, else the one used last, else the oldest. None when there is none at all.

    Raises NotFound for one that is not the person's.
    """
    await tx.session.flush()
    held = select(Membership).where(Membership.user_id == person.id, Membership.ended_at.is_(None))
    if asked is not None:
        found = (await tx.session.execute(held.where(Membership.id == row_id(asked, Membership)))).scalar_one_or_none()
        if found is None:
            raise NotFound(field="membershipId")
        named: Membership = found
        return named
    used = (
        select(func.max(Session.created_at))
        .where(Session.tenant_id == Membership.tenant_id, Session.membership_id == Membership.id)
        .scalar_subquery()
    )
    order = (used.desc().nulls_last(), Membership.created_at, Membership.id)
    member: Membership | None = (await tx.session.execute(held.order_by(*order).limit(1))).scalar_one_or_none()
    return member
