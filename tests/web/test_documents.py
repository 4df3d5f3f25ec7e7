"""Documents by hash, over every transport, and who may send one that nobody registered."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from souk.rules.actor import Actor, Role
from souk.rules.client import ClientClass, client_class
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.metrics import DOCUMENTS
from souk.web.wire import build
from tests.serving import KEYS
from tests.web.door import email, visitor
from tests.web.shop import DASHBOARD_TOKEN, NOW, OPS_TOKEN, PHAROS, SALES_TOKEN, SERVICE_TOKEN, TWIN
from tests.web.test_sockets import code_of, wire
from tests.world import World

HELLO = 'query Hello($name: String! = "world") { hello(name: $name) }'
OTHER = "{ viewer }"
COUNT = "subscription { count(to: 2) }"
ADD = "mutation { add(number: 7) }"
PRODUCTION = {"env": "production"}
ANY = {"accept": "application/json"}


def digest(document: str) -> bytes:
    return sha256(document.encode()).digest()


def id_of(document: str) -> str:
    return "sha256:" + digest(document).hex()


def hashed(document: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(document).hex()}}, **more}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}", **ANY}


@pytest.fixture(autouse=True)
def registered(shop) -> Iterator[None]:
    for document in (HELLO, COUNT, ADD):
        shop.registered[PHAROS, digest(document)] = document
    return iter(())


async def told(client, given: dict[str, Any], **headers: str) -> tuple[int, Any]:
    """The status, and the data or the code and message of the error."""
    response = await client.post("/graphql", json=given, headers={**ANY, **headers})
    body = response.json()
    if "data" in body:
        return response.status_code, body["data"]
    (error,) = body["errors"]
    return response.status_code, (error["extensions"]["code"], error["message"])


async def test_a_registered_document_by_its_id_and_by_apollos_hash(client) -> None:
    one = await client()
    expected = (200, {"hello": "Hello, Asha!"})
    assert await told(one, {"documentId": id_of(HELLO), "variables": {"name": "Asha"}}) == expected
    assert await told(one, hashed(HELLO, variables={"name": "Asha"})) == expected
    assert await told(one, hashed(HELLO, query=HELLO, variables={"name": "Asha"})) == expected
    given = {"documentId": id_of(HELLO), "variables": '{"name":"Asha"}'}
    assert (await one.get("/graphql", params=given)).json() == {"data": expected[1]}
    given = {"extensions": json.dumps(hashed(HELLO)["extensions"]), "variables": '{"name":"Asha"}'}
    assert (await one.get("/graphql", params=given)).json() == {"data": expected[1]}


async def test_an_unknown_hash_has_apollos_words(client) -> None:
    one = await client()
    missing = ("PERSISTED_QUERY_NOT_FOUND", "PersistedQueryNotFound")
    assert await told(one, hashed(OTHER)) == (200, missing)
    assert await told(one, {"documentId": id_of(OTHER)}) == (200, missing)
    assert await told(one, hashed(OTHER), accept="application/graphql-response+json") == (400, missing)
    response = await one.get("/graphql", params={"documentId": id_of(OTHER)}, headers=ANY)
    assert response.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert response.headers["cache-control"] == "no-store"


async def test_a_document_of_another_tenant_is_an_unknown_one(client, shop) -> None:
    one = await client()
    assert (await told(one, {"documentId": id_of(HELLO)}, **bearer(SALES_TOKEN)))[1][0] == "PERSISTED_QUERY_NOT_FOUND"
    shop.registered[TWIN, digest(HELLO)] = HELLO
    assert await told(one, {"documentId": id_of(HELLO)}, **bearer(SALES_TOKEN)) == (200, {"hello": "Hello, world!"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"documentId": "sha256:12"}, "64 hexadecimal digits"),
        ({"documentId": 7}, "64 hexadecimal digits"),
        ({"documentId": id_of(HELLO), "query": HELLO}, "not both"),
        ({"documentId": id_of(HELLO), **hashed(HELLO)}, "not both"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": digest(HELLO).hex()}}}, "Unsupported"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}, "64 hexadecimal digits"),
        ({"extensions": {"persistedQuery": "x"}}, "Unsupported"),
        (hashed(OTHER, query=HELLO), "provided sha does not match query"),
        (hashed(OTHER, query=7), "must be a GraphQL document"),
        ({"variables": {}}, "must be a GraphQL document"),
    ],
)
async def test_what_names_no_document_is_a_bad_request(client, given: dict[str, Any], words: str) -> None:
    one = await client()
    _, (code, message) = await told(one, given)
    assert code == "BAD_REQUEST" and words in message


async def test_apollos_registration_lasts_where_any_document_may_be_sent(client) -> None:
    one = await client()
    assert (await told(one, hashed(OTHER)))[1][0] == "PERSISTED_QUERY_NOT_FOUND"
    assert await told(one, hashed(OTHER, query=OTHER)) == (200, {"viewer": "PUBLIC of 1"})
    assert await told(one, hashed(OTHER)) == (200, {"viewer": "PUBLIC of 1"})
    assert (await told(one, hashed(OTHER), **bearer(SALES_TOKEN)))[1][0] == "PERSISTED_QUERY_NOT_FOUND"
    unnamed = '{ hello(name: "x") }'
    assert (await told(one, {"query": unnamed}))[1] == {"hello": "Hello, x!"}
    assert (await told(one, hashed(unnamed)))[1][0] == "PERSISTED_QUERY_NOT_FOUND", "nobody asked to have it kept"


async def test_registration_is_bounded_and_the_oldest_goes_first(client, shop) -> None:
    one = await client(automatic_documents=3)
    documents = ["{ viewer " + f"n{n}: viewer }}" for n in range(4)]
    for document in documents:
        assert (await told(one, hashed(document, query=document)))[0] == 200
    kept = [(await told(one, hashed(document)))[1] for document in documents]
    assert [isinstance(each, tuple) for each in kept] == [True, False, False, False]
    assert len(shop.store._automatic) == 3


async def test_registration_is_bounded_by_bytes_too(client, shop) -> None:
    one = await client()
    shop.store._automatic.most_bytes = 1_000
    for n in range(10):
        document = f"{{ viewer }} #{n}" + "x" * 300
        assert (await told(one, hashed(document, query=document)))[0] == 200
    assert len(shop.store._automatic) == 3 and shop.store._automatic.bytes <= 1_000


@pytest.mark.parametrize(
    ("token", "free"), [(None, False), (OPS_TOKEN, False), (DASHBOARD_TOKEN, False), (SERVICE_TOKEN, True)]
)
async def test_in_production_clients_of_people_send_registered_documents_only(client, shop, token, free) -> None:
    one = await client(**PRODUCTION)
    headers = bearer(token) if token else ANY
    who = {None: "PUBLIC of 1", SERVICE_TOKEN: "SERVICE of 1"}.get(token, "")
    refused = (200, ("PERSISTED_QUERY_REQUIRED", "Only registered documents are answered here."))
    assert await told(one, {"query": OTHER}, **headers) == ((200, {"viewer": who}) if free else refused)
    answer = await told(one, hashed(OTHER, query=OTHER), **headers)
    assert answer == ((200, {"viewer": who}) if free else refused)
    assert isinstance((await told(one, hashed(OTHER), **headers))[1], dict) is free
    for registered in ({"documentId": id_of(HELLO)}, hashed(HELLO), {"query": HELLO}):
        assert await told(one, registered, **headers) == (200, {"hello": "Hello, world!"})
    response = await one.get("/graphql", params={"query": OTHER}, headers=headers)
    assert ("data" in response.json()) is free
    assert ((await told(one, {"query": ADD}, **headers))[1], shop.total) == ({"add": 7}, 7)


async def test_a_setting_says_who_may_send_any_document(client) -> None:
    one = await client(env="production", ad_hoc_documents=("mobile", "visitor"))
    assert (await told(one, {"query": OTHER}, **bearer(OPS_TOKEN)))[1] == {"viewer": "OPS of 1"}
    assert (await told(one, {"query": OTHER}))[1] == {"viewer": "PUBLIC of 1"}
    assert (await told(one, {"query": OTHER}, **bearer(SERVICE_TOKEN)))[1][0] == "PERSISTED_QUERY_REQUIRED"
    none = await client(ad_hoc_documents=("nobody",))
    for headers in (ANY, bearer(OPS_TOKEN), bearer(SERVICE_TOKEN)):
        assert (await told(none, {"query": OTHER}, **headers))[1][0] == "PERSISTED_QUERY_REQUIRED"
    with pytest.raises(ValueError, match="everybody is no class of clients"):
        Settings(ad_hoc_documents=("everybody",))


def test_a_class_hangs_on_the_credential() -> None:
    session = Actor(PHAROS, Role.OPS, user_id=PHAROS, session_id=TWIN)
    token = Actor(PHAROS, Role.SERVICE, token_id=TWIN, scopes=frozenset({"listing:read"}))
    dashboard = Actor(PHAROS, Role.SERVICE, token_id=TWIN, scopes=frozenset({"listing:read", "dashboard"}))
    found = [client_class(each, cookie=False) for each in (Actor(PHAROS, Role.PUBLIC), session, token, dashboard)]
    assert found == [ClientClass.VISITOR, ClientClass.MOBILE, ClientClass.SERVICE, ClientClass.DASHBOARD]
    assert client_class(session, cookie=True) is ClientClass.BROWSER


async def test_a_registered_document_is_looked_up_once(client, shop) -> None:
    one = await client()
    for _ in range(3):
        assert (await told(one, {"documentId": id_of(HELLO)}))[0] == 200
    assert shop.finds == 1


async def test_the_last_use_is_written_once_a_minute(client, shop) -> None:
    one = await client()
    for _ in range(3):
        await told(one, {"documentId": id_of(HELLO)})
    await shop.store.close()
    assert shop.touched == [(PHAROS, frozenset({digest(HELLO)}), NOW)]
    shop.now = NOW + timedelta(minutes=1)
    await told(one, hashed(HELLO))
    await shop.store.close()
    assert shop.touched[1:] == [(PHAROS, frozenset({digest(HELLO)}), shop.now)]


async def test_a_stream_takes_documents_by_hash(client) -> None:
    one = await client(**PRODUCTION)
    expected = "".join(f'event: next\ndata: {{"data":{{"count":{n}}}}}\n\n' for n in (1, 2))
    for given in ({"documentId": id_of(COUNT)}, hashed(COUNT)):
        response = await one.post("/graphql", json=given, headers={"accept": "text/event-stream"})
        assert response.text == ":\n\n" + expected + "event: complete\ndata:\n\n"
    params = {"documentId": id_of(COUNT)}
    response = await one.get("/graphql", params=params, headers={"accept": "text/event-stream"})
    assert expected in response.text
    response = await one.post("/graphql", json=hashed(OTHER), headers={"accept": "text/event-stream"})
    assert '"PersistedQueryNotFound"' in response.text and '"count"' not in response.text


async def test_a_socket_takes_documents_by_hash(start, shop) -> None:
    running = await start(**PRODUCTION)
    async with wire(running) as ws:
        await ws.init()
        for id, given in (("a", {"documentId": id_of(COUNT)}), ("b", hashed(COUNT))):
            await ws.say(id=id, type="subscribe", payload=given)
            heard = [await ws.hear() for _ in range(3)]
            assert [each.get("payload") for each in heard] == [{"data": {"count": 1}}, {"data": {"count": 2}}, None]
        await ws.say(id="c", type="subscribe", payload=hashed(OTHER))
        assert code_of(await ws.hear()) == ("c", "error", "PERSISTED_QUERY_NOT_FOUND")
        await ws.ask(OTHER, "d")
        assert code_of(await ws.hear()) == ("d", "error", "PERSISTED_QUERY_REQUIRED")
        await ws.say(id="e", type="subscribe", payload={"documentId": "sha256:x"})
        assert code_of(await ws.hear()) == ("e", "error", "BAD_REQUEST")
        await ws.say(id="f", type="subscribe", payload={"extensions": {}})
        assert await ws.closed() == (4400, "payload.query must be a document")


def counted(http: Any) -> dict[tuple[str, str], float]:
    """How many operations, by document and code."""
    (family,) = (each for each in http.app.metrics.collect() if each.name == "souk_operations")
    found: dict[tuple[str, str], float] = {}
    for each in family.samples:
        key = (each.labels["document"], each.labels["code"])
        found[key] = found.get(key, 0) + each.value
    return found


async def test_the_counters_tell_registered_documents_by_name_and_no_others(client, shop) -> None:
    one = await client()
    named = "query Mine { viewer }"
    await told(one, {"documentId": id_of(HELLO)})
    await told(one, hashed(HELLO))
    await told(one, {"documentId": id_of(HELLO), "variables": {"name": 7}})
    await told(one, {"query": named})
    await told(one, hashed(named, query=named))
    await told(one, hashed(named))
    assert counted(one) == {("Hello", "ok"): 2, ("Hello", "BAD_USER_INPUT"): 1, ("", "ok"): 3}
    production = await client(**PRODUCTION)
    await told(production, {"query": HELLO})
    await told(production, {"query": named}, **bearer(SERVICE_TOKEN))
    assert counted(production) == {("Hello", "ok"): 1, ("", "ok"): 1}


def not_fused(http: Any) -> dict[tuple[str, str], float]:
    """How many operations were left to the executor, by document and kind, as whoever reads the counters gets it."""
    found = re.findall(
        r'^souk_operations_not_fused_total\{document="(.*)",kind="(.*)"\} (.*)$',
        http.app.metrics.text().decode(),
        re.MULTILINE,
    )
    return {(document, kind): float(count) for document, kind, count in found}


async def test_what_is_not_fused_is_counted_by_registered_document(client, shop) -> None:
    """The shop has one road, the executor; what did not come so far is no gap of the compiler."""
    one = await client(limit_scale=1000)
    await told(one, {"documentId": id_of(HELLO)})
    await told(one, {"documentId": id_of(HELLO)})
    await told(one, {"documentId": id_of(ADD)})
    await told(one, {"query": "query Mine { viewer }"})
    assert not_fused(one) == {("Hello", "query"): 2, ("", "mutation"): 1, ("", "query"): 1}
    await told(one, {"documentId": id_of(HELLO), "variables": {"name": 7}})
    await told(one, {"query": "{ nope }"})
    await told(one, {"documentId": id_of(OTHER)})
    assert sum(not_fused(one).values()) == 4
    for n in range(DOCUMENTS + 10):
        document = f"query Q{n} {{ viewer }}"
        shop.registered[PHAROS, digest(document)] = document
        await told(one, {"documentId": id_of(document)})
    assert len(not_fused(one)) == DOCUMENTS + 3 and not_fused(one)["other", "query"] == 11


@pytest.mark.parametrize("fused", [True, False, None])
async def test_a_subscription_whose_events_no_statement_writes_is_counted_when_it_ends(client, shop, fused) -> None:
    one, subscribe = await client(), shop.subscribe

    def told_so(*asked: Any) -> Any:
        asked[3].fused = fused
        return subscribe(*asked)

    shop.subscribe = told_so
    response = await one.post("/graphql", json={"query": COUNT}, headers={"accept": "text/event-stream"})
    assert "complete" in response.text
    assert not_fused(one) == ({("", "subscription"): 1} if fused is False else {})


async def test_over_the_real_schema_only_what_is_computed_is_counted(database: str, world: World) -> None:
    """A query and a mutation that are fused, and a query that is not."""
    made = create_app(Settings(database_url=SecretStr(database), encryption_keys=SecretStr(KEYS)), build)
    async with (
        made.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://souk.test") as http,
    ):
        http.app = made  # type: ignore[attr-defined]
        me = visitor(http, world).with_token((await visitor(http, world).sign_in(email(world, Role.ADMIN)))["token"])
        assert await me.role() == "ADMIN"
        await me.do("mutation($i: CompetitorCreateInput!) { competitorCreate(input: $i) { competitor { id } userErrors { code } } }",
                    {"name": "Rival", "domain": "rival.example.com"})  # fmt: skip
        assert not_fused(http) == {}
        assert "data" in (await me.send("{ viewer { rateLimit { limit } } }")).json()
        assert not_fused(http) == {("", "query"): 1}


async def test_however_many_there_are_the_counters_tell_so_many_apart(client, shop) -> None:
    one = await client(limit_scale=1000)
    for n in range(DOCUMENTS + 100):
        document = f"query Q{n} {{ viewer }}"
        shop.registered[PHAROS, digest(document)] = document
        await told(one, {"documentId": id_of(document)})
    long = f"query {'Q' * 101} {{ viewer }}"
    shop.registered[PHAROS, digest(long)] = long
    await told(one, {"documentId": id_of(long)})
    found = counted(one)
    assert len(found) == DOCUMENTS + 1 and found["other", "ok"] == 101 and found["Q0", "ok"] == 1
    await told(one, {"documentId": id_of("query Q0 { viewer }")})
    assert counted(one)["Q0", "ok"] == 2
