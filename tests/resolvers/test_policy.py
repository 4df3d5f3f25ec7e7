"""Price policies: versions, windows without overlap, exceptions inside, and who may."""

from datetime import timedelta

from souk.rules.actor import Role
from tests.resolvers.margin import POLICY, iso, listing, policy, see, sku, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)
READ = """query($id: ID!, $at: DateTime!) { pricePolicy(id: $id) { kind amount { amount } toleranceBp headVersion
  versions { nodes { n amount { amount } toleranceBp } } asOf(at: $at) { n }
  exceptions { nodes { startsAt everyDealer channel amount { amount } dealers { name } } } } }"""


async def test_every_change_appends_a_version_and_the_head_is_shown(world: World) -> None:
    made = await policy(world, await sku(world))
    assert made["amount"] == {"amount": "1000.00", "currencyCode": "INR"}
    world.now = NOW + DAY
    given = {"id": made["id"], "expectedVersion": 1}
    changed = await world.do(
        Role.OWNER,
        "pricePolicyUpdate",
        POLICY,
        **given,
        amount={"amount": "950.00", "currencyCode": "INR"},
        toleranceBp=50,
    )
    assert changed["pricePolicy"] | {"id": ""} == {
        "id": "", "version": 2, "headVersion": 2, "amount": {"amount": "950.00", "currencyCode": "INR"},
    }  # fmt: skip
    found = await world.data(Role.SALES, READ, {"id": made["id"], "at": iso(NOW)})
    assert found["pricePolicy"]["versions"]["nodes"] == [
        {"n": 2, "amount": {"amount": "950.00"}, "toleranceBp": 50},
        {"n": 1, "amount": {"amount": "1000.00"}, "toleranceBp": 0},
    ]
    assert found["pricePolicy"]["asOf"] == {"n": 1}
    later = await world.data(Role.SALES, READ, {"id": made["id"], "at": iso(NOW + DAY)})
    assert later["pricePolicy"]["asOf"] == {"n": 2}
    stale = await world.do(Role.OWNER, "pricePolicyUpdate", "pricePolicy { id }", **given, toleranceBp=1)
    assert [e["code"] for e in stale["userErrors"]] == ["STALE_VERSION"]
    assert await world.rows("SELECT count(*) FROM price_policy_version") == [(2,)]
    types = "SELECT type FROM domain_event WHERE subject_type = 'PricePolicy' ORDER BY seq"
    assert await world.rows(types) == [("pricePolicy.created",), ("pricePolicy.updated",)]


async def test_two_policies_of_a_kind_never_overlap(world: World) -> None:
    thing = await sku(world)
    window = {"validFrom": iso(NOW), "validTo": iso(NOW + 10 * DAY)}
    made = await policy(world, thing, **window)
    given = {"skuId": world.id("Sku", thing), "kind": "MAP", "amount": {"amount": "1.00", "currencyCode": "INR"}}
    over = await world.do(Role.ADMIN, "pricePolicyCreate", "pricePolicy { id }", **given, validFrom=iso(NOW + 9 * DAY))
    assert [(e["code"], e["field"]) for e in over["userErrors"]] == [("NOT_UNIQUE", ["validFrom"])]
    assert await world.rows("SELECT count(*) FROM price_policy") == [(1,)]
    await policy(world, thing, validFrom=iso(NOW + 10 * DAY))  # right after it
    await policy(world, thing, kind="MRP_FLOOR", **window)  # another kind
    other = {"amount": "9.00", "currencyCode": "EUR"}
    assert (
        await world.do(Role.ADMIN, "pricePolicyCreate", "pricePolicy { id }", **given | {"amount": other}, **window)
    )["userErrors"] == []
    longer = await world.do(
        Role.ADMIN, "pricePolicyUpdate", "pricePolicy { id }", id=made["id"], expectedVersion=1, validTo=None
    )
    assert [e["code"] for e in longer["userErrors"]] == ["NOT_UNIQUE"]


