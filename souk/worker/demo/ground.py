"""The ground of a demo tenant: its row, its settings, its people, and the words with which the rest is seeded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import strawberry
from sqlalchemy import text

from ...db.session import Database, Transaction, system_actor
from ...engine.scalars import DateTime
from ...engine.symbols import write_id
from ...gateways.storage import Directory
from ...models import Category, FeatureFlag, Membership, Tenant, TenantHost, TenantSettings, User
from ...resolvers.observation import STOCK
from ...rules.actor import STAFF, Actor, Role
from .secret import Secret

SPACE = uuid5(UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), "demo.souk")  # RFC 9562's namespace of names


def tenant_id_of(slug: str) -> UUID:
    return uuid5(SPACE, slug)


FLAGS: tuple[tuple[str, str, tuple[Role, ...], int], ...] = (
    ("desk.new-editor", "The new editor of comments.", (Role.AGENT, Role.OPS), 100),
    ("listing.compare", "Listings beside each other.", (), 50),
    ("dashboard.map", "The map of dealers on the dashboard.", (), 0),
)
"""Key, what it is, for which roles (none: every one), for which share."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What seeding needs: the database as owner, application and worker, the storage, and the secret of the tokens."""

    owner: Database
    app: Database
    worker: Database
    files: Directory
    secret: Secret


@dataclass
class Ground:
    """One tenant being seeded; `now` is the moment of seeding, cut to the hour."""

    slug: str
    doors: Doors
    now: datetime
    people: dict[str, Actor] = field(default_factory=dict)
    dealers: dict[str, UUID] = field(default_factory=dict)
    _made: int = 0

    @property
    def tenant_id(self) -> UUID:
        return tenant_id_of(self.slug)

    def id(self, *words: object) -> UUID:
        """The id of what these words name in this tenant."""
        return uuid5(SPACE, " ".join(map(str, (self.slug, *words))))

    def following(self) -> UUID:
        """The next id of what nobody names."""
        self._made += 1
        return uuid5(SPACE, f"{self.slug} #{self._made}")

    def ago(self, **of: float) -> datetime:
        return self.now - timedelta(**of)

    def gid(self, type_name: str, id_: UUID) -> strawberry.ID:
        return strawberry.ID(write_id(type_name, id_))

    def ahead(self, **of: float) -> DateTime:
        return DateTime(self.now + timedelta(**of))

    def key(self, *words: object) -> strawberry.ID:
        """An idempotency key."""
        return strawberry.ID(str(self.id("key", *words)))

    @asynccontextmanager
    async def act(self, who: str | None, op: str, at: datetime) -> AsyncIterator[Transaction]:
        """A transaction of one of the people, or of the system."""
        actor = system_actor(self.tenant_id) if who is None else self.people[who]
        async with self.doors.app.transaction(actor, op, now=at, system=who is None) as tx:
            yield tx


async def make_tenant(ground: Ground, name: str, hosts: tuple[str, ...]) -> None:
    """The tenant with its hosts and settings; the settings were changed twice, the last ones count."""
    at, system = ground.ago(days=400), system_actor(ground.tenant_id)
    async with ground.doors.owner.transaction(system, "tenantCreate", now=at, system=True) as tx:
        tenant = Tenant(
            id=ground.tenant_id, slug=ground.slug, name=name, status="ACTIVE", default_currency="INR", country="IN",
            timezone="Asia/Kolkata", locale="en-IN", tax_profile="SELLER", demo=True, created_at=at,
        )  # fmt: skip
        tx.session.add(tenant)
        await tx.session.flush()
        for n in (1, 2, 3):
            tx.add(
                TenantSettings(
                    id=ground.id("settings", n), n=n, current=n == 3, four_eyes={"INR": 5_000_000},
                    severity_ref={"INR": 1_000_000}, listing_days=(30, 45, 60)[n - 1],
                )
            )  # fmt: skip
        for key, about, roles, percentage in FLAGS:
            flag = FeatureFlag(id=ground.id("flag", key), key=key, about=about, enabled=True, percentage=percentage)
            flag.roles = list(roles)
            tx.add(flag)
        tx.add(Category(id=ground.id("category", "Appeal"), kind="TICKET", name="Appeal", purpose="APPEAL"))
        for host in hosts:
            tx.add(TenantHost(id=ground.id("host", host), host=host))
        await tx.due(STOCK, tenant.id, ground.now + timedelta(days=1))
        tx.emit("tenant.created", tenant)


async def add_person(
    tx: Transaction, ground: Ground, login: str, name: str, role: Role, *, dealer_id: UUID | None = None, n: int = 0
) -> None:
    """Somebody with one membership; `login` is the local part of the address and the word by which others name them."""
    email = f"{login}@{ground.slug}.example"
    account = await tx.session.execute(
        text("SELECT souk.account_for(:id, :email, NULL)"), {"id": ground.id("account", login), "email": email}
    )
    phone = f"+9198{int.from_bytes(ground.id('phone', login).bytes[:4]) % 10**8:08d}"
    user = tx.add(
        User(
            id=ground.id("user", login), account_id=account.scalar_one(), name=name, email=email, phone=phone,
            locale="en-IN", status="ACTIVE", staff=role in STAFF,
        )
    )  # fmt: skip
    user.created_at = tx.now + timedelta(minutes=n)
    await tx.session.flush()
    member = tx.add(
        Membership(
            id=ground.id("membership", login), user_id=user.id, role=role, dealer_id=dealer_id,
            all_teams=role is Role.AGENT,
        )
    )  # fmt: skip
    tx.emit("user.created", user)
    ground.people[login] = Actor(
        ground.tenant_id, role, user_id=user.id, dealer_id=dealer_id, membership_id=member.id,
        all_teams=role is Role.AGENT,
    )  # fmt: skip
