"""Files that show what an alert is about: put into its chain by their hashes, and kept as long as it."""

import asyncio
import hashlib
from typing import Any, BinaryIO

import strawberry
from sqlalchemy import Select, Text, func, literal_column, select

from ...db.session import Transaction
from ...engine.scalars import URL, DateTime
from ...engine.symbols import GlobalId, Viewer, key
from ...models import Alert, EvidenceSnapshot, Upload
from ...permissions.alert import AddsEvidence, SeesAlert, SeesSnapshot
from ...permissions.upload import UsesUpload
from ...rules import text
from ...rules.errors import Invalid, NotFound, OutOfRange
from ..evidence import Chains, in_hex
from ..filters import encoded
from ..observation.effects import told
from ..writing import found, locked, permit

SHOWS = ("image/png", "image/jpeg", "image/webp", "application/pdf", "text/html")
"""What a file may be: a picture of a page, or the page."""
PIECE = 1 << 20  # bytes at once


@strawberry.input(description="A file that shows the price that an alert is about.")
class AlertAddEvidenceInput:
    id: strawberry.ID = strawberry.field(description="The alert.")
    upload_id: strawberry.ID = strawberry.field(
        description="A file from `POST /uploads`: a picture (PNG, JPEG, WebP), a PDF or the page in HTML."
    )
    url: URL | None = strawberry.field(default=None, description="Where it was seen.")
    captured_at: DateTime | None = strawberry.field(
        default=None, description="When it was seen, in UTC: not in the future; now when absent."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def alert_add_evidence(tx: Transaction, input: AlertAddEvidenceInput) -> Alert:
    """Put a file into the evidence of an alert, beside the price last seen. Its hash is taken anew and joins the chain."""
    alert = await locked(tx, Alert, input.id, SeesAlert(), version=input.expected_version)
    await permit(tx, AddsEvidence(), alert)
    upload = await found(tx, Upload, input.upload_id, UsesUpload(), field="uploadId")
    if upload.media_type.partition(";")[0].strip().lower() not in SHOWS:
        raise Invalid(f"One of {', '.join(SHOWS)}.", field="uploadId")
    captured_at = input.captured_at or tx.now
    if captured_at > tx.now:
        raise OutOfRange("It cannot have been seen in the future.", field="capturedAt")
    url = text.optional_line(input.url, 2000, field="url")
    await _check(tx, upload)
    chains = Chains(tx)
    await chains.know([alert], [], [])
    chains.snapshot(alert, price=alert.price_minor, captured_at=captured_at, url=url, upload=upload)
    await chains.write()
    tx.emit("alert.evidence_added", alert, internal=True, data=told(alert))
    return alert


async def _check(tx: Transaction, upload: Upload) -> None:
    """The content is there, and is what was handed over."""
    assert tx.files is not None
    try:
        if upload.expires_at <= tx.now:
            raise FileNotFoundError
        with tx.files.open(upload.stored_as) as file:
            digest = await asyncio.to_thread(_digest, file)
    except FileNotFoundError:
        raise NotFound(field="uploadId") from None
    if digest != upload.sha256:
        raise Invalid("The file is not what was handed over.", field="uploadId")


def _digest(file: BinaryIO) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(PIECE):
        digest.update(piece)
    return digest.digest()


def attachment_of_snapshot(viewer: Viewer, snapshot: Any) -> Select[Any]:
    """The file that shows it; null where there is none."""
    path = func.concat(
        literal_column("'/evidence/'"), encoded(GlobalId("EvidenceSnapshot", snapshot.id)), literal_column("'/file'"),
        type_=Text(),
    )  # fmt: skip
    return select(
        Upload.name.label("name"),
        Upload.media_type.label("media_type"),
        Upload.size.label("bytes"),
        in_hex(snapshot.upload_sha256).label("sha256"),
        path.label("url"),
    ).where(Upload.tenant_id == viewer.tenant_id, Upload.id == snapshot.upload_id)


async def file_of_snapshot(tx: Transaction, id: str) -> Upload:
    """The file behind a snapshot that the actor sees. Raises NotFound."""
    of = (EvidenceSnapshot.tenant_id == Upload.tenant_id) & (EvidenceSnapshot.upload_id == Upload.id)
    asked = select(Upload).join(EvidenceSnapshot, of).where(EvidenceSnapshot.tenant_id == tx.actor.tenant_id)
    asked = asked.where(EvidenceSnapshot.id == key(id, EvidenceSnapshot), SeesSnapshot().rows(Viewer.of(tx.actor)))
    upload = (await tx.session.execute(asked)).scalar_one_or_none()
    if upload is None:
        raise NotFound(field="id")
    return upload
