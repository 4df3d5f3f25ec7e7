"""`graphql-transport-ws` as the protocol says, spoken by a client that is not ours, over a real port."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from souk.settings import Settings
from souk.web.heads import KEPT, Heads
from souk.web.streams import Outbox
from tests.web.shop import OPS_TOKEN, SALES_TOKEN

PROTOCOL = "graphql-transport-ws"


class Wire:
    def __init__(self, socket):
        self.socket = socket

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def hear(self):
        async with asyncio.timeout(10):
            text = await self.socket.recv()
        assert isinstance(text, str)
        return json.loads(text)

    async def closed(self):
        """The code and reason of the close, after whatever else is on its way."""
        async with asyncio.timeout(10):
            await self.socket.wait_closed()
        return self.socket.close_code, self.socket.close_reason

    async def init(self, token=None):
        await self.say(type="connection_init", payload={"authorization": f"Bearer {token}"} if token else None)
        assert await self.hear() == {"type": "connection_ack"}
        return self

    async def ask(self, query, id="1", **more):
        await self.say(id=id, type="subscribe", payload={"query": query, **more})


@asynccontextmanager
async def wire(running, protocol=PROTOCOL, host="pharos.test", **options):
    extra = {"Host": host} if host else {}
    async with connect(
        running.ws, subprotocols=[protocol] if protocol else None, additional_headers=extra, **options
    ) as socket:
        yield Wire(socket)


def code_of(message):
    (error,) = message["payload"]
    return message["id"], message["type"], error["extensions"]["code"]


async def test_queries_mutations_and_subscriptions_on_one_socket(start, shop):
    running = await start()
    async with wire(running) as ws:
        await ws.init(OPS_TOKEN)
        await ws.ask("{ viewer }", "q")
        assert await ws.hear() == {"id": "q", "type": "next", "payload": {"data": {"viewer": "OPS of 1"}}}
        assert await ws.hear() == {"id": "q", "type": "complete"}
        await ws.ask("mutation Add($n: Int!) { add(number: $n) }", "m", variables={"n": 5}, operationName="Add")
        assert await ws.hear() == {"id": "m", "type": "next", "payload": {"data": {"add": 5}}}
        assert await ws.hear() == {"id": "m", "type": "complete"}
        await ws.ask("subscription { count(to: 3) }", "s")
        told = [await ws.hear() for _ in range(4)]
        assert told == [
            *({"id": "s", "type": "next", "payload": {"data": {"count": n}}} for n in (1, 2, 3)),
            {"id": "s", "type": "complete"},
        ]
    assert shop.total == 5


async def test_an_id_is_free_again_when_its_operation_is_over(start):
    async with wire(await start()) as ws:
        await ws.init()
        for _ in range(3):
            await ws.ask("{ hello }")
            assert (await ws.hear())["type"] == "next"
            assert await ws.hear() == {"id": "1", "type": "complete"}


async def test_an_error_ends_its_operation_and_not_the_socket(start):
    async with wire(await start()) as ws:
        await ws.init()
        for query, code in [
            ("{ hello(", "BAD_REQUEST"),
            ("{ nope }", "BAD_REQUEST"),
            ("subscription { nope }", "BAD_REQUEST"),
            ("subscription { refused }", "FORBIDDEN"),
            ("{" + "again{" * 12 + "hello" + "}" * 13, "QUERY_TOO_COMPLEX"),
            (" ", "BAD_REQUEST"),
        ]:
            await ws.ask(query)
            assert code_of(await ws.hear()) == ("1", "error", code)
        await ws.ask("{ boom }")
        answer = (await ws.hear())["payload"]
        assert answer["data"] == {"boom": None} and answer["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "SELECT" not in json.dumps(answer)
        assert (await ws.hear())["type"] == "complete"
        await ws.say(type="ping", payload={"a": 1})
        assert await ws.hear() == {"type": "pong", "payload": {"a": 1}}


async def test_a_subscription_that_is_told_nothing_is_two_tasks(start, shop):
    """What a socket costs at rest is mostly tasks: its own, which reads, and the subscription's."""
    running = await start()
    async with wire(running) as ws:
        await ws.init(OPS_TOKEN)
        await ws.ask("subscription { ever }")
        assert (await ws.hear())["type"] == "next"
        names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
        ours = [name for name in names if name.startswith(("Socket.", "WebSocketsSansIOProtocol.run"))]
        assert sorted(ours) == ["Socket._run", "WebSocketsSansIOProtocol.run_asgi"]


async def test_complete_from_the_client_ends_a_subscription(start, shop):
    async with wire(await start()) as ws:
        await ws.init()
        await ws.ask("subscription { ever }")
        assert (await ws.hear())["payload"] == {"data": {"ever": 0}}
        await ws.say(id="1", type="complete")
        await ws.ask("subscription { ever }")
        assert (await ws.hear())["payload"] == {"data": {"ever": 0}}


