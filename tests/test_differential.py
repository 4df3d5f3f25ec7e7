"""The licence of the compiled road over the real schema: random documents, all ten roles, the same bytes on both roads."""

import gc
import random
from collections.abc import AsyncIterator
from time import perf_counter, process_time
from typing import Any

import pytest
import pytest_asyncio

from souk.context import Context
from souk.engine import answer, fuse, pages
from souk.engine.pool import Pool
from souk.engine.run import Runner
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import Bazaar, make_bazaar
from tests.engine.differential import CURSOR, Report, compare, pools_of
from tests.engine.mutants import swap
from tests.isolation.positions import positions
from tests.world import COMPUTED, KEYRING, NOW, Souk, may_be_left

SEED = 20_261_122
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")


class Full:
    """A full tenant, a foreign one's ids, and the pools that documents are made of.

    The runner is one of its own: it forgets documents and statements soon, because none of them comes again.
    """

    def __init__(self, souk: Souk, runner: Runner, here: Bazaar) -> None:
        self.souk, self.runner, self.here = souk, runner, here
        self.pools: dict[str, Any] = {}

    def context(self, actor: Actor) -> Context:
        return Context(actor, request_id="same", now=NOW, db=self.souk.app)

    async def compare(self, documents: Any, seed: int, actors: list[Actor] | None = None, **how: int) -> Report:
        """As everybody, or as these actors."""
        who = actors or self.here.everybody
        return await compare(self.runner, schema, who, documents, seed, self.pools, self.context, **how)


@pytest_asyncio.fixture(scope="module")
async def full(souk: Souk, database: str) -> AsyncIterator[Full]:
    here, there = await make_bazaar(souk), await make_bazaar(souk)
    ids = {name: [*own[:12], *there.own[name][:2]] for name, own in here.own.items() if own}
    users, tickets = ids["User"], ids["Ticket"]
    ids |= {
        "requesterId": users,
        "assigneeId": users,
        "actorId": users,
        "subjectId": [*ids["Listing"][:3], *tickets[:3]],
    }
    ids |= {f"{name[0].lower()}{name[1:]}Id": each for name, each in list(ids.items()) if name[0].isupper()}
    more: dict[str, Any] = {
        "query": ["listing", "Ticket", "person", '"Listing 2"', "-x"],
        "city": ["Pune"],
        "make": ["Maker"],
        "rare": ["permissionMatrix"],
    }
    pool = Pool(dsn=database, settings={"role": "souk_app"}, statements=4)
    full = Full(souk, Runner(schema, pool, decrypt=KEYRING.open, documents=40), here)
    full.pools = await pools_of(full.runner, here.actors[Role.OWNER], ids, full.context, more)
    for position in positions(schema._schema):  # of each list, wherever it stands, in each of its orders
        if position.cursor:
            context = full.context(here.actors[Role.OWNER])
            body = (await full.runner.answer(position.document, {"it": None}, None, context)).body
            full.pools["cursors"].setdefault(position.place, [each.decode() for each in CURSOR.findall(body)][:30])
    gc.collect()
    gc.freeze()  # what stands by now is not looked through again and again
    yield full
    gc.unfreeze()
    await pool.close()


def check(report: Report) -> None:
    print(report)
    assert not report.differences, str(report)
    assert not report.failures, str(report)
    assert [reason for reason in report.reasons if not may_be_left(reason)] == [], str(report)


def test_what_is_computed_and_not_read_is_known() -> None:
    """Only these roots are answered by the executor alone: what they say stands in no row."""
    assert {"Query.accessExplain", "Query.auditVerify", "Viewer.rateLimit"} == COMPUTED


async def test_random_documents_are_answered_alike_on_both_roads(full: Full, size: Any) -> None:
    """A fixed and a random seed; each document as one of the actors, in turn, so that all of them ask."""
    total, began, busy = Report(), perf_counter(), process_time()
    for seed in (SEED, random.SystemRandom().randrange(10**9)):
        found = await full.compare(size(150, 5_000), seed, each=1, at_once=3)
        print(f"\nseed {seed}: {found}")
        total.add(found)
    print(f"{total.documents} documents in {perf_counter() - began:.0f} s, {process_time() - busy:.0f} s of them here")
    check(total)
    assert total.documents == size(300, 10_000)
    assert total.equal > total.answers * 0.6 and total.with_errors > 0


async def test_a_bad_value_is_refused_on_both_roads_though_nothing_needs_it(full: Full) -> None:
    """An id of another type makes the condition false, which drops the amount beside it: JPY has no digits after the point."""
    other, given = full.here.own["Sku"][0], "{dealerId: $d, maxPrice: {amount: $a, currencyCode: $c}}"
    text = f"query($d: ID!, $a: Decimal!, $c: CurrencyCode!) {{ listings(filter: {given}) {{ totalCount }} }}"
    context = full.context(full.here.actors[Role.OWNER])
    for amount, code in (("1150.00", b"BAD_USER_INPUT"), ("1150", None)):
        variables = {"d": other, "a": amount, "c": "JPY"}
        batched = await full.runner.batched(text, variables, None, context)
        assert (await full.runner.answer(text, variables, None, context)).body == batched.body
        assert (code in batched.body) if code else batched.body == b'{"data":{"listings":{"totalCount":0}}}'


MUTANTS: dict[str, Any] = {
    "a guard forgotten": lambda: swap(
        fuse.Fuser, "guarded", lambda self, guard, scope, fields, nullable, write: list(write())
    ),
    "counts capped too early": lambda: swap(pages, "COUNTED", 3),
    "refusals without their path": lambda: swap(
        answer, "_with_refusals", lambda text, refusals, request_id: text.replace(b"\x02", b"")
    ),
}


SEEDS = range(7_000_011, 7_000_014)
BITTEN = (Role.OWNER, Role.SALES, Role.VIEWER, Role.CUSTOMER)


async def test_without_a_mutant_nothing_is_noticed(full: Full) -> None:
    """Of the same documents, as the same actors: so what is noticed there is the mutant's doing."""
    for seed in SEEDS:
        report = await full.compare(12, seed, [full.here.actors[role] for role in BITTEN])
        assert report.noticed == [] and report.equal > 0, str(report)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_is_noticed(name: str, full: Full) -> None:
    noticed: list[str] = []
    full.runner.documents._found.clear()  # no plan of before
    undo = MUTANTS[name]()
    try:
        for seed in SEEDS:
            noticed = (await full.compare(12, seed, [full.here.actors[role] for role in BITTEN])).noticed
            if noticed:
                break
    finally:
        undo()
        full.runner.documents._found.clear()
    assert noticed, "no document of these was answered differently"
