"""Sign-in keys: the address or number somebody signs in with, whose it is, and what weighs on it."""

from typing import NamedTuple

from sqlalchemy import func, select, text

from ...db.sealing import Keyring
from ...db.session import Transaction
from ...models import LoginAttempt, User, new_id
from ...rules import signin
from ...rules.enums import LetterChannel, SignInMethod, SignInOutcome, UserStatus
from ...rules.errors import Cooldown, Invalid
from ...rules.signin import Pressure
from .. import contact

GONE = (UserStatus.CANCELLED, UserStatus.ERASED)
PRESSURE = text(
    "SELECT sent, sent_at, failed, failed_at, by_network"
    " FROM souk.sign_in_pressure(:tenant, :key, :address, :network, :since, :lately)"
)
IN_LINE = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 7033))")


class SignInKey(NamedTuple):
    """An address in lower case, or a number in E.164."""

    channel: LetterChannel
    address: str

    @property
    def email(self) -> str | None:
        return self.address if self.channel == LetterChannel.EMAIL else None

    @property
    def phone(self) -> str | None:
        return self.address if self.channel == LetterChannel.SMS else None


def key_of(email: str | None, phone: str | None) -> SignInKey:
    """The one key that is given. Raises Invalid."""
    if (email is None) == (phone is None):
        raise Invalid("Give an e-mail address or a phone number, and not both.", field="email")
    if email is not None:
        try:
            return SignInKey(LetterChannel.EMAIL, contact.email_key(email))
        except Invalid as wrong:
            raise Invalid(wrong.message, field="email") from None
    try:
        return SignInKey(LetterChannel.SMS, contact.phone(str(phone)))
    except Invalid as wrong:
        raise Invalid(wrong.message, field="phone") from None


def hash_of(keyring: Keyring, address: str) -> bytes:
    """What is stored of a key where it is only compared."""
    return keyring.hash(f"signin:{address}")


async def account_of(tx: Transaction, key: SignInKey) -> object:
    """The id of the account that signs in with this key, or None."""
    asked = select(func.souk.account_of(key.email, key.phone))
    return (await tx.session.execute(asked)).scalar_one()


async def person_of(tx: Transaction, key: SignInKey, *, lock: bool = False) -> User | None:
    """The person of this tenant who signs in with this key; the statements are the same whether there is one or not."""
    account = await account_of(tx, key)
    asked = select(User).where(User.account_id == account, User.status.not_in(GONE))
    if lock:
        asked = asked.with_for_update()
    found: User | None = (await tx.session.execute(asked)).scalar_one_or_none()
    return found


async def in_line(tx: Transaction, *what: str) -> None:
    """Those who count the same things go one after the other, until the end of their transactions."""
    for each in what:
        await tx.session.execute(IN_LINE, {"what": each})


async def pressure_on(tx: Transaction, key_hash: bytes) -> Pressure:
    """What weighs on a key, as its caller is concerned."""
    values = {
        "tenant": tx.actor.tenant_id,
        "key": key_hash,
        "address": tx.caller.address,
        "network": signin.network_of(tx.caller.address),
        "since": tx.now - signin.WEIGHED,
        "lately": tx.now - signin.LATELY,
    }
    return Pressure(*(await tx.session.execute(PRESSURE, values)).one())


async def may_be_sent(tx: Transaction, key_hash: bytes) -> None:
    """Raise Cooldown while no further code may go to this key, or be asked for from this network."""
    await in_line(tx, key_hash.hex(), f"network {signin.network_of(tx.caller.address)}")
    at = signin.next_code(await pressure_on(tx, key_hash), tx.now)
    if at is not None:
        raise Cooldown(at)


def attempted(
    tx: Transaction, key_hash: bytes, person: User | None, method: SignInMethod, outcome: SignInOutcome
) -> LoginAttempt:
    """Write down that somebody tried, with an event for what did not succeed."""
    made: LoginAttempt = tx.add(
        LoginAttempt(
            id=new_id(),
            key_hash=key_hash,
            user_id=None if person is None else person.id,
            method=method,
            outcome=outcome,
            ip=tx.caller.address or None,
            agent=tx.caller.agent or None,
        )
    )
    if outcome != SignInOutcome.SUCCEEDED:
        tx.emit("session.refused", made, data={"method": method.value, "outcome": outcome.value})
    return made
