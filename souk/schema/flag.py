"""Feature flags as those see them who set them."""

import strawberry

from .. import models
from ..engine.declare import Connection, Node, many, payload_node, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.settings import WritesFlags
from ..resolvers import flag as resolve
from ..rules.actor import Role
from .mutation import Payload, write


@view(models.FeatureFlag, node=resolve.flag, gate=WritesFlags())
class FeatureFlag(Node):
    """A switch of the tenant: for some roles, for a share of people, or for all."""

    key: str
    about: str
    enabled: bool
    roles: list[Role]
    percentage: int
    created_at: DateTime
    updated_at: DateTime
    version: int


@strawberry.type(description="The flag as it is set now.")
class FlagSetPayload(Payload):
    flag: FeatureFlag | None = payload_node("flag", description="The flag; null when nothing was changed.")


@strawberry.type
class FlagQueries:
    flags: Connection[FeatureFlag] | None = many(resolve.flags, gate=WritesFlags())


@strawberry.type
class FlagMutations:
    flag_set: FlagSetPayload | None = write(resolve.flag_set, gate=may("flag:write"))
