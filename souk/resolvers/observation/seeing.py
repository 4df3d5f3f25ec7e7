"""Seeing a price: what is decided about each alert of its key."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from ...db.session import Transaction
from ...models import Alert, Listing, new_id
from ...rules import alert as rules
from ...rules.alert import ENDED, RAISES, Observed
from ...rules.enums import AlertKind
from ..evidence import Sale
from ..limits import Limit, Seen
from .effects import cured, late, noted, raised, reopened, repeated
from .ground import Ground, Sight, surveyed
from .key import SHOWN, elsewhere, key_of, seen_of, state_of


async def observe(tx: Transaction, listing: Listing) -> list[Alert]:
    """See a listing of our own, after it was created, changed or activated. Gives the alerts that were touched."""
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
    sales: Iterable[Sale] = (),
) -> list[Alert]:
    """See a price elsewhere, with the sales it led to. Exactly one of `dealer_id` and `competitor_id` is given.

    The same observation again changes nothing. Gives the alerts that were touched.
    """
    if (dealer_id is None) == (competitor_id is None):
        raise ValueError("a price belongs to a dealer or to a competitor")
    seen = Seen(sku_id, price, currency, captured_at, dealer_id, competitor_id, channel, url, listing_id)
    touched = await observe_all(tx, [(seen, tuple(sales))])
    await record(tx, seen)
    return touched


async def record(tx: Transaction, seen: Seen) -> None:
    """Keep a price that was seen, breach or not: what a draft of a policy is tried on. The same again is one."""
    values = {
        "tenant": tx.actor.tenant_id, "id": new_id(), "now": tx.now, "sku": seen.sku_id, "dealer": seen.dealer_id,
        "competitor": seen.competitor_id, "listing": seen.listing_id, "at": seen.captured_at, "channel": seen.channel,
        "url": seen.url, "price": seen.price, "currency": seen.currency,
    }  # fmt: skip
    await tx.session.execute(RECORD, values)


RECORD = text("""
INSERT INTO price_observation (tenant_id, id, created_at, sku_id, dealer_id, competitor_id, listing_id, captured_at,
    channel, url, outcome, price_minor, currency)
  SELECT :tenant, :id, :now, :sku, CAST(:dealer AS uuid), CAST(:competitor AS uuid), CAST(:listing AS uuid), :at,
    CAST(:channel AS text), CAST(:url AS text), 'FOUND', :price, CAST(:currency AS text)
  WHERE NOT EXISTS (SELECT FROM price_observation o
    WHERE o.tenant_id = :tenant AND o.sku_id = :sku AND o.captured_at = :at AND o.price_minor = :price
      AND o.currency = CAST(:currency AS text) AND o.dealer_id IS NOT DISTINCT FROM CAST(:dealer AS uuid)
      AND o.competitor_id IS NOT DISTINCT FROM CAST(:competitor AS uuid)
      AND o.listing_id IS NOT DISTINCT FROM CAST(:listing AS uuid)
      AND o.channel IS NOT DISTINCT FROM CAST(:channel AS text) AND o.url IS NOT DISTINCT FROM CAST(:url AS text))
""")


async def observe_all(tx: Transaction, sights: Sequence[Sight]) -> list[Alert]:
    """See many prices, each by the same rule, in the order of their times. Gives the alerts that were touched."""
    await tx.session.flush()
    with tx.session.no_autoflush:  # so that an alert is written once, and its version grows by one
        ground = await surveyed(tx, sights)
        touched: dict[UUID, Alert] = {}
        for (seen, sales), by_kind in ground.sights:
            known = ground.alerts.get(key_of(seen), [])
            if not known and not any(limit.breached for limit in by_kind.values()):
                continue
            for kind, raises in RAISES.items():
                of_kind = [alert for alert in known if alert.kind == raises]
                alert = await _one(ground, seen, by_kind.get(kind), raises, of_kind, sales)
                if alert is not None:
                    touched[alert.id] = alert
        await ground.write()
    return list(touched.values())


async def _one(
    ground: Ground, seen: Seen, limit: Limit | None, kind: AlertKind, known: list[Alert], sales: Sequence[Sale]
) -> Alert | None:
    """What one observation does to the alert of one kind. `known` are the alerts of the key, the newest first."""
    live = next((alert for alert in known if alert.status not in ENDED), None)
    known = [alert for alert in known if alert.currency == seen.currency]
    if live is not None and live not in known:
        return None  # amounts of two currencies are never compared
    last = live or next(iter(known), None)
    if last is not None and last.status == "RESOLVED" and last.resolved_at and seen.captured_at < last.resolved_at:
        return None  # a late report of what was cured meanwhile
    if limit is None or not limit.breached:
        return await _compliant(ground, live, seen, sales) if live is not None else None
    if live is not None and seen.captured_at < live.last_seen_at:
        return await late(ground, live, seen, sales)
    if live is None and (dismissed := _remembered(known, limit, seen)) is not None:
        return noted(ground, dismissed, seen, sales)
    settings = await ground.tx.settings()
    decided = rules.observe(
        state_of(last) if last else None, limit.kind, limit.amount, seen.price,
        breaching=True, now=seen.captured_at, rebreach_days=settings.rebreach_days,
    )  # fmt: skip
    if last is None or decided is Observed.RAISE:
        if last is not None:
            await (
                ground.tx.session.flush()
            )  # new rows are written before changed ones: the former alert must have ended
        return await raised(ground, seen, limit, kind, sales)
    act = repeated if decided is Observed.REPEAT else reopened
    return await act(ground, last, seen, limit, sales)


async def _compliant(ground: Ground, live: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """A price within the limits cures, unless it is older news, or the breach was seen and still stands elsewhere."""
    if seen.captured_at < live.last_seen_at or (live.listing_id is None and seen.listing_id is not None):
        return None
    worse = await elsewhere(ground.tx, live, seen)
    if worse is None:
        return await cured(ground, live, seen, sales)
    return None if worse[0].listing_id == live.listing_id else await repeated(ground, live, *worse, sales)


def _remembered(known: list[Alert], limit: Limit, seen: Seen) -> Alert | None:
    """A dismissed alert of the key that says: this price opens nothing."""
    for alert in known:
        if alert.status == "DISMISSED" and alert.currency == seen.currency:
            decided = rules.observe(
                state_of(alert), limit.kind, limit.amount, seen.price, breaching=True, now=seen.captured_at
            )
            if decided is Observed.NOTHING:
                return alert
    return None
