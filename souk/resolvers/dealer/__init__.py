"""Dealers: who lists. `reads`, the `card`, and the `record` of verification and standing."""

from .card import dealer_create, dealer_update
from .reads import (
    DealerFilter,
    DealerOrder,
    dealer,
    dealer_of_audience,
    dealer_of_listing,
    dealers,
    external_ids_of_dealer,
)
from .record import (
    dealer_reinstate,
    dealer_review_verification,
    dealer_set_standing,
    dealer_submit_verification,
    dealer_terminate,
)

__all__ = [
    "DealerFilter", "DealerOrder", "dealer", "dealer_create", "dealer_of_audience", "dealer_of_listing",
    "dealer_reinstate", "dealer_review_verification", "dealer_set_standing", "dealer_submit_verification",
    "dealer_terminate", "dealer_update", "dealers", "external_ids_of_dealer",
]  # fmt: skip
