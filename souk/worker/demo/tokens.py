"""How the demo's people sign in: real sessions, whose tokens can be told again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid5

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from ...db.session import system_actor
from ...models import Membership, Session, User
from .ground import SPACE, Doors, tenant_id_of

LIFETIME = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Shown:
    """A demo user's way in. `user` is the e-mail address."""

    tenant: str
    role: str
    user: str
    token: str


async def tokens(doors: Doors, slug: str, now: datetime) -> list[Shown]:
    """Every person of a demo tenant with a session that is good for 30 days from now, in the order of their making."""
    tenant = tenant_id_of(slug)
    async with doors.app.transaction(system_actor(tenant), "demoTokens", now=now, system=True) as tx:
        asked = (
            select(Membership, User.email, User.account_id)
            .join(User, (User.tenant_id == Membership.tenant_id) & (User.id == Membership.user_id))
            .where(Membership.tenant_id == tenant, Membership.ended_at.is_(None))
            .order_by(User.created_at, User.name, User.id)
        )
        found = (await tx.session.execute(asked)).all()
        shown = []
        for member, email, account in found:
            if email is None:
                continue
            token = doors.secret.token(slug, email, member.role)
            row = {
                "tenant_id": tenant, "id": uuid5(SPACE, f"{slug} session {member.id}"), "created_at": now,
                "membership_id": member.id, "carrier": "BEARER", "hash": sha256(token.encode()).digest(),
                "expires_at": now + LIFETIME, "ends_at": now + LIFETIME, "account_id": account,
            }  # fmt: skip
            made = insert(Session).values(row)
            again = {name: row[name] for name in ("expires_at", "ends_at", "hash")} | {"revoked_at": None}
            await tx.session.execute(made.on_conflict_do_update(index_elements=["tenant_id", "id"], set_=again))
            shown.append(Shown(slug, member.role, email, token))
        return shown
