"""Dashboards as clients see them: numbers, and behind each number its rows."""

from typing import Any, TypeAlias

import strawberry

from ..engine.declare import Money, column, one, some, to_list, to_one, totals
from ..engine.scalars import JSON, DateTime, TimeZone
from ..models import Alert
from ..permissions.alert import SeesAlert
from ..permissions.base import may
from ..permissions.batch import SeesBatch
from ..permissions.dealer import SeesDealer
from ..permissions.lead import SeesLead
from ..permissions.listing import SeesListing
from ..permissions.offer import SeesOffer
from ..permissions.task import SeesTask
from ..permissions.ticket import SeesTicket
from ..resolvers import dashboard as resolve
from ..resolvers.dashboard import groups, measures, number
from ..resolvers.dashboard.frame import POINTS
from ..rules.enums import DashboardMetric, ListName
from .dealer import Dealer

Sums: TypeAlias = list[Money]
NUMBER, POINT = 2, 20
"""What they weigh besides their rows: a number reads many rows to tell one, a series does so for every point."""
ROWS = "How many rows they are; not capped as `totalCount` is."
MONEY = "Their money, one amount per currency; empty where they have none."
LIST = "The list that shows them."
FILTER = "What the list takes as `filter` to give them and no others."
THEN = "Null for how things are now, and where no comparison was asked for."


def _since() -> Any:
    made = column("since", description="The first moment it covers.")
    made.graphql_name = "from"  # a word of Python's, so that the attribute cannot bear it
    return made


@strawberry.type(description="A number, and where its rows are found.")
class DashboardNumber:
    value: int = strawberry.field(description=ROWS)
    amounts: Sums = totals("amounts", description=MONEY)
    list: ListName = strawberry.field(description=LIST)
    filter: JSON = strawberry.field(description=FILTER)
    previous: int | None = strawberry.field(description=f"The same over the range before. {THEN}")
    previous_amounts: Sums | None = totals("previous_amounts", description=f"The money of those. {THEN}")
    previous_filter: JSON | None = strawberry.field(description=f"What the list takes to give those. {THEN}")


@strawberry.type(description="The rows that have one word in a column; a word without rows is left out.")
class DashboardGroup:
    key: str = strawberry.field(description="The word, of the enum that the field names.")
    value: int = strawberry.field(description=ROWS)
    amounts: Sums = totals("amounts", description=MONEY)
    list: ListName = strawberry.field(description=LIST)
    filter: JSON = strawberry.field(description=FILTER)


@strawberry.type(description="A number of one day or one week.")
class DashboardPoint:
    from_: DateTime = _since()
    to: DateTime = column("before", description="The first moment after it.")
    value: int = strawberry.field(description=ROWS)
    amounts: Sums = totals("amounts", description=MONEY)
    list: ListName = strawberry.field(description=LIST)
    filter: JSON = strawberry.field(description=FILTER)
    previous: int | None = strawberry.field(
        description=f"The same one length of the range before, by the clock on the wall. {THEN}"
    )
    previous_amounts: Sums | None = totals("previous_amounts", description=f"The money of those. {THEN}")
    previous_filter: JSON | None = strawberry.field(description=f"What the list takes to give those. {THEN}")


Groups: TypeAlias = list[DashboardGroup]
Points: TypeAlias = list[DashboardPoint]


def _number(measure: measures.Measure, gate: Any, description: str, *, dealer: bool = False) -> Any:
    return to_one(number(measure, dealer=dealer), gate=gate, weight=NUMBER, description=description)


def _flow(metric: DashboardMetric, gate: Any, description: str, *, dealer: bool = False) -> Any:
    return _number(measures.FLOWS[metric], gate, description, dealer=dealer)


def _groups(column: Any, name: str, description: str) -> Any:
    return to_list(groups(measures.LIVE, column, name), gate=SeesAlert(), weight=NUMBER, description=description)


