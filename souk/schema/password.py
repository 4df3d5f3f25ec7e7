"""Passwords as clients see them."""

import strawberry

from ..engine.declare import own, payload_node
from ..permissions.base import may
from ..resolvers import password as resolve
from ..resolvers.hashing import slot
from .mutation import Payload, write
from .session import OpenedSession
from .user import User


@strawberry.type(description="The password was chosen.")
class PasswordSetPayload(Payload):
    user: User | None = payload_node("user", description="Oneself; null when nothing was changed.")


@strawberry.type(description="Signed in.")
class PasswordSignInPayload(Payload):
    session: OpenedSession | None = strawberry.field(description="The session; null when nobody was signed in.")


@strawberry.type
class PasswordMutations:
    password_set: PasswordSetPayload | None = write(resolve.password_set, gate=own, step_up=True, within=slot)
    password_sign_in: PasswordSignInPayload | None = write(
        resolve.password_sign_in, gate=may("session:create"), within=slot
    )
