"""Registered documents by GET carry a tag; whoever names it gets 304 and no body, if the answer is the same today."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from souk.models import Listing, TenantHost, new_id
from souk.rules.actor import Role
from souk.web.etags import etag_of, holds
from tests.documents.asking import NAMED
from tests.serving import serving
from tests.web.door import email, slug, visitor
from tests.web.shop import OPS_TOKEN, PHAROS, SALES_TOKEN, TWIN
from tests.web.test_documents import HELLO, bearer, digest, hashed, id_of
from tests.world import NOW, World

JSON = "application/json"
PREFLIGHT = {"graphql-require-preflight": "1"}
WHO = "query Who { viewer }"
BOOM = "query Boom { hello boom }"
ADD = "mutation Add { add(number: 7) }"


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (['"a"'], True), (['W/"a"'], True), (["*"], True), ([' "x", "a" '], True), (['"x",,W/"a",'], True),
        (['"x"', '"a"'], True), (['"x,y" , "a"'], True), ([], False), ([""], False), (["a"], False), (['"b"'], False),
        (['"x" "a"'], False), (['"x", a'], False), (['w/"a"'], False), (['"a'], False), (['"x", *'], False), (["**"], False),
    ],
)  # fmt: skip
def test_what_names_a_tag(given: list[str], held: bool) -> None:
    lines = [(b"accept", b'"a"'), *((b"if-none-match", each.encode()) for each in given)]
    assert holds({"headers": lines}, b'"a"') is held


def test_a_tag_is_strong_and_of_one_media_type() -> None:
    tags = {etag_of(media, body) for media in (b"a/b", b"a/c") for body in (b"{}", b"[]", b"{}")}
    assert len(tags) == 4 and all(len(tag) == 34 and tag[:1] == tag[-1:] == b'"' for tag in tags)


@pytest.fixture
def registered(shop: Any) -> None:
    for document in (HELLO, WHO, BOOM, ADD):
        shop.registered[PHAROS, digest(document)] = document


async def test_only_a_registered_query_by_get_without_errors_carries_one(
    client: Any, shop: Any, registered: None
) -> None:
    http = await client()
    by_id = {"documentId": id_of(HELLO), "variables": '{"name":"Asha"}'}
    by_hash = {"extensions": json.dumps(hashed(HELLO)["extensions"]), "variables": '{"name":"Asha"}'}
    tagged = [await http.get("/graphql", params=each, headers={"accept": JSON}) for each in (by_id, by_hash)]
    for response in tagged:
        assert (response.status_code, response.json()) == (200, {"data": {"hello": "Hello, Asha!"}})
        assert response.headers["cache-control"] == "private, no-cache"
        assert response.headers["vary"] == "accept, authorization, cookie, x-internal-token, x-souk-tenant"
    assert (
        tagged[0].headers["etag"]
        == tagged[1].headers["etag"]
        == etag_of(b"application/json", tagged[0].content).decode()
    )
    other = await http.get("/graphql", params=by_id, headers={"accept": "application/graphql-response+json"})
    assert other.content == tagged[0].content and other.headers["etag"] != tagged[0].headers["etag"]

    always = {"accept": JSON, "if-none-match": "*"}
    bare = [
        await http.get("/graphql", params={"query": "{ viewer }"}, headers=always),
        await http.get("/graphql", params={"documentId": id_of(BOOM)}, headers=always),
        await http.get("/graphql", params={"documentId": id_of("{ nowhere }")}, headers=always),
        await http.get("/graphql", params={**by_id, "variables": '{"name":7}'}, headers=always),
        await http.get("/graphql", params={"documentId": id_of(ADD)}, headers=always),
        await http.get("/graphql", params=by_id, headers={**always, "authorization": "Bearer souk_wrong"}),
        await http.post("/graphql", json={"documentId": id_of(HELLO)}, headers=always),
        await http.head("/graphql", params=by_id, headers=always),
    ]
    assert [each.status_code for each in bare] == [200, 200, 200, 200, 405, 401, 200, 405]
    for response in bare:
        assert "etag" not in response.headers
        assert response.headers["cache-control"] == "no-store"
    assert bare[1].json()["errors"][0]["path"] == ["boom"] and shop.total == 0


async def test_a_tag_of_somebody_else_is_not_believed(client: Any, shop: Any, registered: None) -> None:
    """The same document at the same address: the answer is made first, for whoever asks."""
    http, asked = await client(), {"documentId": id_of(WHO)}
    shop.registered[TWIN, digest(WHO)] = WHO
    ops = await http.get("/graphql", params=asked, headers=bearer(OPS_TOKEN))
    sales = await http.get("/graphql", params=asked, headers=bearer(SALES_TOKEN))
    assert [ops.json()["data"], sales.json()["data"]] == [{"viewer": "OPS of 1"}, {"viewer": "SALES of 2"}]
    assert ops.headers["etag"] != sales.headers["etag"]
    both = f"{ops.headers['etag']}, W/{sales.headers['etag']}"
    for token, tag in ((OPS_TOKEN, ops.headers["etag"]), (SALES_TOKEN, sales.headers["etag"])):
        held = await http.get("/graphql", params=asked, headers={**bearer(token), "if-none-match": both})
        assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", tag)
    refused = await http.get("/graphql", params=asked, headers={**bearer("souk_nobody"), "if-none-match": both})
    assert refused.status_code == 401


@pytest_asyncio.fixture
async def listing(world: World) -> UUID:
    row = Listing(id=new_id(), dealer_id=world.dealer, kind="PRODUCT", status="ACTIVE", title="Listing", price_minor=50_000, price_order=50_000,
                  currency="INR", visibility="PUBLIC", published_at=NOW, expires_at=NOW + timedelta(days=30))  # fmt: skip
    await world.add(row)
    return row.id


@pytest_asyncio.fixture
async def production(database: str, world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A server in a process of its own that answers this tenant by its host, to registered documents only for people."""
    name = f"{world.tenant_id.hex}.test"
    await world.add(TenantHost(id=new_id(), host=name))
    async with (
        serving(database, env="production") as (_, address),
        httpx.AsyncClient(base_url=address, headers={"host": name, "accept": JSON}) as http,
    ):
        yield http


