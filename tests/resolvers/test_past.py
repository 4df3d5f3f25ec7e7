"""What was known of an alert at each time: its revisions, written by the database, and `asOf`."""

from datetime import timedelta
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from souk.resolvers.evidence import Sale
from souk.resolvers.impact import document, term_of
from souk.rules import impact
from souk.rules.actor import Role
from souk.rules.enums import PolicyKind
from tests.resolvers.margin import alerts, at, iso, policy, report, sku
from tests.world import NOW, World

DAY = timedelta(days=1)
SHOWN = """{ n status cycle severity score price { amount } limit { amount } createdAt
  impact { terms { name amount { amount } } atRisk { amount } } }"""
AS_OF = "query($id: ID!, $at: DateTime!) { alert(id: $id) { status asOf(at: $at) " + SHOWN + " } }"
ALL = "{ alerts { nodes { revisions(first: 10) { totalCount nodes { n status price { amount } createdAt } } } } }"


async def lived(world: World) -> dict[str, Any]:
    """Raised at 900.00, deeper with a sale a day later, acknowledged on the third, cured on the fourth."""
    thing = await sku(world)
    await policy(world, thing)
    await report(world, thing, 90_000, NOW)
    await report(world, thing, 80_000, NOW + DAY, Sale(NOW + DAY, 14, 80_000, "s-1"))
    [alert] = await alerts(world)
    world.now = NOW + 2 * DAY
    given = {"id": alert["id"], "to": "ACKNOWLEDGED", "expectedVersion": alert["version"]}
    assert (await world.do(Role.OPS, "alertTransition", "alert { id }", **given))["userErrors"] == []
    await report(world, thing, 100_000, NOW + 3 * DAY)
    return alert


async def test_as_of_tells_what_was_known_then(world: World) -> None:
    alert = await lived(world)

    async def known(when: Any) -> Any:
        found = await world.data(Role.VIEWER, AS_OF, {"id": alert["id"], "at": iso(when)})
        assert found["alert"]["status"] == "RESOLVED"  # beside it, what is known today
        return found["alert"]["asOf"]

    assert await known(NOW - timedelta(seconds=1)) is None
    first = await known(NOW)
    assert first == await known(NOW + DAY - timedelta(seconds=1))
    assert first == {
        "n": 1, "status": "OPEN", "cycle": 1, "severity": "LOW", "score": "13.3", "price": {"amount": "900.00"},
        "limit": {"amount": "1000.00"}, "createdAt": iso(NOW),
        "impact": {
            "terms": [
                {"name": "OBSERVED_LEAKAGE", "amount": {"amount": "0.00"}},
                {"name": "RUN_RATE_EXPOSURE", "amount": {"amount": "0.00"}},
                {"name": "CASCADE_EXPOSURE", "amount": {"amount": "0.00"}},
            ],
            "atRisk": [{"amount": "0.00"}],
        },
    }  # fmt: skip
    second = await known(NOW + DAY)
    # 14 units at 200.00 below; one a day, over thirty days
    assert [term["amount"]["amount"] for term in second["impact"]["terms"]] == ["2800.00", "6000.00", "0.00"]
    assert (second["n"], second["status"], second["price"]) == (2, "OPEN", {"amount": "800.00"})
    third = await known(NOW + 2 * DAY)
    assert (third["status"], third["impact"]) == ("ACKNOWLEDGED", second["impact"])
    last = await known(NOW + 9 * DAY)
    assert (last["n"], last["status"], last["impact"]["terms"][-1]["name"]) == (4, "RESOLVED", "RECOVERED")


