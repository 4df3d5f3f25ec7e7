"""Offers: a price put to a listing, and the way the two parties come to one."""

from .reads import (
    OfferFilter,
    OfferOrder,
    offer,
    offer_of_deal,
    offer_of_revision,
    offer_revision,
    offers,
    offers_of_listing,
    revisions_of_offer,
)
from .writes import (
    OfferAcceptInput,
    OfferCounterInput,
    OfferCreateInput,
    OfferRejectInput,
    OfferWithdrawInput,
    expire,
    offer_accept,
    offer_counter,
    offer_create,
    offer_reject,
    offer_withdraw,
)

__all__ = [
    "OfferAcceptInput", "OfferCounterInput", "OfferCreateInput", "OfferFilter", "OfferOrder", "OfferRejectInput",
    "OfferWithdrawInput", "expire", "offer", "offer_accept", "offer_counter", "offer_create", "offer_of_deal",
    "offer_of_revision", "offer_reject", "offer_revision", "offer_withdraw", "offers", "offers_of_listing",
    "revisions_of_offer",
]  # fmt: skip
