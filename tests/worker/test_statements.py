"""How many statements the work of a batch takes: the same for a chunk of any length, and none for who only watches."""

import asyncio
from typing import Any

import pytest

from souk.db.session import Database
from souk.models import Dealer, new_id
from souk.rules.actor import Role
from souk.rules.enums import BatchAction
from souk.worker.batch import step
from tests.db.test_bulk import counted
from tests.resolvers.test_batch import Shop
from tests.web.test_live import Stage, stage
from tests.worker import bench
from tests.worker.conftest import Make
from tests.world import World

__all__ = ["stage"]


@pytest.fixture
def shop(world: World, worker_db: Database) -> Shop:
    return Shop(world, worker_db)


@pytest.mark.parametrize("action", [BatchAction.SEND_WARNING, BatchAction.SUSPEND_LISTING, BatchAction.HOLD_PAYOUTS])
async def test_a_chunk_takes_as_many_whatever_its_length(shop: Shop, action: BatchAction) -> None:
    world = shop.world
    await world.set(undo_seconds=0, four_eyes={"INR": 10**12})
    for n in range(36):
        dealer = Dealer(
            id=new_id(), kind="DEALERSHIP", name=f"Dealer {n}", verification="VERIFIED", standing="GOOD", notice=0
        )
        await world.add(dealer)
        await shop.breach(dealer.id)
    batch = (await shop.create(action=action.value))["batch"]
    assert (await shop.act(Role.OPS, "batchStart", batch["id"]))["batch"]["status"] == "RUNNING"
    (row,) = await world.rows("SELECT id FROM batch WHERE status = 'RUNNING'")
    sent = []
    for size in (5, 10, 20):
        with counted(shop.db) as seen:
            done = await step(shop.db, world.tenant_id, row.id, now=shop.now, size=size)
        assert done.items == size
        sent.append(seen)
    (found,) = await world.rows("SELECT succeeded, failed FROM batch")
    assert tuple(found) == (35, 0)
    assert len({len(each) for each in sent}) == 1, [len(each) for each in sent]
    assert len(sent[0]) < 40


async def test_who_only_watches_takes_none(stage: Stage, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty followers of ten steps: a reading for each step, not for each of them."""
    run = await make(bench.items(40))
    run.db = stage.worker
    taken = 0
    answer = run.world.souk.runner.pool.answer

    async def noted(*given: Any) -> Any:
        nonlocal taken
        taken += 1
        return await answer(*given)

    last = 3 + 10 + 2
    following = [asyncio.create_task(stage.follow(run, last)) for _ in range(20)]
    async with asyncio.timeout(20):
        while sum(stream.followers for stream in stage.live.streams.values() if stream.floor is not None) < 20:
            await asyncio.sleep(0.01)
    monkeypatch.setattr(run.world.souk.runner.pool, "answer", noted)
    await run.to_end(size=4)
    answers = await asyncio.gather(*following)
    assert all([int(event["seq"]) for event in each] == list(range(1, last + 1)) for each in answers)
    assert 0 < taken <= 2 * last
