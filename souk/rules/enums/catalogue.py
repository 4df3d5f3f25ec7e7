"""The words of dealers and listings."""

from .described import Described


class DealerKind(Described):
    """What an organisation that lists is."""

    DEALERSHIP = "DEALERSHIP", "Sells goods."
    CASTING = "CASTING", "Casts people."
    PUBLISHER = "PUBLISHER", "Publishes products of others."


class DealerVerification(Described):
    """Whether the dealer is who it says it is."""

    UNVERIFIED = "UNVERIFIED", "Nothing handed in yet."
    PENDING = "PENDING", "Waits for a reviewer."
    VERIFIED = "VERIFIED", "Checked."
    REJECTED = "REJECTED", "Refused, with a reason; may be handed in again."
    EXPIRED = "EXPIRED", "A document ran out."
    REVOKED = "REVOKED", "Taken back, with a reason."


class DealerStanding(Described):
    """How the dealer keeps the rules; independent of its verification."""

    GOOD = "GOOD", "Nothing against it."
    WATCH = "WATCH", "A breach was confirmed."
    WARNED = "WARNED", "A notice was sent; a cure time runs."
    RESTRICTED = "RESTRICTED", "Some privileges are suspended."
    SUSPENDED = "SUSPENDED", "Its listings are off."
    TERMINATED = "TERMINATED", "Ended for good."


class RestrictionKind(Described):
    """Which privilege a restriction takes from a dealer."""

    LEAD_UNLOCK = "LEAD_UNLOCK", "It buys no contact of a lead."
    LISTING_RESUME = "LISTING_RESUME", "It hands in, renews and resumes no listing."
    OFFER = "OFFER", "No offer to its listings is made or accepted."
    PAYOUT = "PAYOUT", "It is paid nothing out."


class ReviewAction(Described):
    """What a review of a dealer's documents decides."""

    APPROVE = "APPROVE", "They are in order: VERIFIED."
    REJECT = "REJECT", "They are not, with a reason: REJECTED."
    REVOKE = "REVOKE", "The verification is taken back, with a reason: REVOKED."


class ExternalType(Described):
    """What an external id can name."""

    LISTING = "LISTING", "A listing."
    SKU = "SKU", "A SKU."
    DEALER = "DEALER", "A dealer."
    LEAD = "LEAD", "A lead."


class CategoryPurpose(Described):
    """What the tenant's own rules use a category for, whatever it is called."""

    APPEAL = "APPEAL", "Tickets against an alert, a suspended listing or a standing."


class CategoryKind(Described):
    """What a category sorts."""

    LISTING = "LISTING", "Listings."
    TICKET = "TICKET", "Tickets."


class ListingKind(Described):
    """What is listed; decides the type of the detail."""

    VEHICLE = "VEHICLE", "One vehicle."
    CASTING_CALL = "CASTING_CALL", "A role to be cast."
    PRODUCT = "PRODUCT", "Goods in units."


class ListingStatus(Described):
    """Where a listing stands."""

    DRAFT = "DRAFT", "Being written."
    PENDING_REVIEW = "PENDING_REVIEW", "Waits for a moderator."
    ACTIVE = "ACTIVE", "Shown to everybody it is meant for."
    PAUSED = "PAUSED", "Taken out by its dealer for a while; offers stay, none can be accepted."
    RESERVED = "RESERVED", "Its capacity is bound by open deals."
    FULFILLED = "FULFILLED", "Sold or filled."
    EXPIRED = "EXPIRED", "Its time ran out; may be renewed."
    REJECTED = "REJECTED", "Refused by a moderator, with a reason."
    SUSPENDED = "SUSPENDED", "Taken down by enforcement; remembers what it was."
    ARCHIVED = "ARCHIVED", "Put away for good."


class ModerationAction(Described):
    """What a moderator does with a listing."""

    APPROVE = "APPROVE", "Let it go live."
    REJECT = "REJECT", "Send it back, with a reason."
    SUSPEND = "SUSPEND", "Take it down, with a reason."
    REINSTATE = "REINSTATE", "Put it back to what it was before it was taken down."


class Visibility(Described):
    """For whom a listing is meant."""

    PUBLIC = "PUBLIC", "Everybody."
    PRIVATE = "PRIVATE", "Its audience alone."


class Fuel(Described):
    """What a vehicle runs on."""

    PETROL = "PETROL", "Petrol."
    DIESEL = "DIESEL", "Diesel."
    ELECTRIC = "ELECTRIC", "Electricity."
    CNG = "CNG", "Compressed natural gas."
    HYBRID = "HYBRID", "More than one."


class Availability(Described):
    """Whether a product can be had."""

    IN_STOCK = "IN_STOCK", "Can be had."
    OUT_OF_STOCK = "OUT_OF_STOCK", "Cannot be had now."
    PREORDER = "PREORDER", "Can be ordered ahead."
