"""The kind IMPORT: the rows of a file that was handed over become listings, or prices seen at competitors."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from ..db.session import Transaction
from ..models import Batch, BatchItem, BatchPreviewItem, Dealer, Upload
from ..permissions.dealer import SeesDealer
from ..permissions.upload import UsesUpload
from ..rules import importing
from ..rules import text as texts
from ..rules.enums import BatchAction, BatchKind
from ..rules.errors import Forbidden, NotFound, Required
from ..rules.importing.walking import Survey, mapping_of, survey
from .kinds import KINDS, BatchPlan, BatchSelection, Foreseen, Foresight, OfKind
from .writing import found

EXPIRY = "upload.expiry"
GRACE = timedelta(hours=1)
"""After its last moment: a preview that was made until then may still become a batch, for half an hour."""
LATER = timedelta(days=1)
"""How much longer the file of a batch that is not at rest is kept, again and again."""
UNKNOWN = timedelta(days=1)
"""How long a file is kept that nobody has said is whole."""
REST = "*"
"""The external id of the dealer who gets the rows that name nobody else."""


async def upload_begin(tx: Transaction, id: UUID) -> None:
    """A file is about to be kept. Whatever ends this process before `upload_add`, the file is found by its id and goes."""
    await tx.due(EXPIRY, id, tx.now + UNKNOWN)


async def upload_add(
    tx: Transaction, *, id: UUID, name: str, media_type: str, stored_as: str, size: int, sha256: bytes, days: int
) -> Upload:
    """A file that the storage keeps is now known in the tenant."""
    upload = tx.add(
        Upload(
            id=id, name=texts.line(name or "file", 200, field="name"), media_type=media_type[:100], size=size,
            sha256=sha256, stored_as=stored_as, creator_id=tx.actor.user_id, dealer_id=tx.actor.dealer_id,
            expires_at=tx.now + timedelta(days=days),
        )
    )  # fmt: skip
    tx.emit("upload.created", upload, data={"size": size})
    await tx.session.flush()
    await tx.due(EXPIRY, upload.id, upload.expires_at + GRACE)
    return upload


async def expire(tx: Transaction, upload_id: UUID) -> None:
    """What a timer does when an upload's time has come: its content goes, the row stays for the batches that name it.

    Without a row, nobody said that the file is whole: what there is of it goes.
    """
    if tx.files is None:
        raise RuntimeError("This process was given no storage.")
    upload = await tx.session.get(Upload, (tx.actor.tenant_id, upload_id))
    if upload is None:
        await tx.files.discard(tx.actor.tenant_id, upload_id)
        return
    at_work = select(Batch.id).where(
        Batch.tenant_id == upload.tenant_id, Batch.upload_id == upload.id, Batch.ended_at.is_(None)
    )
    if upload.expires_at + GRACE > tx.now:
        await tx.due(EXPIRY, upload.id, upload.expires_at + GRACE)
    elif (await tx.session.execute(at_work.limit(1))).scalar() is not None:
        await tx.due(EXPIRY, upload.id, tx.now + LATER)
    else:
        await tx.files.remove(upload.stored_as)  # before the commit: where that fails, the timer comes again
        tx.emit("upload.expired", upload)


class Import(OfKind):
    """Reads the file once to say what would come of it; the rows themselves are streamed while the batch runs."""

    kind = BatchKind.IMPORT
    streamed = True

    async def foresee(self, tx: Transaction, selection: BatchSelection, plan: BatchPlan) -> Foresight:
        """How many rows, how many of them refused, what cells would be left empty, whose listings they become."""
        if selection.upload_id is None:
            raise Required("An import reads an uploaded file.", field=("selection", "uploadId"))
        if not plan.mapping:
            raise Required("Say which column is what.", field=("plan", "mapping"))
        mapping = mapping_of(plan.mapping)
        upload = await found(
            tx, Upload, selection.upload_id, None if tx.system else UsesUpload(), field=("selection", "uploadId")
        )
        assert tx.files is not None
        try:
            if upload.expires_at <= tx.now:
                raise FileNotFoundError
            with tx.files.open(upload.stored_as) as file:
                seen = await asyncio.to_thread(survey, file, mapping, this_year=tx.now.year)
        except FileNotFoundError:
            raise NotFound(field=("selection", "uploadId")) from None
        kept: dict[str, Any] = {"mapping": plan.mapping, "year": tx.now.year, "by_column": False, "dealer_id": None}
        warnings = _sentences(seen)
        if mapping is None:
            if tx.actor.dealer_id is not None:
                raise Forbidden("Prices of competitors are not a dealer's to bring in.")
            kept["source"] = importing.SNAPSHOTS
        else:
            dealer = await self._dealer(tx, plan)
            kept["dealer_id"] = str(dealer) if dealer else None
            kept["by_column"] = mapping.dealer is not None and tx.actor.dealer_id is None
            name = mapping.name or "file"
            if kept["by_column"]:
                kept["source"] = name
                warnings += await _without_dealer(tx, name, seen, dealer)
            elif dealer is None:
                raise Required("Say for which dealer.", field=("plan", "dealerId"))
            else:
                kept["source"] = f"{name}/{dealer}"  # two dealers may number their things alike
        type_ = "CompetitorSnapshot" if mapping is None else "Listing"
        return Foresight(
            {"uploadId": str(upload.id), "sha256": upload.sha256.hex()},
            kept,
            [_item(type_, *each) for each in seen.shown],
            total=seen.rows,
            actionable=seen.rows - seen.refused,
            warnings=warnings,
            dealer_id=tx.actor.dealer_id,
            upload_id=upload.id,
        )

    async def states(
        self, tx: Transaction, items: Sequence[BatchPreviewItem | BatchItem]
    ) -> Mapping[UUID, dict[str, Any] | None]:
        return {}

    @staticmethod
    async def _dealer(tx: Transaction, plan: BatchPlan) -> UUID | None:
        own = tx.actor.dealer_id
        if plan.dealer_id is None:
            return own
        dealer = await found(
            tx, Dealer, plan.dealer_id, None if tx.system else SeesDealer(), field=("plan", "dealerId")
        )
        if own is not None and dealer.id != own:
            raise Forbidden("You may bring in listings of your own organisation only.")
        return dealer.id


KINDS[BatchKind.IMPORT] = Import()


def _item(type_: str, number: int, what: str, lost: Iterable[importing.Warned]) -> Foreseen:
    told = [f"{column}: {value!r} {reason}" for column, value, reason in lost]
    return Foreseen(
        type_, None, BatchAction.IMPORT_ROW, payload={"row": number}, warnings=told,
        skip="REFUSED" if what == "REFUSED" else None,
    )  # fmt: skip


def _sentences(seen: Survey) -> list[str]:
    told = []
    if seen.refused:
        told.append(f"{seen.refused} rows are refused: their title or price cannot be had.")
    if seen.cells:
        told.append(f"{seen.cells} cells of {seen.warned} rows are left empty.")
    if seen.examined < seen.rows:
        told.append(f"The cells of the first {seen.examined} rows were read.")
    return told


async def _without_dealer(tx: Transaction, source: str, seen: Survey, otherwise: UUID | None) -> list[str]:
    """What to say of the rows whose dealer nobody knows."""
    names = [name for name in seen.dealers if name is not None]
    known = await dealers_named(tx, source, names)
    if otherwise is not None or REST in known:
        return []
    rows = sum(number for name, number in seen.dealers.items() if name is None or folded(name) not in known)
    return [f"{rows} rows are refused: they name no dealer of yours, and no dealer is given for them."] if rows else []


@lru_cache(4096)
def folded(name: str) -> str:
    return " ".join(name.split()).casefold()


# The later ones win: a dealer's own name over the city it is alone in, what the source calls it over both.
NAMED = text("""
SELECT name, id FROM (
  SELECT 1 AS rank, city_key AS name, CAST(min(CAST(id AS text)) AS uuid) AS id FROM dealer
    WHERE tenant_id = :tenant AND deleted_at IS NULL AND city_key = ANY (CAST(:names AS text[]))
    GROUP BY city_key HAVING count(*) = 1
  UNION ALL SELECT 2, lower(name), id FROM dealer
    WHERE tenant_id = :tenant AND deleted_at IS NULL AND lower(name) = ANY (CAST(:names AS text[]))
  UNION ALL SELECT 3, external_id, subject_id FROM external_ref
    WHERE tenant_id = :tenant AND source = :source AND type = 'DEALER'
      AND (external_id = ANY (CAST(:names AS text[])) OR external_id = :rest)) AS found
ORDER BY rank
""")


async def dealers_named(tx: Transaction, source: str, names: Sequence[str]) -> dict[str, UUID]:
    """Folded names → dealers: by what the source calls them, by their own name, or as the only one of a city.

    Under `REST` the one who gets the rows that name nobody else, where the source has one.
    """
    wanted = sorted({folded(name) for name in names})
    tenant = tx.actor.tenant_id
    given = {"tenant": tenant, "source": source, "names": wanted, "rest": REST}
    return dict((await tx.session.execute(NAMED, given)).all())
