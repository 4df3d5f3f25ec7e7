"""Who sees people, what is shown of them, and who invites, suspends and appoints."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, true
from sqlalchemy.orm import aliased

from ..engine.symbols import among
from ..models import Membership, Session, Team, Ticket, TicketCc, TicketComment, User
from ..rules.actor import STAFF, Actor, Role
from ..rules.clauses import implements
from .base import AnyOf, Permission


def _in_organisation(viewer: Any) -> ColumnElement[bool]:
    """The person is a member of the viewer's organisation."""
    member = aliased(Membership)
    return exists().where(
        member.tenant_id == User.tenant_id,
        member.user_id == User.id,
        member.dealer_id == viewer.dealer_id,
        member.ended_at.is_(None),
    )


class ReadsUser(Permission[User]):
    """People: staff everybody, a dealer the members of its organisation, everybody oneself."""

    name = "user:read"
    model = User
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        oneself: ColumnElement[bool] = User.id == viewer.user_id
        return or_(oneself, _in_organisation(viewer)) if viewer.of_dealer else oneself


class OpensUser(ReadsUser):
    """Phone and e-mail, and the name of people who are not staff."""

    marked = True
    message = "Who is no member of staff is shown by name and contact to OWNER and ADMIN, and to themselves."


def _acts_for(viewer: Any) -> ColumnElement[bool]:
    """The member of staff who acts for the viewer's person in this very session."""
    session = aliased(Session)
    return exists().where(
        session.tenant_id == User.tenant_id,
        session.id == viewer.session_id,
        session.impersonator_id == User.id,
    )


class ReadsStaff(Permission[User]):
    """Name, role and teams of staff: to staff, to those whose tickets they answer, and to those they act for."""

    name = "user:readStaff"
    model = User
    in_python = False
    message = "This is shown of staff who answer you."

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return User.staff.is_(True)

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        ticket, comment, copied = aliased(Ticket), aliased(TicketComment), aliased(TicketCc)
        same = and_(ticket.tenant_id == User.tenant_id, ticket.deleted_at.is_(None))
        mine = or_(
            ticket.requester_id == viewer.user_id,
            exists().where(
                copied.tenant_id == ticket.tenant_id, copied.ticket_id == ticket.id, copied.user_id == viewer.user_id
            ),
        )
        said = exists().where(
            comment.tenant_id == ticket.tenant_id,
            comment.ticket_id == ticket.id,
            comment.author_id == User.id,
            comment.visibility == "PUBLIC",
        )
        answers = exists().where(same, mine, or_(ticket.assignee_id == User.id, said))
        return and_(User.staff.is_(True), or_(answers, _acts_for(viewer)))


class SeesUser(AnyOf):
    """Whoever one may read, as a person or as staff."""

    def __init__(self) -> None:
        super().__init__(ReadsUser(), ReadsStaff())


class NamesUser(AnyOf):
    """The name: a person's is personal, that of staff is shown to those who deal with them."""

    def __init__(self) -> None:
        super().__init__(OpensUser(), ReadsStaff())


class SeesMembership(Permission[Membership]):
    """Roles of people one sees: staff all, the others those of staff, of their own organisation, and their own."""

    name = "user:readStaff"
    model = Membership
    in_python = False

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        mine = or_(Membership.user_id == viewer.user_id, among(Membership.role, STAFF))
        return or_(mine, Membership.dealer_id == viewer.dealer_id) if viewer.of_dealer else mine


class SeesTeam(Permission[Team]):
    """Teams of the desk."""

    name = "team:read"
    model = Team
    message = "Teams are shown to staff."


def _owner() -> ColumnElement[bool]:
    member = aliased(Membership)
    return exists().where(
        member.tenant_id == User.tenant_id,
        member.user_id == User.id,
        member.role == "OWNER",
        member.ended_at.is_(None),
    )


class _ManagesPeople(Permission[User]):
    """OWNER everybody, ADMIN everybody but an OWNER, a dealer those who are members of its organisation and nothing else."""

    model = User
    in_python = False

    def within_rows(self, viewer: Any) -> ColumnElement[bool]:
        return ~_owner() if viewer.role is Role.ADMIN else true()

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        other = aliased(Membership)
        elsewhere = exists().where(
            other.tenant_id == User.tenant_id,
            other.user_id == User.id,
            other.ended_at.is_(None),
            other.dealer_id.is_distinct_from(viewer.dealer_id),
            other.role != "CUSTOMER",
        )
        return and_(_in_organisation(viewer), ~elsewhere)


class InvitesUser(_ManagesPeople):
    """Invites, and takes an invitation back."""

    name = "user:invite"
    message = "You may not invite for others."


@implements("User", "ACTIVE", "SUSPENDED", guard="an ADMIN no OWNER")
@implements("User", "SUSPENDED", "ACTIVE", guard="an ADMIN no OWNER")
class SetsUserStatus(_ManagesPeople):
    """Suspends and restores: not across organisations, and an ADMIN no OWNER."""

    name = "user:setStatus"
    message = "You may not set the status of this person."


class SetsRole(_ManagesPeople):
    """Gives, changes and ends roles."""

    name = "user:setRole"
    message = "You may not set the roles of this person."

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        return _in_organisation(viewer)


class AcceptsInvitation(Permission[User]):
    """Accepts the own invitation."""

    name = "session:create"
    model = User
    message = "An invitation is accepted by whoever it was sent to."

    def owns(self, actor: Actor, row: User) -> bool:
        return row.id == actor.user_id

    def owned(self, viewer: Any) -> ColumnElement[bool]:
        oneself: ColumnElement[bool] = User.id == viewer.user_id
        return oneself


class MakesOwners(Permission[Any]):
    """Makes or removes an OWNER."""

    name = "owner:write"
    message = "Only an OWNER makes or removes one."
