"""The time that a dashboard speaks of: a range, the one before it, and how it is cut into days and weeks of a zone."""

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import strawberry
from sqlalchemy import ColumnElement, DateTime, Interval, Select, Text, cast, func, literal, literal_column, select

from ...engine.errors import BadUserInput
from ...engine.scalars import DateTime as Moment
from ...engine.symbols import BadInput, getter, is_symbol, symbol
from ...models import Tenant
from ...rules.enums import DashboardBucket

LONGEST = timedelta(days=366)
DAYS = 30
"""Whole days of a range that nobody names, today among them."""
POINTS = 400
MOMENT = DateTime(timezone=True)
WALL = DateTime()


@strawberry.input(description="A range of time, of more than nothing and at most 366 days.")
class TimeRange:
    from_: Moment = strawberry.field(name="from", description="The first moment of it.")
    to: Moment = strawberry.field(description="The first moment after it.")


class Frame(NamedTuple):
    """What the conditions of a number are made of: two moments, and the dealer it is about, as an id with a column."""

    since: Any
    before: Any
    dealer: Any = None


def checked(since: datetime, before: datetime) -> str | None:
    """What is wrong with a range."""
    if since >= before:
        return "A range ends after it begins."
    return "A range has at most 366 days." if before - since > LONGEST else None


def ends_of(range: TimeRange | None, zone: Any) -> tuple[Any, Any]:
    """Both ends of the range, by default of the last 30 days as the zone has them. Raises BadUserInput."""
    if range is None:
        tomorrow = func.date_trunc("day", func.timezone(zone, func.now(), type_=WALL), type_=WALL) + days(1)
        return func.timezone(zone, tomorrow - days(DAYS), type_=MOMENT), func.timezone(zone, tomorrow, type_=MOMENT)
    given = (range.from_, range.to)
    if not any(map(is_symbol, given)):
        if wrong := checked(*given):
            raise BadUserInput(wrong)
        return literal(given[0], MOMENT), literal(given[1], MOMENT)

    def end(place: int) -> Any:
        def found(actor: Any, variables: dict[str, Any]) -> datetime:
            ends = [getter(each)(actor, variables) if is_symbol(each) else each for each in given]
            if wrong := checked(*ends):
                raise BadInput(wrong)
            return ends[place]

        return symbol(MOMENT, found)

    return end(0), end(1)


def days(number: int) -> ColumnElement[Any]:
    return literal_column(f"interval '{number} days'", Interval())


def zone_of(given: Any) -> Any:
    """The zone as asked for, else the tenant's."""
    return Tenant.timezone if given is None else (given if is_symbol(given) else literal(given, Text()))


def earlier(at: Any, since: Any, before: Any, zone: Any) -> ColumnElement[Any]:
    """The same moment one length of the range before, by the clock on the wall."""

    def wall(moment: Any) -> Any:
        return func.timezone(zone, moment, type_=WALL)

    return func.timezone(zone, wall(at) - (wall(before) - wall(since)), type_=MOMENT)


def columns(range: TimeRange | None, zone: Any) -> list[Any]:
    """What a dashboard knows of its time: `since`, `before`, `prev_since`, `zone`."""
    since, before = ends_of(range, zone)
    return [
        since.label("since"),
        before.label("before"),
        earlier(since, since, before, zone).label("prev_since"),
        cast(zone, Text()).label("zone"),
    ]


def buckets(frame: Frame, zone: Any, bucket: DashboardBucket) -> Select[Any]:
    """The calendar days or ISO weeks that the range touches, cut at its ends: `since`, `before`, in their order."""
    unit, step = ("week", days(7)) if bucket is DashboardBucket.WEEK else ("day", days(1))

    def wall(moment: Any) -> Any:
        return func.timezone(zone, moment, type_=WALL)

    first = func.date_trunc(unit, wall(frame.since), type_=WALL)
    each = (
        func.generate_series(first, wall(frame.before), step, type_=WALL).table_valued("at").render_derived(name="day")
    )
    at = literal_column("day.at", WALL)
    since = func.greatest(func.timezone(zone, at, type_=MOMENT), frame.since, type_=MOMENT)
    before = func.least(func.timezone(zone, at + step, type_=MOMENT), frame.before, type_=MOMENT)
    cut = select(since.label("since"), before.label("before")).select_from(each).subquery("cut")
    return select(cut.c.since, cut.c.before).where(cut.c.since < cut.c.before)


def told(moment: Any) -> ColumnElement[Any]:
    """A moment as the API writes it."""
    text = cast(func.to_json(moment), Text())
    return func.concat(func.substr(text, 2, func.length(text) - 8), "Z", type_=Text())
