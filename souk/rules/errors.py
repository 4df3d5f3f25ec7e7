"""Why a write is refused: what the user can act on, as exceptions that carry their facts.

A rule raises one of these; `schema/` shows it as a member of `userErrors`. Nothing here knows how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, TypeVar

T = TypeVar("T")


class UserErrorCode(StrEnum):
    """What went wrong, in words that a program can act on; `DESCRIPTIONS` says each in a sentence."""

    REQUIRED = "REQUIRED"
    INVALID = "INVALID"
    TOO_LONG = "TOO_LONG"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    NOT_UNIQUE = "NOT_UNIQUE"
    NOT_FOUND = "NOT_FOUND"
    FORBIDDEN = "FORBIDDEN"
    INVALID_TRANSITION = "INVALID_TRANSITION"
    STALE_VERSION = "STALE_VERSION"
    COOLDOWN = "COOLDOWN"
    CAPTCHA_REQUIRED = "CAPTCHA_REQUIRED"
    STEP_UP_REQUIRED = "STEP_UP_REQUIRED"
    ENTITLEMENT_EXCEEDED = "ENTITLEMENT_EXCEEDED"
    INSUFFICIENT_CREDITS = "INSUFFICIENT_CREDITS"
    INSUFFICIENT_FUNDS = "INSUFFICIENT_FUNDS"
    NOT_YOUR_TURN = "NOT_YOUR_TURN"
    LISTING_UNAVAILABLE = "LISTING_UNAVAILABLE"
    OFFER_EXPIRED = "OFFER_EXPIRED"
    PREVIEW_DRIFT = "PREVIEW_DRIFT"
    PREVIEW_EXPIRED = "PREVIEW_EXPIRED"
    APPROVER_IS_CREATOR = "APPROVER_IS_CREATOR"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_FLIGHT = "IDEMPOTENCY_IN_FLIGHT"
    DUPLICATE = "DUPLICATE"
    UNSUPPORTED_MEDIA = "UNSUPPORTED_MEDIA"
    SCAN_PENDING = "SCAN_PENDING"


Code = UserErrorCode

DESCRIPTIONS: Mapping[UserErrorCode, str] = {
    Code.REQUIRED: "A value is needed here, in this state of things.",
    Code.INVALID: "The value cannot be understood or does not fit the others.",
    Code.TOO_LONG: "The text is longer than allowed; the message says by how much.",
    Code.OUT_OF_RANGE: "The number, amount or instant lies outside its bounds.",
    Code.NOT_UNIQUE: "Another row holds this value already.",
    Code.NOT_FOUND: "There is no such thing that you may see.",
    Code.FORBIDDEN: "You may see it, but this act on it is not allowed.",
    Code.INVALID_TRANSITION: "The state it is in does not lead there; `allowed` lists where it does.",
    Code.STALE_VERSION: "It changed since you read it; read it again and decide anew.",
    Code.COOLDOWN: "Too soon after the last time; the message says when.",
    Code.CAPTCHA_REQUIRED: "Prove first that a person is asking.",
    Code.STEP_UP_REQUIRED: "Prove again that it is you; the last proof is too old for this.",
    Code.ENTITLEMENT_EXCEEDED: "The plan's limit for this period is used up.",
    Code.INSUFFICIENT_CREDITS: "Not enough credits are available.",
    Code.INSUFFICIENT_FUNDS: "Not enough money is available.",
    Code.NOT_YOUR_TURN: "The other party is to answer.",
    Code.LISTING_UNAVAILABLE: "The listing does not take this now.",
    Code.OFFER_EXPIRED: "The offer ran out before the answer came.",
    Code.PREVIEW_DRIFT: "What was previewed has changed since; `items` lists what.",
    Code.PREVIEW_EXPIRED: "The preview is too old; make another.",
    Code.APPROVER_IS_CREATOR: "Another person has to decide this.",
    Code.LIMIT_EXCEEDED: "More than one request, selection or person may have.",
    Code.IDEMPOTENCY_KEY_REUSED: "The key belongs to another operation or other arguments.",
    Code.IDEMPOTENCY_IN_FLIGHT: "The same request is being worked on; try again shortly.",
    Code.DUPLICATE: "The same thing is there already.",
    Code.UNSUPPORTED_MEDIA: "Files of this type are not taken.",
    Code.SCAN_PENDING: "The file has not been checked yet.",
}

STORED: frozenset[UserErrorCode] = frozenset(
    {Code.INVALID_TRANSITION, Code.NOT_YOUR_TURN, Code.OFFER_EXPIRED, Code.NOT_UNIQUE}
)
"""The refusals that an idempotency record keeps. All others can be cured by the caller, so the same key may try again."""


class Refused(Exception):
    """A write that changes nothing: `code`, a `message` for people, the input `field` (path of names), typed facts."""

    code: ClassVar[UserErrorCode]
    default: ClassVar[str] = ""
    facts_named: ClassVar[tuple[str, ...]] = ()

    def __init__(self, message: str = "", *, field: str | Sequence[str] | None = None) -> None:
        self.message = message or self.default or DESCRIPTIONS[self.code]
        self.field: tuple[str, ...] | None = (field,) if isinstance(field, str) else tuple(field) if field else None
        super().__init__(self.message)

    @property
    def stored(self) -> bool:
        """Whether a repetition under the same idempotency key replays this refusal."""
        return self.code in STORED

    def facts(self) -> dict[str, object]:
        """The typed facts by name, with instants as RFC 3339 text: what an idempotency record keeps."""
        return {name: _plain(getattr(self, name)) for name in self.facts_named}

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = Exception.__hash__


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


class Required(Refused):
    code = Code.REQUIRED
    default = "This is required."


class Invalid(Refused):
    code = Code.INVALID
    default = "This value is not valid."


class TooLong(Refused):
    """The text has more than `limit` characters."""

    code = Code.TOO_LONG
    facts_named = ("limit",)

    def __init__(self, limit: int, message: str = "", *, field: str | Sequence[str] | None = None) -> None:
        self.limit = limit
        super().__init__(message or f"At most {limit} characters are allowed.", field=field)


class OutOfRange(Refused):
    code = Code.OUT_OF_RANGE
    default = "This lies outside the allowed range."


class NotUnique(Refused):
    code = Code.NOT_UNIQUE
    default = "Another one with this value exists already."


class Duplicate(Refused):
    code = Code.DUPLICATE
    default = "The same one exists already."


class NotFound(Refused):
    """Absent, another tenant's or not among the actor's rows: the three are never told apart, so no id is named."""

    code = Code.NOT_FOUND
    default = "There is no such thing."


class Forbidden(Refused):
    code = Code.FORBIDDEN
    default = "This is not allowed."


class InvalidTransition(Refused):
    """The machine has no way from `from_` to `to` for this trigger; `allowed` lists where a person may go from here."""

    code = Code.INVALID_TRANSITION
    facts_named = ("from_", "to", "allowed")

    def __init__(self, from_: str, to: str, allowed: Sequence[str] = (), message: str = "") -> None:
        self.from_ = from_
        self.to = to
        self.allowed = tuple(allowed)
        super().__init__(message or f"{from_} does not lead to {to}.")


class StaleVersion(Refused):
    """`expectedVersion` is not the row's version any more."""

    code = Code.STALE_VERSION
    facts_named = ("current_version",)

    def __init__(self, current_version: int, message: str = "") -> None:
        self.current_version = current_version
        super().__init__(message or "It was changed since you read it.", field="expectedVersion")


