"""`graphql-sse`, distinct connections: each request one stream of `next` events and one `complete`."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from souk.web.streams import Outbox
from tests.web.shop import OPS_TOKEN

EVENTS = {"accept": "text/event-stream", "host": "pharos.test"}


class Heard:
    """The events of one response, in order."""

    def __init__(self, response):
        self.response, self._lines = response, response.aiter_lines()

    async def next(self):
        """One event as (name, data); a comment is (None, None)."""
        name, data = None, []
        async with asyncio.timeout(10):
            async for line in self._lines:
                if not line:
                    return name, json.loads("\n".join(data)) if any(data) else None
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data:"):
                    data.append(line[5:].strip())
        return "end", None

    async def events(self):
        """All that is to come, without comments."""
        found = []
        while (event := await self.next())[0] != "end":
            if event[0] is not None:
                found.append(event)
        return found


@asynccontextmanager
async def stream(running, query, method="POST", headers=EVENTS, **variables):
    async with httpx.AsyncClient(timeout=10) as client:
        body = {"query": query, "variables": variables}
        asked = {"json": body} if method == "POST" else {"params": {"query": query, "variables": json.dumps(variables)}}
        async with client.stream(method, running.http, headers=headers, **asked) as response:
            yield Heard(response)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_is_a_stream_that_completes(start, method):
    async with stream(await start(), "subscription S($to: Int!) { count(to: $to) }", method, to=3) as heard:
        assert heard.response.status_code == 200
        assert heard.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert heard.response.headers["cache-control"] == "no-store, no-transform"
        assert await heard.next() == (None, None)
        assert await heard.events() == [*(("next", {"data": {"count": n}}) for n in (1, 2, 3)), ("complete", None)]


async def test_queries_and_mutations_are_answered_too(start, shop):
    running = await start()
    async with stream(running, "{ viewer }", headers={**EVENTS, "authorization": f"Bearer {OPS_TOKEN}"}) as heard:
        assert await heard.events() == [("next", {"data": {"viewer": "OPS of 1"}}), ("complete", None)]
    async with stream(running, "mutation { add }") as heard:
        assert await heard.events() == [("next", {"data": {"add": 1}}), ("complete", None)]
    async with stream(running, "mutation { add }", "GET") as heard:
        assert heard.response.status_code == 405
    assert shop.total == 1


async def test_what_is_refused_at_the_door_has_a_status(start):
    running = await start()
    for query, headers, status in [
        ("subscription { count(", EVENTS, 400),
        ("subscription { count(to: 1) }", {**EVENTS, "authorization": "Bearer unknown-token-of-the-shop"}, 401),
    ]:
        async with stream(running, query, headers=headers) as heard:
            assert heard.response.status_code == status
            assert heard.response.headers["content-type"].startswith("application/graphql-response+json")
            body = json.loads(await heard.response.aread())
            assert body["errors"][0]["extensions"]["requestId"] == heard.response.headers["x-request-id"]


async def test_an_error_of_the_subscription_is_its_last_event(start):
    async with stream(await start(), "subscription { refused }") as heard:
        (name, payload), done = await heard.events()
        assert (name, payload["errors"][0]["extensions"]["code"], done) == ("next", "FORBIDDEN", ("complete", None))


async def test_a_silent_stream_is_kept_alive_by_comments(start):
    async with stream(await start(stream_heartbeat=0.01), "subscription { ever }") as heard:
        seen = [await heard.next() for _ in range(5)]
        assert seen.count((None, None)) == 4 and ("next", {"data": {"ever": 0}}) in seen


async def test_a_reader_that_leaves_is_noticed(start):
    running = await start()
    async with stream(running, "subscription { ever }") as heard:
        await heard.next()
        assert len(running.app.streams.open) == 1
    async with asyncio.timeout(10):
        await running.app.streams._empty.wait()


async def test_one_who_reads_too_slowly_is_ended_and_told_where_to_resume(start, monkeypatch):
    held, take = asyncio.Event(), Outbox.take

    async def slowly(self):
        frame = await take(self)
        await held.wait()
        return frame

    monkeypatch.setattr(Outbox, "take", slowly)
    running = await start(stream_backlog=4)
    async with stream(running, "subscription { count(to: 100) }") as heard:
        (one,) = running.app.streams.open
        await one._pump
        held.set()
        *told, (_, last), done = await heard.events()
        (error,) = last["errors"]
        assert error["extensions"]["code"] == "OVERLOADED" and error["extensions"]["retryable"] is True
        assert [payload["data"]["count"] for _, payload in told] == list(range(1, error["extensions"]["after"] + 1))
        assert 4 <= len(told) <= 6 and done == ("complete", None)


async def test_draining_ends_a_stream_with_a_typed_event(start, shop):
    running = await start()
    async with stream(running, "subscription { ever }") as heard:
        assert await heard.next() == (None, None)
        assert await heard.next() == ("next", {"data": {"ever": 0}})
        await running.app.drain()
        *_, (name, payload), done = await heard.events()
        assert (name, payload["errors"][0]["extensions"]["code"], done) == ("next", "SHUTTING_DOWN", ("complete", None))


async def test_a_session_that_ends_takes_its_streams_along(start, shop):
    running = await start(session_recheck=0.02, session_cache=0)
    headers = {**EVENTS, "authorization": f"Bearer {OPS_TOKEN}"}
    async with stream(running, "subscription { ever }", headers=headers) as heard:
        assert await heard.next() == (None, None)
        assert await heard.next() == ("next", {"data": {"ever": 0}})
        del shop.tokens[OPS_TOKEN]
        *_, (_, payload), _ = await heard.events()
        assert payload["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


MULTIPART = {**EVENTS, "accept": "multipart/mixed; subscriptionSpec=1.0, application/json"}


async def parts(running, query, until=None):
    """The JSON of each part, as Apollo's clients cut them: a part has arrived with the boundary after it."""
    url, found, text = running.http, [], ""
    async with (
        httpx.AsyncClient(timeout=10) as http,
        http.stream("POST", url, json={"query": query}, headers=MULTIPART) as response,
    ):
        assert response.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
        async for chunk in response.aiter_text():
            text += chunk
            *whole, text = text.split("\r\n--graphql")
            for part in filter(None, whole):
                head, _, body = part.partition("\r\n\r\n")
                assert head == "\r\ncontent-type: application/json"
                found.append(json.loads(body))
            if until is not None:
                await until(found)
    assert text == "--\r\n"
    return found


async def test_a_subscription_in_parts(start):
    running = await start()
    assert await parts(running, "subscription { count(to: 3) }") == [
        {"payload": {"data": {"count": n}}} for n in (1, 2, 3)
    ]


async def test_an_error_of_the_transport_is_beside_a_payload_that_is_null(start):
    running = await start(stream_heartbeat=0.01)

    async def drain(found):
        if {"payload": {"data": {"ever": 0}}} in found and {} in found:
            await running.app.drain()

    *_, last = await parts(running, "subscription { ever }", drain)
    assert (last["payload"], last["errors"][0]["extensions"]["code"]) == (None, "SHUTTING_DOWN")


async def test_queries_are_answered_plainly_to_those_who_accept_parts(client):
    http = await client()
    response = await http.post("/graphql", json={"query": "{ hello }"}, headers=MULTIPART)
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.json() == {"data": {"hello": "Hello, world!"}}
    other = {**EVENTS, "accept": "multipart/mixed; deferSpec=20220824"}
    assert (await http.post("/graphql", json={"query": "{ hello }"}, headers=other)).status_code == 406
