"""A dry run decides like the real one and keeps nothing; an explanation runs nothing at all."""

import pytest

from souk.rules.actor import Role
from tests.web.test_cost import signed_in

CREATE = """mutation Make($input: DealerCreateInput!) {
  dealerCreate(input: $input) { dealer { id name standing city } userErrors { code field } idempotencyReplayed auditEventId } }"""
GIVEN = {"kind": "DEALERSHIP", "name": "Rehearsed Motors", "phone": "+919800000078", "city": "Pune"}
TABLES = (
    "dealer",
    "audit_event",
    "domain_event",
    "event_stream",
    "idempotency_record",
    "access_refusal",
    "search_document",
)
DRY = {"x-souk-dry-run": "1"}


async def everything(world):
    """How many rows each table has that a mutation may write."""
    counted = {name: (await world.rows(f"SELECT count(*) FROM {name}"))[0][0] for name in TABLES}
    head = await world.rows("SELECT seq FROM audit_head")
    work = await world.rows("SELECT count(*) FROM souk.work WHERE tenant_id = :t", t=world.tenant_id)
    return counted, head, work


async def ask(app, headers, query, variables=None):
    response = await app.post("/graphql", json={"query": query, "variables": variables or {}}, headers=headers)
    return response.status_code, response.json()


async def test_a_dry_run_answers_what_it_would_have_done_and_keeps_nothing(app, world):
    me, before = await signed_in(world, Role.ADMIN), await everything(world)
    given = {"input": GIVEN | {"idempotencyKey": "key-of-a-rehearsal-1"}}
    before = await everything(world)
    for _ in range(2):  # not even the key: the second is not a replay
        status, answer = await ask(app, me | DRY, CREATE, given)
        payload = answer["data"]["dealerCreate"]
        made = payload["dealer"]
        assert (status, "errors" in answer) == (200, False)
        assert (made["name"], made["standing"], made["city"]) == ("Rehearsed Motors", "GOOD", "Pune")
        assert payload | {"dealer": None} == {
            "dealer": None, "userErrors": [], "idempotencyReplayed": False, "auditEventId": None,
        }  # fmt: skip
        (event,) = answer["extensions"]["dryRun"]["events"]
        assert (event["type"], event["subjectType"], event["subjectId"]) == ("dealer.created", "Dealer", made["id"])
        assert answer["extensions"]["dryRun"]["kept"] is False
        assert await everything(world) == before
    status, answer = await ask(app, me, CREATE, given)
    assert answer["data"]["dealerCreate"]["idempotencyReplayed"] is False
    assert (await everything(world))[0]["dealer"] == before[0]["dealer"] + 1
    status, answer = await ask(app, me | DRY, CREATE, given)
    assert answer["data"]["dealerCreate"]["idempotencyReplayed"] is True


async def test_a_dry_run_refuses_like_the_real_one_and_notes_no_refusal(app, world):
    before = await everything(world)
    _, answer = await ask(
        app, await signed_in(world, Role.ADMIN) | DRY, CREATE, {"input": GIVEN | {"phone": "12", "name": " "}}
    )
    found = answer["data"]["dealerCreate"]
    assert found["dealer"] is None
    assert {(each["code"], *each["field"]) for each in found["userErrors"]} >= {("INVALID", "phone")}
    _, answer = await ask(app, await signed_in(world, Role.VIEWER) | DRY, CREATE, {"input": GIVEN})
    (error,) = answer["errors"]
    assert (answer["data"], error["extensions"]["code"]) == ({"dealerCreate": None}, "FORBIDDEN")
    after = await everything(world)
    assert after[0]["dealer"] == before[0]["dealer"] and after[0]["access_refusal"] == before[0]["access_refusal"]


