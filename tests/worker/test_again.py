"""A batch taken up again: dead letters, retries, and rollbacks that survive the death of their worker."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio

from souk.resolvers.kinds import KINDS
from souk.rules.actor import Role
from souk.rules.enums import BatchKind
from souk.worker.actions import SOURCES
from tests.worker import bench
from tests.worker.conftest import Make, Run
from tests.worker.test_process import Workers, at_work

Size = Callable[[Any, Any], Any]
DEAD = """query($filter: DeadLetterFilter) { deadLetters(filter: $filter) { totalCount
  nodes { id n status attempt errorCode errorMessage batch { id } availableTransitions { to mutation allowed } } } }"""


async def replay(run: Run, id_: str, who: Role = Role.ADMIN, reason: str = "The keys are back.") -> dict[str, Any]:
    payload = await run.world.do(who, "dlqReplay", "item { n status attempt errorCode batch { status } }", id=id_, reason=reason)  # fmt: skip
    return payload


async def act(run: Run, mutation: str, **given: Any) -> dict[str, Any]:
    world = run.world
    return await world.do(
        Role.ADMIN, mutation, "batch { status counts { pending succeeded failed dead compensated } }",
        id=world.id("Batch", run.id), idempotencyKey=world.key(), **given,
    )  # fmt: skip


async def test_what_is_dead_is_found_and_replayed_under_the_same_id(make: Make) -> None:
    """Its sixth attempt goes well: as many more as the first time, and one effect."""
    run = await make(bench.items(4, n2=5, n3="break"))
    world = run.world
    await run.to_end()
    assert (await run.row()).status == "COMPLETED_WITH_ERRORS"
    found = (await world.data(Role.OPS, DEAD, {}))["deadLetters"]
    of = {"batch": {"id": world.id("Batch", run.id)}, "status": "DEAD", "attempt": 5, "errorCode": "INTERNAL", "errorMessage": "Something went wrong on our side."}  # fmt: skip
    # a retry is for whoever steers the batch, a replay is OWNER's and ADMIN's
    ways = [("PENDING", "batchRetryFailed", True), ("PENDING", "dlqReplay", False)]
    assert found["totalCount"] == 2
    for node in found["nodes"]:
        assert {name: node[name] for name in of} == of
        assert [(w["to"], w["mutation"], w["allowed"]) for w in node["availableTransitions"]] == ways
    ids = {node["n"]: node["id"] for node in found["nodes"]}
    assert sorted(ids) == [2, 3]

    done = await replay(run, ids[2])
    assert done["item"] == {
        "n": 2,
        "status": "PENDING",
        "attempt": 5,
        "errorCode": None,
        "batch": {"status": "RUNNING"},
    }
    audited = "SELECT type, reason, data ->> 'n' FROM domain_event WHERE type = 'batch.item_replayed'"
    assert await world.rows(audited) == [("batch.item_replayed", "The keys are back.", "2")]
    await run.to_end()
    row = await run.row()
    assert (row.status, row.succeeded, row.dead) == ("COMPLETED_WITH_ERRORS", 3, 1)
    assert await run.effects() == [1, 1, 0, 1]
    tries = (
        "SELECT a.n, a.status FROM batch_item_attempt a JOIN batch_item i ON i.id = a.item_id WHERE i.n = 2 ORDER BY 1"
    )
    assert await world.rows(tries) == [*((n, "RETRY_WAIT") for n in range(1, 5)), (5, "DEAD"), (6, "SUCCEEDED")]

    assert (await replay(run, ids[3]))["item"]["status"] == "PENDING"
    await run.to_end()
    found = await world.rows("SELECT status, attempt, tried_before FROM batch_item WHERE n = 3")
    assert found == [("DEAD", 10, 5)]
    again = await replay(run, ids[2])
    assert [error["code"] for error in again["userErrors"]] == ["INVALID_TRANSITION"]


async def test_dead_letters_of_one_batch_since_a_moment(make: Make) -> None:
    run, other = await make(bench.items(1, n1="break")), await make(bench.items(2, n1="break", n2="break"))
    world = run.world
    await run.to_end()
    await other.to_end()

    async def count(**asked: Any) -> int:
        return int((await world.data(Role.ADMIN, DEAD, {"filter": asked}))["deadLetters"]["totalCount"])

    since = max(run.now, other.now)
    assert await count() == 3
    assert await count(batchId=world.id("Batch", other.id)) == 2
    assert await count(since=since.isoformat().replace("+00:00", "Z")) == 2 + (run.now == other.now)
    assert await count(since=(since + timedelta(seconds=1)).isoformat().replace("+00:00", "Z")) == 0


async def test_who_may_not_replays_nothing(make: Make) -> None:
    run = await make(bench.items(1, n1="break"))
    await run.to_end()
    world = run.world
    (item,) = await world.rows("SELECT id FROM batch_item")
    id_ = world.id("BatchItem", item.id)
    document = "mutation($i: DlqReplayInput!) { dlqReplay(input: $i) { item { id } userErrors { code } } }"
    for role in (Role.OPS, Role.SALES, Role.VIEWER, Role.DEALER, Role.CUSTOMER):
        answer = await world.ask(role, document, {"i": {"id": id_, "reason": "Please."}})
        assert (answer["data"], answer["errors"][0]["extensions"]["code"]) == ({"dlqReplay": None}, "FORBIDDEN")
    silent = await replay(run, id_, reason=" ")
    assert [error["code"] for error in silent["userErrors"]] == ["REQUIRED"]
    assert (await run.row()).status == "COMPLETED_WITH_ERRORS"
    assert await world.rows("SELECT status, attempt FROM batch_item") == [("DEAD", 5)]


async def test_what_failed_for_good_and_what_is_dead_are_tried_again(make: Make) -> None:
    run = await make(bench.items(30, n3="refuse", n9="break", n20=5))
    await run.to_end()
    payload = await act(run, "batchRetryFailed")
    assert payload["batch"] == {
        "status": "RUNNING", "counts": {"pending": 3, "succeeded": 27, "failed": 0, "dead": 0, "compensated": 0},
    }  # fmt: skip
    row = await run.row()
    assert (row.ended_at, row.report) == (None, None)
    await run.to_end()
    found = await run.world.rows("SELECT n, status, attempt FROM batch_item WHERE n IN (3, 9, 20) ORDER BY n")
    assert found == [(3, "FAILED", 2), (9, "DEAD", 10), (20, "SUCCEEDED", 6)]
    assert await run.effects() == [0 if n in (3, 9) else 1 for n in range(1, 31)]
    assert [event.seq for event in await run.events()] == list(range(1, (await run.row()).seq_head + 1))


async def test_a_stopped_stream_goes_on_after_what_failed(make: Make) -> None:
    run = await make([], said=100, rows=100, odd={f"{n}": "refuse" for n in range(1, 31, 2)})
    SOURCES[BatchKind.CREDIT_GRANT] = bench.Rows()
    await run.to_end(size=20)
    row = await run.row()
    assert (row.status, row.failed, row.pending) == ("FAILED", 10, 80)
    await run.world.rows("UPDATE batch SET plan = plan - 'odd' RETURNING 1")
    await run.world.rows("UPDATE batch_item SET payload = payload - 'do' RETURNING 1")
    await act(run, "batchRetryFailed")
    await run.to_end(size=20)
    row = await run.row()
    assert (row.status, row.succeeded, row.total, row.cursor) == ("COMPLETED", 100, 100, {"at": 100})
    assert await run.effects() == [1] * 100


async def test_a_kind_without_a_way_back_is_not_rolled_back(make: Make) -> None:
    run = await make(bench.items(3))
    await run.to_end()
    KINDS[BatchKind.CREDIT_GRANT].compensates = False  # type: ignore[misc]
    refused = await act(run, "batchRollback")
    assert (refused["batch"], [e["code"] for e in refused["userErrors"]]) == (None, ["FORBIDDEN"])
    assert (await run.row()).status == "COMPLETED"


async def test_undone_from_the_last_to_the_first_in_chunks(make: Make) -> None:
    run = await make(bench.items(450, n7="refuse", n300="stuck"))
    await run.to_end()
    await act(run, "batchRollback", reason="A mistake.")
    await run.to_end()
    row = await run.row()
    assert (row.status, row.compensated, row.failed, row.succeeded) == ("COMPLETED_WITH_ERRORS", 448, 2, 0)
    assert await run.effects() == [1 if n == 300 else 0 for n in range(1, 451)]
    odd = "SELECT n, status, error_code FROM batch_item WHERE status <> 'COMPENSATED' ORDER BY n"
    assert await run.world.rows(odd) == [(7, "FAILED", "INVALID"), (300, "COMPENSATION_FAILED", "INTERNAL")]
    undone = [len(e.items) for e in await run.events() if e.kind == "ITEMS"][-3:]
    assert undone == [200, 200, 49]
    assert row.impact == {"INR": 100}
    assert row.report["total"] == 450
    assert sum(group["items"] for group in row.report["groups"] if group["status"] == "COMPENSATED") == 448
    assert [event.seq for event in await run.events()] == list(range(1, row.seq_head + 1))
    assert await run.world.rows("SELECT * FROM souk.work WHERE ref = :id", id=run.id) == []


async def test_a_cancelled_run_is_undone_as_far_as_it_came(make: Make) -> None:
    run = await make(bench.items(50))
    await run.step(size=10)
    await act(run, "batchCancel", reason="Enough.")
    await run.step()
    assert (await run.row()).status == "CANCELLED"
    await act(run, "batchRollback")
    await run.to_end()
    row = await run.row()
    assert (row.status, row.compensated, row.cancelled) == ("ROLLED_BACK", 10, 40)
    assert await run.effects() == [0] * 50


async def test_after_a_stopped_run_nothing_more_is_begun_once_it_is_undone(make: Make) -> None:
    run = await make(bench.items(60, **{f"n{n}": "refuse" for n in range(2, 30, 3)}))
    await run.to_end(size=30)
    assert ((await run.row()).status, (await run.row()).pending) == ("FAILED", 30)
    payload = await act(run, "batchRollback")
    assert payload["batch"]["counts"]["pending"] == 0
    await run.to_end()
    row = await run.row()
    assert (row.status, row.compensated, row.cancelled, row.failed) == ("ROLLED_BACK", 20, 30, 10)
    assert await run.effects() == [0] * 60


@pytest_asyncio.fixture
async def workers(database: str) -> AsyncIterator[Workers]:
    made = await Workers.over(database)
    yield made
    await made.close()


async def test_a_worker_killed_in_a_rollback_undoes_every_item_once(
    make: Make, workers: Workers, database: str, size: Size
) -> None:
    number, kills = size(150, 3000), size(2, 20)
    run = await make(bench.items(number))
    await run.to_end()
    await run.world.rows("UPDATE batch SET plan = plan || jsonb_build_object('slow', CAST(:s AS numeric)) RETURNING 1", s=size(0.01, 0.004))  # fmt: skip
    await act(run, "batchRollback")
    now = datetime.now(UTC)
    await run.world.rows("UPDATE souk.work SET due_at = :now WHERE ref = :id RETURNING 1", now=now, id=run.id)
    progress = []
    for _ in range(kills):
        before = await at_work(database)
        worker = await workers.start()
        async with asyncio.timeout(20):
            while not await at_work(database) - before:
                await asyncio.sleep(0.01)
        assert await workers.end(worker, signal.SIGKILL) == -signal.SIGKILL
        progress.append((await run.row()).compensated)
    assert progress == sorted(progress) and progress[-1] < number
    await workers.start()
    async with asyncio.timeout(60):
        while (await run.row()).status == "ROLLING_BACK":
            await asyncio.sleep(0.05)
    row = await run.row()
    assert (row.status, row.compensated) == ("ROLLED_BACK", number)
    assert await run.effects() == [0] * number
    undone = await run.world.rows(
        "SELECT count(*), count(DISTINCT item_id) FROM batch_item_attempt WHERE status = 'COMPENSATED'"
    )
    assert undone == [(number, number)]
