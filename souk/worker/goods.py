"""Rows of a file as SKUs, and as price policies: made, changed by a further version, or left as they are."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text

from ..db.session import Transaction
from ..models import Batch, PricePolicy, Sku, new_id
from ..resolvers.limits import Policy, policies_of
from ..resolvers.observation import our_price_moved
from ..resolvers.policy import version_of
from ..rules.alert import PolicyVersion, version_at
from ..rules.enums import PolicyKind
from ..rules.importing import PriceMapping
from ..rules.importing.walking import mapping_of
from .actions import Item, Result
from .brought import refused
from .sellers import skus_of

LATER = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
SKU = {
    "name": "name",
    "brand": "brand",
    "mrp": "mrp_minor",
    "cost": "cost_minor",
    "ean": "ean",
    "upc": "upc",
    "mpn": "mpn",
}
Key = tuple[UUID, str, str]


async def import_skus(
    tx: Transaction, batch: Batch, items: Sequence[Item], meanwhile: Callable[[], None] = lambda: None
) -> list[Result]:
    """One result per item: CREATED, UPDATED, UNCHANGED, or REFUSED where the currency is another one.

    A field that the mapping does not fill, or a cell that is blank, leaves what is there.
    """
    codes = sorted({item.payload["values"]["code"] for item in items})
    await tx.session.execute(LATER, {"name": f"import {tx.actor.tenant_id} SKUS"})
    asked = select(Sku).where(Sku.tenant_id == tx.actor.tenant_id, Sku.code.in_(codes))
    locked = asked.order_by(Sku.id).with_for_update().execution_options(populate_existing=True)
    known = {sku.code: sku for sku in (await tx.session.execute(locked)).scalars()}
    with tx.session.no_autoflush:
        results = [_sku(tx, item, known) for item in items]
    meanwhile()
    await tx.session.flush()
    return results


def _sku(tx: Transaction, item: Item, known: dict[str, Sku]) -> Result:
    values, warnings = item.payload["values"], item.payload["warnings"]
    given = {column: values[name] for name, column in SKU.items() if values[name] is not None}
    sku = known.get(values["code"])
    if sku is None:
        sku = known[values["code"]] = tx.add(
            Sku(id=new_id(), code=values["code"], currency=values["currency"], **given)
        )
        tx.emit("sku.created", sku, data={"by": "import"})
        return Result(outcome="CREATED", target_id=sku.id, warnings=warnings)
    if sku.currency != values["currency"]:
        return refused(item, "currency", values["currency"], f"the SKU's prices are in {sku.currency}")
    changes = {column: value for column, value in given.items() if getattr(sku, column) != value}
    if not changes:
        return Result(outcome="UNCHANGED", target_id=sku.id, warnings=warnings)
    for column, value in changes.items():
        setattr(sku, column, value)
    if "mrp_minor" in changes:
        our_price_moved(tx, sku.id)
    tx.emit("sku.updated", sku, data={"by": "import"})
    return Result(outcome="UPDATED", target_id=sku.id, warnings=warnings)


async def import_policies(
    tx: Transaction, batch: Batch, items: Sequence[Item], meanwhile: Callable[[], None] = lambda: None
) -> list[Result]:
    """One result per item: CREATED, UPDATED by a further version, UNCHANGED where the policy says the same at that time.

    A row that begins before the newest version is REFUSED, unless it says what held then: the past is not rewritten.
    """
    mapping = mapping_of(batch.plan["mapping"])
    assert isinstance(mapping, PriceMapping)
    await tx.session.execute(LATER, {"name": f"import {tx.actor.tenant_id} PRICE_POLICIES"})
    skus = await skus_of(tx, mapping, items)
    ids = set(skus.values())
    said = {p.id: p for held in (await policies_of(tx, ids)).values() for p in held} if ids else {}
    asked = select(PricePolicy).where(PricePolicy.tenant_id == tx.actor.tenant_id, PricePolicy.sku_id.in_(ids))
    rows = asked.order_by(PricePolicy.valid_from, PricePolicy.id).with_for_update()
    known: dict[Key, list[PricePolicy]] = {}
    for row in (await tx.session.execute(rows.execution_options(populate_existing=True))).scalars():
        known.setdefault((row.sku_id, row.kind, row.currency), []).append(row)
    with tx.session.no_autoflush:
        results = [_policy(tx, item, batch.plan["now"], skus, known, said) for item in items]
    meanwhile()
    await tx.session.flush()
    return results


def _policy(
    tx: Transaction,
    item: Item,
    now: str,
    skus: dict[str, UUID],
    known: dict[Key, list[PricePolicy]],
    said: dict[UUID, Policy],
) -> Result:
    values, warnings = item.payload["values"], item.payload["warnings"]
    sku = skus.get(values["sku"])
    if sku is None:
        return refused(item, "sku", values["sku"], "is no SKU of this tenant")
    begins = datetime.fromisoformat(values["valid_from"] or now)
    ends = datetime.fromisoformat(values["valid_to"]) if values["valid_to"] else None
    if ends is not None and ends <= begins:
        return refused(item, "valid_to", values["valid_to"], "is not after it begins")
    fields: dict[str, Any] = {
        "amount_minor": values["amount"], "tolerance_bp": values["tolerance_bp"] or 0,
        "tolerance_minor": values["tolerance"] or 0, "valid_from": begins, "valid_to": ends,
    }  # fmt: skip
    of_key = known.setdefault((sku, values["kind"], values["currency"]), [])
    policy = next((each for each in reversed(of_key) if each.valid_from <= begins), next(iter(of_key), None))
    if policy is None:
        policy = tx.add(
            PricePolicy(
                id=new_id(), sku_id=sku, kind=values["kind"], currency=values["currency"], head_version=1, **fields
            )
        )
        of_key.append(policy)
        _record(tx, policy, said)
        tx.emit("pricePolicy.created", policy, data={"by": "import"})
        return Result(outcome="CREATED", target_id=policy.id, warnings=warnings)
    then = version_at(said[policy.id].versions, begins)
    if then is not None and _same(then, fields):
        return Result(outcome="UNCHANGED", target_id=policy.id, warnings=warnings)
    if begins < policy.valid_from:
        since = policy.valid_from.isoformat()
        return refused(
            item, "valid_from", values["valid_from"] or now, f"begins before the version that holds since {since}"
        )
    for column, value in fields.items():
        setattr(policy, column, value)
    policy.head_version += 1
    _record(tx, policy, said)
    tx.emit("pricePolicy.updated", policy, data={"n": policy.head_version, "by": "import"})
    return Result(outcome="UPDATED", target_id=policy.id, warnings=warnings)


def _same(then: PolicyVersion, fields: dict[str, Any]) -> bool:
    """Whether the version that holds at that time says the same; when it begins does not matter."""
    return (then.amount, then.tolerance_bp, then.tolerance_minor, then.valid_to) == (
        fields["amount_minor"], fields["tolerance_bp"], fields["tolerance_minor"], fields["valid_to"],
    )  # fmt: skip


def _record(tx: Transaction, policy: PricePolicy, said: dict[UUID, Policy]) -> None:
    version = tx.add(version_of(tx, policy))
    kept = said.setdefault(policy.id, Policy(policy.id, PolicyKind[policy.kind]))
    kept.versions.append(
        PolicyVersion(
            version.n, version.amount_minor, version.tolerance_bp, version.tolerance_minor, version.valid_from,
            version.valid_to, version.recorded_at,
        )
    )  # fmt: skip
