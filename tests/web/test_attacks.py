"""The front door by force, at a server of its own over the real schema: damage, bombs, smuggling, other people's pages."""

import asyncio
import random
import re
from statistics import median
from time import perf_counter

import httpx
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.serving import serving
from tests.web.test_cost import signed_in

EVERYBODY = "visitor,browser,mobile,dashboard,service"  # may send what nobody registered, in production too

JSON = {"content-type": "application/json", "accept": "application/graphql-response+json"}
INSIDE = re.compile(
    r"Traceback|SELECT |INSERT |asyncpg|sqlalchemy|graphql-core|strawberry|orjson|uvicorn|starlette|site-packages|\.py\b|/root/|PostgreSQL \d|"
    r"0x[0-9a-f]{6}|<class|object at|KeyError|TypeError|ValueError|Exception"
)  # fmt: skip
WHOLE = [
    {"query": "query Q($q: String!, $n: Int) { search(query: $q) { type node { id } } listings(first: $n, filter: {status: [ACTIVE]}) { totalCount nodes { title } } }",
     "variables": {"q": "ü", "n": 3}, "operationName": "Q"},
    {"query": "{ __typename viewer { role } node(id: \"TGlzdGluZzow\") { id } }", "extensions": {"a": [1, {"b": None}]}},
    {"query": "subscription($b: ID!) { batchEvents(batchId: $b, after: \"0\") { seq } }", "variables": {"b": "QmF0Y2g6MA=="}},
    {"query": "mutation($i: CompetitorCreateInput!) { competitorCreate(input: $i) { userErrors { code } } }",
     "variables": {"i": {"name": "R", "country": "IN", "website": "x"}}},
]  # fmt: skip
PIECES = [b"{", b"}", b"[", b"]", b'"', b"\\u0000", b"\\ud800", b"\xff", b"\xc0\x80", b"1e999", b"9" * 400, b"null", b"$", b"...", b"@include(if: true)",
          b"@skip", b"fragment F on Query { ...F }", b"\x00", b"{{" * 50, b"-0", b"__schema{queryType{name}}", b"'; DROP TABLE listing; --"]  # fmt: skip


def damaged(randomly):
    body = bytearray(orjson.dumps(randomly.choice(WHOLE)))
    for _ in range(randomly.randint(1, 5)):
        at = randomly.randrange(len(body))
        match randomly.randrange(4):
            case 0:
                body[at] = randomly.randrange(256)
            case 1:
                del body[at : at + randomly.randint(1, 9)]
            case 2:
                body[at:at] = randomly.choice(PIECES)
            case _:
                body[at:at] = randomly.randbytes(randomly.randint(1, 3))
    return bytes(body)


async def over_http(http, randomly, headers, count):
    codes = set()
    for _ in range(count):
        response = await http.post("/graphql", content=damaged(randomly), headers=headers)
        codes.add(response.status_code)
        assert response.status_code < 500, response.text
        assert not INSIDE.search(response.text), response.text
    return codes


async def over_socket(url, randomly, me, count):
    """Damaged frames, each in a `subscribe` or instead of one; a closed socket is opened again."""
    closed, reasons, answered, left = set(), set(), 0, count
    while left:
        async with connect(url, subprotocols=["graphql-transport-ws"]) as socket:
            await socket.send(orjson.dumps({"type": "connection_init", "payload": me}).decode())
            assert orjson.loads(await socket.recv()) == {"type": "connection_ack"}
            try:
                while left:
                    left -= 1
                    payload = damaged(randomly)
                    frame = b'{"id":"%d","type":"subscribe","payload":%b}' % (left, payload)
                    await socket.send(frame if randomly.random() < 0.1 else frame.decode("utf-8", "replace"))
                    await socket.send(b'{"type":"ping","payload":{"n":%d}}'.decode() % left)
                    while True:
                        said = await asyncio.wait_for(socket.recv(), 10)
                        assert not INSIDE.search(str(said)), said
                        answered += 1
                        told = orjson.loads(said)
                        assert '"INTERNAL"' not in str(said)
                        if told["type"] == "pong":
                            break
            except ConnectionClosed as end:
                closed.add(end.rcvd.code)
                reasons.add(end.rcvd.reason)
    assert not INSIDE.search(str(reasons)), reasons
    return closed, answered


