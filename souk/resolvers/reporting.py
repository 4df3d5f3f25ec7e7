"""What came of a batch, computed from its items and from what they acted on, as they are now."""

from typing import Any

import strawberry
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    case,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from ..engine.symbols import Viewer, among, key
from ..models import Alert, Batch, BatchItem, Dealer, EvidenceSaleRow
from ..permissions.batch import SeesBatch
from ..permissions.dealer import SeesDealer
from ..rules.enums import AlertKind, AlertStatus

SEEN = {"succeeded": ("SUCCEEDED",), "failed": ("FAILED", "DEAD", "COMPENSATION_FAILED"), "skipped": ("SKIPPED",)}
"""What a report counts apart; the rest of the items waits, was cancelled or was undone."""


def batch_report(viewer: Viewer, batch_id: strawberry.ID) -> Select[*tuple[Any, ...]]:
    """What came of a batch: totals, time, and before and after of what it was made for. Of one that runs, so far."""
    ended = func.coalesce(Batch.ended_at, Batch.updated_at)
    lasted = cast(func.extract("epoch", ended - Batch.started_at) * 1000, BigInteger)
    done = Batch.total - Batch.pending - Batch.cancelled
    return select(
        Batch.id.label("batch_id"),
        Batch.total.label("total"),
        Batch.succeeded.label("succeeded"),
        (Batch.failed + Batch.dead).label("failed"),
        Batch.skipped.label("skipped"),
        lasted.label("duration_ms"),
        cast(func.round(done * 10_000 / func.nullif(lasted, 0)), Integer).label("per_second_tenths"),
    ).where(Batch.id == key(batch_id, Batch), SeesBatch().rows(viewer))


def batch_of_report(viewer: Viewer, report: Any) -> Select[Batch]:
    """The batch itself."""
    return select(Batch).where(Batch.id == report.batch_id, SeesBatch().rows(viewer))


def _items(viewer: Viewer, report: Any) -> list[ColumnElement[bool]]:
    return [BatchItem.tenant_id == viewer.tenant_id, BatchItem.batch_id == report.batch_id]


def _counted(viewer: Viewer, report: Any, column: Any) -> Select[Any]:
    """Items by the values of a column: how many, how they ended, and the money they acted on."""
    one = (
        select(
            column.label("key"),
            BatchItem.currency.label("currency"),
            func.count().label("items"),
            *(func.count().filter(among(BatchItem.status, ends)).label(name) for name, ends in SEEN.items()),
            cast(func.sum(BatchItem.impact_minor).filter(BatchItem.status == "SUCCEEDED"), BigInteger).label("minor"),
        )
        .where(*_items(viewer, report))
        .group_by(column, BatchItem.currency)
        .subquery("counts")
    )
    sums = func.jsonb_object_agg(one.c.currency, one.c.minor, type_=JSONB).filter(one.c.minor.is_not(None))
    return (
        select(
            one.c.key.label("key"),
            *(cast(func.sum(one.c[name]), Integer).label(name) for name in ("items", *SEEN)),
            func.coalesce(sums, literal({}, JSONB), type_=JSONB).label("impact"),
        )
        .where(one.c.key.is_not(None))
        .group_by(one.c.key)
        .order_by(one.c.key)
    )


def actions_of_report(viewer: Viewer, report: Any) -> Select[Any]:
    """Its items by what was done."""
    return _counted(viewer, report, BatchItem.action)


def dealers_of_report(viewer: Viewer, report: Any) -> Select[Any]:
    """Its items by the dealer they concern, the first 500 dealers; items that concern none are left out."""
    named = case((BatchItem.target_type == literal_column("'Alert'"), cast(_told("dealer"), Uuid)))
    return _counted(viewer, report, named)


def dealer_of_group(viewer: Viewer, group: Any) -> Select[Dealer]:
    """The dealer; null for those who do not see it."""
    return select(Dealer).where(Dealer.id == group.key, SeesDealer().rows(viewer))


# Before and after -------------------------------------------------------------------------------------------------


def _told(*path: str) -> ColumnElement[str]:
    """A text of the item's payload; the path is written out, so that it may be grouped by."""
    return BatchItem.payload.op("#>>", return_type=Text())(literal_column(f"'{{{','.join(path)}}}'"))


def _fact(name: str) -> ColumnElement[str]:
    """What the preview wrote down of an item (`enforcement.facts`)."""
    return _told("facts", name)


def past(kind: Any, limit: Any, price: Any) -> ColumnElement[int]:
    """How far a price is past the limit, as `rules.impact.delta` has it."""
    above = kind == AlertKind.MRP_CEILING_BREACH.value
    return func.greatest(0, case((above, price - limit), else_=limit - price), type_=BigInteger())


