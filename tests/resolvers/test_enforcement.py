"""The ladder by batches: which step each alert comes to, what each step does, and how each is taken back."""

from datetime import datetime, timedelta

import pytest

from souk.db.session import Database
from souk.resolvers.kinds import Foreseen, Foresight
from souk.rules.actor import Role
from souk.rules.enums import BatchAction
from tests.resolvers import margin
from tests.resolvers.ladder import AHEAD, BATCH, PASSED, Ladder, outcomes
from tests.worker.conftest import worker_db
from tests.world import World

__all__ = ["worker_db"]


@pytest.fixture
def ladder(world: World, worker_db: Database) -> Ladder:
    return Ladder(world, worker_db)


# The step ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("standing", "notice", "due", "action", "actionable", "told"),
    [
        ("WATCH", 0, None, "SEND_WARNING", 1, []),
        ("WARNED", 1, PASSED, "SEND_WARNING", 1, []),
        ("WARNED", 2, PASSED, "RESTRICT", 1, []),
        ("RESTRICTED", 2, PASSED, "SUSPEND", 1, []),
        ("SUSPENDED", 2, PASSED, "CREATE_TASK", 1, []),
        ("WARNED", 1, AHEAD, "SEND_WARNING", 0, ["The dealer is WARNED: The time to cure of the first notice has not passed."]),
        ("GOOD", 0, None, "SEND_WARNING", 0, ["The dealer is GOOD: GOOD does not lead to WARNED."]),
    ],
)  # fmt: skip
async def test_a_plan_without_an_action_takes_the_step_that_the_facts_ask_for(
    ladder: Ladder, standing: str, notice: int, due: str | None, action: str, actionable: int, told: list[str]
) -> None:
    await ladder.breach(ladder.world.dealer)
    await ladder.on(standing, notice, due)
    preview = await ladder.foreseen()
    state = {"status": "OPEN", "cycle": 1}
    if action != "CREATE_TASK":
        state |= {"standing": standing, "notice": notice}
    assert preview["items"]["nodes"] == [
        {"action": action, "permitted": True, "state": state, "warnings": told, "impact": [{"amount": "1000.00"}], "cost": []}
    ]  # fmt: skip
    assert (preview["total"], preview["actionable"], preview["cost"]) == (1, actionable, [])


@pytest.mark.parametrize(
    ("standing", "notice", "due"),
    [("WATCH", 0, None), ("WARNED", 1, PASSED), ("WARNED", 1, AHEAD), ("WARNED", 2, PASSED), ("RESTRICTED", 2, PASSED), ("GOOD", 0, None)],
)  # fmt: skip
async def test_the_same_facts_lead_to_the_same_step_for_everybody(
    ladder: Ladder, standing: str, notice: int, due: str | None
) -> None:
    """Whoever the dealer is, whatever the breach is worth, however serious it is, and in whatever order they come."""
    world = ladder.world
    await ladder.breach(world.other_dealer, impact=1)
    await ladder.breach(world.dealer, impact=90_000_000)
    sql = (
        "UPDATE alert SET severity = 'CRITICAL', kind = 'MRP_FLOOR_BREACH', price_minor = 10 WHERE id = :id RETURNING 1"
    )
    await world.rows(sql, id=ladder.alerts[1])
    for dealer in (world.dealer, world.other_dealer):
        await ladder.on(standing, notice, due, dealer)
    one, two = [
        {name: node[name] for name in ("action", "state", "warnings")}
        for node in (await ladder.foreseen())["items"]["nodes"]
    ]
    assert one == two


async def test_what_dead_stock_costs_is_in_no_batch(ladder: Ladder) -> None:
    """Units, days and rate are known to all who see the alert; with the amount they would know what the SKU costs."""
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.dealer)
    sql = "UPDATE alert SET kind = 'DEAD_STOCK', dealer_id = NULL, listing_id = NULL WHERE id = :id RETURNING 1"
    await world.rows(sql, id=ladder.alerts[1])
    found = (await ladder.foreseen("CREATE_TASK"))["items"]["nodes"]
    assert [(each["action"], each["impact"]) for each in found] == [
        ("CREATE_TASK", [{"amount": "1000.00"}]), ("CREATE_TASK", [])
    ]  # fmt: skip
    id_ = await ladder.run("CREATE_TASK")
    document = (
        "query($id: ID!) { batch(id: $id) { impactSoFar { amount } items { nodes { status impact { amount } } } } }"
    )
    for role in (Role.OWNER, Role.SALES):
        assert (await world.data(role, document, {"id": id_}))["batch"] == {
            "impactSoFar": [{"amount": "1000.00"}],
            "items": {"nodes": [{"status": "SUCCEEDED", "impact": {"amount": "1000.00"}}, {"status": "SUCCEEDED", "impact": None}]},
        }  # fmt: skip