class Cooldown(Refused):
    """Again from `retry_at` on, where that is known."""

    code = Code.COOLDOWN
    facts_named = ("retry_at",)

    def __init__(self, retry_at: datetime | None = None, message: str = "") -> None:
        self.retry_at = retry_at
        super().__init__(message or (f"Not before {self.retry_at:%Y-%m-%dT%H:%M:%SZ}." if self.retry_at else ""))


class CaptchaRequired(Refused):
    code = Code.CAPTCHA_REQUIRED


class StepUpRequired(Refused):
    code = Code.STEP_UP_REQUIRED


class EntitlementExceeded(Refused):
    """The plan allows `limit` of `metric` and `used` are used, until `resets_at`."""

    code = Code.ENTITLEMENT_EXCEEDED
    facts_named = ("metric", "limit", "used", "resets_at")

    def __init__(self, metric: str, limit: int, used: int, resets_at: datetime | None, message: str = "") -> None:
        self.metric = metric
        self.limit = limit
        self.used = used
        self.resets_at = resets_at
        super().__init__(message)


class InsufficientCredits(Refused):
    """`needed` credits, of which `available` are there."""

    code = Code.INSUFFICIENT_CREDITS
    facts_named = ("needed", "available")

    def __init__(self, needed: int, available: int, message: str = "") -> None:
        self.needed = needed
        self.available = available
        super().__init__(message)


