"""People as they are read: lists, one by the id, their roles."""

from collections.abc import Iterator

import strawberry
from sqlalchemy import ColumnElement, Select, exists, select
from sqlalchemy.orm import aliased

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, key
from ...models import Dealer, Membership, MembershipTeam, Team, User
from ...permissions.dealer import SeesDealer
from ...permissions.user import NamesUser, SeesMembership, SeesUser
from ...rules.actor import Role
from ...rules.enums import Described, UserStatus
from ..enums import known
from ..filters import conditions, refers_to
from ..finding import found_by


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
