"""One stream and many who follow it: everybody gets every event once and in order, and nobody waits for another."""

import asyncio
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from souk.web.errors import Code
from souk.web.frames import Frames
from souk.web.live import Live
from souk.web.parts import Payload
from tests.web.shop import OPS_TOKEN
from tests.web.test_sockets import code_of, wire
from tests.web.test_streams import stream

SUBJECT = "subscription { ever }"


class Board:
    """Stands for hub, runner and plan: rows that are there as soon as they are written."""

    def __init__(self) -> None:
        self.rows, self.wakes, self.fetches, self.seen, self.fused = [], set(), 0, True, True
        self.subject, self.key, self.after = "QmF0Y2g6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAx", ("board",), 0

    def write(self, body=None):
        number = len(self.rows) + 1
        self.rows.append((number, body or b'{"data":{"n":%d}}' % number))
        for wake in list(self.wakes):
            wake()

    def watch(self, subject, wake):
        self.wakes.add(wake)

    def unwatch(self, subject, wake):
        self.wakes.discard(wake)

    def events_plan(self, text, name, variables, context):
        return self

    async def fetch(self, after, limit):
        self.fetches += 1
        return self.rows[after : after + limit]

    async def answer(self, *_):
        return SimpleNamespace(
            body=b'{"data":{"node":{"__typename":"Batch"}}}' if self.seen else b'{"data":{}}', code=None
        )


@pytest.fixture
def board(shop, monkeypatch):
    made = Board()
    live = Live(made, made)
    made.live = live
    monkeypatch.setattr(shop, "subscribe", live.subscribe)
    return made


async def followed(board, number):
    """Wait until so many have caught up."""
    async with asyncio.timeout(10):
        while sum(len(each._pushed) for each in board.live.streams.values()) < number:
            await asyncio.sleep(0.005)


async def test_so_many_subscribers_times_so_many_events_each_once_and_in_order(start, board):
    running, subscribers, events = await start(sockets_per_address=1000), 60, 40
    for _ in range(5):
        board.write()
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(wire(running)) for _ in range(subscribers)]
        for n, each in enumerate(sockets):
            await each.init()
            await each.ask(SUBJECT, f"id-{n}")
        await followed(board, subscribers)
        (shared,) = board.live.streams.values()
        before = board.fetches
        for number in range(events):
            board.write(b'{"data":{"n":%d,"text":"%s"}}' % (number + 6, b"x" * (number * 4)) if number % 9 else None)
            await asyncio.sleep(0)
        for n, each in enumerate(sockets):
            heard = [await each.hear() for _ in range(5 + events)]
            assert [(m["id"], m["type"], m["payload"]["data"]["n"]) for m in heard] == [
                (f"id-{n}", "next", number) for number in range(1, 6 + events)
            ]
            await each.say(type="ping")
            assert await each.hear() == {"type": "pong"}  # and nothing besides
        assert board.fetches - before <= events + 2 and shared.followers == subscribers
        board.write(b'{"data":{"text":"%s"}}' % (b"\xc3\xa9" * 40_000))
        assert {len((await each.hear())["payload"]["data"]["text"]) for each in sockets} == {40_000}


async def test_event_streams_are_told_alike(start, board):
    running = await start()
    board.write()
    async with stream(running, SUBJECT) as one, stream(running, SUBJECT) as two:
        await followed(board, 2)
        for _ in range(20):
            board.write()
        for heard in (one, two):
            assert await heard.next() == (None, None)
            assert [await heard.next() for _ in range(21)] == [("next", {"data": {"n": n}}) for n in range(1, 22)]


async def test_an_error_in_a_shared_payload_names_each_ones_own_request(start, board):
    running = await start()
    async with wire(running) as one, wire(running) as two:
        for each in (one, two):
            await each.init()
            await each.ask(SUBJECT)
        await followed(board, 2)
        board.write(b'{"data":{"n":null},"errors":[{"message":"no","path":["n"],"extensions":{"code":"FORBIDDEN"}}]}')
        ids = {(await each.hear())["payload"]["errors"][0]["extensions"]["requestId"] for each in (one, two)}
        assert len(ids) == 2