async def test_all_that_is_wrong_is_said_together(world: World) -> None:
    thing = await sku(world)
    payload = await world.do(
        Role.ADMIN, "pricePolicyCreate", "pricePolicy { id }", skuId=world.id("Sku", thing), kind="MAP",
        amount={"amount": "0.001", "currencyCode": "INR"}, toleranceBp=10_001,
        tolerance={"amount": "1.00", "currencyCode": "EUR"}, validFrom=iso(NOW), validTo=iso(NOW),
    )  # fmt: skip
    assert [(e["code"], e["field"][0]) for e in payload["userErrors"]] == [
        ("INVALID", "amount"),
        ("INVALID", "tolerance"),
        ("OUT_OF_RANGE", "toleranceBp"),
        ("OUT_OF_RANGE", "validTo"),
    ]
    missing = await world.do(
        Role.ADMIN, "pricePolicyCreate", "pricePolicy { id }", skuId=world.id("Sku", world.dealer), kind="MAP",
        amount={"amount": "1.00", "currencyCode": "INR"}, validFrom=iso(NOW),
    )  # fmt: skip
    assert [(e["code"], e["field"]) for e in missing["userErrors"]] == [("NOT_FOUND", ["skuId"])]


async def test_an_exception_lies_inside_its_policy(world: World) -> None:
    thing = await sku(world)
    made = await policy(world, thing, validFrom=iso(NOW), validTo=iso(NOW + 10 * DAY))
    given = {"policyId": made["id"], "startsAt": iso(NOW - DAY), "endsAt": iso(NOW + 11 * DAY)}
    outside = await world.do(Role.ADMIN, "priceExceptionCreate", "pricePolicy { id }", **given, dealerIds=[])
    assert [(e["code"], e["field"]) for e in outside["userErrors"]] == [
        ("OUT_OF_RANGE", ["startsAt"]),
        ("OUT_OF_RANGE", ["endsAt"]),
        ("REQUIRED", ["dealerIds"]),
    ]
    inside = given | {"startsAt": iso(NOW), "endsAt": iso(NOW + DAY), "idempotencyKey": world.key()}
    for _ in range(2):
        done = await world.do(
            Role.ADMIN, "priceExceptionCreate", "pricePolicy { id }", **inside,
            dealerIds=[world.id("Dealer", world.other_dealer)], amount={"amount": "9.50", "currencyCode": "INR"},
        )  # fmt: skip
        assert done == {"pricePolicy": {"id": made["id"]}, "userErrors": []}
    found = await world.data(Role.OPS, READ, {"id": made["id"], "at": iso(NOW)})
    assert found["pricePolicy"]["exceptions"]["nodes"] == [
        {
            "startsAt": iso(NOW), "everyDealer": False, "channel": None, "amount": {"amount": "9.50"},
            "dealers": [{"name": "Second Motors"}],
        }
    ]  # fmt: skip
    await listing(world, thing, None)
    own = await world.data(Role.DEALER, READ, {"id": made["id"], "at": iso(NOW)})
    assert own["pricePolicy"]["exceptions"]["nodes"] == []  # another dealer's


