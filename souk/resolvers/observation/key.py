"""The key of an alert, (dealer, competitor, SKU): its lock, its alerts, and the listings it has elsewhere."""

from datetime import datetime

from sqlalchemy import select, text

from ...db.session import Transaction
from ...models import Alert, Listing
from ...rules.alert import RAISES, AlertState
from ...rules.enums import DismissReason, ListingStatus
from ..limits import Limit, Seen, depth, limits

OWN_CHANNEL = "MARKETPLACE"
"""The channel of this marketplace's own listings, as exceptions name it."""
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


async def lock(tx: Transaction, seen: Seen) -> None:
    """One observer of (dealer, competitor, SKU) at a time, from here to the end of the transaction."""
    key = f"alert {tx.actor.tenant_id} {seen.dealer_id} {seen.competitor_id} {seen.sku_id}"
    await tx.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


async def alerts(tx: Transaction, seen: Seen, lock: bool = False) -> list[Alert]:
    """The alerts of the key that a policy raised, the newest first."""
    asked = (
        select(Alert)
        .where(
            Alert.tenant_id == tx.actor.tenant_id,
            Alert.sku_id == seen.sku_id,
            Alert.dealer_id.is_not_distinct_from(seen.dealer_id),
            Alert.competitor_id.is_not_distinct_from(seen.competitor_id),
            Alert.kind.in_(list(RAISES.values())),
        )
        .order_by(Alert.first_seen_at.desc(), Alert.id.desc())
    )
    if lock:
        asked = asked.with_for_update().execution_options(populate_existing=True)
    return list((await tx.session.execute(asked)).scalars())


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
