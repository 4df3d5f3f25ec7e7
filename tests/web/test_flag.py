"""What waits with flags and inboxes is woken like with asyncio's own, and nothing is lost."""

import asyncio

import pytest

from souk.web.flag import Flag, Inbox
from souk.web.streams import Outbox


async def test_everybody_who_waits_is_woken_and_whoever_comes_later_does_not_wait() -> None:
    flag, woken = Flag(), []

    async def wait(n: int) -> None:
        await flag.wait()
        woken.append(n)

    async with asyncio.TaskGroup() as under_way:
        tasks = [under_way.create_task(wait(n)) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        assert (woken, flag.is_set()) == ([], False)
        flag.set()
    assert (woken, flag.is_set()) == ([0, 2], True)
    await asyncio.wait_for(flag.wait(), 1)
    flag.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(flag.wait(), 0.001)
    assert Flag(True).is_set()


async def test_an_inbox_gives_everything_once_and_in_order_and_a_taker_that_gives_up_takes_nothing() -> None:
    inbox = Inbox()
    gave_up = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    gave_up.cancel()
    assert inbox.empty()
    for n in range(3):
        inbox.put_nowait(n)
    assert [await inbox.get() for _ in range(3)] == [0, 1, 2] and inbox.empty()
    later = asyncio.create_task(inbox.get())
    await asyncio.sleep(0)
    inbox.put_nowait("more")
    assert await later == "more"


async def test_an_outbox_forgets_what_its_operation_had_waiting_and_is_empty_again() -> None:
    outbox = Outbox()
    for owner, frame in (("a", b"1"), ("b", b"22"), ("a", b"333")):
        outbox.put(frame, owner)
    outbox.drop("a")
    assert (len(outbox), outbox.size, outbox.waiting["a"], outbox.waiting["b"]) == (1, 2, 0, 1)
    assert (await outbox.take(), len(outbox), outbox.size, outbox.idle) == (b"22", 0, 0, False)
    outbox.put(b"4", "b")
    outbox.drop("b")
    taker = asyncio.create_task(outbox.take())
    await asyncio.sleep(0)
    assert outbox.idle
    outbox.put(b"5")
    assert await taker == b"5"
