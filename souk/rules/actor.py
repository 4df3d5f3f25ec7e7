"""Who is asking: the actor that every read, permission and write is given."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID


class Role(StrEnum):
    """The ten columns of the permission matrix; an actor has exactly one."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    OPS = "OPS"
    SALES = "SALES"
    AGENT = "AGENT"
    VIEWER = "VIEWER"
    DEALER = "DEALER"
    CUSTOMER = "CUSTOMER"
    SERVICE = "SERVICE"
    PUBLIC = "PUBLIC"


STAFF = (Role.OWNER, Role.ADMIN, Role.OPS, Role.SALES, Role.AGENT, Role.VIEWER)


class Facts(NamedTuple):
    """What a plan knows of its actor: everything that has few values. All else is a parameter of the plan."""

    role: Role
    scopes: frozenset[str] = frozenset()
    of_dealer: bool = False
    all_teams: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """One session or service token, acting in one tenant with one role and at most one dealer."""

    tenant_id: UUID
    role: Role
    user_id: UUID | None = None
    dealer_id: UUID | None = None
    membership_id: UUID | None = None
    session_id: UUID | None = None
    token_id: UUID | None = None
    team_ids: tuple[UUID, ...] = ()
    all_teams: bool = False
    scopes: frozenset[str] = frozenset()
    account_id: UUID | None = None
    mfa_at: datetime | None = field(default=None, compare=False)
    """When a second factor was last shown over this session; a subscription does not end because one is."""
    impersonator_id: UUID | None = None
    """Who acts for the person, where support does."""

    facts: Facts = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", Facts(self.role, self.scopes, self.dealer_id is not None, self.all_teams))

    @property
    def principal_id(self) -> UUID | None:
        """Who answers for what is done: the person or the service token; None for the public."""
        return self.user_id or self.token_id


class Caller(NamedTuple):
    """Where an operation comes from, as far as the server knows. `address` is the peer's network address.

    `cookies` says that the answer can carry a cookie and that the request proved to be the page's own.
    """

    address: str = ""
    agent: str = ""
    cookies: bool = False
    by_cookie: bool = False


NOWHERE = Caller()
"""Where the system's own work comes from."""
