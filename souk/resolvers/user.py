"""People of a tenant: their reads, invitations, status and roles."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import ColumnElement, Select, case, exists, func, null, select
from sqlalchemy.orm import aliased
from sqlalchemy.orm.attributes import flag_modified

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, key
from ..models import Dealer, Membership, MembershipTeam, Team, User, new_id
from ..permissions.dealer import SeesDealer
from ..permissions.team import SeesTeam
from ..permissions.user import (
    InvitesUser,
    MakesOwners,
    NamesUser,
    SeesMembership,
    SeesUser,
    SetsRole,
    SetsUserStatus,
)
from ..rules import text
from ..rules import user as rules
from ..rules.actor import STAFF, Role
from ..rules.clauses import implements
from ..rules.enums import Described, UserStatus
from ..rules.errors import Forbidden, Invalid, LimitExceeded, NotUnique, Problems, Required
from . import contact
from .enums import known
from .filters import conditions, refers_to
from .finding import found_by
from .service_token import revoke_service_tokens
from .session import revoke_sessions
from .session.inviting import invite
from .writing import demand, found, locked, means, move, permit

INVITED_FOR = timedelta(days=7)
EXPIRY = "user.invite_expiry"
TEAMS = 50

means("uq_app_user_account", lambda: NotUnique("This person is here already.", field="email"))
means(
    "uq_membership_tenant_id_user_id_role_dealer_id",
    lambda: NotUnique("The person has this role already.", field="role"),
)
means("last_owner", lambda: Forbidden(rules.LAST_OWNER))


@known
class UserOrder(Described):
    """The order of a list of people."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


USER_ORDER = {
    UserOrder.NEWEST: User.created_at.desc(),
    UserOrder.OLDEST: User.created_at.asc(),
    UserOrder.UPDATED: User.updated_at.desc(),
}


@strawberry.input(description="Conditions on people; all must hold.")
class UserFilter:
    status: strawberry.Maybe[UserStatus] = strawberry.field(description="In this state.", default=None)
    staff: strawberry.Maybe[bool] = strawberry.field(description="With a staff role, or without.", default=None)
    role: strawberry.Maybe[Role] = strawberry.field(
        description="With this role, among the roles that the viewer may see.", default=None
    )
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="Members of this dealer, among the roles that the viewer may see.", default=None
    )
    team_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="Who works in this team, among the roles that the viewer may see.", default=None
    )
    name: strawberry.Maybe[str] = strawberry.field(
        description="With these words in the name, among people whose name the viewer may read; the best 500.",
        default=None,
    )
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield User.status == self.status.value
        if self.staff:
            yield User.staff.is_(self.staff.value)
        if self.role or self.dealer_id or self.team_id:
            yield self._member(viewer)
        if self.name:
            yield User.id.in_(found_by(self.name.value, "USER"))
            yield NamesUser().rows(viewer)
        if self.updated_since:
            yield User.updated_at >= self.updated_since.value

    def _member(self, viewer: Viewer) -> ColumnElement[bool]:
        held = [Membership.tenant_id == User.tenant_id, Membership.user_id == User.id, Membership.ended_at.is_(None)]
        if self.role:
            held.append(Membership.role == self.role.value)
        if self.dealer_id:
            held.append(refers_to(Membership.dealer_id, self.dealer_id.value, Dealer))
        if self.team_id:
            link = (MembershipTeam.tenant_id == Membership.tenant_id) & (MembershipTeam.membership_id == Membership.id)
            held.append(exists().where(link, refers_to(MembershipTeam.team_id, self.team_id.value, Team)))
        return exists().where(*held, SeesMembership().rows(viewer))


