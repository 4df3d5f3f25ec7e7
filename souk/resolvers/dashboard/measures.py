"""What is counted: each measure is a list with a filter, so that the list under that filter gives its rows and no others."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import strawberry
from sqlalchemy import BigInteger, ColumnElement, Integer, Text, cast, func, literal, literal_column, null
from sqlalchemy.dialects.postgresql import JSONB
from strawberry.utils.str_converters import to_camel_case

from ...engine.counts import kept
from ...engine.symbols import GlobalId, Viewer
from ...models import Alert, Offer
from ...rules import lead as lead_rules
from ...rules import offer as offer_rules
from ...rules.alert import ENDED
from ...rules.enums import (
    AlertStatus,
    BatchStatus,
    DashboardMetric,
    ImpactTermName,
    LeadStatus,
    ListingStatus,
    ListName,
    OfferStatus,
    TicketStatus,
)
from ..filters import encoded
from ..impact import at_risk
from ..lists import LISTS
from ..task import OPEN as OPEN_TASKS
from .frame import Frame, told

LIVE_ALERTS = [each for each in AlertStatus if each not in ENDED]
OPEN_OFFERS = [each for each in OfferStatus if each in offer_rules.OPEN]
OPEN_LEADS = [each for each in LeadStatus if each in lead_rules.LIVE]
OPEN_TICKETS = [TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.WAITING_ON_REQUESTER, TicketStatus.ON_HOLD]

RECOVERED = cast(
    func.jsonb_path_query_first(
        Alert.impact, literal_column(f"""'$.terms[*] ? (@.name == "{ImpactTermName.RECOVERED}").amount.minor'""")
    ),
    BigInteger,
)
Money = Callable[[Viewer], tuple[Any, Any]]
"""The money of a row as a viewer may know it: minor units and currency."""


def money_at_risk(viewer: Viewer) -> tuple[Any, Any]:
    return at_risk(viewer, otherwise=0), Alert.currency


def money_won_back(_: Viewer) -> tuple[Any, Any]:
    return func.coalesce(RECOVERED, 0), Alert.currency


def money_offered(_: Viewer) -> tuple[Any, Any]:
    return Offer.amount_minor, Offer.currency


class Measure(NamedTuple):
    """A list, the filter over a frame, the money of its rows, and whether it is a flow.

    A flow is counted over the range and compared with the range before; the rest is how things are now.
    """

    list: ListName
    filter: Callable[[Frame], dict[str, Any]]
    money: Money | None = None
    flow: bool = False


def _now(list: ListName, /, money: Money | None = None, **given: Any) -> Measure:
    return Measure(list, lambda frame: _about(frame, list) | given, money)


def _flow(list: ListName, since: str, before: str, /, money: Money | None = None, **given: Any) -> Measure:
    def filter(frame: Frame) -> dict[str, Any]:
        return _about(frame, list) | given | {since: frame.since, before: frame.before}

    return Measure(list, filter, money, flow=True)


def _created(list: ListName, money: Money | None = None) -> Measure:
    return _flow(list, "created_since", "created_before", money)


def _about(frame: Frame, list: ListName) -> dict[str, Any]:
    """The condition that a dealer's dashboard adds."""
    return {} if frame.dealer is None else {"dealer_id": GlobalId("Dealer", frame.dealer)}


