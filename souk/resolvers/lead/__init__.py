"""Leads: somebody asks about a listing, and dealers and staff take it from there."""

from .create import LeadCreateInput, lead_create
from .follow import expire
from .pipeline import (
    LeadAssignInput,
    LeadReopenInput,
    LeadSetStatusInput,
    LeadWithdrawInput,
    lead_assign,
    lead_reopen,
    lead_set_status,
    lead_withdraw,
)
from .reads import (
    LeadFilter,
    LeadOrder,
    assignee_of_lead,
    dealer_of_lead,
    dealer_of_unlock,
    lead,
    lead_of_unlock,
    lead_unlock,
    leads,
    leads_of_dealer,
    leads_of_listing,
    listing_of_lead,
    own_unlock_of_lead,
    unlocks_of_lead,
)

__all__ = [
    "LeadAssignInput",
    "LeadCreateInput",
    "LeadFilter",
    "LeadOrder",
    "LeadReopenInput",
    "LeadSetStatusInput",
    "LeadWithdrawInput",
    "assignee_of_lead",
    "dealer_of_lead",
    "dealer_of_unlock",
    "expire",
    "lead",
    "lead_assign",
    "lead_create",
    "lead_of_unlock",
    "lead_reopen",
    "lead_set_status",
    "lead_unlock",
    "lead_withdraw",
    "leads",
    "leads_of_dealer",
    "leads_of_listing",
    "listing_of_lead",
    "own_unlock_of_lead",
    "unlocks_of_lead",
]
