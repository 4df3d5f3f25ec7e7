"""The record of access: who was refused, who opened what is locked; and the proof of the audit for those who may ask."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from souk.context import Context
from souk.db.refusals import Refusals
from souk.engine.run import Runner
from souk.models import Membership
from souk.resolvers.session import issue
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.resolvers.test_lead import the_lead
from tests.resolvers.trade import a_listing
from tests.world import KEYRING, NOW, World

CONTACT = (
    "query($id: ID!) { lead(id: $id) { contact { __typename ... on LeadContactOpen { name phone email message } } } }"
)
FIELDS = ("email", "message", "name", "phone")
NAME = "query($id: ID!) { lead(id: $id) { contact { ... on LeadContactOpen { name } } } }"
ROWS = "SELECT kind, acting_role, operation, permission, subject_type, subject_id FROM access_refusal ORDER BY created_at, id"
RECORDS = """query($f: AccessRefusalFilter) { accessRefusals(filter: $f) { totalCount
  nodes { id kind operation permission actingRole subjectId requestId actor { name } } } }"""


class Watched:
    """The runner of a server: it keeps records of access."""

    def __init__(self, world: World) -> None:
        self.world, self.refusals = world, Refusals(world.souk.app.engine)
        self.runner = Runner(schema, world.souk.pool, decrypt=KEYRING.open, witness=self.refusals.witness)
        self.now = NOW

    async def ask(self, who: Role | Actor, document: str, variables: dict[str, Any] | None = None) -> bytes:
        context = Context(self.world.actor(who), request_id="asked", now=self.now, db=self.world.souk.app)
        answer = await self.runner.answer(document, variables, None, context)
        await self.refusals.settled()
        return answer.body


@pytest.fixture
def watched(world: World) -> Watched:
    return Watched(world)


async def a_lead(world: World) -> str:
    return await the_lead(world, name="Asha")


async def test_opening_a_contact_leaves_one_row_and_looking_at_a_locked_one_none(
    world: World, watched: Watched
) -> None:
    lead = await a_lead(world)
    assert b'"name":"Asha"' in await watched.ask(Role.OWNER, CONTACT, {"id": lead})
    row_id = (await world.rows("SELECT id FROM lead"))[0].id
    whole = [("OPENED", "OWNER", f"LeadContactOpen.{each}", "lead:contact", "Lead", row_id) for each in FIELDS]
    assert sorted(await world.rows(ROWS)) == whole

    for role in (Role.OPS, Role.SALES, Role.VIEWER, Role.DEALER):
        assert b"LeadContactLocked" in await watched.ask(role, CONTACT, {"id": lead}), role
    assert b'"name":"Asha"' in await watched.ask(Role.CUSTOMER, CONTACT, {"id": lead}), "one's own"
    only_why = "query($id: ID!) { lead(id: $id) { status contact { __typename } } }"
    assert b"LeadContactOpen" in await watched.ask(Role.ADMIN, only_why, {"id": lead})
    assert len(await world.rows(ROWS)) == 4

    assert b"Asha" in await watched.ask(Role.OWNER, CONTACT, {"id": lead})
    assert len(await world.rows(ROWS)) == 4, "again within ten minutes"
    watched.now += timedelta(minutes=11)
    assert b"Asha" in await watched.ask(Role.OWNER, NAME, {"id": lead})
    assert b"Asha" in await watched.ask(Role.ADMIN, NAME, {"id": lead})
    watched.now += timedelta(minutes=1)
    assert b"Asha" in await watched.ask(Role.ADMIN, CONTACT, {"id": lead}), "the others as well, a minute later"
    told = [(row.acting_role, row.operation.partition(".")[2]) for row in (await world.rows(ROWS))[4:]]
    assert told[:2] == [("OWNER", "name"), ("ADMIN", "name")]
    assert sorted(told[2:]) == [("ADMIN", each) for each in FIELDS if each != "name"]


async def test_a_list_of_contacts_leaves_a_row_for_each_on_either_road_and_in_a_payload(
    world: World, watched: Watched
) -> None:
    ids = [await a_lead(world) for _ in range(3)]
    document = "{ leads { nodes { contact { ... on LeadContactOpen { name phone } } } } }"
    assert (await watched.ask(Role.OWNER, document)).count(b"Asha") == 3
    batched = "query($n: Int) { leads(first: $n) { nodes { contact { ... on LeadContactOpen { name } } } } permissionMatrix { name } }"
    assert (await watched.ask(Role.ADMIN, batched, {"n": 2})).count(b"Asha") == 2
    counted = "SELECT acting_role, count(*), count(DISTINCT subject_id) FROM access_refusal GROUP BY 1 ORDER BY 1"
    assert await world.rows(counted) == [("ADMIN", 2, 2), ("OWNER", 6, 3)]

    assigned = """mutation($input: LeadAssignInput!) { leadAssign(input: $input) {
      lead { contact { ... on LeadContactOpen { name } } } userErrors { code } } }"""
    me = world.id("User", world.actors[Role.SALES].user_id)  # type: ignore[arg-type]
    given = {"id": ids[0], "assigneeId": me, "expectedVersion": 1}
    assert b"Asha" in await watched.ask(Role.SALES, assigned, {"input": given})
    assert (await world.rows(counted))[-1] == ("SALES", 1, 1)


async def test_refused_reads_and_writes_leave_a_row_each_and_a_probe_no_flood(world: World, watched: Watched) -> None:
    await watched.ask(Role.SALES, "{ auditEvents { totalCount } }")
    await watched.ask(Role.OPS, "{ users(first: 50) { nodes { email phone } } }")
    mutation = 'mutation { skuCreate(input: {code: "A", name: "A", currencyCode: "INR"}) { sku { id } } }'
    await watched.ask(Role.VIEWER, mutation)
    found = [tuple(row)[:4] for row in await world.rows(ROWS)]
    assert sorted(found) == [
        ("REFUSED", "OPS", "User.email", "user:read"),
        ("REFUSED", "OPS", "User.phone", "user:read"),
        ("REFUSED", "SALES", "auditEvents", "audit:read"),
        ("REFUSED", "VIEWER", "skuCreate", "sku:write"),
    ]
    for _ in range(100):
        await watched.ask(Role.AGENT, "{ alerts { totalCount } }")
    assert await world.rows("SELECT count(*) FROM access_refusal WHERE acting_role = 'AGENT'") == [(60,)]
    assert await watched.ask(Role.OWNER, "{ alerts { totalCount } }") == b'{"data":{"alerts":{"totalCount":0}}}'
    assert len(await world.rows(ROWS)) == 64


@pytest.mark.parametrize("road", ["statement", "executor", "payload"])
async def test_a_refused_field_is_named_with_its_type_on_every_road(world: World, watched: Watched, road: str) -> None:
    person = world.id("User", world.actors[Role.CUSTOMER].user_id)  # type: ignore[arg-type]
    refused = "node(id: $id) { ... on User { mail: email } }"
    match road:
        case "statement":
            await watched.ask(Role.OPS, f"query($id: ID!) {{ {refused} }}", {"id": person})
        case "executor":
            document = f"query($id: ID!) {{ {refused} viewer {{ rateLimit {{ limit }} }} }}"
            assert not (await watched.runner.answer(document, {"id": person}, None, world.context(Role.ADMIN))).fused
            await watched.ask(Role.OPS, document, {"id": person})
        case "payload":
            lead = await a_lead(world)
            document = """mutation($input: LeadAssignInput!) { leadAssign(input: $input) {
              lead { user { email } } userErrors { code } } }"""
            me = world.id("User", world.actors[Role.SALES].user_id)  # type: ignore[arg-type]
            given = {"id": lead, "assigneeId": me, "expectedVersion": 1}
            await watched.ask(Role.SALES, document, {"input": given})
    found = [row for row in await world.rows(ROWS) if row.kind == "REFUSED"]
    assert [(row.operation, row.permission) for row in found] == [("User.email", "user:read")]


async def test_an_answer_does_not_fail_when_its_record_cannot_be_written(
    world: World, watched: Watched, monkeypatch: Any
) -> None:
    lead = await a_lead(world)
    monkeypatch.setattr("souk.db.refusals.SEEN", text("SELECT 1/0"))
    assert b"Asha" in await watched.ask(Role.OWNER, NAME, {"id": lead})
    monkeypatch.undo()
    assert b"Asha" in await watched.ask(Role.ADMIN, NAME, {"id": lead})
    assert [row.acting_role for row in await world.rows(ROWS)] == ["ADMIN"]


async def test_records_are_read_by_owner_and_admin_and_filtered(world: World, watched: Watched) -> None:
    lead = await a_lead(world)
    await watched.ask(Role.OWNER, NAME, {"id": lead})
    watched.now += timedelta(hours=1)
    await watched.ask(Role.OPS, "{ users(first: 50) { nodes { email } } }")

    async def found(**conditions: Any) -> list[str]:
        page = (await world.data(Role.ADMIN, RECORDS, {"f": conditions}))["accessRefusals"]
        assert page["totalCount"] == len(page["nodes"])
        return [node["operation"] for node in page["nodes"]]

    (refused, opened) = (await world.data(Role.OWNER, RECORDS))["accessRefusals"]["nodes"]
    assert {**opened, "id": ""} == {
        "id": "", "kind": "OPENED", "operation": "LeadContactOpen.name", "permission": "lead:contact", "actingRole": "OWNER",
        "subjectId": lead, "requestId": "asked", "actor": {"name": "OWNER person"},
    }  # fmt: skip
    assert (refused["kind"], refused["subjectId"], refused["actor"]) == ("REFUSED", None, {"name": "OPS person"})
    one = "query($id: ID!) { node(id: $id) { id ... on AccessRefusal { at } } }"
    assert (await world.data(Role.OWNER, one, {"id": opened["id"]}))["node"]["at"] == "2026-11-22T09:00:00Z"

    me = world.id("User", world.actors[Role.OWNER].user_id)  # type: ignore[arg-type]
    assert (
        await found(kind="OPENED") == await found(role="OWNER") == await found(actorId=me) == ["LeadContactOpen.name"]
    )
    assert await found(subjectId=lead) == await found(permission="lead:contact") == ["LeadContactOpen.name"]
    assert await found(operation="User.email") == await found(since="2026-11-22T09:30:00Z") == ["User.email"]
    assert await found(until="2026-11-22T09:30:00Z") == ["LeadContactOpen.name"]
    assert await found(kind="OPENED", role="OPS") == await found(subjectId=me) == []
    for role in (Role.OPS, Role.SALES, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        denied = await world.ask(role, RECORDS)
        assert denied["data"] == {"accessRefusals": None}, role


VERIFY = """query($after: BigInt, $hash: String, $first: Int) { auditVerify(after: $after, hash: $hash, first: $first) {
  intact checked brokenAt seq hash headSeq headHash complete } }"""


async def test_the_chain_is_verified_in_pieces_over_the_api(world: World) -> None:
    for _ in range(4):
        await a_lead(world)

    async def verify(who: Any = Role.OWNER, **given: Any) -> Any:
        return await world.ask(who, VERIFY, {"first": 100, **given})

    whole = (await verify())["data"]["auditVerify"]
    assert (whole["intact"], whole["checked"], whole["brokenAt"], whole["complete"]) == (True, 10, None, True)
    assert (whole["seq"], whole["hash"]) == (whole["headSeq"], whole["headHash"]) == ("10", whole["hash"])
    first = (await verify(first=4))["data"]["auditVerify"]
    assert (first["checked"], first["seq"], first["complete"], first["headSeq"]) == (4, "4", False, "10")
    rest = (await verify(after=first["seq"], hash=first["hash"]))["data"]["auditVerify"]
    assert (rest["checked"], rest["complete"], rest["hash"]) == (6, True, whole["hash"])
    other = (await verify(after="4", hash="00" * 32))["data"]["auditVerify"]
    assert (other["intact"], other["brokenAt"], other["checked"]) == (False, "4", 0)

    for wrong in ({"after": "4"}, {"hash": "00" * 32}, {"after": "4", "hash": "zz"}, {"after": "4", "hash": "00"},
                  {"after": "-1", "hash": "00" * 32}, {"first": 0}, {"first": 100_001}):  # fmt: skip
        found = await verify(**wrong)
        assert (found["data"], found["errors"][0]["extensions"]["code"]) == ({"auditVerify": None}, "BAD_USER_INPUT")
    assert (await verify(world.service("audit:verify")))["data"]["auditVerify"]["intact"] is True
    for denied in (Role.OPS, Role.SALES, Role.DEALER, Role.PUBLIC, world.service("audit:read")):
        assert (await verify(denied))["data"] == {"auditVerify": None}


async def test_a_served_answer_is_recorded_too(app: httpx.AsyncClient, world: World) -> None:
    """The whole application: what the wiring forgets, this finds."""
    listing = world.id("Listing", await a_listing(world))
    tokens = {}
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test", system=True) as tx:
        for role in (Role.CUSTOMER, Role.OWNER, Role.SALES):
            member = await tx.session.get_one(Membership, (world.tenant_id, world.actors[role].membership_id))
            tokens[role], _ = await issue(tx, member)

    async def ask(who: Role, document: str) -> Any:
        headers = {"authorization": f"Bearer {tokens[who]}"}
        return (await app.post("/graphql", json={"query": document}, headers=headers)).json()["data"]

    given = f'{{listingId: "{listing}", name: "Asha", phone: "+919800000004"}}'
    await ask(Role.CUSTOMER, f"mutation {{ leadCreate(input: {given}) {{ lead {{ contact {{ __typename }} }} }} }}")
    document = "{ leads { nodes { contact { ... on LeadContactOpen { name } } } } }"
    assert await ask(Role.OWNER, document) == {"leads": {"nodes": [{"contact": {"name": "Asha"}}]}}
    assert await ask(Role.SALES, "{ auditEvents { totalCount } }") == {"auditEvents": None}
    found: list[Any] = []
    async with asyncio.timeout(10):
        while len(found) < 2:
            await asyncio.sleep(0.01)
            found = await world.rows(ROWS)
    assert [tuple(row)[:4] for row in found] == [
        ("OPENED", "OWNER", "LeadContactOpen.name", "lead:contact"),
        ("REFUSED", "SALES", "auditEvents", "audit:read"),
    ]