FLOWS: dict[DashboardMetric, Measure] = {
    DashboardMetric.ALERTS_OPENED: _flow(ListName.ALERTS, "first_seen_since", "first_seen_before", money_at_risk),
    DashboardMetric.ALERTS_CURED: _flow(
        ListName.ALERTS, "resolved_since", "resolved_before", money_won_back, status=[AlertStatus.RESOLVED]
    ),
    DashboardMetric.BATCHES_ENDED: _flow(ListName.BATCHES, "ended_since", "ended_before"),
    DashboardMetric.LEADS_CREATED: _created(ListName.LEADS),
    DashboardMetric.LISTINGS_CREATED: _created(ListName.LISTINGS),
    DashboardMetric.OFFERS_CREATED: _created(ListName.OFFERS, money_offered),
    DashboardMetric.TASKS_CREATED: _created(ListName.TASKS),
    DashboardMetric.TICKETS_CREATED: _created(ListName.TICKETS),
}
LIVE = _now(ListName.ALERTS, money_at_risk, status=LIVE_ALERTS)
AWAITING_CURE = _now(ListName.ALERTS, money_at_risk, status=[AlertStatus.AWAITING_CURE])
BREACHING = _now(ListName.DEALERS, breaching=True)
REPEATING = _now(ListName.DEALERS, repeat_offender=True)
OPEN = _now(ListName.TASKS, status=[*OPEN_TASKS])
OVERDUE = _now(ListName.TASKS, overdue=True)
RUNNING = _now(ListName.BATCHES, status=[BatchStatus.RUNNING])
ACTIVE = _now(ListName.LISTINGS, status=[ListingStatus.ACTIVE])
IN_REVIEW = _now(ListName.LISTINGS, status=[ListingStatus.PENDING_REVIEW])
OFFERED = _now(ListName.OFFERS, money_offered, status=OPEN_OFFERS)
ASKED = _now(ListName.LEADS, status=OPEN_LEADS)
TICKETS = _now(ListName.TICKETS, status=OPEN_TICKETS)


def rows_of(viewer: Viewer, measure: Measure, given: dict[str, Any], *keys: Any) -> Any:
    """The rows under a filter, counted by currency (and by `keys`): `n`, `minor`, `currency`, `key`."""
    listed = LISTS[measure.list]
    made = listed.filter(**{name: strawberry.Some(value) for name, value in given.items()})
    minor, currency = measure.money(viewer) if measure.money else (null(), null())
    found = listed.read(viewer, filter=made).where(listed.model.tenant_id == viewer.tenant_id).order_by(None)
    if measure.money is None and (known := kept(found, *keys)) is not None:
        return known.add_columns(cast(null(), BigInteger).label("minor"), cast(null(), Text).label("currency"))
    found = found.with_only_columns(
        *(key.label("key") for key in keys),
        func.count().label("n"),
        cast(func.sum(minor), BigInteger).label("minor") if measure.money else cast(null(), BigInteger).label("minor"),
        currency.label("currency") if measure.money else cast(null(), Text).label("currency"),
        maintain_column_froms=True,
    )
    by = [*keys, *([currency] if measure.money else [])]
    return found.group_by(*by) if by else found


def counted(counts: Any) -> list[Any]:
    """`value` and `amounts` of counts by currency."""
    sums = func.jsonb_object_agg(counts.c.currency, counts.c.minor, type_=JSONB).filter(counts.c.currency.is_not(None))
    return [
        cast(func.coalesce(func.sum(counts.c.n), 0), Integer).label("value"),
        func.coalesce(sums, literal({}, JSONB), type_=JSONB).label("amounts"),
    ]


def shown(given: dict[str, Any], more: Sequence[Any] = ()) -> ColumnElement[Any]:
    """A filter as a client passes it: `{"status": ["OPEN"], "createdSince": "…Z"}`. `more`: further keys and values."""
    fixed: dict[str, Any] = {}
    made = [*more]
    for name, value in given.items():
        key = to_camel_case(name)
        if isinstance(value, list):
            fixed[key] = [str(each) for each in value]
        elif isinstance(value, GlobalId):
            made += [literal_column(f"'{key}'"), encoded(value)]
        elif isinstance(value, bool):
            fixed[key] = value
        else:
            made += [literal_column(f"'{key}'"), told(value)]
    whole: ColumnElement[Any] = literal(fixed, JSONB)
    return whole.op("||", return_type=JSONB())(func.jsonb_build_object(*made, type_=JSONB)) if made else whole


def names_of(filter: type) -> set[str]:
    """The conditions that a filter knows."""
    return {each.name for each in dataclasses.fields(filter)}
