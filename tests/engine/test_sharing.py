"""A connection is shared where that costs nobody: behind a short statement, in order, and with everybody's own answer."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Any

import asyncpg

from souk.engine.deadlines import Deadlines
from souk.engine.exchange import Unheard
from souk.engine.fuse import Plan
from souk.engine.pool import Connection, Pool
from souk.engine.question import Question
from souk.engine.sql import Parameters

EVER = 3600.0  # seconds: every statement is short


def plan(sql: str) -> Plan:
    return Plan(sql, Parameters(), [], [], False)


ECHO = plan("SELECT textsend($1)")
LOCKED = plan("SELECT textsend(pg_advisory_xact_lock($1)::text)")
END = plan("SELECT textsend(pg_terminate_backend(pg_backend_pid())::text)")


class Asking:
    """Questions to one pool; `order` is the values of those that were answered, as they were."""

    def __init__(self, pool: Pool, seconds: float = 60) -> None:
        self.pool, self.deadlines, self.order = pool, Deadlines(seconds), list[Any]()

    def ask(self, plan: Plan, value: Any = None, ago: float = 0) -> "asyncio.Future[Question]":
        """`ago`: seconds of its time that are over."""
        heard: asyncio.Future[Question] = asyncio.get_running_loop().create_future()

        def told(question: Question) -> None:
            self.order.append(value)
            heard.set_result(question)

        values = [] if value is None else [value]
        assert Question(self.pool, plan, values, self.deadlines, monotonic() - ago, told).ask()
        return heard

    def look(self) -> None:
        """Have whoever's time is over told now, and not at the next look."""
        if self.deadlines._timer is not None:
            self.deadlines._timer.cancel()
        self.deadlines._look()

    async def learn(self, *plans: Plan, value: Any = "known") -> None:
        """Have every plan asked once on each connection."""
        held = [await self.pool.acquire() for _ in range(self.pool.size)]
        for each in held:
            for one in plans:
                await each.answer(one, [value])
            self.pool.release(each)


async def lock(connection: Any, key: int) -> None:
    await connection.execute("SELECT pg_advisory_lock($1)", key)


async def unlock(connection: Any, key: int) -> None:
    await connection.execute("SELECT pg_advisory_unlock($1)", key)


async def test_a_question_goes_behind_a_short_statement_and_the_third_waits(where: Any, owner: Any) -> None:
    pool = Pool(**where, size=1, short=EVER)
    asking = Asking(pool)
    await asking.learn(LOCKED, value=1)
    await asking.learn(ECHO)
    await lock(owner, 1)
    asked = [asking.ask(LOCKED, 1), asking.ask(ECHO, "two"), asking.ask(ECHO, "three"), asking.ask(ECHO, "four")]
    (connection,) = pool._all
    assert (connection.users, pool.waiting, pool.busy, pool.open) == (2, 2, 1, 1)
    await unlock(owner, 1)
    found = [(await each).result() for each in asked]
    assert found[1:] == [b"two", b"three", b"four"] and asking.order == [1, "two", "three", "four"]
    assert (connection.users, pool.waiting, pool.busy) == (0, 0, 0)
    await pool.close()


async def test_nothing_goes_behind_what_nobody_knows_what_is_slow_or_what_has_begun_long_ago(
    where: Any, owner: Any
) -> None:
    for short, learned in ((EVER, False), (0.0, True), (0.2, True)):
        pool = Pool(**where, size=1, short=short)
        asking = Asking(pool)
        await asking.learn(ECHO)
        if learned:
            await asking.learn(LOCKED, value=1)
            for prepared in pool._all[0].statements.values():
                prepared.usual = 0.1  # under 0.2, over 0
        await lock(owner, 1)
        first = asking.ask(LOCKED, 1)
        pool._all[0]._exchange._since -= 0.2
        second = asking.ask(ECHO, "two")
        assert (pool._all[0].users, pool.waiting) == (1, 1)
        await unlock(owner, 1)
        assert ((await first).error, (await second).text) == (None, b"two")
        await pool.close()


