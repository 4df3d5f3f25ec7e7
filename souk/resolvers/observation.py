"""The one door through which a price is seen: live listings, imported observations and seeded ones alike.

Each observation is held against every policy that was valid when the price was captured. What becomes of the one live
alert of (dealer, competitor, SKU, kind) is decided by `rules.alert.observe`, under a lock of that key; the unique index
`uq_alert_live` is the wall behind it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text

from ..db.session import Transaction
from ..models import (
    Alert,
    Dealer,
    Listing,
    new_id,
)
from ..rules import alert as rules
from ..rules import dealer as standing
from ..rules.alert import ENDED, RAISES, AlertState, Observed
from ..rules.clauses import implements
from ..rules.enums import AlertKind, AlertStatus, DismissReason, ListingStatus
from . import evidence, impact
from .evidence import Sale
from .limits import Limit, Seen, depth, limits
from .writing import locked, move

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
CURED = "compliant re-observation"
CURE = "alert.cure"
"""The kind of work that looks at a breach again when its time to cure is over."""


async def observe(tx: Transaction, listing: Listing) -> list[Alert]:
    """See a listing of our own, after it was created, changed or activated. Gives the alerts that were touched."""
    if listing.sku_id is None or listing.price_minor is None or listing.status not in SHOWN:
        return []
    seen = _seen(listing, tx.now)
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


def _seen(listing: Listing, at: datetime) -> Seen:
    assert listing.sku_id is not None and listing.price_minor is not None
    return Seen(
        listing.sku_id, listing.price_minor, listing.currency, at,
        dealer_id=listing.dealer_id, channel=OWN_CHANNEL, listing_id=listing.id,
    )  # fmt: skip


async def _observed(tx: Transaction, seen: Seen, sales: Sequence[Sale] = ()) -> list[Alert]:
    await tx.session.flush()
    with tx.session.no_autoflush:  # so that an alert is written once, and its version grows by one
        by_kind = await limits(tx, seen)
        if not by_kind and not await _alerts(tx, seen):
            return []
        await _lock(tx, seen)
        known = await _alerts(tx, seen, lock=True)
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
        return await _late(tx, live, seen, sales)
    if live is None and (dismissed := _remembered(known, limit, seen)) is not None:
        return await _noted(tx, dismissed, seen, sales)
    settings = await tx.settings()
    decided = rules.observe(
        state_of(last) if last else None, limit.kind, limit.amount, seen.price,
        breaching=True, now=seen.captured_at, rebreach_days=settings.rebreach_days,
    )  # fmt: skip
    if last is None or decided is Observed.RAISE:
        return await _raise(tx, seen, limit, kind, sales)
    act = _repeat if decided is Observed.REPEAT else _reopen
    return await act(tx, last, seen, limit, sales)


async def _compliant(tx: Transaction, live: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """A price within the limits cures, unless it is older news, or the breach was seen and still stands elsewhere."""
    if seen.captured_at < live.last_seen_at or (live.listing_id is None and seen.listing_id is not None):
        return None
    worse = await _elsewhere(tx, live, seen)
    if worse is None:
        return await _cure(tx, live, seen, sales)
    return None if worse[0].listing_id == live.listing_id else await _repeat(tx, live, *worse, sales)


def state_of(alert: Alert) -> AlertState:
    price = alert.dismissed_price_minor if alert.dismissed_price_minor is not None else alert.price_minor
    return AlertState(
        alert.status, price if alert.status == "DISMISSED" else alert.price_minor, alert.cycle,
        ended_at=alert.dismissed_at if alert.status == "DISMISSED" else alert.resolved_at,
        dismissed_as=DismissReason[alert.dismiss_reason] if alert.dismiss_reason else None,
        cure_due_at=alert.cure_due_at,
    )  # fmt: skip


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


# What follows -----------------------------------------------------------------------------------------------------


async def _raise(tx: Transaction, seen: Seen, limit: Limit, kind: AlertKind, sales: Sequence[Sale]) -> Alert:
    alert = tx.add(
        Alert(
            id=new_id(), kind=kind, status=AlertStatus.OPEN, cycle=1, severity="LOW", score_tenths=0,
            dealer_id=seen.dealer_id, competitor_id=seen.competitor_id, sku_id=seen.sku_id, currency=seen.currency,
            price_minor=seen.price, first_seen_at=seen.captured_at, last_seen_at=seen.captured_at, impact={},
            evidence_head=None,
        )
    )  # fmt: skip
    _point(alert, seen, limit)
    await tx.session.flush()
    await _support(tx, alert, seen, sales)
    await impact.assess(tx, alert, seen.captured_at)
    tx.emit("alert.opened", alert, to_status=AlertStatus.OPEN, data=_told(alert))
    await _confirm(tx, alert)
    await tx.session.flush()
    made: Alert = alert
    return made


async def _repeat(tx: Transaction, alert: Alert, seen: Seen, limit: Limit, sales: Sequence[Sale]) -> Alert | None:
    if not await _support(tx, alert, seen, sales):
        return None
    _point(alert, seen, limit)
    alert.last_seen_at = seen.captured_at
    await impact.assess(tx, alert, seen.captured_at)
    tx.emit("alert.repeated", alert, data=_told(alert))
    await tx.session.flush()
    return alert


async def _reopen(tx: Transaction, alert: Alert, seen: Seen, limit: Limit, sales: Sequence[Sale]) -> Alert:
    alert.cycle += 1
    alert.resolved_at = alert.resolution = alert.cure_due_at = None
    alert.first_seen_at = alert.last_seen_at = seen.captured_at
    _point(alert, seen, limit)
    await _support(tx, alert, seen, sales)
    await impact.assess(tx, alert, seen.captured_at)
    move(tx, alert, AlertStatus.OPEN, "alert.reopened", cause="re-breach ≤ 30 d", data=_told(alert))
    await _confirm(tx, alert)
    await tx.session.flush()
    return alert


@implements("Alert", "*", "RESOLVED", effect="recovered margin computed")
@implements("DealerStanding", ("WARNED", "RESTRICTED"), "WATCH", effect="alert RESOLVED")
async def _cure(tx: Transaction, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert:
    await evidence.snapshot(
        tx, alert, price=seen.price, captured_at=seen.captured_at, url=seen.url, listing_id=seen.listing_id
    )
    await evidence.sales(tx, alert, sales)
    recovered = await impact.recover(tx, alert)
    await resolve(tx, alert, seen.captured_at, recovered=recovered.amount)
    return alert


async def resolve(tx: Transaction, alert: Alert, at: datetime, *, recovered: int = 0) -> None:
    """The breach is over: the alert is RESOLVED, its deadline falls away, and its dealer may stand better."""
    alert.resolved_at, alert.cure_due_at, alert.snoozed_until = at, None, None
    move(tx, alert, AlertStatus.RESOLVED, "alert.resolved", cause=CURED, data=_told(alert) | {"recovered": recovered})
    await tx.not_due(CURE, alert.id)
    await tx.session.flush()
    await _relieve(tx, alert)


@implements("DealerStanding", ("WARNED", "RESTRICTED"), "WATCH", effect="alert RESOLVED")
async def take_back(tx: Transaction, dealer: Dealer, reason: str) -> int:
    """The notices of a dealer are taken back by hand: the alerts that wait for its cure are RESOLVED. Gives their number.

    Whatever still breaches opens again, in its next cycle, when it is seen.
    """
    waiting = select(Alert).where(Alert.dealer_id == dealer.id, Alert.status == AlertStatus.AWAITING_CURE)
    asked = waiting.order_by(Alert.id).with_for_update().execution_options(populate_existing=True)
    alerts = (await tx.session.execute(asked)).scalars().all()
    for alert in alerts:
        recovered = await impact.recover(tx, alert)
        alert.resolution, alert.resolved_at, alert.cure_due_at = reason, tx.now, None
        data = _told(alert) | {"recovered": recovered.amount}
        move(tx, alert, AlertStatus.RESOLVED, "alert.resolved", mutation="alertTransition", reason=reason, data=data)
        await tx.not_due(CURE, alert.id)
    return len(alerts)


async def _late(tx: Transaction, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """A report that comes after a newer one: evidence, but no news."""
    if not await _support(tx, alert, seen, sales):
        return None
    await impact.assess(tx, alert, alert.last_seen_at)
    tx.emit("alert.repeated", alert, data=_told(alert))
    await tx.session.flush()
    return alert


async def _noted(tx: Transaction, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> Alert | None:
    """The dismissed price again: kept as evidence, on which somebody may open the alert by hand."""
    if not await _support(tx, alert, seen, sales):
        return None
    tx.emit("alert.evidence_added", alert, internal=True, data=_told(alert))
    await tx.session.flush()
    return alert


def _point(alert: Alert, seen: Seen, limit: Limit) -> None:
    alert.price_minor, alert.policy_minor, alert.policy_version_id = seen.price, limit.amount, limit.version_id
    alert.listing_id = seen.listing_id


async def _support(tx: Transaction, alert: Alert, seen: Seen, sales: Sequence[Sale]) -> bool:
    """Append the evidence of an observation. Whether any of it is new."""
    fresh = await evidence.snapshot(
        tx, alert, price=seen.price, captured_at=seen.captured_at, url=seen.url, listing_id=seen.listing_id
    )
    return await evidence.sales(tx, alert, sales) > 0 or fresh


def _told(alert: Alert) -> dict[str, object]:
    return {"cycle": alert.cycle, "severity": alert.severity, "price": alert.price_minor, "currency": alert.currency}


async def _confirm(tx: Transaction, alert: Alert) -> None:
    """A price on record past a policy is a confirmed breach: a dealer in GOOD standing is watched from now on."""
    if alert.dealer_id is None:
        return
    dealer = await locked(tx, Dealer, alert.dealer_id, None)
    to = standing.confirm_breach(dealer.standing)
    if to != dealer.standing:
        move(
            tx, dealer, to, "dealer.standing_changed", of="DealerStanding", column="standing", cause="breach confirmed"
        )


async def _relieve(tx: Transaction, alert: Alert) -> None:
    """A dealer whose last breach under notice is cured is only watched again."""
    if alert.dealer_id is None:
        return
    dealer = await locked(tx, Dealer, alert.dealer_id, None)
    to = standing.cured(dealer.standing)
    if to == dealer.standing:
        return
    open_notice = select(Alert.id).where(
        Alert.dealer_id == dealer.id, Alert.status.not_in(ENDED), Alert.notice_sent_at.is_not(None)
    )
    if (await tx.session.execute(open_notice.limit(1))).first():
        return
    dealer.notice, dealer.cure_due_at = 0, None
    cause = "cured: compliant re-observation"
    move(tx, dealer, to, "dealer.standing_changed", of="DealerStanding", column="standing", cause=cause)


# The key ----------------------------------------------------------------------------------------------------------


async def _lock(tx: Transaction, seen: Seen) -> None:
    """One observer of (dealer, competitor, SKU) at a time, from here to the end of the transaction."""
    key = f"alert {tx.actor.tenant_id} {seen.dealer_id} {seen.competitor_id} {seen.sku_id}"
    await tx.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})


async def _alerts(tx: Transaction, seen: Seen, lock: bool = False) -> list[Alert]:
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


async def _elsewhere(tx: Transaction, alert: Alert, seen: Seen) -> tuple[Seen, Limit] | None:
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
        other = _seen(listing, seen.captured_at)
        limit = next((each for each in (await limits(tx, other)).values() if RAISES[each.kind] == alert.kind), None)
        if limit is not None and limit.breached and (worst is None or depth(limit, other) > depth(worst[1], worst[0])):
            worst = (other, limit)
    return worst


# Time -------------------------------------------------------------------------------------------------------------


async def cure_due(tx: Transaction, alert_id: UUID) -> Alert | None:
    """The deadline of a cure has passed: the breach is looked at again, and what still breaches is open once more.

    For the worker. Gives the alert when it moved, None when there is nothing to do.
    """
    alert = await locked(tx, Alert, alert_id, None)
    if rules.cure_due(state_of(alert), breaching=True, now=tx.now) is None:
        return None
    listing = await _listing(tx, alert)
    if listing is not None and listing.status not in SHOWN:
        await impact.recover(tx, alert)
        await resolve(tx, alert, tx.now)  # what is no longer offered breaches nothing
        return alert
    if listing is not None:
        await observe(tx, listing)
    decided = rules.cure_due(state_of(alert), breaching=True, now=tx.now)
    if decided is None:
        return alert  # cured by what was just seen
    alert.cycle, alert.cure_due_at, alert.first_seen_at = decided[1], None, tx.now
    await impact.assess(tx, alert, tx.now)
    cause = "cureDueAt passed, still breaching"
    move(tx, alert, AlertStatus.OPEN, "alert.reopened", cause=cause, data=_told(alert))
    await tx.session.flush()
    return alert


async def _listing(tx: Transaction, alert: Alert) -> Listing | None:
    if alert.listing_id is None:
        return None
    asked = select(Listing).where(Listing.tenant_id == tx.actor.tenant_id, Listing.id == alert.listing_id)
    return (await tx.session.execute(asked)).scalar_one_or_none()


__all__ = [
    "CURE",
    "OWN_CHANNEL",
    "Limit",
    "Sale",
    "Seen",
    "cure_due",
    "limits",
    "observe",
    "observe_price",
    "resolve",
    "state_of",
    "take_back",
]
