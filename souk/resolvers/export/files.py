"""The file of an export: who fetches it, and when it goes."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import delete, select

from ...db.session import Transaction
from ...engine.symbols import Viewer, key
from ...models import Batch, Export, ExportPart
from ...permissions.export import ReadsExport
from ...rules.enums import ExportFormat
from ...rules.errors import NotFound

EXPIRY = "export.expiry"
UNFINISHED = timedelta(days=1)
"""How long the parts of an export are kept that came to no file; and how often is looked whether its batch still runs."""
MEDIA = {
    ExportFormat.CSV: "text/csv",
    ExportFormat.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Download(NamedTuple):
    """A file that may be fetched: its name, media type and length in bytes, and where it is stored; None: no longer."""

    name: str
    media_type: str
    size: int
    stored_as: str | None


async def download_of(tx: Transaction, batch_id: str) -> Download:
    """The file of the batch with this global id, for its creator. Raises NotFound: also while there is none yet."""
    asked = select(Export).where(
        Export.tenant_id == tx.actor.tenant_id, Export.batch_id == key(batch_id, Batch), Export.sha256.is_not(None)
    )
    sees = ReadsExport().rows(Viewer.of(tx.actor))
    export = (await tx.session.execute(asked.where(sees))).scalar_one_or_none()
    if export is None:
        raise NotFound
    assert export.size is not None and export.expires_at is not None
    kept = export.stored_as if export.expires_at > tx.now else None
    return Download(export.name, MEDIA[ExportFormat[export.format]], export.size, kept)


async def expire(tx: Transaction, export_id: UUID) -> None:
    """What a timer does when an export's time has come: the file goes and what was read for it, the row stays."""
    if tx.files is None:
        raise RuntimeError("This process was given no storage.")
    tenant = tx.actor.tenant_id
    asked = select(Export).where(Export.tenant_id == tenant, Export.id == export_id).with_for_update()
    export = (await tx.session.execute(asked)).scalar_one_or_none()
    if export is None:
        return
    batch = await tx.session.get_one(Batch, (tenant, export.batch_id))
    if export.expires_at is not None and export.expires_at > tx.now:
        await tx.due(EXPIRY, export.id, export.expires_at)
        return
    if batch.ended_at is None:
        await tx.due(EXPIRY, export.id, tx.now + UNFINISHED)
        return
    await tx.files.discard(tenant, export.id)  # before the commit: where that fails, the timer comes again
    await tx.session.execute(
        delete(ExportPart).where(ExportPart.tenant_id == tenant, ExportPart.export_id == export.id)
    )
    if export.stored_as is not None:
        export.stored_as = None
        tx.emit("export.expired", export)