async def test_what_a_statement_usually_takes_follows_what_it_takes(where: Any, owner: Any) -> None:
    pool = Pool(**where, size=1, short=EVER)
    asking = Asking(pool)
    await asking.learn(ECHO)
    prepared = pool._all[0].statements[ECHO]
    prepared.usual = 80.0
    for _ in range(3):
        await asking.ask(ECHO, "short")
    assert 33.75 < prepared.usual < 34.75  # three quarters of it are kept each time
    await pool.close()


async def test_whoever_needs_a_connection_alone_gets_it_in_turn(where: Any, owner: Any) -> None:
    pool = Pool(**where, size=1, short=EVER)
    asking = Asking(pool)
    await asking.learn(LOCKED, value=1)
    await asking.learn(ECHO)
    await lock(owner, 1)
    first, second = asking.ask(LOCKED, 1), asking.ask(ECHO, "two")
    alone = asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    later = [asking.ask(ECHO, "three"), asking.ask(ECHO, "four")]
    assert pool.waiting == 3
    await unlock(owner, 1)
    connection = await alone
    assert (first.done(), second.done(), connection.users, connection.shared, pool.waiting) == (
        True,
        True,
        1,
        False,
        2,
    )
    assert await connection.raw.fetchval("SELECT 5") == 5 and not any(each.done() for each in later)
    pool.release(connection)
    assert (connection.users, pool.waiting) == (2, 0)  # both at once
    assert [(await each).text for each in later] == [b"three", b"four"]
    await pool.close()
    assert pool.open == 0


async def test_nobody_overtakes_whoever_waits_for_a_connection_alone(where: Any, owner: Any) -> None:
    pool = Pool(**where, size=1, short=EVER)
    asking = Asking(pool)
    await asking.learn(LOCKED, value=1)
    await asking.learn(ECHO)
    await lock(owner, 1)
    first, alone = asking.ask(LOCKED, 1), asyncio.ensure_future(pool.acquire())
    await asyncio.sleep(0)
    later = asking.ask(ECHO, "later")
    assert (pool._all[0].users, pool.waiting) == (1, 2)
    await unlock(owner, 1)
    pool.release(await alone)
    assert (await later).text == b"later" and first.done()
    await pool.close()


async def test_a_second_connection_is_opened_before_any_is_shared(where: Any, owner: Any) -> None:
    pool = Pool(**where, size=2, short=EVER)
    asking = Asking(pool)
    pool.release(await pool.acquire())
    await lock(owner, 1)
    first = asking.ask(LOCKED, 1)
    second = Question(pool, ECHO, ["two"], asking.deadlines, monotonic(), lambda _: None)
    assert not second.ask()  # who asks has to wait for one to be opened
    other = await pool.acquire()
    assert pool.open == 2
    pool.release(other)
    await unlock(owner, 1)
    await first
    await pool.close()


async def test_who_is_late_takes_nobody_along(where: Any, owner: Any) -> None:
    """The connection of a statement that takes too long is ended; who was before or behind it can ask again, and is answered."""
    for late in (0, 1):
        pool = Pool(**where, size=1, short=EVER)
        asking = Asking(pool, 60)
        await asking.learn(LOCKED, value=1)
        await asking.learn(ECHO)
        await lock(owner, 1)
        asked = [asking.ask(LOCKED, 1, ago=61 * (late == 0)), asking.ask(ECHO, "two", ago=61 * (late == 1))]
        (connection,) = pool._all
        waiting = asking.ask(ECHO, "three")
        asking.look()
        assert (connection.gone, connection.is_closed(), pool.open) == (True, True, 1)  # one is opened for who waits
        found = await asyncio.gather(*asked)
        assert [each.expired for each in found] == [late == 0, late == 1]
        other = found[1 - late]
        assert isinstance(other.error, Unheard) and other.again
        assert (await waiting).text == b"three"
        await unlock(owner, 1)
        assert await pool.answer(ECHO, ["again"]) == b"again"
        assert (pool.busy, pool.open, asking.deadlines._open) == (0, 1, set())
        await pool.close()


