"""Who is asking, as they are told themselves."""

from typing import Any

from sqlalchemy import ARRAY, Select, Text, Uuid, bindparam, cast, false, func, literal, null, select
from sqlalchemy.dialects.postgresql import JSONB

from ..engine.symbols import Viewer
from ..models import Dealer, Membership, ServiceToken, Session, Tenant, User
from ..permissions.roles import MATRIX
from ..permissions.user import SeesUser
from ..rules.actor import Facts, Role


def viewer(viewer: Viewer) -> Select[*tuple[Any, ...]]:
    """The signed-in principal; null for somebody who is not signed in."""
    means = func.souk.account_mfa(viewer.account_id, type_=JSONB)

    def acting(column: Any) -> Any:
        return (
            select(column)
            .where(Session.tenant_id == viewer.tenant_id, Session.id == viewer.session_id)
            .scalar_subquery()
        )

    choices = func.souk.memberships_of_account(viewer.account_id, viewer.membership_id, type_=JSONB)
    role = literal(viewer.role.value, Text()).label("role")
    permissions = bindparam(None, permitted(viewer.facts), type_=ARRAY(Text())).label("permissions")
    if viewer.role is Role.SERVICE:
        return select(
            ServiceToken.tenant_id.label("tenant_id"),
            role,
            permissions,
            cast(null(), Uuid()).label("user_id"),
            cast(null(), Uuid()).label("membership_id"),
            ServiceToken.dealer_id.label("dealer_id"),
            ServiceToken.name.label("token_name"),
            ServiceToken.scopes.label("scopes"),
            choices.label("memberships"),
            cast(null(), JSONB()).label("sign_in"),
            cast(null(), Uuid()).label("impersonator_id"),
            cast(null(), Text()).label("reason"),
        ).where(ServiceToken.id == viewer.token_id)
    found = select(
        Membership.tenant_id.label("tenant_id"),
        role,
        permissions,
        Membership.user_id.label("user_id"),
        Membership.id.label("membership_id"),
        Membership.dealer_id.label("dealer_id"),
        cast(null(), Text()).label("token_name"),
        cast(null(), ARRAY(Text())).label("scopes"),
        choices.label("memberships"),
        means.label("sign_in"),
        acting(Session.impersonator_id).label("impersonator_id"),
        acting(Session.reason).label("reason"),
    ).where(Membership.id == viewer.membership_id)
    return found.where(false()) if viewer.role is Role.PUBLIC else found


def permitted(facts: Facts) -> list[str]:
    """The rows of the matrix that let these facts in, in its order."""
    return [row.name for row in MATRIX.values() if row.admits(facts)]


def user_of_viewer(viewer: Viewer, me: Any) -> Select[User]:
    """The person; null for a service token."""
    return select(User).where(User.id == me.user_id, User.id == viewer.user_id)


def impersonator_of_viewer(viewer: Viewer, me: Any) -> Select[User]:
    """The member of staff who acts for the person in this session; null where the person acts alone."""
    return select(User).where(User.id == me.impersonator_id, SeesUser().rows(viewer))


def membership_of_viewer(viewer: Viewer, me: Any) -> Select[Membership]:
    """The membership it acts in; null for a service token."""
    return select(Membership).where(Membership.id == me.membership_id, Membership.id == viewer.membership_id)


def dealer_of_viewer(viewer: Viewer, me: Any) -> Select[Dealer]:
    """The one organisation it acts for, if it does."""
    return select(Dealer).where(Dealer.id == me.dealer_id, Dealer.id == viewer.dealer_id)


def tenant_of_viewer(viewer: Viewer, me: Any) -> Select[Tenant]:
    """The tenant it acts in."""
    return select(Tenant).where(Tenant.id == me.tenant_id)
