"""Letters to people: written in the transaction of their cause, sent by a worker. Bodies and addresses are sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from ..db.sealing import place
from ..db.session import Transaction
from ..models import Letter, Tenant, TenantHost, new_id
from ..rules.enums import LetterChannel, LetterStatus

SEND = "letter.send"


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
    return letter


def opened(tx: Transaction, letter: Letter) -> tuple[str, str | None]:
    """To whom it goes, and its text, while it is there."""
    to = tx.keyring.open(letter.to_enc, _place(letter.tenant_id, "to_enc", letter.id))
    body = letter.body_enc
    return to, None if body is None else tx.keyring.open(body, _place(letter.tenant_id, "body_enc", letter.id))


def _place(tenant_id: UUID, column: str, id_: UUID) -> bytes:
    return place(tenant_id, "letter", column, id_)


async def sender(tx: Transaction) -> tuple[str, str | None]:
    """The name of the tenant, and the host name that its letters point at, if it has one."""
    name = (await tx.session.execute(select(Tenant.name).where(Tenant.id == tx.actor.tenant_id))).scalar_one()
    hosts = select(TenantHost.host).order_by(TenantHost.created_at, TenantHost.host).limit(1)
    host: str | None = (await tx.session.execute(hosts)).scalar_one_or_none()
    return name, host