async def test_a_pool_that_closes_lets_both_finish(where: Any, owner: Any) -> None:
    pool = Pool(**where, size=1, short=EVER)
    asking = Asking(pool)
    await asking.learn(LOCKED, value=1)
    await asking.learn(ECHO)
    await lock(owner, 1)
    asked = [asking.ask(LOCKED, 1), asking.ask(ECHO, "two")]
    await pool.close()
    await unlock(owner, 1)
    assert [(await each).error for each in asked] == [None, None] and asked[1].result().text == b"two"
    assert pool.open == 0


async def test_everybody_gets_their_own_answer_whatever_happens(where: Any, size: Callable[[Any, Any], Any]) -> None:
    """Short and long answers, errors, stale statements, ended backends, late and impatient callers, all at once."""
    chance = random.Random(11)
    pool = Pool(**where, size=3, short=EVER, statements=6, patience=60)
    asking = Asking(pool)
    plans = [plan(f"SELECT textsend(repeat($1, {n}))") for n in (1, 2, 3, 40_000)]
    fails = plan("SELECT textsend((1 / (length($1) - length($1)))::text)")
    seen: Counter[str] = Counter()

    async def one(number: int) -> None:
        what, value = chance.random(), f"{number},"
        if what < 0.03:
            connection = await pool.acquire()
            assert await connection.raw.fetchval("SELECT $1::text", value) == value
            if what < 0.01 and connection.statements:
                stale = next(iter(connection.statements.values()))
                with contextlib.suppress(asyncpg.InvalidSQLStatementNameError):  # dropped already
                    await connection.raw.execute(f"DEALLOCATE {stale.name.decode()}")
            pool.release(connection)
            seen["alone"] += 1
        elif what < 0.04:
            waits = asyncio.ensure_future(pool.acquire())
            await asyncio.sleep(0)
            waits.cancel()
            if (await asyncio.gather(waits, return_exceptions=True))[0].__class__ is Connection:
                pool.release(waits.result())
            seen["impatient"] += 1
        else:
            chosen = END if what < 0.05 else fails if what < 0.1 else chance.choice(plans)
            if pool.open < pool.size:
                pool.release(await pool.acquire())
            late = 0.1 < what < 0.11
            try:
                asked = asking.ask(chosen, None if chosen is END else value, ago=61 * late)
            except AssertionError:  # one was ended meanwhile
                assert pool.open < pool.size
                return
            if late:
                await asyncio.sleep(0)
                asking.look()
            question = await asked
            if question.expired:
                assert late and question.text is question.error is None
                seen["late"] += 1
            elif question.error is None:
                assert question.text == value.encode() * dict(zip(plans, (1, 2, 3, 40_000)))[chosen]
                seen["answered"] += 1
            elif chosen is fails:
                assert isinstance(question.error, asyncpg.DivisionByZeroError) or question.again
                seen["failed"] += 1
            else:
                assert question.again or chosen is END or isinstance(question.error, asyncpg.PostgresConnectionError)
                seen["again" if question.again else "ended"] += 1

    total, together = size(2_000, 20_000), 24
    for start in range(0, total, together):
        await asyncio.gather(*(one(start + n) for n in range(together)))
        async with asyncio.timeout(20):  # one that was opened for somebody who was late then may still be opening
            while pool.busy:
                await asyncio.sleep(0)
        assert (pool.busy, pool.waiting, asking.deadlines._open) == (0, 0, set())
        assert pool.open == len(pool._all) <= pool.size and all(each.users == 0 for each in pool._idle)
    assert (
        seen["answered"] > total / 2
        and min(seen[each] for each in ("alone", "impatient", "failed", "late", "again")) > 0
    )
    await pool.close()
    assert pool.open == 0
