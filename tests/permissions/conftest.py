"""A full tenant and everybody in it, for the cells of the matrix."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest_asyncio
from sqlalchemy import text

from souk.rules.actor import Actor, Role
from tests.isolation.canary import digest
from tests.isolation.conftest import Two, two
from tests.isolation.test_fuzz import Fuzz
from tests.permissions.probes import LIVE, OWN, TABLE, Probe
from tests.world import NOW

__all__ = ["two"]


@dataclass
class Cells:
    two: Two
    fuzz: Fuzz
    actors: dict[Role, Actor]

    async def ids(self, probe: Probe, actor: Actor) -> tuple[list[UUID], list[UUID]]:
        """Own rows and others' rows, by what the domain calls own."""
        world = self.two.here.world
        people = world.actors
        table, own = TABLE.get(probe.type, probe.type.lower()), dict(probe.own) or OWN.get(probe.type, {})
        mine = own.get(actor.role.value, "false")
        values = {
            "user": actor.user_id, "dealer": actor.dealer_id, "team": actor.team_ids[0] if actor.team_ids else None,
            "customer": people[Role.CUSTOMER].user_id, "seller": people[Role.SALES].user_id, "member": people[Role.DEALER].user_id,
        }  # fmt: skip
        sql = f"SELECT id, coalesce(({mine}), false) FROM {table} t WHERE {LIVE.get(probe.type, 'true')} AND ({probe.only}) ORDER BY id"
        used = {name: value for name, value in values.items() if f":{name}" in sql}
        sql = text(sql).bindparams(**used)  # type: ignore[assignment]
        async with world.souk.owner.engine.begin() as connection:
            await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
            found = (await connection.execute(sql)).all()  # type: ignore[call-overload]
        return [id_ for id_, is_own in found if is_own], [id_ for id_, is_own in found if not is_own]

    async def find(self, sql: str, **given: Any) -> UUID | None:
        """The first id of this tenant that the statement finds."""
        rows = await self.two.here.world.rows(sql, **given)
        return rows[0][0] if rows else None

    async def everything(self) -> dict[str, str]:
        """What the tenant's tables hold, but for the record of refusals."""
        held = await digest(self.two.watching, self.two.here.tenant_id)
        return {name: each for name, each in held.items() if name not in ("access_refusal",)}

    async def ask(self, actor: Actor, document: str, variables: dict[str, Any]) -> dict[str, Any]:
        answer = await self.two.souk.runner.answer(document, variables, None, self.two.context(actor))
        found: dict[str, Any] = json.loads(answer.body)
        return found


@pytest_asyncio.fixture(scope="module")
async def cells(two: Two) -> AsyncIterator[Cells]:
    actors = dict(two.here.actors)
    of_one_team = next(each for each in two.here.others if each.role is Role.AGENT)
    actors[Role.AGENT] = replace(actors[Role.AGENT], team_ids=of_one_team.team_ids, all_teams=of_one_team.all_teams)
    for role, actor in actors.items():  # whoever can has just proved who it is: not the lack of that is what refuses
        if actor.user_id is not None:
            actors[role] = replace(actor, mfa_at=NOW)
    yield Cells(two, await Fuzz(two).prepare(), actors)


def scoped(actor: Actor, probe: Any, given: bool) -> Actor:
    """A service token with the row's scope, or with everything the question needs but that."""
    return (
        replace(actor, scopes=frozenset((*probe.also, probe.row) if given else probe.also))
        if actor.role is Role.SERVICE
        else actor
    )
