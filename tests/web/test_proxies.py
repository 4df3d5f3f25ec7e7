"""Whose address it is behind a proxy: what listed proxies say in X-Forwarded-For, and nothing that anybody else says."""

import asyncio

import httpx
import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from souk.rules.actor import Role
from souk.settings import Settings
from tests.resolvers.signing import OTP_REQUEST
from tests.serving import serving
from tests.web.door import email, visitor
from tests.web.test_sockets import PROTOCOL, wire

PROXIES = "127.0.0.1, 10.0.0.0/8, 2001:db8:ffff::/48"
HOST = {"host": "pharos.test"}
SAID = [
    ((), "127.0.0.1"),
    (("192.0.2.7",), "192.0.2.7"),
    (("192.0.2.7:4711",), "192.0.2.7"),
    (("198.51.100.1, 192.0.2.7",), "192.0.2.7"),
    (("192.0.2.7, 10.1.2.3, 10.4.5.6",), "192.0.2.7"),
    (("198.51.100.1, 192.0.2.7", "10.1.2.3"), "192.0.2.7"),
    (("198.51.100.1", "192.0.2.7"), "192.0.2.7"),
    (("10.1.2.3, 10.4.5.6",), "10.1.2.3"),
    (("2001:db8:1::9",), "2001:db8:1::9"),
    (("2001:DB8:1:0:0::9, 2001:db8:ffff::1",), "2001:db8:1::9"),
    (("[2001:db8:1::9]:4711",), "2001:db8:1::9"),
    (("::ffff:192.0.2.7",), "192.0.2.7"),
    (("192.0.2.7, hidden",), ""),
    (("192.0.2.7, " + "x" * 4_000,), ""),
]


@pytest.mark.parametrize(("said", "address"), SAID)
async def test_the_last_hop_that_is_no_listed_proxy_is_the_caller(start, shop, said, address):
    running = await start(trusted_proxies=PROXIES)
    headers = [*HOST.items(), *(("x-forwarded-for", each) for each in said), ("forwarded", "for=203.0.113.9")]
    headers.append(("x-real-ip", "203.0.113.9"))
    async with httpx.AsyncClient() as http:
        response = await http.post(running.http, json={"query": "{ hello }"}, headers=headers)
    assert response.json()["data"] == {"hello": "Hello, world!"}
    assert (shop.last.call.address, shop.last.call.caller.address) == (address, address)
    async with connect(
        running.ws, subprotocols=[PROTOCOL], additional_headers=[("Host", "pharos.test"), *headers[1:]]
    ) as socket:
        await socket.send('{"type":"connection_init"}')
        assert await socket.recv() == '{"type":"connection_ack"}'
        await socket.send('{"id":"1","type":"subscribe","payload":{"query":"{ hello }"}}')
        await socket.recv()
    assert (shop.last.call.address, shop.last.call.transport) == (address, "socket")


@pytest.mark.parametrize("proxies", ["", "127.0.0.2, 10.0.0.0/8"])
async def test_nobody_else_is_believed(start, shop, proxies):
    running = await start(trusted_proxies=proxies)
    async with httpx.AsyncClient() as http:
        for said in ("192.0.2.7", "10.1.2.3", "192.0.2.7, 127.0.0.1"):
            headers = {**HOST, "x-forwarded-for": said, "forwarded": f"for={said}", "x-real-ip": said}
            await http.post(running.http, json={"query": "{ hello }"}, headers=headers)
            assert shop.last.call.address == "127.0.0.1"


@pytest.mark.parametrize("word", ["*", "proxy.internal", "10.0.0.1/8", "127.0.0.1, nonsense"])
def test_a_proxy_is_an_address_or_a_network(word):
    with pytest.raises(ValidationError, match="must be addresses or networks"):
        Settings(trusted_proxies=word)


async def test_each_caller_behind_a_proxy_has_its_own_bucket_and_its_own_place_in_the_records(database, world):
    async with (
        serving(database, trusted_proxies="127.0.0.1", limit_scale=0.02) as (_, address),
        httpx.AsyncClient(base_url=address) as http,
    ):

        async def spent(said):
            """Questions until the bucket of 10 points is empty; a point comes back each second."""
            asked = 0
            while (await visitor(http, world, **{"x-forwarded-for": said}).send("{ nope }")).status_code != 429:
                asked += 1
                assert asked < 20
            return asked

        assert await spent("192.0.2.7") >= 3
        assert await spent("192.0.2.7") <= 1
        assert await spent("203.0.113.9, 192.0.2.7") <= 1, "what the caller adds in front changes nothing"
        assert await spent("192.0.2.8") >= 3
        assert await spent("2001:db8:1::9") >= 3
        assert await spent("2001:db8:1::10") <= 1, "the same /64"
    async with (
        serving(database, trusted_proxies="127.0.0.1") as (_, address),
        httpx.AsyncClient(base_url=address) as http,
    ):
        client = visitor(http, world, **{"x-forwarded-for": "203.0.113.9, 192.0.2.7"})
        await client.do(OTP_REQUEST, {"email": email(world, Role.OPS)})
        assert await world.rows("SELECT ip FROM sign_in_challenge") == [("192.0.2.7",)]
        session = await visitor(http, world, **{"x-forwarded-for": "192.0.2.9"}).sign_in(email(world, Role.ADMIN))
        assert session["role"] == "ADMIN"
        assert await world.rows("SELECT ip FROM session") == [("192.0.2.9",)]
        assert await world.rows("SELECT ip FROM login_attempt") == [("192.0.2.9",)]


async def test_so_many_sockets_of_one_network(start):
    running = await start(trusted_proxies="127.0.0.1", sockets_per_address=2)

    def of(said):
        return connect(
            running.ws, subprotocols=[PROTOCOL], additional_headers={**HOST, "X-Forwarded-For": said}
        )  # fmt: skip

    async with of("2001:db8:1::1"), of("2001:db8:1::2"), of("192.0.2.7"), of("192.0.2.8"):
        with pytest.raises(InvalidStatus):
            async with of("2001:db8:1::3"):
                pass
        async with of("2001:db8:2::1"), of("192.0.2.7"):
            pass
    async with asyncio.timeout(10), wire(running) as one:
        await one.init()


async def test_the_counters_are_not_shown_through_a_proxy(database):
    async with (
        serving(database, trusted_proxies="127.0.0.1") as (_, address),
        httpx.AsyncClient(base_url=address) as http,
    ):
        assert (await http.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})).status_code == 403
        assert (await http.get("/metrics")).status_code == 200
