"""A tenant made for one test, with somebody of every role, and the way to ask as any of them.

`ask` answers a query on both roads and holds them equal, so that each document of the suite is also a case of the
differential test; a query that is not fused fails unless its root computes what it answers, or the test says why
(`executor="the reason"`, as the engine words it).
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from graphql import GraphQLObjectType
from sqlalchemy import ARRAY, Text, Uuid, bindparam, text

from souk.context import Context
from souk.db.connect import Limits
from souk.db.sealing import Keyring
from souk.db.session import Database
from souk.engine.notes import note_of
from souk.engine.pool import Pool
from souk.engine.run import Runner
from souk.engine.symbols import write_id
from souk.models import Dealer, Membership, Tenant, TenantSettings, User, new_id
from souk.resolvers.document import judged_by
from souk.rules.actor import STAFF, Actor, Role
from souk.schema import schema
from souk.settings import Settings
from souk.web.documents import judge_of

LEFT = re.compile(  # why a document may be left to the executor: the client's fault, a null that bubbles, introspection
    r"variables|null for a non-null field|introspection|Query\.__(schema|type)|Not a cursor|A page has|Ask for first or for last|At most \d+ ids"
    r"|BadInput|a list of more than|DataError|not valid|has \d digits|ISO 4217|amount is too large|A range (ends|has)|A draft has|Expected value of type"
)


def computed() -> frozenset[str]:
    """What computes its answer instead of reading rows, `Query.name`: roots by the word `query`, and fields with a resolver."""
    found = set()
    for name in ("Query", "Viewer"):
        type_ = schema._schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType)
        declared = {field: each.extensions.get("strawberry-definition") for field, each in type_.fields.items()}
        found |= {f"{name}.{field}" for field, each in declared.items() if each is not None and note_of(each) is None}
    return frozenset(found)


COMPUTED = computed()


def may_be_left(reason: str) -> bool:
    """Whether a document may be left to the executor for this reason; any other is a gap of the compiler."""
    return reason in COMPUTED or LEFT.search(reason) is not None


NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KEYRING = Keyring(Keyring.generate())
PATIENT = Limits(statement=60, lock=30, idle_in_transaction=60)  # a busy machine is no failure of the product


@dataclass
class Souk:
    """What a process holds: the write door as the application and as the owner, and the runner of reads."""

    app: Database
    owner: Database
    pool: Pool
    runner: Runner

    @classmethod
    def open(cls, url: str) -> "Souk":
        judged_by(judge_of(Settings()))
        pool = Pool(dsn=url, settings={"role": "souk_app"})
        return cls(
            Database(url, KEYRING, limits=PATIENT, wait=30),
            Database(url, KEYRING, "souk_owner", PATIENT, wait=30),
            pool,
            Runner(schema, pool, decrypt=KEYRING.open),
        )

    async def close(self) -> None:
        await self.pool.close()
        await self.app.close()
        await self.owner.close()


@dataclass
class World:
    """One tenant with two dealers and somebody of each role."""

    souk: Souk
    tenant_id: UUID
    actors: dict[Role, Actor]
    dealer: UUID
    other_dealer: UUID
    other_dealer_actor: Actor
    other_customer: Actor
    now: datetime = NOW
    counter: int = 0
    more: dict[str, Any] = field(default_factory=dict)

    def actor(self, who: Role | Actor) -> Actor:
        return self.actors[who] if isinstance(who, Role) else who

    def service(self, *scopes: str, dealer_id: UUID | None = None) -> Actor:
        """A service token with these scopes."""
        return Actor(self.tenant_id, Role.SERVICE, token_id=uuid4(), scopes=frozenset(scopes), dealer_id=dealer_id)

    def context(self, who: Role | Actor) -> Context:
        return Context(self.actor(who), request_id="test", now=self.now, db=self.souk.app)

    async def ask(
        self, who: Role | Actor, document: str, variables: dict[str, Any] | None = None, *, executor: str | None = None
    ) -> dict[str, Any]:
        """The whole response, `{"data": …, "errors": …}`; a query on both roads, equal byte for byte."""
        context, runner = self.context(who), self.souk.runner
        answer = await runner.answer(document, variables, None, context)
        operation = runner.operation(document)
        if operation is not None and operation.is_query:
            if executor is not None:
                assert not answer.fused and executor in str(answer.reason), answer.reason
            elif b'"data"' in answer.body:
                assert answer.fused or answer.reason in COMPUTED, answer.reason
            batched = await runner.batched(document, variables, None, context)
            assert answer.body == batched.body
        found: dict[str, Any] = json.loads(answer.body)
        return found

    async def data(self, who: Role | Actor, document: str, variables: dict[str, Any] | None = None) -> Any:
        """The data of a response without errors."""
        found = await self.ask(who, document, variables)
        assert "errors" not in found, found["errors"]
        return found["data"]

    async def do(self, who: Role | Actor, mutation: str, selection: str, /, **given: Any) -> dict[str, Any]:
        """The payload of one mutation; `given` is its input, in the schema's names."""
        type_ = mutation[0].upper() + mutation[1:] + "Input"
        document = f"mutation($input: {type_}!) {{ {mutation}(input: $input) {{ {selection} userErrors {{ code message field }} }} }}"
        found = await self.ask(who, document, {"input": given})
        assert found.get("data", {}).get(mutation) is not None, found
        payload: dict[str, Any] = found["data"][mutation]
        return payload

    def key(self) -> str:
        """A fresh idempotency key."""
        self.counter += 1
        return f"key-{self.tenant_id}-{self.counter}"

    def id(self, type_name: str, row_id: UUID) -> str:
        return write_id(type_name, row_id)

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        """Rows of this tenant as the owner of the tables sees them."""
        async with self.souk.owner.engine.begin() as connection:
            await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(self.tenant_id)})
            return list((await connection.execute(text(sql), values)).all())

    async def at_the_door(self, sql: str, **values: Any) -> list[Any]:
        """What a function of the door tells the application, before there is a tenant."""
        async with self.souk.app.engine.connect() as connection:
            return list((await connection.execute(text(sql), values)).all())

    async def set(self, **thresholds: Any) -> None:
        """Another version of the settings, with these thresholds."""
        names = [c.key for c in TenantSettings.__table__.columns if c.key not in ("id", "created_at", "n", "current")]
        async with self.souk.app.transaction(
            Actor(self.tenant_id, Role.OWNER), "test", now=self.now, system=True
        ) as tx:
            before = await tx.settings()
            before.current = False
            await tx.session.flush()
            kept = {name: getattr(before, name) for name in names}
            after = tx.add(TenantSettings(id=new_id(), n=before.n + 1, current=True, **{**kept, **thresholds}))
            tx.emit("test.made", after)

    async def add(self, *rows: Any) -> None:
        """Rows written straight into the tenant, with an event so that the journal is content."""
        async with self.souk.app.transaction(
            Actor(self.tenant_id, Role.OWNER), "test", now=self.now, system=True
        ) as tx:
            for row in rows:
                tx.add(row)
                await tx.session.flush()
            tx.emit("test.made", rows[0])


