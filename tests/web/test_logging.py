"""The log tells what happened and where, in at most 2 KB a line, and nothing of what a client or a person said."""

import asyncio
import io
import json
import logging
import sys
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
import orjson
import pytest
import structlog
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.logging import configure, flush
from tests.serving import serving
from tests.web.test_cost import signed_in

EVERYBODY = "visitor,browser,mobile,dashboard,service"  # may send what nobody registered, in production too


class Written(io.TextIOWrapper):
    """Standard error, kept: what is written as text and as bytes."""

    def getvalue(self) -> str:
        flush()
        return bytes(self.buffer.getvalue()).decode()  # type: ignore[attr-defined]


@contextmanager
def logged(monkeypatch, **settings):
    """What is logged meanwhile with these settings."""
    stream = Written(io.BytesIO(), "utf-8", write_through=True)
    monkeypatch.setattr(sys, "stderr", stream)
    before, root = structlog.get_config(), logging.getLogger().handlers[:]
    configure(Settings(**settings))
    structlog.configure(cache_logger_on_first_use=False)
    try:
        yield stream
    finally:
        structlog.configure(**before)
        logging.getLogger().handlers[:] = root


class Refusing(Exception):
    sqlstate, constraint_name = "22P02", "ck_one"


def fail():
    hidden = "kept-" + "in-a-variable"
    try:
        raise Refusing(f"invalid input: {hidden} said aloud")
    except Refusing as cause:
        raise RuntimeError(f"said aloud, {hidden}") from cause


@pytest.mark.parametrize("form", ["console", "json"])
def test_an_exception_tells_what_and_where_and_not_what_it_says(form, monkeypatch):
    with logged(monkeypatch, log_format=form) as stream:
        for name in ("exc_info", "from_library"):
            try:
                fail()
            except RuntimeError as error:
                if name == "exc_info":
                    structlog.get_logger("test").error("failed", exc_info=error)
                else:
                    logging.getLogger("library").error("broke: said aloud", exc_info=True)
        logging.getLogger("library").warning("saw %s", "said aloud")
    told = stream.getvalue()
    assert told.count("RuntimeError < Refusing 22P02 ck_one") == 2
    assert told.count("tests/web/test_logging.py:") == 4
    assert "saw %s" in told
    assert "said aloud" not in told and "kept-in-a-variable" not in told


def test_a_developer_sees_all_of_it(monkeypatch):
    with logged(monkeypatch, log_level="debug", log_format="json") as stream:
        try:
            fail()
        except RuntimeError as error:
            structlog.get_logger("test").error("failed", exc_info=error)
    assert "said aloud" in stream.getvalue()


@pytest.mark.parametrize("what", ["x" * 100_000, "\u20ac" * 100_000, ["deep"] * 10_000, {"a" * 3_000: "b" * 3_000}])
def test_a_line_has_two_kilobytes_at_most(what, monkeypatch):
    with logged(monkeypatch, log_format="json") as stream:
        structlog.get_logger("test").info("said", name=what, **{f"n{n}": "y" * 300 for n in range(30)})
    (line,) = stream.getvalue().splitlines()
    assert len(line.encode()) <= 2_048


SECRETS = {name: f"S3CR3T-{name}-value" for name in (
    "token", "otp", "variable", "key", "literal", "alias", "comment", "header", "agent", "cookie", "extension", "path",
    "query", "host", "init", "frame", "field", "origin", "request", "forwarded",
)}  # fmt: skip
MAIL, PHONE = "somebody.secret@example.com", "+919812345678"