async def test_each_change_is_a_revision_and_a_change_of_nothing_is_none(world: World) -> None:
    await lived(world)
    expected = [
        {"n": n, "status": status, "price": {"amount": price}, "createdAt": iso(NOW + (n - 1) * DAY)}
        for n, status, price in ((4, "RESOLVED", "800.00"), (3, "ACKNOWLEDGED", "800.00"), (2, "OPEN", "800.00"),
                                 (1, "OPEN", "900.00"))
    ]  # fmt: skip
    assert (await world.data(Role.OPS, ALL))["alerts"]["nodes"] == [{"revisions": {"totalCount": 4, "nodes": expected}}]
    await world.rows("UPDATE alert SET last_seen_at = last_seen_at + interval '1 day' RETURNING 1")
    assert await world.rows("SELECT count(*) FROM alert_revision") == [(4,)]


async def test_each_revision_of_a_breach_can_be_read(world: World) -> None:
    """What others sold is looked up after the alert is written: its first revision, of the same moment, has no terms yet."""
    thing = await sku(world)
    await policy(world, thing)
    sales = [Sale(NOW - k * DAY, 2, 85_000, f"s-{k}", dealer_id=world.other_dealer if k else None) for k in range(3)]
    await report(world, thing, 80_000, NOW, *sales)
    asked = '{ alerts { nodes { asOf(at: "2026-11-22T09:00:00Z") { n } revisions { nodes { n impact { terms { name } atRisk { amount } } } } } } }'
    [alert] = (await world.data(Role.OPS, asked))["alerts"]["nodes"]
    assert alert["asOf"] == {"n": 2}
    last, first = alert["revisions"]["nodes"]
    assert [each["name"] for each in last["impact"]["terms"]] == [
        "OBSERVED_LEAKAGE",
        "RUN_RATE_EXPOSURE",
        "CASCADE_EXPOSURE",
    ]
    assert first == {"n": 1, "impact": {"terms": [], "atRisk": [{"amount": "0.00"}]}}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE alert_revision SET price_minor = 1",
        "DELETE FROM alert_revision",
        "INSERT INTO alert_revision SELECT * FROM alert_revision",
    ],
)
async def test_the_application_cannot_touch_what_was(world: World, change: str) -> None:
    await lived(world)
    before = await world.rows("SELECT * FROM alert_revision ORDER BY n")
    with pytest.raises(DBAPIError, match="permission denied"):
        async with at(world, NOW) as tx:
            await tx.session.execute(text(change))
    assert await world.rows("SELECT * FROM alert_revision ORDER BY n") == before


async def test_a_dealer_sees_the_past_of_its_alert_after_the_notice_only(world: World) -> None:
    alert = await lived(world)
    node = "query($id: ID!) { node(id: $id) { __typename ... on AlertRevision { n } } }"
    [(id_,)] = await world.rows("SELECT id FROM alert_revision WHERE n = 2")
    revision = {"id": world.id("AlertRevision", id_)}
    asked = {"id": alert["id"], "at": iso(NOW)}
    assert await world.data(Role.DEALER, AS_OF, asked) == {"alert": None}
    assert await world.data(Role.DEALER, node, revision) == {"node": None}
    await world.rows("UPDATE alert SET notice_sent_at = :now RETURNING 1", now=NOW)
    assert (await world.data(Role.DEALER, AS_OF, asked))["alert"]["asOf"]["n"] == 1
    assert await world.data(Role.DEALER, node, revision) == {"node": {"__typename": "AlertRevision", "n": 2}}
    assert await world.data(world.other_dealer_actor, node, revision) == {"node": None}


async def test_repeat_offenders_are_found_the_gravest_first(world: World) -> None:
    things = [await sku(world, f"S-{n}") for n in range(3)]
    for n, thing in enumerate(things):
        await policy(world, thing)
        for day, price in ((0, 90_000), (1, 100_000), (2, 95_000 - n * 10_000))[: 3 if n else 1]:
            await report(world, thing, price, NOW + day * DAY)
    await report(world, things[1], 100_000, NOW + 3 * DAY)
    await report(world, things[1], 89_000, NOW + 4 * DAY)
    ask = "query($f: AlertFilter) { alerts(filter: $f, orderBy: SCORE) { nodes { sku { code } cycle score } } }"

    async def found(**given: Any) -> list[tuple[str, int]]:
        nodes = (await world.data(Role.OPS, ask, {"f": given}))["alerts"]["nodes"]
        scores = [float(node["score"]) for node in nodes]
        assert scores == sorted(scores, reverse=True)
        return [(node["sku"]["code"], node["cycle"]) for node in nodes]

    assert await found(repeatOffender=True) == [("S-2", 2), ("S-1", 3)]
    assert await found(repeatOffender=False) == [("S-0", 1)]
    assert await found(repeatOffenders=True) == await found(repeatOffender=True)
    assert await found(minCycle=3) == [("S-1", 3)]
    assert len(await found(minCycle=1)) == 3


