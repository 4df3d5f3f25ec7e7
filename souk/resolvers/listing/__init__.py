"""Listings: what is offered, and to whom.

`reads`, what a person writes (`writes`, `moves`), what only one kind has (`details`), and what happens to a listing
whoever asks (`effects`).
"""

from .effects import (
    EXPIRY,
    activate,
    archive,
    archive_of,
    expire,
    listing_changed,
    reinstate,
    reinstate_of,
    state_of,
    submit,
    suspend,
    suspend_of,
)
from .moves import (
    listing_archive,
    listing_moderate,
    listing_pause,
    listing_renew,
    listing_resume,
    listing_submit,
    listing_withdraw,
)
from .reads import (
    ListingFilter,
    ListingOrder,
    audience_of_listing,
    casting_of_listing,
    external_ids_of_listing,
    listing,
    listings,
    listings_of_category,
    listings_of_dealer,
    listings_of_sku,
    product_of_listing,
    user_of_audience,
    vehicle_of_listing,
)
from .writes import listing_audience_set, listing_create, listing_update

__all__ = [
    "EXPIRY", "ListingFilter", "ListingOrder", "activate", "archive", "archive_of", "audience_of_listing",
    "casting_of_listing", "expire", "external_ids_of_listing", "listing", "listing_archive",
    "listing_audience_set", "listing_changed", "listing_create", "listing_moderate", "listing_pause", "listing_renew",
    "listing_resume", "listing_submit", "listing_update", "listing_withdraw", "listings", "listings_of_category",
    "listings_of_dealer", "listings_of_sku", "product_of_listing", "reinstate", "reinstate_of", "state_of", "submit",
    "suspend", "suspend_of", "user_of_audience", "vehicle_of_listing",
]  # fmt: skip
