"""Letters to people: written in the transaction of their cause, sent by a worker. Bodies and addresses are sealed."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, text

from ..db.sealing import place
from ..db.session import Transaction
from ..models import Letter, Tenant, TenantHost, new_id
from ..rules.enums import LetterChannel, LetterStatus

SEND, OVER = "letter.send", "letter.over"
KEPT = timedelta(days=30)
DELETE = text("DELETE FROM letter WHERE tenant_id = :tenant AND id = :id")


async def post(
    tx: Transaction, channel: LetterChannel, to: str, subject: str, body: str, *, expires_at: datetime
) -> Letter:
    """A letter on its way; nobody sends it any more after `expires_at`. `subject` holds neither a code nor a name."""
    id_ = new_id()
    letter: Letter = tx.add(
        Letter(
            id=id_,
            channel=channel,
            status=LetterStatus.WAITING,
            to_enc=tx.keyring.seal(to, _place(tx.actor.tenant_id, "to_enc", id_)),
            subject=subject,
            body_enc=tx.keyring.seal(body, _place(tx.actor.tenant_id, "body_enc", id_)),
            expires_at=expires_at,
            attempts=0,
        )
    )
    await tx.due(SEND, id_, tx.now)
    await tx.due(OVER, id_, max(expires_at, tx.now) + KEPT)
    return letter


async def forget(tx: Transaction, id: UUID) -> None:
    """Work of a timer: a letter is deleted a month after it could last be sent."""
    await tx.session.execute(DELETE, {"tenant": tx.actor.tenant_id, "id": id})


def opened(tx: Transaction, letter: Letter) -> tuple[str, str | None]:
    """To whom it goes, and its text, while it is there."""
    to = tx.keyring.open(letter.to_enc, _place(letter.tenant_id, "to_enc", letter.id))
    body = letter.body_enc
    return to, None if body is None else tx.keyring.open(body, _place(letter.tenant_id, "body_enc", letter.id))


def _place(tenant_id: UUID, column: str, id_: UUID) -> bytes:
    return place(tenant_id, "letter", column, id_)


class Sender(NamedTuple):
    """The tenant, as its letters name it: with the host name that they point at, if it has one, and its own language."""

    name: str
    host: str | None
    locale: str


async def sender(tx: Transaction) -> Sender:
    """In whose name this tenant's letters go out."""
    known = tx.looked_up.get(Sender)
    if known is None:
        asked = select(Tenant.name, Tenant.locale).where(Tenant.id == tx.actor.tenant_id)
        tenant = (await tx.session.execute(asked)).one()
        hosts = select(TenantHost.host).order_by(TenantHost.created_at, TenantHost.host).limit(1)
        host: str | None = (await tx.session.execute(hosts)).scalar_one_or_none()
        known = tx.looked_up[Sender] = Sender(tenant.name, host, tenant.locale)
    return known
