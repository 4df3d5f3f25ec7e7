"""Dashboards as reads: a frame of time, and numbers that each say which rows they count."""

from collections.abc import Callable
from typing import Any

import strawberry
from sqlalchemy import Integer, Select, Text, Uuid, cast, false, func, literal, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import JSONB

from ...engine.scalars import TimeZone
from ...engine.symbols import Viewer, key
from ...models import Dealer, Tenant
from ...permissions.dashboard import ReadsDashboard, ReadsDealerDashboard
from ...permissions.dealer import SeesDealer
from ...rules.enums import DashboardBucket, DashboardMetric
from ..lists import LISTS
from .frame import MOMENT, Frame, TimeRange, buckets, columns, earlier, ends_of, zone_of
from .measures import FLOWS, Measure, counted, rows_of, shown

Read = Callable[[Viewer, Any], Select[Any]]
NOTHING: list[Any] = [
    cast(null(), Integer).label("previous"),
    cast(null(), JSONB).label("previous_amounts"),
    cast(null(), JSONB).label("previous_filter"),
]


def dashboard_summary(viewer: Viewer, range: TimeRange | None = None, time_zone: TimeZone | None = None) -> Select[Any]:
    """The numbers of the whole tenant, each over rows that the viewer may see; null for a dealer, which has its own."""
    found = select(cast(null(), Text).label("none"), *columns(range, zone_of(time_zone)))
    return found.where(Tenant.id == viewer.tenant_id, ReadsDashboard().rows(viewer)).select_from(Tenant)


def dealer_dashboard(
    viewer: Viewer, dealer_id: strawberry.ID, range: TimeRange | None = None, time_zone: TimeZone | None = None
) -> Select[Any]:
    """The numbers of one dealer, for itself and for staff."""
    found = select(Dealer.id.label("dealer_id"), *columns(range, zone_of(time_zone)))
    return of_dealer(viewer, dealer_id, found)


def dealer_of_board(viewer: Viewer, board: Any) -> Select[Dealer]:
    """The dealer they are about."""
    return select(Dealer).where(Dealer.id == board.dealer_id, SeesDealer().rows(viewer))


def of_dealer(viewer: Viewer, dealer_id: strawberry.ID, found: Select[Any]) -> Select[Any]:
    """The same Select beside a dealer whose numbers the viewer may read."""
    return found.select_from(Dealer).join(Tenant, Tenant.id == Dealer.tenant_id).where(
        Dealer.tenant_id == viewer.tenant_id, Dealer.id == key(dealer_id, Dealer), ReadsDealerDashboard().rows(viewer)
    )  # fmt: skip


def frame_of(board: Any, *, dealer: bool) -> Frame:
    return Frame(board.since, board.before, board.dealer_id if dealer else None)


def number(measure: Measure, *, dealer: bool = False) -> Read:
    """The read of one number of a dashboard, of the tenant's or of a dealer's."""

    def read(viewer: Viewer, board: Any) -> Select[Any]:
        frame = frame_of(board, dealer=dealer)
        given = measure.filter(frame)
        counts = rows_of(viewer, measure, given).subquery("counts")
        found = select(
            *counted(counts),
            literal(measure.list.value, Text()).label("list"),
            shown(given).label("filter"),
            *before_of(viewer, measure, Frame(board.prev_since, board.since, frame.dealer)),
        ).select_from(counts)
        # One row even for a client that asks for neither sum: without HAVING there would be one for each currency.
        return found.having(true())

    return read


def before_of(viewer: Viewer, measure: Measure, frame: Frame) -> list[Any]:
    """`previous`, `previous_amounts` and `previous_filter` of a flow; nothing of how things are now."""
    if not measure.flow:
        return NOTHING
    given = measure.filter(frame)
    counts = rows_of(viewer, measure, given).subquery("earlier")
    value, amounts = counted(counts)
    return [
        select(value).scalar_subquery().label("previous"),
        select(amounts).scalar_subquery().label("previous_amounts"),
        shown(given).label("previous_filter"),
    ]


def groups(measure: Measure, column: Any, name: str, *, dealer: bool = False) -> Read:
    """The read of a number by the words of a column, which the filter calls `name`: those that count something."""

    def read(viewer: Viewer, board: Any) -> Select[Any]:
        given = measure.filter(frame_of(board, dealer=dealer))
        counts = rows_of(viewer, measure, given, column).subquery("counts")
        narrowed = {each: value for each, value in given.items() if each != name}
        one = func.jsonb_build_array(counts.c.key)
        return (
            select(
                counts.c.key.label("key"),
                *counted(counts),
                literal(measure.list.value, Text()).label("list"),
                shown(narrowed, (literal_column(f"'{name}'"), one)).label("filter"),
            )
            .select_from(counts)
            .group_by(counts.c.key)
            .order_by(counts.c.key)
        )

    return read


