"""Who talks too much, or takes nothing of what is sent, is cut off; the others do not notice."""

import asyncio
import json
import socket

import httpx
import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.web.shop import OPS_TOKEN
from tests.web.test_sockets import PROTOCOL, code_of, wire

BIG = "x" * 200_000
FLOODS = {
    "pings": '{"type":"ping"}',
    "pings that carry something": '{"type":"ping","payload":{"a":1}}',
    "pongs": '{"type":"pong"}',
    "ends of nothing": '{"type":"complete","id":"1"}',
    "questions": '{"type":"subscribe","id":"%d","payload":{"query":"{ nope }"}}',
}


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
async def test_more_messages_than_anybody_needs_close_the_socket(start, flood):
    running = await start()
    async with wire(running) as other, wire(running) as ws:
        await other.init(OPS_TOKEN)
        await ws.init()

        said = 0

        async def hear():
            async for _ in ws.socket:
                pass

        async def talk():
            nonlocal said
            while said < 20_000:
                await ws.socket.send(flood.replace("%d", str(said)))
                said += 1
                if said % 500 == 0:  # in the middle of it
                    await other.ask("{ hello }", f"o{said}")
                    assert (await other.hear())["payload"] == {"data": {"hello": "Hello, world!"}}
                    assert (await other.hear())["type"] == "complete"

        hearing = asyncio.create_task(hear())
        with pytest.raises(ConnectionClosed):
            await talk()
        assert await ws.closed() == (4429, "Too many messages")
        await asyncio.gather(hearing, return_exceptions=True)
        assert said >= 2_000
        await other.ask("{ viewer }")
        assert (await other.hear())["payload"] == {"data": {"viewer": "OPS of 1"}}


async def test_pings_of_the_protocol_below_are_bounded_too(start):
    running = await start()
    async with wire(running) as other, wire(running) as ws:
        await ws.init()
        await other.init()

        async def ping():
            for _ in range(10_000):
                await ws.socket.ping()
                await asyncio.sleep(0)

        with pytest.raises(ConnectionClosed):
            await ping()
        assert await ws.closed() == (4429, "Too many pings")
        await other.ask("{ hello }")
        assert (await other.hear())["payload"] == {"data": {"hello": "Hello, world!"}}


async def test_a_ping_gives_back_what_is_small(start):
    async with wire(await start()) as ws:
        await ws.init()
        await ws.say(type="ping", payload={"a": "x" * 900})
        assert await ws.hear() == {"type": "pong", "payload": {"a": "x" * 900}}
        await ws.say(type="ping", payload={"a": "x" * 1_100})
        assert await ws.hear() == {"type": "pong"}


