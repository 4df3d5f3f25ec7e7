"""Evidence of an alert: snapshots that vouch for each other, and the sales that a price led to.

The hash of a snapshot is made here when it is appended, and again by PostgreSQL when somebody asks whether the chain
holds; `canonical` and `CANONICAL` are the same spelling, and a test holds them equal.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Text, func, literal_column, text
from sqlalchemy.dialects.postgresql import insert

from ..db.session import Transaction
from ..models import Alert, EvidenceSaleRow, EvidenceSnapshot, Upload, new_id
from ..rules.chain import GENESIS, link
from ..rules.enums import EvidenceSource, SnapshotOutcome


@dataclass(frozen=True, slots=True)
class Sale:
    """Units sold at a price, as a feed or a file tells of them. `dealer_id` None: who is observed; another: a peer."""

    occurred_at: datetime
    units: int
    unit_price: int
    external_ref: str
    source: EvidenceSource = EvidenceSource.FEED
    dealer_id: UUID | None = None


def canonical(row: Mapping[str, Any]) -> dict[str, Any]:
    """What the hash of a snapshot, given by its columns, covers besides the hash before it."""
    file = row.get("upload_sha256")
    shown = {} if file is None else {"uploadSha256": bytes(file).hex()}
    return shown | {
        "alertId": row["alert_id"],
        "capturedAt": row["captured_at"],
        "currency": row["currency"],
        "listingId": row["listing_id"],
        "n": row["n"],
        "outcome": str(row["outcome"]),
        "priceMinor": row["price_minor"],
        "url": row["url"],
    }


# The same bytes in SQL: `rules.chain.canonical` sorts the keys, leaves no spaces, and escapes texts as to_json does.
CANONICAL: Any = literal_column(
    """convert_to('{"alertId":"' || evidence_snapshot.alert_id || '","capturedAt":"'
    || to_char(evidence_snapshot.captured_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","currency":'
    || to_json(evidence_snapshot.currency) || ',"listingId":'
    || coalesce('"' || evidence_snapshot.listing_id || '"', 'null') || ',"n":' || evidence_snapshot.n || ',"outcome":'
    || to_json(evidence_snapshot.outcome) || ',"priceMinor":'
    || coalesce(evidence_snapshot.price_minor::text, 'null')
    || coalesce(',"uploadSha256":"' || encode(evidence_snapshot.upload_sha256, 'hex') || '"', '') || ',"url":'
    || coalesce(to_json(evidence_snapshot.url)::text, 'null') || '}', 'UTF8')""",
    LargeBinary(),
)
BEFORE_FIRST: Any = literal_column(f"'\\x{GENESIS.hex()}'::bytea", LargeBinary())


def rehashed() -> Any:
    """The hash that a snapshot has to have, computed where it lies."""
    return func.sha256(func.coalesce(EvidenceSnapshot.prev_hash, BEFORE_FIRST).op("||")(CANONICAL), type_=LargeBinary())


def in_hex(hash_: Any) -> Any:
    return func.encode(hash_, literal_column("'hex'", Text()), type_=Text())


class Chains:
    """Evidence on its way to the chains of some alerts, whose rows are locked. `write` appends it, all at once.

    What is known of the chains is asked beforehand, so that a thousand observations take as many statements as one.
    """

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self.heads: dict[UUID, int] = {}
        self.there: set[tuple[UUID, datetime, int, str | None]] = set()
        self.refs: set[tuple[UUID, str]] = set()
        self.snapshots: list[dict[str, Any]] = []
        self.sale_rows: list[dict[str, Any]] = []

    async def know(self, alerts: Sequence[Alert], moments: Collection[datetime], refs: Collection[str]) -> None:
        """Look up where the chains of these alerts stand, and what of these moments and sales they hold already."""
        if not alerts:
            return
        values = {"tenant": self.tx.actor.tenant_id, "alerts": [alert.id for alert in alerts]}
        session = self.tx.session
        self.heads.update(dict((await session.execute(HEADS, values)).all()))
        held = (await session.execute(THERE, {**values, "moments": list(set(moments))})).all()
        self.there.update((alert, at, price, url) for alert, at, price, url in held)
        if refs:
            sold = (await session.execute(SOLD, {**values, "refs": list(set(refs))})).all()
            self.refs.update((alert, ref) for alert, ref in sold)

    def snapshot(
        self,
        alert: Alert,
        *,
        price: int | None,
        captured_at: datetime,
        url: str | None = None,
        listing_id: UUID | None = None,
        outcome: SnapshotOutcome = SnapshotOutcome.FOUND,
        upload: Upload | None = None,
    ) -> bool:
        """Append what was seen to the chain of an alert.

        What was seen elsewhere at the same moment, at the same address and price, is there already: then False.
        """
        if listing_id is None and upload is None and price is not None:
            point = (alert.id, captured_at, price, url)
            if point in self.there:
                return False
            self.there.add(point)
        n = self.heads[alert.id] = self.heads.get(alert.id, 0) + 1
        row: dict[str, Any] = {
            "tenant_id": self.tx.actor.tenant_id,
            "id": new_id(),
            "created_at": self.tx.now,
            "alert_id": alert.id,
            "n": n,
            "captured_at": captured_at,
            "url": url,
            "listing_id": listing_id,
            "outcome": outcome,
            "price_minor": price,
            "currency": alert.currency,
            "upload_id": upload.id if upload else None,
            "upload_sha256": upload.sha256 if upload else None,
            "prev_hash": alert.evidence_head,
        }
        alert.evidence_head = row["hash"] = link(alert.evidence_head or GENESIS, canonical(row))
        self.snapshots.append(row)
        return True

    def sales(self, alert: Alert, rows: Iterable[Sale]) -> list[Sale]:
        """Append sales to an alert; a row with a known `external_ref` is left. Gives the new ones."""
        fresh = []
        for row in rows:
            if (alert.id, row.external_ref) in self.refs:
                continue
            self.refs.add((alert.id, row.external_ref))
            fresh.append(row)
            self.sale_rows.append(
                {
                    "tenant_id": self.tx.actor.tenant_id,
                    "id": new_id(),
                    "created_at": self.tx.now,
                    "alert_id": alert.id,
                    "dealer_id": row.dealer_id or alert.dealer_id,
                    "occurred_at": row.occurred_at,
                    "units": row.units,
                    "unit_price_minor": row.unit_price,
                    "currency": alert.currency,
                    "source": row.source,
                    "external_ref": row.external_ref,
                }
            )
        return fresh

    async def write(self) -> None:
        """Store what was appended, and the alerts with their new heads before it."""
        await self.tx.session.flush()
        for model, rows in ((EvidenceSnapshot, self.snapshots), (EvidenceSaleRow, self.sale_rows)):
            if rows:
                await self.tx.session.execute(insert(model), rows)
                rows.clear()


_OF = "tenant_id = :tenant AND alert_id = a.id"
HEADS = text(f"""
SELECT a.id, e.n FROM unnest(CAST(:alerts AS uuid[])) AS a(id)
CROSS JOIN LATERAL (SELECT n FROM evidence_snapshot WHERE {_OF} ORDER BY n DESC LIMIT 1) AS e
""")
THERE = text("""
SELECT alert_id, captured_at, price_minor, url FROM evidence_snapshot
WHERE tenant_id = :tenant AND alert_id = ANY (CAST(:alerts AS uuid[]))
  AND captured_at = ANY (CAST(:moments AS timestamptz[])) AND listing_id IS NULL AND price_minor IS NOT NULL
""")
SOLD = text("""
SELECT alert_id, external_ref FROM evidence_sale_row
WHERE tenant_id = :tenant AND alert_id = ANY (CAST(:alerts AS uuid[])) AND external_ref = ANY (CAST(:refs AS text[]))
""")
