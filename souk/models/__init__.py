"""What is stored: one table per class."""

from .alert import Alert, AlertRevision, EvidenceSaleRow, EvidenceSnapshot, Note, Task
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
from .counts import KeptCount
from .dealer import Category, Competitor, CompetitorSnapshot, Dealer, DealerRestriction, ExternalRef, Sku
from .document import OperationManifest, PersistedOperation
from .export import Export, ExportPart
from .lead import Lead, LeadUnlock
from .listing import CastingDetail, Listing, ListingAudience, ProductDetail, VehicleDetail
from .observation import PriceObservation
from .offer import Deal, Offer, OfferRevision
from .people import (
    Account,
    Letter,
    LoginAttempt,
    Membership,
    MembershipTeam,
    ServiceToken,
    Session,
    SignInChallenge,
    Team,
    User,
)
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
from .tenant import FeatureFlag, Tenant, TenantHost, TenantSettings
from .ticket import Ticket, TicketCc, TicketComment

__all__ = [
    "AccessRefusal",
    "Account",
    "Alert",
    "AlertRevision",
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
    "DealerRestriction",
    "DomainEvent",
    "EventStream",
    "EvidenceSaleRow",
    "EvidenceSnapshot",
    "Export",
    "ExportPart",
    "ExternalRef",
    "FeatureFlag",
    "IdempotencyRecord",
    "KeptCount",
    "Lead",
    "LeadUnlock",
    "Letter",
    "Listing",
    "ListingAudience",
    "LoginAttempt",
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
    "PriceObservation",
    "PricePolicy",
    "PricePolicyVersion",
    "ProductDetail",
    "Row",
    "SearchDocument",
    "ServiceToken",
    "Session",
    "SignInChallenge",
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
