"""What the policies ask of a price that was seen: versions, windows, tolerances and exceptions as of its moment."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from ..db.session import Transaction
from ..models import PriceException, PriceExceptionDealer, PricePolicy, PricePolicyVersion
from ..rules import alert as rules
from ..rules.alert import PolicyException, PolicyVersion
from ..rules.enums import PolicyKind
from ..rules.impact import delta


@dataclass(frozen=True, slots=True)
class Seen:
    """A price, in minor units of `currency`, that a dealer or a competitor asked for a SKU at a moment."""

    sku_id: UUID
    price: int
    currency: str
    captured_at: datetime
    dealer_id: UUID | None = None
    competitor_id: UUID | None = None
    channel: str | None = None
    url: str | None = None
    listing_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a policy asks of whoever was observed: the amount, the version it comes from, whether it is passed."""

    kind: PolicyKind
    version_id: UUID
    amount: int
    breached: bool


async def limits(tx: Transaction, seen: Seen) -> dict[PolicyKind, Limit]:
    """Per kind, the limit that holds for what was seen: a breached one before others, the deepest first."""
    asked = (
        select(PricePolicy.kind, PricePolicyVersion)
        .join(
            PricePolicyVersion,
            (PricePolicyVersion.tenant_id == PricePolicy.tenant_id) & (PricePolicyVersion.policy_id == PricePolicy.id),
        )
        .where(PricePolicy.sku_id == seen.sku_id, PricePolicy.currency == seen.currency)
    )
    versions: dict[UUID, list[PricePolicyVersion]] = {}
    kinds: dict[UUID, PolicyKind] = {}
    for kind, version in (await tx.session.execute(asked)).all():
        versions.setdefault(version.policy_id, []).append(version)
        kinds[version.policy_id] = PolicyKind[kind]
    if not versions:
        return {}
    spared = await _exceptions(tx, list(versions), seen.captured_at)
    found: dict[PolicyKind, Limit] = {}
    for policy_id, rows in sorted(versions.items()):
        limit = _limit(kinds[policy_id], rows, spared.get(policy_id, []), seen)
        if limit is None:
            continue
        other = found.get(limit.kind)
        if other is None or depth(limit, seen) > depth(other, seen):
            found[limit.kind] = limit
    return found


def depth(limit: Limit, seen: Seen) -> tuple[bool, int]:
    """For comparing: a breached limit is deeper than a kept one, then what lies further past it."""
    return limit.breached, delta(limit.kind, limit.amount, seen.price)


def _limit(kind: PolicyKind, rows: list[PricePolicyVersion], spared: list[PolicyException], seen: Seen) -> Limit | None:
    by_n = {row.n: row for row in rows}
    version = rules.version_at([_version(row) for row in rows], seen.captured_at)
    if version is None:
        return None
    amount = rules.amount_for(version, spared, seen.captured_at, dealer_id=seen.dealer_id, channel=seen.channel)
    if amount is None:
        return None
    breached = rules.breaches(
        kind, amount, seen.price, tolerance_minor=version.tolerance_minor, tolerance_bp=version.tolerance_bp
    )
    return Limit(kind, by_n[version.n].id, amount, breached)


def _version(row: PricePolicyVersion) -> PolicyVersion:
    return PolicyVersion(
        row.n, row.amount_minor, row.tolerance_bp, row.tolerance_minor, row.valid_from, row.valid_to, row.recorded_at
    )


async def _exceptions(tx: Transaction, policy_ids: list[UUID], at: datetime) -> dict[UUID, list[PolicyException]]:
    rows = select(PriceException).where(
        PriceException.policy_id.in_(policy_ids), PriceException.starts_at <= at, PriceException.ends_at > at
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
        made = PolicyException(each.starts_at, each.ends_at, who, each.channel, each.amount_minor)
        found.setdefault(each.policy_id, []).append(made)
    return found