async def make_world(souk: Souk, slug: str | None = None) -> World:
    """A fresh tenant, with settings, two dealers, and people."""
    tenant_id = uuid4()
    system = Actor(tenant_id, Role.OWNER)
    tenant = Tenant(
        id=tenant_id,
        slug=slug or f"t-{tenant_id.hex[:12]}",
        name="Test",
        status="ACTIVE",
        default_currency="INR",
        country="IN",
        timezone="Asia/Kolkata",
        locale="en",
        tax_profile="SELLER",
        demo=True,
        created_at=NOW,
    )
    async with souk.owner.transaction(system, "tenantCreate", now=NOW, system=True) as tx:
        tx.session.add(tenant)
        await tx.session.flush()
        tx.add(
            TenantSettings(
                id=new_id(), n=1, current=True, four_eyes={"INR": 5_000_000}, severity_ref={"INR": 1_000_000}
            )
        )
        tx.emit("tenant.created", tenant)
    dealers = [
        Dealer(id=new_id(), kind="DEALERSHIP", name=name, city="Pune", city_key="pune", phone="+919800000001",
               email="dealer@example.com", tax_id="TAX-1", verification="VERIFIED", standing="GOOD")
        for name in ("First Motors", "Second Motors")
    ]  # fmt: skip
    actors: dict[str, Actor] = {}
    async with souk.app.transaction(system, "test", now=NOW, system=True) as tx:
        for dealer in dealers:
            tx.add(dealer)
        await tx.session.flush()
        people = [
            *((role.value, role, None) for role in STAFF),
            ("DEALER", Role.DEALER, dealers[0].id),
            ("DEALER2", Role.DEALER, dealers[1].id),
            ("CUSTOMER", Role.CUSTOMER, None),
            ("CUSTOMER2", Role.CUSTOMER, None),
        ]
        emails = [f"{name.lower()}@{tenant_id.hex}.example.com" for name, _, _ in people]
        accounts = await tx.session.scalars(
            text("SELECT souk.account_for(id, email, NULL) FROM unnest(:ids, :emails) WITH ORDINALITY AS a(id, email, n)"
                 " ORDER BY n").bindparams(bindparam("ids", type_=ARRAY(Uuid)), bindparam("emails", type_=ARRAY(Text))),
            {"ids": [new_id() for _ in people], "emails": emails},
        )  # fmt: skip
        users = [
            tx.add(User(id=new_id(), account_id=account, name=f"{name} person", status="ACTIVE",
                        email=f"{name.lower()}@example.com", phone="+919800000002", staff=role in STAFF))
            for (name, role, _), account in zip(people, accounts, strict=True)
        ]  # fmt: skip
        await tx.session.flush()
        for (name, role, dealer_id), user in zip(people, users, strict=True):
            member = tx.add(
                Membership(id=new_id(), user_id=user.id, role=role, dealer_id=dealer_id, all_teams=role is Role.AGENT)
            )
            actors[name] = Actor(
                tenant_id, role, user_id=user.id, dealer_id=dealer_id, membership_id=member.id,
                all_teams=role is Role.AGENT, account_id=user.account_id, mfa_at=NOW,
            )  # fmt: skip
        tx.emit("test.made", dealers[0])
    by_role = {role: actors[role.value] for role in (*STAFF, Role.DEALER, Role.CUSTOMER)}
    by_role[Role.PUBLIC] = Actor(tenant_id, Role.PUBLIC)
    return World(souk, tenant_id, by_role, dealers[0].id, dealers[1].id, actors["DEALER2"], actors["CUSTOMER2"])
