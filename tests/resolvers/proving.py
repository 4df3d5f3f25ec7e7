"""Somebody with a session of its own, and an authenticator app."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pyotp
from sqlalchemy import select, text

from souk.models import Letter, Membership, Session
from souk.resolvers.letter import opened
from souk.resolvers.session import open_session
from souk.rules.actor import Actor, Role
from tests.world import World


async def system(world: World, work: Any) -> Any:
    async with world.souk.app.transaction(Actor(world.tenant_id, Role.OWNER), "test", now=world.now, system=True) as tx:
        return await work(tx)


async def with_session(world: World, who: Role | Actor, mfa_at: datetime | None = None) -> Actor:
    """The actor in a session that is really there."""
    actor = world.actor(who)

    async def work(tx: Any) -> Session:
        member = await tx.session.get(Membership, (world.tenant_id, actor.membership_id))
        return (await open_session(tx, member, carrier="BEARER", mfa_at=mfa_at)).session

    session = await system(world, work)
    return replace(actor, session_id=session.id, mfa_at=mfa_at)


async def as_it_is(world: World, actor: Actor) -> Actor:
    """The actor as the door would tell it now."""
    row = (await world.rows("SELECT mfa_at FROM session WHERE id = :id", id=actor.session_id))[0]
    return replace(actor, mfa_at=row.mfa_at)


async def enrolled(world: World, actor: Actor) -> tuple[str, list[str]]:
    """The secret of the app and the recovery codes; the code of the present step is used up by this."""
    begun = await world.do(replace(actor, mfa_at=world.now), "mfaEnroll", "secret uri")
    done = await world.do(actor, "mfaConfirm", "recoveryCodes", code=code_of(begun["secret"], world.now))
    assert done["userErrors"] == []
    return begun["secret"], done["recoveryCodes"]


def code_of(secret: str, now: datetime) -> str:
    return pyotp.TOTP(secret).at(now)


async def letters(world: World) -> list[tuple[str, str]]:
    """To whom, and the six digits, the oldest first."""

    async def work(tx: Any) -> list[tuple[str, str]]:
        rows = (await tx.session.execute(select(Letter).order_by(Letter.created_at, Letter.id))).scalars()
        return [(to, str(body)[:6]) for to, body in (opened(tx, row) for row in rows)]

    found: list[tuple[str, str]] = await system(world, work)
    return found


async def account_row(world: World, actor: Actor) -> Any:
    """The account as the owner of the tables sees it."""
    async with world.souk.owner.engine.begin() as connection:
        return (await connection.execute(text("SELECT * FROM account WHERE id = :id"), {"id": actor.account_id})).one()