class InsufficientFunds(Refused):
    code = Code.INSUFFICIENT_FUNDS


class NotYourTurn(Refused):
    code = Code.NOT_YOUR_TURN


class ListingUnavailable(Refused):
    code = Code.LISTING_UNAVAILABLE


class OfferExpired(Refused):
    code = Code.OFFER_EXPIRED
    facts_named = ("expired_at",)

    def __init__(self, expired_at: datetime | str, message: str = "") -> None:
        self.expired_at = datetime.fromisoformat(expired_at) if isinstance(expired_at, str) else expired_at
        super().__init__(message)


class PreviewDrift(Refused):
    """`items`: one mapping `{id, field, was, now}` per item that is not as it was previewed."""

    code = Code.PREVIEW_DRIFT
    facts_named = ("items",)

    def __init__(self, items: Sequence[Mapping[str, object]], message: str = "") -> None:
        self.items = tuple(items)
        super().__init__(message)


class PreviewExpired(Refused):
    code = Code.PREVIEW_EXPIRED


class ApproverIsCreator(Refused):
    code = Code.APPROVER_IS_CREATOR


class LimitExceeded(Refused):
    """At most `limit`, where there is one number to name."""

    code = Code.LIMIT_EXCEEDED
    facts_named = ("limit",)

    def __init__(
        self, limit: int | None = None, message: str = "", *, field: str | Sequence[str] | None = None
    ) -> None:
        self.limit = limit
        super().__init__(message or (f"At most {limit} are allowed." if limit is not None else ""), field=field)


class IdempotencyKeyReused(Refused):
    code = Code.IDEMPOTENCY_KEY_REUSED

    def __init__(self, message: str = "") -> None:
        super().__init__(message, field="idempotencyKey")


class IdempotencyInFlight(Refused):
    code = Code.IDEMPOTENCY_IN_FLIGHT

    def __init__(self, message: str = "") -> None:
        super().__init__(message, field="idempotencyKey")


class UnsupportedMedia(Refused):
    code = Code.UNSUPPORTED_MEDIA


class ScanPending(Refused):
    code = Code.SCAN_PENDING


class InvalidInput(Exception):
    """All that is wrong with one input, reported together: `problems`, never empty."""

    def __init__(self, problems: Sequence[Refused]) -> None:
        self.problems = list(problems)
        super().__init__("; ".join(problem.message for problem in self.problems))


class Problems:
    """Collects what is wrong with an input, so that the user hears of everything at once.

    problems = Problems()
    title = problems.take(lambda: text.line(input.title, 200), "title")
    problems.add(Required(field="sku")) if sku is None else None
    problems.check()                      # raises InvalidInput when there is any
    """

    def __init__(self) -> None:
        self.all: list[Refused] = []

    def __bool__(self) -> bool:
        return bool(self.all)

    def add(self, problem: Refused, *field: str) -> None:
        """Note one problem; `field` replaces the path it names."""
        if field:
            problem.field = field
        self.all.append(problem)

    def take(self, parse: Callable[[], T], *field: str) -> T | None:
        """What `parse` returns, or None after noting why it refused."""
        try:
            return parse()
        except Refused as problem:
            self.add(problem, *field)
        except InvalidInput as several:
            for each in several.problems:
                self.add(each, *field, *(each.field or ()))
        return None

    def check(self) -> None:
        if self.all:
            raise InvalidInput(self.all)


def revive(code: str, message: str, field: Sequence[str] | None, facts: Mapping[str, object]) -> Refused:
    """The refusal that an idempotency record kept, as it was raised. Only `STORED` codes are ever kept."""
    kept: dict[str, Callable[[], Refused]] = {
        Code.INVALID_TRANSITION: lambda: InvalidTransition(
            str(facts["from_"]), str(facts["to"]), [str(a) for a in _listed(facts["allowed"])], message
        ),
        Code.OFFER_EXPIRED: lambda: OfferExpired(str(facts["expired_at"]), message),
        Code.NOT_YOUR_TURN: lambda: NotYourTurn(message),
        Code.NOT_UNIQUE: lambda: NotUnique(message, field=field),
    }
    if code not in kept:
        raise ValueError(f"{code} is not a refusal that is stored")
    return kept[code]()


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
