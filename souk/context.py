"""What one operation carries: the actor, the two doors to the database, and the reads it shares.

`Context` is filled in by `web/`; what stands above this stair is known here by protocol only.
"""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import strawberry

from .db.session import Database, Transaction
from .rules.actor import NOWHERE, Actor, Caller


class Reads(Protocol):
    """The reads of one operation, as the words of `engine.declare` use them."""

    def one(self, read: Any, arguments: dict[str, Any], parent: Any = None, shown: Any = None) -> Any: ...

    def many(self, read: Any, arguments: dict[str, Any], parent: Any = None, shown: Any = None) -> Any: ...

    def rows(self, read: Any, arguments: dict[str, Any], limit: int, parent: Any = None, shown: Any = None) -> Any: ...

    def allowed(self, guard: Any, row: Any) -> Any: ...

    def expression(self, sql: Any, row: Any) -> Any: ...

    def opened(self, row: Any, column: str, data: bytes) -> str | None: ...

    def payload(self, type_name: str, row_id: Any, info: Any) -> Any: ...


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Cookie:
    """The cookie of a session: its token and how many seconds a browser keeps it; without a token it is taken back."""

    token: str | None = None
    seconds: int = 0


@dataclass
class Effects:
    """What a mutation's answer must know about its transactions.

    `unsettled` counts those without an idempotency key that were committed, or may have been: an operation that has one
    must not be sent again. Once `late`, no further transaction begins. `cookie` goes out with the answer.
    """

    unsettled: int = 0
    late: bool = False
    cookie: Cookie | None = None


class Charge(Protocol):
    """What an operation has taken from the caller's bucket of points."""

    @property
    def limit(self) -> float: ...
    @property
    def remaining(self) -> int: ...
    @property
    def per_second(self) -> float: ...
    @property
    def full_in(self) -> int: ...


class Rehearsal:
    """A dry run: its one transaction stays open until the answer has been read in it, and is then rolled back."""

    def __init__(self) -> None:
        self.effects: list[dict[str, Any]] = []
        self.connection: Any = None
        self._stack = AsyncExitStack()

    async def open(
        self, db: Database, actor: Actor, op: str, now: datetime, request_id: str | None, caller: Caller = NOWHERE
    ) -> tuple[Transaction, Callable[[], Awaitable[None]]]:
        """The transaction, and what checks in it all that a commit would."""
        await self.close()
        tx, check = await self._stack.enter_async_context(
            db.rehearsal(actor, op, now=now, request_id=request_id, caller=caller)
        )
        connection = await (await tx.session.connection()).get_raw_connection()
        self.connection = connection.driver_connection
        return tx, check

    async def close(self) -> None:
        """Roll it back."""
        self.connection = None
        await self._stack.aclose()


@dataclass
class Context:
    """One operation of one actor; `reads` is set by the engine while the batched road runs.

    `flags` is where its transactions keep which feature flags are on: evaluated once, the same until the end.
    `charge` is None where nobody counts, `rehearsal` but in a dry run; `fused` says of a subscription that has begun whether a
    statement writes its events. `question` is the engine's, where the statement was sent before the operation had a task.
    """

    actor: Actor
    request_id: str = ""
    caller: Caller = NOWHERE
    now: datetime = field(default_factory=_now)
    effects: Effects = field(default_factory=Effects)
    flags: dict[str, bool] = field(default_factory=dict)
    charge: Charge | None = None
    rehearsal: Rehearsal | None = None
    fused: bool | None = None
    question: Any = None
    reads: Reads = field(default=None, repr=False)  # type: ignore[assignment]
    db: Database = field(default=None, repr=False)  # type: ignore[assignment]


Info = strawberry.Info[Context, None]
