"""What a client can act on: members of `userErrors`. The one place where an exception becomes a type."""

from typing import Any

import strawberry
from strawberry.utils.str_converters import to_camel_case

from ..engine.scalars import DateTime
from ..resolvers.enums import UserErrorCode
from ..rules import errors


@strawberry.interface(description="Why a mutation changed nothing, and what to do about it.")
class UserError:
    code: UserErrorCode = strawberry.field(description="For programs.")
    message: str = strawberry.field(description="For people.")
    field: list[str] | None = strawberry.field(
        description="The path of the input's field it is about; null for the whole."
    )


@strawberry.type(description="A refusal whose code says all there is to say.")
class GeneralError(UserError):
    pass


@strawberry.type(description="The state it is in does not lead there.")
class InvalidTransition(UserError):
    from_: str = strawberry.field(name="from", description="The state it is in.")
    to: str = strawberry.field(description="The state asked for.")
    allowed: list[str] = strawberry.field(description="Where a person may lead it from here.")


@strawberry.type(description="It changed since it was read.")
class StaleVersion(UserError):
    current_version: int = strawberry.field(description="The version it has now.")


@strawberry.type(description="The text is too long.")
class TooLong(UserError):
    limit: int = strawberry.field(description="How many characters are allowed.")


@strawberry.type(description="The offer ran out before the answer came.")
class OfferExpired(UserError):
    expired_at: DateTime = strawberry.field(description="When it ran out, in UTC.")


@strawberry.type(description="Too soon after the last time.")
class Cooldown(UserError):
    retry_at: DateTime | None = strawberry.field(description="When to try again, in UTC.")


@strawberry.type(description="More than one request, selection or person may have.")
class LimitExceeded(UserError):
    limit: int | None = strawberry.field(description="How many are allowed.")


@strawberry.type(description="One thing that changed since the preview.")
class DriftedItem:
    id: strawberry.ID = strawberry.field(description="The thing.")
    field: str = strawberry.field(description="What changed of it.")
    was: str | None = strawberry.field(description="What the preview saw.")
    now: str | None = strawberry.field(description="What it is now.")


DRIFT_SHOWN = 100


@strawberry.type(description="What was previewed has changed since; nothing was started.")
class PreviewDrift(UserError):
    items: list[DriftedItem] = strawberry.field(description=f"What changed, at most {DRIFT_SHOWN}.")


SHOWN: dict[type[errors.Refused], type[UserError]] = {
    errors.InvalidTransition: InvalidTransition,
    errors.StaleVersion: StaleVersion,
    errors.TooLong: TooLong,
    errors.OfferExpired: OfferExpired,
    errors.Cooldown: Cooldown,
    errors.LimitExceeded: LimitExceeded,
    errors.PreviewDrift: PreviewDrift,
}
TYPES: list[type] = [GeneralError, *SHOWN.values()]


def shown(refused: errors.Refused) -> UserError:
    """The member of `userErrors` for a refusal, with its typed facts."""
    facts: dict[str, Any] = {name: getattr(refused, name) for name in refused.facts_named}
    if "items" in facts:
        facts["items"] = [DriftedItem(**dict(item)) for item in facts["items"][:DRIFT_SHOWN]]
    type_ = SHOWN.get(type(refused), GeneralError)
    if type_ is GeneralError:
        facts = {}
    path = [to_camel_case(step) for step in refused.field] if refused.field else None
    return type_(code=refused.code, message=refused.message, field=path, **facts)
