"""What an alert costs, computed from its evidence and kept in its row: the terms with their inputs, score and band."""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, case, func, literal_column, null, select, text
from sqlalchemy.dialects.postgresql import JSONB

from ..db.session import Transaction
from ..models import Alert, EvidenceSaleRow, TenantSettings
from ..permissions.alert import outside
from ..permissions.base import may
from ..rules import impact as rules
from ..rules.alert import ENDED, RAISES
from ..rules.enums import AlertKind, ImpactTermName, PolicyKind
from ..rules.impact import Rows, Term
from ..rules.money import digits_of
from .evidence import Sale

REFERENCE = 10_000
"""Whole units of a currency that count as a full loss where the tenant's settings name no amount."""
BREACHES_DAYS = 90
READS_COST = may("sku:readCost")
POLICY_OF = {alert: policy for policy, alert in RAISES.items()}


Key = tuple[UUID, str, UUID | None, UUID | None]


def key_of(alert: Alert) -> Key:
    """What an alert is about: SKU, kind, dealer, competitor."""
    return alert.sku_id, alert.kind, alert.dealer_id, alert.competitor_id


@dataclass
class Ground:
    """What the impact of some alerts is computed from: looked up once for all of them, kept up with what is added.

    `sold`: per alert, price → units of whoever breaches. `lately`: per alert, the sales around the times that are asked
    for, as (dealer, when, units). `begun`: per key, the cycles that began, as (alert, cycle, when). `ours`: per SKU, what all
    of us sold around those times, as (when, units). `matches`: per alert, how sure it is that the thing is its SKU.
    """

    sold: dict[UUID, dict[int, int]] = field(default_factory=dict)
    lately: dict[UUID, list[tuple[UUID | None, datetime, int]]] = field(default_factory=dict)
    begun: dict[Key, set[tuple[UUID, int, datetime]]] = field(default_factory=dict)
    ours: dict[UUID, list[tuple[datetime, int]]] = field(default_factory=dict)
    matches: dict[UUID, int] = field(default_factory=dict)

    def sell(self, alert: Alert, dealer_id: UUID | None, occurred_at: datetime, units: int, price: int) -> None:
        """A sale was added to the evidence of an alert."""
        dealer = dealer_id or alert.dealer_id
        self.lately.setdefault(alert.id, []).append((dealer, occurred_at, units))
        if dealer == alert.dealer_id:
            by_price = self.sold.setdefault(alert.id, {})
            by_price[price] = by_price.get(price, 0) + units

    def report(self, sku_id: UUID, dealer_id: UUID | None, sales: Iterable[Sale]) -> None:
        """Sales are told of that are not kept yet; those of our dealers are ours."""
        ours = self.ours.setdefault(sku_id, [])
        ours.extend((sale.occurred_at, sale.units) for sale in sales if sale.dealer_id or dealer_id)

    def begin(self, alert: Alert, at: datetime) -> None:
        """A cycle of an alert begins."""
        self.begun.setdefault(key_of(alert), set()).add((alert.id, alert.cycle, at))

    def earlier(self, alert: Alert, at: datetime) -> int:
        """Cycles of the same key begun in the 90 days before, without the present one."""
        since = at - timedelta(days=BREACHES_DAYS)
        begun = {(id_, n) for id_, n, when in self.begun.get(key_of(alert), ()) if when > since}
        return len(begun - {(alert.id, alert.cycle)})


async def surveyed(
    tx: Transaction, alerts: Sequence[Alert], first: datetime, last: datetime, undercut: Collection[UUID] = ()
) -> Ground:
    """The ground of alerts that are looked at as of moments from `first` to `last`; `undercut` are SKUs of cheaper competitors."""
    ground = Ground()
    if undercut:
        since = first - timedelta(days=(await tx.settings()).run_rate_days)
        asked = {"tenant": tx.actor.tenant_id, "skus": sorted(undercut), "since": since, "until": last}
        for sku, at, units in (await tx.session.execute(OURS, asked)).all():
            ground.ours.setdefault(sku, []).append((at, int(units)))
    if not alerts:
        return ground
    settings = await tx.settings()
    values: dict[str, Any] = {"tenant": tx.actor.tenant_id, "alerts": [alert.id for alert in alerts]}
    for id_, price, units in (await tx.session.execute(SOLD, values)).all():
        ground.sold.setdefault(id_, {})[price] = int(units)
    around = {"since": first - timedelta(days=settings.run_rate_days), "until": last}
    for id_, dealer, occurred_at, units in (await tx.session.execute(LATELY, values | around)).all():
        ground.lately.setdefault(id_, []).append((dealer, occurred_at, int(units)))
    begun = {"since": first - timedelta(days=BREACHES_DAYS)}
    for *key, id_, cycle, at in (await tx.session.execute(BEGUN, values | begun)).all():
        ground.begun.setdefault(tuple(key), set()).add((id_, cycle, at))
    return ground


