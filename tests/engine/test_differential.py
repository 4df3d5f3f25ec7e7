"""The licence of the compiled road: random documents, every actor, the same bytes."""

import os
import re
from typing import Any

import pytest

from souk.engine.run import Runner
from souk.engine.symbols import write_id
from souk.rules.actor import Actor

from .database import TENANTS
from .differential import compare, pools_of
from .schema import schema

BUBBLES = re.compile(rb'"(contact|party)\w*","listing')  # the one null for a non-null field that the market provokes
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")
DOCUMENTS, SEED = os.environ.get("DIFFERENTIAL"), int(os.environ.get("SEED", "1"))


async def pools(runner: Runner, owner: Any, actor: Actor) -> dict[str, Any]:
    ids: dict[str, list[str]] = {}
    for name in ("Listing", "Offer", "Dealer", "Buyer"):
        own = await owner.fetch(f"select id from {name.lower()} where tenant_id = $1 limit 12", TENANTS[0])
        foreign = await owner.fetch(f"select id from {name.lower()} where tenant_id = $1 limit 2", TENANTS[1])
        ids[name] = [write_id(name, row["id"]) for row in [*own, *foreign]]
    ids |= {"dealer": ids["Dealer"], "listingId": ids["Listing"]}
    return await pools_of(runner, actor, ids)


async def test_random_documents_are_answered_alike_on_both_roads(
    runner: Runner, owner: Any, who: list[Actor], size: Any
) -> None:
    report = await compare(
        runner, schema, who, int(DOCUMENTS or size(40, 1000)), SEED, await pools(runner, owner, who[0])
    )
    print(report)
    assert not report.differences, str(report)
    assert not [each for each in report.failures if not BUBBLES.search(each.batched)], str(report)
    assert report.equal > report.answers * 0.7 and report.with_errors > 0, str(report)
