"""The words of `rules.enums` as GraphQL enums, each value with its description."""

from typing import TypeVar

import strawberry

from ..rules import enums
from ..rules.actor import Role
from ..rules.enums import Described
from ..rules.errors import DESCRIPTIONS
from ..rules.errors import UserErrorCode as UserErrorCode

E = TypeVar("E", bound=Described)


def known(cls: type[E]) -> type[E]:
    """Make the class a GraphQL enum of its name, each value with its description. A decorator."""
    strawberry.enum(cls, description=cls.__doc__)
    for value in cls.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = cls[value.name].doc
    return cls


ROLES = {
    Role.OWNER: "The accountable person of the tenant.",
    Role.ADMIN: "Runs the marketplace and the desk.",
    Role.OPS: "Enforcement, dealer standing, moderation, tasks.",
    Role.SALES: "Tasks, notes, lead follow-up.",
    Role.AGENT: "The service desk.",
    Role.VIEWER: "Reads, without personal data.",
    Role.DEALER: "A member of an organisation that lists.",
    Role.CUSTOMER: "A person who asks, offers or buys.",
    Role.SERVICE: "An integration, within its scopes.",
    Role.PUBLIC: "Nobody signed in.",
}

for _name, _cls in vars(enums).items():
    if isinstance(_cls, type) and issubclass(_cls, Described) and _cls is not Described:
        known(_cls)

strawberry.enum(Role, description="The ten columns of the permission matrix.")
for _value in Role.__strawberry_definition__.values:  # type: ignore[attr-defined]
    _value.description = ROLES[Role[_value.name]]
strawberry.enum(UserErrorCode, description="What went wrong, in words that a program can act on.")
for _value in UserErrorCode.__strawberry_definition__.values:  # type: ignore[attr-defined]
    _value.description = DESCRIPTIONS[UserErrorCode[_value.name]]