async def test_one_who_reads_nothing_keeps_nobody_waiting_and_is_told_where_to_resume(start, board, monkeypatch):
    running = await start(stream_backlog=4)
    stuck, write, send = asyncio.Event(), Frames.write, Frames.send
    slow = set()

    async def held(self, message):
        if self in slow and b'"next"' in message.get("text", "").encode():
            await stuck.wait()
        await send(self, message)

    monkeypatch.setattr(Frames, "write", lambda self, text: self not in slow and write(self, text))
    monkeypatch.setattr(Frames, "send", held)
    async with AsyncExitStack() as stack:
        laggard = await stack.enter_async_context(wire(running))
        await laggard.init()
        await laggard.ask(SUBJECT)
        await followed(board, 1)
        (one,) = running.app.streams.open
        slow.add(one.write.__self__)
        other = await stack.enter_async_context(wire(running))
        await other.init()
        await other.ask(SUBJECT)
        await followed(board, 2)
        for number in range(1, 11):
            board.write()
            assert (await other.hear())["payload"]["data"]["n"] == number
        slow.clear()
        stuck.set()
        told = []
        while (message := await laggard.hear())["type"] == "next":
            told.append(message["payload"]["data"]["n"])
        assert code_of(message) == ("1", "error", Code.OVERLOADED)
        assert message["payload"][0]["extensions"]["after"] == str(told[-1])
        assert told == list(range(1, len(told) + 1)) and 4 <= len(told) <= 6


async def test_what_goes_past_the_outbox_overtakes_nothing_in_it(start, board, monkeypatch):
    stuck, sending, send, write = asyncio.Event(), asyncio.Event(), Frames.send, Frames.write
    full = True

    async def held(self, message):
        if "next" in message.get("text", ""):
            sending.set()
            await stuck.wait()
        await send(self, message)

    monkeypatch.setattr(Frames, "write", lambda self, text: not full and write(self, text))
    monkeypatch.setattr(Frames, "send", held)
    async with wire(await start()) as ws:
        await ws.init()
        await ws.ask(SUBJECT)
        await followed(board, 1)
        board.write()
        await sending.wait()  # the sender has taken the first and is not done with it
        full = False
        (shared,) = board.live.streams.values()
        board.write()
        async with asyncio.timeout(5):
            while shared.newest < 2:
                await asyncio.sleep(0.005)
        stuck.set()
        assert [(await ws.hear())["payload"]["data"]["n"] for _ in range(2)] == [1, 2]


async def test_a_client_that_completes_hears_no_more_of_it(start, board):
    async with wire(await start()) as ws:
        await ws.init()
        await ws.ask(SUBJECT)
        await followed(board, 1)
        await ws.say(id="1", type="complete")
        async with asyncio.timeout(5):
            while board.live.streams:
                await asyncio.sleep(0.005)
        board.write()
        await ws.say(type="ping")
        assert await ws.hear() == {"type": "pong"}


async def test_draining_and_a_subject_out_of_sight_end_those_who_are_pushed_to(start, board, shop):
    running = await start()
    async with wire(running) as ws:
        await ws.init(OPS_TOKEN)
        await ws.ask(SUBJECT)
        await followed(board, 1)
        board.seen = False
        assert await ws.hear() == {"id": "1", "type": "complete"}
        board.seen = True
        await ws.ask(SUBJECT)
        await followed(board, 1)
        board.write()
        assert (await ws.hear())["type"] == "next"
        drained = asyncio.create_task(running.app.drain())
        assert code_of(await ws.hear()) == ("1", "error", "SHUTTING_DOWN")
        assert (await ws.closed())[0] == 1012
        await drained
    assert board.live.streams == {}


def test_a_payload_knows_its_place_and_whether_anything_in_it_is_a_callers_own():
    plain, own = Payload.of(7, b'{"data":1}'), Payload.of(8, b'{"errors":[]}')
    assert (plain, plain.after, plain.plain) == (b'{"data":1}', "7", True)
    assert (own.after, own.plain) == ("8", False)
