"""The kind IMPORT: the rows of a file that was handed over become listings, SKUs, price policies, observations, sales."""

import asyncio
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from ..db.session import Transaction
from ..models import Batch, BatchItem, BatchPreviewItem, Dealer, EvidenceSnapshot, Upload
from ..permissions.base import may
from ..permissions.dealer import SeesDealer
from ..permissions.upload import UsesUpload
from ..rules import importing
from ..rules import text as texts
from ..rules.actor import Actor
from ..rules.enums import BatchAction, BatchKind, ImportWhat
from ..rules.errors import Forbidden, Invalid, NotFound, Required
from ..rules.importing import Mapping, PriceMapping
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
    shown = select(EvidenceSnapshot.id).where(
        EvidenceSnapshot.tenant_id == upload.tenant_id, EvidenceSnapshot.upload_id == upload.id
    )
    if (await tx.session.execute(shown.limit(1))).scalar() is not None:
        return  # evidence is kept
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
        what = _what(tx, plan, mapping)
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
        kept: dict[str, Any] = {
            "mapping": plan.mapping, "what": what, "year": tx.now.year, "now": tx.now.isoformat(), "by_column": False,
            "dealer_id": None,
        }  # fmt: skip
        warnings = _sentences(seen, what)
        if mapping is None:
            kept["source"] = importing.SNAPSHOTS
        elif isinstance(mapping, PriceMapping):
            await self._priced(tx, plan, mapping, kept)
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
        type_ = TYPES[what] if mapping is not None else "CompetitorSnapshot"
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
    ) -> Dict[UUID, dict[str, Any] | None]:
        return {}

    async def _priced(self, tx: Transaction, plan: BatchPlan, mapping: PriceMapping, kept: dict[str, Any]) -> None:
        """Whose prices they are, and under which name their keys are unique."""
        kept["source"] = mapping.name or "file"
        if mapping.what not in (ImportWhat.PRICE_OBSERVATIONS, ImportWhat.SALES):
            return
        dealer = await self._dealer(tx, plan)
        if dealer is None and not mapping.fills("seller"):
            raise Required("Say for which dealer.", field=("plan", "dealerId"))
        if dealer is not None:
            kept["dealer_id"] = str(dealer)
        if not mapping.fills("seller"):
            kept["source"] = f"{kept['source']}/{dealer}"  # two dealers may number their sales alike

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


NEEDS = {
    ImportWhat.LISTINGS: "batch:import",
    ImportWhat.SKUS: "sku:write",
    ImportWhat.PRICE_POLICIES: "pricePolicy:write",
    ImportWhat.PRICE_OBSERVATIONS: "observation:write",
    ImportWhat.SALES: "observation:write",
}
"""The row of the matrix that is asked besides that of the kind."""
TYPES = {
    ImportWhat.LISTINGS: "Listing",
    ImportWhat.SKUS: "Sku",
    ImportWhat.PRICE_POLICIES: "PricePolicy",
    ImportWhat.PRICE_OBSERVATIONS: "PriceObservation",
    ImportWhat.SALES: "PriceObservation",
}


def brings(actor: Actor, plan: dict[str, Any]) -> bool:
    """Whether the actor may do to the tenant what the rows of this plan do."""
    facts = actor.facts
    what = ImportWhat[plan.get("what") or ImportWhat.LISTINGS]
    needs = [NEEDS[what]]
    mapping = mapping_of(plan["mapping"])
    if isinstance(mapping, PriceMapping):
        needs += ["sku:write"] if "SKU" in mapping.create else []
        if "SELLER" in mapping.create:
            needs.append("competitor:write" if mapping.seller == "COMPETITOR" else "dealer:write")
    # what is of the whole tenant is not for one of its dealers to bring in
    return all(may(need).admits(facts) for need in needs) and (what is ImportWhat.LISTINGS or not facts.of_dealer)


def _what(tx: Transaction, plan: BatchPlan, mapping: Mapping | PriceMapping | None) -> ImportWhat:
    """What the rows become. Raises Invalid where plan and mapping disagree, Forbidden where that is not the actor's to do."""
    found = ImportWhat.LISTINGS
    if mapping is None:
        found = ImportWhat.PRICE_OBSERVATIONS
    elif isinstance(mapping, PriceMapping):
        found = mapping.what
    if plan.what is not None and plan.what != found:
        raise Invalid(f"The mapping is one of {found}.", field=("plan", "what"))
    if not tx.system and not brings(tx.actor, {"what": found, "mapping": plan.mapping}):
        raise Forbidden(f"You may not bring in {TYPES[found]} rows by this mapping.")
    return found


def _item(type_: str, number: int, what: str, lost: Iterable[importing.Warned]) -> Foreseen:
    told = [f"{column}: {value!r} {reason}" for column, value, reason in lost]
    return Foreseen(
        type_, None, BatchAction.IMPORT_ROW, payload={"row": number}, warnings=told,
        skip="REFUSED" if what == "REFUSED" else None,
    )  # fmt: skip


def _sentences(seen: Survey, what: ImportWhat) -> list[str]:
    told = []
    if seen.refused:
        lacks = "their title or price cannot be had" if what is ImportWhat.LISTINGS else "they lack what they need"
        told.append(f"{seen.refused} rows are refused: {lacks}.")
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
