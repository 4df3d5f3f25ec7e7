"""Letters are handed on: a short transaction takes one, the gateway has it, a second transaction writes what came of it.

Nothing is sent inside a transaction. The second one counts only where the attempt is still its own; a worker that died in
between leaves a letter that is sent again, with the same id.
"""

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog
from sqlalchemy import select, text

from ..db.session import Database, Transaction, system_actor
from ..gateways.letters import Gateway, NotNow, Undeliverable
from ..models import Letter, Tenant
from ..resolvers.letter import SEND, opened
from ..rules.enums import LetterChannel, LetterStatus
from .queue import Held, done

__all__ = ["SEND", "Post"]
ATTEMPTS, BASE, LONGEST = 8, 2.0, 600.0
log = structlog.get_logger("souk.letters")
Gateways = Mapping[LetterChannel, Gateway]
TAKE = text("UPDATE letter SET attempts = attempts + 1 WHERE tenant_id = :tenant AND id = :id")
WRITE = text("""
UPDATE letter SET status = :status, error = :error,
  body_enc = CASE WHEN :status IN ('WAITING', 'KEPT') THEN body_enc END,
  sent_at = CASE WHEN :status IN ('SENT', 'KEPT') THEN CAST(:now AS timestamptz) END
WHERE tenant_id = :tenant AND id = :id AND attempts = :attempt AND status = 'WAITING' RETURNING id
""")


class _Taken(NamedTuple):
    """A letter in the hands of this worker, and the number of its attempt."""

    gateway: Gateway
    to: str
    subject: str
    body: str
    attempt: int


class Post:
    """Who hands letters on. Without a gateway for its channel a letter stays in the outbox.

    `tell` also shows such letters of demo tenants in the log: on a development machine only.
    """

    def __init__(self, gateways: Gateways | None = None, *, tell: bool = False) -> None:
        self.gateways, self.tell = gateways or {}, tell

    async def deliver(self, db: Database, held: Held, clock: Callable[[], datetime]) -> datetime | None:
        """One letter, once. Gives when to come back; None when it is settled."""
        actor = system_actor(held.tenant_id)
        async with held.lock, db.transaction(actor, SEND, now=clock(), system=True) as tx:
            letter = await self._taken(tx, held)
        if letter is None:
            return None
        status, error = LetterStatus.SENT, None
        try:
            await letter.gateway.send(str(held.ref), letter.to, letter.subject, letter.body)
        except Undeliverable as refused:
            status, error = LetterStatus.DEAD, str(refused)
        except NotNow as later:
            status, error = LetterStatus.WAITING, str(later)
        async with held.lock, db.transaction(actor, SEND, now=clock(), system=True) as tx:
            if status is LetterStatus.WAITING and letter.attempt < ATTEMPTS:
                await _written(tx, held, letter.attempt, status, error)
                pause = random.uniform(0, min(BASE * 2.0 ** (letter.attempt - 1), LONGEST))
                return tx.now + timedelta(seconds=1 + pause)
            status = LetterStatus.DEAD if status is LetterStatus.WAITING else status
            if await _written(tx, held, letter.attempt, status, error):
                await done(tx, held)
        return None

    async def _taken(self, tx: Transaction, held: Held) -> _Taken | None:
        """The letter under this worker's attempt, or None where there is nothing to send."""
        asked = select(Letter).where(Letter.tenant_id == held.tenant_id, Letter.id == held.ref).with_for_update()
        row: Letter | None = (await tx.session.execute(asked)).scalar_one_or_none()
        if row is None or row.status != LetterStatus.WAITING or row.body_enc is None:
            await done(tx, held)
            return None
        gateway = self.gateways.get(LetterChannel[row.channel])
        late = row.expires_at <= tx.now
        if late or row.attempts >= ATTEMPTS or gateway is None:
            to, body = opened(tx, row)
            kept = gateway is None and not late
            if kept and self.tell and await _of_demo(tx):
                log.info("letter", to=to, subject=row.subject, body=body)
            error = None if kept else "too late" if late else row.error
            await _written(tx, held, row.attempts, LetterStatus.KEPT if kept else LetterStatus.DEAD, error)
            await done(tx, held)
            return None
        await tx.session.execute(TAKE, {"tenant": held.tenant_id, "id": held.ref})
        to, body = opened(tx, row)
        return _Taken(gateway, to, row.subject, body or "", row.attempts + 1)


async def _written(tx: Transaction, held: Held, attempt: int, status: LetterStatus, error: str | None) -> bool:
    """What came of an attempt, unless a later one has begun. A text that is not to be sent or shown any more is gone."""
    values = {
        "tenant": held.tenant_id,
        "id": held.ref,
        "attempt": attempt,
        "status": status.value,
        "error": error,
        "now": tx.now,
    }
    return (await tx.session.execute(WRITE, values)).one_or_none() is not None


async def _of_demo(tx: Transaction) -> bool:
    return bool((await tx.session.execute(select(Tenant.demo).where(Tenant.id == tx.actor.tenant_id))).scalar_one())