def _acted(viewer: Viewer, report: Any) -> Select[Any]:
    """Each alert that was acted on: when, what its price was, and when that cycle of it was cured, if it was."""
    cycle, alert = cast(_fact("repeatCount"), Integer), Alert
    cured = case(((alert.status == AlertStatus.RESOLVED) & (alert.cycle == cycle), alert.resolved_at))
    limit, price = (cast(_fact(name), BigInteger) for name in ("limitMinor", "priceMinor"))
    return (
        select(
            alert.id.label("id"),
            alert.dealer_id.label("dealer_id"),
            alert.currency.label("currency"),
            alert.kind.label("kind"),
            BatchItem.settled_at.label("at"),
            cured.label("cured_at"),
            limit.label("limit_minor"),
            price.label("price_minor"),
        )
        .select_from(BatchItem)
        .join(alert, (alert.tenant_id == BatchItem.tenant_id) & (alert.id == BatchItem.target_id))
        .where(*_items(viewer, report), BatchItem.target_type == "Alert", BatchItem.status == "SUCCEEDED")
        .where(_told("facts").is_not(None))
    )


def effect_of_report(viewer: Viewer, report: Any) -> Select[Any]:
    """Before and after of the alerts that were acted on; null where it acted on none."""
    acted = _acted(viewer, report).subquery("acted")
    took = cast(func.extract("epoch", acted.c.cured_at - acted.c.at), BigInteger)
    median = func.percentile_disc(literal_column("0.5")).within_group(took)
    cured = func.count().filter(acted.c.cured_at >= acted.c.at)
    return (
        select(
            cast(func.count(), Integer).label("enforced"),
            cast(cured, Integer).label("cured"),
            cast(func.round(cured * 10_000 / func.count()), Integer).label("cured_bp"),
            cast(median.filter(acted.c.cured_at >= acted.c.at), BigInteger).label("median_cure_seconds"),
            _recovered(viewer, report).label("recovered"),
        )
        .select_from(acted)
        .having(func.count() > 0)
    )


def _recovered(viewer: Viewer, report: Any) -> Any:
    """`Σ units_after · (δ(price_before) − δ(price_after))` over what was sold after each act, per currency."""
    acted, sold = _acted(viewer, report).subquery("before"), EvidenceSaleRow
    won = past(acted.c.kind, acted.c.limit_minor, acted.c.price_minor) - past(
        acted.c.kind, acted.c.limit_minor, sold.unit_price_minor
    )
    sums = (
        select(acted.c.currency, cast(func.sum(sold.units * won), BigInteger).label("minor"))
        .select_from(acted)
        .join(sold, (sold.tenant_id == viewer.tenant_id) & (sold.alert_id == acted.c.id))
        .where(sold.occurred_at > acted.c.at, sold.dealer_id.is_not_distinct_from(acted.c.dealer_id))
        .where(acted.c.limit_minor.is_not(None))
        .group_by(acted.c.currency)
        .subquery("won")
    )
    every = func.jsonb_object_agg(sums.c.currency, sums.c.minor, type_=JSONB)
    return select(func.coalesce(every, literal({}, JSONB), type_=JSONB)).scalar_subquery()


# Fairness ---------------------------------------------------------------------------------------------------------

FACTS = {"alert_kind": "alertKind", "depth_band": "depthBand", "repeat_count": "repeatCount", "standing": "standing"}
"""What decides about a step, as a report and as the item call it."""


def fairness_of_report(viewer: Viewer, report: Any) -> Select[Any]:
    """What was to be done where the facts were the same, the first 500 sets of facts; what was previewed to be skipped is left
    out."""
    facts = {name: _fact(kept) for name, kept in FACTS.items()} | {"repeat_count": cast(_fact("repeatCount"), Integer)}
    same = (
        select(
            *(each.label(name) for name, each in facts.items()),
            BatchItem.action.label("action"),
            func.count().label("items"),
        )
        .where(*_items(viewer, report), _told("facts").is_not(None), _told("skip").is_(None))
        .group_by(*facts.values(), BatchItem.action)
        .subquery("same")
    )
    one = func.jsonb_build_object(
        literal("action", Text()), same.c.action, literal("items", Text()), same.c["items"], type_=JSONB
    )
    keys = [same.c[name] for name in FACTS]
    ordered = func.jsonb_agg(aggregate_order_by(one, same.c.action), type_=JSONB)
    return (
        select(
            *(each.label(name) for name, each in zip(FACTS, keys, strict=True)),
            cast(func.sum(same.c["items"]), Integer).label("items"),
            ordered.label("actions"),
            (func.count() == 1).label("even"),
        )
        .group_by(*keys)
        .order_by(*keys)
    )
