"""A draft of a price policy tried on the prices that were seen: what it would have raised, beside what today's policies do.

The rule is that of `rules.alert`, in SQL and over the whole range at once, as if nobody had acted on the alerts: none
dismissed, none put off, none cured by hand. A test holds today's policies equal to what history has.
"""

from typing import Annotated, Any

import strawberry
from sqlalchemy import (
    BigInteger,
    Numeric,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import aliased

from ..engine.errors import BadUserInput
from ..engine.scalars import CurrencyCode
from ..engine.symbols import Viewer, is_symbol
from ..models import (
    PriceException,
    PriceExceptionDealer,
    PriceObservation,
    PricePolicy,
    PricePolicyVersion,
    Sku,
    TenantSettings,
)
from ..permissions.sku import SeesSku
from ..rules.enums import PolicyKind
from .dashboard.frame import TimeRange, days, ends_of
from .filters import minor_of, refers_to
from .money import MoneyInput

DAYS = 90
BP = 10_000


@strawberry.input(description="A price policy that nobody made, with exactly one of `amount` and `mrpBp`.")
class PricePolicyDraft:
    kind: PolicyKind = strawberry.field(description="What it would forbid.")
    currency_code: CurrencyCode = strawberry.field(description="The currency of the prices that it would be about.")
    sku_id: strawberry.ID | None = strawberry.field(default=None, description="Of this SKU; null for every SKU.")
    amount: MoneyInput | None = strawberry.field(default=None, description="The limit, in that currency.")
    mrp_bp: int | None = strawberry.field(
        default=None,
        description="The limit as a share of the MRP of each SKU, in basis points; what has no MRP has no limit.",
    )
    tolerance_bp: int = strawberry.field(default=0, description="How far a price may pass it, in basis points.")
    tolerance: MoneyInput | None = strawberry.field(
        default=None, description="How far a price may pass it, as an amount; the larger tolerance counts."
    )


Range = Annotated[
    TimeRange | None, strawberry.argument(description="When the prices were seen; by default in the last 90 days.")
]


Draft = Annotated[PricePolicyDraft, strawberry.argument(description="The policy that nobody made.")]


def price_policy_simulate(viewer: Viewer, draft: Draft, range: Range = None) -> Select[*tuple[Any, ...]]:
    """How many alerts the prices of a range would have raised under a draft, then how many by the policies of today."""
    if (draft.amount is None) == (draft.mrp_bp is None):
        raise BadUserInput("A draft has either an amount or a share of the MRP.")
    seen = _seen(viewer, draft, range)
    drafted = _counted(viewer, draft, _drafted(draft, seen)).subquery("drafted")
    todays = _counted(viewer, draft, _todays(viewer, draft, seen)).subquery("todays")
    return select(drafted.c.outcome.label("draft"), todays.c.outcome.label("today"))


def _seen(viewer: Viewer, draft: PricePolicyDraft, range: TimeRange | None) -> Any:
    """The prices of the range, with the MRP of their SKUs."""
    if range is None:
        since, before = func.now() - days(DAYS), func.now()
    else:
        since, before = ends_of(range, None)
    of = PriceObservation
    asked = (
        select(
            of.id, of.sku_id, of.dealer_id, of.competitor_id, of.captured_at, of.channel, of.currency,
            of.price_minor.label("price"), func.coalesce(of.units, 1).label("units"),
            case((Sku.currency == of.currency, Sku.mrp_minor)).label("mrp"),
        )
        .join(Sku, and_(Sku.tenant_id == of.tenant_id, Sku.id == of.sku_id))
        .where(
            of.tenant_id == viewer.tenant_id, of.outcome == "FOUND", of.currency == draft.currency_code,
            of.captured_at >= since, of.captured_at < before, SeesSku().rows(viewer),
        )
    )  # fmt: skip
    if draft.sku_id is not None:
        asked = asked.where(refers_to(of.sku_id, draft.sku_id, Sku))
    return asked.cte("seen")


def _drafted(draft: PricePolicyDraft, seen: Any) -> Any:
    """Each price with the limit of the draft; as an import has it, a share is moved to the minor unit it allows."""
    if draft.amount is not None:
        limit = _number(minor_of(draft.amount))
    else:
        share = cast(seen.c.mrp, Numeric()) * _number(draft.mrp_bp) / BP
        limit = func.floor(share) if draft.kind is PolicyKind.MRP_CEILING else func.ceil(share)
    tolerance = _number(minor_of(draft.tolerance)) if draft.tolerance is not None else literal(0, Numeric())
    return _judged(draft.kind, seen, seen, limit, _number(draft.tolerance_bp), tolerance)


def _todays(viewer: Viewer, draft: PricePolicyDraft, seen: Any) -> Any:
    """Each price with the limit that held: the newest version begun by then, unless it is over or an exception spares."""
    of, tenant = PricePolicyVersion, viewer.tenant_id
    version = (
        select(PricePolicy.id.label("policy_id"), of.amount_minor, of.tolerance_bp, of.tolerance_minor, of.valid_to)
        .join(of, and_(of.tenant_id == PricePolicy.tenant_id, of.policy_id == PricePolicy.id))
        .where(
            PricePolicy.tenant_id == tenant, PricePolicy.sku_id == seen.c.sku_id, PricePolicy.kind == draft.kind,
            PricePolicy.currency == seen.c.currency, of.valid_from <= seen.c.captured_at,
        )
        .ext(distinct_on(PricePolicy.id))
        .order_by(PricePolicy.id, of.n.desc())
        .lateral("said")
    )  # fmt: skip
    spares = _exceptions(tenant, seen, version)
    each = aliased(PriceException)
    other = (
        select(each.amount_minor)
        .where(*spares(each))
        .order_by(each.created_at.desc(), each.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    none = aliased(PriceException)
    spared = exists().where(*spares(none), none.amount_minor.is_(None))
    held = or_(version.c.valid_to.is_(None), seen.c.captured_at < version.c.valid_to)
    limit = case((and_(held, ~spared), cast(func.coalesce(other, version.c.amount_minor), Numeric())))
    joined = seen.outerjoin(version, literal(True))
    return _judged(draft.kind, seen, joined, limit, version.c.tolerance_bp, version.c.tolerance_minor)


def _exceptions(tenant: Any, seen: Any, version: Any) -> Any:
    def spares(of: Any) -> list[Any]:
        named = exists().where(
            PriceExceptionDealer.tenant_id == tenant, PriceExceptionDealer.exception_id == of.id,
            PriceExceptionDealer.dealer_id == seen.c.dealer_id,
        )  # fmt: skip
        return [
            of.tenant_id == tenant, of.policy_id == version.c.policy_id, of.starts_at <= seen.c.captured_at,
            seen.c.captured_at < func.least(of.ends_at, of.ended_at),
            or_(of.channel.is_(None), of.channel == seen.c.channel), or_(of.every_dealer, named),
        ]  # fmt: skip

    return spares


def _judged(kind: PolicyKind, seen: Any, source: Any, limit: Any, bp: Any, tolerance: Any) -> Any:
    """One row per price: how far past the limit, and whether it is a breach; of several limits the deepest breach counts."""
    price = cast(seen.c.price, Numeric())
    past = price - limit if kind is PolicyKind.MRP_CEILING else limit - price
    gap = func.greatest(past, 0)
    breach = func.coalesce(gap * BP > func.greatest(tolerance * BP, limit * bp), False)
    asked = select(
        seen.c.id, seen.c.sku_id, seen.c.dealer_id, seen.c.competitor_id, seen.c.captured_at, seen.c.units,
        limit.is_not(None).label("limited"), gap.label("gap"), breach.label("breach"),
    )  # fmt: skip
    asked = asked.select_from(source).ext(distinct_on(seen.c.id))
    return asked.order_by(seen.c.id, breach.desc(), gap.desc().nulls_last()).subquery()


def _counted(viewer: Viewer, draft: PricePolicyDraft, judged: Any) -> Any:
    """What the rule makes of the prices of each key, in the order of their times."""
    key: dict[str, Any] = {
        "partition_by": [judged.c.sku_id, judged.c.dealer_id, judged.c.competitor_id],
        "order_by": [judged.c.captured_at, judged.c.id],
    }
    before = func.coalesce(func.lag(judged.c.breach).over(**key), False)
    step = select(
        judged,
        and_(judged.c.breach, ~before).label("opens"),
        case((and_(~judged.c.breach, before), judged.c.captured_at)).label("cured_at"),
        func.lead(judged.c.id).over(**key).is_(None).label("last"),
    ).subquery()
    again: dict[str, Any] = {
        "partition_by": [step.c.sku_id, step.c.dealer_id, step.c.competitor_id],
        "order_by": [step.c.captured_at, step.c.id],
    }
    cured = func.max(step.c.cured_at).over(**again)
    way = select(step, cured.label("cured")).subquery()
    rebreach = (
        select(TenantSettings.rebreach_days)
        .where(TenantSettings.tenant_id == viewer.tenant_id, TenantSettings.current)
        .scalar_subquery()
    )
    new = or_(way.c.cured.is_(None), way.c.captured_at > way.c.cured + func.make_interval(0, 0, 0, rebreach))
    still = and_(way.c.breach, way.c.last)
    currency = cast(draft.currency_code if is_symbol(draft.currency_code) else literal(draft.currency_code), Text())

    def number(what: Any, condition: Any) -> Any:
        return func.count(what).filter(condition)

    def money(what: Any, condition: Any) -> Any:
        minor = cast(func.coalesce(func.sum(what).filter(condition), 0), BigInteger())
        return func.jsonb_build_object(_text("minor"), minor, _text("currency"), currency)

    told = {
        "observations": number(way.c.id, way.c.limited),
        "breaches": number(way.c.id, way.c.breach),
        "alerts": number(way.c.id, and_(way.c.opens, new)),
        "cycles": number(way.c.id, way.c.opens),
        "skus": number(way.c.sku_id.distinct(), way.c.breach),
        "dealers": number(way.c.dealer_id.distinct(), way.c.breach),
        "competitors": number(way.c.competitor_id.distinct(), way.c.breach),
        "at_risk": money(way.c.gap * way.c.units, way.c.breach),
        "open": number(way.c.id, still),
        "open_at_risk": money(way.c.gap, still),
    }
    pairs = [part for name, value in told.items() for part in (_text(name), value)]
    return select(func.jsonb_build_object(*pairs, type_=JSONB()).label("outcome"))


def _text(word: str) -> Any:
    return literal_column(f"'{word}'", Text())


def _number(value: Any) -> Any:
    return cast(value if is_symbol(value) else literal(value), Numeric())