@strawberry.type(description="The numbers of the tenant; one is null where its list is not the viewer's to read.")
class DashboardSummary:
    from_: DateTime = _since()
    to: DateTime = column("before", description="The first moment after the range.")
    time_zone: TimeZone = column("zone", description="Whose days are meant.")
    live_alerts: DashboardNumber | None = _number(
        measures.LIVE, SeesAlert(), "Alerts neither resolved nor dismissed; amounts are the money at risk."
    )
    alerts_by_severity: Groups | None = _groups(Alert.severity, "severity", "Live alerts by `Severity`.")
    alerts_by_kind: Groups | None = _groups(Alert.kind, "kind", "Live alerts by `AlertKind`.")
    alerts_by_status: Groups | None = _groups(Alert.status, "status", "Live alerts by `AlertStatus`.")
    awaiting_cure: DashboardNumber | None = _number(
        measures.AWAITING_CURE, SeesAlert(), "Alerts whose cure time runs; amounts are the money at risk."
    )
    breaching_dealers: DashboardNumber | None = _number(measures.BREACHING, SeesDealer(), "Dealers with a live alert.")
    repeat_offenders: DashboardNumber | None = _number(
        measures.REPEATING, SeesDealer(), "Dealers with a live alert in its second cycle or a later one."
    )
    alerts_opened: DashboardNumber | None = _flow(
        DashboardMetric.ALERTS_OPENED, SeesAlert(), "Alerts whose present cycle began in the range."
    )
    alerts_cured: DashboardNumber | None = _flow(
        DashboardMetric.ALERTS_CURED, SeesAlert(), "Alerts resolved in the range; amounts are the margin recovered."
    )
    open_tasks: DashboardNumber | None = _number(measures.OPEN, SeesTask(), "Tasks that are not ended.")
    overdue_tasks: DashboardNumber | None = _number(measures.OVERDUE, SeesTask(), "Open tasks past their due time.")
    running_batches: DashboardNumber | None = _number(measures.RUNNING, SeesBatch(), "Batches that run.")
    batches_ended: DashboardNumber | None = _flow(
        DashboardMetric.BATCHES_ENDED, SeesBatch(), "Batches that came to rest in the range."
    )
    active_listings: DashboardNumber | None = _number(measures.ACTIVE, SeesListing(), "Listings that are ACTIVE.")
    listings_in_review: DashboardNumber | None = _number(
        measures.IN_REVIEW, SeesListing(), "Listings that wait for a moderator."
    )
    listings_created: DashboardNumber | None = _flow(
        DashboardMetric.LISTINGS_CREATED, SeesListing(), "Listings made in the range."
    )
    open_offers: DashboardNumber | None = _number(
        measures.OFFERED, SeesOffer(), "Offers that wait for an answer; amounts are what is on the table."
    )
    offers_created: DashboardNumber | None = _flow(
        DashboardMetric.OFFERS_CREATED, SeesOffer(), "Offers made in the range."
    )
    open_leads: DashboardNumber | None = _number(measures.ASKED, SeesLead(), "Leads that are followed up.")
    leads_created: DashboardNumber | None = _flow(DashboardMetric.LEADS_CREATED, SeesLead(), "Leads of the range.")
    open_tickets: DashboardNumber | None = _number(measures.TICKETS, SeesTicket(), "Tickets that are not ended.")
    tickets_created: DashboardNumber | None = _flow(
        DashboardMetric.TICKETS_CREATED, SeesTicket(), "Tickets opened in the range."
    )
    series: Points | None = to_list(resolve.series, POINTS, weight=POINT)


@strawberry.type(description="The numbers of one dealer; one is null where its list is not the viewer's to read.")
class DealerDashboard:
    from_: DateTime = _since()
    to: DateTime = column("before", description="The first moment after the range.")
    time_zone: TimeZone = column("zone", description="Whose days are meant.")
    dealer: Dealer | None = to_one(resolve.dealer_of_board, gate=SeesDealer())
    live_alerts: DashboardNumber | None = _number(
        measures.LIVE, SeesAlert(), "Live alerts about it, for the dealer those it was told of.", dealer=True
    )
    awaiting_cure: DashboardNumber | None = _number(
        measures.AWAITING_CURE, SeesAlert(), "Alerts about it whose cure time runs.", dealer=True
    )
    alerts_opened: DashboardNumber | None = _flow(
        DashboardMetric.ALERTS_OPENED, SeesAlert(), "Alerts about it whose cycle began in the range.", dealer=True
    )
    alerts_cured: DashboardNumber | None = _flow(
        DashboardMetric.ALERTS_CURED, SeesAlert(), "Alerts about it that were resolved in the range.", dealer=True
    )
    open_tasks: DashboardNumber | None = _number(
        measures.OPEN, SeesTask(), "Tasks about it that are not ended; staff alone sees them.", dealer=True
    )
    active_listings: DashboardNumber | None = _number(
        measures.ACTIVE, SeesListing(), "Its listings that are ACTIVE.", dealer=True
    )
    listings_in_review: DashboardNumber | None = _number(
        measures.IN_REVIEW, SeesListing(), "Its listings that wait for a moderator.", dealer=True
    )
    listings_created: DashboardNumber | None = _flow(
        DashboardMetric.LISTINGS_CREATED, SeesListing(), "Its listings made in the range.", dealer=True
    )
    open_offers: DashboardNumber | None = _number(
        measures.OFFERED, SeesOffer(), "Offers for its listings that wait for an answer.", dealer=True
    )
    offers_created: DashboardNumber | None = _flow(
        DashboardMetric.OFFERS_CREATED, SeesOffer(), "Offers for its listings made in the range.", dealer=True
    )
    open_leads: DashboardNumber | None = _number(
        measures.ASKED, SeesLead(), "Leads about its listings that are followed up.", dealer=True
    )
    leads_created: DashboardNumber | None = _flow(
        DashboardMetric.LEADS_CREATED, SeesLead(), "Leads about its listings of the range.", dealer=True
    )
    open_tickets: DashboardNumber | None = _number(
        measures.TICKETS, SeesTicket(), "Tickets of its people that are not ended.", dealer=True
    )
    tickets_created: DashboardNumber | None = _flow(
        DashboardMetric.TICKETS_CREATED, SeesTicket(), "Tickets its people opened in the range.", dealer=True
    )
    series: Points | None = to_list(resolve.dealer_series, POINTS, weight=POINT)


READS = may("dashboard:read")


@strawberry.type
class DashboardQueries:
    dashboard_summary: DashboardSummary | None = one(resolve.dashboard_summary, gate=READS)
    dealer_dashboard: DealerDashboard | None = one(resolve.dealer_dashboard, gate=READS)
    dealer_analytics: Points | None = some(resolve.dealer_analytics, POINTS, gate=READS, weight=POINT)
