"""What is decided about the alerts of each price that was seen."""

from collections.abc import Sequence
from uuid import UUID

from ...db.session import Transaction
from ...models import Alert
from ...rules import alert as rules
from ...rules.alert import ENDED, Observed
from ...rules.enums import AlertKind
from ..evidence import Sale
from ..limits import Limit, Seen
from .effects import cured, late, noted, raised, reopened, repeated
from .ground import Ground, Sight, surveyed
from .key import KINDS, elsewhere, key_of, state_of


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
            for kind in KINDS:
                of_kind = [alert for alert in known if alert.kind == kind]
                alert = await _one(ground, seen, by_kind.get(kind), kind, of_kind, sales)
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
    if last is not None and last.status == "RESOLVED" and last.resolved_at and seen.at < last.resolved_at:
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
        breaching=True, now=seen.at, rebreach_days=settings.rebreach_days,
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
    worse = await elsewhere(ground.tx, live, seen) if key_of(seen) in ground.listed else None
    if worse is None:
        return await cured(ground, live, seen, sales)
    if worse[0].listing_id != live.listing_id:
        return await repeated(ground, live, *worse, sales)
    # the breach stands where it was seen; what was sold at another price counts all the same
    return await late(ground, live, seen, sales) if sales else None


def _remembered(known: list[Alert], limit: Limit, seen: Seen) -> Alert | None:
    """A dismissed alert of the key that says: this price opens nothing."""
    for alert in known:
        if alert.status == "DISMISSED" and alert.currency == seen.currency:
            decided = rules.observe(state_of(alert), limit.kind, limit.amount, seen.price, breaching=True, now=seen.at)
            if decided is Observed.NOTHING:
                return alert
    return None
