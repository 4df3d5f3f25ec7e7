"""How the tests ask a shipped document: by its name, as the file holds it."""

from typing import Any

from souk.documents.shipped import shipped
from souk.rules.actor import Actor, Role
from tests.world import World

NAMED = {each.name: each for each in shipped().values()}


async def run(world: World, who: Role | Actor, name: str, /, **variables: Any) -> Any:
    """The one root field's answer, without errors; a query on both roads."""
    data = await world.data(who, NAMED[name].text, variables)
    (answer,) = data.values()
    return answer


async def act(world: World, who: Role | Actor, name: str, /, **given: Any) -> Any:
    """The payload's entity of a mutation that was done."""
    payload = await run(world, who, name, input=given)
    assert payload["userErrors"] == []
    return next(iter(payload.values()))


async def codes(world: World, who: Role | Actor, name: str, /, **given: Any) -> list[str]:
    """Why a mutation was refused by the row, or by the role."""
    answer = await world.ask(who, NAMED[name].text, {"input": given})
    if "errors" in answer:
        return [error["extensions"]["code"] for error in answer["errors"]]
    (payload,) = answer["data"].values()
    return [error["code"] for error in payload["userErrors"]]
