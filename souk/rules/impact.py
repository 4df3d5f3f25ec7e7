"""What a price beside the policy costs, term by term, and how grave it is. Exact: integers and fractions, no floats.

Each term keeps the inputs it was made of, as JSON holds them (minor units as integers, rates as texts such as "3/14"),
and `recompute(term)` gives its amount again. A term is rounded once, HALF_UP, to the minor unit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from souk.rules.enums import DepthBand, PolicyKind, Severity
from souk.rules.enums import ImpactTermName as TermName
from souk.rules.money import round_half_up, rounded

Rows = Sequence[tuple[int, int]]
"""(units sold, unit price in minor units), one per sale row."""


def delta(kind: PolicyKind, policy: int, price: int) -> int:
    """How far a price is past the policy, in minor units: below a floor, above a ceiling; 0 within it."""
    return max(0, price - policy if kind is PolicyKind.MRP_CEILING else policy - price)


def depth_band(kind: PolicyKind, policy: int, price: int) -> DepthBand:
    """The band of `delta / policy`: below 5 %, 15 % and 30 %, and the rest."""
    depth = Fraction(delta(kind, policy, price), policy)
    bands = ((5, DepthBand.SHALLOW), (15, DepthBand.MODERATE), (30, DepthBand.DEEP))
    return next((band for below, band in bands if depth < Fraction(below, 100)), DepthBand.EXTREME)


def units_per_day(units: int, run_rate_days: int = 14) -> Fraction:
    """The rate of sale over the window that `runRateDays` names."""
    return Fraction(units, run_rate_days)


@dataclass(frozen=True, slots=True)
class Term:
    """One amount of an impact, in minor units of the policy's currency, with all that it was computed from."""

    name: TermName
    amount: int
    inputs: Mapping[str, Any]


def observed_leakage(kind: PolicyKind, policy: int, rows: Rows) -> Term:
    """`Σ units_i · δ(price_i)` over the evidence's sale rows: happened, provable."""
    return _term(TermName.OBSERVED_LEAKAGE, kind=str(kind), policyMinor=policy, rows=[[u, p] for u, p in rows])


def run_rate_exposure(kind: PolicyKind, policy: int, price_now: int, rate: Fraction, horizon_days: int = 30) -> Term:
    """`unitsPerDay · g · horizon`: if nothing changes."""
    return _term(
        TermName.RUN_RATE_EXPOSURE,
        kind=str(kind),
        policyMinor=policy,
        priceNowMinor=price_now,
        unitsPerDay=str(rate),
        horizonDays=horizon_days,
    )


def cascade_exposure(
    kind: PolicyKind,
    policy: int,
    price_now: int,
    peer_rates: Iterable[Fraction],
    horizon_days: int = 30,
    cascade_bp: int = 1500,
) -> Term:
    """`Σ_peers unitsPerDay_k · g · horizon · ρ`, ρ = cascadeBp / 10000: if compliant peers follow."""
    return _term(
        TermName.CASCADE_EXPOSURE,
        kind=str(kind),
        policyMinor=policy,
        priceNowMinor=price_now,
        peerUnitsPerDay=[str(rate) for rate in peer_rates],
        horizonDays=horizon_days,
        cascadeBp=cascade_bp,
    )


def dead_stock(units: int, cost: int, age_days: int, carry_bp: int = 2000, dead_stock_days: int = 90) -> Term:
    """`units · cost · carryBp/10000 · days/365` from the age on that `deadStockDays` names; 0 before."""
    return _term(
        TermName.DEAD_STOCK,
        units=units,
        costMinor=cost,
        ageDays=age_days,
        carryBp=carry_bp,
        deadStockDays=dead_stock_days,
    )


def undercut(rate: Fraction, our_price: int, competitor_price: int, match_bp: int, horizon_days: int = 30) -> Term:
    """`unitsPerDay · max(0, ourPrice − competitorPrice) · horizon · pMatch`, pMatch = matchBp / 10000."""
    return _term(
        TermName.UNDERCUT,
        unitsPerDay=str(rate),
        ourPriceMinor=our_price,
        competitorPriceMinor=competitor_price,
        horizonDays=horizon_days,
        matchBp=match_bp,
    )


def recovered(kind: PolicyKind, policy: int, price_before: int, rows_after: Rows) -> Term:
    """`Σ units_after · (δ(price_before) − δ(price_after))`: what a cure brought back."""
    return _term(
        TermName.RECOVERED,
        kind=str(kind),
        policyMinor=policy,
        priceBeforeMinor=price_before,
        rows=[[u, p] for u, p in rows_after],
    )


def at_risk(terms: Iterable[Term]) -> int:
    """Total at risk: the sum of the terms as they are shown, never in place of them, without what came back."""
    return sum(term.amount for term in terms if term.name is not TermName.RECOVERED)


