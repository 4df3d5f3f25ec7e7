"""The engine, step by step, on a clock that the test turns."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from souk.models import Batch
from souk.resolvers import batch as writes
from souk.resolvers.writing import locked
from souk.rules.actor import Role
from souk.rules.enums import BatchKind
from souk.worker.actions import SOURCES
from tests.worker import bench
from tests.worker.conftest import Make


async def test_every_item_is_done_once_and_the_batch_ends_with_a_report(make: Make) -> None:
    run = await make(bench.items(450))
    assert await run.step() == run.now
    run.now += timedelta(seconds=2)
    await run.to_end()
    row = await run.row()
    assert (row.status, row.total, row.succeeded, row.seq_head) == ("COMPLETED", 450, 450, 9)
    assert await run.effects() == [1] * 450
    assert run.seen == [200, 400, 450]
    assert row.impact == {"INR": 45_000}
    assert row.report == {
        "total": 450, "warnings": 0, "duration_ms": 2000, "per_second_tenths": 2250, "impact": {"INR": 45_000},
        "groups": [{"action": "IMPORT_ROW", "status": "SUCCEEDED", "outcome": "DONE", "error_code": None, "items": 450,
                    "warnings": 0}],
    }  # fmt: skip
    kinds = [event.kind for event in await run.events()]
    assert kinds == ["LOG", "STATE", "LOG", "STATE", "ITEMS", "ITEMS", "ITEMS", "LOG", "STATE"]
    await run.hold()
    tries = await run.world.rows("SELECT a.n, a.status, count(*) FROM batch_item_attempt a GROUP BY 1, 2")
    assert tries == [(1, "SUCCEEDED", 450)]
    asked = "SELECT acting_role, actor_id, subject_type, subject_id FROM audit_event WHERE op = 'batch:ITEMS'"
    assert await run.world.rows(asked) == [("SYSTEM", run.world.actor(Role.ADMIN).user_id, "Batch", run.id)] * 3
    assert await run.world.rows("SELECT * FROM souk.work WHERE ref = :id", id=run.id) == []


async def test_items_that_fail_leave_the_others_done(make: Make) -> None:
    run = await make(bench.items(30, n3="refuse", n17="skip", n20="sql"))
    await run.to_end()
    row = await run.row()
    assert (row.status, row.succeeded, row.failed, row.skipped) == ("COMPLETED_WITH_ERRORS", 27, 2, 1)
    assert await run.effects() == [0 if n in (3, 17, 20) else 1 for n in range(1, 31)]
    odd = await run.world.rows(
        "SELECT n, status, attempt, error_code, error_message FROM batch_item WHERE status <> 'SUCCEEDED' ORDER BY n"
    )
    assert odd == [
        (3, "FAILED", 1, "INVALID", "Not this one."),
        (17, "SKIPPED", 1, "DONE_BEFORE", "It was done before."),
        (20, "FAILED", 1, "INVALID", "The database refused the values of this item."),
    ]
    await run.hold()


async def test_a_failure_is_tried_again_with_growing_pauses_and_then_dead(make: Make) -> None:
    run = await make(bench.items(3, n1="break", n2=2))
    pauses, began = [], run.now
    while (due := await run.step(chance=0.5)) is not None:
        pauses.append((due - began).total_seconds())
        run.now = due
    # half of 10·2ⁿ seconds after each failed attempt
    assert pauses == [5.0, 15.0, 35.0, 75.0]
    found = await run.world.rows("SELECT n, status, attempt, error_code FROM batch_item ORDER BY n")
    assert found == [(1, "DEAD", 5, "INTERNAL"), (2, "SUCCEEDED", 3, None), (3, "SUCCEEDED", 1, None)]
    tries = await run.world.rows(
        "SELECT a.n, a.status FROM batch_item_attempt a JOIN batch_item i ON i.id = a.item_id WHERE i.n = 1 ORDER BY 1"
    )
    assert tries == [(1, "RETRY_WAIT"), (2, "RETRY_WAIT"), (3, "RETRY_WAIT"), (4, "RETRY_WAIT"), (5, "DEAD")]
    row = await run.row()
    assert (row.status, row.dead, row.succeeded, row.waiting) == ("COMPLETED_WITH_ERRORS", 1, 2, 0)
    assert await run.effects() == [0, 1, 1]
    await run.hold()


async def test_too_many_failures_stop_the_run(make: Make) -> None:
    run = await make(bench.items(60, **{f"n{n}": "refuse" for n in (2, 4, 6, 8, 10)}))
    assert await run.step(size=12) == run.now
    assert await run.step(size=12) is None
    row = await run.row()
    # 24 settled, 5 of them bad: 20.8 % of at least 20
    assert (row.status, row.succeeded, row.failed, row.pending) == ("FAILED", 19, 5, 36)
    assert row.status_reason == "more than failureThresholdPct failed"
    assert await run.step() is None
    assert (await run.row()).pending == 36
    await run.hold()


async def test_the_pace_is_exact_over_time_and_does_not_catch_up_after_a_pause(make: Make) -> None:
    run = await make(bench.items(60), pace=3)
    began, done = run.now, []
    while (run.now - began) < timedelta(seconds=10):
        due = await run.step()
        done.append(((run.now - began).total_seconds(), (await run.row()).succeeded))
        assert due is not None
        run.now = max(due, run.now) + timedelta(milliseconds=40)  # a worker is always a little late
    assert all(count <= seconds * 3 + 1 for seconds, count in done)
    assert done[-1][1] == 30
    run.now += timedelta(minutes=5)
    before = (await run.row()).succeeded
    await run.step()
    assert (await run.row()).succeeded == before + 1
    await run.hold()


async def test_pause_resume_and_cancel(make: Make) -> None:
    run, who = await make(bench.items(50)), Role.ADMIN
    world = run.world
    key = {"idempotency_key": "0123456789abcdef"}
    await run.step(size=10)
    async with world.souk.app.transaction(world.actor(who), "batchPause", now=run.now) as tx:
        await writes.batch_pause(tx, writes.BatchPauseInput(id=world.id("Batch", run.id), reason="Lunch.", **key))
    assert await world.rows("SELECT * FROM souk.work WHERE ref = :id", id=run.id) == []
    assert await run.step() is None
    assert ((await run.row()).status, (await run.row()).succeeded) == ("PAUSED", 10)
    async with world.souk.app.transaction(world.actor(who), "batchResume", now=run.now) as tx:
        await writes.batch_resume(tx, writes.BatchResumeInput(id=world.id("Batch", run.id), **key))
    await run.step(size=10)
    async with world.souk.app.transaction(world.actor(who), "batchCancel", now=run.now) as tx:
        await writes.batch_cancel(tx, writes.BatchCancelInput(id=world.id("Batch", run.id), reason="Enough.", **key))
    row = await run.row()
    assert (row.status, row.succeeded, row.cancelled, row.pending) == ("CANCELLING", 20, 30, 0)
    assert await run.step() is None
    row = await run.row()
    assert (row.status, row.status_reason, row.report["total"]) == ("CANCELLED", "Enough.", 50)
    assert await run.effects() == [1] * 20 + [0] * 30
    moves = [(e.from_status, e.to_status) for e in await run.events() if e.kind == "STATE"]
    assert moves == [
        (None, "READY"), ("READY", "RUNNING"), ("RUNNING", "PAUSED"), ("PAUSED", "RUNNING"), ("RUNNING", "CANCELLING"),
        ("CANCELLING", "CANCELLED"),
    ]  # fmt: skip
    await run.hold()


async def test_who_lost_the_permission_acts_no_more(make: Make) -> None:
    run = await make(bench.items(20))
    await run.step(size=5)
    user = run.world.actor(Role.ADMIN).user_id
    async with run.world.souk.app.transaction(run.world.actor(Role.OWNER), "test", now=run.now) as tx:
        batch = await locked(tx, Batch, run.id, None)
        await tx.session.execute(text("UPDATE membership SET ended_at = now() WHERE user_id = :u"), {"u": user})
        tx.emit("test.changed", batch)
    await run.to_end()
    row = await run.row()
    assert (row.status, row.succeeded, row.skipped) == ("COMPLETED", 5, 15)
    assert await run.effects() == [1] * 5 + [0] * 15
    codes = await run.world.rows("SELECT DISTINCT error_code FROM batch_item WHERE status = 'SKIPPED'")
    assert codes == [("FORBIDDEN",)]


@pytest.mark.parametrize(("said", "there"), [(100, 100), (100, 130), (100, 70)])
async def test_a_streamed_selection_is_read_on_from_where_it_was(make: Make, said: int, there: int) -> None:
    run = await make([], said=said, rows=there)
    SOURCES[BatchKind.CREDIT_GRANT] = bench.Rows()
    await run.to_end(size=40)
    row = await run.row()
    assert (row.status, row.total, row.succeeded, row.cursor) == ("COMPLETED", there, there, {"at": there})
    assert await run.effects() == [1] * there
    await run.hold()
