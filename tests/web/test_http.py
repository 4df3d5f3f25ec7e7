"""GraphQL over HTTP: media types, status codes, refusals, and what every answer carries."""

from uuid import UUID

import asyncpg
import pytest
import structlog

from souk.settings import Settings
from souk.web import app, operations, record
from souk.web import http as http_module
from souk.web.errors import INTERNAL_MESSAGE
from souk.web.logging import configure, flush
from tests.web.shop import OPS_TOKEN, SALES_TOKEN, SERVICE_TOKEN

GRAPHQL = "application/graphql-response+json"
JSON = "application/json"


async def ask(client, query, *, accept=GRAPHQL, variables=None, **headers):
    body = {"query": query} if variables is None else {"query": query, "variables": variables}
    given = {"accept": accept, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await client.post("/graphql", json=body, headers=given)


def error(response):
    (only,) = response.json()["errors"]
    return only


def refusal(response):
    """Status, code and message of an answer that is one error and nothing else."""
    assert list(response.json()) == ["errors"]
    told = error(response)
    assert told["extensions"]["requestId"] == response.headers["x-request-id"]
    return response.status_code, told["extensions"]["code"], told["message"]


async def test_a_query_is_answered_in_either_media_type(client):
    http = await client()
    for accept, media in [
        (GRAPHQL, GRAPHQL),
        (JSON, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (f"{JSON};q=0.5, {GRAPHQL}", GRAPHQL),
        (f"text/plain, {JSON}; charset=utf-8", JSON),
    ]:
        response = await ask(http, "{ hello }", accept=accept)
        assert (response.status_code, response.text) == (200, '{"data":{"hello":"Hello, world!"}}')
        assert response.headers["content-type"] == f"{media}; charset=utf-8"


async def test_get_answers_queries_with_variables(client):
    http = await client()
    parameters = {"query": "query Q($n: String!) { hello(name: $n) }", "variables": '{"n":"you"}', "operationName": "Q"}
    response = await http.get("/graphql", params=parameters)
    assert response.json() == {"data": {"hello": "Hello, you!"}}


async def test_a_mutation_over_get_is_refused_and_changes_nothing(client, shop):
    http = await client()
    response = await http.get("/graphql", params={"query": "mutation { add }"})
    assert refusal(response) == (405, "OPERATION_NOT_ALLOWED", "Mutations are sent by POST.")
    assert response.headers["allow"] == "POST"
    assert shop.total == 0


async def test_the_operation_that_is_named_decides_whether_get_may(client, shop):
    http = await client()
    both = "query A { hello } mutation B { add }"
    assert (await http.get("/graphql", params={"query": both, "operationName": "A"})).status_code == 200
    assert (await http.get("/graphql", params={"query": both, "operationName": "B"})).status_code == 405
    assert shop.total == 0
    response = await http.post("/graphql", json={"query": both, "operationName": "B"})
    assert response.json() == {"data": {"add": 1}}


async def test_a_wrong_document_is_400_in_the_graphql_media_type_and_200_in_json(client):
    http = await client()
    for query, code, message in [
        ("{ hello", "BAD_REQUEST", "Syntax Error: Expected Name, found <EOF>."),
        ("{ nope }", "BAD_REQUEST", "Cannot query field 'nope' on type 'Query'."),
        ("query($n: Int!) { number(value: $n) }", "BAD_USER_INPUT", None),
        ("{" + "again{" * 12 + "hello" + "}" * 13, "QUERY_TOO_COMPLEX", "A document may have 12 levels."),
    ]:
        for accept, status in ((GRAPHQL, 400), (JSON, 200)):
            found = refusal(await ask(http, query, accept=accept, variables={}))
            assert found[:2] == (status, code)
            assert message is None or found[2] == message


async def test_a_syntax_error_names_its_place(client):
    response = await ask(await client(), "{\n  hello(")
    assert error(response)["locations"] == [{"line": 2, "column": 9}]


async def test_an_exception_in_a_field_shows_an_id_and_nothing_else(client):
    response = await ask(await client(), "{ hello boom }", x_request_id="my-request-1")
    assert response.status_code == 200
    assert response.json() == {
        "data": {"hello": "Hello, world!", "boom": None},
        "errors": [
            {
                "message": INTERNAL_MESSAGE,
                "locations": [{"line": 1, "column": 9}],
                "path": ["boom"],
                "extensions": {"code": "INTERNAL", "retryable": False, "requestId": "my-request-1"},
            }
        ],
    }


@pytest.mark.parametrize(
    ("broken", "status", "code", "retryable"),
    [
        (RuntimeError("SELECT secret"), 500, "INTERNAL", False),
        (ConnectionRefusedError("/var/run/postgresql"), 503, "UNAVAILABLE", True),
        (asyncpg.AdminShutdownError("terminating connection"), 503, "UNAVAILABLE", True),
        (asyncpg.QueryCanceledError("statement timeout"), 504, "DEADLINE_EXCEEDED", True),
        (TimeoutError(), 504, "DEADLINE_EXCEEDED", True),
        (asyncpg.TooManyConnectionsError("too many"), 503, "OVERLOADED", True),
        (asyncpg.DeadlockDetectedError("deadlock"), 409, "CONFLICT", True),
    ],
)
async def test_what_fails_below_is_told_by_a_code(client, shop, broken, status, code, retryable):
    shop.broken = broken
    for accept in (GRAPHQL, JSON):
        response = await ask(await client(), "{ hello }", accept=accept)
        assert refusal(response)[:2] == (status, code)
        assert error(response)["extensions"]["retryable"] is retryable
        assert str(broken) == "" or str(broken) not in response.text
        assert ("retry-after" in response.headers) == (code in ("UNAVAILABLE", "OVERLOADED", "CONFLICT"))


async def test_an_operation_that_takes_too_long_is_ended(client):
    response = await ask(await client(request_timeout=0.05), "{ hold }")
    assert refusal(response) == (504, "DEADLINE_EXCEEDED", "The operation took too long and was ended.")


async def test_methods_and_media_types_that_are_refused(client):
    http = await client()
    query = b'{"query":"{ hello }"}'
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        response = await http.request(method, "/graphql", content=query)
        assert refusal(response) == (405, "BAD_REQUEST", "Use GET or POST.")
        assert response.headers["allow"] == "GET, POST"
    for accept in ("text/plain", "image/*", f"{JSON};q=0", f"{JSON}; charset=latin-1"):
        response = await http.post("/graphql", content=query, headers={"accept": accept, "content-type": JSON})
        assert refusal(response)[:2] == (406, "BAD_REQUEST")
    for media in (
        "",
        "text/plain",
        "application/jsonp",
        f"{JSON}, {JSON}",
        "x-application/json",
        f"{JSON};charset=utf-16",
    ):
        response = await http.post("/graphql", content=query, headers={"content-type": media})
        assert refusal(response)[:2] == (415, "BAD_REQUEST")
    gzip = {"content-type": JSON, "content-encoding": "gzip"}
    assert refusal(await http.post("/graphql", content=query, headers=gzip))[0] == 415
    charset = {"content-type": 'application/json; charset="UTF-8"'}
    assert (await http.post("/graphql", content=query, headers=charset)).status_code == 200


async def test_who_is_asking(client, shop):
    http = await client()

    async def viewer(**headers):
        return (await ask(http, "{ viewer }", **headers)).json()["data"]["viewer"]

    assert await viewer() == "PUBLIC of 1"
    assert await viewer(authorization=f"Bearer {OPS_TOKEN}") == "OPS of 1"
    assert await viewer(authorization=f"bearer {SALES_TOKEN}") == "SALES of 2"
    assert await viewer(x_internal_token=SERVICE_TOKEN) == "SERVICE of 1"
    assert await viewer(x_souk_tenant="twin") == "PUBLIC of 2"
    assert await viewer(host="PHAROS.test:8000") == "PUBLIC of 1"


async def test_who_is_not_known_is_unauthenticated(client):
    http = await client()
    for headers in (
        {"authorization": "Bearer unknown-token-of-the-shop"},
        {"authorization": "Bearer short"},
        {"authorization": "Basic b3BzOm9wcw=="},
        {"authorization": "Bearer"},
        {"x_internal_token": OPS_TOKEN},
        {"host": "elsewhere.test"},
        {"x_souk_tenant": "nobody"},
    ):
        response = await ask(http, "{ hello }", **headers)
        assert refusal(response)[:2] == (401, "UNAUTHENTICATED")
        assert response.headers["www-authenticate"] == 'Bearer realm="souk"'


async def test_the_tenant_header_is_ignored_in_production(client):
    http = await client(env="production", ad_hoc_documents=("visitor",))
    response = await ask(http, "{ viewer }", x_souk_tenant="twin")
    assert response.json() == {"data": {"viewer": "PUBLIC of 1"}}


async def test_hosts_and_origins(client):
    http = await client(allowed_hosts="pharos.test,*.souk.test", allowed_origins="https://app.test")
    assert (await ask(http, "{ hello }")).status_code == 200
    assert refusal(await ask(http, "{ hello }", host="evil.test"))[:2] == (421, "BAD_REQUEST")
    assert refusal(await ask(http, "{ hello }", host="a.souk.test"))[1] == "UNAUTHENTICATED"
    assert refusal(await ask(http, "{ hello }", host="a.b.souk.test"))[0] == 421
    for origin, status in [
        ("https://app.test", 200),
        ("http://pharos.test", 200),
        ("https://evil.test", 403),
        ("null", 403),
    ]:
        assert (await ask(http, "{ hello }", origin=origin)).status_code == status


async def test_introspection_and_the_page_are_off_in_production(client):
    query = "{ __schema { queryType { name } } }"
    assert (await ask(await client(), query)).json() == {"data": {"__schema": {"queryType": {"name": "Query"}}}}
    http = await client(env="production", ad_hoc_documents=("visitor",))
    assert refusal(await ask(http, query)) == (403, "OPERATION_NOT_ALLOWED", "Introspection is off.")
    assert refusal(await ask(http, '{ ...F } fragment F on Query { __type(name: "Query") { name } }'))[0] == 403
    assert (await ask(http, "{ __typename }")).status_code == 200
    response = await http.get("/graphql", headers={"accept": "text/html"})
    assert response.status_code == 406
    assert (await http.get("/graphql/assets/page.js")).status_code == 404


async def test_every_answer_carries_its_id_and_is_safe_to_show(client):
    http = await client(env="production", ad_hoc_documents=("visitor",))
    for response in (await ask(http, "{ hello }"), await ask(http, "{ nope }"), await http.get("/nothing")):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["strict-transport-security"].startswith("max-age=")
        assert len(response.headers["x-request-id"]) == 24
        assert "server" not in response.headers
    assert (await ask(http, "{ hello }", x_request_id="client-id_1.2")).headers["x-request-id"] == "client-id_1.2"
    for bad in ("short", "x" * 65, "with space", "semi;colon"):
        assert (await ask(http, "{ hello }", x_request_id=bad)).headers["x-request-id"] != bad


async def test_a_batch_of_operations_is_refused(client, shop):
    http = await client()
    response = await http.post("/graphql", json=[{"query": "mutation { add }"}], headers={"accept": JSON})
    assert refusal(response)[:2] == (400, "BAD_REQUEST")
    assert shop.total == 0


async def test_a_subscription_needs_a_stream(client):
    assert refusal(await ask(await client(), "subscription { count(to: 1) }"))[:2] == (400, "OPERATION_NOT_ALLOWED")


async def test_life_and_readiness(client, shop):
    http = await client()
    response = await http.get("/livez")
    assert (response.status_code, response.text) == (200, '{"ok":true}')
    assert (await http.get("/readyz")).text == '{"ok":true}'
    shop.ready_reason = "migrations"
    response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"ok": False, "reason": "migrations"})
    shop.ready_reason = None
    http.app.draining = True
    response = await http.get("/readyz")
    assert (response.status_code, response.json()) == (503, {"ok": False, "reason": "draining"})
    assert (await http.get("/livez")).status_code == 200
    assert (await http.head("/livez")).content == b""
    assert (await http.post("/livez")).headers["allow"] == "GET, HEAD"


