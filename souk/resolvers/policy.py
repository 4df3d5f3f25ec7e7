"""Price policies: what may be asked for a thing, since when, and who is excepted."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import strawberry
from sqlalchemy import ColumnElement, Select, select

from ..db.session import Transaction
from ..engine.scalars import DateTime
from ..engine.symbols import Viewer, among, key
from ..models import (
    Alert,
    Dealer,
    PriceException,
    PriceExceptionDealer,
    PricePolicy,
    PricePolicyVersion,
    Sku,
    new_id,
)
from ..permissions.dealer import SeesDealer
from ..permissions.policy import SeesPolicy, WritesPolicy
from ..permissions.sku import SeesSku
from ..rules import text
from ..rules.enums import Described, PolicyKind
from ..rules.errors import Invalid, NotUnique, OutOfRange, Problems, Required
from ..rules.money import parse_amount
from .enums import known
from .filters import conditions, refers_to
from .money import MoneyInput, minor_units
from .writing import found, locked, means, permit

MOST_DEALERS = 100
means(
    "ex_price_policy_window",
    lambda: NotUnique("Another policy of this SKU, kind and currency holds in that time.", field="valid_from"),
)


@known
class PricePolicyOrder(Described):
    """The order of a list of price policies."""

    NEWEST = "NEWEST", "The newest first."
    OLDEST = "OLDEST", "The oldest first."
    UPDATED = "UPDATED", "What changed last first."


PRICE_POLICY_ORDER: dict[PricePolicyOrder, Any] = {
    PricePolicyOrder.NEWEST: PricePolicy.created_at.desc(),
    PricePolicyOrder.OLDEST: PricePolicy.created_at.asc(),
    PricePolicyOrder.UPDATED: PricePolicy.updated_at.desc(),
}


@strawberry.input(description="Conditions on price policies; all must hold.")
class PricePolicyFilter:
    sku_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Of this SKU.", default=None)
    kind: strawberry.Maybe[list[PolicyKind]] = strawberry.field(description="Of one of these kinds.", default=None)
    updated_since: strawberry.Maybe[DateTime] = strawberry.field(
        description="Changed at or after this moment.", default=None
    )

    def conditions(self, viewer: Viewer) -> Iterator[ColumnElement[bool]]:
        if self.sku_id:
            yield refers_to(PricePolicy.sku_id, self.sku_id.value, Sku)
        if self.kind:
            yield among(PricePolicy.kind, self.kind.value)
        if self.updated_since:
            yield PricePolicy.updated_at >= self.updated_since.value


def price_policies(
    viewer: Viewer, filter: PricePolicyFilter | None = None, order_by: PricePolicyOrder = PricePolicyOrder.NEWEST
) -> Select[PricePolicy]:
    """Price policies the viewer may see."""
    asked = select(PricePolicy).where(SeesPolicy().rows(viewer), *conditions(filter, viewer))
    return asked.order_by(PRICE_POLICY_ORDER[order_by])


def price_policy(viewer: Viewer, id: strawberry.ID) -> Select[PricePolicy]:
    """One price policy by its id."""
    return select(PricePolicy).where(PricePolicy.id == key(id, PricePolicy), SeesPolicy().rows(viewer))


def policies_of_sku(
    viewer: Viewer,
    sku: Sku,
    filter: PricePolicyFilter | None = None,
    order_by: PricePolicyOrder = PricePolicyOrder.NEWEST,
) -> Select[PricePolicy]:
    """Price policies of the SKU that the viewer may see."""
    return price_policies(viewer, filter, order_by).where(PricePolicy.sku_id == sku.id)


def sku_of_policy(viewer: Viewer, policy: PricePolicy) -> Select[Sku]:
    """The thing."""
    return select(Sku).where(Sku.id == policy.sku_id, SeesSku().rows(viewer))


def versions_of_policy(viewer: Viewer, policy: PricePolicy) -> Select[PricePolicyVersion]:
    """What the policy said, the newest version first."""
    asked = select(PricePolicyVersion).where(PricePolicyVersion.policy_id == policy.id)
    return asked.order_by(PricePolicyVersion.n.desc())


def policy_version(viewer: Viewer, id: strawberry.ID) -> Select[PricePolicyVersion]:
    """One version of a policy by its id."""
    of = (PricePolicy.tenant_id == PricePolicyVersion.tenant_id) & (PricePolicy.id == PricePolicyVersion.policy_id)
    asked = select(PricePolicyVersion).join(PricePolicy, of)
    return asked.where(PricePolicyVersion.id == key(id, PricePolicyVersion), SeesPolicy().rows(viewer))


def price_exception(viewer: Viewer, id: strawberry.ID) -> Select[PriceException]:
    """One window of a policy by its id."""
    of = (PricePolicy.tenant_id == PriceException.tenant_id) & (PricePolicy.id == PriceException.policy_id)
    asked = select(PriceException).join(PricePolicy, of)
    return asked.where(PriceException.id == key(id, PriceException), SeesPolicy().rows(viewer), _of_viewer(viewer))


KnownAt = Annotated[DateTime, strawberry.argument(description="What was known at this moment, in UTC.")]


def version_as_of(viewer: Viewer, policy: PricePolicy, at: KnownAt) -> Select[PricePolicyVersion]:
    """The version that was known at that moment, in UTC; null before the first was recorded."""
    asked = select(PricePolicyVersion).where(
        PricePolicyVersion.policy_id == policy.id, PricePolicyVersion.recorded_at <= at
    )
    return asked.order_by(PricePolicyVersion.n.desc()).limit(1)


def exceptions_of_policy(viewer: Viewer, policy: PricePolicy) -> Select[PriceException]:
    """Windows in which the policy does not hold, or another amount does, the latest first."""
    asked = select(PriceException).where(PriceException.policy_id == policy.id, _of_viewer(viewer))
    return asked.order_by(PriceException.starts_at.desc())


def _of_viewer(viewer: Viewer) -> ColumnElement[bool]:
    """A dealer sees the exceptions that concern it, not those of other dealers."""
    if not viewer.of_dealer:
        return PriceException.id.is_not(None)
    named = select(PriceExceptionDealer.exception_id).where(
        PriceExceptionDealer.tenant_id == viewer.tenant_id, PriceExceptionDealer.dealer_id == viewer.dealer_id
    )
    return PriceException.every_dealer | PriceException.id.in_(named)


def dealers_of_exception(viewer: Viewer, exception: PriceException) -> Select[Dealer]:
    """The dealers for whom the window is; empty when it is for every dealer."""
    named = select(PriceExceptionDealer.dealer_id).where(
        PriceExceptionDealer.tenant_id == viewer.tenant_id, PriceExceptionDealer.exception_id == exception.id
    )
    asked = select(Dealer).where(Dealer.id.in_(named), SeesDealer().rows(viewer))
    if viewer.of_dealer:
        asked = asked.where(Dealer.id == viewer.dealer_id)
    return asked.order_by(Dealer.name.asc())


def version_of_alert(viewer: Viewer, alert: Alert) -> Select[PricePolicyVersion]:
    """The version of the policy that was breached: whoever sees the alert sees the rule."""
    return select(PricePolicyVersion).where(PricePolicyVersion.id == alert.policy_version_id)


# Writes -----------------------------------------------------------------------------------------------------------


@strawberry.input(description="A window in which a policy does not hold, or another amount does.")
class PriceExceptionInput:
    starts_at: DateTime = strawberry.field(description="From when, in UTC; not before the policy begins.")
    ends_at: DateTime = strawberry.field(description="Until when, in UTC; not after the policy ends.")
    dealer_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="For these dealers only, at most 100; null for every dealer."
    )
    channel: str | None = strawberry.field(
        default=None, description="For one channel only, MARKETPLACE for our own listings; null for every channel."
    )
    amount: MoneyInput | None = strawberry.field(
        default=None, description="Another limit, in the policy's currency; null for none at all."
    )
    reason: str | None = strawberry.field(default=None, description="Why, at most 1,000 characters.")


@strawberry.input(description="A new limit on the price of a SKU.")
class PricePolicyCreateInput:
    sku_id: strawberry.ID = strawberry.field(description="The thing.")
    kind: PolicyKind = strawberry.field(description="What it forbids.")
    amount: MoneyInput = strawberry.field(description="The limit; its currency is the policy's.")
    tolerance_bp: int = strawberry.field(
        default=0, description="How far a price may pass it, 0 to 10,000 basis points."
    )
    tolerance: MoneyInput | None = strawberry.field(
        default=None, description="How far a price may pass it, as an amount; the larger tolerance counts."
    )
    valid_from: DateTime = strawberry.field(description="From when it holds, in UTC.")
    valid_to: DateTime | None = strawberry.field(default=None, description="Until when, in UTC; null for no end.")
    exceptions: list[PriceExceptionInput] | None = strawberry.field(
        default=None, description="Exceptions from the first day, at most 100."
    )
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


async def price_policy_create(tx: Transaction, input: PricePolicyCreateInput) -> PricePolicy:
    """Limit the price of a SKU. Refused (NOT_UNIQUE) while another policy of its kind and currency holds."""
    sku = await found(tx, Sku, input.sku_id, SeesSku(), field="sku_id")
    problems = Problems()
    currency = str(input.amount.currency_code)
    amount = problems.take(lambda: minor_units(input.amount), "amount")
    tolerance = problems.take(lambda: _tolerance(input.tolerance, currency), "tolerance")
    check_bp(problems, input.tolerance_bp)
    _check_window(problems, input.valid_from, input.valid_to, "valid_to")
    problems.check()
    policy = tx.add(
        PricePolicy(
            id=new_id(), sku_id=sku.id, kind=input.kind, currency=currency, head_version=1, amount_minor=amount,
            tolerance_bp=input.tolerance_bp, tolerance_minor=tolerance, valid_from=input.valid_from,
            valid_to=input.valid_to,
        )
    )  # fmt: skip
    await tx.session.flush()
    _record(tx, policy)
    exceptions = input.exceptions or []
    if len(exceptions) > MOST_DEALERS:
        raise OutOfRange(f"At most {MOST_DEALERS} exceptions.", field="exceptions")
    for at, each in enumerate(exceptions):
        await _except(tx, policy, each, ("exceptions", str(at)))
    tx.emit("pricePolicy.created", policy)
    made: PricePolicy = policy
    return made


@strawberry.input(description="A change of a price policy; what is absent stays.")
class PricePolicyUpdateInput:
    id: strawberry.ID = strawberry.field(description="The policy.")
    amount: strawberry.Maybe[MoneyInput] = strawberry.field(
        description="The limit, in the policy's currency.", default=None
    )
    tolerance_bp: strawberry.Maybe[int] = strawberry.field(
        description="How far a price may pass it, 0 to 10,000 basis points.", default=None
    )
    tolerance: strawberry.Maybe[MoneyInput | None] = strawberry.field(
        description="How far a price may pass it, as an amount; null for none.", default=None
    )
    valid_from: strawberry.Maybe[DateTime] = strawberry.field(
        description="From when the new version holds, in UTC; until then the former one does.", default=None
    )
    valid_to: strawberry.Maybe[DateTime | None] = strawberry.field(
        description="Until when it holds, in UTC; null for no end.", default=None
    )
    expected_version: int = strawberry.field(description="The version that was read.")


async def price_policy_update(tx: Transaction, input: PricePolicyUpdateInput) -> PricePolicy:
    """Change a policy: a new version is appended, which holds from its `validFrom` on; earlier ones stay as they were."""
    policy = await locked(tx, PricePolicy, input.id, SeesPolicy(), version=input.expected_version)
    await permit(tx, WritesPolicy(), policy)
    problems = Problems()
    if input.amount:
        amount = input.amount.value
        policy.amount_minor = problems.take(lambda: minor_units(amount, policy.currency), "amount") or 1
    if input.tolerance_bp:
        policy.tolerance_bp = input.tolerance_bp.value
        check_bp(problems, policy.tolerance_bp)
    if input.tolerance:
        tolerance = input.tolerance.value
        policy.tolerance_minor = problems.take(lambda: _tolerance(tolerance, policy.currency), "tolerance") or 0
    if input.valid_from:
        policy.valid_from = input.valid_from.value
    if input.valid_to:
        policy.valid_to = input.valid_to.value
    _check_window(problems, policy.valid_from, policy.valid_to, "valid_to")
    problems.check()
    policy.head_version += 1
    _record(tx, policy)
    tx.emit("pricePolicy.updated", policy, data={"n": policy.head_version})
    return policy


@strawberry.input(description="A further exception of a price policy.")
class PriceExceptionCreateInput(PriceExceptionInput):
    policy_id: strawberry.ID = strawberry.field(description="The policy.")
    idempotency_key: strawberry.ID | None = strawberry.field(
        default=None, description="16 to 255 characters; the same key does it once."
    )


@strawberry.input(description="The end of an exception before its time.")
class PriceExceptionEndInput:
    id: strawberry.ID = strawberry.field(description="The exception.")
    at: DateTime | None = strawberry.field(
        default=None,
        description="From when the policy holds again, in UTC, not before now; by default now. One that has not begun never does.",
    )


async def price_exception_end(tx: Transaction, input: PriceExceptionEndInput) -> PricePolicy:
    """End an exception before its time. What was judged by it stays; an exception is ended once and never changed."""
    policies = select(PricePolicy.id).where(SeesPolicy().rows(Viewer.of(tx.actor)))
    exception = await found(tx, PriceException, input.id, None if tx.system else _Of(policies), field="id")
    policy = await locked(tx, PricePolicy, exception.policy_id, None if tx.system else SeesPolicy())
    await permit(tx, WritesPolicy(), policy)
    await tx.session.refresh(exception)  # under the lock of its policy
    at = input.at or tx.now
    if at < tx.now:
        raise OutOfRange("It ends now or later: what was seen until now was judged by it.", field="at")
    if exception.ended_at is not None or at >= exception.ends_at:
        raise Invalid("It has ended, or ends by itself before that.", field="at" if input.at else "id")
    exception.ended_at = at
    tx.emit("pricePolicy.exception_ended", policy, reason=exception.reason)
    return policy


class _Of:
    """Exceptions of these policies."""

    def __init__(self, policies: Select[Any]) -> None:
        self.policies = policies

    def rows(self, viewer: Any) -> ColumnElement[bool]:
        return PriceException.policy_id.in_(self.policies)


async def price_exception_create(tx: Transaction, input: PriceExceptionCreateInput) -> PricePolicy:
    """Except a window from a policy, for some dealers or a channel. It is never changed, but may be ended early."""
    policy = await locked(tx, PricePolicy, input.policy_id, SeesPolicy(), field="policy_id")
    await permit(tx, WritesPolicy(), policy)
    exception = await _except(tx, policy, input, ())
    tx.emit("pricePolicy.excepted", policy, reason=exception.reason)
    return policy


def _record(tx: Transaction, policy: PricePolicy) -> None:
    """Append what the policy says now."""
    tx.add(version_of(tx, policy))


def version_of(tx: Transaction, policy: PricePolicy) -> PricePolicyVersion:
    """What the policy says now, as its next version."""
    return PricePolicyVersion(
        id=new_id(), policy_id=policy.id, n=policy.head_version, amount_minor=policy.amount_minor,
        currency=policy.currency, tolerance_bp=policy.tolerance_bp, tolerance_minor=policy.tolerance_minor,
        valid_from=policy.valid_from, valid_to=policy.valid_to, recorded_at=tx.now, recorded_by=tx.actor.user_id,
    )  # fmt: skip


async def _except(
    tx: Transaction, policy: PricePolicy, given: PriceExceptionInput, path: tuple[str, ...]
) -> PriceException:
    problems = Problems()
    amount = given.amount
    minor = problems.take(lambda: minor_units(amount, policy.currency), *path, "amount") if amount else None
    channel = problems.take(lambda: text.optional_line(given.channel, 50), *path, "channel")
    reason = problems.take(lambda: text.optional_line(given.reason, 1000), *path, "reason")
    if given.ends_at <= given.starts_at:
        problems.add(OutOfRange("It ends after it starts."), *path, "ends_at")
    if given.starts_at < policy.valid_from:
        problems.add(OutOfRange("It starts within the policy's time."), *path, "starts_at")
    if policy.valid_to is not None and given.ends_at > policy.valid_to:
        problems.add(OutOfRange("It ends within the policy's time."), *path, "ends_at")
    ids = list(dict.fromkeys(given.dealer_ids)) if given.dealer_ids is not None else None
    if ids is not None and not ids:
        problems.add(Required("Name a dealer, or leave it out for every dealer."), *path, "dealer_ids")
    if ids is not None and len(ids) > MOST_DEALERS:
        problems.add(OutOfRange(f"At most {MOST_DEALERS} dealers."), *path, "dealer_ids")
    problems.check()
    dealers = [await found(tx, Dealer, id_, SeesDealer(), field="dealer_ids") for id_ in ids or ()]
    exception = tx.add(
        PriceException(
            id=new_id(), policy_id=policy.id, starts_at=given.starts_at, ends_at=given.ends_at, channel=channel,
            every_dealer=ids is None, amount_minor=minor, currency=policy.currency, reason=reason,
        )
    )  # fmt: skip
    await tx.session.flush()
    for dealer in dealers:
        tx.add(PriceExceptionDealer(id=new_id(), exception_id=exception.id, dealer_id=dealer.id))
    made: PriceException = exception
    return made


def _tolerance(given: MoneyInput | None, currency: str) -> int:
    """Minor units of a tolerance, which may be zero."""
    if given is None:
        return 0
    if given.currency_code != currency:
        raise Invalid(f"The tolerance has to be in {currency}.", field="currency_code")
    minor = parse_amount(str(given.amount), currency)
    if minor < 0:
        raise OutOfRange("A tolerance of zero or more.", field="amount")
    return minor


def check_bp(problems: Problems, bp: int) -> None:
    if not 0 <= bp <= 10_000:
        problems.add(OutOfRange("0 to 10,000 basis points."), "tolerance_bp")


def _check_window(problems: Problems, begins: datetime, ends: datetime | None, field: str) -> None:
    if ends is not None and ends <= begins:
        problems.add(OutOfRange("It ends after it begins."), field)
