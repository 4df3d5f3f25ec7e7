"""People of a tenant: their reads, invitations, status and roles."""

from .inviting import (
    EXPIRY,
    UserInviteInput,
    UserWithdrawInviteInput,
    activate,
    expire_invite,
    invite_expiry,
    invite_expiry_of,
    user_invite,
    user_withdraw_invite,
)
from .reads import (
    UserFilter,
    UserOrder,
    dealer_of_membership,
    members_of_dealer,
    membership,
    memberships_of_user,
    teams_of_membership,
    user,
    user_of_membership,
    users,
)
from .roles import UserSetRoleInput, user_set_role
from .status import UserSetStatusInput, user_set_status

__all__ = [
    "EXPIRY",
    "UserFilter",
    "UserInviteInput",
    "UserOrder",
    "UserSetRoleInput",
    "UserSetStatusInput",
    "UserWithdrawInviteInput",
    "activate",
    "dealer_of_membership",
    "expire_invite",
    "invite_expiry",
    "invite_expiry_of",
    "members_of_dealer",
    "membership",
    "memberships_of_user",
    "teams_of_membership",
    "user",
    "user_invite",
    "user_of_membership",
    "user_set_role",
    "user_set_status",
    "user_withdraw_invite",
    "users",
]