async def test_a_dealer_reads_the_policies_of_what_it_lists(world: World) -> None:
    thing, other = await sku(world), await sku(world, "S-2")
    mine, theirs = await policy(world, thing), await policy(world, other)
    await listing(world, thing, None)
    found = await world.data(Role.DEALER, "{ pricePolicies { totalCount nodes { id } } }")
    assert found["pricePolicies"] == {"totalCount": 1, "nodes": [{"id": mine["id"]}]}
    hidden = await world.data(Role.DEALER, READ, {"id": theirs["id"], "at": iso(NOW)})
    assert hidden == {"pricePolicy": None}
    for role in (Role.AGENT, Role.CUSTOMER, Role.PUBLIC):
        refused = await world.ask(role, READ, {"id": mine["id"], "at": iso(NOW)})
        assert refused["data"] == {"pricePolicy": None}
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_only_owner_and_admin_write_policies(world: World) -> None:
    made = await policy(world, await sku(world))
    before = await world.rows("SELECT * FROM price_policy")
    for role in (Role.OPS, Role.SALES, Role.AGENT, Role.VIEWER, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        for mutation, given in (
            ("pricePolicyUpdate", {"id": made["id"], "expectedVersion": 1, "toleranceBp": 9}),
            ("priceExceptionCreate", {"policyId": made["id"], "startsAt": iso(NOW), "endsAt": iso(NOW + DAY)}),
        ):
            type_ = mutation[0].upper() + mutation[1:] + "Input"
            document = f"mutation($i: {type_}!) {{ {mutation}(input: $i) {{ pricePolicy {{ id }} }} }}"
            answer = await world.ask(role, document, {"i": given})
            assert answer["data"] == {mutation: None}, role
            assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await world.rows("SELECT * FROM price_policy") == before
    assert await world.rows("SELECT count(*) FROM price_exception") == [(0,)]


ENDED = "pricePolicy { exceptions { nodes { id endsAt endedAt } } }"


async def test_an_exception_is_ended_early_once_and_from_then_on_the_policy_holds(world: World) -> None:
    thing = await sku(world)
    window = {"startsAt": iso(NOW - DAY), "endsAt": iso(NOW + 9 * DAY), "reason": "Sale"}
    made = await policy(world, thing, exceptions=[window, {**window, "startsAt": iso(NOW + 2 * DAY)}])
    found = await world.data(
        Role.ADMIN, "query($id: ID!) { pricePolicy(id: $id) { exceptions { nodes { id } } } }", made
    )
    later, running = (node["id"] for node in found["pricePolicy"]["exceptions"]["nodes"])
    row = await listing(world, thing, None)
    await see(world, row, 85_000, NOW)
    assert await statuses(world) == []

    past = await world.do(Role.ADMIN, "priceExceptionEnd", ENDED, id=running, at=iso(NOW - DAY))
    assert [(e["code"], e["field"]) for e in past["userErrors"]] == [("OUT_OF_RANGE", ["at"])]
    ended = await world.do(Role.ADMIN, "priceExceptionEnd", ENDED, id=running, at=iso(NOW + DAY))
    shown = {node["id"]: node["endedAt"] for node in ended["pricePolicy"]["exceptions"]["nodes"]}
    assert shown == {running: iso(NOW + DAY), later: None}
    again = await world.do(Role.ADMIN, "priceExceptionEnd", ENDED, id=running)
    assert [(e["code"], e["field"]) for e in again["userErrors"]] == [("INVALID", ["id"])]
    never = await world.do(Role.ADMIN, "priceExceptionEnd", ENDED, id=later)
    assert never["userErrors"] == []

    await see(world, row, 86_000, NOW + DAY - timedelta(seconds=1))
    assert await statuses(world) == [], "until then it spares"
    await see(world, row, 87_000, NOW + DAY)
    assert await statuses(world) == [("OPEN", 1, 1)]
    await see(world, row, 88_000, NOW + 3 * DAY)
    assert await statuses(world) == [("OPEN", 1, 2)], "what was ended before it began never does"
    types = "SELECT count(*) FROM domain_event WHERE type = 'pricePolicy.exception_ended'"
    assert await world.rows(types) == [(2,)]


async def test_who_may_not_end_an_exception_and_what_is_not_there(world: World) -> None:
    thing = await sku(world)
    window = {"startsAt": iso(NOW - DAY), "endsAt": iso(NOW + 9 * DAY)}
    await policy(world, thing, exceptions=[window])
    ((id_,),) = await world.rows("SELECT id FROM price_exception")
    denied = await world.ask(
        Role.OPS, "mutation($i: PriceExceptionEndInput!) { priceExceptionEnd(input: $i) { userErrors { code } } }",
        {"i": {"id": world.id("PriceException", id_)}},
    )  # fmt: skip
    assert [each["extensions"]["code"] for each in denied["errors"]] == ["FORBIDDEN"]
    absent = await world.do(Role.ADMIN, "priceExceptionEnd", ENDED, id=world.id("PriceException", thing))
    assert [(e["code"], e["field"]) for e in absent["userErrors"]] == [("NOT_FOUND", ["id"])]
    assert await world.rows("SELECT count(*) FROM price_exception WHERE ended_at IS NOT NULL") == [(0,)]