def breach_terms(
    kind: PolicyKind,
    policy: int,
    price_now: int,
    rows: Rows,
    rate: Fraction,
    peer_rates: Sequence[Fraction],
    *,
    horizon_days: int = 30,
    cascade_bp: int = 1500,
) -> tuple[Term, Term, Term]:
    """The three terms of a breach: observed leakage, run-rate exposure, cascade exposure."""
    return (
        observed_leakage(kind, policy, rows),
        run_rate_exposure(kind, policy, price_now, rate, horizon_days),
        cascade_exposure(kind, policy, price_now, peer_rates, horizon_days, cascade_bp),
    )


def recompute(term: Term) -> int:
    """The amount that a term's inputs give; equal to its amount unless somebody touched one of them."""
    return round_half_up(_FORMULA[term.name](term.inputs))


@dataclass(frozen=True, slots=True)
class Score:
    """0–100 to one decimal, the band it falls into, and the four shares before rounding."""

    score: Fraction
    severity: Severity
    depth: Fraction
    shares: tuple[Fraction, Fraction, Fraction, Fraction]

    @property
    def text(self) -> str:
        """The score as "41.8"."""
        tenths = int(self.score * 10)
        return f"{tenths // 10}.{tenths % 10}"


def severity(
    kind: PolicyKind,
    policy: int,
    price_now: int,
    observed: int,
    reference: int,
    breaches_90d: int,
    days_open: int,
) -> Score:
    """40·min(1, depth/30 %) + 30·min(1, observed/reference) + 15·min(1, breaches/3) + 15·min(1, days/14).

    `depth` = g/P. LOW below 25, MEDIUM below 50, HIGH below 75, else CRITICAL; the band is that of the score as shown,
    so that the two never disagree.
    """
    depth = Fraction(delta(kind, policy, price_now), policy)
    shares = (
        40 * _capped(depth / Fraction(30, 100)),
        30 * _capped(Fraction(observed, reference)),
        15 * _capped(Fraction(breaches_90d, 3)),
        15 * _capped(Fraction(days_open, 14)),
    )
    score = rounded(sum(shares, Fraction(0)), 1)
    return Score(score, band(score), depth, shares)


def band(score: Fraction) -> Severity:
    """The severity of a score."""
    if score < 25:
        return Severity.LOW
    if score < 50:
        return Severity.MEDIUM
    return Severity.HIGH if score < 75 else Severity.CRITICAL


def _capped(value: Fraction) -> Fraction:
    return min(Fraction(1), max(Fraction(0), value))


def _term(name: TermName, **inputs: Any) -> Term:
    return Term(name, round_half_up(_FORMULA[name](inputs)), inputs)


def _gap(i: Mapping[str, Any]) -> int:
    return delta(PolicyKind[i["kind"]], i["policyMinor"], i["priceNowMinor"])


def _observed(i: Mapping[str, Any]) -> Fraction:
    kind = PolicyKind[i["kind"]]
    return Fraction(sum(units * delta(kind, i["policyMinor"], price) for units, price in i["rows"]))


def _run_rate(i: Mapping[str, Any]) -> Fraction:
    return Fraction(i["unitsPerDay"]) * _gap(i) * int(i["horizonDays"])


def _cascade(i: Mapping[str, Any]) -> Fraction:
    peers = sum((Fraction(rate) for rate in i["peerUnitsPerDay"]), Fraction(0))
    return peers * _gap(i) * int(i["horizonDays"]) * Fraction(i["cascadeBp"], 10_000)


def _dead_stock(i: Mapping[str, Any]) -> Fraction:
    if i["ageDays"] < i["deadStockDays"]:
        return Fraction(0)
    return Fraction(i["units"] * i["costMinor"] * i["carryBp"] * i["ageDays"], 10_000 * 365)


def _undercut(i: Mapping[str, Any]) -> Fraction:
    gap = max(0, int(i["ourPriceMinor"]) - int(i["competitorPriceMinor"]))
    return Fraction(i["unitsPerDay"]) * gap * int(i["horizonDays"]) * Fraction(i["matchBp"], 10_000)


def _recovered(i: Mapping[str, Any]) -> Fraction:
    kind, policy = PolicyKind[i["kind"]], i["policyMinor"]
    before = delta(kind, policy, i["priceBeforeMinor"])
    return Fraction(sum(units * (before - delta(kind, policy, price)) for units, price in i["rows"]))


_FORMULA: Mapping[TermName, Callable[[Mapping[str, Any]], Fraction]] = {
    TermName.OBSERVED_LEAKAGE: _observed,
    TermName.RUN_RATE_EXPOSURE: _run_rate,
    TermName.CASCADE_EXPOSURE: _cascade,
    TermName.DEAD_STOCK: _dead_stock,
    TermName.UNDERCUT: _undercut,
    TermName.RECOVERED: _recovered,
}
