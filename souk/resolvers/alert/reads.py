"""Alerts as reads: what breaches a policy, on which evidence, at which cost."""

from collections.abc import Iterator
from typing import Annotated, Any

import strawberry
from sqlalchemy import BigInteger, ColumnElement, Integer, Numeric, Select, cast, func, select

from ...engine.scalars import DateTime
from ...engine.symbols import Viewer, among, key
from ...models import (
    Alert,
    AlertRevision,
    Competitor,
    Dealer,
    DomainEvent,
    EvidenceSaleRow,
    EvidenceSnapshot,
    Listing,
    PricePolicy,
    PricePolicyVersion,
    Sku,
)
from ...permissions.alert import SeesAlert, SeesSaleRow, SeesSnapshot
from ...permissions.competitor import SeesCompetitor
from ...permissions.dealer import SeesDealer
from ...permissions.listing import SeesListing
from ...permissions.policy import SeesPolicy
from ...permissions.sku import SeesSku
from ...rules.enums import AlertKind, AlertStatus, Described, Severity
from ..enums import known
from ..event import shown_of_alert
from ..evidence import in_hex, rehashed
from ..filters import conditions, during, refers_to


@known
class AlertOrder(Described):
    """The order of a list of alerts."""

    NEWEST = "NEWEST", "The cycle that began last first."
    OLDEST = "OLDEST", "The cycle that began first first."
    SCORE = "SCORE", "The gravest first."
    UPDATED = "UPDATED", "What changed last first."


ALERT_ORDER: dict[AlertOrder, Any] = {
    AlertOrder.NEWEST: Alert.first_seen_at.desc(),
    AlertOrder.OLDEST: Alert.first_seen_at.asc(),
    AlertOrder.SCORE: Alert.score_tenths.desc(),
    AlertOrder.UPDATED: Alert.updated_at.desc(),
}


@strawberry.input(description="Conditions on alerts; all must hold.")
class AlertFilter:
    status: strawberry.Maybe[list[AlertStatus]] = strawberry.field(description="In one of these states.", default=None)
    kind: strawberry.Maybe[list[AlertKind]] = strawberry.field(description="Of one of these kinds.", default=None)
    severity: strawberry.Maybe[list[Severity]] = strawberry.field(description="In one of these bands.", default=None)
    dealer_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this dealer.", default=None)
    sku_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="About this SKU.", default=None)
    first_seen_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Whose cycle began at or after this moment.", default=None
    )
    first_seen_before: strawberry.Maybe[DateTime] = strawberry.field(
        description="Whose cycle began before this moment.", default=None
    )
    resolved_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Resolved at or after this moment.", default=None
    )
    resolved_before: strawberry.Maybe[DateTime] = strawberry.field(
        description="Resolved before this moment.", default=None
    )
    min_cycle: strawberry.Maybe[int] = strawberry.field(
        description="In this cycle or a later one: 2 for what came back once.", default=None
    )
    repeat_offender: strawberry.Maybe[bool] = strawberry.field(
        description="True: what came back, in its second cycle or later; false: what did not.", default=None
    )
    repeat_offenders: strawberry.Maybe[bool] = strawberry.field(
        description="The same as `repeatOffender`.",
        deprecation_reason="Named as for dealers: use repeatOffender; removed after 2027-05-31.",
        default=None,
    )
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.status:
            yield among(Alert.status, self.status.value)
        if self.kind:
            yield among(Alert.kind, self.kind.value)
        if self.severity:
            yield among(Alert.severity, self.severity.value)
        if self.dealer_id:
            yield refers_to(Alert.dealer_id, self.dealer_id.value, Dealer)
        if self.sku_id:
            yield refers_to(Alert.sku_id, self.sku_id.value, Sku)
        yield from during(Alert.first_seen_at, self.first_seen_since, self.first_seen_before)
        yield from during(Alert.resolved_at, self.resolved_since, self.resolved_before)
        if self.min_cycle:
            yield Alert.cycle >= self.min_cycle.value
        for asked in (self.repeat_offender, self.repeat_offenders):
            if asked:
                yield Alert.cycle > 1 if asked.value else Alert.cycle == 1
        if self.updated_since:
            yield Alert.updated_at >= self.updated_since.value


