"""Impact and severity: the golden vectors, and that every term gives its amount again from its inputs."""

import json
import random
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from souk.rules import impact
from souk.rules.impact import PolicyKind, Severity, TermName, delta
from souk.rules.money import basis_points, round_half_up

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))

kinds = st.sampled_from(PolicyKind)
prices = st.integers(1, 10**12)
rows = st.lists(st.tuples(st.integers(1, 1000), prices), max_size=20)
rates = st.fractions(0, 100, max_denominator=90)


@pytest.mark.parametrize("vector", GOLDEN["impact"])
def test_the_golden_impacts(vector: dict[str, object]) -> None:
    v = dict(vector)
    terms = impact.breach_terms(
        PolicyKind.MAP,
        v["policyMinor"],
        v["priceNowMinor"],
        v["rows"],
        Fraction(v["unitsPerDay"]),
        [Fraction(rate) for rate in v["peerUnitsPerDay"]],
        horizon_days=v["horizonDays"],
        cascade_bp=int(Fraction(v["rho"]) * 10_000),
    )
    assert [t.amount for t in terms] == [
        v["observedLeakageMinor"],
        v["runRateExposureMinor"],
        v["cascadeExposureMinor"],
    ]
    assert impact.at_risk(terms) == v["totalAtRiskMinor"]
    score = impact.severity(
        PolicyKind.MAP,
        v["policyMinor"],
        v["priceNowMinor"],
        terms[0].amount,
        v["moneyRefMinor"],
        v["priorBreaches90d"],
        v["daysOpen"],
    )
    assert (score.text, score.severity) == (v["severityScore"], v["severity"])
    assert score.depth == Fraction(v["breachDepthBp"], 10_000)
    assert delta(PolicyKind.MAP, v["policyMinor"], v["priceNowMinor"]) == v["breachDepthMinor"]


def test_the_golden_recovery() -> None:
    v = GOLDEN["recovered"]
    term = impact.recovered(PolicyKind.MAP, v["policyMinor"], v["priceBeforeMinor"], v["afterRows"])
    assert term.amount == v["recoveredMinor"] == 119000


@pytest.mark.parametrize("vector", GOLDEN["vat"])
def test_the_golden_taxes_round_as_money_does(vector: dict[str, object]) -> None:
    rate, gross = int(vector["rateBp"]), int(vector["gross"])
    if str(vector["kind"]).startswith("inclusive"):
        assert round_half_up(Fraction(gross * 10_000, 10_000 + rate)) == vector["net"]
    else:
        assert basis_points(vector["net"], rate) == vector["vat"]
    assert vector["net"] + vector["vat"] == gross


@given(kinds, prices, prices, rows, rates, st.lists(rates, max_size=5), st.integers(1, 90), st.integers(0, 10_000))
def test_a_term_follows_from_its_inputs_even_through_json(kind, policy, now, sold, rate, peers, days, bp) -> None:
    terms = [
        *impact.breach_terms(kind, policy, now, sold, rate, peers, horizon_days=days, cascade_bp=bp),
        impact.recovered(kind, policy, now, sold),
        impact.dead_stock(days, now, days, bp),
        impact.undercut(rate, policy, now, bp, days),
    ]
    for term in terms:
        kept = replace(term, inputs=json.loads(json.dumps(term.inputs)))
        assert impact.recompute(kept) == term.amount
        assert isinstance(term.amount, int)
    assert impact.at_risk(terms) == sum(t.amount for t in (*terms[:3], *terms[4:]))


@given(kinds, prices, rows, st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(kind, policy, sold, shuffler: random.Random) -> None:
    mixed = list(sold)
    shuffler.shuffle(mixed)
    assert impact.observed_leakage(kind, policy, mixed).amount == impact.observed_leakage(kind, policy, sold).amount


@given(prices, prices)
def test_floors_and_ceilings_look_in_opposite_directions(policy: int, price: int) -> None:
    below, above = delta(PolicyKind.MAP, policy, price), delta(PolicyKind.MRP_CEILING, policy, price)
    assert below == delta(PolicyKind.MRP_FLOOR, policy, price)
    assert below - above == policy - price
    assert 0 in (below, above)


@given(kinds, prices, prices, st.integers(0, 10**14), st.integers(1, 10**12), st.integers(0, 50), st.integers(0, 999))
def test_a_score_lies_in_its_band(kind, policy, now, observed, reference, breaches, days) -> None:
    score = impact.severity(kind, policy, now, observed, reference, breaches, days)
    assert 0 <= score.score <= 100
    assert score.text == f"{score.score.numerator / score.score.denominator:.1f}"
    assert impact.band(Fraction(score.text)) is score.severity
    assert abs(sum(score.shares) - score.score) <= Fraction(1, 20)


def test_the_bands_begin_where_they_say() -> None:
    shown = [impact.band(Fraction(s)) for s in ("0", "24.9", "25", "49.9", "50", "74.9", "75", "100")]
    assert shown == [Severity(s) for s in ["LOW", "LOW", "MEDIUM", "MEDIUM", "HIGH", "HIGH", "CRITICAL", "CRITICAL"]]


def test_stock_is_dead_from_the_ninetieth_day() -> None:
    assert impact.dead_stock(10, 36500, 89).amount == 0
    assert impact.dead_stock(10, 36500, 90).amount == 18000
    assert impact.dead_stock(10, 36500, 90).inputs["carryBp"] == 2000


def test_an_undercut_never_counts_against_us() -> None:
    assert impact.undercut(Fraction(2), 1000, 900, 5000).amount == 3000
    assert impact.undercut(Fraction(2), 900, 1000, 5000).amount == 0
    assert impact.units_per_day(28) == 2


def test_a_touched_input_is_seen() -> None:
    term = impact.observed_leakage(PolicyKind.MAP, 1000, [(2, 900)])
    assert term == impact.Term(TermName.OBSERVED_LEAKAGE, 200, {"kind": "MAP", "policyMinor": 1000, "rows": [[2, 900]]})
    assert impact.recompute(replace(term, inputs={**term.inputs, "policyMinor": 1001})) == 202
