"""What the policies ask of a price that was seen: versions, windows, tolerances and exceptions as of its moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from ..db.session import Transaction
from ..models import PriceException, PriceExceptionDealer, PricePolicy, PricePolicyVersion
from ..rules import alert as rules
from ..rules.alert import PolicyException, PolicyVersion
from ..rules.enums import PolicyKind
from ..rules.impact import delta
from .filters import any_of

SURE = 10_000
"""Of basis points: it is this SKU and no other."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A price, in minor units of `currency`, that a dealer or a competitor asked for a SKU at a moment.

    `match_bp` is how sure it is that the thing is this SKU; `judged_at` is later than the moment where a price is held
    against something that has changed since.
    """

    sku_id: UUID
    price: int
    currency: str
    captured_at: datetime
    dealer_id: UUID | None = None
    competitor_id: UUID | None = None
    channel: str | None = None
    url: str | None = None
    listing_id: UUID | None = None
    match_bp: int = SURE
    judged_at: datetime | None = None

    @property
    def at(self) -> datetime:
        """The moment as of which it is decided upon."""
        return self.judged_at or self.captured_at


@dataclass(slots=True)
class Policy:
    """A policy with all it ever said; `ids` are those of its versions, by their numbers."""

    id: UUID
    kind: PolicyKind
    versions: list[PolicyVersion] = field(default_factory=list)
    ids: dict[int, UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a policy asks of whoever was observed: the amount, the version it comes from, whether it is passed.

    Our own price is the floor of a competitor's, and comes from no version.
    """

    kind: PolicyKind
    version_id: UUID | None
    amount: int
    breached: bool


async def limits(tx: Transaction, seen: Seen) -> dict[PolicyKind, Limit]:
    """Per kind, the limit that holds for what was seen: a breached one before others, the deepest first."""
    return (await limits_of(tx, [seen]))[0]


async def limits_of(tx: Transaction, seen: Sequence[Seen]) -> list[dict[PolicyKind, Limit]]:
    """The same for many prices, in their order, with as many statements as for one."""
    policies = await policies_of(tx, {each.sku_id for each in seen})
    if not policies:
        return [{} for _ in seen]
    spared = await _exceptions(tx, [each.id for held in policies.values() for each in held], seen)
    return [_limits(policies.get((each.sku_id, each.currency), ()), spared, each) for each in seen]


def _limits(
    policies: Iterable[Policy], spared: dict[UUID, list[PolicyException]], seen: Seen
) -> dict[PolicyKind, Limit]:
    found: dict[PolicyKind, Limit] = {}
    for policy in policies:
        limit = _limit(policy, spared.get(policy.id, ()), seen)
        if limit is None:
            continue
        other = found.get(limit.kind)
        if other is None or depth(limit, seen) > depth(other, seen):
            found[limit.kind] = limit
    return found


def depth(limit: Limit, seen: Seen) -> tuple[bool, int]:
    """For comparing: a breached limit is deeper than a kept one, then what lies further past it."""
    return limit.breached, delta(limit.kind, limit.amount, seen.price)


def _limit(policy: Policy, spared: Iterable[PolicyException], seen: Seen) -> Limit | None:
    version = rules.version_at(policy.versions, seen.captured_at)
    if version is None:
        return None
    amount = rules.amount_for(version, spared, seen.captured_at, dealer_id=seen.dealer_id, channel=seen.channel)
    if amount is None:
        return None
    breached = rules.breaches(
        policy.kind, amount, seen.price, tolerance_minor=version.tolerance_minor, tolerance_bp=version.tolerance_bp
    )
    return Limit(policy.kind, policy.ids[version.n], amount, breached)


async def policies_of(tx: Transaction, sku_ids: set[UUID]) -> dict[tuple[UUID, str], list[Policy]]:
    """What was ever asked for these SKUs, by SKU and currency."""
    of = PricePolicyVersion
    asked = (
        select(
            PricePolicy.id, PricePolicy.sku_id, PricePolicy.currency, PricePolicy.kind, of.id, of.n, of.amount_minor,
            of.tolerance_bp, of.tolerance_minor, of.valid_from, of.valid_to, of.recorded_at,
        )
        .join(of, (of.tenant_id == PricePolicy.tenant_id) & (of.policy_id == PricePolicy.id))
        .where(PricePolicy.tenant_id == tx.actor.tenant_id, any_of(PricePolicy.sku_id, sku_ids))
        .order_by(PricePolicy.id)
    )  # fmt: skip
    found: dict[UUID, Policy] = {}
    by_sku: dict[tuple[UUID, str], list[Policy]] = {}
    for id_, sku_id, currency, kind, version_id, *said in (await tx.session.execute(asked)).all():
        policy = found.get(id_)
        if policy is None:
            policy = found[id_] = Policy(id_, PolicyKind[kind])
            by_sku.setdefault((sku_id, currency), []).append(policy)
        version = PolicyVersion(*said)
        policy.versions.append(version)
        policy.ids[version.n] = version_id
    return by_sku


async def _exceptions(
    tx: Transaction, policy_ids: list[UUID], seen: Sequence[Seen]
) -> dict[UUID, list[PolicyException]]:
    """The windows that touch the time of what was seen, by policy; one that was ended early is over from then on."""
    moments = [each.captured_at for each in seen]
    rows = select(PriceException).where(
        PriceException.tenant_id == tx.actor.tenant_id,
        any_of(PriceException.policy_id, policy_ids),
        PriceException.starts_at <= max(moments),
        PriceException.ends_at > min(moments),
    )
    exceptions = (await tx.session.execute(rows.order_by(PriceException.created_at, PriceException.id))).scalars().all()
    if not exceptions:
        return {}
    named: dict[UUID, set[UUID]] = {}
    dealers = select(PriceExceptionDealer.exception_id, PriceExceptionDealer.dealer_id).where(
        PriceExceptionDealer.exception_id.in_([each.id for each in exceptions])
    )
    for exception_id, dealer_id in (await tx.session.execute(dealers)).all():
        named.setdefault(exception_id, set()).add(dealer_id)
    found: dict[UUID, list[PolicyException]] = {}
    for each in exceptions:
        who = None if each.every_dealer else frozenset(named.get(each.id, ()))
        over = each.ends_at if each.ended_at is None else min(each.ends_at, each.ended_at)
        made = PolicyException(each.starts_at, over, who, each.channel, each.amount_minor)
        found.setdefault(each.policy_id, []).append(made)
    return found
