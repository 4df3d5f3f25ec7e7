"""The numbers of the tenant and of a dealer, each with the filter that gives the rows behind it."""

from . import measures
from .reads import (
    dashboard_summary,
    dealer_analytics,
    dealer_dashboard,
    dealer_of_board,
    dealer_series,
    groups,
    number,
    series,
)

__all__ = [
    "dashboard_summary", "dealer_analytics", "dealer_dashboard", "dealer_of_board", "dealer_series", "groups", "measures", "number", "series",
]  # fmt: skip