async def test_a_session_is_looked_up_once_and_forgotten_at_once(client, shop):
    http = await client()
    token = {"authorization": f"Bearer {OPS_TOKEN}"}
    for _ in range(3):
        assert (await ask(http, "{ hello }", **token)).status_code == 200
    assert shop.lookups == 1
    del shop.tokens[OPS_TOKEN]
    http.app._parts.sessions.forget(UUID(int=21))
    assert (await ask(http, "{ hello }", **token)).status_code == 200
    http.app._parts.sessions.forget(UUID(int=20))
    assert refusal(await ask(http, "{ hello }", **token))[0] == 401
    assert shop.lookups == 2


async def test_what_is_known_of_a_token_is_kept_no_longer_than_it_is_good(client, shop):
    http = await client(session_cache=0)
    sessions = http.app._parts.sessions
    for n in range(5):
        assert (await ask(http, "{ hello }", authorization=f"Bearer guessed-{n:016}")).status_code == 401
        assert len(sessions._kept) == 1
    assert (await ask(http, "{ hello }", authorization=f"Bearer {OPS_TOKEN}")).status_code == 200
    assert (len(sessions._kept), set(sessions._of)) == (1, {UUID(int=10), UUID(int=20)})
    assert (await ask(http, "{ hello }", authorization=f"Bearer guessed-{5:016}")).status_code == 401
    assert (len(sessions._kept), sessions._of, shop.lookups) == (1, {}, 7)


