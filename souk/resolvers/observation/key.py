"""The key of an alert, (dealer, competitor, SKU): its lock, its alerts, and the listings it has elsewhere."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, and_, bindparam, func, select, text

from ...db.session import Transaction
from ...models import Alert, Listing
from ...rules.alert import RAISES, AlertState
from ...rules.enums import AlertKind, DismissReason, ListingStatus
from ..limits import Limit, Seen, depth, limits

OWN_CHANNEL = "MARKETPLACE"
"""The channel of this marketplace's own listings, as exceptions name it."""
KINDS = (*RAISES.values(), AlertKind.COMPETITOR_UNDERCUT)
"""The kinds of alert that a price raises."""
SHOWN = (
    ListingStatus.DRAFT,
    ListingStatus.PENDING_REVIEW,
    ListingStatus.ACTIVE,
    ListingStatus.PAUSED,
    ListingStatus.RESERVED,
)
"""States in which a listing's price counts; in the others it is not asked of anybody any more."""


def seen_of(listing: Listing, at: datetime) -> Seen:
    """A listing of our own as it is seen at a moment."""
    assert listing.sku_id is not None and listing.price_minor is not None
    return Seen(
        listing.sku_id, listing.price_minor, listing.currency, at,
        dealer_id=listing.dealer_id, channel=OWN_CHANNEL, listing_id=listing.id,
    )  # fmt: skip


def state_of(alert: Alert) -> AlertState:
    """An alert as the rules look at it."""
    price = alert.dismissed_price_minor if alert.dismissed_price_minor is not None else alert.price_minor
    return AlertState(
        alert.status, price if alert.status == "DISMISSED" else alert.price_minor, alert.cycle,
        ended_at=alert.dismissed_at if alert.status == "DISMISSED" else alert.resolved_at,
        dismissed_as=DismissReason[alert.dismiss_reason] if alert.dismiss_reason else None,
        cure_due_at=alert.cure_due_at, snoozed_until=alert.snoozed_until, snoozed_price=alert.snoozed_price_minor,
    )  # fmt: skip


Key = tuple[UUID, UUID | None, UUID | None]


def key_of(seen: Seen) -> Key:
    """The SKU, and the dealer or the competitor."""
    return seen.sku_id, seen.dealer_id, seen.competitor_id


async def lock(tx: Transaction, keys: Iterable[Key]) -> None:
    """One observer of (dealer, competitor, SKU) at a time, from here to the end of the transaction."""
    names = [f"alert {tx.actor.tenant_id} {dealer} {competitor} {sku}" for sku, dealer, competitor in keys]
    await tx.session.execute(LOCK, {"names": names})


# in one order, whoever asks: two who lock several would otherwise wait for each other
LOCK = text("""
SELECT pg_advisory_xact_lock(n) FROM (
  SELECT DISTINCT hashtextextended(name, 0) AS n FROM unnest(CAST(:names AS text[])) AS k(name) ORDER BY 1) AS ordered
""")


ALERTED = text("""
SELECT DISTINCT a.sku_id, a.dealer_id, a.competitor_id
FROM unnest(CAST(:skus AS uuid[]), CAST(:dealers AS uuid[]), CAST(:competitors AS uuid[])) AS k(sku, dealer, competitor)
JOIN alert a ON a.sku_id = k.sku AND a.dealer_id IS NOT DISTINCT FROM k.dealer
  AND a.competitor_id IS NOT DISTINCT FROM k.competitor
WHERE a.tenant_id = :tenant AND a.kind = ANY (CAST(:kinds AS text[]))
""")


async def alerted(tx: Transaction, keys: Iterable[Key]) -> set[Key]:
    """Those of the keys for which a price has raised an alert."""
    skus, dealers, competitors = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
    values = {"tenant": tx.actor.tenant_id, "skus": skus, "dealers": dealers, "competitors": competitors}
    found = await tx.session.execute(ALERTED, {**values, "kinds": [str(kind) for kind in KINDS]})
    return {(sku, dealer, competitor) for sku, dealer, competitor in found}


async def alerts(tx: Transaction, keys: Iterable[Key]) -> dict[Key, list[Alert]]:
    """The alerts of each key that a price raised, locked, the newest first."""
    columns = [list(column) for column in zip(*keys, strict=True)] or [[], [], []]
    named: Any = func.unnest(*(bindparam(None, column, type_=ARRAY(Uuid())) for column in columns))
    of = named.table_valued("sku", "dealer", "competitor", name="of").render_derived()
    asked = (
        select(Alert)
        .join(
            of,
            and_(
                Alert.sku_id == of.c.sku,
                Alert.dealer_id.is_not_distinct_from(of.c.dealer),
                Alert.competitor_id.is_not_distinct_from(of.c.competitor),
            ),
        )
        .where(Alert.tenant_id == tx.actor.tenant_id, Alert.kind.in_(KINDS))
        .order_by(Alert.first_seen_at.desc(), Alert.id.desc())
    )
    asked = asked.with_for_update(of=Alert).execution_options(populate_existing=True)
    found: dict[Key, list[Alert]] = {}
    for alert in (await tx.session.execute(asked)).scalars():
        found.setdefault((alert.sku_id, alert.dealer_id, alert.competitor_id), []).append(alert)
    return found


LISTED = text("""
SELECT DISTINCT l.sku_id, l.dealer_id FROM unnest(CAST(:skus AS uuid[]), CAST(:dealers AS uuid[])) AS k(sku, dealer)
JOIN listing l ON l.tenant_id = :tenant AND l.sku_id = k.sku AND l.dealer_id = k.dealer
""")


async def listed(tx: Transaction, keys: Iterable[Key]) -> set[Key]:
    """Those of the keys under which a dealer has a listing here, whatever its state."""
    pairs = [(sku, dealer) for sku, dealer, _ in keys if dealer is not None]
    if not pairs:
        return set()
    skus, dealers = (list(column) for column in zip(*pairs, strict=True))
    values = {"tenant": tx.actor.tenant_id, "skus": skus, "dealers": dealers}
    return {(sku, dealer, None) for sku, dealer in await tx.session.execute(LISTED, values)}


async def elsewhere(tx: Transaction, alert: Alert, seen: Seen) -> tuple[Seen, Limit] | None:
    """Another listing of the dealer that breaches the same policy now: then a compliant one cures nothing."""
    if seen.dealer_id is None:
        return None
    others = select(Listing).where(
        Listing.dealer_id == seen.dealer_id,
        Listing.sku_id == seen.sku_id,
        Listing.currency == seen.currency,
        Listing.status.in_(SHOWN),
        Listing.price_minor.is_not(None),
        Listing.deleted_at.is_(None),
    )
    if seen.listing_id is not None:
        others = others.where(Listing.id != seen.listing_id)
    worst: tuple[Seen, Limit] | None = None
    for listing in (await tx.session.execute(others.order_by(Listing.id))).scalars():
        other = seen_of(listing, seen.captured_at)
        limit = next((each for each in (await limits(tx, other)).values() if RAISES[each.kind] == alert.kind), None)
        if limit is not None and limit.breached and (worst is None or depth(limit, other) > depth(worst[1], worst[0])):
            worst = (other, limit)
    return worst
