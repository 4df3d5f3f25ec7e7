"""The words of offers, deals and leads."""

from .described import Described


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
