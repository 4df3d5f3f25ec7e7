"""The words of a write: lock, find, permit, move. A write is `async (tx, input) -> row`, in this order, in plain sight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sqlalchemy import select

from ..context import Cookie
from ..db.session import Transaction
from ..engine.symbols import Viewer, key
from ..permissions.base import Permission
from ..rules.clauses import implements
from ..rules.errors import Forbidden, NotFound, Refused, StaleVersion, StepUpRequired
from ..rules.machines import machine
from ..rules.stepup import fresh

M = TypeVar("M")
CONSTRAINTS: dict[str, Callable[[], Refused]] = {}
"""What a constraint of the database says to a client; each domain adds its own with `means`."""


def means(constraint: str, refusal: Callable[[], Refused]) -> None:
    """When the database refuses by this constraint, the mutation answers this."""
    CONSTRAINTS[constraint] = refusal


@dataclass
class Said:
    """What a write answers where its row alone does not say it: give it back instead of the row.

    `shown` are fields of the payload. A `problem` is a refusal whose effects stay: whoever guesses wrong must be counted.
    """

    row: Any = None
    shown: dict[str, Any] = field(default_factory=dict)
    problem: Refused | None = None
    cookie: Cookie | None = None


class Sees(Protocol):
    """What decides which rows are there for somebody."""

    def rows(self, viewer: Any) -> Any: ...


async def locked(
    tx: Transaction, model: type[M], id: Any, sees: Sees | None, *, version: int | None = None, field: str = "id"
) -> M:
    """The row, locked until the end of the transaction. `id` is a global id or a key; `sees` None is the system's.

    Raises NotFound for what is absent, another tenant's or not visible (no caller can tell which), StaleVersion when
    `version` is not the row's.
    """
    row = await _one(tx, model, id, sees, field, lock=True)
    if version is not None and row.version != version:
        raise StaleVersion(row.version)
    held: M = row
    return held


async def found(tx: Transaction, model: type[M], id: Any, sees: Sees | None, *, field: str | Sequence[str]) -> M:
    """A row that is only referred to. Raises NotFound naming the input's field."""
    row: M = await _one(tx, model, id, sees, field, lock=False)
    return row


async def _one(tx: Transaction, model: Any, id: Any, sees: Sees | None, field: str | Sequence[str], lock: bool) -> Any:
    row_id = key(id, model) if isinstance(id, str) else id
    if row_id is None:
        raise NotFound(field=field)
    asked = select(model).where(model.tenant_id == tx.actor.tenant_id, model.id == row_id)
    if sees is not None:
        asked = asked.where(sees.rows(Viewer.of(tx.actor)))
    if lock:
        asked = asked.with_for_update(of=model)
    row = (await tx.session.execute(asked.execution_options(populate_existing=lock))).scalar_one_or_none()
    if row is None:
        raise NotFound(field=field)
    return row


async def permit(tx: Transaction, permission: Permission[Any], row: Any) -> None:
    """Raise Forbidden when this act on this visible row is not allowed (the third of the four refusals)."""
    if tx.system:
        return
    if permission.in_python:
        allowed = permission.allows(tx.actor, row)
    else:
        model = type(row)
        same = select(model.id).where(model.tenant_id == row.tenant_id, model.id == row.id)
        allowed = (
            await tx.session.execute(same.where(permission.rows(Viewer.of(tx.actor))))
        ).scalar_one_or_none() is not None
    if not allowed:
        refusal = Forbidden(permission.message)
        refusal.permission = permission.asks  # type: ignore[attr-defined]
        raise refusal


@implements("DealerStanding", "SUSPENDED", "TERMINATED", guard="step-up")
def demand(tx: Transaction, *, step_up: bool = True) -> None:
    """Raise Forbidden for whoever only acts for somebody, StepUpRequired without a proof that is ten minutes old at most.

    The word `write(step_up=True)` asks this; a write asks it itself where only some of its cases need it.
    """
    if tx.system:
        return
    if tx.actor.impersonator_id is not None:
        raise Forbidden("Whoever acts for somebody cannot do this.")
    if step_up and not fresh(tx.actor, tx.now):
        raise StepUpRequired("Prove first that it is you: mfaChallenge says how, mfaVerify takes the code.")


def move(
    tx: Transaction,
    row: Any,
    to: str,
    event: str,
    *,
    of: str | None = None,
    column: str = "status",
    mutation: str | None = None,
    action: str | None = None,
    cause: str | None = None,
    reason: str | None = None,
    data: dict[str, Any] | None = None,
) -> str:
    """Take one step of a machine and tell it: `mutation` (with its `action`) or `cause`, an event of the table.

    `of` names the machine, by default the model's. Returns the state before. Raises InvalidTransition.
    """
    before: str = getattr(row, column)
    machine(of or type(row).__name__).check(before, to, mutation=mutation, action=action, event=cause)
    setattr(row, column, to)
    tx.emit(event, row, from_status=before, to_status=to, reason=reason, data=data)
    return before
