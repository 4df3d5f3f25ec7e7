"""The short way of a head that comes again: what it answers, what it leaves to the long way, and that nobody sees which."""

import asyncio
import re
from contextlib import asynccontextmanager

import orjson
import pytest

from souk.rules.manifest import digest
from souk.web.joined import HEADS, Http
from souk.web.lane import KEPT_LENGTH
from tests.web.shop import NOW, OPS_TOKEN, PHAROS, SALES_TOKEN, Found

HELLO = {"query": "{ hello }"}
WHO = {"query": "{ viewer }"}
BODY = b'{"data":{"hello":"Hello, world!"}}'
OWN = re.compile(rb"(date|x-request-id): [^\r]+\r\n")


class Line:
    """One connection, byte for byte. `short` counts what its server answered on the short way."""

    def __init__(self, running, reader, writer):
        self.reader, self.writer, self.short = reader, writer, 0
        running.app._parts.sessions.cache = 3600  # seconds: however slow the machine
        look = running.app.lane.ready

        def counted(seen, body):
            found = look(seen, body)
            self.short += found is not None
            return found

        running.app.lane.ready = counted

    def write(self, asked=HELLO, token=OPS_TOKEN, *, head="", body=None):
        self.writer.write(request(asked, token, head=head, body=body))

    async def read(self):
        """The status, the head without what differs each time, and the body of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        return int(head.split()[1]), OWN.sub(b"", head), await self.reader.readexactly(length)

    async def ask(self, *given, **named):
        self.write(*given, **named)
        return await self.read()


def request(asked=HELLO, token=OPS_TOKEN, *, head="", body=None):
    body = orjson.dumps(asked) if body is None else body
    who = f"authorization: Bearer {token}\r\n" if token else ""
    return (
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\n{who}{head}content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    ).encode() + body


@asynccontextmanager
async def line(running):
    reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
    try:
        async with asyncio.timeout(30):
            yield Line(running, reader, writer)
    finally:
        writer.close()


ACCEPTED = ["", "accept: application/graphql-response+json\r\n", "accept: application/json\r\n"]
LISTED = "origin: https://shop.example\r\n"


@pytest.mark.parametrize("head", [*ACCEPTED, LISTED, "user-agent: x\r\naccept-language: de\r\n"])
async def test_a_head_that_comes_again_is_answered_alike(start, head):
    running = await start(allowed_origins="https://shop.example", limit_scale=1e9)
    async with line(running) as one:
        first = await one.ask(head=head)
        assert (first[0], first[2], one.short) == (200, BODY, 0)
        assert [await one.ask(head=head) for _ in range(3)] == [first] * 3
        assert one.short == 3
    text = running.app.metrics.text()
    assert b'souk_operations_total{code="ok",document="",kind="query",operation="other",transport="http"} 4.0' in text


@pytest.mark.parametrize("env", ["development", "production"])
async def test_it_is_the_head_of_the_long_way(start, shop, env):
    shop.registered[PHAROS, digest("{ hello }")] = "{ hello }"
    running = await start(env=env, allowed_hosts="127.0.0.1", limit_scale=1e9)
    asked = {"documentId": f"sha256:{digest('{ hello }').hex()}"}
    async with line(running) as one:
        found = [await one.ask(asked), await one.ask(asked)]
        assert (found[0], one.short) == (found[1], 1)
    assert (b"strict-transport-security" in found[1][1]) is (env == "production")
    assert found[1][1].splitlines()[-5:] == [
        b'ratelimit-policy: "points";q=10000000000000;w=10', b'ratelimit: "points";r=9999999999999;t=1',
        b"cache-control: no-store", b"content-length: 34", b"",
    ]  # fmt: skip


async def test_what_its_caller_is_called_is_the_same(start, shop):
    running = await start()
    async with line(running) as one:
        await one.ask(head="user-agent: phone\r\naccept-language: hi\r\n")
        first = shop.last.call
        await one.ask(head="user-agent: phone\r\naccept-language: hi\r\n")
        again = shop.last.call
    assert one.short == 1
    for name in ("credential", "address", "transport", "language", "caller", "trace", "explain", "rehearse"):
        assert getattr(again, name) == getattr(first, name), name
    assert (again.language, again.caller.agent, again.address) == ("hi", "phone", "127.0.0.1")
    assert again.request_id != first.request_id


async def test_behind_a_proxy_it_is_the_caller_that_the_proxy_names(start, shop):
    running = await start(trusted_proxies="127.0.0.1")
    async with line(running) as one:
        for address in ("192.0.2.7", "192.0.2.8", "192.0.2.7", "192.0.2.8"):
            await one.ask(head=f"x-forwarded-for: {address}\r\n")
            assert shop.last.call.address == address
    assert one.short == 2


LONG = [
    ("x-request-id: 0123456789\r\n", HELLO, 200),
    ("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", HELLO, 200),
    ("x-explain: 1\r\n", HELLO, 500),  # the shop explains nothing
    ("x-souk-dry-run: 1\r\n", HELLO, 400),
    ("accept: text/html\r\n", HELLO, 406),
    ("accept: text/event-stream\r\n", HELLO, 200),
    ("content-encoding: gzip\r\n", HELLO, 415),
    ("origin: https://elsewhere.example\r\n", HELLO, 403),
    ("", {"query": "mutation { add }"}, 200),
    ("", {"query": "{ hello"}, 200),
    ("", {"query": "{ a: hello }", "operationName": "other"}, 200),
    ("", {"query": "{ hello }", "variables": 3}, 400),
    ("", [HELLO], 400),
    ("", {"documentId": "sha256:" + "0" * 64}, 200),
]


@pytest.mark.parametrize(("head", "asked", "status"), LONG)
async def test_what_waits_or_is_refused_takes_the_long_way(start, shop, head, asked, status):
    running = await start(allowed_origins="https://shop.example", limit_scale=1e9)
    async with line(running) as one:
        if "event-stream" in head:
            one.write(asked, head=head)
            assert b"text/event-stream" in await one.reader.readuntil(b"\r\n\r\n")
            return
        found = [await one.ask(asked, head=head) for _ in range(3)]
        assert ([each[0] for each in found], one.short) == ([status] * 3, 0)
        assert (shop.total == 3) is (asked == {"query": "mutation { add }"})
        assert (await one.ask())[::2] == (200, BODY)
        assert (await one.ask())[::2] == (200, BODY)
        assert one.short == 1


async def test_errors_and_refusals_on_the_short_way_are_those_of_the_long_way(start, shop):
    running = await start(limit_scale=0.003)  # 30 points
    async with line(running) as one:
        boom = {"query": "{ boom }"}
        first, again = await one.ask(boom), await one.ask(boom)
        assert (first[0], again[0], one.short) == (200, 200, 1)
        wrong = [orjson.loads(each[2])["errors"][0] for each in (first, again)]
        assert [(each["message"], each["extensions"]["code"]) for each in wrong] == [
            (wrong[0]["message"], "INTERNAL")
        ] * 2
        assert b"SELECT" not in again[2]
        shop.broken = RuntimeError("secret")
        status, _, body = await one.ask(boom)
        assert (status, orjson.loads(body)["errors"][0]["extensions"]["code"], one.short) == (500, "INTERNAL", 2)
        shop.broken = None
        while (answer := await one.ask())[0] == 200:
            pass
        assert orjson.loads(answer[2])["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert answer[0] == 429 and b"retry-after: " in answer[1]
        assert one.short > 20


async def test_a_session_that_ends_or_is_forgotten_ends_there_too(start, shop):
    running = await start()
    async with line(running) as one:
        for _ in range(3):
            assert (await one.ask(WHO))[2] == b'{"data":{"viewer":"OPS of 1"}}'
        assert (await one.ask(WHO, SALES_TOKEN))[2] == b'{"data":{"viewer":"SALES of 2"}}'
        assert (await one.ask(WHO, None))[2] == b'{"data":{"viewer":"PUBLIC of 1"}}'
        assert (shop.lookups, one.short) == (3, 2)
        assert (await one.ask(WHO, None))[2] == b'{"data":{"viewer":"PUBLIC of 1"}}'
        assert (shop.lookups, one.short) == (3, 3)
        running.app._parts.sessions.forget(shop.tokens[OPS_TOKEN].actor.session_id)
        assert (await one.ask(WHO))[2] == b'{"data":{"viewer":"OPS of 1"}}'
        assert (shop.lookups, one.short) == (4, 3)
        shop.tokens[OPS_TOKEN] = Found(shop.tokens[OPS_TOKEN].actor, NOW)
        running.app._parts.sessions.forget()
        for _ in range(2):
            assert (await one.ask(WHO))[0] == 401
        del shop.tokens[SALES_TOKEN]
        assert (await one.ask(WHO, SALES_TOKEN))[0] == 401
        assert one.short == 3


@pytest.fixture
def arrived(monkeypatch):
    """`await arrived(n)`: until the server has heard n times from its connections."""
    heard, hear = [], Http.data_received

    def data_received(self, data):
        heard.append(len(data))
        hear(self, data)

    async def until(times):
        while len(heard) < times:
            await asyncio.sleep(0)
        assert len(heard) == times

    monkeypatch.setattr(Http, "data_received", data_received)
    return until


async def test_a_request_in_pieces_or_with_more_behind_it(start, arrived):
    running = await start()
    asked = request(body=orjson.dumps(HELLO) + b"    ")
    times = 0

    async with line(running) as one:

        async def write(*pieces):
            nonlocal times
            for piece in pieces:
                one.writer.write(piece)
                await arrived(times := times + 1)

        for number in range(2):
            await write(asked)
            assert ((await one.read())[2], one.short) == (BODY, number)
        for cut in (1, 40, len(asked) - 30, len(asked) - 4, len(asked) - 1):
            await write(asked[:cut], asked[cut:])
            assert (await one.read())[::2] == (200, BODY)
        await write(asked * 3)
        assert [(await one.read())[2] for _ in range(3)] == [BODY] * 3
        await write(asked + asked[:50], asked[50:])
        assert [(await one.read())[2] for _ in range(2)] == [BODY] * 2
        assert one.short == 1
        await write(asked)
        assert ((await one.read())[2], one.short) == (BODY, 2)


async def test_answers_keep_their_order(start, shop):
    running = await start()
    held = {"query": "{ hold }"}
    async with line(running) as one:
        shop.release.set()
        await one.ask(held)
        await one.ask()
        shop.release.clear()
        shop.holding.clear()
        one.write(held)
        await shop.holding.wait()
        assert one.short == 1
        one.write()
        one.write(WHO)
        await one.writer.drain()
        shop.release.set()
        found = [(await one.read())[2] for _ in range(3)]
        assert found == [b'{"data":{"hold":"released"}}', BODY, b'{"data":{"viewer":"OPS of 1"}}']
        assert (await one.ask())[2] == BODY


async def test_a_server_that_ends_answers_what_it_has_begun(start, shop):
    running = await start()
    held = {"query": "{ hold }"}
    async with line(running) as one:
        shop.release.set()
        await one.ask(held)
        shop.release.clear()
        shop.holding.clear()
        one.write(held)
        await shop.holding.wait()
        (protocol,) = running.server.server_state.connections
        protocol.shutdown()
        shop.release.set()
        status, head, body = await one.read()
        assert (status, body, one.short) == (200, b'{"data":{"hold":"released"}}', 1)
        assert b"connection: close\r\n" in head
        assert await one.reader.read() == b""


async def test_a_caller_who_leaves_is_not_written_to(start, shop):
    running = await start()
    held = {"query": "{ hold }"}
    async with line(running) as one:
        shop.release.set()
        await one.ask(held)
        shop.release.clear()
        shop.holding.clear()
        one.write(held)
        await shop.holding.wait()
        (protocol,) = running.server.server_state.connections
        (task,) = running.server.server_state.tasks
        one.writer.transport.abort()
        while not protocol.cycle.disconnected:
            await asyncio.sleep(0)
        shop.release.set()
        await task
        assert (one.short, protocol.cycle.response_started) == (1, False)
    assert not running.server.server_state.tasks


async def test_a_connection_remembers_few_heads(start):
    running = await start()
    async with line(running) as one:
        for n in range(2 * HEADS):
            assert (await one.ask({"query": "{ hello }" + " " * n}))[2] == BODY
        (protocol,) = running.server.server_state.connections
        assert (len(protocol._heads), one.short) == (HEADS, 0)
        assert (await one.ask({"query": "{ hello }" + " " * (2 * HEADS - 1)}))[2] == BODY
        await one.ask(head=f"x-long: {'x' * 5_000}\r\n")
        await one.ask(head=f"x-long: {'x' * 5_000}\r\n")
        assert (len(protocol._heads), one.short) == (HEADS, 1)


async def test_a_head_remembers_no_long_text(start):
    running = await start()
    async with line(running) as one:
        for length, kept in ((KEPT_LENGTH, 1), (KEPT_LENGTH + 1, 0)):
            asked = {"query": "{ hello }".ljust(length)}
            assert [(await one.ask(asked))[2] for _ in range(3)] == [BODY] * 3
            (protocol,) = running.server.server_state.connections
            *_, seen = protocol._heads.values()
            assert [text for text, _ in seen.way.known] == [asked["query"]] * kept
        assert one.short == 4
