"""What an alert costs, computed from its evidence and kept in its row: the terms with their inputs, score and band."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from ..db.session import Transaction
from ..models import Alert, DomainEvent, EvidenceSaleRow, TenantSettings
from ..permissions.alert import outside
from ..rules import impact as rules
from ..rules.alert import ENDED, RAISES
from ..rules.enums import AlertKind, ImpactTermName
from ..rules.impact import Rows, Term
from ..rules.money import digits_of

REFERENCE = 10_000
"""Whole units of a currency that count as a full loss where the tenant's settings name no amount."""
BREACHES_DAYS = 90
POLICY_OF = {alert: policy for policy, alert in RAISES.items()}


async def assess(tx: Transaction, alert: Alert, at: datetime) -> None:
    """Compute terms, score and severity of a breach anew as of `at`, and keep them in the row."""
    settings = await tx.settings()
    kind, policy = POLICY_OF[AlertKind[alert.kind]], alert.policy_minor
    assert policy is not None  # alerts of these kinds have one
    rate, peers = await _rates(tx, alert, at, settings.run_rate_days)
    rows = await _sold(tx, alert)
    terms = rules.breach_terms(
        kind, policy, alert.price_minor, rows, rate, peers,
        horizon_days=settings.horizon_days, cascade_bp=settings.cascade_bp,
    )  # fmt: skip
    earlier = await _earlier_breaches(tx, alert, at)
    days = max(0, (at - alert.first_seen_at).days)
    reference = _reference(settings, alert.currency)
    score = rules.severity(kind, policy, alert.price_minor, terms[0].amount, reference, earlier, days)
    alert.impact, alert.impact_minor = document(terms, alert.currency), rules.at_risk(terms)
    alert.score_tenths, alert.severity = int(score.score * 10), score.severity


async def recover(tx: Transaction, alert: Alert) -> Term:
    """Add what a cure brought back: the sales after the breach was last seen, against the price it was seen at."""
    policy = alert.policy_minor
    assert policy is not None
    after = await _sold(tx, alert, EvidenceSaleRow.occurred_at > alert.last_seen_at)
    term = rules.recovered(POLICY_OF[AlertKind[alert.kind]], policy, alert.price_minor, after)
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


PEERS = ("peerUnitsPerDay", "{terms,2,inputs,3}")
"""The one input that tells of others, and where `breach_terms` leaves it in the document."""


def impact_of(viewer: Any, alert: Any) -> Any:
    """The document of an alert, for outsiders without what it tells of each peer."""
    if not outside(viewer):
        return alert.impact
    path: ColumnElement[Any] = literal_column(f"'{PEERS[1]}'::text[]")
    return alert.impact.op("#-", return_type=JSONB())(path)


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


async def _rates(tx: Transaction, alert: Alert, at: datetime, run_rate_days: int) -> tuple[Fraction, list[Fraction]]:
    """Units a day of whoever breaches, and of each peer who does not breach the same policy."""
    window = (
        select(EvidenceSaleRow.dealer_id, func.sum(EvidenceSaleRow.units))
        .where(
            EvidenceSaleRow.alert_id == alert.id,
            EvidenceSaleRow.occurred_at > at - timedelta(days=run_rate_days),
            EvidenceSaleRow.occurred_at <= at,
        )
        .group_by(EvidenceSaleRow.dealer_id)
        .order_by(EvidenceSaleRow.dealer_id)
    )
    units: dict[UUID | None, int] = {dealer: int(sold) for dealer, sold in (await tx.session.execute(window)).all()}
    own = units.pop(alert.dealer_id, 0)
    if units:
        breaching = select(Alert.dealer_id).where(
            Alert.sku_id == alert.sku_id, Alert.kind == alert.kind, Alert.status.not_in(ENDED), Alert.id != alert.id
        )
        for dealer in (await tx.session.execute(breaching)).scalars():
            units.pop(dealer, None)
    return rules.units_per_day(own, run_rate_days), [
        rules.units_per_day(each, run_rate_days) for each in units.values()
    ]


async def _earlier_breaches(tx: Transaction, alert: Alert, at: datetime) -> int:
    """Cycles of the same (dealer, competitor, SKU, kind) begun in the 90 days before, without the present one."""
    same = select(Alert.id).where(
        Alert.sku_id == alert.sku_id,
        Alert.kind == alert.kind,
        Alert.dealer_id.is_not_distinct_from(alert.dealer_id),
        Alert.competitor_id.is_not_distinct_from(alert.competitor_id),
    )
    cycle = DomainEvent.data["cycle"].as_integer()
    begun = (
        select(DomainEvent.subject_id, cycle)
        .where(
            DomainEvent.subject_id.in_(same),
            DomainEvent.type.in_(("alert.opened", "alert.reopened")),
            DomainEvent.at > at - timedelta(days=BREACHES_DAYS),
        )
        .distinct()
    )
    return len([1 for id_, n in (await tx.session.execute(begun)).all() if (id_, n) != (alert.id, alert.cycle)])
