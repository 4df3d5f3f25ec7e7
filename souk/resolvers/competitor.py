"""Who sells the same goods elsewhere, and what was seen there."""

import re
from collections.abc import Iterator
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, among, key
from ..models import Competitor, CompetitorSnapshot, Sku, new_id
from ..permissions.competitor import SeesCompetitor, SeesSnapshot, WritesCompetitor
from ..rules import text
from ..rules.enums import Described, SnapshotOutcome
from ..rules.errors import Invalid, NotUnique, Problems
from .enums import known
from .filters import conditions, refers_to
from .writing import locked, means, permit

means("uq_competitor_tenant_id_domain", lambda: NotUnique("This domain is known already.", field="domain"))
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@known
class CompetitorOrder(Described):
    """The order of a list of competitors."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    DOMAIN = "DOMAIN", "By domain name."


COMPETITOR_ORDER: dict[str, Any] = {
    CompetitorOrder.NEWEST: Competitor.created_at.desc(),
    CompetitorOrder.OLDEST: Competitor.created_at.asc(),
    CompetitorOrder.DOMAIN: Competitor.domain.asc(),
}


@strawberry.input(description="Conditions on competitors; all must hold.")
class CompetitorFilter:
    domains: strawberry.Maybe[list[str]] = strawberry.field(description="With one of these domains, in lower case.")
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(description="Changed at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.domains:
            yield among(Competitor.domain, self.domains.value)
        if self.updated_since:
            yield Competitor.updated_at >= self.updated_since.value


@strawberry.input(description="Conditions on what was seen; all must hold.")
class SnapshotFilter:
    sku_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Of this SKU.")
    outcome: strawberry.Maybe[list[SnapshotOutcome]] = strawberry.field(description="With one of these outcomes.")
    captured_since: strawberry.Maybe[DateTime] = strawberry.field(description="Seen at or after this moment.")

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.sku_id:
            yield refers_to(CompetitorSnapshot.sku_id, self.sku_id.value, Sku)
        if self.outcome:
            yield among(CompetitorSnapshot.outcome, self.outcome.value)
        if self.captured_since:
            yield CompetitorSnapshot.captured_at >= self.captured_since.value


def competitors(
    viewer: Viewer, filter: CompetitorFilter | None = None, order_by: CompetitorOrder = CompetitorOrder.NEWEST
) -> Select[Competitor]:
    """Competitors the viewer may see."""
    found = select(Competitor).where(SeesCompetitor().rows(viewer), *conditions(filter, viewer))
    return found.order_by(COMPETITOR_ORDER[order_by])


def competitor(viewer: Viewer, id: strawberry.ID) -> Select[Competitor]:
    """One competitor by its id."""
    return select(Competitor).where(Competitor.id == key(id, Competitor), SeesCompetitor().rows(viewer))


def snapshot(viewer: Viewer, id: strawberry.ID) -> Select[CompetitorSnapshot]:
    """One look at a competitor's page by its id."""
    return select(CompetitorSnapshot).where(
        CompetitorSnapshot.id == key(id, CompetitorSnapshot), SeesSnapshot().rows(viewer)
    )


def snapshots_of_competitor(
    viewer: Viewer, competitor: Competitor, filter: SnapshotFilter | None = None
) -> Select[CompetitorSnapshot]:
    """What was seen there, the latest first."""
    found = select(CompetitorSnapshot).where(
        CompetitorSnapshot.competitor_id == competitor.id, SeesSnapshot().rows(viewer), *conditions(filter, viewer)
    )
    return found.order_by(CompetitorSnapshot.captured_at.desc())


def competitor_of_snapshot(viewer: Viewer, snapshot: CompetitorSnapshot) -> Select[Competitor]:
    """Whose page it was."""
    return select(Competitor).where(Competitor.id == snapshot.competitor_id, SeesCompetitor().rows(viewer))


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A new competitor.")
class CompetitorCreateInput:
    name: str = strawberry.field(description="The name, at most 200 characters.")
    domain: str = strawberry.field(description="The domain name of its shop, as `shop.example.com`.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def competitor_create(tx: Transaction, input: CompetitorCreateInput) -> Competitor:
    """Add a competitor."""
    await permit(tx, WritesCompetitor(), None)
    problems = Problems()
    name = problems.take(lambda: text.line(input.name, 200), "name")
    domain = problems.take(lambda: domain_of(input.domain), "domain")
    problems.check()
    competitor = tx.add(Competitor(id=new_id(), name=name, domain=domain))
    tx.emit("competitor.created", competitor)
    await tx.session.flush()
    return competitor


@strawberry.input(description="Changes of a competitor; what is left out stays.")
class CompetitorUpdateInput:
    id: strawberry.ID = strawberry.field(description="The competitor.")
    expected_version: int = strawberry.field(description="The version that was read.")
    name: strawberry.Maybe[str] = strawberry.field(description="The name, at most 200 characters.")
    domain: strawberry.Maybe[str] = strawberry.field(description="The domain name of its shop.")


async def competitor_update(tx: Transaction, input: CompetitorUpdateInput) -> Competitor:
    """Change a competitor."""
    competitor = await locked(tx, Competitor, input.id, SeesCompetitor(), version=input.expected_version)
    await permit(tx, WritesCompetitor(), competitor)
    problems = Problems()
    name, domain = input.name, input.domain
    new_name = problems.take(lambda: text.line(name.value, 200), "name") if name else None
    new_domain = problems.take(lambda: domain_of(domain.value), "domain") if domain else None
    problems.check()
    competitor.name, competitor.domain = new_name or competitor.name, new_domain or competitor.domain
    tx.emit("competitor.updated", competitor)
    await tx.session.flush()
    return competitor


def domain_of(value: str) -> str:
    """A domain name in lower case and ASCII (IDNA). Raises Required, TooLong, Invalid."""
    line = text.line(value, 253).rstrip(".").lower()
    try:
        ascii_ = line if line.isascii() else line.encode("idna").decode()
    except UnicodeError as error:
        raise Invalid("This is not a domain name.") from error
    labels = ascii_.split(".")
    if len(labels) < 2 or len(ascii_) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid("This is not a domain name.")
    return ascii_