_NAMED = "tenant_id = :tenant AND alert_id = ANY (CAST(:alerts AS uuid[]))"
SOLD = text("""
SELECT e.alert_id, e.unit_price_minor, sum(e.units) FROM evidence_sale_row e
JOIN alert a ON a.tenant_id = e.tenant_id AND a.id = e.alert_id AND a.dealer_id IS NOT DISTINCT FROM e.dealer_id
WHERE e.tenant_id = :tenant AND e.alert_id = ANY (CAST(:alerts AS uuid[])) GROUP BY 1, 2
""")
LATELY = text(f"""
SELECT alert_id, dealer_id, occurred_at, sum(units) FROM evidence_sale_row
WHERE {_NAMED} AND occurred_at > :since AND occurred_at <= :until GROUP BY 1, 2, 3
""")
OURS = text("""
SELECT sku_id, captured_at, units FROM price_observation
WHERE tenant_id = :tenant AND sku_id = ANY (CAST(:skus AS uuid[])) AND dealer_id IS NOT NULL AND units IS NOT NULL
  AND captured_at > :since AND captured_at <= :until
UNION ALL SELECT l.sku_id, d.created_at, 1 FROM listing l JOIN deal d ON d.tenant_id = l.tenant_id AND d.listing_id = l.id
WHERE l.tenant_id = :tenant AND l.sku_id = ANY (CAST(:skus AS uuid[])) AND d.status NOT IN ('CANCELLED','REFUNDED')
  AND d.created_at > :since AND d.created_at <= :until
""")
# When a cycle began is when its first price was seen, however late that was brought in. Of the present one the alert knows it,
# of those before only events tell, of which there may be many.
BEGUN = text("""
WITH same AS (
  SELECT DISTINCT s.sku_id, s.kind, s.dealer_id, s.competitor_id, s.id, s.cycle, s.first_seen_at FROM alert a
  JOIN alert s ON s.tenant_id = a.tenant_id AND s.sku_id = a.sku_id AND s.kind = a.kind
    AND s.dealer_id IS NOT DISTINCT FROM a.dealer_id AND s.competitor_id IS NOT DISTINCT FROM a.competitor_id
  WHERE a.tenant_id = :tenant AND a.id = ANY (CAST(:alerts AS uuid[])))
SELECT sku_id, kind, dealer_id, competitor_id, id, cycle, first_seen_at FROM same WHERE first_seen_at > :since
UNION ALL SELECT s.sku_id, s.kind, s.dealer_id, s.competitor_id, s.id, CAST(e.data ->> 'cycle' AS integer),
  coalesce(CAST(e.data ->> 'firstSeenAt' AS timestamptz), e.at)
FROM same s JOIN domain_event e ON e.tenant_id = :tenant AND e.subject_id = s.id
WHERE s.cycle > 1 AND e.type IN ('alert.opened', 'alert.reopened') AND e.at > :since
""")


async def assess(tx: Transaction, alert: Alert, at: datetime, ground: Ground | None = None) -> None:
    """Compute terms, score and severity of an alert anew as of `at`, and keep them in the row."""
    settings = await tx.settings()
    if ground is None:
        undercut = [alert.sku_id] if alert.kind == AlertKind.COMPETITOR_UNDERCUT else []
        ground = await surveyed(tx, [alert], at, at, undercut)
    limit, price = alert.policy_minor, alert.price_minor
    if alert.kind == AlertKind.DEAD_STOCK:
        terms: Sequence[Term] = [_dead_stock(alert)]
        value = math.prod(stock_of(alert)) or 1  # how deep: the part of its value that it has cost so far
        limit, price = value, value - terms[0].amount
    elif limit is None:
        raise ValueError("a price is past some limit")
    elif alert.kind == AlertKind.COMPETITOR_UNDERCUT:
        terms = [_undercut(alert, limit, at, settings, ground)]
    else:
        terms = await _breach(tx, alert, limit, at, settings, ground)
    score = rules.severity(
        POLICY_OF.get(AlertKind[alert.kind], PolicyKind.MRP_FLOOR), limit, price, terms[0].amount,
        _reference(settings, alert.currency), ground.earlier(alert, at), max(0, (at - alert.first_seen_at).days),
    )  # fmt: skip
    alert.impact, alert.impact_minor = document(terms, alert.currency), rules.at_risk(terms)
    alert.score_tenths, alert.severity = int(score.score * 10), score.severity