def alerts(
    viewer: Viewer, filter: AlertFilter | None = None, order_by: AlertOrder = AlertOrder.NEWEST
) -> Select[Alert]:
    """Alerts the viewer may see."""
    return select(Alert).where(SeesAlert().rows(viewer), *conditions(filter, viewer)).order_by(ALERT_ORDER[order_by])


def alert(viewer: Viewer, id: strawberry.ID) -> Select[Alert]:
    """One alert by its id."""
    return select(Alert).where(Alert.id == key(id, Alert), SeesAlert().rows(viewer))


def alerts_of_dealer(
    viewer: Viewer, dealer: Dealer, filter: AlertFilter | None = None, order_by: AlertOrder = AlertOrder.NEWEST
) -> Select[Alert]:
    """Alerts about the dealer that the viewer may see."""
    return alerts(viewer, filter, order_by).where(Alert.dealer_id == dealer.id)


def alerts_of_sku(
    viewer: Viewer, sku: Sku, filter: AlertFilter | None = None, order_by: AlertOrder = AlertOrder.NEWEST
) -> Select[Alert]:
    """Alerts about the SKU that the viewer may see."""
    return alerts(viewer, filter, order_by).where(Alert.sku_id == sku.id)


def dealer_of_alert(viewer: Viewer, alert: Alert) -> Select[Dealer]:
    """The dealer who breaches; null for a competitor."""
    return select(Dealer).where(Dealer.id == alert.dealer_id, SeesDealer().rows(viewer))


def competitor_of_alert(viewer: Viewer, alert: Alert) -> Select[Competitor]:
    """The competitor; null for a dealer of ours."""
    return select(Competitor).where(Competitor.id == alert.competitor_id, SeesCompetitor().rows(viewer))


def sku_of_alert(viewer: Viewer, alert: Alert) -> Select[Sku]:
    """The thing."""
    return select(Sku).where(Sku.id == alert.sku_id, SeesSku().rows(viewer))


def listing_of_alert(viewer: Viewer, alert: Alert) -> Select[Listing]:
    """The listing last seen in breach; null when the price was seen elsewhere."""
    return select(Listing).where(Listing.id == alert.listing_id, SeesListing().rows(viewer))


def policy_of_alert(viewer: Viewer, alert: Alert) -> Select[PricePolicy]:
    """The policy that is breached; null for those who may not read it."""
    version = select(PricePolicyVersion.policy_id).where(
        PricePolicyVersion.tenant_id == viewer.tenant_id, PricePolicyVersion.id == alert.policy_version_id
    )
    return select(PricePolicy).where(PricePolicy.id.in_(version), SeesPolicy().rows(viewer))


def rule_of_alert(viewer: Viewer, alert: Any) -> Select[Any]:
    """Why this price is a breach: the version of the policy, its tolerance, and how far the price is past the limit."""
    version = PricePolicyVersion
    gap = func.abs(alert.policy_minor - alert.price_minor, type_=BigInteger())
    depth = func.least(func.round(cast(gap, Numeric) * 10_000 / alert.policy_minor), 2_147_483_647)
    tolerance = func.greatest(
        version.tolerance_minor, cast(func.floor(cast(alert.policy_minor, Numeric) * version.tolerance_bp / 10_000), BigInteger)
    )  # fmt: skip
    return (
        select(
            PricePolicy.kind.label("kind"),
            version.n.label("n"),
            version.currency.label("currency"),
            alert.policy_minor.label("limit_minor"),
            cast(tolerance, BigInteger).label("tolerance_minor"),
            version.tolerance_bp.label("tolerance_bp"),
            alert.price_minor.label("price_minor"),
            gap.label("gap_minor"),
            cast(depth, Integer).label("depth_bp"),
            version.recorded_at.label("recorded_at"),
        )
        .select_from(version)
        .join(PricePolicy, (PricePolicy.tenant_id == version.tenant_id) & (PricePolicy.id == version.policy_id))
        .where(version.tenant_id == viewer.tenant_id, version.id == alert.policy_version_id)
    )


def snapshots_of_alert(viewer: Viewer, alert: Alert) -> Select[EvidenceSnapshot]:
    """Prices that were seen, in the order of the chain."""
    asked = select(EvidenceSnapshot).where(EvidenceSnapshot.alert_id == alert.id, SeesSnapshot().rows(viewer))
    return asked.order_by(EvidenceSnapshot.n.asc())