# Over time --------------------------------------------------------------------------------------------------------


def series(
    viewer: Viewer,
    board: Any,
    metric: DashboardMetric,
    range: TimeRange | None = None,
    bucket: DashboardBucket = DashboardBucket.DAY,
    time_zone: TimeZone | None = None,
    compare: bool = True,
) -> Select[Any]:
    """A number over time, in the dashboard's range unless another is named; empty where its list is not the viewer's to read."""
    zone = board.zone if time_zone is None else zone_of(time_zone)
    since, before = (board.since, board.before) if range is None else ends_of(range, zone)
    return points(viewer, FLOWS[metric], Frame(since, before), zone, bucket, compare)


def dealer_series(
    viewer: Viewer,
    board: Any,
    metric: DashboardMetric,
    range: TimeRange | None = None,
    bucket: DashboardBucket = DashboardBucket.DAY,
    time_zone: TimeZone | None = None,
    compare: bool = True,
) -> Select[Any]:
    """A number of the dealer over time, in the dashboard's range unless another is named; empty where its list is not the
    viewer's to read."""
    zone = board.zone if time_zone is None else zone_of(time_zone)
    since, before = (board.since, board.before) if range is None else ends_of(range, zone)
    return points(viewer, FLOWS[metric], Frame(since, before, board.dealer_id), zone, bucket, compare)


def dealer_analytics(
    viewer: Viewer,
    dealer_id: strawberry.ID,
    metric: DashboardMetric,
    range: TimeRange | None = None,
    bucket: DashboardBucket = DashboardBucket.DAY,
    time_zone: TimeZone | None = None,
    compare: bool = True,
) -> Select[Any]:
    """A number of one dealer over time, for itself and for staff; by default over the last 30 days."""
    board = dealer_dashboard(viewer, dealer_id, range, time_zone).subquery("board")
    since, before = (literal_column(f"board.{name}", MOMENT) for name in ("since", "before"))
    frame = Frame(since, before, literal_column("board.dealer_id", Uuid()))
    return points(viewer, FLOWS[metric], frame, literal_column("board.zone", Text()), bucket, compare, board)


def points(
    viewer: Viewer,
    measure: Measure,
    frame: Frame,
    zone: Any,
    bucket: DashboardBucket,
    compare: bool,
    board: Any = None,
) -> Select[Any]:
    """One point for each bucket of the frame; beside it the same stretch of the range before, by the clock on the wall.

    What is nested names the rows around it as text, since SQLAlchemy would select from them once more.
    """
    cut = buckets(frame, zone, bucket).subquery("cut")
    former = [earlier(each, frame.since, frame.before, zone) for each in (cut.c.since, cut.c.before)]
    ends = select(*cut.c, former[0].label("prev_since"), former[1].label("prev_before")).lateral("point")
    at = {name: literal_column(f"point.{name}", MOMENT) for name in ("since", "before", "prev_since", "prev_before")}
    now = measure.filter(Frame(at["since"], at["before"], frame.dealer))
    then = measure.filter(Frame(at["prev_since"], at["prev_before"], frame.dealer))
    found = select(*counted(rows_of(viewer, measure, now).subquery("counts"))).lateral("now")
    joined = (ends if board is None else board.join(ends, true())).join(found, true())
    before = NOTHING
    if compare:
        earlier_ = select(*counted(rows_of(viewer, measure, then).subquery("earlier"))).lateral("then")
        joined = joined.join(earlier_, true())
        before = [
            earlier_.c.value.label("previous"),
            earlier_.c.amounts.label("previous_amounts"),
            shown(then).label("previous_filter"),
        ]
    made = select(
        ends.c.since.label("since"),
        ends.c.before.label("before"),
        found.c.value.label("value"),
        found.c.amounts.label("amounts"),
        literal(measure.list.value, Text()).label("list"),
        shown(now).label("filter"),
        *before,
    ).select_from(joined)
    if not LISTS[measure.list].gate.admits(viewer.facts):
        made = made.where(false())
    return made.order_by(ends.c.since)
