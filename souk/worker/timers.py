"""What happens when a time has come: kinds of `souk.work` and the functions that answer them."""

from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

from ..db.session import Transaction

Timer = Callable[[Transaction, UUID], Awaitable[object]]
F = TypeVar("F", bound=Timer)
TIMERS: dict[str, Timer] = {}
"""Kind → what to do about a row. Each runs in a transaction of its own, as the system, `op` = `timer:<kind>`.

It locks its row, and does nothing when the time has not come after all or the row has moved on: a timer may be late, and
may come twice. It may set itself again with `tx.due`.
"""


def timer(kind: str) -> Callable[[F], F]:
    """Answer a kind of work: `timer("offer.expiry")(offer_expire)`, or as a decorator."""

    def register(function: F) -> F:
        if kind in TIMERS and TIMERS[kind] is not function:
            raise TypeError(f"Two functions answer {kind}.")
        TIMERS[kind] = function
        return function

    return register
