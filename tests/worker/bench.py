"""A kind of batch for tests of the engine: its action adds one row per item, and does what the item's payload says.
Undone, an item has one row more.

It stands in for CREDIT_GRANT, which has no code of its own yet. Imported by the tests and by the workers they start.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from souk.db.session import Transaction
from souk.models import Batch, new_id
from souk.resolvers.kinds import KINDS, BatchPlan, BatchSelection, Foreseen, Foresight, OfKind
from souk.rules.enums import BatchAction, BatchKind
from souk.rules.errors import Invalid
from souk.worker.actions import ACTIONS, COMPENSATIONS, Item, Past, Result, Skip

EFFECT = text("""
INSERT INTO access_refusal (tenant_id, id, created_at, kind, principal_id, acting_role, operation, permission,
                            subject_type, subject_id)
  SELECT :tenant, id, :now, 'OPENED', NULL, 'SYSTEM', :what, 'batch:creditGrant', 'BatchItem', item
  FROM unnest(CAST(:ids AS uuid[]), CAST(:items AS uuid[])) AS t(id, item)
""")


class Bench(OfKind):
    kind = BatchKind.CREDIT_GRANT
    compensates = True

    async def foresee(self, tx: Transaction, selection: BatchSelection, plan: BatchPlan) -> Foresight:
        return Foresight({}, {})

    async def states(self, tx: Transaction, items: Sequence[Any]) -> Mapping[UUID, dict[str, Any] | None]:
        return {}


class Effect:
    """One row in a table per item; `payload.do` is ok, refuse, skip, break, or break until an attempt."""

    async def run(self, tx: Transaction, batch: Batch, items: Sequence[Item]) -> list[Result]:
        await effect(tx, batch, items, "bench")
        for item in items:
            match item.payload.get("do", "ok"):
                case "refuse":
                    raise Invalid("Not this one.")
                case "skip":
                    raise Skip("DONE_BEFORE", "It was done before.")
                case "break":
                    raise RuntimeError("broken")
                case int(attempts) if item.attempt < attempts:
                    raise RuntimeError("not yet")
                case "sql":
                    await tx.session.execute(text("SELECT 1 / 0"))
        return [Result(outcome="DONE", impact_minor=100, currency="INR", after={"n": item.n}) for item in items]


async def effect(tx: Transaction, batch: Batch, items: Sequence[Item], what: str) -> None:
    ids = [new_id() for _ in items]
    values = {"tenant": batch.tenant_id, "now": tx.now, "ids": ids, "items": [item.id for item in items], "what": what}
    await tx.session.execute(EFFECT, values)
    if batch.plan.get("slow"):
        await tx.session.execute(text("SELECT pg_sleep(:s)"), {"s": batch.plan["slow"] * len(items)})


class Undo:
    """One more row per item that says it is undone; `payload.do` stuck is not."""

    async def undo(self, tx: Transaction, batch: Batch, items: Sequence[Past]) -> list[Result]:
        await effect(tx, batch, items, "bench undone")
        if any(item.payload.get("do") == "stuck" for item in items):
            raise RuntimeError("stuck")
        return [Result("COMPENSATED") for _ in items]


class Rows:
    """A source of `plan.rows` items, its place kept in the batch's cursor."""

    async def more(self, tx: Transaction, batch: Batch, limit: int) -> list[Item]:
        at, odd = (batch.cursor or {}).get("at", 0), batch.plan.get("odd", {})
        end = min(batch.plan["rows"], at + limit)
        batch.cursor = {"at": end}
        return [
            Item(
                new_id(), n, "Listing", None, BatchAction.IMPORT_ROW, {"n": n, "do": odd.get(f"{n}", "ok")}, fresh=True
            )
            for n in range(at + 1, end + 1)
        ]


def install() -> None:
    """Make the kind known, and its action, under the name of one that has no code in these tests."""
    KINDS[BatchKind.CREDIT_GRANT] = Bench()
    ACTIONS[BatchAction.IMPORT_ROW] = Effect()
    COMPENSATIONS[BatchAction.IMPORT_ROW] = Undo()


def items(number: int, **odd: Any) -> list[Foreseen]:
    """`items(5, n3="refuse")`: five, the third of which is refused."""
    return [
        Foreseen("Listing", None, BatchAction.IMPORT_ROW, payload={"do": odd.get(f"n{n}", "ok")})
        for n in range(1, number + 1)
    ]
