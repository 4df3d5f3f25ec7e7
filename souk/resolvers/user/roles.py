"""The roles that people are given: which somebody may give, and how one is given, changed or taken away."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from ...db.session import Transaction
from ...models import Dealer, Membership, MembershipTeam, Team, User, new_id
from ...permissions.dealer import SeesDealer
from ...permissions.team import SeesTeam
from ...permissions.user import MakesOwners, SeesMembership, SeesUser, SetsRole
from ...rules import user as rules
from ...rules.actor import STAFF, Role
from ...rules.enums import UserStatus
from ...rules.errors import Forbidden, Invalid, LimitExceeded, NotUnique, Required
from ..session import revoke_sessions
from ..writing import demand, found, locked, means, permit
from .owners import is_last, owners

TEAMS = 50

means(
    "uq_membership_tenant_id_user_id_role_dealer_id",
    lambda: NotUnique("The person has this role already.", field="role"),
)


async def place_for(
    tx: Transaction,
    role: Role,
    dealer_id: strawberry.ID | None,
    team_ids: Sequence[strawberry.ID] | None,
    all_teams: bool,
) -> rules.Place:
    """The role as asked for, if the actor may give it. Raises Forbidden, NotFound, InvalidInput."""
    own = tx.actor.dealer_id
    if role is Role.OWNER:
        await permit(tx, MakesOwners(), None)
        demand(tx)
    if tx.actor.role is Role.DEALER and role is not Role.DEALER:
        raise Forbidden("A dealer appoints members of its own organisation only.")
    dealer = None
    if dealer_id is not None:
        dealer = (await found(tx, Dealer, dealer_id, SeesDealer(), field="dealerId")).id
    elif role is Role.DEALER:
        dealer = own
    if tx.actor.role is Role.DEALER and dealer != own:
        raise Forbidden("A dealer appoints members of its own organisation only.")
    if len(team_ids or ()) > TEAMS:
        raise LimitExceeded(TEAMS, field="teamIds")
    teams = [await found(tx, Team, each, SeesTeam(), field="teamIds") for each in team_ids or ()]
    if any(team.archived_at is not None for team in teams):
        raise Invalid("Nobody joins an archived team.", field="teamIds")
    return rules.place(rules.Place(role, dealer, tuple(dict.fromkeys(team.id for team in teams)), all_teams))


async def appoint(tx: Transaction, person: User, place: rules.Place) -> Membership:
    """Give the role. A role that was taken away comes back to the same row."""
    asked = select(Membership).where(
        Membership.user_id == person.id,
        Membership.role == place.role,
        Membership.dealer_id.is_not_distinct_from(place.dealer_id),
        Membership.ended_at.is_not(None),
    )
    member = (await tx.session.execute(asked.with_for_update())).scalar_one_or_none()
    if member is None:
        member = tx.add(Membership(id=new_id(), user_id=person.id, role=place.role, dealer_id=place.dealer_id))
    member.ended_at, member.all_teams = None, place.all_teams
    await tx.session.flush()
    await in_teams(tx, member, place.team_ids)
    return member


async def in_teams(tx: Transaction, member: Membership, team_ids: Sequence[UUID]) -> None:
    links = (
        (await tx.session.execute(select(MembershipTeam).where(MembershipTeam.membership_id == member.id)))
        .scalars()
        .all()
    )
    for link in links:
        if link.team_id not in team_ids:
            await tx.session.delete(link)
    there = {link.team_id for link in links}
    for team_id in team_ids:
        if team_id not in there:
            tx.add(MembershipTeam(id=new_id(), membership_id=member.id, team_id=team_id))
    await tx.session.flush()


@strawberry.input(description="A role given to a person, changed or taken away.")
class UserSetRoleInput:
    id: strawberry.ID = strawberry.field(description="The person.")
    membership_id: strawberry.ID | None = strawberry.field(
        default=None, description="The role to change or to end; without it a role is added."
    )
    role: Role | None = strawberry.field(
        default=None, description="The role the person gets; null ends `membershipId`."
    )
    dealer_id: strawberry.ID | None = strawberry.field(
        default=None, description="The organisation of a DEALER; by default the own one of a DEALER who appoints."
    )
    team_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="The teams of staff, at most 50.")
    all_teams: bool = strawberry.field(default=False, description="For an AGENT: works on the tickets of every team.")
    expected_version: int = strawberry.field(description="The person's version that was read.")


async def user_set_role(tx: Transaction, input: UserSetRoleInput) -> User:
    """Give a person a role, change one, or end one. Sign-ins that act in a changed or ended role end at once."""
    acting = await owners(tx)
    person = await locked(tx, User, input.id, SeesUser(), version=input.expected_version)
    await permit(tx, SetsRole(), person)
    if person.status in (UserStatus.CANCELLED, UserStatus.ERASED):
        raise Invalid("This person is not here any more.", field="id")
    before = await _held(tx, person, input.membership_id) if input.membership_id is not None else None
    if before is None and input.role is None:
        raise Required("Say which role, or which `membershipId` ends.", field="role")
    place = None
    if input.role is not None:
        place = await place_for(tx, input.role, input.dealer_id, input.team_ids, input.all_teams)
    if before is not None and before.role == Role.OWNER and (place is None or place.role is not Role.OWNER):
        await permit(tx, MakesOwners(), None)
        rules.keep_an_owner(is_last(acting, person))
    said: dict[str, Any] = {"from": before.role if before else None, "to": place.role.value if place else None}
    tx.emit("user.role_changed", person, data=said)
    same = before is not None and place is not None and (before.role, before.dealer_id) == (place.role, place.dealer_id)
    if before is not None and not same:
        before.ended_at = tx.now
        await revoke_sessions(tx, person.id, membership_id=before.id)
        await tx.session.flush()
    if same and before is not None and place is not None:
        before.all_teams = place.all_teams
        await in_teams(tx, before, place.team_ids)
    elif place is not None:
        await appoint(tx, person, place)
    person.staff = await _is_staff(tx, person)
    flag_modified(person, "staff")  # a change of role is the person's: the version guards the next one
    return person


async def _held(tx: Transaction, person: User, id: strawberry.ID) -> Membership:
    """The role that is changed: the person's, not ended, for a DEALER one of its organisation."""
    member = await locked(tx, Membership, id, SeesMembership(), field="membershipId")
    if member.user_id != person.id or member.ended_at is not None:
        raise Invalid("This is not a role that the person has.", field="membershipId")
    if tx.actor.role is Role.DEALER and member.dealer_id != tx.actor.dealer_id:
        raise Forbidden("A dealer appoints members of its own organisation only.")
    return member


async def _is_staff(tx: Transaction, person: User) -> bool:
    await tx.session.flush()
    held = select(Membership.role).where(Membership.user_id == person.id, Membership.ended_at.is_(None))
    return any(role in STAFF for role in (await tx.session.execute(held)).scalars())
