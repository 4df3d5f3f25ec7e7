"""Support that acts for somebody, as clients see it."""

import strawberry

from ..engine.declare import payload_node
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..resolvers import impersonation as resolve
from .mutation import Payload, write
from .user import User


@strawberry.type(description="A session that acts for somebody.")
class UserImpersonatePayload(Payload):
    user: User | None = payload_node("user", description="The person; null when nothing was opened.")
    token: str | None = strawberry.field(
        description="The bearer token of the session, shown this once; null when nothing was opened."
    )
    expires_at: DateTime | None = strawberry.field(
        description="When it ends by itself, in UTC; null when nothing was opened."
    )


@strawberry.type
class ImpersonationMutations:
    user_impersonate: UserImpersonatePayload | None = write(
        resolve.user_impersonate, gate=may("user:impersonate"), step_up=True
    )
