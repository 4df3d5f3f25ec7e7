"""The words of tenants and people."""

from .described import Described


class TenantStatus(Described):
    """Whether a tenant is served."""

    ACTIVE = "ACTIVE", "Served."
    SUSPENDED = "SUSPENDED", "Nobody signs in, nothing is served."


class TaxProfile(Described):
    """Who owes the consumer's VAT."""

    SELLER = "SELLER", "The seller is the merchant of record."
    DEEMED_SUPPLIER = "DEEMED_SUPPLIER", "The platform owes it."


class UserStatus(Described):
    """The person in one tenant; no other tenant sees or feels it."""

    INVITED = "INVITED", "Asked to join, not yet here."
    ACTIVE = "ACTIVE", "May sign in."
    SUSPENDED = "SUSPENDED", "May not act in this tenant."
    CANCELLED = "CANCELLED", "The invitation was withdrawn or lapsed."
    ERASED = "ERASED", "Personal data shredded, the id kept."


class AccessKind(Described):
    """What a record of access says."""

    REFUSED = "REFUSED", "A permission said no."
    OPENED = "OPENED", "Somebody opened personal data that is locked to others."


class SessionCarrier(Described):
    """How a session travels."""

    COOKIE = "COOKIE", "A browser's cookie."
    BEARER = "BEARER", "A bearer token."
    IMPERSONATION = "IMPERSONATION", "Support acting for somebody, marked as such."