async def test_two_dealers_on_two_rungs_get_two_steps_in_one_batch(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.other_dealer)
    await ladder.breach(world.dealer)
    await ladder.on("WARNED", 2, PASSED)
    preview = await ladder.foreseen()
    assert [node["action"] for node in preview["items"]["nodes"]] == ["RESTRICT", "SEND_WARNING", "RESTRICT"]
    told = [node["warnings"] for node in preview["items"]["nodes"]]
    assert told == [[], [], ["Another alert of this dealer carries the restriction."]]
    id_ = await ladder.run()
    batch = (await world.data(Role.OPS, BATCH, {"id": id_}))["batch"]
    assert outcomes(batch) == [("SUCCEEDED", "RESTRICTED", None), ("SUCCEEDED", "WARNED", None), ("SUCCEEDED", "JOINED", None)]  # fmt: skip
    standings = await world.rows("SELECT standing, notice FROM dealer ORDER BY name")
    assert standings == [("RESTRICTED", 2), ("WARNED", 1)]
    item = await world.rows(
        "SELECT DISTINCT i.n FROM dealer_restriction r JOIN batch_item i ON i.id = r.batch_item_id WHERE until IS NULL"
    )
    assert item == [(1,)]


async def test_a_dealer_that_moved_since_refuses_the_start_or_is_skipped(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.other_dealer)
    await ladder.on("WARNED", 2, PASSED)
    preview = await ladder.foreseen()
    made = await world.do(Role.OPS, "batchCreate", "batch { id }", previewId=preview["id"], idempotencyKey=world.key())
    await ladder.on("RESTRICTED", 2, PASSED)
    document = """mutation($i: BatchStartInput!) { batchStart(input: $i) { batch { status counts { pending skipped } }
      userErrors { code ... on PreviewDrift { items { id field was now } } } } }"""
    asked = {"id": made["batch"]["id"], "idempotencyKey": world.key()}
    refused = (await world.data(Role.OPS, document, {"i": asked}))["batchStart"]
    drift = {"id": ladder.ids()[0], "field": "standing", "was": "WARNED", "now": "RESTRICTED"}
    assert refused == {"batch": None, "userErrors": [{"code": "PREVIEW_DRIFT", "items": [drift]}]}
    assert await world.rows("SELECT status FROM batch") == [("READY",)]
    started = (await world.data(Role.OPS, document, {"i": asked | {"allowDrift": "SKIP"}}))["batchStart"]
    assert started == {"batch": {"status": "RUNNING", "counts": {"pending": 1, "skipped": 1}}, "userErrors": []}
    await ladder.to_rest(asked["id"])
    batch = (await world.data(Role.OPS, BATCH, {"id": asked["id"]}))["batch"]
    assert outcomes(batch) == [("SKIPPED", None, "DRIFT"), ("SUCCEEDED", "WARNED", None)]
    assert ((await ladder.dealer())[0], await ladder.lacks()) == ("RESTRICTED", [])


async def test_the_hash_of_a_preview_is_of_selection_states_and_plan(ladder: Ladder) -> None:
    world = ladder.world
    alert = await ladder.breach(world.dealer)
    one, same = await ladder.foreseen("SEND_WARNING"), await ladder.foreseen("SEND_WARNING")
    state = {"status": "OPEN", "cycle": 1, "standing": "WATCH", "notice": 0}
    seen = Foresight(
        {"alertIds": [str(alert)]}, {"action": "SEND_WARNING", "reason": "Below the agreed price."},
        [Foreseen("Alert", alert, BatchAction.SEND_WARNING, state)],
    )  # fmt: skip
    assert one["previewHash"] == same["previewHash"] == seen.digest().hex()
    assert one["expiresAt"] == "2026-11-22T09:30:00Z"
    await ladder.on("WARNED", 1, PASSED)
    changed, ladder_plan = await ladder.foreseen("SEND_WARNING"), await ladder.foreseen()
    assert len({one["previewHash"], changed["previewHash"], ladder_plan["previewHash"]}) == 3


# Each act, and its way back ---------------------------------------------------------------------------------------------


