"""The letter of an invitation, with a token that is good once, for seven days."""

from ...db.sealing import place
from ...db.session import Transaction
from ...models import SignInChallenge, User, new_id
from ...rules import signin
from ...rules.enums import ChallengePurpose, LetterChannel
from ..letter import post, sender
from .keys import hash_of
from .secret import INVITATION, secret


async def invite(tx: Transaction, person: User) -> None:
    """Send the invitation to the address of somebody INVITED, or tell the number to sign in with it."""
    name, host = await sender(tx)
    expires, subject = tx.now + signin.INVITATION_LIFE, f"{name}: an invitation"
    if person.email is None:
        if person.phone is not None:
            at = f" at https://{host}" if host else ""
            said = f"You are invited to {name}. Sign in with this number{at} within seven days."
            await post(tx, LetterChannel.SMS, person.phone, subject, said, expires_at=expires)
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
    way = f"https://{host}/invitation#{token}" if host else token
    body = f"You are invited to {name}.\n\nAccept within seven days: {way}\n"
    await post(tx, LetterChannel.EMAIL, person.email, subject, body, expires_at=expires)


def token_hash(tx: Transaction, token: str) -> bytes:
    """What is stored of the token of an invitation."""
    return tx.keyring.hash(f"invitation:{token}")