async def thrown(http, ws, me):
    """Secrets at every input that there is: headers, URL, JSON, documents, variables, frames; good ones and bad ones."""
    s, long = SECRETS, "Long" * 2_000
    headers = {
        **me, "user-agent": s["agent"], "cookie": f"souk={s['cookie']}", "x-otp": s["otp"], "referer": f"http://{s['header']}/",
        "x-request-id": f"x {s['request']}", "traceparent": s["header"], "x-forwarded-for": s["forwarded"],
    }  # fmt: skip
    good = "query Q($q: String!) { search(query: $q) { type } }"
    bodies = [
        {"query": good, "variables": {"q": f"{s['variable']} {MAIL} {PHONE}"}, "extensions": {"x": s["extension"]}},
        {"query": good, "variables": {"q": {s["key"]: s["variable"]}}},
        {"query": f"# {s['comment']}\n{{ search(query: \"{s['literal']} {MAIL}\") {{ type }} }}"},
        {"query": "{{ {}: __typename }}".format(s["alias"].replace("-", "_"))},
        {"query": "{{ {} }}".format(s["field"].replace("-", "_"))},
        {"query": "{{ search(query: \"{}".format(s["literal"])},
        {"query": f"query {long} {{ __typename }}", "operationName": long},
        {"query": "mutation($i: CompetitorCreateInput!) { competitorCreate(input: $i) { userErrors { code } } }",
         "variables": {"i": {"name": s["variable"], "country": "IN", "website": f"https://{s['variable']}.example.com"}}},
        {"query": "{{ listing(id: \"{}\") {{ id }} listings(after: \"{}\") {{ nodes {{ id }} }} }}".format(s["literal"], s["literal"])},
        {"variables": s["variable"]}, [s["variable"]], s["variable"],
    ]  # fmt: skip
    for body in bodies:
        await http.post("/graphql", json=body, headers=headers)
        await http.post("/graphql", json=body, headers={**headers, "accept": "text/event-stream"})
    await http.post(
        "/graphql", content=s["variable"].encode() + b"\xff", headers={**headers, "content-type": "application/json"}
    )
    await http.post("/graphql", content=b"{}", headers={**headers, "content-type": s["header"]})
    await http.get("/graphql", params={"query": good, "variables": json.dumps({"q": s["query"]})}, headers=headers)
    await http.get(f"/{s['path']}", params={"token": s["query"]}, headers=headers)
    for name, value in (("authorization", f"Bearer {s['token']}"), ("x-internal-token", f"svc_{s['token']}"),
                        ("origin", f"https://{s['origin']}"), ("host", s["host"])):  # fmt: skip
        await http.post("/graphql", json=bodies[0], headers={**headers, name: value})
    for frames in (
        [{"type": "connection_init", "payload": {"authorization": f"Bearer {s['init']}"}}],
        [{"type": s["frame"]}],
        [{"type": "connection_init", "payload": me}, *({"type": "subscribe", "id": f"{n}", "payload": body}
         for n, body in enumerate(bodies) if isinstance(body, dict) and "query" in body)],
    ):  # fmt: skip
        async with connect(ws, subprotocols=["graphql-transport-ws"]) as socket:
            try:
                for frame in frames:
                    await socket.send(orjson.dumps(frame).decode())
                await socket.send("not JSON " + s["frame"])
                async with asyncio.timeout(10):
                    while True:
                        await socket.recv()
            except ConnectionClosed:
                pass


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_secrets_thrown_at_every_input_are_in_no_line(database, world, environment):
    me = await signed_in(world, Role.OPS)
    token = me["authorization"].split()[1]
    async with serving(database, env=environment, ad_hoc_documents=EVERYBODY) as (process, address):
        async with httpx.AsyncClient(base_url=address) as http:
            await thrown(http, address.replace("http", "ws") + "/graphql", me)
        process.terminate()
        lines = (await process.drained).decode().splitlines()
    assert sum('"operation"' in line for line in lines) >= 12
    assert sum('"refused"' in line for line in lines) >= 12
    for line in lines:
        assert len(line.encode()) <= 2_048
        for secret in (*SECRETS.values(), "S3CR3T", token, MAIL, PHONE, "somebody.secret", "9812345678"):
            assert secret not in line
    operation = next(json.loads(line) for line in lines if '"operation"' in line and '"Q"' in line)
    assert {"request_id", "name", "hash", "kind", "transport", "cost", "estimated", "ms", "outcome"} <= operation.keys()
    assert len(operation["hash"]) == 64


@pytest.mark.parametrize(
    ("name", "ms", "fused"), [("Listings", 1.25, True), (None, 0.0, False), ("N" * 100, 12_345.67, True)]
)
def test_the_quick_line_of_an_operation_is_the_line_of_the_library(name, ms, fused, monkeypatch):
    told = ("0123456789", name, "f" * 64, "query", "http", 3, 40)
    named = dict(zip(("request_id", "name", "hash", "kind", "transport", "cost", "estimated"), told, strict=True))
    with logged(monkeypatch, log_format="json") as stream:
        log = structlog.get_logger("souk.web")
        log.operation(*told, ms, "ok", fused)
        log.info("operation", **named, ms=round(ms, 1), outcome="ok", fused=fused)
    quick, library = (json.loads(line) for line in stream.getvalue().splitlines())
    times = [datetime.fromisoformat(each.pop("timestamp")) for each in (quick, library)]
    assert list(quick.items()) == list(library.items())
    assert timedelta(0) <= times[1] - times[0] < timedelta(minutes=1)


async def test_a_line_that_is_made_when_it_is_written_keeps_its_place_and_its_time(monkeypatch):
    with logged(monkeypatch, log_format="json") as written:
        log = structlog.get_logger("souk.test")
        before = datetime.now().astimezone()
        log.info("first")
        log.operation("r", None, "0" * 64, "query", "http", 1, 2, 0.04, "ok", True)
        log.info("last")
        after = datetime.now().astimezone()
        await asyncio.sleep(0.05)
        lines = [json.loads(line) for line in written.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["first", "operation", "last"]
    assert before <= datetime.fromisoformat(lines[1]["timestamp"]) <= after