def asked(name: str, **variables: Any) -> dict[str, str]:
    return {"documentId": NAMED[name].id, "variables": json.dumps(variables)}


async def write(world: World, sql: str, **values: Any) -> None:
    async with world.souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        await connection.execute(text(sql), values)


async def test_over_a_server_what_has_not_changed_is_304_and_what_has_is_sent(
    production: httpx.AsyncClient, world: World, listing: UUID
) -> None:
    http, params = production, asked("ListingDetail", id=world.id("Listing", listing))
    first = await http.get("/graphql", params=params)
    assert first.json()["data"]["listing"]["title"] == "Listing" and first.json()["extensions"]["cost"]["actual"] == 1
    assert first.headers["cache-control"] == "private, no-cache"
    tag = first.headers["etag"]
    again = await http.get("/graphql", params=params, headers={"if-none-match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert {"cache-control", "vary", "ratelimit", "x-content-type-options"} <= set(again.headers)
    assert {"content-type", "content-length", "transfer-encoding"}.isdisjoint(again.headers)
    left = [int(each.headers["ratelimit"].partition(";r=")[2].partition(";")[0]) for each in (first, again)]
    assert left[1] <= left[0], "it has cost what it cost before"

    await write(world, "UPDATE listing SET title = 'Dearer' WHERE id = :id", id=listing)
    changed = await http.get("/graphql", params=params, headers={"if-none-match": tag})
    assert (changed.status_code, changed.json()["data"]["listing"]["title"]) == (200, "Dearer")
    await write(world, "UPDATE listing SET status = 'DRAFT', published_at = NULL WHERE id = :id", id=listing)
    gone = await http.get("/graphql", params=params, headers={"if-none-match": f"{tag}, {changed.headers['etag']}"})
    assert (gone.status_code, gone.json()["data"]) == (200, {"listing": None})


async def test_over_a_server_with_a_cookie_the_permission_is_asked_before_the_tag(live: str, world: World) -> None:
    given = {**PREFLIGHT, "accept": JSON}
    async with httpx.AsyncClient(base_url=live) as http:
        browser = visitor(http, world, **PREFLIGHT)
        await browser.sign_in(email(world, Role.ADMIN), carrier="COOKIE")
        params = asked("AdminUsers")
        first = await http.get("/graphql", params=params, headers=given)
        assert first.json()["data"]["users"]["totalCount"] == 10 and "cookie" in first.headers["vary"]
        named = given | {"if-none-match": first.headers["etag"]}
        held = await http.get("/graphql", params=params, headers=named)
        assert (held.status_code, held.content) == (304, b"")
        explained = await http.get("/graphql", params=params, headers={**named, "x-explain": "1"})
        assert explained.json()["extensions"]["explain"]["plan"]["road"] == "statement"
        assert "etag" not in explained.headers and explained.headers["cache-control"] == "no-store"
        # the same page as somebody who sees less of it, and as nobody: each is answered as without the tag
        http.cookies.clear()
        await visitor(http, world, **PREFLIGHT).sign_in(email(world, Role.CUSTOMER), carrier="COOKIE")
        less = await http.get("/graphql", params=params, headers=named)
        assert (less.status_code, less.json()["data"]["users"]["totalCount"]) == (200, 1)
        assert less.headers["etag"] != first.headers["etag"]
        http.cookies.clear()
        nobody = await http.get("/graphql", params=params, headers={**named, "x-souk-tenant": slug(world)})
        assert nobody.json()["data"] == {"users": None}
        assert [each["extensions"]["code"] for each in nobody.json()["errors"]] == ["FORBIDDEN"]
        assert "etag" not in nobody.headers and nobody.headers["cache-control"] == "no-store"
        # without the header that no foreign page can send, a cookie counts for nothing, whatever is named
        await browser.sign_in(email(world, Role.ADMIN), carrier="COOKIE")
        without = await http.get("/graphql", params=params, headers={"accept": JSON, "if-none-match": "*"})
        assert without.status_code == 403 and "etag" not in without.headers


async def test_a_page_of_a_listed_site_may_name_a_tag_and_read_one(client: Any, registered: None) -> None:
    http = await client(allowed_origins=("https://app.test",))
    ask = {
        "origin": "https://app.test",
        "access-control-request-method": "GET",
        "access-control-request-headers": "if-none-match",
    }
    told = await http.options("/graphql", headers=ask)
    assert "if-none-match" in told.headers["access-control-allow-headers"]
    read = await http.get(
        "/graphql", params={"documentId": id_of(HELLO)}, headers={"origin": "https://app.test", "accept": JSON}
    )
    named = {"origin": "https://app.test", "accept": JSON, "if-none-match": read.headers["etag"]}
    held = await http.get("/graphql", params={"documentId": id_of(HELLO)}, headers=named)
    assert held.status_code == 304
    assert held.headers["access-control-allow-origin"] == "https://app.test"
    assert "etag" in held.headers["access-control-expose-headers"]