MALFORMED = [
    "",
    "{",
    "[]",
    "null",
    '"ping"',
    "{}",
    '{"type":1}',
    '{"type":"nothing"}',
    '{"type":"start","id":"1","payload":{"query":"{ hello }"}}',
    '{"type":"subscribe"}',
    '{"type":"subscribe","id":""}',
    '{"type":"subscribe","id":1,"payload":{"query":"{ hello }"}}',
    '{"type":"subscribe","id":"1","payload":[]}',
    '{"type":"subscribe","id":"1","payload":{}}',
    '{"type":"subscribe","id":"1","payload":{"query":7}}',
    '{"type":"complete"}',
    '{"type":"ping","payload":"x"}',
    '{"type":"ping","payload":{"a":"\\u0000"}}',
    '{"type":"ping","payload":' + "[" * 200 + "]" * 200 + "}",
    b'{"type":"ping"}',
]


@pytest.mark.parametrize("message", MALFORMED)
async def test_a_message_that_is_none_closes_with_4400_and_no_traceback(start, message, capsys, caplog):
    async with wire(await start()) as ws:
        await ws.init()
        await ws.socket.send(message)
        assert (await ws.closed())[0] == 4400
    assert "Traceback" not in "".join(capsys.readouterr()) + caplog.text


async def test_invalid_utf_8_is_the_transports_to_refuse(start):
    async with wire(await start()) as ws:
        await ws.init()
        await ws.socket.send(b"\xff\xfe", text=True)
        assert (await ws.closed())[0] == 1007


async def test_a_message_that_is_too_long(start):
    async with wire(await start(body_limit=2000)) as ws:
        await ws.init()
        await ws.ask("{ hello }" + " " * 2000)
        assert (await ws.closed())[0] == 1009


async def test_the_close_codes_of_the_protocol(start):
    running = await start()
    async with wire(running) as ws:
        await ws.ask("{ hello }")
        assert await ws.closed() == (4401, "Unauthorized")
    async with wire(running) as ws:
        await ws.init()
        await ws.say(type="connection_init")
        assert await ws.closed() == (4429, "Too many initialisation requests")
    async with wire(running) as ws:
        await ws.init()
        await ws.ask("subscription { ever }")
        await ws.hear()
        await ws.ask("{ hello }")
        assert await ws.closed() == (4409, "Subscriber for 1 already exists")
    async with wire(running, protocol="graphql-ws", host=None) as ws:
        assert ws.socket.subprotocol is None
        assert await ws.closed() == (4406, "Subprotocol not acceptable")
    async with wire(running, protocol=None) as ws:
        assert (await ws.closed())[0] == 4406


async def test_a_socket_that_does_not_introduce_itself(start):
    async with wire(await start(socket_init_timeout=0.05)) as ws:
        assert await ws.closed() == (4408, "Connection initialisation timeout")


async def test_a_credential_that_is_refused(start):
    running = await start()
    for payload in ({"authorization": "Bearer unknown-token-of-the-shop"}, {"Authorization": "Basic x"}):
        async with wire(running) as ws:
            await ws.say(type="connection_init", payload=payload)
            assert await ws.closed() == (4403, "Forbidden")
    async with wire(running, host="elsewhere.test") as ws:
        await ws.say(type="connection_init")
        assert await ws.closed() == (4403, "Forbidden")


async def test_the_tenant_of_a_visitor(start):
    async with wire(await start()) as ws:
        await ws.say(type="connection_init", payload={"X-Souk-Tenant": "twin"})
        assert await ws.hear() == {"type": "connection_ack"}
        await ws.ask("{ viewer }")
        assert (await ws.hear())["payload"] == {"data": {"viewer": "PUBLIC of 2"}}


async def test_a_foreign_page_may_not_connect(start):
    running = await start(allowed_origins="https://app.test")
    with pytest.raises(InvalidStatus) as refusal:
        async with wire(running, origin="https://evil.test"):
            pass
    assert refusal.value.response.status_code == 403
    async with wire(running, origin="https://app.test") as ws:
        await ws.init()


async def test_so_many_operations_on_one_socket(start):
    async with wire(await start(socket_subscriptions=2)) as ws:
        await ws.init()
        for id in ("1", "2"):
            await ws.ask("subscription { ever }", id)
            assert (await ws.hear())["id"] == id
        await ws.ask("subscription { ever }", "3")
        assert code_of(await ws.hear()) == ("3", "error", "RATE_LIMITED")
        await ws.say(id="1", type="complete")
        await ws.ask("subscription { ever }", "3")
        assert (await ws.hear())["type"] == "next"


