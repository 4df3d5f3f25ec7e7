"""People as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Node, column, many, one, payload_node, to_list, to_one, view
from ..engine.scalars import DateTime, EmailAddress, PhoneNumber
from ..permissions.base import may
from ..permissions.user import (
    AcceptsInvitation,
    InvitesUser,
    NamesUser,
    OpensUser,
    SeesMembership,
    SeesTeam,
    SeesUser,
    SetsUserStatus,
)
from ..resolvers import user as resolve
from ..rules.actor import Role
from ..rules.enums import UserStatus
from .mutation import KeyedPayload, Payload, write
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .dealer import Dealer


@view(models.Team, node=resolve.team, gate=SeesTeam())
class Team(Node):
    """People of the service desk who work on the same tickets."""

    name: str
    created_at: DateTime
    updated_at: DateTime
    version: int


@view(models.User, node=resolve.user, gate=SeesUser())
class User(Node):
    """A person in this tenant. Name and contact are guarded; the name of staff is shown to those who deal with them."""

    name: str | None = column("name", NamesUser())
    email: EmailAddress | None = column("email", OpensUser())
    phone: PhoneNumber | None = column("phone", OpensUser())
    locale: str | None
    status: UserStatus
    staff: bool
    created_at: DateTime
    updated_at: DateTime
    version: int
    memberships: list["Membership"] = to_list(resolve.memberships_of_user)
    available_transitions: list[Transition] = transitions(
        "User",
        {"SELF": AcceptsInvitation(), "user:invite": InvitesUser(), "user:setStatus": SetsUserStatus()},
    )


@view(models.Membership, node=resolve.membership, gate=SeesMembership())
class Membership(Node):
    """A role of a person, for a DEALER in one organisation."""

    role: Role
    all_teams: bool
    created_at: DateTime
    user: User | None = to_one(resolve.user_of_membership)
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_membership)
    teams: list[Team] = to_list(resolve.teams_of_membership)


@strawberry.type(description="Who was invited.")
class UserInvitePayload(KeyedPayload):
    user: User | None = payload_node("user", description="The person; null when nothing was changed.")


@strawberry.type(description="The person with the new status.")
class UserSetStatusPayload(Payload):
    user: User | None = payload_node("user", description="The person; null when nothing was changed.")


@strawberry.type(description="The person with the new roles.")
class UserSetRolePayload(Payload):
    user: User | None = payload_node("user", description="The person; null when nothing was changed.")


@strawberry.type(description="Who was invited and is not any more.")
class UserWithdrawInvitePayload(Payload):
    user: User | None = payload_node("user", description="The person; null when nothing was changed.")


@strawberry.type
class UserQueries:
    user: User | None = one(resolve.user, gate=SeesUser())
    users: Connection[User] | None = many(resolve.users, gate=SeesUser())


@strawberry.type
class UserMutations:
    user_invite: UserInvitePayload | None = write(resolve.user_invite, gate=may("user:invite"), in_person=True)
    user_set_status: UserSetStatusPayload | None = write(
        resolve.user_set_status, gate=may("user:setStatus"), in_person=True
    )
    user_set_role: UserSetRolePayload | None = write(resolve.user_set_role, gate=may("user:setRole"), step_up=True)
    user_withdraw_invite: UserWithdrawInvitePayload | None = write(
        resolve.user_withdraw_invite, gate=may("user:invite")
    )