async def test_malformed_requests_over_every_transport(database, world, size):
    me, seed = await signed_in(world), 20_261_122
    count = size(1_000, 10_000)
    async with serving(database, limit_scale=100_000) as (process, address):
        async with httpx.AsyncClient(base_url=address, timeout=30) as http:
            plain = await over_http(http, random.Random(seed), {**me, **JSON}, count // 2)
            events = {**me, "content-type": "application/json", "accept": "text/event-stream"}
            streamed = await over_http(http, random.Random(seed + 1), events, count // 4)
            closed, answered = await over_socket(
                address.replace("http", "ws") + "/graphql", random.Random(seed + 2), me, count - count // 2 - count // 4
            )
            assert (await http.get("/readyz")).status_code == 200
        process.terminate()
        logged = (await process.drained).decode()
    assert plain <= {200, 400, 403} and {200, 400} <= plain
    assert streamed <= {200, 400, 403}
    assert closed <= {4400, 1007} and 4400 in closed and answered > count // 10
    assert '"level":"error"' not in logged


def nested(levels):
    return "{" + "dealer{owner{" * levels + "id" + "}}" * levels + "}"


BOMBS = {
    "aliases": "{" + " ".join(f"a{n}: __typename" for n in range(1_300)) + "}",
    "depth": "{ listings { nodes " + "{ dealer " * 13 + "{ id }" + "}" * 13 + " } }",
    "brackets": "{a" * 60_000,
    "fragments": "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} listings {{ nodes {{ id }} }} }}" for n in range(45))
    + " fragment F45 on Query { listings { nodes { id } } }",
    "directives": "{ __typename " + "@include(if: true) " * 3_000 + "}",
    "one field again": "{" + "__typename " * 60_000 + "}",
    "huge lists": "{ dealers(first: 100) { nodes { listings(first: 100) { nodes { offers(first: 100) { nodes { id } } } } } } }",
    "counts": "{ dealers(first: 100) { nodes { listings { totalCount } leads: listings { totalCount } } } }",
    "introspection": "{ __schema { types { fields { type { fields { type { fields { type { name } } } } } } } } }",
    "an integer of 5,000 digits": "{ listings(first: " + "9" * 5_000 + ") { nodes { id } } }",
}  # fmt: skip
BODIES = {
    "batching": orjson.dumps([{"query": "{ __typename }"}] * 5_000),
    "deep JSON": b'{"query":"{ __typename }","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "a deep object": b'{"query":"{ __typename }","variables":' + b'{"a":' * 40_000 + b"1" + b"}" * 40_000 + b"}",
    "JSON with 5,000 digits": b'{"query":"{ __typename }","variables":{"a":' + b"9" * 5_000 + b"}}",
    "a megabyte": b'{"query":"{ __typename }","variables":{"a":"' + b"x" * 1_000_000 + b'"}}',
}  # fmt: skip


async def test_every_bomb_is_refused_quickly_and_nobody_waits_for_it(database, world, size):
    """150 ms for a refusal, and 100 ms for `{ __typename }` beside it: the median of several, for the machine may be busy."""
    me, tries = {**await signed_in(world), **JSON}, size(5, 20)
    bodies = {name: orjson.dumps({"query": query}) for name, query in BOMBS.items()} | BODIES
    async with serving(database, limit_scale=100_000) as (_, address):  # noqa: SIM117
        async with httpx.AsyncClient(base_url=address, timeout=30) as http:

            async def timed(body):
                began = perf_counter()
                response = await http.post("/graphql", content=body, headers=me)
                return perf_counter() - began, response

            small = orjson.dumps({"query": "{ __typename }"})
            await timed(small)
            for name, body in bodies.items():
                took, beside = [], []
                for n in range(tries):
                    unlike = body.replace(
                        b'{"query":"', b'{"query":"%s' % (b" " * (n + 1)), 1
                    )  # not a remembered verdict
                    (spent, response), (waited, ok) = await asyncio.gather(timed(unlike), timed(small))
                    assert ok.json()["data"] == {"__typename": "Query"}
                    assert response.status_code in (400, 413) and "data" not in response.json(), (name, response.text)
                    code = response.json()["errors"][0]["extensions"]["code"]
                    assert code in ("QUERY_TOO_COMPLEX", "BAD_REQUEST", "BAD_USER_INPUT"), name
                    took.append(spent)
                    beside.append(waited)
                told = [f"{median(each) * 1000:.0f} ms (slowest {max(each) * 1000:.0f})" for each in (took, beside)]
                print(f"{name}: refused in {told[0]}, beside it {told[1]}")
                assert median(took) < 0.15, (name, took)
                assert median(beside) < 0.1, (name, beside)


SMUGGLED = [
    ("GET", "/graphql?query=mutation{add}", {}, b"", 405),
    ("GET", "/graphql?query=mutation{add}", {"x-http-method-override": "POST", "x-method-override": "POST"}, b"", 405),
    ("HEAD", "/graphql?query={hello}", {}, b"", 405),
    ("DELETE", "/graphql", {}, b"", 405),
    ("POST", "/graphql?query=mutation{add}", {"content-type": "application/json"}, b"{}", 400),
    ("POST", "/graphql", {"content-type": "text/plain"}, b'{"query":"mutation{add}"}', 415),
    ("POST", "/graphql", {"content-type": "application/x-www-form-urlencoded"}, b"query=mutation{add}", 415),
    ("POST", "/graphql", {"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415),
    ("POST", "/graphql", {"content-type": "text/plain; application/json"}, b'{"query":"mutation{add}"}', 415),
    ("POST", "/graphql", {"content-type": "application/graphql"}, b"mutation{add}", 415),
    ("POST", "/graphql", {"content-type": "application/json", "origin": "https://evil.test"}, b'{"query":"mutation{add}"}', 403),
    ("POST", "/graphql", {"content-type": "application/json", "origin": "null"}, b'{"query":"mutation{add}"}', 403),
    ("POST", "/graphql", {"content-type": "application/json", "origin": "http://pharos.test.evil.test"}, b'{"query":"mutation{add}"}', 403),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "headers", "body", "status"), SMUGGLED)
async def test_smuggled_methods_and_other_peoples_pages_change_nothing(
    client, shop, method, path, headers, body, status
):
    response = await (await client()).request(method, path, headers=headers, content=body)
    assert (response.status_code, shop.total) == (status, 0)
    assert "access-control-allow-origin" not in response.headers


async def test_pages_of_listed_sites_may_read_answers_and_no_others(client):
    http = await client(allowed_origins="https://app.test")
    asked = {
        "origin": "https://app.test",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    response = await http.options("/graphql", headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    shown = {name: value for name, value in response.headers.items() if name.startswith("access-control")}
    assert shown["access-control-allow-origin"] == "https://app.test"
    assert shown["access-control-allow-methods"] == "GET, POST"
    assert "content-type" in shown["access-control-allow-headers"] and "*" not in str(shown)
    for origin in ("https://evil.test", "https://app.test.evil.test", "http://app.test", "https://app.test:8443"):
        response = await http.options("/graphql", headers={**asked, "origin": origin})
        assert response.status_code == 403 and "access-control-allow-origin" not in response.headers
    for body in (b'{"query":"{ hello }"}', b"{"):
        response = await http.post("/graphql", content=body, headers={**JSON, "origin": "https://app.test"})
        assert response.headers["access-control-allow-origin"] == "https://app.test"
        assert "origin" in response.headers["vary"]


async def test_whom_to_tell_of_a_hole(client):
    http = await client(env="production", security_contact="mailto:security@souk.test")
    told = (await http.get("/.well-known/security.txt")).text
    assert re.fullmatch(
        r"Contact: mailto:security@souk\.test\nExpires: 20\d\d-\d\d-\d\dT00:00:00Z\nPreferred-Languages: en\n", told
    )
    assert (await (await client(env="production")).get("/.well-known/security.txt")).status_code == 404


async def test_production_says_nothing_of_what_else_there_is(database, world):
    me = await signed_in(world)
    async with (
        serving(database, env="production", ad_hoc_documents=EVERYBODY) as (_, address),
        httpx.AsyncClient(base_url=address) as http,
    ):
        for query, variables in (
            ("{ listing { titel } }", {}), ("{ listings(frist: 1) { nodes { id } } }", {}), ("{ viewr { role } }", {}),
            ("query($f: ListingFilterr) { listings(filter: $f) { nodes { id } } }", {}),
            ("query($f: ListingFilter) { listings(filter: $f) { nodes { id } } }", {"f": {"statu": ["ACTIVE"]}}),
            ("query($f: ListingFilter) { listings(filter: $f) { nodes { id } } }", {"f": {"status": ["ACTIV"]}}),
            ("{ listings(filter: {status: [ACTIV]}) { nodes { id } } }", {}),
        ):  # fmt: skip
            response = await http.post("/graphql", json={"query": query, "variables": variables}, headers=me)
            assert response.status_code == 400 and "Did you mean" not in response.text, response.text
        assert (
            await http.post("/graphql", json={"query": "{ __schema { queryType { name } } }"}, headers=me)
        ).status_code == 403
        assert (await http.get("/", headers={"accept": "text/html"})).status_code == 404


async def test_who_may_read_the_counters_and_what_they_say(client, shop):
    http = await client(metrics_token="a-token-of-the-scraper")
    assert (await http.get("/metrics")).status_code == 403
    assert (await http.get("/metrics", headers={"x-internal-token": "another-token-of-it"})).status_code == 403
    for n in range(3):
        await http.post("/graphql", json={"query": f"query Name{n} {{ hello a{n}: hello }}"}, headers=JSON)
    await http.post("/graphql", json={"query": "{ nope }"}, headers=JSON)
    await http.post("/graphql", content=b"{", headers=JSON)
    response = await http.get("/metrics", headers={"authorization": "Bearer a-token-of-the-scraper"})
    assert response.headers["content-type"].startswith("text/plain; version=")
    lines = response.text.splitlines()
    assert 'souk_operations_total{code="ok",document="",kind="query",operation="other",transport="http"} 3.0' in lines
    assert (
        'souk_operations_total{code="BAD_REQUEST",document="",kind="query",operation="other",transport="http"} 1.0'
        in lines
    )
    assert 'souk_refusals_total{code="BAD_REQUEST",transport="http"} 1.0' in lines
    assert 'souk_operation_seconds_count{kind="query"} 4.0' in lines
    assert 'souk_connections{of="socket"} 0.0' in lines
    assert sum(line.startswith("souk_operations_total{") for line in lines) == 2
    assert "Name" not in response.text


async def test_without_a_token_only_this_machine_reads_them(database, world):
    me = await signed_in(world)
    async with serving(database) as (_, address), httpx.AsyncClient(base_url=address) as http:
        await http.post("/graphql", json={"query": "{ dealers { nodes { id } } }"}, headers=me)
        response = await http.get("/metrics")
        assert (
            'souk_operations_total{code="ok",document="",kind="query",operation="dealers",transport="http"} 1.0'
            in response.text
        )
        for name in ('souk_pool_connections_busy{of="read"} 0.0', 'souk_operation_cost_points_sum{kind="query"} 1.0'):
            assert name in response.text, response.text
        assert "# TYPE souk_job_lag_seconds gauge" in response.text
        assert (await http.get("/metrics", headers={"x-forwarded-for": "127.0.0.1"})).status_code == 403