async def test_a_second_notice_is_withdrawn_and_the_first_deadline_stands(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.on("WARNED", 1, PASSED)
    id_ = await ladder.run()
    sent = ladder.now
    assert await ladder.dealer() == ("WARNED", 2, sent + timedelta(hours=72))
    batch = await ladder.back(id_)
    assert (batch["status"], outcomes(batch)) == ("ROLLED_BACK", [("COMPENSATED", "WARNED", None)])
    assert await ladder.dealer() == ("WARNED", 1, datetime.fromisoformat(PASSED))
    assert await ladder.letters() == [
        "To First Motors: this is a second and last notice.",
        "To First Motors: what we wrote last about your prices is withdrawn. It counts no more, and what it took from you is yours again.",
    ]  # fmt: skip


async def test_a_first_notice_to_three_alerts_is_withdrawn_whole(ladder: Ladder) -> None:
    world = ladder.world
    for _ in range(3):
        await ladder.breach(world.dealer)
    id_ = await ladder.run()
    assert (await ladder.dealer())[:2] == ("WARNED", 1)
    batch = await ladder.back(id_)
    assert (batch["status"], batch["impactSoFar"]) == ("ROLLED_BACK", [{"amount": "0.00"}])
    counts = dict.fromkeys(("pending", "running", "waiting", "succeeded", "failed", "dead", "skipped", "cancelled"), 0)
    assert batch["counts"] == counts | {"total": 3, "compensated": 3}
    assert batch["report"]["groups"] == [
        {"action": "SEND_WARNING", "status": "COMPENSATED", "outcome": outcome, "errorCode": None, "items": n}
        for outcome, n in (("JOINED", 2), ("WARNED", 1))
    ]
    assert [node["attempts"] for node in batch["items"]["nodes"]] == [
        [{"n": 1, "status": "SUCCEEDED"}, {"n": 2, "status": "COMPENSATED"}]
    ] * 3  # fmt: skip
    assert await ladder.dealer() == ("WATCH", 0, None)
    alerts = await world.rows("SELECT DISTINCT status, cure_due_at, notice_sent_at FROM alert")
    assert alerts == [("INVESTIGATING", None, None)]
    assert await world.rows("SELECT * FROM souk.work WHERE kind = 'alert.cure' AND tenant_id = :t", t=world.tenant_id) == []  # fmt: skip
    assert len(await ladder.letters()) == 2  # one notice, one withdrawal
    events = await world.rows("SELECT seq FROM batch_event ORDER BY seq")
    assert [seq for (seq,) in events] == list(range(1, len(events) + 1))
    told = "SELECT from_status, to_status, reason FROM batch_event WHERE kind = 'STATE' ORDER BY seq"
    assert [tuple(row) for row in (await world.rows(told))[-2:]] == [
        ("COMPLETED", "ROLLING_BACK", "A mistake."), ("ROLLING_BACK", "ROLLED_BACK", "A mistake."),
    ]  # fmt: skip
    assert batch["availableTransitions"] == []


async def test_restricted_a_dealer_lacks_three_things_and_has_them_back(ladder: Ladder) -> None:
    await ladder.breach(ladder.world.dealer)
    await ladder.on("WARNED", 2, PASSED)
    id_ = await ladder.run("RESTRICT")
    assert (await ladder.dealer())[0] == "RESTRICTED"
    assert await ladder.lacks() == ["LEAD_UNLOCK", "LISTING_RESUME", "OFFER"]
    assert (await ladder.back(id_))["status"] == "ROLLED_BACK"
    assert await ladder.dealer() == ("WARNED", 2, datetime.fromisoformat(PASSED))
    assert await ladder.lacks() == []
    assert [words.partition(":")[2] for words in await ladder.letters()] == [
        " two notices have passed.",
        " what we wrote last about your prices is withdrawn. It counts no more, and what it took from you is yours again.",
    ]  # fmt: skip


async def test_suspended_its_listings_go_down_and_come_back_as_they_were(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.other_dealer)
    for _ in range(3):
        await ladder.breach(world.dealer)
    await world.rows("UPDATE listing SET sku_id = NULL RETURNING 1")  # so that nobody looks at the prices
    ladder.alerts = ladder.alerts[:1]
    for n, status in ((2, "PAUSED"), (3, "DRAFT")):
        await world.rows("UPDATE listing SET status = :s WHERE id = :id RETURNING 1", s=status, id=ladder.listings[n])
    given = {
        "id": world.id("Listing", ladder.listings[4]),
        "action": "SUSPEND",
        "reason": "Stolen.",
        "expectedVersion": 1,
    }
    await world.do(Role.OPS, "listingModerate", "listing { status }", **given)
    await ladder.on("RESTRICTED", 2, PASSED)
    id_ = await ladder.run()
    states = "SELECT status FROM listing ORDER BY array_position(CAST(:ids AS uuid[]), id)"

    async def listings() -> list[str]:
        return [status for (status,) in await world.rows(states, ids=ladder.listings)]

    assert (await ladder.dealer())[0] == "SUSPENDED"
    assert await listings() == ["SUSPENDED", "ACTIVE", "SUSPENDED", "DRAFT", "SUSPENDED"]
    assert await ladder.lacks() == ["PAYOUT"]
    assert (await ladder.back(id_))["status"] == "ROLLED_BACK"
    assert (await ladder.dealer())[0] == "RESTRICTED"
    assert await listings() == ["ACTIVE", "ACTIVE", "PAUSED", "DRAFT", "SUSPENDED"]
    assert await ladder.lacks() == []


@pytest.mark.parametrize(
    ("price", "alert", "standing"), [(90_000, "INVESTIGATING", "RESTRICTED"), (100_000, "RESOLVED", "WATCH")]
)
async def test_a_listing_that_comes_back_is_looked_at_again(
    ladder: Ladder, price: int, alert: str, standing: str
) -> None:
    world = ladder.world
    code = await margin.sku(world)
    await margin.policy(world, code)
    row = await margin.listing(world, code, 90_000)
    (raised,) = await margin.see(world, row, 90_000, world.now)
    ladder.alerts = [raised.id]
    await ladder.on("RESTRICTED", 2, PASSED)
    id_ = await ladder.run()
    assert await world.rows("SELECT status FROM listing") == [("SUSPENDED",)]
    await world.rows("UPDATE listing SET price_minor = :p, price_order = :p RETURNING 1", p=price)
    batch = await ladder.back(id_)
    assert (batch["status"], outcomes(batch)) == ("ROLLED_BACK", [("COMPENSATED", "SUSPENDED", None)])
    assert await world.rows("SELECT status FROM listing") == [("ACTIVE",)]
    assert await world.rows("SELECT status FROM alert") == [(alert,)]
    assert ((await ladder.dealer())[0], await ladder.lacks()) == (standing, [])


async def test_payouts_are_held_and_released_by_the_item_that_held_them(ladder: Ladder) -> None:
    await ladder.breach(ladder.world.dealer)
    first = await ladder.run("HOLD_PAYOUTS")
    assert ((await ladder.dealer())[0], await ladder.lacks()) == ("WATCH", ["PAYOUT"])
    await ladder.world.rows("UPDATE alert SET status = 'OPEN' RETURNING 1")
    await ladder.run("HOLD_PAYOUTS")
    assert await ladder.lacks() == ["PAYOUT", "PAYOUT"]
    await ladder.world.rows("UPDATE alert SET status = 'AWAITING_CURE' RETURNING 1")
    assert (await ladder.back(first))["status"] == "ROLLED_BACK"
    assert await ladder.lacks() == ["PAYOUT"]


async def test_a_listing_comes_back_and_a_task_is_called_off(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await world.rows("UPDATE listing SET status = 'PAUSED' RETURNING 1")
    id_ = await ladder.run("SUSPEND_LISTING")
    assert await world.rows("SELECT status FROM listing") == [("SUSPENDED",)]
    assert (await ladder.back(id_))["status"] == "ROLLED_BACK"
    assert await world.rows("SELECT status, status_before_suspension FROM listing") == [("PAUSED", None)]

    id_ = await ladder.run("CREATE_TASK")
    asked = "SELECT kind, status, title, due_at, alert_id, dealer_id, note FROM task WHERE kind = 'ENFORCE'"
    task = ("ENFORCE", "TODO", "Act on a breach: Below the agreed price.", ladder.now + timedelta(hours=72), ladder.alerts[0], world.dealer, None)  # fmt: skip
    assert await world.rows(asked) == [task]
    assert (await ladder.back(id_))["status"] == "ROLLED_BACK"
    assert await world.rows("SELECT status, note FROM task WHERE kind = 'ENFORCE'") == [("CANCELLED", "The batch was rolled back.")]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "standing", "notice", "due", "message"),
    [
        ("RESTRICT", "WARNED", 1, PASSED, "The second notice has not been given."),
        ("RESTRICT", "WARNED", 2, AHEAD, "The time to cure of the second notice has not passed."),
        ("RESTRICT", "WATCH", 0, None, "WATCH does not lead to RESTRICTED."),
        ("SUSPEND", "WARNED", 2, PASSED, "WARNED does not lead to SUSPENDED."),
    ],
)
async def test_a_step_that_is_not_due_is_foretold_and_refused(
    ladder: Ladder, action: str, standing: str, notice: int, due: str | None, message: str
) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.on(standing, notice, due)
    (item,) = (await ladder.foreseen(action))["items"]["nodes"]
    assert item["warnings"] == [f"The dealer is {standing}: {message}"]
    before = await ladder.dealer()
    id_ = await ladder.run(action)
    (node,) = (await world.data(Role.OPS, BATCH, {"id": id_}))["batch"]["items"]["nodes"]
    assert (node["status"], node["errorMessage"]) == ("FAILED", message)
    assert (await ladder.dealer(), await ladder.lacks(), await ladder.letters()) == (before, [], [])
    assert await world.rows("SELECT status FROM alert") == [("INVESTIGATING",)]
