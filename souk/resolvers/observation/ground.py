"""What is decided upon: the limits, the alerts of the keys, their chains and costs; looked up once for many prices."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...models import Alert, Dealer
from ...rules.alert import ENDED, RAISES
from ...rules.enums import AlertKind
from .. import impact
from ..evidence import Chains, Sale
from ..limits import Limit, Seen, limits_of
from .key import Key, alerted, alerts, key_of, listed, lock
from .ours import undercuts

Sight = tuple[Seen, Sequence[Sale]]
"""A price, and the sales it led to."""
Limits = dict[AlertKind, Limit]
"""By the kind of alert that is raised where one is passed."""


@dataclass
class Ground:
    """Where a number of sights stand. `alerts` are those of each key, the newest first; `listed` are keys with a listing
    of ours."""

    tx: Transaction
    chains: Chains
    costs: impact.Ground
    sights: list[tuple[Sight, Limits]] = field(default_factory=list)
    alerts: dict[Key, list[Alert]] = field(default_factory=dict)
    dealers: dict[UUID, Dealer] = field(default_factory=dict)
    listed: set[Key] = field(default_factory=set)

    async def write(self) -> None:
        """Store the alerts and what was appended to their chains."""
        await self.chains.write()


async def surveyed(tx: Transaction, sights: Sequence[Sight]) -> Ground:
    """Look up and lock what these sights may touch; those that touch nothing are left out. The earliest come first."""
    chains = Chains(tx)
    judged = await _judged(tx, sights)
    touched = {key_of(seen) for (seen, _), limits in judged if any(limit.breached for limit in limits.values())}
    touched |= await alerted(tx, {key_of(seen) for seen, _ in sights} - touched)
    # where there was no alert and there is no breach, nothing is locked: whoever raises one meanwhile is as if it came after
    relevant = [(sight, limits) for sight, limits in judged if key_of(sight[0]) in touched]
    if not relevant:
        return Ground(tx, chains, impact.Ground())
    relevant.sort(key=lambda each: each[0][0].at)  # stable: of one moment, in the order they came
    keys = {key_of(seen) for (seen, _), _ in relevant}
    await lock(tx, keys)
    known = await alerts(tx, keys)
    held = [alert for of_key in known.values() for alert in of_key]
    refs = [sale.external_ref for (_, sales), _ in relevant for sale in sales]
    await chains.know(held, [seen.captured_at for (seen, _), _ in relevant], refs)
    # a cycle that goes on is assessed as of the moment it was last seen, which may be long before
    moments = [
        *(seen.at for (seen, _), _ in relevant),
        *(a.last_seen_at for a in held if a.status not in ENDED),
    ]
    costs = await impact.surveyed(tx, held, min(moments), max(moments), _undercut(relevant, held))
    for seen, sales in sights:
        costs.report(seen.sku_id, seen.dealer_id, sales)
    ground = Ground(tx, chains, costs, relevant, known)
    breaching = {seen.dealer_id for (seen, _), limits in relevant for each in limits.values() if each.breached}
    live = [alert for alert in held if alert.status not in ENDED]
    await _hold(ground, breaching | {alert.dealer_id for alert in live})
    ground.listed = await listed(tx, keys)
    return ground


async def _judged(tx: Transaction, sights: Sequence[Sight]) -> list[tuple[Sight, Limits]]:
    """The sights with what they are held against: the policies, and for a competitor our own price."""
    if not sights:
        return []
    seen = [seen for seen, _ in sights]
    asked = [{RAISES[kind]: limit for kind, limit in by_kind.items()} for by_kind in await limits_of(tx, seen)]
    for limits, limit in zip(asked, await undercuts(tx, seen), strict=True):
        if limit is not None:
            limits[AlertKind.COMPETITOR_UNDERCUT] = limit
    return list(zip(sights, asked, strict=True))


def _undercut(relevant: Sequence[tuple[Sight, Limits]], held: Sequence[Alert]) -> set[UUID]:
    """The SKUs in which a competitor undercuts us, or did."""
    kind = AlertKind.COMPETITOR_UNDERCUT
    now = {seen.sku_id for (seen, _), limits in relevant if kind in limits and limits[kind].breached}
    return now | {alert.sku_id for alert in held if alert.kind == kind}


async def _hold(ground: Ground, dealers: Iterable[UUID | None]) -> None:
    """Lock the dealers whose standing a breach may change, in one order; what only refers to them does not wait."""
    wanted = sorted(id_ for id_ in dealers if id_ is not None)
    if not wanted:
        return
    asked = select(Dealer).where(Dealer.tenant_id == ground.tx.actor.tenant_id, Dealer.id.in_(wanted))
    asked = asked.order_by(Dealer.id).with_for_update(key_share=True).execution_options(populate_existing=True)
    ground.dealers.update({dealer.id: dealer for dealer in (await ground.tx.session.execute(asked)).scalars()})


async def dealer_of(ground: Ground, alert: Alert) -> Dealer | None:
    """The dealer of an alert, locked."""
    if alert.dealer_id is not None and alert.dealer_id not in ground.dealers:
        await _hold(ground, [alert.dealer_id])
    return ground.dealers[alert.dealer_id] if alert.dealer_id is not None else None