async def test_a_state_that_would_change_is_shown_and_stays(app, world):
    me = await signed_in(world, Role.ADMIN)
    subject = world.id("Dealer", world.dealer)
    update = """mutation($i: DealerUpdateInput!) { dealerUpdate(input: $i) {
      dealer { city version openDeals: listings(first: 1) { totalCount } } userErrors { code } } }"""
    _, answer = await ask(app, me | DRY, update, {"i": {"id": subject, "city": "Nashik", "expectedVersion": 1}})
    assert answer["data"]["dealerUpdate"] == {
        "dealer": {"city": "Nashik", "version": 2, "openDeals": {"totalCount": 0}}, "userErrors": [],
    }  # fmt: skip
    assert await world.rows("SELECT city, version FROM dealer WHERE id = :d", d=world.dealer) == [("Pune", 1)]
    _, answer = await ask(app, me | DRY, update, {"i": {"id": subject, "city": "Nashik", "expectedVersion": 9}})
    assert answer["data"]["dealerUpdate"]["userErrors"] == [{"code": "STALE_VERSION"}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ viewer { role } }", "Only a mutation has a dry run."),
        ("subscription { batchEvents(batchId: 1) { seq } }", "Only a mutation has a dry run."),
        ("mutation { a: noteAdd(input: {}) { userErrors { code } } b: noteAdd(input: {}) { userErrors { code } } }",
         "A dry run is of one mutation; send them one by one."),
    ],
)  # fmt: skip
async def test_what_has_no_dry_run(app, world, query, message):
    for accept in ("application/graphql-response+json", "text/event-stream"):
        status, answer = await ask(app, await signed_in(world, Role.ADMIN) | DRY | {"accept": accept}, query)
        assert (status, answer["errors"][0]["message"]) == (400, message)


async def test_an_explanation_runs_nothing(app, world):
    me = await signed_in(world, Role.CUSTOMER) | {"x-explain": "1"}
    before = await everything(world)
    query = """query($n: Int!) { dealers(first: $n) { totalCount nodes { name } } ...F }
      fragment F on Query { pricePolicies(first: 1) { nodes { id } } }"""
    status, answer = await ask(app, me, query, {"n": 50})
    told = answer["extensions"]["explain"]
    assert (status, answer["data"]) == (200, None)
    assert (told["cost"], told["nodes"], told["weight"], told["costLimit"], told["nodesLimit"]) == (
        11,
        51,
        5,
        1_000,
        10_000,
    )
    assert told["plan"]["road"] == "statement" and "SELECT" in told["plan"]["sql"]
    assert told["missingPermissions"] == [{"field": "Query.pricePolicies", "permission": "pricePolicy:read"}]
    status, answer = await ask(app, me, CREATE, {"input": GIVEN})
    told = answer["extensions"]["explain"]
    assert (told["plan"]["road"], told["missingPermissions"][-1]["field"]) == ("executor", "Mutation.dealerCreate")
    assert told["plan"]["reason"] == "a mutation" and "FROM dealer" in told["plan"]["sql"], "what reads its payload"
    assert await everything(world) == before


async def test_a_subscription_is_explained_by_how_its_events_are_read(app, world):
    follow = 'subscription { batchEvents(batchId: "none") { seq } }'
    _, answer = await ask(app, await signed_in(world, Role.OPS) | {"x-explain": "1"}, follow)
    plan = answer["extensions"]["explain"]["plan"]
    assert (plan["road"], plan["reason"]) == ("statement", None) and "batch_event" in plan["sql"]
    follow = 'subscription { alertEvents(alertId: "none") { seq } }'
    _, answer = await ask(app, await signed_in(world, Role.CUSTOMER) | {"x-explain": "1"}, follow)
    plan = answer["extensions"]["explain"]["plan"]
    assert (plan["road"], plan["reason"], plan["sql"]) == ("executor", "its gate refuses it", None)


async def test_an_explanation_tells_also_what_is_too_much_or_wrong(app, world):
    me = await signed_in(world, Role.ADMIN) | {"x-explain": "1"}
    wide = "{ dealers(first: 100) { nodes { listings(first: 100) { nodes { dealer { name } } } } } }"
    _, answer = await ask(app, me, wide)
    assert answer["extensions"]["explain"]["nodes"] == 100 * (1 + 100 * 2)
    status, answer = await ask(app, me, "{ nope }")
    assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")
