"""What a rollback leaves, what comes with an enforcement and goes with it, and what is tried again."""

import json
from datetime import timedelta

import pytest

from souk.db.session import Database
from souk.rules.actor import Role
from tests.resolvers.ladder import AHEAD, BATCH, PASSED, Ladder, outcomes
from tests.worker.conftest import worker_db
from tests.world import World

__all__ = ["worker_db"]


@pytest.fixture
def ladder(world: World, worker_db: Database) -> Ladder:
    return Ladder(world, worker_db)


# What has moved since ---------------------------------------------------------------------------------------------------


async def test_what_moved_since_is_not_undone_and_the_rest_is(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.other_dealer)
    id_ = await ladder.run()
    await ladder.on("WATCH", 0)  # somebody set it by hand
    batch = await ladder.back(id_)
    assert (batch["status"], outcomes(batch)) == (
        "COMPLETED_WITH_ERRORS", [("COMPENSATION_FAILED", "WARNED", "FORBIDDEN"), ("COMPENSATED", "WARNED", None)],
    )  # fmt: skip
    (node, _) = batch["items"]["nodes"]
    assert node["errorMessage"] == "It changed since: standing: WARNED → WATCH, notice: 1 → 0."
    assert (batch["counts"]["failed"], batch["counts"]["compensated"]) == (1, 1)
    assert await world.rows("SELECT standing, notice FROM dealer ORDER BY name") == [("WATCH", 0), ("WATCH", 0)]
    # once it is again as the batch left it, what is left is undone, too
    await ladder.on("WARNED", 1, AHEAD)
    batch = await ladder.back(id_)
    assert (batch["status"], [status for status, _, _ in outcomes(batch)]) == ("ROLLED_BACK", ["COMPENSATED"] * 2)
    assert [len(node["attempts"]) for node in batch["items"]["nodes"]] == [3, 2]


