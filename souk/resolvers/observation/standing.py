"""How a dealer stands by its alerts: watched since a breach, relieved by the last cure, GOOD after a quiet time."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from ...db.session import Transaction
from ...models import Alert, Dealer
from ...rules import dealer as rules
from ...rules.alert import ENDED
from ...rules.clauses import implements
from ...rules.enums import AlertStatus, DealerStanding
from ..restriction import unrestrict
from ..writing import locked, move
from .ground import Ground, dealer_of

CALM = "dealer.calm"
"""The kind of work that looks whether a watched dealer has kept the rules for long enough."""


async def confirm(ground: Ground, alert: Alert) -> None:
    """A price on record past a policy is a confirmed breach: a dealer in GOOD standing is watched from now on."""
    tx, dealer = ground.tx, await dealer_of(ground, alert)
    if dealer is None:
        return
    to = rules.confirm_breach(dealer.standing)
    if to != dealer.standing:
        cause = "breach confirmed"
        move(tx, dealer, to, "dealer.standing_changed", of="DealerStanding", column="standing", cause=cause)
        await watched(tx, dealer)


@implements("DealerStanding", "RESTRICTED", "WATCH", effect="restrictions end", trigger="dealerSetStanding")
async def relieve(ground: Ground, alert: Alert) -> None:
    """A dealer whose last live breach is cured is only watched again, whatever it was warned or restricted for."""
    tx, dealer = ground.tx, await dealer_of(ground, alert)
    if dealer is None:
        return
    to = rules.cured(dealer.standing)
    if to == dealer.standing:
        return
    await tx.session.flush()
    if await _breaching(tx, dealer.id):
        return
    dealer.notice, dealer.cure_due_at = 0, None
    await unrestrict(tx, dealer, reason="cured")
    cause = "cured: compliant re-observation"
    move(tx, dealer, to, "dealer.standing_changed", of="DealerStanding", column="standing", cause=cause)
    await watched(tx, dealer)


async def watched(tx: Transaction, dealer: Dealer) -> None:
    """It is on WATCH from now on: looked at again once it could have kept the rules for long enough."""
    await tx.due(CALM, dealer.id, tx.now + rules.CALM)


async def calm(tx: Transaction, dealer_id: UUID) -> Dealer | None:
    """`dealer.calm`: a dealer on WATCH that has not breached for 90 days is GOOD. None where there is nothing to do.

    A dismissed alert is no breach; a live one is looked at again the next day.
    """
    dealer = await locked(tx, Dealer, dealer_id, None)
    if dealer.standing != DealerStanding.WATCH:
        return None
    of = select(func.max(func.greatest(Alert.last_seen_at, Alert.resolved_at))).where(
        Alert.dealer_id == dealer.id, Alert.status != AlertStatus.DISMISSED
    )
    last = (await tx.session.execute(of)).scalar_one()
    if await _breaching(tx, dealer.id):
        await tx.due(CALM, dealer.id, tx.now + timedelta(days=1))
        return None
    if last is not None and last + rules.CALM > tx.now:
        await tx.due(CALM, dealer.id, last + rules.CALM)
        return None
    cause = "90 d without breach"
    move(
        tx, dealer, DealerStanding.GOOD, "dealer.standing_changed", of="DealerStanding", column="standing", cause=cause
    )
    return dealer


async def _breaching(tx: Transaction, dealer_id: UUID) -> bool:
    live = select(Alert.id).where(Alert.dealer_id == dealer_id, Alert.status.not_in(ENDED)).limit(1)
    return (await tx.session.execute(live)).first() is not None
