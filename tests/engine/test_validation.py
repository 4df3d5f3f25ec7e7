"""Validation says what the libraries say, and what it made is gone when it is done."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from graphql import GraphQLSyntaxError, Node, SourceLocation, Token, ValidationRule, parse, specified_rules
from strawberry.schema.schema import validate_document

from souk.documents.fused import facts_of
from souk.engine.document import Document
from souk.engine.symbols import NotFused
from souk.engine.validation import NothingSealedInSubscriptions, parsed, validated
from souk.rules.actor import Role
from souk.schema import schema
from souk.settings import Settings
from souk.web.guard import Guard

RIGHT = "query($n: Int) { listings(first: $n) { nodes { id title offers { nodes { id } } } } viewer { __typename } }"
WRONG = [
    "{ nothing }",
    "{ viewer { id { id } } listings { nope } }",
    "query($n: Int!, $n: Int) { listings(first: $m) { nodes { id } } }",
    "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A } fragment C on Query { viewer { id } }",
    "{ listings(first: 1) { nodes { id } } listings(first: 2) { nodes { id } } }",
    "{ a: listings(filter: {kind: null}) { nodes { id } } }",
    "{ listings(filter: {updatedAt: {after: \"99999-01-01T00:00:00Z\"}}) { nodes { id } } }",
    "{ viewer @include(if: 3) { id @nothing } }",
    "{ " + " ".join(f"nothing{n}" for n in range(150)) + " }",
]  # fmt: skip


@pytest.mark.parametrize("text", [RIGHT, *WRONG])
def test_what_is_wrong_is_what_the_libraries_find(text: str) -> None:
    found = validated(schema._schema, parsed(text))
    told = validate_document(schema._schema, parse(text), (*specified_rules, NothingSealedInSubscriptions))
    assert sorted(map(repr, found)) == sorted(map(repr, told)) and bool(found) == (text in WRONG)


def test_a_tree_holds_places_and_no_tokens() -> None:
    """An error is told with its line and column."""
    (error,) = Document(schema, "{\n  viewer { __typename }\n  nothing }").errors
    assert error.locations == [SourceLocation(3, 3)]
    found = parsed(RIGHT)
    assert found == parse(RIGHT) and str(found.loc) == f"0:{len(RIGHT)}"
    assert found.loc is not None and found.loc.start_token is found.loc.end_token
    assert parsed(RIGHT, locations=False).loc is None


@pytest.fixture
def garbage() -> Iterator[Callable[[], Counter[type]]]:
    """What only the collector frees of what the test let go, by type."""
    gc.collect()
    gc.disable()

    def found() -> Counter[type]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            gc.collect()
            return Counter(map(type, gc.garbage))
        finally:
            gc.set_debug(0)
            gc.garbage.clear()

    yield found
    gc.enable()


@pytest.mark.parametrize("text", [RIGHT, *WRONG])
def test_of_a_document_that_is_done_with_nothing_waits_for_the_collector(
    text: str, garbage: Callable[[], Counter[type]]
) -> None:
    for _ in range(3):
        Document(schema, text)
    kinds = Document | ValidationRule if "fragment" in text else Document | ValidationRule | Node | Token  # see below
    assert [kind for kind in garbage() if issubclass(kind, kinds)] == []


def test_but_for_the_fragments_that_the_search_for_variables_holds(garbage: Callable[[], Counter[type]]) -> None:
    """A visitor that graphql-core makes, uses and keeps from everybody; what it was shown stays until it is collected."""
    Document(schema, "{ ...A } fragment A on Query { listings(first: 3) { nodes { id title } } }")
    left = garbage()
    assert {kind.__name__: n for kind, n in left.items() if issubclass(kind, Node)} == {
        "FragmentDefinitionNode": 1, "SelectionSetNode": 3, "FieldNode": 4, "ArgumentNode": 1, "IntValueNode": 1,
        "NameNode": 7, "NamedTypeNode": 1,
    }  # fmt: skip


def test_nor_of_one_that_is_measured_or_cannot_be_read(garbage: Callable[[], Counter[type]]) -> None:
    guard = Guard(Settings())
    guard.check(RIGHT)
    for text in ("{ viewer { id ", '{ viewer(a: "\n") }'):
        with pytest.raises(GraphQLSyntaxError):
            parsed(text)
    left = garbage()
    assert left[Token] == 0


@pytest.mark.parametrize(
    "text",
    [
        '{ offers(after: "") { nodes { id } } }',
        "{ offers(first: 1, last: 1) { nodes { id } } }",
        "{ __schema { types { name } } }",
    ],
)
def test_a_reason_that_is_kept_holds_nothing_of_what_was_half_planned(text: str) -> None:
    (operation,) = Document(schema, text).operations
    reason = operation.plan(facts_of(Role.ADMIN)[0], {})
    assert isinstance(reason, NotFused) and str(reason)
    assert (reason.__traceback__, reason.__cause__, reason.__context__) == (None, None, None)
    assert operation.plan(facts_of(Role.ADMIN)[0], {}) is reason