async def test_so_many_sockets_of_one_session_and_address(start):
    running = await start(sockets_per_session=2, sockets_per_address=3)
    async with wire(running) as first, wire(running) as second, wire(running) as third:
        await first.init(OPS_TOKEN)
        await second.init(OPS_TOKEN)
        await third.say(type="connection_init", payload={"authorization": f"Bearer {OPS_TOKEN}"})
        assert await third.closed() == (1013, "Too many connections of this session.")
        async with wire(running) as fourth:
            await fourth.init(SALES_TOKEN)
            with pytest.raises(InvalidStatus):
                async with wire(running):
                    pass


async def test_one_who_reads_too_slowly_is_ended_and_told_where_to_resume(start, shop, monkeypatch):
    running = await start(stream_backlog=4)
    held, over = asyncio.Event(), asyncio.Event()
    take, put = Outbox.take, Outbox.put

    async def slowly(self):
        frame = await take(self)
        if b'"next"' in (frame or b""):
            await held.wait()
        return frame

    def told_of(self, frame, owner=""):
        put(self, frame, owner)
        if b'"type":"error"' in (frame or b""):
            over.set()

    monkeypatch.setattr(Outbox, "take", slowly)
    monkeypatch.setattr(Outbox, "put", told_of)
    async with wire(running) as ws:
        await ws.init()
        await ws.ask("subscription { count(to: 100) }")
        await over.wait()
        held.set()
        told = []
        while (message := await ws.hear())["type"] == "next":
            told.append(message["payload"]["data"]["count"])
        assert code_of(message) == ("1", "error", "OVERLOADED")
        after = message["payload"][0]["extensions"]["after"]
        assert told == list(range(1, after + 1)) and 4 <= after <= 6
        await ws.ask("{ hello }", "2")
        assert (await ws.hear())["payload"] == {"data": {"hello": "Hello, world!"}}


async def test_a_session_that_ends_takes_its_sockets_along(start, shop):
    running = await start(session_recheck=0.02, session_cache=0)
    async with wire(running) as ws, wire(running) as other:
        await ws.init(OPS_TOKEN)
        await other.init(SALES_TOKEN)
        await ws.ask("subscription { ever }")
        await ws.hear()
        del shop.tokens[OPS_TOKEN]
        assert code_of(await ws.hear()) == ("1", "error", "UNAUTHENTICATED")
        assert (await ws.closed())[0] == 1001
        await other.ask("{ viewer }")
        assert (await other.hear())["payload"] == {"data": {"viewer": "SALES of 2"}}


async def test_draining_ends_subscriptions_lets_queries_finish_and_closes_with_1012(start, shop):
    running = await start()
    async with wire(running) as ws:
        await ws.init()
        await ws.ask("subscription { ever }", "s")
        await ws.hear()
        shop.holding.clear()
        await ws.ask("{ hold }", "q")
        await shop.holding.wait()
        drained = asyncio.create_task(running.app.drain())
        assert code_of(await ws.hear()) == ("s", "error", "SHUTTING_DOWN")
        shop.release.set()
        assert (await ws.hear())["payload"] == {"data": {"hold": "released"}}
        assert await ws.hear() == {"id": "q", "type": "complete"}
        assert (await ws.closed())[0] == 1012
        await drained
    with pytest.raises(InvalidStatus):
        async with wire(running):
            pass


async def test_a_socket_elsewhere_is_refused(start):
    running = await start()
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{running.port}/other", subprotocols=[PROTOCOL]):
            pass


async def test_the_sockets_of_a_client_show_one_head(start):
    """The handshake has a new key each time (RFC 6455, 4.1), which says nothing of who shows it; all else does."""
    running = await start()
    kept = running.app.heads._kept
    sent = ((OPS_TOKEN, 0), (OPS_TOKEN, 1), (OPS_TOKEN, 1), (SALES_TOKEN, 1), (SALES_TOKEN, 2), (OPS_TOKEN, 2))
    for token, heads in sent:
        async with connect(
            running.ws,
            subprotocols=[PROTOCOL],
            additional_headers={"Host": "pharos.test", "Authorization": f"Bearer {token}"},
        ) as socket:
            one = await Wire(socket).init()
            await one.ask("{ hello }")
            assert (await one.hear())["type"] == "next"
        assert len(kept) == heads
    assert [each.credential.token for each in kept.values()] == [SALES_TOKEN, OPS_TOKEN]  # used last, last


def test_who_guesses_tokens_displaces_nobody():
    heads = Heads(Settings())

    def shown(token):
        headers = {b"host": b"pharos.test", b"authorization": b"Bearer " + token}
        return heads.of({"type": "http", "client": ("10.0.0.1", 1), "headers": list(headers.items())}, headers)

    first, known = shown(OPS_TOKEN.encode()), shown(OPS_TOKEN.encode())
    assert first == known and shown(OPS_TOKEN.encode()) is known
    for n in range(2 * KEPT):
        assert shown(b"%032x" % n).credential.token == f"{n:032x}"
    assert shown(OPS_TOKEN.encode()) is known and (len(heads._kept), len(heads._once)) == (1, KEPT)
