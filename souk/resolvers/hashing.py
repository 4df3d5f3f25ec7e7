"""Passwords as Argon2id (RFC 9106), off the event loop, a few at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache
from typing import TypeVar
from weakref import WeakKeyDictionary

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..engine.errors import Overloaded

PARALLEL = 2
"""Each takes 64 MiB and most of a core for some tenths of a second."""
WAITING = 32
"""More than these at once are turned away: somebody floods the sign-in, and everything else shall go on."""

R = TypeVar("R")
HASHER = PasswordHasher()  # the second recommended option of RFC 9106: 3 passes over 64 MiB, 4 lanes
_POOL = ThreadPoolExecutor(PARALLEL, thread_name_prefix="argon2")
_SLOTS: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_waiting = 0


@asynccontextmanager
async def slot() -> AsyncIterator[None]:
    """A place among the few that hash: taken before a transaction begins, so that never more than these hold a connection
    while they do. Raises Overloaded when too many wait."""
    global _waiting
    if _waiting >= WAITING:
        raise Overloaded
    slots = _SLOTS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(PARALLEL))
    _waiting += 1
    try:
        await slots.acquire()
    finally:
        _waiting -= 1
    try:
        yield
    finally:
        slots.release()


@cache
def _nobody() -> str:
    return HASHER.hash("the password of nobody")


def _matches(stored: str | None, password: str) -> bool:
    """Takes as long for an account without a password, or for none at all."""
    try:
        return HASHER.verify(stored or _nobody(), password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


async def matches(stored: str | None, password: str) -> bool:
    """Whether `stored` is a hash of the password; None is nobody's, and takes as long."""
    return await _aside(_matches, stored, password)


async def any_matches(stored: list[str], password: str) -> bool:
    """Whether one of a few hashes is of the password."""
    return await _aside(lambda: any(_matches(each, password) for each in stored))


async def hashed(password: str) -> str:
    """What is stored of a password."""
    return await _aside(HASHER.hash, password)


def outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than are used now."""
    return HASHER.check_needs_rehash(stored)


async def _aside(work: Callable[..., R], *given: object) -> R:
    return await asyncio.get_running_loop().run_in_executor(_POOL, work, *given)
