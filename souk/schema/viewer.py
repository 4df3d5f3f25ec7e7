"""Who is asking, and what everybody may."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..context import Info
from ..engine.declare import Connection, constant, embedded, one, own, to_many, to_one, view
from ..engine.scalars import CountryCode, CurrencyCode, LocaleCode, TimeZone
from ..permissions.base import may
from ..permissions.roles import MATRIX
from ..resolvers import viewer as resolve
from ..resolvers.session import own as own_sessions
from ..rules.actor import Role
from .mfa import SignInMeans
from .session import LoginAttempt, MembershipChoice, Session
from .user import Membership, User

if TYPE_CHECKING:
    from .dealer import Dealer


@view(models.Tenant)
class Tenant:
    """A brand or marketplace operator."""

    slug: str
    name: str
    default_currency: CurrencyCode
    country: CountryCode
    timezone: TimeZone
    locale: LocaleCode


@strawberry.type(description="How many points the viewer may still spend; asking costs points, and they come back.")
class RateLimit:
    limit: int = strawberry.field(description="Points of a full bucket.")
    remaining: int = strawberry.field(description="Points left, after what this operation costs at most.")
    restored_per_second: int = strawberry.field(description="Points that come back every second.")
    full_in_seconds: int = strawberry.field(description="Seconds until the bucket is full again.")


def rate_limit(info: Info) -> RateLimit | None:
    charge = info.context.charge
    if charge is None:
        return None
    return RateLimit(
        limit=int(charge.limit),
        remaining=charge.remaining,
        restored_per_second=int(charge.per_second),
        full_in_seconds=charge.full_in,
    )


@strawberry.type(description="The signed-in principal: a person in one membership, or a service token.")
class Viewer:
    role: Role = strawberry.field(description="The one role it acts in.")
    permissions: list[str] = strawberry.field(
        description="The rows of the permission matrix that let it in, in their order; conditions of a row come on top."
    )
    token_name: str | None = strawberry.field(description="What the service token is for; null for a person.")
    scopes: list[str] | None = strawberry.field(description="The scopes of the service token; null for a person.")
    flags: list[str] = strawberry.field(
        description="The keys of the feature flags that are on for it, sorted; of one moment for the whole operation."
    )
    user: User | None = to_one(resolve.user_of_viewer)
    membership: Membership | None = to_one(resolve.membership_of_viewer)
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_viewer)
    tenant: Tenant | None = to_one(resolve.tenant_of_viewer)
    memberships: list[MembershipChoice] = embedded(
        "memberships",
        description="The roles of the same person, here and in other tenants, by tenant; what `sessionSwitch` takes.",
    )
    sign_in: SignInMeans | None = embedded(
        "sign_in", description="How one's own account is signed in to, in every tenant; null for a service token."
    )
    impersonated_by: User | None = to_one(resolve.impersonator_of_viewer)
    reason: str | None = strawberry.field(
        description="Why somebody acts for the person in this session; null where the person acts alone."
    )
    sessions: Connection[Session] = to_many(own_sessions.sessions_of_viewer)
    login_attempts: Connection[LoginAttempt] = to_many(own_sessions.login_attempts_of_viewer)
    rate_limit: RateLimit | None = strawberry.field(
        resolver=rate_limit,
        description="The viewer's bucket of points; the tenant's where that is emptier. Null where nobody counts.",
    )


@strawberry.type(description="What one role may do of one row.")
class PermissionCell:
    role: Role = strawberry.field(description="The role.")
    letter: str = strawberry.field(
        description="T tenant-wide, O own or party only, M rows without their marked fields, S by scope, - not at all."
    )
    condition: str | None = strawberry.field(description="What stands behind the letter; null where nothing does.")


@strawberry.type(description="One row of the permission matrix.")
class PermissionRow:
    name: str = strawberry.field(description="Its name, which is also the scope of service tokens.")
    group: str = strawberry.field(description="The part of the product it belongs to.")
    covers: str = strawberry.field(description="What it covers.")
    cells: list[PermissionCell] = strawberry.field(description="What each role may, in the order of the roles.")


def permission_matrix() -> list[PermissionRow] | None:
    """The permission matrix, row by row. It is part of the program, so no statement reads it."""
    return [
        PermissionRow(
            name=row.name,
            group=row.group,
            covers=row.covers,
            cells=[
                PermissionCell(role=role, letter=cell.letter, condition=cell.condition or None)
                for role, cell in row.cells.items()
            ],
        )
        for row in MATRIX.values()
    ]


@strawberry.type
class ViewerQueries:
    viewer: Viewer | None = one(resolve.viewer, gate=own)
    permission_matrix: list[PermissionRow] | None = constant(permission_matrix, gate=may("permission:read"))
