"""What one operation carries: the actor, the two doors to the database, and the reads it shares.

`Context` is filled in by `web/`; what stands above this stair is known here by protocol only.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import strawberry

from .db.session import Database
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


@dataclass
class Context:
    """One operation of one actor; `reads` is set by the engine while the batched road runs.

    `charge` is None where nobody counts.
    """

    actor: Actor
    request_id: str = ""
    caller: Caller = NOWHERE
    now: datetime = field(default_factory=_now)
    effects: Effects = field(default_factory=Effects)
    charge: Charge | None = None
    reads: Reads = field(default=None, repr=False)  # type: ignore[assignment]
    db: Database = field(default=None, repr=False)  # type: ignore[assignment]


Info = strawberry.Info[Context, None]