def users(viewer: Viewer, filter: UserFilter | None = None, order_by: UserOrder = UserOrder.NEWEST) -> Select[User]:
    """People the viewer may see."""
    asked = select(User).where(SeesUser().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(USER_ORDER[order_by])


def user(viewer: Viewer, id: strawberry.ID) -> Select[User]:
    """One person by the id."""
    return select(User).where(User.id == key(id, User), SeesUser().rows(viewer))


def memberships_of_user(viewer: Viewer, user: User) -> Select[Membership]:
    """The person's roles that the viewer may see, the oldest first; ended ones are left out."""
    asked = select(Membership).where(Membership.user_id == user.id, Membership.ended_at.is_(None))
    return asked.where(SeesMembership().rows(viewer)).order_by(Membership.created_at.asc())


def members_of_dealer(viewer: Viewer, dealer: Dealer) -> Select[Membership]:
    """The roles in the organisation that the viewer may see, the oldest first; ended ones are left out."""
    asked = select(Membership).where(
        Membership.dealer_id == dealer.id, Membership.ended_at.is_(None), SeesMembership().rows(viewer)
    )
    return asked.order_by(Membership.created_at.asc())


def membership(viewer: Viewer, id: strawberry.ID) -> Select[Membership]:
    """One role of a person by its id."""
    return select(Membership).where(Membership.id == key(id, Membership), SeesMembership().rows(viewer))


def user_of_membership(viewer: Viewer, membership: Membership) -> Select[User]:
    """Whose role it is."""
    return select(User).where(User.id == membership.user_id, SeesUser().rows(viewer))


def dealer_of_membership(viewer: Viewer, membership: Membership) -> Select[Dealer]:
    """The organisation of a DEALER; null for other roles."""
    return select(Dealer).where(Dealer.id == membership.dealer_id, SeesDealer().rows(viewer))


def teams_of_membership(viewer: Viewer, membership: Membership) -> Select[Team]:
    """The teams it works in, by name."""
    link = aliased(MembershipTeam)
    works = exists().where(
        link.tenant_id == Team.tenant_id, link.team_id == Team.id, link.membership_id == membership.id
    )
    return select(Team).where(works).order_by(Team.name.asc())


def invite_expiry(person: User) -> datetime | None:
    """When the invitation lapses."""
    return person.created_at + INVITED_FOR if person.status == UserStatus.INVITED else None


def invite_expiry_of(person: Any) -> ColumnElement[datetime | None]:
    """The same beside the row."""
    return case((person.status == UserStatus.INVITED, person.created_at + INVITED_FOR), else_=null())


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="Somebody new in the tenant, with a first role.")
class UserInviteInput:
    name: str = strawberry.field(description="The name, at most 200 characters.")
    email: str | None = strawberry.field(
        default=None, description="The e-mail address to sign in with; this or the phone number."
    )
    phone: str | None = strawberry.field(
        default=None, description="The phone number to sign in with, with its country code."
    )
    role: Role = strawberry.field(description="The role; a DEALER invites for its own organisation only.")
    dealer_id: strawberry.ID | None = strawberry.field(
        default=None, description="The organisation of a DEALER; by default the inviter's own."
    )
    team_ids: list[strawberry.ID] | None = strawberry.field(default=None, description="The teams of staff, at most 50.")
    all_teams: bool = strawberry.field(default=False, description="For an AGENT: works on the tickets of every team.")
    locale: str | None = strawberry.field(default=None, description="The language the person reads, as a BCP 47 tag.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def user_invite(tx: Transaction, input: UserInviteInput) -> User:
    """Ask somebody to join, with a first role. The person is INVITED until the first sign-in, for seven days."""
    problems = Problems()
    name = problems.take(lambda: text.line(input.name, 200), "name")
    email = problems.take(lambda: contact.email(input.email) if input.email else None, "email")
    phone = problems.take(lambda: contact.phone(input.phone) if input.phone else None, "phone")
    locale = problems.take(lambda: text.optional_line(input.locale, 35), "locale")
    if not (input.email or input.phone):
        problems.add(Required("Give an e-mail address or a phone number."), "email")
    problems.check()
    place = await _place(tx, input.role, input.dealer_id, input.team_ids, input.all_teams)
    # by one key, the one that the invitation goes to: a second one that nobody has proved would sign in as the person
    account = func.souk.account_for(new_id(), email.lower() if email else None, None if email else phone)
    person: User = tx.add(
        User(
            id=new_id(),
            account_id=(await tx.session.execute(select(account))).scalar_one(),
            name=name,
            email=email,
            phone=phone,
            locale=locale,
            status=UserStatus.INVITED,
            staff=place.staff,
        )
    )
    await tx.session.flush()
    tx.emit("user.invited", person, to_status=UserStatus.INVITED, data={"role": place.role.value})
    await _appoint(tx, person, place)
    await tx.due(EXPIRY, person.id, tx.now + INVITED_FOR)
    await invite(tx, person)
    return person


async def _place(
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


async def _appoint(tx: Transaction, person: User, place: rules.Place) -> Membership:
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
    await _in_teams(tx, member, place.team_ids)
    return member


async def _in_teams(tx: Transaction, member: Membership, team_ids: Sequence[UUID]) -> None:
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


@strawberry.input(description="A person's status, set by somebody else.")
class UserSetStatusInput:
    id: strawberry.ID = strawberry.field(description="The person.")
    to: UserStatus = strawberry.field(description="SUSPENDED, or ACTIVE again.")
    reason: str = strawberry.field(description="Why, at most 1,000 characters.")
    expected_version: int = strawberry.field(description="The version that was read.")


@implements(
    "User",
    "ACTIVE",
    "SUSPENDED",
    effect="sessions acting in this tenant and the person's service tokens revoked in the same transaction",
)
async def user_set_status(tx: Transaction, input: UserSetStatusInput) -> User:
    """Suspend a person in this tenant, or let the person back in. Suspending ends every sign-in at once."""
    owners = await _owners(tx)
    person = await locked(tx, User, input.id, SeesUser(), version=input.expected_version)
    await permit(tx, SetsUserStatus(), person)
    if await _is_owner(tx, person):
        demand(tx)
    reason = text.line(input.reason, 1000, field="reason")
    rules.set_status(person.status, input.to, oneself=person.id == tx.actor.user_id, last_owner=_last(owners, person))
    move(tx, person, input.to, "user.status_changed", mutation="userSetStatus", reason=reason)
    if input.to is UserStatus.SUSPENDED:
        await revoke_sessions(tx, person.id)
        await revoke_service_tokens(tx, person.id)
    return person


async def _owners(tx: Transaction) -> set[UUID]:
    """The ACTIVE owners, their roles locked: two who remove each other go one after the other."""
    held = select(Membership).where(Membership.role == "OWNER", Membership.ended_at.is_(None)).order_by(Membership.id)
    members = (await tx.session.execute(held.with_for_update())).scalars().all()
    ids = [member.user_id for member in members]
    active = select(User.id).where(User.id.in_(ids), User.status == UserStatus.ACTIVE)
    return set((await tx.session.execute(active)).scalars())


async def _is_owner(tx: Transaction, person: User) -> bool:
    held = select(Membership.id).where(
        Membership.user_id == person.id, Membership.role == Role.OWNER, Membership.ended_at.is_(None)
    )
    return (await tx.session.execute(held.limit(1))).scalar_one_or_none() is not None


def _last(owners: set[UUID], person: User) -> bool:
    return owners == {person.id}


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
    owners = await _owners(tx)
    person = await locked(tx, User, input.id, SeesUser(), version=input.expected_version)
    await permit(tx, SetsRole(), person)
    if person.status in (UserStatus.CANCELLED, UserStatus.ERASED):
        raise Invalid("This person is not here any more.", field="id")
    before = await _held(tx, person, input.membership_id) if input.membership_id is not None else None
    if before is None and input.role is None:
        raise Required("Say which role, or which `membershipId` ends.", field="role")
    place = None
    if input.role is not None:
        place = await _place(tx, input.role, input.dealer_id, input.team_ids, input.all_teams)
    if before is not None and before.role == Role.OWNER and (place is None or place.role is not Role.OWNER):
        await permit(tx, MakesOwners(), None)
        rules.keep_an_owner(_last(owners, person))
    said: dict[str, Any] = {"from": before.role if before else None, "to": place.role.value if place else None}
    tx.emit("user.role_changed", person, data=said)
    same = before is not None and place is not None and (before.role, before.dealer_id) == (place.role, place.dealer_id)
    if before is not None and not same:
        before.ended_at = tx.now
        await revoke_sessions(tx, person.id, membership_id=before.id)
        await tx.session.flush()
    if same and before is not None and place is not None:
        before.all_teams = place.all_teams
        await _in_teams(tx, before, place.team_ids)
    elif place is not None:
        await _appoint(tx, person, place)
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


@strawberry.input(description="An invitation taken back.")
class UserWithdrawInviteInput:
    id: strawberry.ID = strawberry.field(description="Who was invited.")
    expected_version: int = strawberry.field(description="The version that was read.")


async def user_withdraw_invite(tx: Transaction, input: UserWithdrawInviteInput) -> User:
    """Take an invitation back that was not accepted yet."""
    person = await locked(tx, User, input.id, SeesUser(), version=input.expected_version)
    await permit(tx, InvitesUser(), person)
    return await _withdrawn(tx, person, mutation="userWithdrawInvite")


@implements("User", "INVITED", "CANCELLED", effect="token void")
async def _withdrawn(tx: Transaction, person: User, mutation: str | None = None, cause: str | None = None) -> User:
    move(tx, person, UserStatus.CANCELLED, "user.status_changed", mutation=mutation, cause=cause)
    await revoke_sessions(tx, person.id)
    await tx.not_due(EXPIRY, person.id)
    return person


async def expire_invite(tx: Transaction, id: UUID) -> None:
    """Work of a timer: an invitation that nobody accepted in seven days lapses."""
    person = await locked(tx, User, id, None)
    if person.status == UserStatus.INVITED:
        await _withdrawn(tx, person, cause="7 d")


async def activate(tx: Transaction, person: User, mutation: str = "userAcceptInvite") -> None:
    """The invitation is accepted, by its token or a code; on the command line whoever hands over a token vouches."""
    if person.status == UserStatus.INVITED:
        move(tx, person, UserStatus.ACTIVE, "user.status_changed", mutation=mutation)
        await tx.not_due(EXPIRY, person.id)
