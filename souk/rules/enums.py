"""The closed sets of words: statuses, kinds, roles of things. Each value carries its description.

The same classes make the CHECK constraints of `models/`, the GraphQL enums of `schema/`, and are held equal to the
state machines by a test.
"""

from .batch_enums import (
    BatchAction as BatchAction,
)
from .batch_enums import (
    BatchEventKind as BatchEventKind,
)
from .batch_enums import (
    BatchItemStatus as BatchItemStatus,
)
from .batch_enums import (
    BatchKind as BatchKind,
)
from .batch_enums import (
    BatchStatus as BatchStatus,
)
from .batch_enums import (
    DriftPolicy as DriftPolicy,
)
from .batch_enums import (
    LogLevel as LogLevel,
)
from .described import Described as Described


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


class SessionCarrier(Described):
    """How a session travels."""

    COOKIE = "COOKIE", "A browser's cookie."
    BEARER = "BEARER", "A bearer token."
    IMPERSONATION = "IMPERSONATION", "Support acting for somebody, marked as such."


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


class OfferStatus(Described):
    """Where an offer stands."""

    PENDING = "PENDING", "Waits for the first answer."
    COUNTERED = "COUNTERED", "Answered with another amount; the turn flips each time."
    ACCEPTED = "ACCEPTED", "Became a deal."
    REJECTED = "REJECTED", "Refused by the other party."
    WITHDRAWN = "WITHDRAWN", "Taken back by who spoke last."
    EXPIRED = "EXPIRED", "Nobody answered in time."
    SUPERSEDED = "SUPERSEDED", "The listing went to somebody else or away."


class OfferDirection(Described):
    """Who pays whom."""

    BUY = "BUY", "The proposer pays the listing's owner."
    SUPPLY = "SUPPLY", "The listing's owner pays the proposer."


class OfferParty(Described):
    """One of the two sides of an offer."""

    PROPOSER = "PROPOSER", "Who made the offer."
    OWNER = "OWNER", "Whose listing it is."


class DealKind(Described):
    """What was agreed."""

    SALE = "SALE", "Goods change hands."
    BOOKING = "BOOKING", "Somebody is booked."
    AFFILIATE = "AFFILIATE", "A sale elsewhere earns a commission."


class Settlement(Described):
    """How a deal is paid."""

    ESCROW = "ESCROW", "Held by the platform until received."
    OFFLINE = "OFFLINE", "Between the parties."


class DealStatus(Described):
    """Where a deal stands."""

    AWAITING_PAYMENT = "AWAITING_PAYMENT", "Agreed, not paid."
    FUNDED = "FUNDED", "The money is held."
    IN_PROGRESS = "IN_PROGRESS", "Being performed."
    DELIVERED = "DELIVERED", "Delivered; the payer inspects."
    COMPLETED = "COMPLETED", "Received."
    DISPUTED = "DISPUTED", "A dispute is open."
    CANCELLED = "CANCELLED", "Called off before money moved."
    REFUNDED = "REFUNDED", "The money went back."
    SETTLED_SPLIT = "SETTLED_SPLIT", "The money was split."


class LeadStatus(Described):
    """Where a lead stands."""

    NEW = "NEW", "Nobody took it up."
    OPEN = "OPEN", "A dealer unlocked it."
    CONTACTED = "CONTACTED", "The person was reached."
    QUALIFIED = "QUALIFIED", "The interest is real."
    NEGOTIATING = "NEGOTIATING", "An offer is on the table."
    WON = "WON", "Became a deal."
    LOST = "LOST", "Came to nothing; may be reopened within 30 days."
    INVALID = "INVALID", "Spam, a duplicate or a wrong contact."
    EXPIRED = "EXPIRED", "Nobody moved it in time."
    WITHDRAWN = "WITHDRAWN", "Taken back by the person."


class LeadDistribution(Described):
    """To how many dealers a lead may go."""

    EXCLUSIVE = "EXCLUSIVE", "To one."
    SHARED = "SHARED", "To as many as have a place."


class LeadTier(Described):
    """What unlocking costs."""

    A = "A", "The dearest."
    B = "B", "The middle."
    C = "C", "The cheapest."


class LeadSource(Described):
    """Where a lead came from."""

    WEB = "WEB", "A web page."
    APP = "APP", "A mobile app."
    PHONE = "PHONE", "A call taken by staff."
    PARTNER = "PARTNER", "An integration."


class LeadUnlockStatus(Described):
    """One dealer's way with one lead."""

    OPEN = "OPEN", "Just unlocked."
    CONTACTED = "CONTACTED", "The person was reached."
    QUALIFIED = "QUALIFIED", "The interest is real."
    NEGOTIATING = "NEGOTIATING", "An offer is on the table."
    WON = "WON", "Became a deal."
    LOST = "LOST", "Came to nothing."
    REFUNDED = "REFUNDED", "The lead was invalid; the credits went back."


class LostReason(Described):
    """Why a lead came to nothing."""

    PRICE = "PRICE", "Too dear."
    NO_ANSWER = "NO_ANSWER", "Could not be reached."
    BOUGHT_ELSEWHERE = "BOUGHT_ELSEWHERE", "Went to another seller."
    CHANGED_MIND = "CHANGED_MIND", "No longer interested."
    SPAM = "SPAM", "Not a real question."
    DUPLICATE = "DUPLICATE", "Asked before."
    OTHER = "OTHER", "Something else; see the note."


class TicketStatus(Described):
    """Where a ticket stands."""

    NEW = "NEW", "Nobody looked at it."
    OPEN = "OPEN", "With an agent."
    WAITING_ON_REQUESTER = "WAITING_ON_REQUESTER", "An agent asked back."
    ON_HOLD = "ON_HOLD", "Waits for something else."
    RESOLVED = "RESOLVED", "Answered; may be reopened."
    CLOSED = "CLOSED", "Done."
    CANCELLED = "CANCELLED", "Withdrawn, merged or spam."


