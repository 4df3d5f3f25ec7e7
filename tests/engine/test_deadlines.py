"""A limit ends what is late, and only that; it leaves a cancellation from elsewhere what it is."""

import asyncio
from time import monotonic

import pytest

from souk.engine.deadlines import Deadlines


async def forever(deadlines: Deadlines) -> None:
    with deadlines.begun():
        await asyncio.get_running_loop().create_future()


async def test_what_is_late_ends_with_a_timeout_and_what_is_not_does_not() -> None:
    deadlines, done = Deadlines(0.02), asyncio.Event()
    with pytest.raises(TimeoutError):
        await forever(deadlines)
    later = asyncio.create_task(forever(deadlines))
    with deadlines.begun():
        done.set()
        await done.wait()
    with pytest.raises(TimeoutError):
        await later
    assert deadlines._open == set()


async def test_somebody_elses_cancellation_stays_one() -> None:
    deadlines = Deadlines(30)
    task = asyncio.create_task(forever(deadlines))
    await asyncio.sleep(0)
    assert len(deadlines._open) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert deadlines._open == set()


async def test_a_limit_within_a_limit_ends_first() -> None:
    outer, inner = Deadlines(30), Deadlines(0.02)
    with outer.begun():
        with pytest.raises(TimeoutError):
            await forever(inner)
        assert len(outer._open) == 1
    assert outer._open == set()


async def test_the_time_counts_from_when_the_work_began() -> None:
    deadlines = Deadlines(30)
    deadlines.seconds, began = 1.0, monotonic() - 0.98
    with pytest.raises(TimeoutError):
        await begun_before(deadlines, began)
    assert monotonic() - began < 2


async def begun_before(deadlines: Deadlines, at: float) -> None:
    with deadlines.begun(at):
        await asyncio.get_running_loop().create_future()
