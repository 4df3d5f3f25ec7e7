"""The differential test bites: each mutant of the engine is noticed."""

from typing import Any

import pytest

from souk.engine.run import Runner
from souk.rules.actor import Actor

from .differential import compare
from .mutants import MUTANTS
from .schema import schema
from .test_differential import pools

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::RuntimeWarning")


SEEDS = range(11, 14)
"""Of the documents that are asked: most mutants are noticed by the first twelve."""


async def test_without_a_mutant_nothing_is_noticed(runner: Runner, owner: Any, who: list[Actor], size: Any) -> None:
    """Of the same documents: so what is noticed there is the mutant's doing."""
    given = await pools(runner, owner, who[0])
    for seed in size(SEEDS[:1], SEEDS):
        report = await compare(runner, schema, who, 12, seed, given)
        assert report.noticed == [] and report.equal > 0, str(report)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_is_noticed(name: str, runner: Runner, owner: Any, who: list[Actor]) -> None:
    given = await pools(runner, owner, who[0])
    noticed: list[str] = []
    undo = MUTANTS[name]()
    try:
        for seed in SEEDS:
            noticed = (await compare(runner, schema, who, 12, seed, given)).noticed
            if noticed:
                break
    finally:
        undo()
    assert noticed, "no document of these was answered differently"
