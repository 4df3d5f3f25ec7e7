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


class SessionCarrier(Described):
    """How a session travels."""

    COOKIE = "COOKIE", "A browser's cookie."
    BEARER = "BEARER", "A bearer token."
    IMPERSONATION = "IMPERSONATION", "Support acting for somebody, marked as such."


class Carrier(Described):
    """How a client wants to carry the session it opens."""

    BEARER = "BEARER", "In the answer: an access token of 15 minutes and a refresh token, for apps."
    COOKIE = "COOKIE", "As a cookie that scripts cannot read, for browsers; over HTTP only."


class LetterChannel(Described):
    """How a message reaches a person."""

    EMAIL = "EMAIL", "By e-mail."
    SMS = "SMS", "As a text message to a telephone."


class LetterStatus(Described):
    """What became of a message."""

    WAITING = "WAITING", "Not sent yet."
    SENT = "SENT", "Handed on to the mail server or the provider."
    KEPT = "KEPT", "Shown in the local outbox: no gateway is set."
    DEAD = "DEAD", "Given up: refused for good, too often, or too late."


class ChallengePurpose(Described):
    """What a sign-in challenge is."""

    CODE = "CODE", "Six digits, for five minutes."
    INVITATION = "INVITATION", "A token that accepts an invitation, for seven days."


class SignInMethod(Described):
    """With what somebody signs in."""

    CODE = "CODE", "A code that was sent."
    INVITATION = "INVITATION", "The token of an invitation."
    PASSWORD = "PASSWORD", "A password."
    REFRESH = "REFRESH", "A refresh token."
    MFA = "MFA", "A code of an authenticator app, or a recovery code, beside what signed in."


class SignInOutcome(Described):
    """What came of an attempt to sign in."""

    SUCCEEDED = "SUCCEEDED", "Signed in."
    WRONG = "WRONG", "The code, password or token was wrong."
    REFUSED = "REFUSED", "It was right, but the person may not sign in here."
    REUSED = "REUSED", "A refresh token came a second time; the session was ended."
    UNLOCKED = "UNLOCKED", "Somebody who may cleared the delays of the sign-in key."
