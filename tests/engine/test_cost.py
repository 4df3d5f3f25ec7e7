"""Cost: exact figures from literals, variables and defaults; the same for fragments; linear for what multiplies."""

from time import process_time

import pytest
from graphql import parse

from souk.engine.cost import Costs
from souk.schema import schema

COSTS = Costs(schema._schema)


def price(document, variables=None, name=None):
    found = COSTS.measure(parse(document))[name].of(variables or {})
    return found.nodes, found.weight, found.points


@pytest.mark.parametrize(
    ("document", "variables", "expected"),
    [
        # The contract's own example: 50 listings, each with a dealer, 5 offers and who made them.
        (
            "{ listings(first: 50) { nodes { dealer { name } offers(first: 5) { nodes { proposerUser { name } } } } } }",
            {}, (50 * (1 + 1 + 5 * 2), 0, 60),
        ),
        ("{ listings { nodes { title } } }", {}, (20, 0, 2)),
        ("{ listings(last: 7) { edges { cursor } } }", {}, (7, 0, 1)),
        ("{ listings(first: 7) { edges { node { dealer { name } } } nodes { title } } }", {}, (21, 0, 3)),
        ("{ listings(first: 7) { pageInfo { hasNextPage } } }", {}, (7, 0, 1)),
        ("{ listings(first: 7) { pageInfo { hasNextPage } nodes { title } } }", {}, (7, 0, 1)),
        ("{ listings(first: 7) { totalCount } }", {}, (0, 5, 5)),
        ("{ listings(first: 30) { nodes { offers(first: 1) { totalCount } } } }", {}, (30, 150, 153)),
        ('{ search(query: "x") { type } }', {}, (50, 10, 15)),
        ("{ nodes(ids: [1, 2, 3]) { id } }", {}, (3, 0, 1)),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 60}, (60, 0, 6)),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {}, (100, 0, 10)),
        ("query($n: Int) { listings(first: $n) { nodes { title } } }", {"n": 95}, (95, 0, 10)),
        ("query($n: Int) { listings(first: $n) { nodes { title } } }", {"n": 10**30}, (100, 0, 10)),
        ("query($n: Int) { listings(first: $n) { nodes { title } } }", {"n": "many"}, (20, 0, 2)),
        ("query($n: Int) { listings(first: $n) { nodes { title } } }", {}, (20, 0, 2)),
        ("query($n: Int = 33) { listings(first: $n) { nodes { title } } }", {}, (33, 0, 4)),
        ("query($n: Int = 33) { listings(first: $n) { nodes { title } } }", {"n": 3}, (3, 0, 1)),
        ("{ ...A ...A } fragment A on Query { listings(first: 5) { ...B } } fragment B on ListingConnection { nodes { id } }",
         {}, (10, 0, 1)),
        ("{ listing(id: 1) { price { amount } availableTransitions { to } } }", {}, (2, 0, 1)),
        ("{ nope { deeper { still } } __typename }", {}, (0, 0, 1)),
    ],
)  # fmt: skip
def test_what_a_document_costs(document, variables, expected):
    assert price(document, variables) == expected


def test_each_operation_of_a_document_has_its_own_cost_and_defaults():
    both = "query A($n: Int = 2) { ...F } query B($n: Int = 50) { ...F } fragment F on Query { listings(first: $n) { nodes { id } } }"
    assert price(both, name="A") == (2, 0, 1)
    assert price(both, name="B") == (50, 0, 5)


def test_what_came_back_costs_never_more_than_the_estimate_and_never_nothing():
    found = COSTS.measure(parse("{ listings(first: 100) { totalCount nodes { id } } }"))[None].of({})
    assert [found.actual(n) for n in (0, 1, 10, 11, 100, 9_999)] == [5, 6, 6, 7, 15, 15]
    free = COSTS.measure(parse("{ listing(id: 1) { id } }"))[None].of({})
    assert free.actual(0) == 1


@pytest.mark.parametrize("size", ["100", "$n"])
def test_fragments_that_multiply_are_measured_once(size):
    head = "query($n: Int) { ...F0 } "
    parts = " ".join(
        f"fragment F{n} on Query {{ a: node(id: 1) {{ ... on Dealer {{ listings(first: {size}) {{ nodes {{ dealer {{ listings(first: {size}) "
        f"{{ nodes {{ id }} }} }} }} }} }} }} ...F{n + 1} ...F{n + 1} }}"
        for n in range(40)
    )
    document = parse(head + parts + " fragment F40 on Query { __typename }")
    began = process_time()
    found = COSTS.measure(document)[None].of({"n": 100})
    assert process_time() - began < 0.15
    assert found.nodes == 10**9


def test_a_hot_document_costs_microseconds():
    operation = COSTS.measure(parse("query($n: Int) { listings(first: $n) { nodes { dealer { name } } } }"))[None]
    took = []
    for _ in range(5):
        began = process_time()
        for _ in range(1_000):
            operation.of({"n": 50})
        took.append((process_time() - began) / 1_000)
    assert min(took) < 20e-6
    assert len(operation._kept) == 1


def test_the_sizes_that_are_remembered_are_bounded():
    operation = COSTS.measure(parse("query($n: Int) { nodes(ids: [1]) { id } listings(first: $n) { nodes { id } } }"))[
        None
    ]
    for n in range(1_000):
        assert operation.of({"n": n}).nodes == 1 + min(n, 100)
    assert len(operation._kept) == 256
