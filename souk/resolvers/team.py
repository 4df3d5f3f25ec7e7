"""Teams of the desk: who works on the same tickets."""

from collections.abc import Iterator, Sequence

import strawberry
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm.attributes import flag_modified

from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..models import Membership, MembershipTeam, Team, User, new_id
from ..permissions.team import SeesTeam, WritesTeam
from ..permissions.user import SeesMembership
from ..rules import text
from ..rules.actor import STAFF
from ..rules.errors import Invalid, LimitExceeded, NotUnique, Problems, Required
from .filters import conditions, refers_to
from .writing import found, locked, means, permit

MEMBERS = 50
LONGEST = 100
KEY = "16 to 255 characters; the same key does it once."

means("uq_team_tenant_id_name", lambda: NotUnique("There is a team of this name.", field="name"))


@strawberry.input(description="Conditions on teams; all must hold.")
class TeamFilter:
    archived: strawberry.Maybe[bool] = strawberry.field(
        description="Archived ones, or those that work; both where it is left out.", default=None
    )
    user_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="With this person, among the members that the viewer may see.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.archived:
            yield Team.archived_at.is_not(None) if self.archived.value else Team.archived_at.is_(None)
        if self.user_id:
            link = (MembershipTeam.tenant_id == Team.tenant_id) & (MembershipTeam.team_id == Team.id)
            member = (Membership.tenant_id == Team.tenant_id) & (Membership.id == MembershipTeam.membership_id)
            held = [Membership.ended_at.is_(None), refers_to(Membership.user_id, self.user_id.value, User)]
            yield exists().where(link, member, *held, SeesMembership().rows(viewer))


def teams(viewer: Viewer, filter: TeamFilter | None = None) -> Select[Team]:
    """The teams of the desk, the newest first."""
    asked = select(Team).where(SeesTeam().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(Team.created_at.desc())


def team(viewer: Viewer, id: strawberry.ID) -> Select[Team]:
    """One team by its id."""
    return select(Team).where(Team.id == key(id, Team), SeesTeam().rows(viewer))


def members_of_team(viewer: Viewer, team: Team) -> Select[Membership]:
    """The roles that work in it and that the viewer may see, the oldest first; ended ones are left out."""
    works = exists().where(
        MembershipTeam.tenant_id == Membership.tenant_id,
        MembershipTeam.membership_id == Membership.id,
        MembershipTeam.team_id == team.id,
    )
    asked = select(Membership).where(works, Membership.ended_at.is_(None), SeesMembership().rows(viewer))
    return asked.order_by(Membership.created_at.asc())


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A new team.")
class TeamCreateInput:
    name: str = strawberry.field(description="Its name, at most 100 characters, unique in the tenant.")
    membership_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Roles of staff who work in it from the beginning, at most 50."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(default=None, description=KEY)


async def team_create(tx: Transaction, input: TeamCreateInput) -> Team:
    """Make a team, with its first members."""
    name = text.line(input.name, LONGEST, field="name")
    members = await _members(tx, input.membership_ids, "membershipIds")
    made: Team = tx.add(Team(id=new_id(), name=name))
    await tx.session.flush()
    tx.emit("team.created", made)
    await _join(tx, made, members)
    return made


@strawberry.input(description="A team under another name, put away, or taken up again.")
class TeamUpdateInput:
    id: strawberry.ID = strawberry.field(description="The team.")
    expected_version: int = strawberry.field(description="The version that was read.")
    name: strawberry.Maybe[str] = strawberry.field(
        default=None, description="Its name, at most 100 characters, unique in the tenant."
    )
    archived: strawberry.Maybe[bool] = strawberry.field(
        default=None, description="True puts it away: nobody joins it any more, its members and tickets stay."
    )


async def team_update(tx: Transaction, input: TeamUpdateInput) -> Team:
    """Rename a team, put it away or take it up again."""
    row = await locked(tx, Team, input.id, SeesTeam(), version=input.expected_version)
    await permit(tx, WritesTeam(), row)
    if input.name is None and input.archived is None:
        raise Required("Say what is to change.")
    if input.name is not None:
        row.name = text.line(input.name.value, LONGEST, field="name")
    if input.archived is not None:
        row.archived_at = (row.archived_at or tx.now) if input.archived.value else None
    flag_modified(row, "name")
    tx.emit("team.updated", row, data={"archived": row.archived_at is not None})
    return row


@strawberry.input(description="Who joins a team and who leaves it.")
class TeamSetMembersInput:
    id: strawberry.ID = strawberry.field(description="The team.")
    add: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Roles of staff that join, at most 50; who is in it stays."
    )
    remove: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Roles that leave, at most 50; who is not in it stays out."
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def team_set_members(tx: Transaction, input: TeamSetMembersInput) -> Team:
    """Let people join and leave a team. What they may see changes with their next request."""
    row = await locked(tx, Team, input.id, SeesTeam(), version=input.expected_version)
    await permit(tx, WritesTeam(), row)
    if not input.add and not input.remove:
        raise Required("Say who joins or who leaves.")
    if input.add and row.archived_at is not None:
        raise Invalid("Nobody joins an archived team.", field="id")
    joining = await _members(tx, input.add, "add")
    leaving = await _members(tx, input.remove, "remove", staff=False)
    if {each.id for each in joining} & {each.id for each in leaving}:
        raise Invalid("Nobody joins and leaves at once.", field="remove")
    flag_modified(row, "name")  # the version guards the next change of its members too
    tx.emit("team.members_changed", row, data={"joined": len(joining), "left": len(leaving)})
    await _leave(tx, row, leaving)
    await _join(tx, row, joining)
    return row


async def _members(
    tx: Transaction, ids: Sequence[strawberry.ID], field: str, *, staff: bool = True
) -> list[Membership]:
    """The roles with these ids, each once. Raises NotFound, InvalidInput for whoever cannot work in a team."""
    if len(ids) > MEMBERS:
        raise LimitExceeded(MEMBERS, field=field)
    problems, members = Problems(), dict[object, Membership]()
    for at, id in enumerate(ids):
        where = (field, str(at))
        member = await found(tx, Membership, id, SeesMembership(), field=where)
        if staff and (member.ended_at is not None or member.role not in STAFF):
            problems.add(Invalid("Only staff work in teams."), *where)
        members[member.id] = member
    problems.check()
    return list(members.values())


async def _join(tx: Transaction, team: Team, members: Sequence[Membership]) -> None:
    inside = await _links(tx, team)
    for member in members:
        if member.id not in inside:
            tx.add(MembershipTeam(id=new_id(), membership_id=member.id, team_id=team.id))
            await _tell(tx, member)
    await tx.session.flush()


async def _leave(tx: Transaction, team: Team, members: Sequence[Membership]) -> None:
    inside = await _links(tx, team)
    for member in members:
        if (link := inside.get(member.id)) is not None:
            await tx.session.delete(link)
            await _tell(tx, member)
    await tx.session.flush()


async def _links(tx: Transaction, team: Team) -> dict[object, MembershipTeam]:
    links = await tx.session.execute(select(MembershipTeam).where(MembershipTeam.team_id == team.id))
    return {link.membership_id: link for link in links.scalars()}


async def _tell(tx: Transaction, member: Membership) -> None:
    """An event of the person: whoever remembers what the person may see looks again."""
    person = await tx.session.get_one(User, (tx.actor.tenant_id, member.user_id))
    tx.emit("user.teams_changed", person)
