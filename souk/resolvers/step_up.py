"""The step-up: a proof of who is asking, ten minutes old at most, for money, roles, tokens and erasure.

Who has an authenticator app shows a code of it; everybody else is sent one, to the address or number that signs in.
"""

from uuid import UUID

import strawberry

from ..db.session import Transaction
from ..engine.symbols import key as row_id
from ..engine.symbols import write_id
from ..models import SignInChallenge
from ..rules.enums import Described, LetterChannel, SignInMethod, SignInOutcome
from ..rules.errors import Invalid, Required
from ..rules.stepup import FRESH
from .enums import known
from .mfa import own, proven, second_factor, wrong
from .session.codes import guessed, send_code, use_up
from .session.keys import SignInKey, attempted
from .writing import Said


@known
class ProofMethod(Described):
    """With what somebody proves who is asking."""

    AUTHENTICATOR = "AUTHENTICATOR", "A code of the authenticator app, or a recovery code."
    CODE = "CODE", "The six digits that were sent."


@strawberry.input(description="How to prove who is asking.")
class MfaChallengeInput:
    channel: LetterChannel | None = strawberry.field(
        default=None, description="By which way a code is to come, where the account has both; by default by e-mail."
    )


async def mfa_challenge(tx: Transaction, input: MfaChallengeInput) -> Said:
    """Learn how to prove who is asking; without an authenticator app a code is sent to one's own address or number."""
    person, _, held = await own(tx)
    if held.mfa_since is not None:
        tx.emit("user.proof_asked", person)
        return Said(person, {"method": ProofMethod.AUTHENTICATOR})
    keys = {LetterChannel.EMAIL: held.email_key, LetterChannel.SMS: held.phone_key}
    there = [SignInKey(channel, address) for channel, address in keys.items() if address]
    chosen = next((each for each in there if input.channel in (None, each.channel)), None)
    if chosen is None:
        raise Invalid("Nothing of the kind is known of you.", field="channel")
    challenge = await send_code(tx, chosen, person.locale)
    return Said(
        person,
        {
            "method": ProofMethod.CODE,
            "challenge_id": write_id("SignInChallenge", challenge.id),
            "expires_at": challenge.expires_at,
        },
    )


@strawberry.input(description="A proof of who is asking.")
class MfaVerifyInput:
    code: str = strawberry.field(
        description="A code of the authenticator app, a recovery code, or the six digits sent."
    )
    challenge_id: strawberry.ID | None = strawberry.field(
        default=None, description="The challenge of a code that was sent; left out for an authenticator app."
    )


async def mfa_verify(tx: Transaction, input: MfaVerifyInput) -> Said:
    """Prove who is asking: for ten minutes this session may do what needs a step-up. Every code is good once.

    After five wrong ones COOLDOWN tells when the next is looked at.
    """
    person, _, held = await own(tx)
    if held.mfa_since is None:
        return await _by_code(tx, input)
    if not await second_factor(tx, person, input.code, field="code"):
        return wrong("code")
    return await _proven(tx)


async def _by_code(tx: Transaction, input: MfaVerifyInput) -> Said:
    """Without an app: the digits that were sent to oneself, and to nobody else."""
    person, _, held = await own(tx)
    if input.challenge_id is None:
        raise Required("Ask for a code first, by mfaChallenge.", field="challenge_id")
    id_: UUID | None = row_id(input.challenge_id, SignInChallenge)
    guess = await guessed(tx, id_, input.code)
    mine = guess is not None and guess.key.address in (held.email_key, held.phone_key)
    if guess is not None:
        outcome = SignInOutcome.SUCCEEDED if guess.right and mine else SignInOutcome.WRONG
        attempted(tx, guess.key_hash, person if mine else None, SignInMethod.CODE, outcome)
    if guess is None or not guess.right or not mine:
        return wrong("code")
    await use_up(tx, id_)
    return await _proven(tx)


async def _proven(tx: Transaction) -> Said:
    await proven(tx)
    return Said(None, {"proven_until": tx.now + FRESH})
