"""Two tenants with rows in every table: what the proofs over the whole schema ask, and what they must not see.

`make_bazaar` makes one; `rows_of` says what each table holds. Every state of the machines is there, every kind, and for
each role something of its own, something of others, and something of the other tenant.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from hashlib import sha256
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from souk import models as m
from souk.db.sealing import place
from souk.engine.symbols import write_id
from souk.models import new_id
from souk.permissions.roles import MATRIX
from souk.resolvers.chronicle import tell
from souk.resolvers.evidence import Sale
from souk.resolvers.observation import observe_price
from souk.rules import enums as e
from souk.rules.actor import Actor, Role
from tests.bazaar_exports import add_exports
from tests.world import KEYRING, NOW, Souk, World, make_world

EVERY_SCOPE = frozenset(MATRIX)
DAY = timedelta(days=1)
STORED = f"{'0' * 32}/{'0' * 32}"
"""The file of every upload, for a test that gives the transaction a directory with it."""


@dataclass
class Bazaar:
    """A full tenant. `own` are ids by type name, `actors` somebody of each of the ten roles; `others` are further people."""

    world: World
    actors: dict[Role, Actor]
    others: list[Actor]
    own: dict[str, list[str]] = field(default_factory=dict)

    @property
    def tenant_id(self) -> UUID:
        return self.world.tenant_id

    @property
    def everybody(self) -> list[Actor]:
        return [*self.actors.values(), *self.others]


TYPE_OF_TABLE = {mapper.class_.__tablename__: mapper.class_.__name__ for mapper in m.Model.registry.mappers}


async def rows_of(souk: Souk, tenant_id: UUID) -> dict[str, int]:
    """How many rows each table with a tenant holds for this one."""
    found = {}
    async with souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(tenant_id)})
        for name, table in m.Model.metadata.tables.items():
            if "tenant_id" in table.c:
                counted = text(f"SELECT count(*) FROM {name} WHERE tenant_id = :t")
                found[name] = (await connection.execute(counted, {"t": tenant_id})).scalar_one()
    return found


async def make_bazaar(souk: Souk) -> Bazaar:
    """A fresh tenant with rows in every table."""
    world = await make_world(souk)
    made = _Maker(world)
    await made.all()
    bazaar = Bazaar(world, made.actors, made.others)
    async with souk.owner.engine.begin() as connection:
        await connection.execute(text("SELECT set_config('souk.tenant_id', :t, true)"), {"t": str(world.tenant_id)})
        for name, table in m.Model.metadata.tables.items():
            if "tenant_id" in table.c and "id" in table.c:
                ids = await connection.execute(
                    text(f"SELECT id FROM {name} WHERE tenant_id = :t ORDER BY 1"), {"t": world.tenant_id}
                )
                bazaar.own[TYPE_OF_TABLE[table.name]] = [write_id(TYPE_OF_TABLE[table.name], id_) for (id_,) in ids]
    return bazaar


class _Maker:
    def __init__(self, world: World) -> None:
        self.world, self.actors, self.others = (
            world,
            dict(world.actors),
            [world.other_dealer_actor, world.other_customer],
        )
        self.numbers = iter(range(1, 100_000))
        people = world.actors
        self.customer, self.customer2 = people[Role.CUSTOMER].user_id, world.other_customer.user_id
        self.sales, self.agent, self.ops = (people[role].user_id for role in (Role.SALES, Role.AGENT, Role.OPS))
        self.dealers = [world.dealer, world.other_dealer]

    async def all(self) -> None:
        for part in (self.people, self.catalogue, self.listings, self.leads, self.trade, self.desk, self.margin, self.work,
                     self.batches, partial(add_exports, self, STORED), self.system):  # fmt: skip
            await part()

    def at(self) -> dict[str, Any]:
        """A moment of its own, so that orders by time have few ties."""
        return {"created_at": NOW - timedelta(minutes=next(self.numbers) // 2)}

    def new(self, model: Any, /, **given: Any) -> Any:
        return model(**({"id": new_id()} | self.at() | given))

    async def add(self, *rows: Any) -> None:
        await self.world.add(*rows)

    async def people(self) -> None:
        world = self.world
        teams = [self.new(m.Team, name=f"Team {n}") for n in (1, 2, 3)]
        third = self.new(m.Dealer, kind="CASTING", name="Third Casting", city="Mumbai", city_key="mumbai", verification="PENDING",
                         standing="WATCH", standing_reason="Seen too cheap.", phone="+919800000009", address="Road 1\nMumbai")  # fmt: skip
        away = self.new(m.Dealer, kind="PUBLISHER", name="Away", verification="REJECTED", verification_reason="Unreadable.",
                        standing="TERMINATED", deleted_at=NOW)  # fmt: skip
        hosts = [self.new(m.TenantHost, host=f"{n}.{world.tenant_id.hex}.example.com") for n in (1, 2, 3)]
        await self.add(*teams, third, away, *hosts)
        self.dealers += [third.id, away.id]
        self.teams = [team.id for team in teams]
        agent = world.actors[Role.AGENT]
        await self.add(
            *(self.new(m.MembershipTeam, membership_id=agent.membership_id, team_id=team) for team in self.teams),
            *(self.new(m.Session, account_id=who.account_id, membership_id=who.membership_id, carrier="BEARER", hash=uuid4().bytes * 2,
                       expires_at=NOW + DAY, ends_at=NOW + DAY, ip="192.0.2.7", agent="Phone")
              for who in world.actors.values() if who.membership_id),
            *(self.new(m.FeatureFlag, key=f"flag-{n}", about=f"Flag {n}", enabled=n > 1, roles=roles, percentage=percentage)
              for n, roles, percentage in ((1, [], 100), (2, ["OPS", "DEALER"], 100), (3, [], 50))),
        )  # fmt: skip
        for days in (60, 30):  # versions, each made of the one before
            await world.set(listing_days=days)
        await self.signing_in()
        tokens = [self.new(m.ServiceToken, name=f"Token {n}", prefix=f"tok{n}", hash=uuid4().bytes * 2, expires_at=NOW + 9 * DAY,
                           scopes=sorted(EVERY_SCOPE), dealer_id=dealer) for n, dealer in enumerate((None, self.dealers[0], None))]  # fmt: skip
        await self.add(*tokens)
        self.token = tokens[0].id
        tenant = world.tenant_id
        self.actors[Role.SERVICE] = Actor(tenant, Role.SERVICE, token_id=tokens[0].id, scopes=EVERY_SCOPE)
        self.others += [
            Actor(tenant, Role.SERVICE, token_id=tokens[1].id, scopes=EVERY_SCOPE, dealer_id=self.dealers[0]),
            Actor(tenant, Role.SERVICE, token_id=tokens[2].id, scopes=frozenset({"listing:read", "lead:read"})),
            Actor(
                tenant, Role.AGENT, user_id=agent.user_id, membership_id=agent.membership_id, team_ids=(self.teams[0],)
            ),
        ]

    async def signing_in(self) -> None:
        people, key = list(self.world.actors.values()), uuid4().bytes * 2
        await self.add(
            *(self.new(m.SignInChallenge, purpose="CODE", channel="SMS" if n else "EMAIL", key_hash=key, key_enc=b"k", code_hash=uuid4().bytes * 2,
                       attempts=n, ip="192.0.2.7", expires_at=NOW) for n in range(3)),
            *(self.new(m.LoginAttempt, key_hash=key, user_id=who.user_id, method="CODE", outcome="WRONG", ip="192.0.2.7", agent="Phone")
              for who in people if who.user_id),
            *(self.new(m.Letter, channel="EMAIL", status="KEPT", to_enc=b"t", subject="Your code", body_enc=b"b", expires_at=NOW) for _ in range(3)),
        )  # fmt: skip

    async def catalogue(self) -> None:
        parent = self.new(m.Category, kind="LISTING", name="Motorcycles")
        await self.add(
            parent,
            self.new(m.Category, kind="TICKET", name="Billing"),
            self.new(m.Category, kind="TICKET", name="Appeal"),
        )
        child = self.new(m.Category, kind="LISTING", name="Cruisers", parent_id=parent.id)
        old = self.new(m.Category, kind="LISTING", name="Tricycles", parent_id=parent.id, archived_at=NOW)
        grandchild = self.new(m.Category, kind="LISTING", name="Old cruisers", parent_id=child.id)
        await self.add(child, old)
        await self.add(grandchild)
        self.categories, self.ticket_categories = [parent.id, child.id, grandchild.id], []
        self.skus = [self.new(m.Sku, code=f"SKU-{n}", name=f'Thing "{n}"', brand="Brand" if n % 2 else None, currency=currency,
                              mrp_minor=100_000, cost_minor=40_000 + n, ean=None, mpn=f"M{n}")
                     for n, currency in enumerate(("INR", "INR", "INR", "JPY", "KWD"), 1)]  # fmt: skip
        self.competitors = [
            self.new(m.Competitor, name=f"Rival {n}", domain=f"rival{n}.example.com") for n in (1, 2, 3)
        ]
        await self.add(*self.skus, *self.competitors)
        outcomes = cycle(("FOUND", "FOUND", "PARSE_FAILED", "ACCESS_LIMITED"))
        await self.add(*(
            self.new(m.CompetitorSnapshot, competitor_id=rival.id, sku_id=sku.id, captured_at=NOW - n * DAY, currency=sku.currency,
                     url=f"https://{rival.domain}/{n}", outcome=outcome, price_minor=90_000 if outcome == "FOUND" else None)
            for n, (rival, sku, outcome) in enumerate((r, s, next(outcomes)) for r in self.competitors for s in self.skus[:2])
        ))  # fmt: skip

    async def listings(self) -> None:
        self.rows: list[Any] = []
        details: list[Any] = []
        kinds = cycle(("VEHICLE", "CASTING_CALL", "PRODUCT"))
        for n, status in enumerate([*e.ListingStatus, *[e.ListingStatus.ACTIVE] * 14]):
            kind, price = next(kinds), None if n % 5 == 4 else 50_000 + n // 2 * 1000
            row = self.new(
                m.Listing, dealer_id=self.dealers[(n + n // 3) % 3], kind=kind, status=status, title=f"Listing {n // 2} é", description=None if n % 3 else "Text\n\t<b>",
                price_minor=price, price_order=price or 2**62, currency="JPY" if n % 7 == 6 else "INR", floor_minor=40_000, auto_accept_minor=60_000,
                auto_decline_minor=10_000, capacity=1 if kind == "VEHICLE" else None, visibility="PRIVATE" if n % 4 == 3 else "PUBLIC",
                status_before_suspension="ACTIVE" if status == "SUSPENDED" else None, city="Pune" if n % 2 else None,
                city_key="pune" if n % 2 else None, expires_at=NOW + 30 * DAY, category_id=self.categories[n % 3] if n % 2 else None,
                sku_id=self.skus[n // 3 % 3].id if kind == "PRODUCT" else None, published_at=NOW - DAY, deleted_at=NOW if n == 20 else None,
            )  # fmt: skip
            self.rows.append(row)
            if kind == "VEHICLE":
                sealed = KEYRING.seal(
                    f"MH12 {n}", place(self.world.tenant_id, "vehicle_detail", "registration_number_enc", row.id)
                )
                details.append(self.new(m.VehicleDetail, id=row.id, make="Maker", make_key="maker", model="M", year=2015 + n % 5, km=n * 100,
                                        fuel="PETROL", registration_number_enc=sealed, registration_hash=KEYRING.hash(f"MH12{n}")))  # fmt: skip
            elif kind == "CASTING_CALL":
                details.append(
                    self.new(
                        m.CastingDetail, id=row.id, role="Lead", age_from=20, age_to=30, fee_minor=5000, currency="INR"
                    )
                )
            else:
                details.append(
                    self.new(m.ProductDetail, id=row.id, availability="IN_STOCK", source_id="feed", external_id=str(n))
                )
        await self.add(*self.rows)
        await self.add(*details)
        private = [row for row in self.rows if row.visibility == "PRIVATE"]
        await self.add(*(
            self.new(m.ListingAudience, listing_id=row.id, **given)
            for n, row in enumerate(private)
            for given in ({"dealer_id": self.dealers[n % 2]}, {"user_id": (self.customer, self.customer2)[n % 2]})
        ))  # fmt: skip
        await self.add(*(self.new(m.ExternalRef, source="feed", type="LISTING", external_id=f"L{n}", subject_id=row.id)
                         for n, row in enumerate(self.rows[:4])),
                       *(self.new(m.ExternalRef, source="erp", type=type_, external_id=f"X{n}", subject_id=id_) for n, (type_, id_) in
                         enumerate((("SKU", self.skus[0].id), ("DEALER", self.dealers[0]), ("DEALER", self.dealers[1])))))  # fmt: skip

    async def leads(self) -> None:
        self.lead_ids: list[UUID] = []
        leads, unlocks = [], []
        people = cycle((self.customer, self.customer2, None, self.world.actors[Role.DEALER].user_id))
        for n, status in enumerate([*e.LeadStatus, *e.LeadStatus]):
            id_, listing = new_id(), self.rows[n % len(self.rows)]
            shared = n % 3 == 0

            def sealed(column: str, value: str, id_: UUID = id_) -> bytes:
                return KEYRING.seal(value, place(self.world.tenant_id, "lead", column, id_))

            leads.append(self.new(
                m.Lead, id=id_, listing_id=listing.id, dealer_id=listing.dealer_id, user_id=next(people), assignee_id={1: self.sales, 2: self.ops}.get(n % 3),
                status=status, distribution="SHARED" if shared else "EXCLUSIVE", tier="ABC"[n % 3], source="WEB", unlock_cost=3,
                contact_name_enc=sealed("contact_name_enc", f"Asker {n}"), contact_phone_enc=sealed("contact_phone_enc", "+919876543210"),
                contact_email_enc=None if n % 2 else sealed("contact_email_enc", f"asker{n}@example.com"),
                message_enc=sealed("message_enc", 'I ask "this"\n'), phone_hash=KEYRING.hash("+919876543210"), max_unlocks=3 if shared else 1,
                unlock_count=2 if shared and n % 2 else 0, expires_at=NOW + 30 * DAY, lost_reason="PRICE" if status == "LOST" else None,
            ))  # fmt: skip
            if shared and n % 2:
                unlocks += [self.new(m.LeadUnlock, lead_id=id_, dealer_id=dealer, price_credits=3, status="REFUNDED" if n % 4 == 1 and k else "OPEN")
                            for k, dealer in enumerate(self.dealers[:2])]  # fmt: skip
        self.lead_ids = [lead.id for lead in leads]
        await self.add(*leads)
        await self.add(*unlocks)

    async def trade(self) -> None:
        offers, revisions, deals = [], [], []
        proposers = cycle((
            {"proposer_user_id": self.customer}, {"proposer_user_id": self.customer2},
            {"proposer_user_id": self.world.actors[Role.DEALER].user_id, "proposer_dealer_id": self.dealers[0]},
            {"proposer_user_id": self.world.other_dealer_actor.user_id, "proposer_dealer_id": self.dealers[1]},
        ))  # fmt: skip
        listings = [row for row in self.rows if row.status == "ACTIVE" and row.deleted_at is None]
        for n, status in enumerate([*e.OfferStatus, *e.OfferStatus, *[e.OfferStatus.ACCEPTED] * 4]):
            proposer = next(proposers)
            listing = listings[n % len(listings)]
            if listing.dealer_id == proposer.get("proposer_dealer_id"):
                listing = next(row for row in listings if row.dealer_id != listing.dealer_id)
            offer = self.new(m.Offer, listing_id=listing.id, direction="BUY", status=status, owner_dealer_id=listing.dealer_id, head_party="OWNER",
                             amount_minor=40_000 + n // 2 * 100, proposer_amount_minor=39_000, owner_amount_minor=40_000 + n // 2 * 100,
                             currency=listing.currency, expires_at=NOW + DAY, version=2, **proposer)  # fmt: skip
            offers.append(offer)
            revisions += [
                self.new(m.OfferRevision, offer_id=offer.id, n=1, by_party="PROPOSER", by_user_id=proposer["proposer_user_id"], amount_minor=39_000,
                         currency=offer.currency, message="For a friend."),
                self.new(m.OfferRevision, offer_id=offer.id, n=2, by_party="OWNER", amount_minor=offer.amount_minor, currency=offer.currency),
            ]  # fmt: skip
            if status == "ACCEPTED":
                deals.append(self.new(
                    m.Deal, listing_id=listing.id, offer_id=offer.id, kind="SALE", settlement="ESCROW", status=list(e.DealStatus)[len(deals)],
                    exclusive=False, payer_user_id=proposer["proposer_user_id"], payer_dealer_id=proposer.get("proposer_dealer_id"),
                    payee_dealer_id=listing.dealer_id, net_minor=offer.amount_minor, vat_minor=0, gross_minor=offer.amount_minor,
                    currency=offer.currency, payment_due_at=NOW + DAY,
                ))  # fmt: skip
        self.offers = [offer.id for offer in offers]
        await self.add(*offers)
        await self.add(*revisions)
        await self.add(*deals)

    async def desk(self) -> None:
        tickets, more = [], []
        staff = [self.world.actors[role].user_id for role in (Role.OWNER, Role.ADMIN, Role.OPS, Role.AGENT)]
        people = cycle((self.customer, self.customer2, self.world.actors[Role.DEALER].user_id, self.sales, *staff))
        for n, status in enumerate([*e.TicketStatus, *e.TicketStatus]):
            who = next(people)
            subject = {
                1: ("LISTING", self.rows[0].id),
                2: ("DEALER", self.dealers[0]),
                3: ("LEAD", self.lead_ids[0]),
            }.get(n % 4, (None, None))
            ticket = self.new(
                m.Ticket, number=n + 1, status=status, priority=list(e.TicketPriority)[n % 4], subject=f"Ticket {n // 2}", body_markdown="Some *words*",
                body_html="<p>Some <em>words</em></p>", subject_type=subject[0], subject_id=subject[1], requester_id=who,
                requester_dealer_id=self.dealers[0] if who == self.world.actors[Role.DEALER].user_id else None,
                assignee_id=self.agent if n % 2 else None, team_id=self.teams[n % 3] if n % 4 else None, requester_replied_at=NOW,
                hold_reason="Waits" if status == "ON_HOLD" else None, follow_up_of_id=tickets[0].id if n > 6 else None,
                duplicate_of_id=tickets[1].id if status == "CANCELLED" else None, deleted_at=NOW if n == 9 else None,
            )  # fmt: skip
            tickets.append(ticket)
            more += [self.new(m.TicketComment, ticket_id=ticket.id, author_id=author, visibility=visibility, by_requester=author == who,
                              body_markdown=f"Said {visibility}", body_html=f"<p>Said {visibility}</p>")
                     for author, visibility in ((who, "PUBLIC"), (self.agent, "PUBLIC"), (self.agent, "INTERNAL"), (None, "PUBLIC"))]  # fmt: skip
            if n % 3 == 0:
                more.append(
                    self.new(
                        m.TicketCc,
                        ticket_id=ticket.id,
                        user_id=self.customer2 if who == self.customer else self.customer,
                    )
                )
        for ticket in tickets:
            await self.add(ticket)
        await self.add(*more)
        self.tickets = [ticket.id for ticket in tickets]

    async def margin(self) -> None:
        policies, versions = [], []
        for n, (sku, kind) in enumerate((sku, kind) for sku in self.skus[:2] for kind in e.PolicyKind):
            amount = 100_000 if kind != "MRP_CEILING" else 120_000
            policy = self.new(m.PricePolicy, sku_id=sku.id, kind=kind, currency="INR", head_version=2, amount_minor=amount, valid_from=NOW - 200 * DAY,
                              tolerance_bp=100, valid_to=NOW + 9 * DAY if n == 1 else None)  # fmt: skip
            policies.append(policy)
            versions += [self.new(m.PricePolicyVersion, policy_id=policy.id, n=k, amount_minor=amount, currency="INR", tolerance_bp=100, tolerance_minor=0,
                                  valid_from=policy.valid_from, valid_to=policy.valid_to, recorded_at=NOW - (200 - k) * DAY, recorded_by=self.ops)
                         for k in (1, 2)]  # fmt: skip
        exceptions = [self.new(m.PriceException, policy_id=policies[0].id, starts_at=NOW + n * DAY, ends_at=NOW + (n + 1) * DAY, every_dealer=False,
                               amount_minor=None if n % 2 else 90_000, currency="INR", channel="web" if n % 2 else None, reason="Sale")
                      for n in range(30, 34)]  # fmt: skip
        await self.add(*policies)
        await self.add(*versions)
        await self.add(*exceptions)
        await self.add(
            *(self.new(m.PriceExceptionDealer, exception_id=each.id, dealer_id=self.dealers[0]) for each in exceptions)
        )
        self.alerts: list[UUID] = []
        for n, (sku, dealer) in enumerate((sku, dealer) for sku in self.skus[:2] for dealer in self.dealers[:3]):
            at = NOW - timedelta(days=9 - n)
            sales = [
                Sale(at - k * DAY, 2 + k, 85_000, f"r{n}-{k}", dealer_id=None if k else self.dealers[(n + 1) % 3])
                for k in range(3)
            ]
            async with self.world.souk.app.transaction(
                Actor(self.world.tenant_id, Role.OWNER), "test", now=at, system=True
            ) as tx:
                raised = await observe_price(tx, sku_id=sku.id, price=85_000 - n * 2_000, currency="INR", captured_at=at, dealer_id=dealer,
                                             url="https://example.com/a", sales=sales)  # fmt: skip
                self.alerts += [alert.id for alert in raised]
        states = cycle((
            "notice_sent_at = :now, status = 'AWAITING_CURE', cure_due_at = :later", "status = 'OPEN'", "notice_sent_at = :now, status = 'ACKNOWLEDGED'",
            "status = 'RESOLVED', resolved_at = :now, resolution = 'By hand.', notice_sent_at = :now",
            "status = 'DISMISSED', dismissed_at = :now, dismiss_reason = 'WRONG_SKU', dismissed_price_minor = price_minor",
        ))  # fmt: skip
        for alert in self.alerts:
            sql = f"UPDATE alert SET {next(states)} WHERE id = :id AND (CAST(:now AS timestamptz), CAST(:later AS timestamptz)) IS NOT NULL RETURNING id"
            await self.world.rows(sql, id=alert, now=NOW, later=NOW + DAY)

    async def work(self) -> None:
        about = cycle(({"ticket_id": self.tickets[3]}, {"alert_id": self.alerts[0]}, {"lead_id": self.lead_ids[0]}, {"ticket_id": self.tickets[2]},
                       {"dealer_id": self.dealers[0]}))  # fmt: skip
        self.tasks = [
            self.new(m.Task, kind=list(e.TaskKind)[n % 4], status=status, title=f"Task {n // 2}", due_at=None if n % 3 == 0 else NOW + n // 2 * DAY,
                     due_order=NOW + 9000 * DAY if n % 3 == 0 else NOW + n // 2 * DAY, assignee_id=self.sales if n % 2 else None,
                     outcome="PROMISED" if status == "DONE" else None, note="Said so." if n % 2 else None, **next(about))
            for n, status in enumerate([*e.TaskStatus, *e.TaskStatus])
        ]  # fmt: skip
        subjects = [("ALERT", self.alerts[0]), ("DEALER", self.dealers[0]), ("LEAD", self.lead_ids[0]), ("LISTING", self.rows[0].id),
                    ("TASK", self.tasks[0].id), ("TICKET", self.tickets[1])]  # fmt: skip
        await self.add(*self.tasks)
        await self.add(*(self.new(m.Note, subject_type=type_, subject_id=id_, author_id=self.ops if n else None, body=f"Note {n}")
                         for type_, id_ in subjects for n in range(3)))  # fmt: skip

    async def all_at_once(self, batch: UUID) -> None:
        """A task about everything, by somebody who is named in the audit."""
        await self.add(self.new(m.Task, kind="REVIEW", status="TODO", title="Everything", due_order=NOW + 9000 * DAY, assignee_id=self.sales, batch_id=batch,
                                ticket_id=self.tickets[3], alert_id=self.alerts[0], lead_id=self.lead_ids[0], dealer_id=self.dealers[0]))  # fmt: skip
        for role in (Role.OPS, Role.DEALER, Role.CUSTOMER):
            async with self.world.souk.app.transaction(self.world.actors[role], "test", now=NOW) as tx:
                tx.emit("task.seen", await tx.session.get(m.Task, (self.world.tenant_id, self.tasks[0].id)))

    async def batches(self) -> None:
        people = self.world.actors
        makers: list[dict[str, Any]] = [
            {"creator_id": self.ops}, {"creator_id": people[Role.DEALER].user_id, "dealer_id": self.dealers[0]}, {"token_id": self.token},
            {"creator_id": self.customer}, {"creator_id": self.agent}, {"creator_id": people[Role.ADMIN].user_id},
        ]  # fmt: skip
        uploads = [self.new(m.Upload, name="rows.csv", media_type="text/csv", size=10, sha256=sha256(b"").digest(), stored_as=STORED, expires_at=NOW + DAY,
                            creator_id=maker.get("creator_id"), dealer_id=maker.get("dealer_id")) for maker in makers[:4]]  # fmt: skip
        await self.add(*uploads)
        for n, maker in enumerate(makers * 2):
            kind = "ENFORCEMENT" if (n + n // 6) % 2 else "IMPORT"
            counts = {"total": 6, "succeeded": 2, "failed": 1, "skipped": 1, "dead": 2}
            preview = self.new(m.BatchPreview, kind=kind, selection={}, plan={}, hash=uuid4().bytes * 2, total=4, actionable=3, warnings=["Mind this."],
                               impact={"INR": 5000}, expires_at=NOW + DAY, upload_id=uploads[0].id if kind == "IMPORT" else None, **maker)  # fmt: skip
            target = {"target_type": "Alert", "target_id": self.alerts[0], "action": "SEND_WARNING"}
            if kind == "IMPORT":
                target = {"target_type": "Listing", "target_id": None, "action": "IMPORT_ROW"}
            planned = [self.new(m.BatchPreviewItem, preview_id=preview.id, n=k, permitted=bool(k % 2), state={"status": "OPEN"}, warnings=[], payload={},
                                impact={"INR": 100} if k % 2 else {}, **target) for k in (1, 2, 3, 4)]  # fmt: skip
            group = {
                "action": "SEND_WARNING",
                "status": "SUCCEEDED",
                "outcome": "SENT",
                "error_code": None,
                "items": 2,
                "warnings": 0,
            }
            status = list(e.BatchStatus)[n % len(e.BatchStatus)]
            batch = self.new(m.Batch, kind=kind, status=status, title=f"Batch {n // 2}", preview_id=preview.id, preview_hash=preview.hash, selection={},
                             plan={}, impact={"INR": 10_000}, started_at=NOW, **counts, **maker,
                             report={"total": 4, "warnings": 1, "duration_ms": 900, "per_second_tenths": 44, "groups": [group]} if n % 2 else None)  # fmt: skip
            items = [self.new(m.BatchItem, batch_id=batch.id, n=k, status=state, payload={}, attempt=1, before={"floor": 4 * k}, after={"floor": "x"},
                              outcome="SENT", warnings=[{"column": "c", "value": "v", "reason": "r"}] if k == 1 else [], impact_minor=k * 100 if k % 2 else None,
                              currency="INR" if k % 2 else None, settled_at=NOW, **target)
                     for k, state in enumerate(("SUCCEEDED", "SUCCEEDED", "FAILED", "SKIPPED", "DEAD", "DEAD"), 1)]  # fmt: skip
            await self.add(preview)
            await self.add(*planned)
            await self.add(batch)
            await self.add(*items)
            await self.add(
                *(
                    self.new(m.BatchItemAttempt, item_id=each.id, n=1, status=each.status, ended_at=NOW)
                    for each in items
                )
            )
            async with self.world.souk.app.transaction(
                Actor(self.world.tenant_id, Role.OWNER), "test", now=NOW, system=True
            ) as tx:
                row = await tx.session.get(m.Batch, (self.world.tenant_id, batch.id))
                assert row is not None
                settled = [{"item_id": write_id("BatchItem", each.id), "n": each.n, "status": each.status, "outcome": "SENT", "error_code": None,
                            "target_id": None} for each in items]  # fmt: skip
                await tell(
                    tx, row, state=("READY", "RUNNING", None), items=settled, lines=[(e.LogLevel.INFO, "Begun.", None)]
                )
                tx.emit("batch.started", row, from_status="READY", to_status="RUNNING")
        await self.all_at_once(batch.id)
        await self.add(*(self.new(m.DealerRestriction, dealer_id=dealer, kind=kind, batch_item_id=items[n].id if n < 2 else None, reason="Below the policy.",
                                  since=NOW - 2 * DAY, until=None if kind in ("LEAD_UNLOCK", "PAYOUT") else NOW - DAY)
                         for n, (dealer, kind) in enumerate((dealer, kind) for dealer in self.dealers[:2] for kind in e.RestrictionKind)))  # fmt: skip

    async def system(self) -> None:
        apps = [self.new(m.OperationManifest, client_app=f"App {n}", client_version="1.0.0", owner_role="OPS" if n % 2 else None, documents=2,
                         deprecated_at=NOW if n == 3 else None) for n in (1, 2, 3)]  # fmt: skip
        await self.add(*apps)
        await self.add(
            *(self.new(m.PersistedOperation, manifest_id=app.id, sha256=sha256(text_.encode()).digest(), name=f"Op{n}", document=text_, ceiling=n,
                       last_used_at=NOW if n == 1 else None)
              for app in apps for n, text_ in enumerate(("{ __typename }", "{ viewer { role } }"), 1)),
        )  # fmt: skip
        await self.add(
            *(self.new(m.AccessRefusal, kind="REFUSED", principal_id=self.sales, acting_role="SALES", operation="batchStart",
                       permission="batch:control") for _ in range(3)),
            *(self.new(m.AccessRefusal, kind="OPENED", principal_id=self.ops, acting_role="OPS", operation="VehicleDetail.registrationNumber",
                       permission="listing:readPrivate", subject_type="Listing", subject_id=row.id) for row in self.rows),
            *(self.new(m.IdempotencyRecord, principal="p", key=f"key-{n}-0123456789abcdef", request_hash=b"x", result={}, expires_at=NOW + DAY)
              for n in range(3)),
        )  # fmt: skip
        async with self.world.souk.app.transaction(
            Actor(self.world.tenant_id, Role.OWNER), "test", now=NOW, system=True
        ) as tx:
            for kind in ("offer.expiry", "listing.expiry", "batch.run"):
                row = {
                    "tenant_id": self.world.tenant_id,
                    "kind": f"bazaar.{kind}",
                    "ref": new_id(),
                    "due_at": NOW + 90_000 * DAY,
                }
                await tx.session.execute(m.Work.__table__.insert().values(row))  # type: ignore[attr-defined]