KINDS = st.sampled_from(list(PolicyKind))
AMOUNTS = st.integers(1, 10**12)
ROWS = st.lists(st.tuples(st.integers(1, 1000), AMOUNTS), max_size=5)
RATES = st.fractions(0, 1000, max_denominator=365)


def past(kind: str, policy: int, price: int) -> int:
    return max(0, price - policy if kind == "MRP_CEILING" else policy - price)


def halves_up(value: Fraction) -> int:
    return floor(value + Fraction(1, 2))


@given(KINDS, AMOUNTS, AMOUNTS, ROWS, RATES, st.lists(RATES, max_size=4), st.integers(1, 365), st.integers(0, 10_000))
def test_each_amount_follows_from_the_inputs_that_are_shown(kind, policy, price, rows, rate, peers, days, bp) -> None:
    """By the formulas of the domain, from the texts a client reads and nothing else."""
    terms = impact.breach_terms(kind, policy, price, rows, rate, peers, horizon_days=days, cascade_bp=bp)
    for kept in document(terms, "INR")["terms"]:
        shown = {each["name"]: each["values"] for each in kept["inputs"]}
        one = {name: values[0] for name, values in shown.items() if len(values) == 1}
        limit = int(one["policyMinor"])
        match kept["name"]:
            case "OBSERVED_LEAKAGE":
                pairs = zip(shown["units"], shown["unitPriceMinor"], strict=True)
                amount = Fraction(sum(int(n) * past(one["kind"], limit, int(p)) for n, p in pairs))
            case "RUN_RATE_EXPOSURE":
                gap = past(one["kind"], limit, int(one["priceNowMinor"]))
                amount = Fraction(one["unitsPerDay"]) * gap * int(one["horizonDays"])
            case "CASCADE_EXPOSURE":
                gap = past(one["kind"], limit, int(one["priceNowMinor"]))
                sold = sum((Fraction(each) for each in shown["peerUnitsPerDay"]), Fraction(0))
                amount = sold * gap * int(one["horizonDays"]) * int(one["cascadeBp"]) / 10_000
        assert kept["amount"] == {"minor": halves_up(amount), "currency": "INR"}
        assert impact.recompute(term_of(kept)) == halves_up(amount)


async def test_alerts_that_one_statement_changes_have_each_their_own_next_revision(world: World) -> None:
    for code in ("S-1", "S-2", "S-3"):
        thing = await sku(world, code)
        await policy(world, thing)
        await report(world, thing, 90_000, NOW)
    first, second, third = sorted(row.id for row in await world.rows("SELECT id FROM alert"))
    async with world.souk.owner.transaction(world.actor(Role.OWNER), "test", now=NOW) as tx:
        change = "UPDATE alert SET score_tenths = score_tenths + CASE WHEN id = :kept THEN 0 ELSE 1 END"
        for kept in (third, first):
            await tx.session.execute(text(change), {"kept": kept})
    rows = await world.rows("SELECT alert_id, n, score_tenths FROM alert_revision ORDER BY alert_id, n")
    before = {row.alert_id: row.score_tenths for row in rows if row.n == 1}
    changes = {first: 1, second: 2, third: 1}
    assert [(row.alert_id, row.n, row.score_tenths - before[row.alert_id]) for row in rows] == [
        (id_, n + 1, n) for id_, times in changes.items() for n in range(times + 1)
    ]
