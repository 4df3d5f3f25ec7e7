"""The licence of the compiled road over the real schema: random documents, all ten roles, the same bytes on both roads."""

import random
import re
from typing import Any

import pytest
import pytest_asyncio

from souk.context import Context
from souk.engine import answer, fuse, pages
from souk.rules.actor import Actor, Role
from souk.schema import schema
from tests.bazaar import Bazaar, make_bazaar
from tests.engine.differential import CURSOR, Report, compare, pools_of
from tests.engine.mutants import swap
from tests.isolation.positions import positions
from tests.world import NOW, Souk

SEED = 20_261_122
LEFT = re.compile(  # why a document may be left to the executor: the client's fault, a null that bubbles, introspection
    r"variables|null for a non-null field|introspection|Not a cursor|A page has|Ask for first or for last|At most \d+ ids"
    r"|BadInput|a list of more than|DataError|not valid|has \d digits|Expected value of type"
    r"|Query\.permissionMatrix|Viewer\.rateLimit"  # held by the code or the process, not by a table
)
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")


class Full:
    """A full tenant, a foreign one's ids, and the pools that documents are made of."""

    def __init__(self, souk: Souk, here: Bazaar, pools: dict[str, Any]) -> None:
        self.souk, self.here, self.pools = souk, here, pools

    def context(self, actor: Actor) -> Context:
        return Context(actor, request_id="same", now=NOW, db=self.souk.app)

    async def compare(self, documents: Any, seed: int, actors: list[Actor] | None = None) -> Report:
        return await compare(
            self.souk.runner, schema, actors or self.here.everybody, documents, seed, self.pools, self.context
        )


@pytest_asyncio.fixture(scope="module")
async def full(souk: Souk) -> Full:
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
    }
    full = Full(souk, here, {})
    full.pools = await pools_of(souk.runner, here.actors[Role.OWNER], ids, full.context, more)
    cursors = full.pools["cursors"]
    for position in positions(schema._schema):  # of the lists that only stand below others
        if position.cursor and f"{position.target}:" not in cursors:
            context = full.context(here.actors[Role.OWNER])
            body = (await souk.runner.answer(position.document, {"it": None}, None, context)).body
            cursors[f"{position.target}:"] = [each.decode() for each in CURSOR.findall(body)][:30]
    return full


def check(report: Report) -> None:
    print(report)
    assert not report.differences, str(report)
    assert not report.failures, str(report)
    assert [reason for reason in report.reasons if not LEFT.search(reason)] == [], str(report)


async def test_random_documents_are_answered_alike_on_both_roads(full: Full, size: Any) -> None:
    """A fixed and a random seed; five documents for one of the actors, then for the next, so that all of them ask."""
    everybody, seeds = full.here.everybody, (SEED, random.SystemRandom().randrange(10**9))
    total = Report()
    print(f"\nseeds {seeds}")
    for seed, documents in zip(seeds, (size(150, 2_500), size(150, 500)), strict=True):
        for n in range(0, documents, 5):
            found = await full.compare(5, seed * 1_000_003 + n, [everybody[(n // 5 + seed) % len(everybody)]])
            for name in ("answers", "equal", "with_errors", "executor", "invalid"):
                setattr(total, name, getattr(total, name) + getattr(found, name))
            total.reasons += found.reasons
            total.differences += found.differences
            total.failures += found.failures
    check(total)
    assert total.equal > total.answers * 0.6 and total.with_errors > 0


async def test_a_bad_value_is_refused_on_both_roads_though_nothing_needs_it(full: Full) -> None:
    """An id of another type makes the condition false, which drops the amount beside it: JPY has no digits after the point."""
    other, given = full.here.own["Sku"][0], "{dealerId: $d, maxPrice: {amount: $a, currencyCode: $c}}"
    text = f"query($d: ID!, $a: Decimal!, $c: CurrencyCode!) {{ listings(filter: {given}) {{ totalCount }} }}"
    context = full.context(full.here.actors[Role.OWNER])
    for amount, code in (("1150.00", b"BAD_USER_INPUT"), ("1150", None)):
        variables = {"d": other, "a": amount, "c": "JPY"}
        batched = await full.souk.runner.batched(text, variables, None, context)
        assert (await full.souk.runner.answer(text, variables, None, context)).body == batched.body
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


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_is_noticed(name: str, full: Full) -> None:
    full.souk.runner.documents._found.clear()  # no plan of before
    undo = MUTANTS[name]()
    actors = [full.here.actors[role] for role in (Role.OWNER, Role.SALES, Role.VIEWER, Role.CUSTOMER)]
    try:
        for seed in range(11, 24):
            try:
                report = await full.compare(12, seed + 7_000_000, actors)
            except ValueError:
                return  # not even JSON
            if report.differences or any("Error" in reason for reason in report.reasons):
                return
    finally:
        undo()
        full.souk.runner.documents._found.clear()
    pytest.fail(f"not noticed: {name}")
