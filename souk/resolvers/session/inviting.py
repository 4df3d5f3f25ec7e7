"""The letter of an invitation, with a token that is good once, for seven days."""

from ...db.sealing import place
from ...db.session import Transaction
from ...models import SignInChallenge, User, new_id
from ...rules import signin
from ...rules.enums import ChallengePurpose, LetterChannel
from ...rules.letters import words
from ..letter import post, sender
from .keys import hash_of, over_at
from .secret import INVITATION, secret


async def invite(tx: Transaction, person: User) -> None:
    """Send the invitation to the address of somebody INVITED, or tell the number to sign in with it."""
    by = await sender(tx)
    said, host = words(person.locale, by.locale), by.host
    expires, subject = tx.now + signin.INVITATION_LIFE, said.invitation_subject.format(name=by.name)
    if person.email is None:
        if person.phone is not None:
            told = said.invitation_by_number_at if host else said.invitation_by_number
            body = told.format(name=by.name, way=f"https://{host}")
            await post(tx, LetterChannel.SMS, person.phone, subject, body, expires_at=expires)
        return
    token, id_, address = f"{INVITATION}{secret()}", new_id(), person.email.lower()
    tx.add(
        SignInChallenge(
            id=id_,
            purpose=ChallengePurpose.INVITATION,
            channel=LetterChannel.EMAIL,
            key_hash=hash_of(tx.keyring, address),
            key_enc=tx.keyring.seal(address, place(tx.actor.tenant_id, "sign_in_challenge", "key_enc", id_)),
            code_hash=token_hash(tx, token),
            user_id=person.id,
            attempts=0,
            expires_at=expires,
        )
    )
    await over_at(tx, id_, expires)
    way = f"https://{host}/invitation#{token}" if host else token
    body = said.invitation.format(name=by.name, way=way)
    await post(tx, LetterChannel.EMAIL, person.email, subject, body, expires_at=expires)


def token_hash(tx: Transaction, token: str) -> bytes:
    """What is stored of the token of an invitation."""
    return tx.keyring.hash(f"invitation:{token}")
