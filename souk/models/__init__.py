"""What is stored: one table per class."""

from .alert import Alert, EvidenceSaleRow, EvidenceSnapshot, Note, Task
from .base import Model, Row, TenantModel, ids_of, new_id, new_key
from .batch import (
    Batch,
    BatchEvent,
    BatchItem,
    BatchItemAttempt,
    BatchLog,
    BatchPreview,
    BatchPreviewItem,
    Upload,
)
from .dealer import Category, Competitor, CompetitorSnapshot, Dealer, ExternalRef, Sku
from .document import OperationManifest, PersistedOperation
from .lead import Lead, LeadUnlock
from .listing import CastingDetail, Listing, ListingAudience, ProductDetail, VehicleDetail
from .offer import Deal, Offer, OfferRevision
from .people import Account, Membership, MembershipTeam, ServiceToken, Session, Team, User
from .policy import PriceException, PriceExceptionDealer, PricePolicy, PricePolicyVersion
from .system import (
    AccessRefusal,
    AuditEvent,
    AuditHead,
    DomainEvent,
    EventStream,
    IdempotencyRecord,
    SearchDocument,
    Work,
)
from .tenant import Tenant, TenantHost, TenantSettings
from .ticket import Ticket, TicketCc, TicketComment

__all__ = [
    "AccessRefusal",
    "Account",
    "Alert",
    "AuditEvent",
    "AuditHead",
    "Batch",
    "BatchEvent",
    "BatchItem",
    "BatchItemAttempt",
    "BatchLog",
    "BatchPreview",
    "BatchPreviewItem",
    "CastingDetail",
    "Category",
    "Competitor",
    "CompetitorSnapshot",
    "Deal",
    "Dealer",
    "DomainEvent",
    "EventStream",
    "EvidenceSaleRow",
    "EvidenceSnapshot",
    "ExternalRef",
    "IdempotencyRecord",
    "Lead",
    "LeadUnlock",
    "Listing",
    "ListingAudience",
    "Membership",
    "MembershipTeam",
    "Model",
    "Note",
    "Offer",
    "OfferRevision",
    "OperationManifest",
    "PersistedOperation",
    "PriceException",
    "PriceExceptionDealer",
    "PricePolicy",
    "PricePolicyVersion",
    "ProductDetail",
    "Row",
    "SearchDocument",
    "ServiceToken",
    "Session",
    "Sku",
    "Task",
    "Team",
    "Tenant",
    "TenantHost",
    "TenantModel",
    "TenantSettings",
    "Ticket",
    "TicketCc",
    "TicketComment",
    "Upload",
    "User",
    "VehicleDetail",
    "Work",
    "ids_of",
    "new_id",
    "new_key",
]
