"""Teams of the desk as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Node, many, one, payload_node, to_many, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.team import SeesTeam
from ..permissions.user import SeesMembership
from ..resolvers import team as resolve
from .mutation import KeyedPayload, Payload, write

if TYPE_CHECKING:
    from .user import Membership


@view(models.Team, node=resolve.team, gate=SeesTeam())
class Team(Node):
    """People of the service desk who work on the same tickets."""

    name: str
    archived_at: DateTime | None
    created_at: DateTime
    updated_at: DateTime
    version: int
    members: Connection[Annotated["Membership", strawberry.lazy(".user")]] | None = to_many(
        resolve.members_of_team, gate=SeesMembership()
    )


DONE = "The team; null when nothing was changed."


@strawberry.type(description="The new team.")
class TeamCreatePayload(KeyedPayload):
    team: Team | None = payload_node("team", description=DONE)


@strawberry.type(description="The team as it is now.")
class TeamUpdatePayload(Payload):
    team: Team | None = payload_node("team", description=DONE)


@strawberry.type(description="The team with its members.")
class TeamSetMembersPayload(Payload):
    team: Team | None = payload_node("team", description=DONE)


@strawberry.type
class TeamQueries:
    team: Team | None = one(resolve.team, gate=SeesTeam())
    teams: Connection[Team] | None = many(resolve.teams, gate=SeesTeam())


@strawberry.type
class TeamMutations:
    team_create: TeamCreatePayload | None = write(resolve.team_create, gate=may("team:write"))
    team_update: TeamUpdatePayload | None = write(resolve.team_update, gate=may("team:write"))
    team_set_members: TeamSetMembersPayload | None = write(resolve.team_set_members, gate=may("team:write"))
