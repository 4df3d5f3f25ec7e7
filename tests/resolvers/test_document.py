"""Registered documents through the API: handed in whole or not at all, listed, deprecated, never changed."""

from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from souk.models import OperationManifest
from souk.rules.actor import Actor, Role
from tests.world import NOW, World

DESK = "query Desk { viewer { role } }"
SHOP = "query Shop($n: Int) { listings(first: $n) { nodes { id dealer { id } } } }"
PAYLOAD = "operationManifest { id version clientApp clientVersion ownerRole documents deprecatedAt } auditEventId"
LIST = """{ operationManifests(orderBy: OLDEST) { totalCount nodes { clientApp clientVersion
  operations { totalCount nodes { documentId name document ceiling lastUsedAt manifest { ownerRole deprecatedAt } } } } } }"""


def map_of(*documents: str) -> dict[str, str]:
    return {sha256(each.encode()).hexdigest(): each for each in documents}


async def push(world: World, who: Role | Actor, manifest: Any, **more: Any) -> dict[str, Any]:
    given = {"clientApp": "desk", "clientVersion": "1.0.0", "manifest": manifest} | more
    return await world.do(who, "operationManifestPush", PAYLOAD, **given)


async def audited(world: World) -> list[tuple[str, Any]]:
    found = await world.rows("SELECT op, changes FROM audit_event WHERE op LIKE 'operationManifest%' ORDER BY seq")
    return [(op, next(iter(changes.values()))) for op, changes in found]


async def test_a_version_is_registered_with_its_documents(world: World) -> None:
    made = await push(world, Role.ADMIN, map_of(DESK, SHOP), ownerRole="OPS")
    manifest = made["operationManifest"]
    assert made["userErrors"] == [] and made["auditEventId"]
    assert {key: manifest[key] for key in manifest if key != "id"} == {
        "version": 2, "clientApp": "desk", "clientVersion": "1.0.0", "ownerRole": "OPS", "documents": 2,
        "deprecatedAt": None,
    }  # fmt: skip
    found = await world.data(Role.OWNER, LIST)
    (listed,) = found["operationManifests"]["nodes"]
    assert listed["operations"]["totalCount"] == 2
    shown = {each["name"]: each for each in listed["operations"]["nodes"]}
    assert shown["Desk"] == {
        "documentId": "sha256:" + sha256(DESK.encode()).hexdigest(), "name": "Desk", "document": DESK, "ceiling": 1,
        "lastUsedAt": None, "manifest": {"ownerRole": "OPS", "deprecatedAt": None},
    }  # fmt: skip
    assert shown["Shop"]["ceiling"] == 20  # 100 listings and their dealers
    ((op, changes),) = await audited(world)
    assert (op, changes["documents"]) == ("operationManifestPush", [None, 2])


async def test_a_second_push_adds_what_is_new_and_a_third_changes_nothing(world: World) -> None:
    service = world.service("manifest:write")
    first = await push(world, service, map_of(DESK))
    second = await push(world, service, map_of(DESK, SHOP))
    third = await push(world, service, map_of(SHOP))
    assert [each["operationManifest"]["documents"] for each in (first, second, third)] == [1, 2, 2]
    assert len({each["operationManifest"]["id"] for each in (first, second, third)}) == 1
    assert third["operationManifest"]["version"] == second["operationManifest"]["version"]
    assert [op for op, _ in await audited(world)] == ["operationManifestPush"] * 2
    other = await push(world, service, map_of(DESK), clientVersion="1.1.0")
    assert other["operationManifest"]["documents"] == 1
    assert len(await world.rows("SELECT 1 FROM persisted_operation")) == 3


@pytest.mark.parametrize(
    ("bad", "code", "words"),
    [
        ("{ nothing }", "INVALID", "Cannot query field 'nothing' on type 'Query'."),
        ("query Desk {", "INVALID", "Syntax Error"),
        ("fragment F on Query { viewer { role } }", "INVALID", "never used"),
        ("query Deep { " + "viewer { user { memberships { user " * 5 + "{ id }" + " } } }" * 5 + " }", "OUT_OF_RANGE", "levels"),
        (
            "query Wide { listings(first: 100) { nodes { offers(first: 100) { nodes { revisions(first: 100) { nodes { id } } } } } } }",
            "OUT_OF_RANGE", "One run costs",
        ),
    ],
)  # fmt: skip
async def test_a_manifest_with_one_bad_document_registers_none(world: World, bad: str, code: str, words: str) -> None:
    made = await push(world, Role.ADMIN, map_of(DESK, bad))
    assert made["operationManifest"] is None and made["auditEventId"] is None
    assert [(each["code"], each["field"]) for each in made["userErrors"]] == [(code, ["manifest"])]
    assert words in made["userErrors"][0]["message"]
    assert await world.rows("SELECT 1 FROM operation_manifest UNION ALL SELECT 1 FROM persisted_operation") == []


