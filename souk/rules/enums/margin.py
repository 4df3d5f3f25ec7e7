"""The words of policies, alerts and tasks."""

from .described import Described


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


class LadderStep(Described):
    """The next step against a dealer who goes on breaching; the same for the same facts."""

    WARN_1 = "WARN_1", "The first notice, with a time to cure."
    WARN_2 = "WARN_2", "The second notice, with a new time to cure."
    RESTRICT = "RESTRICT", "Some privileges are suspended."
    SUSPEND = "SUSPEND", "Its listings are taken off and its payouts held."
    TERMINATE = "TERMINATE", "Its end for good, which only an OWNER decides."


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


class DepthBand(Described):
    """How deep a price is past its limit, in parts of the limit."""

    SHALLOW = "SHALLOW", "Less than 5 %."
    MODERATE = "MODERATE", "From 5 % and less than 15 %."
    DEEP = "DEEP", "From 15 % and less than 30 %."
    EXTREME = "EXTREME", "From 30 %, where the severity counts no further."


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
