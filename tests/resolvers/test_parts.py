"""Rows that hang on another row are nodes too: seen by their id exactly where the row they hang on shows them."""

from typing import Any

import pytest

from souk.rules.actor import Role
from tests.isolation.conftest import Two, two

__all__ = ["two"]

LISTS = {
    "EvidenceSnapshot": "{ alerts(first: 100) { nodes { parts: evidenceSnapshots(first: 100) { nodes { id } } } } }",
    "EvidenceSaleRow": "{ alerts(first: 100) { nodes { parts: evidenceSaleRows(first: 100) { nodes { id } } } } }",
    "BatchLog": "{ batches(first: 100) { nodes { parts: logs(first: 100) { nodes { id } } } } }",
    "PricePolicyVersion": "{ pricePolicies(first: 100) { nodes { parts: versions(first: 100) { nodes { id } } } } }",
    "PriceException": "{ pricePolicies(first: 100) { nodes { parts: exceptions(first: 100) { nodes { id } } } } }",
}
ROLES = [role for role in Role if role is not Role.SERVICE]


async def asked(two: Two, role: Role, document: str, **variables: Any) -> dict[str, Any]:
    world = two.here.world
    found: dict[str, Any] = (await world.ask(two.here.actors[role], document, variables))["data"]
    return found


@pytest.mark.parametrize("type_", LISTS)
async def test_a_part_is_seen_by_its_id_where_its_whole_shows_it(two: Two, type_: str) -> None:
    ids, answers = two.here.own[type_], set()
    assert len(ids) <= 100
    for role in ROLES:
        (page,) = (await asked(two, role, LISTS[type_])).values()
        shown = {
            part["id"]
            for node in (page or {"nodes": []})["nodes"]
            for part in (node["parts"] or {"nodes": []})["nodes"]
        }
        found = await asked(two, role, "query($ids: [ID!]!) { nodes(ids: $ids) { id __typename } }", ids=ids)
        seen = {node["id"] for node in found["nodes"] if node}
        assert seen == shown, role
        assert {node["__typename"] for node in found["nodes"] if node} <= {type_}
        answers |= {id_ in seen for id_ in ids}
    assert answers == {True, False}, "both answers occur"


async def test_an_item_of_a_preview_is_seen_by_those_who_may_make_a_batch_of_it(two: Two) -> None:
    """Previews have no list: each is asked for by its id."""
    ids = two.here.own["BatchPreviewItem"]
    whole = "query($id: ID!) { batchPreview(id: $id) { items(first: 100) { nodes { id } } } }"
    one = "query($id: ID!) { node(id: $id) { id } }"
    answers = set()
    for role in (Role.OPS, Role.DEALER, Role.CUSTOMER, Role.VIEWER):
        shown: set[str] = set()
        for preview in two.here.own["BatchPreview"]:
            found = (await asked(two, role, whole, id=preview))["batchPreview"]
            shown |= {node["id"] for node in found["items"]["nodes"]} if found else set()
        seen = {id_ for id_ in ids if (await asked(two, role, one, id=id_))["node"]}
        assert seen == shown, role
        answers |= {id_ in seen for id_ in ids}
    assert answers == {True, False}
