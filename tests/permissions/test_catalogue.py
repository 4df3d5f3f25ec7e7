"""Both spellings of the catalogue's permissions answer alike, for every role, over own, other and hidden rows."""

from typing import Any

import pytest
from sqlalchemy import select

from souk.engine.symbols import Viewer
from souk.models import Category, Competitor, CompetitorSnapshot, DealerRestriction, Sku, new_id
from souk.permissions import category, competitor, dealer, listing, sku
from souk.permissions.base import Permission
from souk.rules.actor import Actor, Role
from tests.resolvers.listings import listing as make
from tests.world import NOW, World


def _every() -> list[type[Permission[Any]]]:
    modules = (category, competitor, dealer, listing, sku)
    found = {
        each
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, Permission) and each.model is not None and hasattr(each, "name")
    }
    return sorted((each for each in found if each.in_python), key=lambda each: each.__name__)


@pytest.mark.parametrize("permission", _every(), ids=lambda each: each.__name__)
async def test_both_spellings_answer_alike(world: World, permission: type[Permission[Any]]) -> None:
    await world.add(
        make(world, "own"), make(world, "other", dealer_id=world.other_dealer), make(world, "gone", deleted_at=NOW),
        make(world, "draft", status="DRAFT"),
    )  # fmt: skip
    thing = Sku(id=new_id(), code="A", name="A", currency="INR")
    rival = Competitor(id=new_id(), name="a", domain="a.example")
    await world.add(thing, rival, Category(id=new_id(), kind="LISTING", name="A"))
    seen = {"competitor_id": rival.id, "sku_id": thing.id, "captured_at": NOW, "outcome": "ACCESS_LIMITED"}
    await world.add(CompetitorSnapshot(id=new_id(), currency="INR", **seen))
    lacked = {"kind": "PAYOUT", "reason": "A hold.", "since": NOW}
    await world.add(
        *(DealerRestriction(id=new_id(), dealer_id=of, **lacked) for of in (world.dealer, world.other_dealer))
    )
    scoped = (permission.name,)
    actors = [
        *world.actors.values(), world.other_dealer_actor, world.other_customer, world.service(), world.service(*scoped),
        world.service(*scoped, dealer_id=world.dealer), Actor(world.tenant_id, Role.DEALER),
    ]  # fmt: skip
    asked, answers = permission(), set()
    for actor in actors:
        async with world.souk.app.transaction(actor, "test", now=NOW) as tx:
            rows = (await tx.session.execute(select(permission.model))).scalars().all()
            same = select(permission.model.id).where(asked.rows(Viewer.of(actor)))
            visible = set((await tx.session.execute(same)).scalars().all())
            assert {row.id for row in rows if asked.allows(actor, row)} == visible, actor
            answers |= {row.id in visible for row in rows}
    assert answers == {True, False}, "both answers occur"
