"""What has happened to the database, when it is not about the caller: one list, for reads, writes, lookups and workers."""

from collections.abc import Iterator
from enum import StrEnum

from asyncpg import exceptions as pg
from sqlalchemy.exc import DBAPIError, PendingRollbackError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Trouble(StrEnum):
    """Codes of the contract. Each is retryable: nothing is wrong with what was asked."""

    UNAVAILABLE = "UNAVAILABLE"
    OVERLOADED = "OVERLOADED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CONFLICT = "CONFLICT"


STATES = {
    "57014": Trouble.DEADLINE_EXCEEDED,  # a statement was cancelled: its time was over
    "40001": Trouble.CONFLICT,  # two that cannot both be
    "40P01": Trouble.CONFLICT,  # two that waited for each other
    "55P03": Trouble.CONFLICT,  # somebody else held the row for too long
    "25P03": Trouble.OVERLOADED,  # this process came back to its transaction too late
    "25P04": Trouble.OVERLOADED,
    "53300": Trouble.OVERLOADED,  # no connection is left
    "53400": Trouble.OVERLOADED,
}
"""By SQLSTATE; what is not here, by its class."""
CLASSES = {
    "08": Trouble.UNAVAILABLE,  # connection exceptions
    "53": Trouble.UNAVAILABLE,  # no disk, no memory
    "57": Trouble.UNAVAILABLE,  # it goes down, comes up, was dropped, ended an idle session
    "58": Trouble.UNAVAILABLE,  # its machine
}
GONE = ("closed", "closing", "another operation", "released back")
"""What asyncpg says, in an InterfaceError without a state, of a connection that is over or in the middle of ending."""
GONE_IN_UVLOOP = "the handler is closed"
INVALIDATED = "8s2b"
"""SQLAlchemy's code for whoever goes on in a transaction whose connection was lost."""


def trouble(error: BaseException) -> Trouble | None:
    """What it is; None for whatever is about the caller's values, or a mistake of ours.

    Looks at what an exception wraps, came from, or was raised on top of: while a connection goes down, the first
    exception is rarely the last one.
    """
    for each in _chain(error):
        if (found := _one(each)) is not None:
            return found
    return None


def _one(error: BaseException) -> Trouble | None:
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str) and state:
        return STATES.get(state) or CLASSES.get(state[:2])
    if isinstance(error, PoolTimeout):
        return Trouble.OVERLOADED
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return Trouble.UNAVAILABLE
    if isinstance(error, PendingRollbackError) and error.code == INVALIDATED:
        return Trouble.UNAVAILABLE
    if isinstance(error, pg.InterfaceError):
        return Trouble.UNAVAILABLE if any(word in str(error) for word in GONE) else None
    if isinstance(error, RuntimeError) and GONE_IN_UVLOOP in str(error):
        return Trouble.UNAVAILABLE
    if isinstance(error, OSError | pg.InternalClientError):  # TimeoutError and ConnectionError are kinds of OSError
        return Trouble.UNAVAILABLE
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        under = one.__context__ if not one.__suppress_context__ else None
        waiting += [getattr(one, "orig", None), one.__cause__, under]
