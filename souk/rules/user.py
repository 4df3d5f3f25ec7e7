"""A person in one tenant: who may be suspended, and which roles somebody may be given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from souk.rules.actor import STAFF, Role
from souk.rules.clauses import implements
from souk.rules.errors import Forbidden, Invalid, Problems, Required
from souk.rules.machines import check

USER = "User"
HELD = tuple(role for role in Role if role not in (Role.SERVICE, Role.PUBLIC))
"""The roles that a membership gives; the other two are a token's and nobody's."""
LAST_OWNER = "This is the last OWNER of the tenant; make another one first."


@implements(USER, "ACTIVE", "SUSPENDED", guard="not oneself")
@implements(USER, "ACTIVE", "SUSPENDED", guard="not the last OWNER")
def set_status(status: str, to: str, *, oneself: bool, last_owner: bool) -> str:
    """The status that somebody else gives a person: ACTIVE to SUSPENDED and back.

    `last_owner`: the tenant has no other ACTIVE person with the role OWNER. Raises InvalidTransition, Forbidden.
    """
    check(USER, status, to, mutation="userSetStatus")
    if oneself:
        raise Forbidden("Nobody sets their own status.")
    if to == "SUSPENDED":
        keep_an_owner(last_owner)
    return to


def keep_an_owner(last_owner: bool) -> None:
    """A tenant is never without an owner who can act. Raises Forbidden."""
    if last_owner:
        raise Forbidden(LAST_OWNER)


@dataclass(frozen=True, slots=True)
class Place:
    """A role, for a DEALER in one organisation, for an AGENT in teams or in all of them."""

    role: Role
    dealer_id: UUID | None = None
    team_ids: Sequence[UUID] = ()
    all_teams: bool = False

    @property
    def staff(self) -> bool:
        return self.role in STAFF


def place(given: Place) -> Place:
    """The same, if it can be. Raises InvalidInput naming `role`, `dealerId`, `teamIds`, `allTeams`."""
    problems = Problems()
    if given.role not in HELD:
        problems.add(Invalid("Nobody can be given this role."), "role")
    if given.role is Role.DEALER and given.dealer_id is None:
        problems.add(Required("Say for which dealer."), "dealerId")
    if given.role is not Role.DEALER and given.dealer_id is not None:
        problems.add(Invalid("Only the role DEALER belongs to a dealer."), "dealerId")
    if given.team_ids and not given.staff:
        problems.add(Invalid("Only staff work in teams."), "teamIds")
    if given.all_teams and given.role is not Role.AGENT:
        problems.add(Invalid("Only an AGENT is limited to teams."), "allTeams")
    problems.check()
    return given