class TicketPriority(Described):
    """How urgent a ticket is."""

    LOW = "LOW", "When there is time."
    NORMAL = "NORMAL", "In turn."
    HIGH = "HIGH", "Before the others."
    CRITICAL = "CRITICAL", "At once."


class CommentVisibility(Described):
    """Who reads a comment."""

    PUBLIC = "PUBLIC", "Everybody who reads the ticket."
    INTERNAL = "INTERNAL", "Staff who work on it."


class SubjectType(Described):
    """What a ticket, a note or an event is about."""

    ALERT = "ALERT", "An alert."
    DEAL = "DEAL", "A deal."
    DEALER = "DEALER", "A dealer."
    LEAD = "LEAD", "A lead."
    LISTING = "LISTING", "A listing."
    TASK = "TASK", "A task."
    TICKET = "TICKET", "A ticket."


class PolicyKind(Described):
    """What a price policy forbids."""

    MAP = "MAP", "Advertising below the minimum advertised price."
    MRP_FLOOR = "MRP_FLOOR", "Selling below the floor."
    MRP_CEILING = "MRP_CEILING", "Selling above the maximum retail price."


class AlertKind(Described):
    """What an alert is about."""

    MAP_BREACH = "MAP_BREACH", "A price below a MAP policy."
    MRP_FLOOR_BREACH = "MRP_FLOOR_BREACH", "A price below the floor."
    MRP_CEILING_BREACH = "MRP_CEILING_BREACH", "A price above the ceiling."
    COMPETITOR_UNDERCUT = "COMPETITOR_UNDERCUT", "A competitor is cheaper than we are."
    DEAD_STOCK = "DEAD_STOCK", "Stock that does not move."


class AlertStatus(Described):
    """Where an alert stands; live is neither RESOLVED nor DISMISSED."""

    OPEN = "OPEN", "Just raised."
    ACKNOWLEDGED = "ACKNOWLEDGED", "Seen by somebody."
    INVESTIGATING = "INVESTIGATING", "Being looked into."
    ENFORCING = "ENFORCING", "A batch acts on it."
    AWAITING_CURE = "AWAITING_CURE", "The dealer was told; the cure time runs."
    RESOLVED = "RESOLVED", "The price is as it should be."
    DISMISSED = "DISMISSED", "Not a breach, with a reason."
    SNOOZED = "SNOOZED", "Put off until a day."


class DismissReason(Described):
    """Why an alert was dismissed."""

    FALSE_POSITIVE = "FALSE_POSITIVE", "There was no breach."
    EXCEPTION_WINDOW = "EXCEPTION_WINDOW", "The price was allowed for a while."
    WRONG_SKU = "WRONG_SKU", "Another thing was sold."
    DUPLICATE = "DUPLICATE", "Another alert tells it."


class Severity(Described):
    """The band of an alert's score, which runs from 0 to 100."""

    LOW = "LOW", "Below 25."
    MEDIUM = "MEDIUM", "25 and more."
    HIGH = "HIGH", "50 and more."
    CRITICAL = "CRITICAL", "75 and more."


class ImpactTermName(Described):
    """One term of what a price beside the policy costs."""

    OBSERVED_LEAKAGE = (
        "OBSERVED_LEAKAGE",
        "Happened, provable: units sold times how far each price was past the policy.",
    )
    RUN_RATE_EXPOSURE = "RUN_RATE_EXPOSURE", "If nothing changes: units a day times the gap over the horizon."
    CASCADE_EXPOSURE = (
        "CASCADE_EXPOSURE",
        "If compliant peers follow: their units a day, the gap, the horizon, a share.",
    )
    DEAD_STOCK = "DEAD_STOCK", "What stock costs that does not move."
    UNDERCUT = "UNDERCUT", "What a cheaper competitor may take."
    RECOVERED = "RECOVERED", "What a cure brought back."


class EvidenceSource(Described):
    """Where a sale row comes from."""

    LISTING = "LISTING", "A listing of our own."
    UPLOAD = "UPLOAD", "An uploaded file."
    FEED = "FEED", "A feed."


class SnapshotOutcome(Described):
    """What a look at a page gave."""

    FOUND = "FOUND", "A price."
    INSUFFICIENT = "INSUFFICIENT", "Not enough to tell."
    ACCESS_LIMITED = "ACCESS_LIMITED", "The page would not be read."
    PARSE_FAILED = "PARSE_FAILED", "The page could not be understood."


class TaskKind(Described):
    """What kind of work a task is."""

    FOLLOW_UP = "FOLLOW_UP", "Call or write somebody."
    REVIEW = "REVIEW", "Look at something and decide."
    ENFORCE = "ENFORCE", "Act on a breach."
    VERIFY = "VERIFY", "Check a dealer's papers."


class TaskStatus(Described):
    """Where a task stands."""

    TODO = "TODO", "Not begun."
    IN_PROGRESS = "IN_PROGRESS", "Being done."
    BLOCKED = "BLOCKED", "Waits for something, with a reason."
    DONE = "DONE", "Done, with an outcome."
    CANCELLED = "CANCELLED", "Not needed, with a reason."


class TaskOutcome(Described):
    """What came of a task."""

    PRICE_FIXED = "PRICE_FIXED", "The price was put right."
    PROMISED = "PROMISED", "A promise was given."
    REFUSED = "REFUSED", "The other side will not."
    NO_CONTACT = "NO_CONTACT", "Nobody could be reached."
    WRONG_DATA = "WRONG_DATA", "The data were wrong."