async def test_the_page_loads_nothing_from_elsewhere(client):
    http = await client()
    response = await http.get("/graphql", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert f"script-src 'nonce-{nonce}';" in policy and "unsafe-eval" not in policy
    assert response.text.count(f'nonce="{nonce}"') == response.text.count("<script") == 5
    assert "//" not in response.text.replace("<!doctype", "").split("<body>")[1]
    again = await http.get("/graphql", headers={"accept": "text/html"})
    assert nonce not in again.text
    for quoted in response.text.split('"')[1::2]:
        if quoted.startswith("/"):
            asset = await http.get(quoted)
            assert asset.status_code == 200 and len(asset.content) > 50, quoted
    assert (await http.get("/", headers={"accept": "text/html"})).headers["location"] == "/graphql"


async def test_what_is_not_there(client):
    assert refusal(await (await client()).get("/graphql/assets/../app.py"))[0] == 404


async def test_the_log_says_neither_tokens_nor_variables_nor_documents(client, capsys, monkeypatch):
    http, before = await client(), structlog.get_config()
    configure(Settings(log_format="json"))
    for module in (app, http_module, operations, record):  # theirs may be bound already, to another stream
        monkeypatch.setattr(module, "log", structlog.get_logger("souk.web"))
    try:
        await ask(
            http,
            "query Named($n: String!) { hello(name: $n) }",
            variables={"n": "v4riable"},
            authorization=f"Bearer {OPS_TOKEN}",
        )
        await ask(http, "{ hello(", authorization="Bearer wrong-token-of-somebody")
    finally:
        flush()
        structlog.configure(**before)
    told = "".join(capsys.readouterr())
    assert "operation" in told and "UNAUTHENTICATED" in told
    for secret in ("v4riable", OPS_TOKEN, "wrong-token", "hello"):
        assert secret not in told
