"""Cost at the front door, over the real schema: told with each answer, refused beyond the limits, charged and given back."""

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from souk.rules.actor import Role
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.wire import build
from tests.serving import KEYS
from tests.web.test_wire import signed_in as signed


async def signed_in(world, role=Role.OPS):
    """The bearer header of somebody of this role."""
    token, _ = await signed(world, role)
    return {"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"}


@pytest_asyncio.fixture
async def scaled(database):
    """A client of an app whose buckets hold a hundredth: 100 points for somebody signed in, 10 a second."""
    given = Settings(database_url=SecretStr(database), encryption_keys=SecretStr(KEYS), limit_scale=0.01)
    made = create_app(given, build)
    async with (
        made.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://souk.test") as one,
    ):
        one.app = made
        yield one


async def ask(client, headers, query, variables=None):
    return await client.post("/graphql", json={"query": query, "variables": variables or {}}, headers=headers)


async def test_each_answer_tells_what_it_cost(app, world):
    me = await signed_in(world)
    response = await ask(app, me, "{ dealers(first: 50) { totalCount nodes { name } } }")
    assert response.json() == {
        "data": {"dealers": {"totalCount": 2, "nodes": [{"name": "Second Motors"}, {"name": "First Motors"}]}},
        "extensions": {"cost": {"estimated": 10, "actual": 6, "limit": 1000}},
    }
    assert response.headers["ratelimit-policy"] == '"points";q=10000;w=10'
    assert response.headers["ratelimit"] == '"points";r=9994;t=1'


async def test_a_document_that_is_not_valid_tells_it_too(app, world):
    response = await ask(app, await signed_in(world), "{ dealers { nope } }")
    assert response.status_code == 400
    assert response.json()["extensions"] == {"cost": {"estimated": 1, "actual": 3, "limit": 1000}}


@pytest.mark.parametrize(
    ("query", "variables", "facts"),
    [
        (
            "query($n: Int) { dealers(first: $n) { nodes { listings(first: $n) { nodes { offers(first: 1) { nodes { id } } } } } } }",
            {"n": 100}, {"limit": 10_000, "nodes": 100 * (1 + 100 * 2)},
        ),
        (
            "{ dealers(first: 100) { nodes { listings(first: 1) { totalCount } offers: listings(first: 1) { totalCount } } } }",
            None, {"limit": 1_000, "cost": 10 + 2 * 500},
        ),
    ],
)  # fmt: skip
async def test_what_costs_too_much_is_refused_unread(app, world, query, variables, facts):
    response = await ask(app, await signed_in(world), query, variables)
    (error,) = response.json()["errors"]
    told = error["extensions"]
    assert (response.status_code, told["code"], told["retryable"]) == (400, "QUERY_TOO_COMPLEX", False)
    assert {name: told[name] for name in facts} == facts
    small = await ask(app, await signed_in(world), query, {"n": 2})
    assert ("errors" in small.json()) == (variables is None)


async def test_whoever_asks_too_much_is_told_when_to_come_back(scaled, world):
    me = await signed_in(world)
    query = "{ dealers(first: 100) { totalCount nodes { name } } }"  # 15 points at most, 6 in the end
    statuses = [(await ask(scaled, me, query)).status_code for _ in range(25)]
    assert statuses[:14] == [200] * 14
    assert 429 in statuses
    response = await ask(scaled, me, "{ a: dealers(first: 100) { nodes { id } } b: dealers(first: 100) { nodes { id } } c: dealers(first: 100) { nodes { id } } d: dealers(first: 100) { nodes { id } } }")  # fmt: skip
    (error,) = response.json()["errors"]
    assert response.status_code == 429
    told = error["extensions"]
    assert (told["code"], told["retryable"], told["cost"], told["scope"]) == ("RATE_LIMITED", True, 40, "principal")
    assert 0 < told["retryAfterMs"] <= 4_000
    assert response.headers["retry-after"] == str(-(-told["retryAfterMs"] // 1000))
    assert response.headers["ratelimit"] == f'"points";r=0;t={response.headers["retry-after"]}'
    other = await ask(scaled, await signed_in(world, Role.SALES), "{ __typename }")
    assert other.status_code == 200


async def test_a_mutation_that_is_refused_for_the_rate_changes_nothing(scaled, world):
    me = await signed_in(world)
    limits = scaled.app._http.operations.limits
    await limits.charge(world.actors[Role.OPS], "", 100_000)  # more than a bucket holds: it is in debt for long
    document = (
        'mutation { competitorCreate(input: {name: "Rival", domain: "rival.example.com"}) { userErrors { code } } }'
    )
    response = await ask(scaled, me, document)
    assert response.status_code == 429, response.text
    assert await world.rows("SELECT count(*) FROM competitor") == [(0,)]


async def test_the_viewer_sees_the_bucket(app, world):
    me = await signed_in(world)
    query = "{ viewer { rateLimit { limit remaining restoredPerSecond fullInSeconds } } }"
    assert (await ask(app, me, query)).json()["data"]["viewer"]["rateLimit"] == {
        "limit": 10_000, "remaining": 9_999, "restoredPerSecond": 1_000, "fullInSeconds": 1,
    }  # fmt: skip
    found = await world.ask(Role.OPS, "{ viewer { rateLimit { limit } } }", executor="Viewer.rateLimit")
    assert found["data"] == {"viewer": {"rateLimit": None}}


async def test_what_is_refused_costs_a_little(scaled, world):
    statuses = []
    for _ in range(4):  # a visitor has 5 points here, and half a point comes back each second
        statuses.append((await scaled.post("/graphql", json={"query": "{ nope("}, headers={"host": "x"})).status_code)
    assert statuses[0] == 401 and statuses[-1] == 429


async def test_introspection_costs_a_hundred_points_alone_or_beside_something(app, world):
    me = await signed_in(world)
    for query, estimated in (
        ("{ __schema { queryType { name } } }", 100),
        ("{ __schema { queryType { name } } dealers(first: 50) { nodes { id } } }", 105),
    ):
        answer = (await ask(app, me, query)).json()
        assert answer["extensions"]["cost"]["estimated"] == estimated
