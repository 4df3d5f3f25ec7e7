"""What signing in leaves behind, in small: attempts, a code that ran out, letters that were kept."""

from itertools import islice

from ...db.sealing import place
from ...models import Letter, LoginAttempt, SignInChallenge, new_id
from ...rules.enums import ChallengePurpose, LetterChannel, LetterStatus, SignInMethod, SignInOutcome
from ...rules.signin import CODE_LIFE
from .ground import Ground

PEOPLE = 3
AGENT = "Mozilla/5.0 (demo)"


async def seed_signing_in(ground: Ground) -> None:
    """Yesterday three people of the tenant signed in with a code, each after a wrong one."""
    at = ground.ago(days=1)
    async with ground.act(None, "demoSeed", at) as tx:
        for n, (login, actor) in enumerate(islice(ground.people.items(), PEOPLE)):
            address = f"{login}@{ground.slug}.example"
            key = tx.keyring.hash(f"signin:{address}")
            challenge, letter = new_id(), new_id()
            tx.add(
                SignInChallenge(
                    id=challenge, purpose=ChallengePurpose.CODE, channel=LetterChannel.EMAIL, key_hash=key,
                    key_enc=tx.keyring.seal(address, place(ground.tenant_id, "sign_in_challenge", "key_enc", challenge)),
                    code_hash=tx.keyring.hash(f"demo:{challenge}"), attempts=2, ip=f"192.0.2.{n + 1}",
                    expires_at=at + CODE_LIFE, used_at=at,
                )
            )  # fmt: skip
            for outcome in (SignInOutcome.WRONG, SignInOutcome.SUCCEEDED):
                tx.add(
                    LoginAttempt(
                        id=new_id(), key_hash=key, user_id=actor.user_id, method=SignInMethod.CODE, outcome=outcome,
                        ip=f"192.0.2.{n + 1}", agent=AGENT,
                    )
                )  # fmt: skip
            made = tx.add(
                Letter(
                    id=letter, channel=LetterChannel.EMAIL, status=LetterStatus.KEPT, subject="Your code",
                    to_enc=tx.keyring.seal(address, place(ground.tenant_id, "letter", "to_enc", letter)),
                    expires_at=at + CODE_LIFE, attempts=1, sent_at=at,
                )
            )  # fmt: skip
        tx.emit("session.seeded", made)