async def _breach(
    tx: Transaction, alert: Alert, policy: int, at: datetime, settings: TenantSettings, ground: Ground
) -> Sequence[Term]:
    kind = POLICY_OF[AlertKind[alert.kind]]
    rate, peers = await _rates(tx, alert, at, settings.run_rate_days, ground)
    return rules.breach_terms(
        kind, policy, alert.price_minor, sorted_rows(ground.sold.get(alert.id, {})), rate, peers,
        horizon_days=settings.horizon_days, cascade_bp=settings.cascade_bp,
    )  # fmt: skip


def _undercut(alert: Alert, ours: int, at: datetime, settings: TenantSettings, ground: Ground) -> Term:
    """What we sell a day, at what the competitor is cheaper by."""
    since = at - timedelta(days=settings.run_rate_days)
    sold = sum(units for when, units in ground.ours.get(alert.sku_id, ()) if since < when <= at)
    match = ground.matches.get(alert.id)
    if match is None:  # nobody looked again: what was said of it stays
        match = next(int(term_of(each).inputs["matchBp"]) for each in alert.impact["terms"])
    rate = rules.units_per_day(sold, settings.run_rate_days)
    return rules.undercut(rate, ours, alert.price_minor, match, settings.horizon_days)


def _dead_stock(alert: Alert) -> Term:
    """What the stock was last said to cost: whoever looks at it writes it down before it is assessed."""
    return next(term_of(each) for each in alert.impact["terms"] if each["name"] == ImpactTermName.DEAD_STOCK)


def stock_of(alert: Alert) -> tuple[int, int]:
    """The units that do not move, and what one costs, as they were last seen."""
    inputs = _dead_stock(alert).inputs
    return inputs["units"], inputs["costMinor"]


async def recover(tx: Transaction, alert: Alert) -> Term:
    """Add what a cure brought back: the sales after the breach was last seen, against the price it was seen at."""
    return _recovered(alert, await _sold(tx, alert, EvidenceSaleRow.occurred_at > alert.last_seen_at))


def recover_unsold(alert: Alert) -> Term:
    """The same of an alert without sales: nothing came back, and it says so."""
    return _recovered(alert, [])


def _recovered(alert: Alert, after: Rows) -> Term:
    kind, policy = POLICY_OF.get(AlertKind[alert.kind]), alert.policy_minor
    if kind is None or policy is None:  # nobody kept to a policy again
        return Term(ImpactTermName.RECOVERED, 0, {})
    term = rules.recovered(kind, policy, alert.price_minor, after)
    kept = [each for each in alert.impact["terms"] if each["name"] != term.name]
    alert.impact = {**alert.impact, "terms": [*kept, _term(term, alert.currency)]}
    return term


def document(terms: Iterable[Term], currency: str) -> dict[str, Any]:
    """The column `impact`: `{"terms": [{"name", "amount", "inputs": [{"name", "values"}]}], "at_risk": [money]}`."""
    terms = list(terms)
    return {
        "terms": [_term(term, currency) for term in terms],
        "at_risk": [{"minor": rules.at_risk(terms), "currency": currency}],
    }


def _term(term: Term, currency: str) -> dict[str, Any]:
    inputs: dict[str, list[str]] = {}
    for name, value in term.inputs.items():
        if name == "rows":
            inputs["units"] = [str(units) for units, _ in value]
            inputs["unitPriceMinor"] = [str(price) for _, price in value]
        else:
            inputs[name] = [str(each) for each in value] if isinstance(value, list) else [str(value)]
    return {
        "name": term.name,
        "amount": {"minor": term.amount, "currency": currency},
        "inputs": [{"name": name, "values": values} for name, values in inputs.items()],
    }


DEAD = ("{terms,0}", "{at_risk,0}")
"""Where the document has the term of dead stock and its sum: from its amount and units follows what a unit costs us."""
PEERS = ("peerUnitsPerDay", "{terms,2,inputs,3}")
"""The one input that tells of others, and where `breach_terms` leaves it in the document."""


