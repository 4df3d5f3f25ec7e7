"""The kinds of batches: what each is asked, what it would do, and whether that is still so."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol
from uuid import UUID

import strawberry
from sqlalchemy import ARRAY, Uuid, func, select

from ..db.session import Transaction, system_actor
from ..models import Batch, BatchItem, BatchPreviewItem, Membership, MembershipTeam, ServiceToken, User
from ..permissions.batch import does
from ..rules.actor import Actor, Role
from ..rules.enums import AlertKind, AlertStatus, BatchAction, BatchKind, ImportWhat, Severity


@strawberry.input(description="Conditions on alerts; all must hold.")
class BatchAlertFilter:
    status: list[AlertStatus] | None = strawberry.field(default=None, description="In one of these states.")
    severity: list[Severity] | None = strawberry.field(default=None, description="Of one of these bands.")
    kind: AlertKind | None = strawberry.field(default=None, description="Of this kind.")
    dealer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this dealer.")
    sku_id: strawberry.ID | None = strawberry.field(default=None, description="About this SKU.")


@strawberry.input(description="What a batch acts on; exactly one of the fields.")
class BatchSelection:
    alert_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="For ENFORCEMENT: these alerts, at most 10,000."
    )
    alerts: BatchAlertFilter | None = strawberry.field(
        default=None, description="For ENFORCEMENT: the alerts that meet these conditions now, at most 10,000."
    )
    upload_id: strawberry.ID | None = strawberry.field(default=None, description="For IMPORT: the rows of this file.")


@strawberry.input(description="How a batch acts; which fields count depends on its kind.")
class BatchPlan:
    action: BatchAction | None = strawberry.field(
        default=None,
        description="For ENFORCEMENT: what is done; when absent, for each alert the step that the ladder comes to.",
    )
    reason: str | None = strawberry.field(
        default=None, description="For ENFORCEMENT: why, as the dealer will read it, at most 1,000 characters."
    )
    what: ImportWhat | None = strawberry.field(
        default=None, description="For IMPORT: what the rows become; by default what the mapping says."
    )
    mapping: str | None = strawberry.field(
        default=None,
        description="For IMPORT: which column is what: the name of a mapping that comes with Souk, or one as TOML.",
    )
    dealer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For IMPORT: the dealer whose listings or prices they are, where the file names none."
    )


@dataclass(slots=True)
class Foreseen:
    """One item of a preview. `skip` says why there is nothing to do; null when it would be acted on."""

    target_type: str
    target_id: UUID | None
    action: BatchAction
    state: dict[str, Any] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    impact: dict[str, int] = field(default_factory=dict)
    cost: dict[str, int] = field(default_factory=dict)
    skip: str | None = None
    permitted: bool = True


@dataclass(slots=True)
class Foresight:
    """What a batch would do. A streamed kind lists no items (or a sample of them) and says how many there are."""

    selection: dict[str, Any]
    plan: dict[str, Any]
    items: Sequence[Foreseen] = ()
    total: int | None = None
    actionable: int | None = None
    warnings: list[str] = field(default_factory=list)
    dealer_id: UUID | None = None
    upload_id: UUID | None = None

    def digest(self) -> bytes:
        """SHA-256 of selection, before-states and plan."""
        states = [[str(item.target_id), item.action, item.state] for item in self.items]
        body = json.dumps([self.selection, states, self.plan], sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(body.encode()).digest()


class Kind(Protocol):
    """One kind of batch. `streamed`: its items come from a source while it runs. `undoable`: it waits `undoSeconds`.

    `compensates`: what it did can be undone by `batchRollback`.
    """

    kind: ClassVar[BatchKind]
    streamed: ClassVar[bool]
    undoable: ClassVar[bool]
    compensates: ClassVar[bool]

    def permits(self, actor: Actor, dealer_id: UUID | None) -> bool:
        """Whether the actor may do what this kind does, for this dealer."""
        ...

    async def foresee(self, tx: Transaction, selection: BatchSelection, plan: BatchPlan) -> Foresight:
        """What it would do. Raises Refused for a selection or a plan that is not this kind's."""
        ...

    async def states(
        self, tx: Transaction, items: Sequence[BatchPreviewItem | BatchItem]
    ) -> Mapping[UUID, dict[str, Any] | None]:
        """How the things are now, by `target_id`, in the fields of `Foreseen.state`; None or absent: gone."""
        ...

    async def made(self, tx: Transaction, batch: Batch) -> None:
        """What else is written with a new batch, in its transaction."""
        ...


KINDS: dict[BatchKind, Kind] = {}
"""Filled by the modules of the kinds when they are imported."""


class OfKind:
    """What most kinds share."""

    kind: ClassVar[BatchKind]
    streamed: ClassVar[bool] = False
    undoable: ClassVar[bool] = False
    compensates: ClassVar[bool] = False

    def permits(self, actor: Actor, dealer_id: UUID | None) -> bool:
        return does(self.kind, actor, dealer_id)

    async def made(self, tx: Transaction, batch: Batch) -> None:
        return None


async def acting(tx: Transaction, batch: Batch) -> list[Actor]:
    """Whoever started the batch, as they are today: one actor per live membership; none once they lost them all.

    A batch that nobody started (the demo, a command) is the system's.
    """
    tenant = batch.tenant_id
    if batch.starter_id is not None:
        live = (Membership.tenant_id == tenant, Membership.user_id == batch.starter_id, Membership.ended_at.is_(None))
        teams = select(func.array_agg(MembershipTeam.team_id, type_=ARRAY(Uuid()))).where(
            MembershipTeam.tenant_id == Membership.tenant_id, MembershipTeam.membership_id == Membership.id
        )
        person = (User.tenant_id == Membership.tenant_id) & (User.id == Membership.user_id) & (User.status == "ACTIVE")
        found = await tx.session.execute(
            select(Membership, teams.scalar_subquery()).join(User, person).where(*live).order_by(Membership.id)
        )
        return [
            Actor(
                tenant, Role(m.role), user_id=m.user_id, dealer_id=m.dealer_id, membership_id=m.id,
                team_ids=tuple(team_ids or ()), all_teams=m.all_teams,
            )
            for m, team_ids in found
        ]  # fmt: skip
    if batch.token_id is not None:
        asked = select(ServiceToken).where(
            ServiceToken.tenant_id == tenant,
            ServiceToken.id == batch.token_id,
            ServiceToken.revoked_at.is_(None),
            ServiceToken.expires_at > tx.now,
        )
        return [
            Actor(tenant, Role.SERVICE, token_id=t.id, dealer_id=t.dealer_id, scopes=frozenset(t.scopes))
            for t in (await tx.session.execute(asked)).scalars()
        ]
    return [system_actor(tenant)]