def deaf(port):
    """A connection whose owner takes next to nothing of what is sent."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


async def test_one_who_asks_on_and_reads_nothing_is_cut_off(start, monkeypatch):
    running = await start()
    gone, remove = asyncio.Event(), running.app.streams.remove

    def removed(one):
        remove(one)
        gone.set()

    monkeypatch.setattr(running.app.streams, "remove", removed)
    async with connect(
        running.ws, sock=deaf(running.port), subprotocols=[PROTOCOL], additional_headers={"Host": "pharos.test"},
        max_queue=1, close_timeout=0.1,
    ) as ws:  # fmt: skip
        await ws.send('{"type":"connection_init"}')
        ask = {
            "type": "subscribe",
            "payload": {"query": "query($n: String!) { hello(name: $n) }", "variables": {"n": BIG}},
        }

        async def talk():
            for n in range(500):
                await ws.send(json.dumps({**ask, "id": str(n)}))

        talking = asyncio.create_task(talk())
        async with asyncio.timeout(20):
            await gone.wait()
        assert running.app.streams.open == set()
        await asyncio.gather(talking, return_exceptions=True)
        await ws.wait_closed()
    async with wire(running) as other:
        await other.init()
        await other.ask("{ hello }")
        assert (await other.hear())["payload"] == {"data": {"hello": "Hello, world!"}}


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
async def test_an_answer_that_nobody_takes_is_not_kept_for_ever(start, monkeypatch, accept):
    running = await start(send_timeout=0.3)
    lost, ended = asyncio.Event(), HttpToolsProtocol.connection_lost

    def told(self, error):
        ended(self, error)
        lost.set()

    monkeypatch.setattr(HttpToolsProtocol, "connection_lost", told)
    names = " ".join(f"a{n}: hello(name: $n)" for n in range(30))
    body = json.dumps({"query": f"query($n: String!) {{ {names} }}", "variables": {"n": BIG}}).encode()
    head = f"POST /graphql HTTP/1.1\r\nhost: pharos.test\r\ncontent-type: application/json\r\naccept: {accept}\r\n"
    one = deaf(running.port)
    try:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(one, f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(20):
            await lost.wait()
            await running.app.streams._empty.wait()
    finally:
        one.close()
    async with httpx.AsyncClient() as http:
        response = await http.post(running.http, json={"query": "{ hello }"}, headers={"host": "pharos.test"})
    assert response.json()["data"] == {"hello": "Hello, world!"}


# What a network pays for ----------------------------------------------------------------------------------------------


def behind(running, said, **options):
    headers = {"Host": "pharos.test", "X-Forwarded-For": said}
    return connect(running.ws, subprotocols=[PROTOCOL], additional_headers=headers, **options)


async def refused(running, said, **options):
    with pytest.raises(InvalidStatus) as refusal:
        async with behind(running, said, **options):
            pass
    response = refusal.value.response
    (error,) = json.loads(response.body)["errors"]
    return response.status_code, error["extensions"]["code"], response.headers.get("retry-after")


async def asked(http, running, said):
    headers = {"host": "pharos.test", "x-forwarded-for": said}
    return (await http.post(running.http, json={"query": "{"}, headers=headers)).status_code


async def test_refused_handshakes_are_charged_to_the_network(start):
    """A bucket of 10 points, of which one comes back each second: three refusals at once, whatever they are."""
    running = await start(limit_scale=0.02, trusted_proxies="127.0.0.1", metrics_token="a-token-of-the-scraper")
    forbidden, limited = (403, "FORBIDDEN", None), (429, "RATE_LIMITED")
    evil = {"origin": "https://evil.test"}
    assert [await refused(running, "192.0.2.1", **evil) for _ in range(3)] == [forbidden] * 3
    status, code, after = await refused(running, "192.0.2.1", **evil)
    assert (status, code) == limited and 1 <= int(after) <= 3
    async with httpx.AsyncClient() as http:
        assert await asked(http, running, "192.0.2.1") == 429, "the same bucket as its requests"
        assert await asked(http, running, "192.0.2.2") == 200
        # and the other way round, over HTTP as over the handshake
        headers = {"host": "pharos.test", "x-forwarded-for": "192.0.2.3", "origin": "https://evil.test"}
        codes = [(await http.post(running.http, json={}, headers=headers)).status_code for _ in range(4)]
        assert codes == [403, 403, 403, 429]
        assert (await refused(running, "192.0.2.3", **evil))[:2] == limited
        told = await http.get(
            f"http://127.0.0.1:{running.port}/metrics", headers={"x-internal-token": "a-token-of-the-scraper"}
        )
    counted = [line for line in told.text.splitlines() if line.startswith("souk_refusals_total") and "socket" in line]
    assert sorted(counted) == [
        'souk_refusals_total{code="FORBIDDEN",transport="socket"} 3.0',
        'souk_refusals_total{code="RATE_LIMITED",transport="socket"} 2.0',
    ]


async def test_so_are_tokens_that_are_none(start, shop):
    running = await start(limit_scale=0.02, trusted_proxies="127.0.0.1")

    async def guess(n, said="192.0.2.1"):
        async with behind(running, said) as ws:
            guessed = {"authorization": f"Bearer guess-number-{n}-of-the-token"}
            await ws.send(json.dumps({"type": "connection_init", "payload": guessed}))
            await ws.wait_closed()
            return ws.close_code

    assert [await guess(n) for n in range(4)] == [4403, 4403, 4403, 1013]
    assert await guess(5, "192.0.2.2") == 4403
    async with behind(running, "192.0.2.1") as ws:
        await ws.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {OPS_TOKEN}"}}))
        assert await ws.recv() == '{"type":"connection_ack"}', "who is signed in has a bucket of its own"
        await ws.send('{"id":"1","type":"subscribe","payload":{"query":"{ nope }"}}')
        assert code_of(json.loads(await ws.recv())) == ("1", "error", "BAD_REQUEST")
