"""After a change of keys: every sealed value under the first key, every hash for equality search under the last.

Sealed columns are those whose name ends in `_enc`, in whatever table, so that one added later is found by itself.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select, update

from ..db.sealing import Keyring, place
from ..db.session import Transaction
from ..models import Account, Lead, Model, Tenant, VehicleDetail
from . import contact
from .listing.details import plate
from .mfa import NOBODYS

CHUNK = 500
SEARCHED: dict[str, tuple[str, Callable[[str], str]]] = {
    f"{Lead.__tablename__}.contact_phone_enc": ("phone_hash", str),
    f"{Lead.__tablename__}.contact_email_enc": ("email_hash", contact.email_key),
    f"{VehicleDetail.__tablename__}.registration_number_enc": ("registration_hash", plate),
}
"""Sealed column → the column by which it is found, and the form in which it is hashed. Hashes of sign-in keys are not here:
they weigh for a day, and nothing is found by them later."""


def sealed_columns(table: Table) -> list[str]:
    return [column.name for column in table.c if column.name.endswith("_enc")]


def tables() -> list[Table]:
    """Every table of a tenant that has sealed columns, by name."""
    every = Model.metadata.tables.values()
    return sorted((t for t in every if "tenant_id" in t.c and sealed_columns(t)), key=lambda t: t.name)


async def reseal_chunk(tx: Transaction, table: Table, after: UUID | None) -> tuple[int, UUID | None]:
    """The next rows of one table behind `after`. Gives how many changed, and where to go on; None at the end."""
    asked = select(table).where(table.c.tenant_id == tx.actor.tenant_id).order_by(table.c.id).limit(CHUNK)
    changed, last = await _chunk(tx, table, asked, after, tx.actor.tenant_id)
    if changed:
        tx.emit(
            "tenant.secrets_resealed", await tx.session.get_one(Tenant, tx.actor.tenant_id), data={"table": table.name}
        )
    return changed, last


async def reseal_accounts(tx: Transaction, after: UUID | None) -> tuple[int, UUID | None]:
    """The same for accounts, which belong to no tenant; as the owner of the tables."""
    table: Any = Account.__table__
    return await _chunk(tx, table, select(table).order_by(table.c.id).limit(CHUNK), after, NOBODYS)


async def _chunk(tx: Transaction, table: Table, asked: Any, after: UUID | None, owner: UUID) -> tuple[int, UUID | None]:
    if after is not None:
        asked = asked.where(table.c.id > after)
    rows = (await tx.session.execute(asked.with_for_update())).mappings().all()
    changed = 0
    for row in rows:
        new = _renewed(tx.keyring, table, row, owner)
        if new:
            same = [column == row[column.name] for column in table.primary_key.columns]
            await tx.session.execute(update(table).where(*same).values(new))
            changed += 1
    return changed, rows[-1]["id"] if len(rows) == CHUNK else None


def _renewed(keyring: Keyring, table: Table, row: Any, owner: UUID) -> dict[str, bytes]:
    """What is not as it would be written today. Raises KeyError for a key that is gone, InvalidTag for what was tampered with."""
    new: dict[str, bytes] = {}
    for name in sealed_columns(table):
        value: bytes | None = row[name]
        searched, form = SEARCHED.get(f"{table.name}.{name}", (None, str))
        if value is None or (searched is None and keyring.sealed_by_first(value)):
            continue
        where = place(owner, table.name, name, row["id"])
        text = keyring.open(value, where)
        if not keyring.sealed_by_first(value):
            new[name] = keyring.seal(text, where)
        if searched is not None and row[searched] != (hashed := keyring.hash(form(text))):
            new[searched] = hashed
    return new
