"""Hand-picked documents at the edges of GraphQL and of the two serializers."""

from typing import Any

import orjson
import pytest

from souk.engine.pool import Pool
from souk.engine.run import Runner

from .schema import schema

CASES = {
    "same key in two fragments, fields merged in first-seen order": "{ listings(first: 2) { nodes { ...A title ...B } } } fragment A on Listing { id dealer { city } } fragment B on Listing { title dealer { name city id } id }",
    "fragment used twice": "{ a: listings(first: 1) { ...C } b: listings(first: 1) { ...C ...C } } fragment C on ListingConnection { nodes { id } totalCount }",
    "typename everywhere": "{ __typename listings(first: 1) { __typename edges { __typename node { __typename price { __typename } offers(first: 1) { __typename } } } pageInfo { __typename } } }",
    "only what needs no rows": "{ listings(first: 3) { __typename totalCount } }",
    "only page info": "{ listings(first: 3) { pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
    "edges and nodes of one page": "{ listings(first: 3) { nodes { id dealer { name } } edges { cursor node { title offers(first: 1) { nodes { id } } } } } }",
    "an empty list": "{ listings(filter: {minPrice: 2147483647, titles: []}, first: 3) { totalCount nodes { id } edges { cursor } pageInfo { hasNextPage startCursor endCursor } } }",
    "nothing selected but skipped": "{ listings(first: 1) { nodes { id @skip(if: true) } } }",
    "everything skipped at the root": "query($x: Boolean = false) { listings(first: 1) @include(if: $x) { totalCount } }",
    "backward": "{ listings(last: 3) { nodes { id createdAt } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
    "hundred fields in one object": "{ listings(first: 1) { nodes { " + " ".join(f"t{i}: title y{i}: year" for i in range(120)) + " } } }",
    "refused: a null that bubbles": "{ offers(first: 100) { nodes { id contact { ... on BuyerContactOpen { listing { title } } } } } }",
    "refused in a list, several times": "{ listings(first: 20) { nodes { id floor { amount } f: floor { currencyCode } } } }",
    "refused by what only SQL knows": "{ offers(first: 20) { nodes { buyer { email other: email name phone } } } }",
    "refused for the role at the root": '{ buyer(id: "x") { id } offers { totalCount } }',
    "refused below the root": "{ listings(first: 3) { nodes { id guardedOffers(first: 2) { totalCount } } } }",
    "unknown id": '{ node(id: "nonsense") { id } listing(id: "") { id } nodes(ids: ["", "x"]) { id } none: nodes(ids: []) { id } }',
    "recursion through the same table": "{ listings(first: 3) { nodes { offers(first: 2) { nodes { listing { offers(first: 2) { nodes { listing { title } } } } } } } } }",
    "refused or not: a value with nothing but its type": "{ listings(first: 2) { nodes { floor { __typename } price { __typename amount } } } }",
    "documents": "{ listings(first: 60) { nodes { details { ...D inner { ...D inner { part } } } damages { ...D } } } } fragment D on Damage { __typename p: part severity cost { amount currencyCode __typename } at photos hidden count big raw }",
    "refused documents": "{ listings(first: 60) { nodes { secretDamages { part } } } }",
    "arrays, totals, free json": "{ listings(first: 60) { nodes { tags marks extra earned { amount currencyCode } e: earned { c: currencyCode } } } }",
    "variants of one row": "{ listings(first: 60) { nodes { detail { __typename ... on CarDetail { year damages { part } } ... on PartDetail { title tags } } } } }",
    "an interface by a column, references": "{ events(first: 60) { totalCount edges { cursor node { __typename seq at ... on Moved { movedFrom } ... on Logged { lines { text } } subject { __typename ... on Listing { title dealer { name } } ... on Offer { note amount { amount } } ... on Node { id } } } } } }",
    "plain lists, mixed directions": "{ listings(first: 60) { nodes { top { id createdAt amount { amount } buyer { name } } events { seq ... on Logged { lines { text } } } } } }",
    "counted in SQL only": "{ listings(first: 9) { nodes { mine dealer { active openedOn verified city cars { text t: text } newestCar { __typename text } } } } }",
    "a union in three steps": "{ offers(first: 60) { nodes { party { __typename ... on BuyerContactHalf { note } ... on BuyerContactLocked { reason constant status } ... on BuyerContactOpen { note buyer { name } } } } } }",
    "sums": "{ statistics { status listings years __typename } }",
    "myself": "{ me { id name phone email } }",
    "enum lists and input lists": "{ listings(first: 9, filter: {statuses: [ACTIVE, SOLD], ranges: [{least: \"5\", status: ACTIVE}, {most: \"100\"}, {}]}) { nodes { id } } }",
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_both_roads_agree(name: str, runner: Any, who: Any, ask: Any) -> None:
    for actor in who:
        fused = await runner.fused(CASES[name], {}, None, ask(actor))
        batched = await runner.batched(CASES[name], {}, None, ask(actor))
        body = orjson.loads(batched.body)
        if actor.role == "ADMIN":
            assert "errors" not in body or name == "refused: a null that bubbles", batched.body[:600]
        assert b"INTERNAL" not in batched.body or name == "refused: a null that bubbles", batched.body[-600:]
        if isinstance(fused, str):
            assert (name, fused) == ("refused: a null that bubbles", "null for a non-null field")
        else:
            assert fused.body == batched.body


async def test_introspection_needs_no_database(ask: Any, who: Any) -> None:

    runner = Runner(schema, Pool(host="/nowhere"))
    answer = await runner.answer("{ __schema { queryType { name } } }", None, None, ask(who[0]))
    assert answer.body == b'{"data":{"__schema":{"queryType":{"name":"Query"}}}}'
    assert (answer.fused, answer.reason) == (False, "Query.__schema")
