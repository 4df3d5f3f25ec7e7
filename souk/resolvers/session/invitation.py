"""An invitation is accepted: its token proves the address it went to, and is good once."""

import strawberry
from sqlalchemy import select, text

from ...db.sealing import place
from ...db.session import Transaction
from ...models import User
from ...rules.enums import Carrier, LetterChannel, SignInMethod, SignInOutcome, UserStatus
from ...rules.errors import Forbidden, Invalid
from ..mfa import has_second_factor
from ..user import activate
from ..writing import Said
from .answer import check_carrier, opened_for
from .codes import membership_for
from .inviting import token_hash
from .keys import SignInKey, account_of, attempted

TAKE = text("""
UPDATE sign_in_challenge SET used_at = :now
WHERE tenant_id = :tenant AND code_hash = :hash AND purpose = 'INVITATION' AND used_at IS NULL AND expires_at > :now
RETURNING id, user_id, key_hash, key_enc, channel
""")


@strawberry.input(description="An invitation that is accepted.")
class UserAcceptInviteInput:
    token: str = strawberry.field(description="The token of the letter.")
    carrier: Carrier = strawberry.field(
        default=Carrier.BEARER, description="How the client wants to carry the session: in the answer or as a cookie."
    )


async def user_accept_invite(tx: Transaction, input: UserAcceptInviteInput) -> Said:
    """Accept an invitation with the token that came by letter, and sign in by that. The token is good once."""
    check_carrier(tx, input.carrier)
    values = {"tenant": tx.actor.tenant_id, "hash": token_hash(tx, input.token.strip()), "now": tx.now}
    taken = (await tx.session.execute(TAKE, values)).one_or_none()
    void = Invalid("The invitation is not valid, or no longer valid.", field="token")
    if taken is None:
        raise void
    asked = select(User).where(User.id == taken.user_id).with_for_update()
    person: User = (await tx.session.execute(asked)).scalar_one()
    if person.status != UserStatus.INVITED:
        raise void
    sealed_in = place(tx.actor.tenant_id, "sign_in_challenge", "key_enc", taken.id)
    key = SignInKey(LetterChannel[taken.channel], tx.keyring.open(taken.key_enc, sealed_in))
    # the letter proves its own address and nothing else: no other key of an account, and no second factor
    if await account_of(tx, key) != person.account_id or await has_second_factor(tx, person):
        raise Forbidden("Sign in with a code instead.")
    await activate(tx, person, mutation="userAcceptInvite")
    member = await membership_for(tx, person)
    if member is None:
        raise Forbidden("This person may not sign in here.")
    attempted(tx, taken.key_hash, person, SignInMethod.INVITATION, SignInOutcome.SUCCEEDED)
    return await opened_for(tx, member, input.carrier)
