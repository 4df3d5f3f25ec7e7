"""Dashboards: each number is what the list behind it gives, for everybody who may ask."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, get_named_type

from souk.models import Listing, Task, new_id
from souk.resolvers.evidence import Sale
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import EVERY_SCOPE, Bazaar, make_bazaar
from tests.resolvers.margin import iso, policy, report, sku
from tests.world import NOW, Souk, World

WEEK = {"from": iso(NOW - timedelta(days=7)), "to": iso(NOW + timedelta(hours=1))}
NUMBER = (
    "value amounts { amount currencyCode } list filter previous previousAmounts { amount currencyCode } previousFilter"
)
GROUP = "key value amounts { amount currencyCode } list filter"
POINT = f"from to {NUMBER}"
MONEY = {"ALERTS": "impact { atRisk { amount currencyCode } terms { name amount { amount currencyCode } } }",
         "OFFERS": "amount { amount currencyCode }"}  # fmt: skip
METRICS = [each.name for each in schema.get_type_by_name("DashboardMetric").values]  # type: ignore[union-attr]
COUNTERS = ("OWNER", "ADMIN", "OPS", "SALES", "VIEWER")


def fields(type_name: str) -> str:
    """Every number of a dashboard."""
    type_ = schema._schema.type_map[type_name]
    assert isinstance(type_, GraphQLObjectType)
    shown = {"DashboardNumber": NUMBER, "DashboardGroup": GROUP}
    return " ".join(
        f"{name} {{ {shown[get_named_type(each.type).name]} }}"
        for name, each in type_.fields.items()
        if get_named_type(each.type).name in shown
    )


SUMMARY = f"query($range: TimeRange, $zone: TimeZone) {{ board: dashboardSummary(range: $range, timeZone: $zone) {{ {fields('DashboardSummary')} }} }}"
OF_DEALER = f"query($range: TimeRange, $zone: TimeZone, $id: ID!) {{ board: dealerDashboard(dealerId: $id, range: $range, timeZone: $zone) {{ {fields('DealerDashboard')} }} }}"
SERIES = "query($metric: DashboardMetric!, $range: TimeRange, $bucket: DashboardBucket!, $zone: TimeZone, $compare: Boolean! = true)"
SERIES += f"{{ board: dashboardSummary {{ points: series(metric: $metric, range: $range, bucket: $bucket, timeZone: $zone, compare: $compare) {{ {POINT} }} }} }}"


@pytest_asyncio.fixture(scope="module")
async def bazaar(souk: Souk) -> AsyncIterator[Bazaar]:
    yield await make_bazaar(souk)


def money(row: dict[str, Any], of: str, name: str) -> list[dict[str, Any]]:
    """What a row of a list adds to the amounts of a number."""
    if of == "OFFERS":
        return [row["amount"]]
    if "Cured" in name or "CURED" in name:
        return [each["amount"] for each in row["impact"]["terms"] if each["name"] == "RECOVERED"]
    return list(row["impact"]["atRisk"])


def summed(amounts: list[dict[str, Any]]) -> dict[str, Decimal]:
    found: Counter[str] = Counter()
    for each in amounts:
        found[each["currencyCode"]] += Decimal(each["amount"])  # type: ignore[assignment]
    return {code: Decimal(each) for code, each in found.items() if each}


async def drilled(world: World, who: Actor, asked: list[tuple[str, str, Any, int, Any]]) -> None:
    """Ask each list with the filter of its number: `(name, list, filter, value, amounts)`."""
    heads, bodies, variables = [], [], {}
    for n, (_, of, filter, _, amounts) in enumerate(asked):
        type_ = of.capitalize().removesuffix("s").removesuffix("e" if of == "BATCHES" else "") + "Filter"
        heads.append(f"$f{n}: {type_}")
        nodes = f"nodes {{ {MONEY[of]} }}" if amounts and of in MONEY else ""
        bodies.append(f"r{n}: {of.lower()}(filter: $f{n}, first: 100) {{ totalCount {nodes} }}")
        variables[f"f{n}"] = filter
    document = f"query({', '.join(heads)}) {{ {' '.join(bodies)} }}"
    rows = json.loads((await world.souk.runner.answer(document, variables, None, world.context(who))).body)["data"]
    for n, (name, of, filter, value, amounts) in enumerate(asked):
        found = rows[f"r{n}"]
        assert found["totalCount"] == value, (name, filter)
        told = summed(amounts)
        assert told == summed([m for row in found.get("nodes", ()) for m in money(row, of, name)]), (name, filter)


def numbers(board: dict[str, Any]) -> list[tuple[str, str, Any, int, Any]]:
    found = []
    for name, given in board.items():
        for each in given if isinstance(given, list) else [given]:
            if each is None:
                continue
            found.append((name, each["list"], each["filter"], each["value"], each["amounts"]))
            if each.get("previous") is not None:
                found.append((name, each["list"], each["previousFilter"], each["previous"], each["previousAmounts"]))
    return found


@pytest.mark.parametrize("role", [*COUNTERS, "SERVICE"])
async def test_each_number_is_what_its_list_gives_under_its_filter(bazaar: Bazaar, role: str) -> None:
    world, who = bazaar.world, bazaar.actors[Role[role]]
    board = (await world.data(who, SUMMARY, {"range": WEEK}))["board"]
    found = numbers(board)
    assert all(each is not None for each in board.values()) and len(found) > 30
    assert {name for name, _, _, value, _ in found if value} >= {
        "liveAlerts", "alertsBySeverity", "openTasks", "overdueTasks", "runningBatches", "activeListings", "openOffers",
        "openLeads", "breachingDealers", "listingsCreated",
    }  # fmt: skip
    await drilled(world, who, found)


async def test_a_number_is_one_row_without_its_sums_too(bazaar: Bazaar) -> None:
    """Asked for the filter alone, of money in no currency and in several."""
    world, long_ago = bazaar.world, {"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"}
    slim = SUMMARY.replace(NUMBER, "list filter previousFilter").replace(GROUP, "key list filter")
    for range, currencies in ((WEEK, 2), (long_ago, 0)):
        whole = (await world.data(Role.OPS, SUMMARY, {"range": range}))["board"]
        assert len(whole["offersCreated"]["amounts"]) == currencies
        found = (await world.data(Role.OPS, slim, {"range": range}))["board"]
        for name, each in found.items():
            asked = whole[name] if isinstance(each, list) else [whole[name]]
            given = each if isinstance(each, list) else [each]
            assert given == [{key: one[key] for key in given[0]} for one in asked], name


async def test_a_dealer_has_the_numbers_of_its_own_house_and_staff_has_them_of_each(bazaar: Bazaar) -> None:
    world = bazaar.world
    own, other = (world.id("Dealer", each) for each in (world.dealer, world.other_dealer))
    for who, dealer in ((bazaar.actors[Role.DEALER], own), (world.other_dealer_actor, other),
                        (bazaar.actors[Role.OPS], own), (bazaar.actors[Role.VIEWER], other)):  # fmt: skip
        answer = await world.ask(who, OF_DEALER, {"range": WEEK, "id": dealer})
        board, staff = answer["data"]["board"], who.role is not Role.DEALER
        refused = [(each["path"], each["extensions"]["code"]) for each in answer.get("errors", ())]
        assert refused == ([] if staff else [(["board", "openTasks"], "FORBIDDEN")])
        assert (board["openTasks"] is not None) is staff
        assert board["activeListings"]["value"] > 0 and board["activeListings"]["filter"]["dealerId"] == dealer
        await drilled(world, who, numbers(board))
    for who, dealer in ((bazaar.actors[Role.DEALER], other), (bazaar.actors[Role.OPS], world.id("Dealer", new_id())),
                        (bazaar.actors[Role.OPS], world.id("Sku", world.dealer))):  # fmt: skip
        assert await world.ask(who, OF_DEALER, {"range": WEEK, "id": dealer}) == {"data": {"board": None}}
    assert (await world.data(bazaar.actors[Role.DEALER], SUMMARY))["board"] is None, "the tenant's are not the dealer's"


async def test_who_may_not_read_dashboards_is_refused(bazaar: Bazaar) -> None:
    world = bazaar.world
    dealer = world.id("Dealer", world.dealer)
    for role in (Role.AGENT, Role.CUSTOMER, Role.PUBLIC):
        for document in (
            "{ x: dashboardSummary { liveAlerts { value } } }",
            f'{{ x: dealerDashboard(dealerId: "{dealer}") {{ openLeads {{ value }} }} }}',
            f'{{ x: dealerAnalytics(dealerId: "{dealer}", metric: LEADS_CREATED) {{ value }} }}',
        ):
            answer = await world.ask(bazaar.actors[role], document)
            assert answer["data"] == {"x": None} and answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    narrow = world.service("dashboard:read", "listing:read")
    answer = await world.ask(narrow, SUMMARY)
    board = answer["data"]["board"]
    assert board["activeListings"]["value"] > 0 and board["liveAlerts"] is None and board["alertsByKind"] is None
    assert {each["path"][1] for each in answer["errors"]} == {n for n, each in board.items() if each is None}
    given = {"metric": "ALERTS_OPENED", "bucket": "DAY"}
    assert (await world.data(narrow, SERIES, given))["board"]["points"] == []


@pytest.mark.parametrize("metric", METRICS)
async def test_each_point_is_what_its_list_gives_and_all_of_them_are_the_number(bazaar: Bazaar, metric: str) -> None:
    world, who = bazaar.world, bazaar.actors[Role.SERVICE]
    assert who.scopes == EVERY_SCOPE
    given = {"metric": metric, "range": WEEK, "bucket": "DAY", "zone": "Asia/Kolkata"}
    points = (await world.data(who, SERIES, given))["board"]["points"]
    assert [(points[0]["from"], points[-1]["to"], len(points))] == [(WEEK["from"], WEEK["to"], 8)]
    assert all(one["to"] == two["from"] for one, two in pairwise(points))
    assert all(each["from"].endswith("T18:30:00Z") for each in points[1:]), "midnight in Kolkata"
    await drilled(world, who, numbers({metric: points}))
    name = metric.split("_")[0].lower() + metric.split("_")[1].capitalize()
    if name != "tasksCreated":
        one = (await world.data(who, SUMMARY, {"range": WEEK, "zone": "Asia/Kolkata"}))["board"][name]
        assert (one["value"], one["previous"]) == tuple(sum(each[n] for each in points) for n in ("value", "previous"))


# Exact numbers ----------------------------------------------------------------------------------------------------


async def test_the_numbers_of_margin_defence(world: World) -> None:
    thing, second = await sku(world), await sku(world, "S-2")
    for each in (thing, second):
        await policy(world, each)
    sold = Sale(NOW - timedelta(days=3), 4, 80_000, "a-1")
    await report(world, thing, 80_000, NOW - timedelta(days=3), sold)
    await report(world, thing, 100_000, NOW - timedelta(days=2), Sale(NOW - timedelta(days=2), 5, 100_000, "a-2"))
    await report(world, thing, 90_000, NOW - timedelta(days=1))
    await report(world, second, 80_000, NOW - timedelta(days=6), Sale(NOW - timedelta(days=6), 1, 80_000, "b-1"))
    after = [Sale(NOW - timedelta(days=5), 6, 100_000, "b-2"), Sale(NOW - timedelta(days=5), 2, 92_000, "b-3")]
    await report(world, second, 100_000, NOW - timedelta(days=5), *after)
    await report(world, thing, 99_000, NOW, dealer_id=world.other_dealer)
    board = (await world.data(Role.OPS, SUMMARY, {"range": WEEK}))["board"]
    live = {each["key"]: each["value"] for each in board["alertsByStatus"]}
    assert (board["liveAlerts"]["value"], live) == (2, {"OPEN": 2})
    assert [(each["key"], each["value"]) for each in board["alertsByKind"]] == [("MAP_BREACH", 2)]
    assert (board["breachingDealers"]["value"], board["repeatOffenders"]["value"]) == (2, 1)
    assert board["repeatOffenders"]["filter"] == {"repeatOffender": True}
    assert (board["alertsOpened"]["value"], board["alertsOpened"]["previous"]) == (3, 0)
    cured = board["alertsCured"]
    assert (cured["value"], cured["amounts"]) == (1, [{"amount": "1440.00", "currencyCode": "INR"}]), (
        "6·200 + 2·(200 − 80)"
    )
    assert cured["filter"] == {"status": ["RESOLVED"], "resolvedSince": WEEK["from"], "resolvedBefore": WEEK["to"]}
    await drilled(world, world.actors[Role.OPS], numbers(board))


async def made_at(world: World, *moments: datetime) -> None:
    await world.add(
        *(Listing(id=new_id(), dealer_id=world.dealer, kind="PRODUCT", status="DRAFT", title="Thing", currency="PLN",
                  visibility="PUBLIC", created_at=at) for at in moments)
    )  # fmt: skip


async def points(world: World, since: datetime, before: datetime, **more: Any) -> list[tuple[Any, ...]]:
    given = {"metric": "LISTINGS_CREATED", "range": {"from": iso(since), "to": iso(before)}, "bucket": "DAY", **more}
    found = (await world.data(Role.OWNER, SERIES, given))["board"]["points"]
    return [(each["from"], each["to"], each["value"], each["previous"]) for each in found]


async def test_a_day_is_as_long_as_the_clocks_make_it(world: World) -> None:
    night = datetime(2026, 10, 23, 22, tzinfo=UTC)  # the 24th in Warsaw, of 24 hours; the 25th has 25
    await made_at(
        world, night, night + timedelta(hours=24), night + timedelta(hours=48, minutes=59), night + timedelta(hours=49),
        night - timedelta(hours=1), night - timedelta(hours=71, minutes=59), night - timedelta(hours=73),
    )  # fmt: skip
    found = await points(world, night, night + timedelta(hours=73), zone="Europe/Warsaw")
    assert found == [
        ("2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", 1, 1),
        ("2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", 2, 0),
        ("2026-10-25T23:00:00Z", "2026-10-26T23:00:00Z", 1, 1),
    ], "the three days before are three days of 24 hours"
    kolkata = await points(world, night, night + timedelta(hours=24))
    assert [each[:3] for each in kolkata] == [
        ("2026-10-23T22:00:00Z", "2026-10-24T18:30:00Z", 1), ("2026-10-24T18:30:00Z", "2026-10-24T22:00:00Z", 0),
    ], "the zone of the tenant, cut at the ends of the range"  # fmt: skip
    uncompared = await points(world, night, night + timedelta(hours=24), zone="Europe/Warsaw", compare=False)
    assert uncompared == [("2026-10-23T22:00:00Z", "2026-10-24T22:00:00Z", 1, None)]


async def test_a_week_begins_on_monday(world: World) -> None:
    thursday = datetime(2026, 12, 31, tzinfo=UTC)
    await made_at(world, thursday, thursday + timedelta(days=3, hours=23), thursday + timedelta(days=4))
    found = await points(world, thursday, thursday + timedelta(days=12), bucket="WEEK", zone="UTC")
    assert found == [
        ("2026-12-31T00:00:00Z", "2027-01-04T00:00:00Z", 2, 0),
        ("2027-01-04T00:00:00Z", "2027-01-11T00:00:00Z", 1, 0),
        ("2027-01-11T00:00:00Z", "2027-01-12T00:00:00Z", 0, 0),
    ]


async def test_without_a_range_it_is_thirty_days_with_today(world: World) -> None:
    asked = '{ dashboardSummary { from to timeZone series(metric: LISTINGS_CREATED) { from to } } dealerDashboard(dealerId: "%s") { from to dealer { name } } }'
    found = await world.data(Role.OWNER, asked % world.id("Dealer", world.dealer))
    board = found["dashboardSummary"]
    since, before = (datetime.fromisoformat(board[name]) for name in ("from", "to"))
    assert before - since == timedelta(days=30) and board["timeZone"] == "Asia/Kolkata"
    assert before - timedelta(days=1) <= datetime.now(UTC) < before and board["to"].endswith("T18:30:00Z")
    assert (len(board["series"]), board["series"][0]["from"], board["series"][-1]["to"]) == (
        30,
        board["from"],
        board["to"],
    )
    assert found["dealerDashboard"] == {"from": board["from"], "to": board["to"], "dealer": {"name": "First Motors"}}


@pytest.mark.parametrize(
    ("since", "before"), [(NOW, NOW), (NOW, NOW - timedelta(hours=1)), (NOW, NOW + timedelta(days=366, seconds=1))]
)
async def test_a_range_that_is_none_is_refused(world: World, since: datetime, before: datetime) -> None:
    range = {"from": iso(since), "to": iso(before)}
    literal = json.dumps(range).replace('"from"', "from").replace('"to"', "to")
    for document, variables in (
        (SUMMARY, {"range": range}),
        (f"{{ dashboardSummary(range: {literal}) {{ from }} }}", None),
    ):
        answer = await world.ask(Role.OWNER, document, variables, executor="A range")
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", answer


async def test_what_is_overdue_is_open_and_late(world: World) -> None:
    def task(status: str, due: datetime, **more: Any) -> Task:
        return Task(id=new_id(), kind="REVIEW", status=status, title="Look", due_at=due, due_order=due, **more)

    late, ahead = datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    rows = [task("TODO", late), task("BLOCKED", late), task("TODO", ahead), task("DONE", late, outcome="REFUSED")]
    await world.add(*rows)
    for wanted, expected in ((True, {0, 1}), (False, {2, 3})):
        found = await world.data(
            Role.SALES, "query($f: TaskFilter) { tasks(filter: $f) { nodes { id } } }", {"f": {"overdue": wanted}}
        )
        assert {each["id"] for each in found["tasks"]["nodes"]} == {world.id("Task", rows[n].id) for n in expected}
    board = (await world.data(Role.SALES, SUMMARY, {"range": WEEK}))["board"]
    assert (board["overdueTasks"]["value"], board["openTasks"]["value"]) == (2, 3)


async def test_the_analytics_of_a_dealer_are_its_series(bazaar: Bazaar) -> None:
    world, dealer = bazaar.world, bazaar.world.id("Dealer", bazaar.world.dealer)
    asked = f"query($id: ID!, $range: TimeRange) {{ dealerAnalytics(dealerId: $id, metric: LISTINGS_CREATED, range: $range, bucket: WEEK) {{ {POINT} }}"
    asked += f" dealerDashboard(dealerId: $id, range: $range) {{ series(metric: LISTINGS_CREATED, bucket: WEEK) {{ {POINT} }} }} }}"
    for who in (bazaar.actors[Role.DEALER], bazaar.actors[Role.SALES]):
        found = await world.data(who, asked, {"id": dealer, "range": WEEK})
        assert found["dealerAnalytics"] == found["dealerDashboard"]["series"] and found["dealerAnalytics"]
        assert sum(each["value"] for each in found["dealerAnalytics"]) > 0
        await drilled(world, who, numbers({"listings": found["dealerAnalytics"]}))
    none = await world.data(world.other_dealer_actor, asked, {"id": dealer, "range": WEEK})
    assert none == {"dealerAnalytics": [], "dealerDashboard": None}
