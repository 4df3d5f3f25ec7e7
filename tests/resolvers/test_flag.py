"""Feature flags: who sets them, for whom they are on, and that SQL and Python draw the same lot."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from souk.engine.symbols import Viewer
from souk.models import FeatureFlag, new_id
from souk.resolvers.flag import on
from souk.rules import flag as rules
from souk.rules.actor import Actor, Role
from souk.rules.errors import Invalid
from tests.world import World

SHOWN = "flag { key about enabled roles percentage version }"
MINE = "{ viewer { flags } }"


async def flag(
    world: World, key: str, roles: tuple[str, ...] = (), percentage: int = 100, enabled: bool = True
) -> None:
    row = FeatureFlag(id=new_id(), key=key, about=key, enabled=enabled, percentage=percentage)
    row.roles = list(roles)
    await world.add(row)


def codes(payload: dict[str, Any]) -> list[Any]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_a_flag_is_made_and_changed_by_owner_and_admin(world: World) -> None:
    made = await world.do(
        Role.ADMIN,
        "flagSet",
        SHOWN,
        key="desk.editor",
        about=" The  editor. ",
        enabled=True,
        roles=["OPS", "AGENT", "OPS"],
    )
    assert made["flag"] == {
        "key": "desk.editor", "about": "The editor.", "enabled": True, "roles": ["AGENT", "OPS"], "percentage": 100,
        "version": 1,
    }  # fmt: skip
    again = await world.do(Role.ADMIN, "flagSet", SHOWN, key="desk.editor", about="x", enabled=True)
    assert codes(again) == [("NOT_UNIQUE", ["key"])]
    given = {"key": "desk.editor", "about": "Off.", "enabled": False, "percentage": 7}
    assert codes(await world.do(Role.OWNER, "flagSet", SHOWN, **given, expectedVersion=2)) == [
        ("STALE_VERSION", ["expectedVersion"])
    ]
    off = await world.do(Role.OWNER, "flagSet", SHOWN, **given, expectedVersion=1)
    assert (off["flag"]["roles"], off["flag"]["version"], off["flag"]["percentage"]) == ([], 2, 7)
    absent = await world.do(Role.OWNER, "flagSet", SHOWN, key="other", about="x", enabled=True, expectedVersion=1)
    assert codes(absent) == [("NOT_FOUND", ["key"])]
    wrong = await world.do(Role.OWNER, "flagSet", SHOWN, key="Nö", about=" ", enabled=True, percentage=101)
    assert codes(wrong) == [("INVALID", ["key"]), ("REQUIRED", ["about"]), ("OUT_OF_RANGE", ["percentage"])]
    assert await world.rows("SELECT op, count(*) FROM audit_event WHERE op = 'flagSet' GROUP BY 1") == [("flagSet", 2)]

    listed = await world.data(Role.ADMIN, "{ flags { totalCount nodes { key enabled } } }")
    assert listed["flags"] == {"totalCount": 1, "nodes": [{"key": "desk.editor", "enabled": False}]}
    document = 'mutation { flagSet(input: {key: "x", about: "x", enabled: true}) { flag { key } } }'
    for role in (Role.OPS, Role.VIEWER, Role.DEALER, Role.PUBLIC):
        denied = await world.ask(role, "query { flags { totalCount } } ")
        assert denied["data"] == {"flags": None}
        assert (await world.ask(role, document))["data"] == {"flagSet": None}
    assert await world.rows("SELECT count(*) FROM feature_flag") == [(1,)]


async def test_everybody_is_told_which_are_on(world: World) -> None:
    await flag(world, "for-all")
    await flag(world, "for-staff", ("OWNER", "OPS"))
    await flag(world, "for-nobody", percentage=0)
    await flag(world, "switched-off", enabled=False)
    assert (await world.data(Role.OPS, MINE))["viewer"] == {"flags": ["for-all", "for-staff"]}
    assert (await world.data(Role.DEALER, MINE))["viewer"] == {"flags": ["for-all"]}
    assert (await world.data(Role.PUBLIC, MINE)) == {"viewer": None}


async def test_a_share_is_always_the_same_people_on_either_road_and_in_python(world: World) -> None:
    people = [uuid4() for _ in range(200)]
    shares = {"one": 0, "two": 1, "three": 37, "four": 99, "five": 100}
    for key, percentage in shares.items():
        await flag(world, key, percentage=percentage)
    async with world.souk.app.transaction(world.actors[Role.OWNER], "test") as tx:
        for principal in people:
            actor = Actor(world.tenant_id, Role.CUSTOMER, user_id=principal)
            found = await tx.session.execute(select(FeatureFlag.key).where(on(Viewer.of(actor))))
            by_rule = {
                key for key, percentage in shares.items()
                if rules.on(key=key, enabled=True, roles=(), percentage=percentage, role="CUSTOMER", principal=principal)
            }  # fmt: skip
            assert set(found.scalars()) == by_rule
    chosen = [rules.bucket("three", each) < 37 for each in (UUID(int=n) for n in range(10_000))]
    assert 3500 < sum(chosen) < 3900
    assert rules.bucket("three", UUID(int=7)) == rules.bucket("three", UUID(int=7)) != rules.bucket("four", UUID(int=7))
    assert not rules.on(key="x", enabled=True, roles=(), percentage=99, role="PUBLIC", principal=None)
    assert rules.on(key="x", enabled=True, roles=(), percentage=100, role="PUBLIC", principal=None)


async def test_a_flag_is_evaluated_once_for_an_operation(world: World) -> None:
    await flag(world, "new", ("OPS",))
    shared: dict[str, bool] = {}
    actor = world.actors[Role.OPS]
    async with world.souk.app.transaction(actor, "test", flags=shared) as tx:
        assert await tx.flag("new") is True
        assert await tx.flag("unknown") is False
    await world.rows("UPDATE feature_flag SET enabled = false RETURNING 1")
    async with world.souk.app.transaction(actor, "test", flags=shared) as tx:
        assert await tx.flag("new") is True, "the same to the end of the operation"
    async with world.souk.app.transaction(actor, "test") as tx:
        assert await tx.flag("new") is False, "the next operation looks again"


@pytest.mark.parametrize("key", ["", "A", "1a", "a b", "a..b", "a-", "ä", "a" * 61])
def test_a_key_is_plain(key: str) -> None:
    with pytest.raises(Invalid):
        rules.key_of(key)


def test_keys_that_are_plain() -> None:
    assert [rules.key_of(key) for key in ("a", "a1-b_c.d", "a" * 60)] == ["a", "a1-b_c.d", "a" * 60]
