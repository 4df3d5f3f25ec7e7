"""A draft tried on what was seen; today's policies give what history has."""

import random
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from souk.rules.actor import Role
from tests.resolvers.margin import iso, policy, report, sku
from tests.world import NOW, World, make_world

DAY = timedelta(days=1)
COUNTS = "{ observations breaches alerts cycles skus dealers competitors atRisk { amount currencyCode } open openAtRisk { amount } }"
ASK = f"""query($d: PricePolicyDraft!, $r: TimeRange) {{
  pricePolicySimulate(draft: $d, range: $r) {{ draft {COUNTS} today {COUNTS} }} }}"""


async def ask(world: World, days: int = 100, role: Role = Role.ADMIN, **draft: Any) -> list[dict[str, Any]]:
    draft = {"kind": "MAP", "currencyCode": "INR", **draft}
    between = {"from": iso(NOW - days * DAY), "to": iso(NOW + 100 * DAY)}
    found = await world.data(role, ASK, {"d": draft, "r": between})
    return [found["pricePolicySimulate"][by] for by in ("draft", "today")]


def inr(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "INR"}


async def test_a_draft_counts_what_it_would_have_raised_beside_today(world: World) -> None:
    thing, other = await sku(world), await sku(world, "S-2")
    await world.rows("UPDATE sku SET mrp_minor = 100000 WHERE id = :id RETURNING 1", id=thing)
    await policy(world, thing, "900.00")
    for day, price in [(1, 95_000), (2, 85_000), (3, 99_000), (4, 94_000), (40, 80_000)]:
        await report(world, thing, price, NOW + day * DAY)
    await report(world, other, 1_000, NOW + DAY)
    await report(world, thing, 70_000, NOW + 41 * DAY, dealer_id=world.other_dealer)
    drafted, today = await ask(world, amount=inr("950.00"), skuId=world.id("Sku", thing))
    assert drafted == {
        "observations": 6, "breaches": 4, "alerts": 2, "cycles": 3, "skus": 1, "dealers": 2, "competitors": 0,
        "atRisk": inr("510.00"), "open": 2, "openAtRisk": {"amount": "400.00"},
    }  # fmt: skip
    assert today == {
        "observations": 6, "breaches": 3, "alerts": 3, "cycles": 3, "skus": 1, "dealers": 2, "competitors": 0,
        "atRisk": inr("350.00"), "open": 2, "openAtRisk": {"amount": "300.00"},
    }  # fmt: skip
    shared, _ = await ask(world, mrpBp=9500)
    assert shared == drafted, "95 % of an MRP of 1,000.00; what has none has no limit"
    tolerant, _ = await ask(world, amount=inr("950.00"), toleranceBp=1_000, tolerance=inr("100.00"))
    assert (tolerant["breaches"], tolerant["observations"]) == (3, 7), "850.00 lies exactly at the tolerance"
    early, _ = await ask(world, days=-40, amount=inr("950.00"), skuId=world.id("Sku", thing))
    assert early["observations"] == 2


async def test_a_sku_of_another_tenant_is_one_that_nobody_has(world: World) -> None:
    other = await make_world(world.souk)
    theirs = await sku(other)
    await policy(other, theirs, "900.00")
    await report(other, theirs, 80_000, NOW + DAY)
    mine = await ask(other, amount=inr("950.00"), skuId=other.id("Sku", theirs))
    assert [each["breaches"] for each in mine] == [1, 1]
    for id_ in (theirs, uuid4()):
        found = await ask(world, amount=inr("950.00"), skuId=world.id("Sku", id_))
        assert [(each["observations"], each["skus"]) for each in found] == [(0, 0), (0, 0)]


@pytest.mark.parametrize("seed", range(3))
async def test_todays_policies_over_the_past_are_history(world: World, seed: int) -> None:
    """Random prices, versions, exceptions and sellers: the same breaches, alerts, cycles and open ones as there are."""
    chance, things = random.Random(seed), [await sku(world, f"S-{n}") for n in range(3)]
    for thing in things:
        window = {"startsAt": iso(NOW + 10 * DAY), "endsAt": iso(NOW + 20 * DAY)}
        amounts: list[dict[str, Any]] = [
            {},
            {"amount": inr("850.00")},
            {"dealerIds": [world.id("Dealer", world.dealer)]},
        ]
        made = await policy(
            world, thing, exceptions=[{**window, **chance.choice(amounts)}], toleranceBp=chance.choice([0, 150])
        )
        changed = await world.do(
            Role.ADMIN, "pricePolicyUpdate", "pricePolicy { id }", id=made["id"], expectedVersion=1, amount=inr("920.00"),
            validFrom=iso(NOW + 30 * DAY), validTo=iso(NOW + chance.choice([60, 90]) * DAY),
        )  # fmt: skip
        assert changed["userErrors"] == []
    for hour in range(60):
        at = NOW + chance.randrange(0, 2) * timedelta(hours=1) + hour * 37 * timedelta(hours=1)
        seller = {"dealer_id": chance.choice([world.dealer, world.other_dealer])}
        await report(world, chance.choice(things), chance.choice([84_000, 91_000, 99_000, 100_000]), at, **seller)
    _, today = await ask(world, amount=inr("1.00"))
    ((alerts, cycles, live, gap),) = await world.rows(
        "SELECT count(*), sum(cycle), count(*) FILTER (WHERE status = 'OPEN'),"
        " coalesce(sum(policy_minor - price_minor) FILTER (WHERE status = 'OPEN'), 0) FROM alert"
    )
    evidence = "SELECT count(*) FROM evidence_snapshot e JOIN alert a ON a.id = e.alert_id"
    cures = "SELECT count(*) FROM domain_event WHERE type = 'alert.resolved'"
    ((seen,),), ((cured,),) = await world.rows(evidence), await world.rows(cures)
    assert (today["alerts"], today["cycles"], today["open"]) == (alerts, int(cycles), live)
    assert today["breaches"] == seen - cured
    assert today["openAtRisk"] == {"amount": f"{int(gap) / 100:.2f}"}


async def test_only_who_writes_policies_simulates_and_a_draft_says_one_thing(world: World) -> None:
    draft = {"kind": "MAP", "currencyCode": "INR", "amount": inr("1.00")}
    for role in (Role.OPS, Role.VIEWER, Role.DEALER, Role.PUBLIC):
        refused = await world.ask(role, ASK, {"d": draft})
        assert refused["data"] == {"pricePolicySimulate": None}
        assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    for wrong in ({"amount": None}, {"mrpBp": 9_000}):
        answer = await world.ask(Role.ADMIN, ASK, {"d": draft | wrong}, executor="A draft has either")
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    drafted = (await world.data(Role.ADMIN, ASK, {"d": draft}))["pricePolicySimulate"]["draft"]
    assert (drafted["observations"], drafted["atRisk"]) == (0, inr("0.00"))
