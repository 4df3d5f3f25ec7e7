"""What it saves PostgreSQL that a second statement is sent behind a short one: the same questions with and without.

    python -m benchmarks.sharing [--rounds 9] [--seconds 1] [--askers 16]

Both pools have four connections, and stand on one PostgreSQL that has a core of its own, as this process has. The CPU is that
of the backends, for each statement. Needs Linux and two cores.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import uvloop

from benchmarks.peers.servers import OTHER_CORE, SERVER_CORE, place, place_postgres
from souk import migrations
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded
from souk.engine.deadlines import Deadlines
from souk.engine.pool import Pool
from souk.engine.question import Question
from souk.engine.run import Runner
from souk.rules.actor import Role
from souk.schema import schema
from tests.world import Souk, make_world

QUERY = "{ dealers(first: 1) { nodes { id name city standing } pageInfo { hasNextPage } } }"
POOLS = {"one at a time": 0.0, "as it ships": 0.001}


def used(pids: list[int]) -> int:
    """Nanoseconds of CPU of these processes."""
    return sum(int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) for pid in pids)


class Askers:
    """So many who ask `plan` again and again; `answered` counts."""

    def __init__(self, pool: Pool, plan: Any, values: list[Any]) -> None:
        self.pool, self.plan, self.values = pool, plan, values
        self.deadlines, self.answered, self.left = Deadlines(60), 0, 0
        self.going, self.over = True, asyncio.Event()

    def ask(self) -> None:
        assert Question(self.pool, self.plan, self.values, self.deadlines, monotonic(), self.heard).ask()

    def heard(self, question: Question) -> None:
        question.result()
        self.answered += 1
        if self.going:
            asyncio.get_running_loop().call_soon(self.ask)
        else:
            self.left -= 1
            if not self.left:
                self.over.set()

    async def run(self, askers: int, seconds: float, pids: list[int]) -> tuple[float, float]:
        """Statements a second, and microseconds of the backends' CPU for each."""
        self.left = askers
        for _ in range(askers):
            self.ask()
        await asyncio.sleep(0.1)
        before, began, count = used(pids), monotonic(), self.answered
        await asyncio.sleep(seconds)
        answered, took, cpu = self.answered - count, monotonic() - began, used(pids) - before
        self.going = False
        await self.over.wait()
        return answered / took, cpu / answered / 1000


async def opened(url: str, short: float, actor: Any) -> tuple[Pool, Any, list[int]]:
    pool = Pool(dsn=url, size=4, settings={"role": "souk_app"}, short=short)
    runner = Runner(schema, pool)
    assert await runner.warm(QUERY, {}, None, actor)
    held = [await pool.acquire() for _ in range(pool.size)]
    pids = [each.raw.get_server_pid() for each in held]
    for each in held:
        pool.release(each)
    return pool, runner.at_hand(QUERY, {}, None, actor), pids


async def main(rounds: int, seconds: float, askers: int) -> None:
    place(0, SERVER_CORE, False)
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        server = Embedded(Path(directory), throwaway=True)
        url = server.start()
        try:
            await migrations.upgrade(sqlalchemy_url(url))
            place_postgres(server.directory, False)
            souk = Souk.open(url)
            actor = (await make_world(souk)).actors[Role.OWNER]
            await souk.close()
            pools = {name: await opened(url, short, actor) for name, short in POOLS.items()}
            found: dict[str, list[tuple[float, float]]] = {name: [] for name in POOLS}
            for _ in range(rounds + 1):
                for name, (pool, asked, pids) in pools.items():
                    found[name].append(await Askers(pool, *asked).run(askers, seconds, pids))
            tell({name: each[1:] for name, each in found.items()})  # the first was to get warm
            for pool, _, _ in pools.values():
                await pool.close()
        finally:
            server.stop()


def tell(found: dict[str, list[tuple[float, float]]]) -> None:
    first = next(iter(found.values()))
    for name, each in found.items():
        speed, cpu = (median(one[at] for one in each) for at in (0, 1))
        more, less = (median(one[at] / other[at] for one, other in zip(each, first)) for at in (0, 1))
        print(f"{name:14} {speed:8,.0f} statements/s ({more:.2f})  {cpu:6.1f} µs of the backends ({less:.2f})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--askers", type=int, default=16)
    given = parser.parse_args()
    os.sched_setaffinity(0, {SERVER_CORE, OTHER_CORE})
    uvloop.run(main(given.rounds, given.seconds, given.askers))