def sale_rows_of_alert(viewer: Viewer, alert: Alert) -> Select[EvidenceSaleRow]:
    """Sales at these prices, the latest first; a dealer sees its own."""
    asked = select(EvidenceSaleRow).where(EvidenceSaleRow.alert_id == alert.id, SeesSaleRow().rows(viewer))
    return asked.order_by(EvidenceSaleRow.occurred_at.desc())


def evidence_snapshot(viewer: Viewer, id: strawberry.ID) -> Select[EvidenceSnapshot]:
    """One price that was seen, by its id."""
    return select(EvidenceSnapshot).where(EvidenceSnapshot.id == key(id, EvidenceSnapshot), SeesSnapshot().rows(viewer))


def evidence_sale_row(viewer: Viewer, id: strawberry.ID) -> Select[EvidenceSaleRow]:
    """One sale by its id."""
    return select(EvidenceSaleRow).where(EvidenceSaleRow.id == key(id, EvidenceSaleRow), SeesSaleRow().rows(viewer))


def dealer_of_sale_row(viewer: Viewer, row: EvidenceSaleRow) -> Select[Dealer]:
    """Who sold; null for a competitor."""
    return select(Dealer).where(Dealer.id == row.dealer_id, SeesDealer().rows(viewer))


def chain_of_alert(viewer: Viewer, alert: Any) -> Select[Any]:
    """Whether the evidence is what was recorded, hashed anew where it lies."""
    before = func.lag(EvidenceSnapshot.hash).over(order_by=EvidenceSnapshot.n)
    links = (
        select(
            EvidenceSnapshot.n,
            EvidenceSnapshot.hash,
            (EvidenceSnapshot.prev_hash.is_not_distinct_from(before) & (EvidenceSnapshot.hash == rehashed())).label(
                "holds"
            ),
        )
        .where(EvidenceSnapshot.tenant_id == viewer.tenant_id, EvidenceSnapshot.alert_id == alert.id)
        .where(SeesSnapshot().rows(viewer))
        .subquery("links")
    )
    found = select(
        func.min(links.c.n).filter(~links.c.holds).label("bad"),
        func.coalesce(func.max(links.c.n), 0).label("last"),
        func.coalesce(func.bool_or(links.c.hash == alert.evidence_head), False).label("ends"),
    ).subquery("found")
    cut = (found.c.last + 1, alert.evidence_head.is_not(None) & ~found.c.ends)
    broken = func.coalesce(found.c.bad, func.nullif(cast(cut[1], Integer) * cut[0], 0), type_=Integer())
    return select(
        in_hex(alert.evidence_head).label("head"), broken.is_(None).label("verified"), broken.label("broken_at")
    ).select_from(found)


KnownAt = Annotated[DateTime, strawberry.argument(description="What was known at this moment, in UTC.")]


def alert_revision(viewer: Viewer, id: strawberry.ID) -> Select[AlertRevision]:
    """How an alert stood from a moment on, by its id."""
    of = (Alert.tenant_id == AlertRevision.tenant_id) & (Alert.id == AlertRevision.alert_id)
    asked = select(AlertRevision).join(Alert, of)
    return asked.where(AlertRevision.id == key(id, AlertRevision), SeesAlert().rows(viewer))


def revisions_of_alert(viewer: Viewer, alert: Alert) -> Select[AlertRevision]:
    """How it stood after each change, with its cost as it was known then, the newest first."""
    return select(AlertRevision).where(AlertRevision.alert_id == alert.id).order_by(AlertRevision.n.desc())


def alert_as_of(viewer: Viewer, alert: Alert, at: KnownAt) -> Select[AlertRevision]:
    """How it stood at that moment, in UTC; null before it was raised."""
    return revisions_of_alert(viewer, alert).where(AlertRevision.created_at <= at).limit(1)


def timeline_of_alert(viewer: Viewer, alert: Alert) -> Select[DomainEvent]:
    """Everything that happened to the alert, in its order."""
    asked = select(DomainEvent).where(DomainEvent.subject_id == alert.id, shown_of_alert(viewer))
    return asked.order_by(DomainEvent.seq.asc())
