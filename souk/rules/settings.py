"""The thresholds of a tenant: what each is counted in, where it starts, and between which bounds it may be set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from souk.rules.errors import OutOfRange, Problems


class Threshold(NamedTuple):
    """A whole number with its bounds, both included."""

    default: int
    low: int
    high: int
    doc: str


THRESHOLDS: Mapping[str, Threshold] = {
    "credit_adjust_limit": Threshold(500, 0, 1_000_000, "From how many credits on a second person decides on an adjustment."),
    "listing_days": Threshold(60, 1, 730, "How many days a listing lives."),
    "lead_days": Threshold(30, 1, 365, "How many days a lead lives after its last change."),
    "offer_hours": Threshold(72, 1, 720, "How many hours an offer waits for an answer."),
    "max_offer_rounds": Threshold(10, 1, 100, "How many revisions an offer may have."),
    "deal_payment_hours": Threshold(72, 1, 720, "How many hours a deal waits for its payment."),
    "inspection_hours": Threshold(72, 1, 720, "How many hours a payer may inspect what was delivered."),
    "invalid_report_hours": Threshold(72, 1, 720, "For how many hours after an unlock its lead may be reported as invalid."),
    "horizon_days": Threshold(30, 1, 365, "How many days ahead exposure is counted."),
    "run_rate_days": Threshold(14, 1, 365, "Over how many days sales are averaged."),
    "cascade_bp": Threshold(1500, 0, 10_000, "The share of peers that follow a breach, in basis points."),
    "dead_stock_days": Threshold(90, 1, 3650, "After how many days stock is dead."),
    "carry_bp": Threshold(2000, 0, 10_000, "What a year of keeping stock costs, in basis points of its cost."),
    "cure_hours": Threshold(72, 1, 2160, "How many hours a notice leaves for the cure."),
    "rebreach_days": Threshold(30, 0, 365, "Within how many days a new breach reopens the same alert."),
    "failure_threshold_pct": Threshold(20, 1, 100, "Above which share of failures a batch stops, in per cent."),
    "failure_threshold_min": Threshold(20, 1, 10_000, "After how many settled items that share is looked at."),
    "rollback_hours": Threshold(24, 0, 720, "For how many hours after its end a batch may be rolled back."),
    "preview_minutes": Threshold(30, 1, 1440, "For how many minutes a preview is good."),
    "undo_seconds": Threshold(5, 0, 300, "How many seconds an enforcement or a broadcast waits before its first item."),
    "reopen_days": Threshold(14, 0, 365, "For how many days a closed ticket may be reopened by staff."),
    "reopen_cooldown_minutes": Threshold(15, 0, 1440, "How many minutes a requester waits between reopenings."),
    "auto_close_hours": Threshold(72, 1, 2160, "After how many hours a resolved ticket closes by itself."),
    "auto_resolve_days": Threshold(7, 1, 365, "After how many days without an answer a ticket is resolved by itself."),
}  # fmt: skip


def check(problems: Problems, given: Iterable[tuple[str, int]], named: Mapping[str, str]) -> None:
    """Note each threshold that lies outside its bounds, under the input's name for it."""
    for name, value in given:
        threshold = THRESHOLDS[name]
        if not threshold.low <= value <= threshold.high:
            problems.add(OutOfRange(f"Between {threshold.low} and {threshold.high}."), named[name])
