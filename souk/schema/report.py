"""The report of a batch as clients see it: what it did, what came of it, and whether the same was done to the same."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

from ..engine.declare import Money, column, embedded, one, to_list, to_one, totals, value
from ..engine.scalars import BigInt
from ..permissions.batch import SeesBatch
from ..permissions.dealer import SeesDealer
from ..resolvers import reporting as resolve
from ..rules.enums import AlertKind, BatchAction, DealerStanding, DepthBand

if TYPE_CHECKING:
    from .batch import Batch
    from .dealer import Dealer

GROUPS = 500
WEIGHT = 50
"""A report reads every item of its batch."""
ITEMS, SUCCEEDED, SKIPPED = "How many items they are.", "How many succeeded.", "How many were skipped."
FAILED = "How many failed, were tried too often, or could not be undone."
IMPACT = "The money that those that succeeded acted on, one amount per currency."


@strawberry.type(description="The items of one action.")
class BatchReportAction:
    action: BatchAction = column("key", description="What was done.")
    items: int = strawberry.field(description=ITEMS)
    succeeded: int = strawberry.field(description=SUCCEEDED)
    failed: int = strawberry.field(description=FAILED)
    skipped: int = strawberry.field(description=SKIPPED)
    impact: list[Money] = totals("impact", description=IMPACT)


@strawberry.type(description="The items that concern one dealer.")
class BatchReportDealer:
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_group, gate=SeesDealer())
    items: int = strawberry.field(description=ITEMS)
    succeeded: int = strawberry.field(description=SUCCEEDED)
    failed: int = strawberry.field(description=FAILED)
    skipped: int = strawberry.field(description=SKIPPED)
    impact: list[Money] = totals("impact", description=IMPACT)


@strawberry.type(description="Before and after of the alerts that a batch acted on.")
class BatchEffect:
    enforced: int = strawberry.field(description="How many alerts were acted on.")
    cured: int = strawberry.field(description="How many of them are resolved since, in the cycle that was acted on.")
    cured_bp: int = strawberry.field(description="The share of those, in basis points.")
    median_cure_seconds: BigInt | None = strawberry.field(
        description="The time from the act to the cure, in seconds, that half of the cured ones took at most; null without any."
    )
    recovered: list[Money] = totals(
        "recovered",
        description="What was sold since, times how much nearer to the limit it was sold, one amount per currency.",
    )


@strawberry.type(description="What decides about a step.")
class BatchFacts:
    alert_kind: AlertKind = strawberry.field(description="What is breached.")
    depth_band: DepthBand | None = strawberry.field(description="How deep; null where there is no limit.")
    repeat_count: int = strawberry.field(description="In which cycle.")
    standing: DealerStanding | None = strawberry.field(description="How the dealer stood; null without a dealer.")


@strawberry.type(description="An action with how often it was chosen.")
class BatchChoice:
    action: BatchAction = strawberry.field(description="The action.")
    items: int = strawberry.field(description="For how many items.")


@strawberry.type(description="What was to be done where the facts were the same.")
class BatchFairness:
    facts: BatchFacts = value(
        description="The facts, as the preview found them.",
        alert_kind="alert_kind",
        depth_band="depth_band",
        repeat_count="repeat_count",
        standing="standing",
    )
    items: int = strawberry.field(description=ITEMS)
    even: bool = strawberry.field(description="Whether the same was chosen for all of them.")
    actions: list[BatchChoice] = embedded("actions", description="What was chosen, and how often.")


Actions: TypeAlias = list[BatchReportAction]
Dealers: TypeAlias = list[BatchReportDealer]
Fairness: TypeAlias = list[BatchFairness]


@strawberry.type(description="What came of a batch, computed from its items as they are now.")
class BatchReview:
    batch: Annotated["Batch", strawberry.lazy(".batch")] | None = to_one(resolve.batch_of_report, gate=SeesBatch())
    total: int = strawberry.field(description="How many items it has.")
    succeeded: int = strawberry.field(description=SUCCEEDED)
    failed: int = strawberry.field(description=FAILED)
    skipped: int = strawberry.field(description=SKIPPED)
    duration_ms: BigInt | None = strawberry.field(
        description="From its start to its end, or to its last change while it runs, in milliseconds; null before the start."
    )
    per_second_tenths: int | None = strawberry.field(
        description="Items a second, in tenths; null before there is time."
    )
    actions: Actions = to_list(resolve.actions_of_report)
    dealers: Dealers = to_list(resolve.dealers_of_report, GROUPS)
    effect: BatchEffect | None = to_one(resolve.effect_of_report)
    fairness: Fairness = to_list(resolve.fairness_of_report, GROUPS)


@strawberry.type
class ReportQueries:
    batch_report: BatchReview | None = one(resolve.batch_report, gate=SeesBatch(), weight=WEIGHT)
