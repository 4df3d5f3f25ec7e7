"""The words of tickets."""

from .described import Described


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


class AppealDecision(Described):
    """How an appeal is decided."""

    GRANT = "GRANT", "The dealer is right: what rests on the alert is taken back."
    REFUSE = "REFUSE", "It stays as it is."


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