async def test_a_false_hash_and_a_nameless_version_are_told_together(world: World) -> None:
    made = await push(world, Role.ADMIN, {"0" * 64: DESK}, clientVersion=" ")
    assert [(each["code"], each["field"]) for each in made["userErrors"]] == [
        ("REQUIRED", ["clientVersion"]),
        ("INVALID", ["manifest"]),
    ]


async def test_a_document_whose_pages_may_grow_too_large_has_the_limit_for_its_ceiling(world: World) -> None:
    wide = "query Wide($n: Int) { listings(first: $n) { nodes { offers(first: $n) { nodes { id dealer: ownerDealer { id } } } } } }"
    made = await push(world, Role.ADMIN, map_of(wide))
    assert made["userErrors"] == []
    assert [row.ceiling for row in await world.rows("SELECT ceiling FROM persisted_operation")] == [1000]


async def test_a_version_is_deprecated_once(world: World) -> None:
    manifest = (await push(world, Role.ADMIN, map_of(DESK)))["operationManifest"]
    given = {"id": manifest["id"], "expectedVersion": manifest["version"]}
    stale = await world.do(Role.ADMIN, "operationManifestDeprecate", PAYLOAD, **given | {"expectedVersion": 99})
    assert [each["code"] for each in stale["userErrors"]] == ["STALE_VERSION"]
    made = await world.do(Role.ADMIN, "operationManifestDeprecate", PAYLOAD, **given)
    assert made["operationManifest"]["deprecatedAt"] == NOW.isoformat().replace("+00:00", "Z")
    again = await world.do(
        Role.ADMIN, "operationManifestDeprecate", PAYLOAD, **given | {"expectedVersion": manifest["version"] + 1}
    )
    assert again["operationManifest"] == made["operationManifest"] and again["auditEventId"] is None
    assert [op for op, _ in await audited(world)] == ["operationManifestPush", "operationManifestDeprecate"]


async def test_filters_find_a_version_and_a_hash(world: World) -> None:
    for version, documents in (("1", (DESK,)), ("2", (DESK, SHOP))):
        await push(world, Role.ADMIN, map_of(*documents), clientVersion=version)
    ask = """query($v: String!, $d: String!) {
      operationManifests(filter: {clientApp: "desk", clientVersion: $v}) { nodes { id documents } }
      persistedOperations(filter: {documentId: $d}) { totalCount nodes { name manifest { clientVersion } } } }"""
    id_ = "sha256:" + sha256(SHOP.encode()).hexdigest()
    found = await world.data(Role.ADMIN, ask, {"v": "2", "d": id_})
    (manifest,) = found["operationManifests"]["nodes"]
    assert manifest["documents"] == 2
    assert found["persistedOperations"] == {
        "totalCount": 1,
        "nodes": [{"name": "Shop", "manifest": {"clientVersion": "2"}}],
    }
    of = "query($m: ID!) { persistedOperations(filter: {manifestId: $m}) { totalCount } }"
    assert (await world.data(Role.ADMIN, of, {"m": manifest["id"]}))["persistedOperations"]["totalCount"] == 2


async def test_the_database_lets_nobody_change_or_remove_a_document(world: World) -> None:
    await push(world, Role.ADMIN, map_of(DESK))
    for statement in (
        "UPDATE persisted_operation SET document = 'query Other { __typename }'",
        "UPDATE persisted_operation SET ceiling = 0",
        "DELETE FROM persisted_operation",
        "DELETE FROM operation_manifest",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with world.souk.app.transaction(world.actor(Role.OWNER), "test", system=True) as tx:
                await tx.session.execute(text(statement))
    with pytest.raises(DBAPIError, match="sha256_of_document"):
        await world.rows("UPDATE persisted_operation SET document = 'query Other { __typename }' RETURNING 1")
    assert [row.document for row in await world.rows("SELECT document FROM persisted_operation")] == [DESK]


async def test_two_who_hand_in_the_same_version_make_one(world: World) -> None:
    """The second waits, and finds what the first made: refused by the database's own rule, never doubled."""
    await push(world, Role.ADMIN, map_of(DESK))
    with pytest.raises(DBAPIError, match="uq_operation_manifest"):
        await world.add(OperationManifest(client_app="desk", client_version="1.0.0", documents=0))
