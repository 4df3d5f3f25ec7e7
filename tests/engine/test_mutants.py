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


async def test_without_a_mutant_nothing_is_noticed(runner: Runner, owner: Any, who: list[Actor]) -> None:
    given = await pools(runner, owner, who[0])
    for seed in (11,):
        report = await compare(runner, schema, who, 12, seed, given)
        assert not report.differences and not any("Error" in reason for reason in report.reasons), str(report)


@pytest.mark.parametrize("name", MUTANTS)
async def test_a_mutant_is_noticed(name: str, runner: Runner, owner: Any, who: list[Actor]) -> None:
    given = await pools(runner, owner, who[0])
    undo = MUTANTS[name]()
    try:
        for seed in range(11, 20):  # most are noticed by the first twelve documents
            try:
                report = await compare(runner, schema, who, 12, seed, given)
            except ValueError:
                return  # not even JSON
            if report.differences or any("Error" in reason for reason in report.reasons):
                return
    finally:
        undo()
    pytest.fail(f"not noticed: {name}")
