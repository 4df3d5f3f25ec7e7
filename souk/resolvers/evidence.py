"""Evidence of an alert: snapshots that vouch for each other, and the sales that a price led to.

The hash of a snapshot is made here when it is appended, and again by PostgreSQL when somebody asks whether the chain
holds; `canonical` and `CANONICAL` are the same spelling, and a test holds them equal.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Text, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from ..db.session import Transaction
from ..models import Alert, EvidenceSaleRow, EvidenceSnapshot, new_id
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
    return {
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
    || coalesce(evidence_snapshot.price_minor::text, 'null') || ',"url":'
    || coalesce(to_json(evidence_snapshot.url)::text, 'null') || '}', 'UTF8')""",
    LargeBinary(),
)
BEFORE_FIRST: Any = literal_column(f"'\\x{GENESIS.hex()}'::bytea", LargeBinary())


def rehashed() -> Any:
    """The hash that a snapshot has to have, computed where it lies."""
    return func.sha256(func.coalesce(EvidenceSnapshot.prev_hash, BEFORE_FIRST).op("||")(CANONICAL), type_=LargeBinary())


def in_hex(hash_: Any) -> Any:
    return func.encode(hash_, literal_column("'hex'", Text()), type_=Text())


async def snapshot(
    tx: Transaction,
    alert: Alert,
    *,
    price: int,
    captured_at: datetime,
    url: str | None = None,
    listing_id: UUID | None = None,
) -> bool:
    """Append a price that was seen to the chain of an alert, whose row is locked.

    What was seen elsewhere at the same moment, at the same address and price, is there already: then False.
    """
    if listing_id is None and await _there(tx, alert, price, captured_at, url):
        return False
    last = select(func.coalesce(func.max(EvidenceSnapshot.n), 0)).where(EvidenceSnapshot.alert_id == alert.id)
    row: dict[str, Any] = {
        "tenant_id": tx.actor.tenant_id,
        "id": new_id(),
        "created_at": tx.now,
        "alert_id": alert.id,
        "n": (await tx.session.execute(last)).scalar_one() + 1,
        "captured_at": captured_at,
        "url": url,
        "listing_id": listing_id,
        "outcome": SnapshotOutcome.FOUND,
        "price_minor": price,
        "currency": alert.currency,
        "prev_hash": alert.evidence_head,
    }
    alert.evidence_head = row["hash"] = link(alert.evidence_head or GENESIS, canonical(row))
    await tx.session.execute(insert(EvidenceSnapshot), [row])
    return True


async def _there(tx: Transaction, alert: Alert, price: int, captured_at: datetime, url: str | None) -> bool:
    same = select(EvidenceSnapshot.id).where(
        EvidenceSnapshot.alert_id == alert.id,
        EvidenceSnapshot.captured_at == captured_at,
        EvidenceSnapshot.price_minor == price,
        EvidenceSnapshot.listing_id.is_(None),
        EvidenceSnapshot.url.is_not_distinct_from(url),
    )
    return (await tx.session.execute(same.limit(1))).first() is not None


async def sales(tx: Transaction, alert: Alert, rows: Iterable[Sale]) -> int:
    """Append sales to an alert, whose row is locked; a row with a known `external_ref` is left. Gives how many are new."""
    values = [
        {
            "tenant_id": tx.actor.tenant_id,
            "id": new_id(),
            "created_at": tx.now,
            "alert_id": alert.id,
            "dealer_id": row.dealer_id or alert.dealer_id,
            "occurred_at": row.occurred_at,
            "units": row.units,
            "unit_price_minor": row.unit_price,
            "currency": alert.currency,
            "source": row.source,
            "external_ref": row.external_ref,
        }
        for row in rows
    ]
    if not values:
        return 0
    made = insert(EvidenceSaleRow).on_conflict_do_nothing(index_elements=["tenant_id", "alert_id", "external_ref"])
    done = await tx.session.execute(made.returning(EvidenceSaleRow.id), values)
    return len(done.all())
