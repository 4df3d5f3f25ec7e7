"""Rows of a file as prices seen at dealers and competitors, and as sales: kept, and held against the policies of their time."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text

from ..db.session import Transaction
from ..models import Batch, new_id
from ..resolvers.evidence import Sale
from ..resolvers.limits import SURE
from ..resolvers.observation import Seen, Sight, observe_all
from ..rules.enums import EvidenceSource
from ..rules.importing import PriceMapping
from ..rules.importing.walking import mapping_of
from .actions import Item, Result
from .brought import refused
from .sellers import Seller, sellers_of, skus_of

LATER = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
KNOWN = text("""
SELECT external_ref, id, price_minor, captured_at FROM price_observation
WHERE tenant_id = :tenant AND source = :source AND external_ref = ANY (CAST(:refs AS text[]))
""")
KEEP = text("""
WITH r AS MATERIALIZED (SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
  id uuid, snapshot_id uuid, ref text, sku_id uuid, dealer_id uuid, competitor_id uuid, captured_at timestamptz,
  channel text, url text, outcome text, price bigint, currency text, units integer,
  match_bp integer)
), shown AS (
  INSERT INTO competitor_snapshot (tenant_id, id, created_at, competitor_id, sku_id, captured_at, url, outcome,
      price_minor, currency)
    SELECT :tenant, snapshot_id, :now, competitor_id, sku_id, captured_at, url, outcome,
      CASE outcome WHEN 'FOUND' THEN price END, currency
    FROM r WHERE competitor_id IS NOT NULL ON CONFLICT DO NOTHING)
INSERT INTO price_observation (tenant_id, id, created_at, sku_id, dealer_id, competitor_id, captured_at, channel, url,
    outcome, price_minor, currency, units, match_bp, source, external_ref)
  SELECT :tenant, id, :now, sku_id, dealer_id, competitor_id, captured_at, channel, url, outcome, price, currency,
    units, match_bp, :source, ref FROM r
""")


async def import_observations(
    tx: Transaction, batch: Batch, items: Sequence[Item], meanwhile: Callable[[], None] = lambda: None
) -> list[Result]:
    """One result per item: CREATED, UNCHANGED for one that is there, or REFUSED. What was seen is never changed."""
    plan, mapping = batch.plan, mapping_of(batch.plan["mapping"])
    assert isinstance(mapping, PriceMapping)
    values: dict[str, Any] = {"tenant": tx.actor.tenant_id, "source": plan["source"]}
    # one import of a source at a time, to the end of the chunk: two of them never keep the same row
    await tx.session.execute(LATER, {"name": f"import {tx.actor.tenant_id} {plan['source']}"})
    refs = [item.payload["key"] for item in items]
    known = {ref: tuple(row) for ref, *row in (await tx.session.execute(KNOWN, values | {"refs": refs})).all()}
    new = [item for item in items if item.payload["key"] not in known]
    skus = await skus_of(tx, mapping, new) if new else {}
    otherwise = UUID(plan["dealer_id"]) if plan["dealer_id"] else None
    sellers = await sellers_of(tx, mapping, plan["source"], new, otherwise) if new else {}
    kept: list[dict[str, Any]] = []
    sights: list[Sight] = []
    results = [_one(item, plan["now"], known, skus, sellers, kept, sights) for item in items]
    if sights:
        await observe_all(tx, sights)
    if kept:
        values |= {"now": tx.now, "rows": orjson.dumps(kept, default=str).decode()}
        await tx.send(KEEP, values)
    meanwhile()
    return results


def _one(
    item: Item,
    now: str,
    known: dict[str, tuple[Any, ...]],
    skus: dict[str, UUID],
    sellers: dict[str | None, Seller],
    kept: list[dict[str, Any]],
    sights: list[Sight],
) -> Result:
    values, ref, warnings = item.payload["values"], item.payload["key"], item.payload["warnings"]
    at = datetime.fromisoformat(values["captured_at"] or now)
    if ref in known:
        id_, price, captured_at = known[ref]
        if price != values["price"] or (values["captured_at"] and captured_at != at):
            return refused(item, "", "", "what was seen under this key is another price or time, and is never changed")
        return Result(outcome="UNCHANGED", target_id=id_, warnings=warnings)
    sku, seller = skus.get(values["sku"]), sellers.get(values.get("seller"))
    if sku is None:
        return refused(item, "sku", values["sku"], "is no SKU of this tenant")
    if seller is None:
        return refused(item, "seller", values.get("seller") or "", "is no seller known to this tenant")
    row = {
        "id": new_id(), "snapshot_id": new_id(), "ref": ref, "sku_id": sku, "dealer_id": seller.dealer_id,
        "competitor_id": seller.competitor_id, "captured_at": at, "channel": values.get("channel"),
        "url": values.get("url"), "outcome": values["outcome"], "price": values["price"],
        "currency": values["currency"], "units": values.get("units"), "match_bp": values.get("match"),
    }  # fmt: skip
    kept.append(row)
    known[ref] = (row["id"], values["price"], at)
    if values["outcome"] == "FOUND":
        seen = Seen(
            sku, values["price"], values["currency"], at, seller.dealer_id, seller.competitor_id, row["channel"],
            row["url"], match_bp=SURE if row["match_bp"] is None else row["match_bp"],
        )  # fmt: skip
        units = row["units"]
        sold = [Sale(at, units, values["price"], ref, EvidenceSource.UPLOAD, seller.dealer_id)] if units else []
        sights.append((seen, sold))
    return Result(outcome="CREATED", target_id=row["id"], warnings=warnings)
