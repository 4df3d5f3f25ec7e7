"""An alert that is put off: for thirty days at most, until its time or a price further past the policy."""

from datetime import timedelta
from typing import Any

import pytest

from souk.resolvers import observation
from souk.resolvers.alert import alert_wake
from souk.rules.actor import Role
from souk.worker.due import TIMERS
from tests.resolvers.margin import alerts, at, iso, policy, report, sku, statuses
from tests.world import NOW, World

DAY = timedelta(days=1)
SELECTION = "alert { status version snoozedUntil availableTransitions { to mutation } }"


async def raised(world: World, kind: str = "MAP", price: int = 90_000) -> tuple[Any, dict[str, Any]]:
    thing = await sku(world)
    await policy(world, thing, kind=kind)
    await report(world, thing, price, NOW)
    [alert] = await alerts(world)
    return thing, alert


async def snooze(world: World, alert: dict[str, Any], who: Role = Role.OPS, **given: Any) -> dict[str, Any]:
    given = {"until": iso(NOW + 7 * DAY), "expectedVersion": alert["version"], **given}
    return await world.do(who, "alertSnooze", SELECTION, id=alert["id"], **given)


async def due(world: World) -> list[Any]:
    found = await world.rows(
        "SELECT due_at FROM souk.work WHERE tenant_id = :t AND kind = 'alert.snooze'", t=world.tenant_id
    )
    return [when for (when,) in found]


async def test_an_alert_sleeps_until_its_time(world: World) -> None:
    _, alert = await raised(world)
    done = await snooze(world, alert, reason="The dealer is away.")
    assert done == {
        "alert": {
            "status": "SNOOZED", "version": alert["version"] + 1, "snoozedUntil": iso(NOW + 7 * DAY),
            "availableTransitions": [{"to": "OPEN", "mutation": "alertTransition"}],
        },
        "userErrors": [],
    }  # fmt: skip
    assert await due(world) == [NOW + 7 * DAY]
    assert TIMERS[observation.SNOOZE] is alert_wake
    [(id_,)] = await world.rows("SELECT id FROM alert")
    async with at(world, NOW + 7 * DAY - timedelta(seconds=1)) as tx:
        assert await alert_wake(tx, id_) is None
    assert await statuses(world) == [("SNOOZED", 1, 1)]
    async with at(world, NOW + 7 * DAY) as tx:
        assert await alert_wake(tx, id_) is not None
    async with at(world, NOW + 7 * DAY) as tx:
        assert await alert_wake(tx, id_) is None  # once
    assert await world.rows("SELECT status, snoozed_until, snoozed_price_minor FROM alert") == [("OPEN", None, None)]
    told = "SELECT type, reason, data ->> 'until' FROM domain_event WHERE subject_type = 'Alert' ORDER BY seq"
    until = (NOW + 7 * DAY).isoformat()
    assert (await world.rows(told))[1:] == [
        ("alert.snoozed", "The dealer is away.", until),
        ("alert.woken", None, None),
    ]


@pytest.mark.parametrize(
    ("kind", "first", "nearer", "further"),
    [("MAP", 90_000, 95_000, 89_999), ("MRP_CEILING", 110_000, 105_000, 110_001)],
)
async def test_only_a_price_further_past_the_policy_wakes_it(
    world: World, kind: str, first: int, nearer: int, further: int
) -> None:
    thing, alert = await raised(world, kind, first)
    await snooze(world, alert)
    await report(world, thing, nearer, NOW + DAY)
    await report(world, thing, first, NOW + 2 * DAY)  # as far as when it was put off, though further than the last
    assert await statuses(world) == [("SNOOZED", 1, 3)]
    await report(world, thing, further, NOW + 3 * DAY)
    assert await statuses(world) == [("OPEN", 1, 4)]
    assert await due(world) == []
    types = (
        "SELECT type, from_status, to_status FROM domain_event WHERE subject_type = 'Alert' ORDER BY seq DESC LIMIT 2"
    )
    assert await world.rows(types) == [("alert.woken", "SNOOZED", "OPEN"), ("alert.repeated", None, None)]


async def test_a_cure_or_a_hand_ends_the_sleep(world: World) -> None:
    thing, alert = await raised(world)
    slept = (await snooze(world, alert))["alert"]
    woken = await world.do(
        Role.OPS, "alertTransition", SELECTION, id=alert["id"], to="OPEN", expectedVersion=slept["version"]
    )
    assert (woken["alert"]["status"], woken["alert"]["snoozedUntil"], await due(world)) == ("OPEN", None, [])
    await snooze(world, alert | {"version": woken["alert"]["version"]})
    await report(world, thing, 100_000, NOW + DAY)
    assert await statuses(world) == [("RESOLVED", 1, 2)]
    assert (await due(world), await world.rows("SELECT snoozed_until FROM alert")) == ([], [(None,)])


async def test_what_is_refused_changes_nothing(world: World) -> None:
    _, alert = await raised(world)
    before = await world.rows("SELECT * FROM alert")
    for until, refused in (
        (NOW, ("OUT_OF_RANGE", ["until"])),
        (NOW + 30 * DAY + timedelta(seconds=1), ("OUT_OF_RANGE", ["until"])),
    ):
        payload = await snooze(world, alert, until=iso(until))
        assert [(e["code"], e["field"]) for e in payload["userErrors"]] == [refused]
    stale = await snooze(world, alert, expectedVersion=99)
    assert [e["code"] for e in stale["userErrors"]] == ["STALE_VERSION"]
    document = "mutation($i: AlertSnoozeInput!) { alertSnooze(input: $i) { alert { id } } }"
    given = {"id": alert["id"], "until": iso(NOW + DAY), "expectedVersion": alert["version"]}
    for role in (Role.SALES, Role.VIEWER, Role.AGENT, Role.DEALER, Role.CUSTOMER, Role.PUBLIC):
        answer = await world.ask(role, document, {"i": given})
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"alertSnooze": None}, "FORBIDDEN")
    assert (await world.rows("SELECT * FROM alert"), await due(world)) == (before, [])
    assert (await snooze(world, alert, until=iso(NOW + 30 * DAY)))["userErrors"] == []
    again = await snooze(world, alert, expectedVersion=alert["version"] + 1)
    assert [e["code"] for e in again["userErrors"]] == ["INVALID_TRANSITION"]
