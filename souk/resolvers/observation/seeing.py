"""Seeing one price: a listing of our own, or what was found elsewhere."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from ...db.session import Transaction
from ...models import Alert, Listing, new_id
from ..evidence import Sale
from ..limits import SURE, Seen
from .judging import observe_all
from .key import SHOWN, seen_of
from .undercut import our_price_moved


async def observe(tx: Transaction, listing: Listing) -> list[Alert]:
    """See a listing of our own, after it was created, changed or activated. Gives the alerts that were touched."""
    our_price_moved(tx, listing.sku_id)
    if listing.sku_id is None or listing.price_minor is None or listing.status not in SHOWN:
        return []
    seen = seen_of(listing, tx.now)
    done: set[Seen] = tx.session.info.setdefault("observed", set())
    if seen in done:
        return []  # several steps of one transaction are one change
    done.add(seen)
    touched = await observe_all(tx, [(seen, ())])
    await record(tx, seen)
    return touched


async def observe_price(
    tx: Transaction,
    *,
    sku_id: UUID,
    price: int,
    currency: str,
    captured_at: datetime,
    dealer_id: UUID | None = None,
    competitor_id: UUID | None = None,
    channel: str | None = None,
    url: str | None = None,
    listing_id: UUID | None = None,
    match_bp: int = SURE,
    sales: Iterable[Sale] = (),
) -> list[Alert]:
    """See a price elsewhere, with the sales it led to. Exactly one of `dealer_id` and `competitor_id` is given.

    `match_bp` is how sure it is, in basis points, that a competitor's thing is this SKU.
    The same observation again changes nothing. Gives the alerts that were touched.
    """
    if (dealer_id is None) == (competitor_id is None):
        raise ValueError("a price belongs to a dealer or to a competitor")
    seen = Seen(sku_id, price, currency, captured_at, dealer_id, competitor_id, channel, url, listing_id, match_bp)
    touched = await observe_all(tx, [(seen, tuple(sales))])
    await record(tx, seen)
    return touched


async def record(tx: Transaction, seen: Seen) -> None:
    """Keep a price that was seen, breach or not: what a draft of a policy is tried on. The same again is one."""
    values = {
        "tenant": tx.actor.tenant_id, "id": new_id(), "now": tx.now, "sku": seen.sku_id, "dealer": seen.dealer_id,
        "competitor": seen.competitor_id, "listing": seen.listing_id, "at": seen.captured_at, "channel": seen.channel,
        "url": seen.url, "price": seen.price, "currency": seen.currency,
        "match": None if seen.match_bp == SURE else seen.match_bp,
    }  # fmt: skip
    await tx.session.execute(RECORD, values)


RECORD = text("""
INSERT INTO price_observation (tenant_id, id, created_at, sku_id, dealer_id, competitor_id, listing_id, captured_at,
    channel, url, outcome, price_minor, currency, match_bp)
  SELECT :tenant, :id, :now, :sku, CAST(:dealer AS uuid), CAST(:competitor AS uuid), CAST(:listing AS uuid), :at,
    CAST(:channel AS text), CAST(:url AS text), 'FOUND', :price, CAST(:currency AS text), CAST(:match AS integer)
  WHERE NOT EXISTS (SELECT FROM price_observation o
    WHERE o.tenant_id = :tenant AND o.sku_id = :sku AND o.captured_at = :at AND o.price_minor = :price
      AND o.currency = CAST(:currency AS text) AND o.dealer_id IS NOT DISTINCT FROM CAST(:dealer AS uuid)
      AND o.competitor_id IS NOT DISTINCT FROM CAST(:competitor AS uuid)
      AND o.listing_id IS NOT DISTINCT FROM CAST(:listing AS uuid)
      AND o.channel IS NOT DISTINCT FROM CAST(:channel AS text) AND o.url IS NOT DISTINCT FROM CAST(:url AS text))
""")
