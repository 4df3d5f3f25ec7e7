"""Competitors as clients see them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from .. import models
from ..engine.declare import Connection, Money, Node, many, money, one, payload_node, to_many, to_one, view
from ..engine.scalars import DateTime
from ..permissions.base import may
from ..permissions.competitor import SeesCompetitor, SeesSnapshot
from ..permissions.sku import SeesSku
from ..resolvers import competitor as resolve
from ..resolvers import sku as resolve_sku
from ..rules.enums import SnapshotOutcome
from .mutation import KeyedPayload, Payload, write

if TYPE_CHECKING:
    from .sku import Sku


@view(models.Competitor, node=resolve.competitor, gate=SeesCompetitor())
class Competitor(Node):
    """Somebody who sells the same goods outside the marketplace."""

    name: str
    domain: str
    created_at: DateTime
    updated_at: DateTime
    version: int
    snapshots: Connection[Annotated["CompetitorSnapshot", strawberry.lazy(".competitor")]] = to_many(
        resolve.snapshots_of_competitor
    )


@view(models.CompetitorSnapshot, node=resolve.snapshot, gate=SeesSnapshot())
class CompetitorSnapshot(Node):
    """What a look at a competitor's page gave; never changed."""

    captured_at: DateTime
    url: str | None
    outcome: SnapshotOutcome
    price: Money | None = money("price_minor")
    created_at: DateTime
    competitor: Competitor | None = to_one(resolve.competitor_of_snapshot)
    sku: Annotated["Sku", strawberry.lazy(".sku")] | None = to_one(resolve_sku.sku_of_snapshot, gate=SeesSku())


@strawberry.type(description="The new competitor.")
class CompetitorCreatePayload(KeyedPayload):
    competitor: Competitor | None = payload_node("competitor", description="The competitor; null when nothing changed.")


@strawberry.type(description="The changed competitor.")
class CompetitorUpdatePayload(Payload):
    competitor: Competitor | None = payload_node("competitor", description="The competitor; null when nothing changed.")


@strawberry.type
class CompetitorQueries:
    competitor: Competitor | None = one(resolve.competitor, gate=SeesCompetitor())
    competitors: Connection[Competitor] | None = many(resolve.competitors, gate=SeesCompetitor())


@strawberry.type
class CompetitorMutations:
    competitor_create: CompetitorCreatePayload | None = write(resolve.competitor_create, gate=may("competitor:write"))
    competitor_update: CompetitorUpdatePayload | None = write(resolve.competitor_update, gate=may("competitor:write"))
