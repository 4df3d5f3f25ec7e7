"""Alerts, their evidence and their cost as clients see them."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry
from sqlalchemy import Numeric, Text, cast, literal_column

from .. import models
from ..engine.declare import (
    Connection,
    Money,
    Node,
    computed,
    documents,
    many,
    money,
    one,
    payload_node,
    to_many,
    to_one,
    view,
)
from ..engine.scalars import URL, BigInt, DateTime, Decimal
from ..permissions.alert import MOVES, SeesAlert, SeesSaleRow, SeesSnapshot, moves_alert
from ..permissions.base import may
from ..permissions.competitor import SeesCompetitor
from ..permissions.note import ReadsNote
from ..permissions.policy import SeesPolicy
from ..permissions.sku import SeesSku
from ..permissions.task import SeesTask
from ..permissions.ticket import SeesTicket
from ..resolvers import alert as resolve
from ..resolvers import appeal as resolve_appeal
from ..resolvers import task as resolve_task
from ..resolvers.evidence import in_hex
from ..resolvers.impact import impact_of
from ..resolvers.note import notes_on
from ..rules.enums import (
    AlertKind,
    AlertStatus,
    DismissReason,
    EvidenceSource,
    ImpactTermName,
    PolicyKind,
    Severity,
    SnapshotOutcome,
)
from .event import DomainEvent
from .mutation import Payload, write
from .transitions import Transition, transitions

if TYPE_CHECKING:
    from .competitor import Competitor
    from .dealer import Dealer
    from .listing import Listing
    from .note import Note
    from .policy import PricePolicy
    from .sku import Sku
    from .task import Task
    from .ticket import Ticket


@strawberry.type(description="One input of a term: numbers as texts, amounts in minor units of the alert's currency.")
class ImpactInput:
    name: str = strawberry.field(description="What it is; `units` and `unitPriceMinor` are read side by side.")
    values: list[str] = strawberry.field(description="Its value, or several; a rate may be a fraction such as 3/14.")


@strawberry.type(description="One term of what a price costs; its amount follows from its inputs.")
class ImpactTerm:
    name: ImpactTermName = strawberry.field(description="Which term.")
    amount: Money = strawberry.field(description="The amount, rounded once, HALF_UP.")
    inputs: list[ImpactInput] = strawberry.field(description="All that it was computed from.")


@strawberry.type(description="What a price past its limit costs, term by term, as of the newest evidence.")
class AlertImpact:
    terms: list[ImpactTerm] = strawberry.field(description="The terms, each on its own.")
    at_risk: list[Money] = strawberry.field(
        description="The sum of the terms but for what was recovered, one amount per currency."
    )


@strawberry.type(description="Why a price is a breach.")
class AlertRule:
    kind: PolicyKind = strawberry.field(description="What the policy forbids; the direction follows from it.")
    n: int = strawberry.field(description="The version of the policy that was breached.")
    limit: Money | None = money("limit_minor", description="The amount that held: the version's, or an exception's.")
    tolerance: Money | None = money(
        "tolerance_minor", description="How far a price may pass the limit: the larger tolerance, whole minor units."
    )
    tolerance_bp: int = strawberry.field(description="The tolerance of the version in basis points.")
    price: Money | None = money("price_minor", description="The price last seen in breach.")
    gap: Money | None = money("gap_minor", description="How far that price is past the limit.")
    depth_bp: int = strawberry.field(description="The gap in basis points of the limit.")
    recorded_at: DateTime = strawberry.field(description="Since when this version is known, in UTC.")


@strawberry.type(description="Whether the evidence is what was recorded: each hash covers the one before it.")
class EvidenceChain:
    head: str | None = strawberry.field(
        description="The hash of the newest evidence, in hexadecimal; null without any."
    )
    verified: bool = strawberry.field(description="Whether every hash was found right when it was computed anew.")
    broken_at: int | None = strawberry.field(description="The first place that does not hold; null when all do.")


@strawberry.type(description="A file that shows a price that was seen; the chain covers its hash.")
class EvidenceAttachment:
    name: str = strawberry.field(description="The file's name as given.")
    media_type: str = strawberry.field(description="Its media type as given.")
    bytes: BigInt = strawberry.field(description="Its length in bytes.")
    sha256: str = strawberry.field(description="The SHA-256 of its content, in hexadecimal.")
    url: str = strawberry.field(description="Its path on this host, for whoever sees the evidence.")


@view(models.EvidenceSnapshot, node=resolve.evidence_snapshot, gate=SeesSnapshot())
class EvidenceSnapshot(Node):
    """A price that was seen; never changed, and hashed with the one before it."""

    n: int
    captured_at: DateTime
    url: URL | None
    outcome: SnapshotOutcome
    price: Money | None = money("price_minor")
    hash: str = computed(
        sql=lambda row: in_hex(row.hash), description="SHA-256 of the former hash and this row, in hexadecimal."
    )
    attachment: EvidenceAttachment | None = to_one(resolve.attachment_of_snapshot)


@view(models.EvidenceSaleRow, node=resolve.evidence_sale_row, gate=SeesSaleRow())
class EvidenceSaleRow(Node):
    """Units sold at a price; never changed."""

    occurred_at: DateTime
    units: int
    unit_price: Money = money("unit_price_minor")
    source: EvidenceSource
    external_ref: str
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_sale_row)


def _score() -> Any:
    return computed(
        sql=lambda row: cast(row.score_tenths * literal_column("0.1", Numeric()), Text),
        python=lambda row: f"{row.score_tenths // 10}.{row.score_tenths % 10}",
        description="How grave it is, 0.0 to 100.0.",
    )


@view(models.AlertRevision, node=resolve.alert_revision, gate=SeesAlert())
class AlertRevision(Node):
    """How an alert stood from a moment on; never changed."""

    n: int
    status: AlertStatus
    severity: Severity
    score: Decimal = _score()
    cycle: int
    price: Money = money("price_minor")
    limit: Money | None = money("policy_minor")
    impact: AlertImpact = documents(
        sql=impact_of,
        description="What it cost as it was known then, to a dealer without the rates of its peers; that of dead stock only to those who read what a SKU costs.",
    )
    cure_due_at: DateTime | None
    snoozed_until: DateTime | None
    created_at: DateTime


@view(models.Alert, node=resolve.alert, gate=SeesAlert())
class Alert(Node):
    """The life of one breach of (dealer, competitor, SKU, kind); its cycles count how often it came back.

    An undercut has no dealer, no policy and no rule: its limit is our own price. Dead stock has no competitor and no limit either.
    """

    kind: AlertKind
    status: AlertStatus
    dismiss_reason: DismissReason | None
    resolution: str | None
    severity: Severity
    score: Decimal = _score()
    cycle: int
    price: Money = money("price_minor")
    limit: Money | None = money("policy_minor")
    first_seen_at: DateTime
    last_seen_at: DateTime
    notice_sent_at: DateTime | None
    cure_due_at: DateTime | None
    snoozed_until: DateTime | None
    resolved_at: DateTime | None
    dismissed_at: DateTime | None
    impact: AlertImpact = documents(
        sql=impact_of,
        description="What it costs: each term with its inputs, to a dealer without the rates of its peers, and the sum; that of dead stock only to those who read what a SKU costs.",
    )
    rule: AlertRule | None = to_one(resolve.rule_of_alert)
    policy: Annotated["PricePolicy", strawberry.lazy(".policy")] | None = to_one(
        resolve.policy_of_alert, gate=SeesPolicy()
    )
    sku: Annotated["Sku", strawberry.lazy(".sku")] | None = to_one(resolve.sku_of_alert, gate=SeesSku())
    dealer: Annotated["Dealer", strawberry.lazy(".dealer")] | None = to_one(resolve.dealer_of_alert)
    competitor: Annotated["Competitor", strawberry.lazy(".competitor")] | None = to_one(
        resolve.competitor_of_alert, gate=SeesCompetitor()
    )
    listing: Annotated["Listing", strawberry.lazy(".listing")] | None = to_one(resolve.listing_of_alert)
    evidence_snapshots: Connection[EvidenceSnapshot] | None = to_many(resolve.snapshots_of_alert, gate=SeesSnapshot())
    evidence_sale_rows: Connection[EvidenceSaleRow] | None = to_many(resolve.sale_rows_of_alert, gate=SeesSaleRow())
    evidence_chain: EvidenceChain | None = to_one(resolve.chain_of_alert, gate=SeesSnapshot())
    revisions: Connection[AlertRevision] = to_many(resolve.revisions_of_alert)
    as_of: AlertRevision | None = to_one(resolve.alert_as_of)
    timeline: Connection[DomainEvent] = to_many(resolve.timeline_of_alert)
    tasks: Connection[Annotated["Task", strawberry.lazy(".task")]] | None = to_many(
        resolve_task.tasks_of_alert, gate=SeesTask()
    )
    appeals: Connection[Annotated["Ticket", strawberry.lazy(".ticket")]] | None = to_many(
        resolve_appeal.appeals_of_alert, gate=SeesTicket()
    )
    notes: Connection[Annotated["Note", strawberry.lazy(".note")]] | None = to_many(notes_on("Alert"), gate=ReadsNote())
    available_transitions: list[Transition] = transitions("Alert", {**MOVES, "appeal:decide": may("appeal:decide")})
    created_at: DateTime
    updated_at: DateTime
    version: int


@strawberry.type(description="The alert in its new state.")
class AlertTransitionPayload(Payload):
    alert: Alert | None = payload_node("alert", description="The alert; null when nothing was changed.")


@strawberry.type(description="The alert, put off.")
class AlertSnoozePayload(Payload):
    alert: Alert | None = payload_node("alert", description="The alert; null when nothing was changed.")


@strawberry.type(description="The alert with its new evidence.")
class AlertAddEvidencePayload(Payload):
    alert: Alert | None = payload_node("alert", description="The alert; null when nothing was changed.")


@strawberry.type
class AlertQueries:
    alert: Alert | None = one(resolve.alert, gate=SeesAlert())
    alerts: Connection[Alert] | None = many(resolve.alerts, gate=SeesAlert())


@strawberry.type
class AlertMutations:
    alert_transition: AlertTransitionPayload | None = write(resolve.alert_transition, gate=moves_alert())
    alert_add_evidence: AlertAddEvidencePayload | None = write(
        resolve.alert_add_evidence, gate=may("observation:write")
    )
    alert_snooze: AlertSnoozePayload | None = write(resolve.alert_snooze, gate=may("alert:transition"))