def impact_of(viewer: Any, alert: Any) -> Any:
    """The document of an alert: for outsiders without what it tells of each peer, for those who read no cost of a SKU without

    the term that stands on it.
    """
    if outside(viewer):
        return _without(alert.impact, PEERS[1])
    if READS_COST.admits(viewer.facts):
        return alert.impact
    dead = alert.impact.op("#>>", return_type=Text())(literal_column("'{terms,0,name}'::text[]"))
    return case(
        (dead == literal_column(f"'{ImpactTermName.DEAD_STOCK}'"), _without(alert.impact, *DEAD)), else_=alert.impact
    )


def _without(document: Any, *paths: str) -> Any:
    for path in paths:
        document = document.op("#-", return_type=JSONB())(literal_column(f"'{path}'::text[]"))
    return document


def at_risk(viewer: Any, *, otherwise: Any = null()) -> Any:
    """The sum of an alert's terms, where the viewer may know it: that of dead stock tells what a unit costs us."""
    if READS_COST.admits(viewer.facts):
        return Alert.impact_minor
    return case((Alert.kind != AlertKind.DEAD_STOCK.value, Alert.impact_minor), else_=otherwise)


LISTS = {PEERS[0]}
FRACTIONS = {"unitsPerDay", "peerUnitsPerDay"}


def term_of(kept: dict[str, Any]) -> Term:
    """The term that a document of the column `impact` holds; `rules.recompute` gives its amount again."""
    inputs: dict[str, Any] = {}
    given = {each["name"]: each["values"] for each in kept["inputs"]}
    if "units" in given and "unitPriceMinor" in given:
        units, prices = given.pop("units"), given.pop("unitPriceMinor")
        inputs["rows"] = [[int(u), int(p)] for u, p in zip(units, prices, strict=True)]
    for name, values in given.items():
        read: Any = str if name in FRACTIONS or name == "kind" else int
        inputs[name] = [read(value) for value in values] if name in LISTS else read(values[0])
    return Term(ImpactTermName[kept["name"]], int(kept["amount"]["minor"]), inputs)


def _reference(settings: TenantSettings, currency: str) -> int:
    found: int = settings.severity_ref.get(currency, REFERENCE * 10 ** digits_of(currency))
    return found


async def _sold(tx: Transaction, alert: Alert, *more: ColumnElement[bool]) -> Rows:
    """Units by price, by price: rows of one price make one, so that the inputs do not grow with the file."""
    asked = (
        select(func.sum(EvidenceSaleRow.units), EvidenceSaleRow.unit_price_minor)
        .where(
            EvidenceSaleRow.alert_id == alert.id,
            EvidenceSaleRow.dealer_id.is_not_distinct_from(alert.dealer_id),
            *more,
        )
        .group_by(EvidenceSaleRow.unit_price_minor)
        .order_by(EvidenceSaleRow.unit_price_minor)
    )
    return [(int(units), int(price)) for units, price in (await tx.session.execute(asked)).all()]


async def _rates(
    tx: Transaction, alert: Alert, at: datetime, run_rate_days: int, ground: Ground
) -> tuple[Fraction, list[Fraction]]:
    """Units a day of whoever breaches, and of each peer who does not breach the same policy."""
    units: dict[UUID | None, int] = {}
    for dealer, occurred_at, sold in ground.lately.get(alert.id, ()):
        if at - timedelta(days=run_rate_days) < occurred_at <= at:
            units[dealer] = units.get(dealer, 0) + sold
    own = units.pop(alert.dealer_id, 0)
    if units:
        await tx.session.flush()  # what is decided of the peers, a moment ago too
        breaching = select(Alert.dealer_id).where(
            Alert.sku_id == alert.sku_id, Alert.kind == alert.kind, Alert.status.not_in(ENDED), Alert.id != alert.id
        )
        for dealer in (await tx.session.execute(breaching)).scalars():
            units.pop(dealer, None)
    return rules.units_per_day(own, run_rate_days), [
        rules.units_per_day(units[peer], run_rate_days) for peer in sorted(units, key=str)
    ]


def sorted_rows(sold: dict[int, int]) -> Rows:
    """Units by price, by price: rows of one price make one, so that the inputs do not grow with the file."""
    return [(sold[price], price) for price in sorted(sold)]