async def test_a_rollback_comes_within_its_hours_and_only_once(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    id_ = await ladder.run()
    await world.set(rollback_hours=2)
    world.now += timedelta(hours=2, seconds=1)
    late = await ladder.act(Role.OPS, "batchRollback", id_)
    assert [(e["code"], e["message"]) for e in late["userErrors"]] == [("INVALID_TRANSITION", "It ended more than 2 hours ago.")]  # fmt: skip
    assert (await ladder.dealer())[:2] == ("WARNED", 1)
    world.now -= timedelta(seconds=1)
    await ladder.back(id_)
    again = await ladder.act(Role.OPS, "batchRollback", id_)
    assert [e["code"] for e in again["userErrors"]] == ["INVALID_TRANSITION"]
    assert len(await ladder.letters()) == 2


@pytest.mark.parametrize("role", [Role.DEALER, Role.CUSTOMER, Role.AGENT])
async def test_who_may_not_takes_nothing_back(ladder: Ladder, role: Role) -> None:
    await ladder.breach(ladder.world.dealer)
    id_ = await ladder.run()
    for mutation in ("batchRollback", "batchRetryFailed"):
        refused = await ladder.act(role, mutation, id_)
        assert (refused["batch"], [e["code"] for e in refused["userErrors"]]) == (None, ["NOT_FOUND"])
    assert await ladder.world.rows("SELECT status FROM batch") == [("COMPLETED",)]


# With the batch -----------------------------------------------------------------------------------------------------------


async def test_a_batch_brings_a_task_for_each_dealer_and_a_cancellation_calls_them_off(ladder: Ladder) -> None:
    world = ladder.world
    for dealer in (world.dealer, world.dealer, world.other_dealer):
        await ladder.breach(dealer)
    preview = await ladder.foreseen()
    made = await world.do(
        Role.OPS, "batchCreate", "batch { id tasks { nodes { kind status title dueAt dealer { name } } } }",
        previewId=preview["id"], idempotencyKey=world.key(),
    )  # fmt: skip
    assert sorted(made["batch"]["tasks"]["nodes"], key=json.dumps) == [
        {"kind": "FOLLOW_UP", "status": "TODO", "title": f"Follow up with {name}", "dueAt": "2026-11-25T09:00:00Z", "dealer": {"name": name}}
        for name in ("First Motors", "Second Motors")
    ]  # fmt: skip
    await ladder.act(Role.OPS, "batchStart", made["batch"]["id"])
    await ladder.act(Role.OPS, "batchCancel", made["batch"]["id"])
    assert await world.rows("SELECT DISTINCT status, note FROM task") == [("CANCELLED", "The batch was cancelled.")]
    await ladder.to_rest(made["batch"]["id"])
    assert await world.rows("SELECT DISTINCT standing FROM dealer") == [("WATCH",)]
    assert await ladder.letters() == []


async def test_what_was_refused_is_tried_again_as_things_are_now(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.other_dealer)
    await ladder.on("GOOD")
    id_ = await ladder.run("SEND_WARNING")
    await ladder.on("WATCH")
    payload = await ladder.act(Role.OPS, "batchRetryFailed", id_)
    assert payload["batch"]["counts"] == {"total": 2, "pending": 1, "succeeded": 1, "failed": 0, "skipped": 0, "cancelled": 0}  # fmt: skip
    await ladder.to_rest(id_)
    batch = (await world.data(Role.OPS, BATCH, {"id": id_}))["batch"]
    assert (batch["status"], outcomes(batch)) == ("COMPLETED", [("SUCCEEDED", "WARNED", None)] * 2)
    assert [node["attempts"] for node in batch["items"]["nodes"]] == [
        [{"n": 1, "status": "FAILED"}, {"n": 2, "status": "SUCCEEDED"}], [{"n": 1, "status": "SUCCEEDED"}],
    ]  # fmt: skip
    assert await world.rows("SELECT DISTINCT standing, notice FROM dealer") == [("WARNED", 1)]
    none = await ladder.act(Role.OPS, "batchRetryFailed", id_)
    assert [e["code"] for e in none["userErrors"]] == ["INVALID_TRANSITION"]


async def test_too_many_refusals_stop_an_enforcement(ladder: Ladder) -> None:
    world = ladder.world
    await world.set(failure_threshold_min=4, failure_threshold_pct=50)
    for _ in range(6):
        await ladder.breach(world.dealer)
    await ladder.on("GOOD")
    preview = await ladder.foreseen("SEND_WARNING")
    made = await world.do(Role.OPS, "batchCreate", "batch { id }", previewId=preview["id"], idempotencyKey=world.key())
    await ladder.act(Role.OPS, "batchStart", made["batch"]["id"])
    await ladder.to_rest(made["batch"]["id"], size=2)
    (row,) = await world.rows("SELECT status, failed, pending, status_reason FROM batch")
    assert tuple(row) == ("FAILED", 4, 2, "more than failureThresholdPct failed")
    # what it did not come to goes on with a retry
    await ladder.on("WATCH")
    await ladder.act(Role.OPS, "batchRetryFailed", made["batch"]["id"])
    await ladder.to_rest(made["batch"]["id"])
    assert await world.rows("SELECT status, succeeded FROM batch") == [("COMPLETED", 6)]


async def test_the_stream_tells_the_errors_of_items_and_the_money_so_far(ladder: Ladder) -> None:
    world = ladder.world
    await ladder.breach(world.dealer)
    await ladder.breach(world.other_dealer, impact=250_000)
    await ladder.on("GOOD")
    id_ = await ladder.run("SEND_WARNING")
    asked = """query($id: ID!) { batchEvents(batchId: $id, first: 100) { events { seq impactSoFar { amount currencyCode }
      counts { succeeded failed } ... on BatchItemsChanged { items { n status outcome errorCode } } } } }"""
    events = (await world.data(Role.OPS, asked, {"id": id_}))["batchEvents"]["events"]
    (settled,) = [event for event in events if event.get("items")]
    assert settled["items"] == [
        {"n": 1, "status": "FAILED", "outcome": None, "errorCode": "INVALID_TRANSITION"},
        {"n": 2, "status": "SUCCEEDED", "outcome": "WARNED", "errorCode": None},
    ]
    money = [{"amount": "2500.00", "currencyCode": "INR"}]
    assert (settled["impactSoFar"], settled["counts"]) == (money, {"succeeded": 1, "failed": 1})
    assert [event["impactSoFar"] for event in events[:4]] == [[]] * 4
    await ladder.back(id_)
    events = (await world.data(Role.OPS, asked, {"id": id_}))["batchEvents"]["events"]
    assert events[-1]["impactSoFar"] == [{"amount": "0.00", "currencyCode": "INR"}]


async def test_a_reinstated_dealer_lacks_what_it_lacked_before_it_was_suspended(ladder: Ladder) -> None:
    """By hand as by a rollback: the hold that came with the suspension ends, one that came by itself stays."""
    world = ladder.world
    await ladder.breach(world.dealer)
    await world.rows("UPDATE listing SET sku_id = NULL RETURNING 1")  # so that nobody looks at the price
    await ladder.run("HOLD_PAYOUTS")
    for standing, action in (("WARNED", "RESTRICT"), ("RESTRICTED", "SUSPEND")):
        await world.rows("UPDATE alert SET status = 'OPEN' RETURNING 1")
        if standing == "WARNED":
            await ladder.on(standing, 2, PASSED)
        await ladder.run(action)
    assert await ladder.lacks() == ["LEAD_UNLOCK", "LISTING_RESUME", "OFFER", "PAYOUT", "PAYOUT"]
    (row,) = await world.rows("SELECT version FROM dealer WHERE id = :id", id=world.dealer)
    done = await world.do(
        Role.OPS, "dealerReinstate", "dealer { standing }",
        id=world.id("Dealer", world.dealer), reason="They put it right.", expectedVersion=row.version,
    )  # fmt: skip
    assert done["dealer"] == {"standing": "RESTRICTED"}
    assert await ladder.lacks() == ["LEAD_UNLOCK", "LISTING_RESUME", "OFFER", "PAYOUT"]
    left = "SELECT i.action FROM dealer_restriction r JOIN batch_item i ON i.id = r.batch_item_id WHERE r.kind = 'PAYOUT' AND r.until IS NULL"
    assert await world.rows(left) == [("HOLD_PAYOUTS",)]
