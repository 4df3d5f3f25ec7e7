"""Seeing a price: what is decided about each alert of its key."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from ...db.session import Transaction
from ...models import Alert, Listing
from ...rules import alert as rules
from ...rules.alert import ENDED, RAISES, Observed
from ...rules.enums import AlertKind
from ..evidence import Sale
from ..limits import Limit, Seen, limits
from .effects import cured, late, noted, raised, reopened, repeated
from .key import SHOWN, alerts, elsewhere, lock, seen_of, state_of


async def observe(tx: Transaction, listing: Listing) -> list[Alert]:
    """See a listing of our own, after it was created, changed or activated. Gives the alerts that were touched."""
    if listing.sku_id is None or listing.price_minor is None or listing.status not in SHOWN:
        return []
    seen = seen_of(listing, tx.now)
    done: set[Seen] = tx.session.info.setdefault("observed", set())
    if seen in done:
        return []  # several steps of one transaction are one change
    done.add(seen)
    return await _observed(tx, seen)


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
    return await _observed(tx, seen, tuple(sales))


async def _observed(tx: Transaction, seen: Seen, sales: Sequence[Sale] = ()) -> list[Alert]:
    await tx.session.flush()
    with tx.session.no_autoflush:  # so that an alert is written once, and its version grows by one
        by_kind = await limits(tx, seen)
        if not by_kind and not await alerts(tx, seen):
            return []
        await lock(tx, seen)
        known = await alerts(tx, seen, lock=True)
        touched = []
        for kind, raises in RAISES.items():
            of_kind = [alert for alert in known if alert.kind == raises]
            alert = await _one(tx, seen, by_kind.get(kind), raises, of_kind, sales)
            if alert is not None:
                touched.append(alert)
        return touched


async def _one(
    tx: Transaction, seen: Seen, limit: Limit | None, kind: AlertKind, known: list[Alert], sales: Sequence[Sale]
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
        return await _compliant(tx, live, seen, sales) if live is not None else None
    if live is not None and seen.captured_at < live.last_seen_at:
        return await late(tx, live, seen, sales)
    if live is None and (dismissed := _remembered(known, limit, seen)) is not None:
        return await noted(tx, dismissed, seen, sales)
    settings = await tx.settings()
    decided = rules.observe(
        state_of(last) if last else None, limit.kind, limit.amount, seen.price,
        breaching=True, now=seen.captured_at, rebreach_days=settings.rebreach_days,
    )  # fmt: skip
    if last is None or decided is Observed.RAISE:
        return await raised(tx, seen, limit, kind, sales)
    act = repeated if decided is Observed.REPEAT else reopened
    return await act(tx, last, seen, limit, sales)


async def _compliant(tx: Transaction, live: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """A price within the limits cures, unless it is older news, or the breach was seen and still stands elsewhere."""
    if seen.captured_at < live.last_seen_at or (live.listing_id is None and seen.listing_id is not None):
        return None
    worse = await elsewhere(tx, live, seen)
    if worse is None:
        return await cured(tx, live, seen, sales)
    return None if worse[0].listing_id == live.listing_id else await repeated(tx, live, *worse, sales)


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
