"""The set of the marketplace: the real listings of a file, with dealers in its largest cities, and what people did."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import islice
from uuid import UUID

from sqlalchemy import select

from ...db.session import Transaction
from ...engine.scalars import CurrencyCode, Decimal
from ...models import (
    CastingDetail,
    Category,
    Competitor,
    Dealer,
    ExternalRef,
    IdempotencyRecord,
    Lead,
    LeadUnlock,
    Listing,
    ListingAudience,
    MembershipTeam,
    Offer,
    ProductDetail,
    ServiceToken,
    Team,
    Ticket,
    TicketCc,
    new_id,
)
from ...resolvers.chronicle import AT_ONCE
from ...resolvers.importing import REST, upload_add
from ...resolvers.lead.create import LeadCreateInput, lead_create
from ...resolvers.money import MoneyInput
from ...resolvers.note import NoteAddInput, note_add
from ...resolvers.offer import writes as offers
from ...resolvers.restriction import restrict, unrestrict
from ...resolvers.task import TaskCreateInput, task_create
from ...resolvers.ticket import way, words
from ...rules.actor import Role
from ...rules.dealer import RESTRICTS
from ...rules.enums import CommentVisibility, LeadDistribution, TaskKind, TicketPriority, TicketStatus
from ..batch import step
from ..bringing import begin
from .ground import Ground, add_person

FILE = "india_used_bikes_bikes.csv"
MAPPING = "used_bikes"
CITIES = (
    "Delhi", "Mumbai", "Bangalore", "Pune", "Hyderabad", "Chennai", "Gurgaon", "Jaipur", "Ahmedabad", "Faridabad",
    "Chandigarh", "Ghaziabad", "Kolkata", "Noida", "Thane", "Vadodara", "Ludhiana", "Lucknow", "Patna", "Surat",
)  # fmt: skip
"""The 20 cities with the most rows in the file."""
ELSEWHERE = "elsewhere"
CUSTOMERS = (
    "Aarav", "Aditi", "Akash", "Ananya", "Arjun", "Bhavna", "Chetan", "Deepa", "Dev", "Divya", "Esha", "Farhan", "Gauri",
    "Harsh", "Ishita", "Jatin", "Kavya", "Kiran", "Lakshmi", "Manish", "Meera", "Mohan", "Naina", "Neeraj", "Nisha", "Om",
    "Pooja", "Pranav", "Priya", "Rahul", "Rekha", "Rohan", "Sana", "Shreya", "Sunil", "Tanvi", "Uday", "Varun", "Vidya",
    "Zoya",
)  # fmt: skip


async def seed_pahiyaa(ground: Ground, rows: int | None = None) -> None:
    """Staff, 21 dealers, 40 customers, the listings (all of the file, or its first `rows`), leads, offers, tickets."""
    await _people(ground)
    await _desk(ground)
    await _listings(ground, rows)
    await _drafts(ground)
    active = await _some_listings(ground)
    await _leads(ground, active)
    await _offers(ground, active)
    await _tickets(ground, active)
    await _odds(ground)
    await _restrictions(ground)


async def _people(ground: Ground) -> None:
    async with ground.act(None, "demo", ground.ago(days=380)) as tx:
        await add_person(tx, ground, "admin", "Anil Admin", Role.ADMIN, n=10)
        await add_person(tx, ground, "agent", "Asha Agent", Role.AGENT, n=11)
        for n, city in enumerate((*CITIES, "")):
            login = city.casefold() or ELSEWHERE
            dealer = tx.add(
                Dealer(
                    id=ground.id("dealer", login), kind="DEALERSHIP", name=f"{city} Wheels" if city else "Wheels of India",
                    city=city or None, city_key=city.casefold() or None, phone=f"+9180000000{n:02d}",
                    email=f"shop@{login}.example", verification="VERIFIED", standing="GOOD", notice=0, authorised=True,
                )
            )  # fmt: skip
            await tx.session.flush()
            ground.dealers[login] = dealer.id
            tx.emit("dealer.created", dealer, to_status="VERIFIED")
            tx.add(
                ExternalRef(
                    id=ground.id("ref", login),
                    source=MAPPING,
                    type="DEALER",
                    external_id=city.casefold() or REST,
                    subject_id=dealer.id,
                )
            )
            if city:
                name = f"Dealer {city}"
                await add_person(
                    tx, ground, f"dealer-{login}", name, Role.DEALER, dealer_id=dealer.id, n=20 + n
                )  # fmt: skip
        for n, name in enumerate(CUSTOMERS):
            await add_person(tx, ground, f"customer-{n + 1}", f"{name} {'KSPRMDGJ'[n % 8]}.", Role.CUSTOMER, n=60 + n)


async def _restrictions(ground: Ground) -> None:
    """What one dealer lacked for two days, a month ago, and has back."""
    for days, reason in ((32, "Advertised below the minimum advertised price."), (30, None)):
        async with ground.act(None, "demo", ground.ago(days=days)) as tx:
            asked = select(Dealer).where(Dealer.id == ground.dealers[ELSEWHERE]).with_for_update()
            dealer = (await tx.session.execute(asked)).scalar_one()
            if reason:
                await restrict(tx, dealer, RESTRICTS, reason=reason)
            else:
                await unrestrict(tx, dealer)


async def _desk(ground: Ground) -> None:
    async with ground.act(None, "demo", ground.ago(days=379)) as tx:
        for name in ("Buyers", "Dealers", "Payments"):
            team = tx.add(Team(id=ground.id("team", name), name=name))
            await tx.session.flush()
            member = ground.people["agent"].membership_id
            assert member is not None
            tx.add(MembershipTeam(id=ground.id("team", name, "agent"), membership_id=member, team_id=team.id))
            tx.emit("team.created", team)
        for kind, name in (
            ("LISTING", "Motorcycles"),
            ("LISTING", "Scooters"),
            ("TICKET", "Papers"),
        ):
            tx.add(Category(id=ground.id("category", name), kind=kind, name=name))
        for name, domain in (("Bike Bazaar", "bikebazaar.example"), ("Two Wheels", "twowheels.example")):
            tx.add(Competitor(id=ground.id("competitor", domain), name=name, domain=domain))


async def _listings(ground: Ground, rows: int | None) -> None:
    content = files("souk.worker").joinpath("data", FILE).read_bytes()
    if rows is not None:
        content = _first(content, rows)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    at, id_ = ground.ago(days=2), new_id()
    stored = await ground.doors.files.put(ground.tenant_id, id_, pieces(), limit=len(content))
    async with ground.act("admin", "uploadAdd", at) as tx:
        upload = await upload_add(
            tx, id=id_, name=FILE, media_type="text/csv", stored_as=stored.name, size=stored.size,
            sha256=stored.sha256, days=3650,
        )  # fmt: skip
    batch = await begin(
        ground.doors.app, ground.tenant_id, upload, MAPPING, now=at, title="Used bikes of India"
    )  # fmt: skip
    due: datetime | None = at
    while due is not None:
        due = (await step(ground.doors.worker, ground.tenant_id, batch, now=at, size=AT_ONCE)).due


def _first(content: bytes, rows: int) -> bytes:
    """The header and the first rows of a file whose cells may hold line breaks."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(islice(csv.reader(io.StringIO(content.decode(), newline="")), rows + 1))
    return text.getvalue().encode()


async def _drafts(ground: Ground) -> None:
    """Kinds that the file has not: drafts, some of them meant for one dealer or person."""
    async with ground.act(None, "demo", ground.ago(days=1)) as tx:
        for n, city in enumerate(("delhi", "mumbai", "pune")):
            for kind, title, price in (
                ("PRODUCT", f"Riding jacket, size {'SML'[n]}", 499_900),
                ("CASTING_CALL", f"Rider for a film in {city.title()}", None),
            ):
                listing = tx.add(
                    Listing(
                        id=ground.id("draft", kind, n), dealer_id=ground.dealers[city], kind=kind, status="DRAFT",
                        title=title, price_minor=price, price_order=price or 2**62, currency="INR", negotiable=True,
                        capacity=10 if price else 1, max_unlocks=3, visibility="PRIVATE", city=city.title(),
                        city_key=city,
                    )
                )  # fmt: skip
                await tx.session.flush()
                tx.emit("listing.created", listing, to_status="DRAFT")
                if price:
                    tx.add(ProductDetail(id=listing.id, availability="IN_STOCK", source_id="demo", external_id=f"J{n}"))
                    to: dict[str, UUID | None] = {"dealer_id": ground.dealers["chennai"], "user_id": None}
                else:
                    tx.add(CastingDetail(id=listing.id, role="Rider", currency="INR", fee_minor=1_500_000))
                    to = {"dealer_id": None, "user_id": ground.people["customer-1"].user_id}
                tx.add(ListingAudience(id=ground.id("audience", kind, n), listing_id=listing.id, **to))


async def _some_listings(ground: Ground) -> list[Listing]:
    """A few listings with a price, of several dealers, in an order that does not change."""
    async with ground.act(None, "demo", ground.now) as tx:
        asked = (
            select(Listing)
            .where(
                Listing.tenant_id == ground.tenant_id, Listing.status == "ACTIVE", Listing.price_minor > 2_000_000,
                Listing.dealer_id.in_([ground.dealers[city] for city in ("delhi", "mumbai", "bangalore", "pune")]),
            )
            .order_by(Listing.id)
            .limit(24)
        )  # fmt: skip
        return list((await tx.session.execute(asked)).scalars())


async def _leads(ground: Ground, listings: list[Listing]) -> None:
    shared: list[UUID] = []
    for n in range(12):
        who = f"customer-{n + 1}"
        async with ground.act(who, "leadCreate", ground.ago(hours=40 - n)) as tx:
            lead = await lead_create(
                tx,
                LeadCreateInput(
                    listing_id=ground.gid("Listing", listings[n].id), name=f"{CUSTOMERS[n]} K.",
                    phone=f"+9198765400{n:02d}", email=f"{who}@{ground.slug}.example",
                    message=("Is it still there?", "May I see it on Saturday?", "Is the price fixed?")[n % 3],
                    distribution=LeadDistribution.SHARED if n % 3 == 0 else LeadDistribution.EXCLUSIVE,
                ),
            )  # fmt: skip
            shared.append(lead.id)
    async with ground.act(None, "demo", ground.ago(hours=20)) as tx:
        for n, places in ((0, 2), (1, 1), (2, 1)):  # the first is SHARED: its own dealer and another one unlocked it
            lead = await tx.session.get_one(Lead, (ground.tenant_id, shared[n]))
            assert lead.dealer_id is not None
            others = [ground.dealers[city] for city in ("delhi", "mumbai") if ground.dealers[city] != lead.dealer_id]
            for dealer in [lead.dealer_id, *others][:places]:
                tx.add(
                    LeadUnlock(
                        id=ground.id("unlock", n, dealer), lead_id=lead.id, dealer_id=dealer, status="OPEN",
                        price_credits=lead.unlock_cost,
                    )
                )  # fmt: skip
            lead.unlock_count, lead.status = places, "OPEN"
            tx.emit("lead.unlocked", lead, from_status="NEW", to_status="OPEN")


def _money(minor: int) -> MoneyInput:
    return MoneyInput(amount=Decimal(f"{minor // 100}.{minor % 100:02d}"), currency_code=CurrencyCode("INR"))


async def _offers(ground: Ground, listings: list[Listing]) -> None:
    """Eight offers: one answered twice, three accepted, one refused, one taken back; the others wait."""
    made: list[Offer] = []
    for n in range(8):
        listing = listings[12 + n]
        assert listing.price_minor is not None
        async with ground.act(f"customer-{20 + n}", "offerCreate", ground.ago(hours=24 - n)) as tx:
            asked = offers.OfferCreateInput(
                listing_id=ground.gid("Listing", listing.id), amount=_money(listing.price_minor * 8 // 10 // 100 * 100),
                message="Would you take this?", idempotency_key=ground.key("offer", n),
            )  # fmt: skip
            made.append(await offers.offer_create(tx, asked))
    first, seller = made[0], listings[12]
    assert seller.price_minor is not None
    turns = ((_seller(ground, seller), 94), ("customer-20", 86))
    for n, (who, percent) in enumerate(turns):
        async with ground.act(who, "offerCounter", ground.ago(hours=12 - n)) as tx:
            asked_more = offers.OfferCounterInput(
                id=ground.gid("Offer", first.id), amount=_money(seller.price_minor * percent // 100 // 100 * 100),
                message=None, expected_version=n + 1, idempotency_key=ground.key("counter", n),
            )  # fmt: skip
            await offers.offer_counter(tx, asked_more)
    for n in (1, 2, 3):
        async with ground.act(_seller(ground, listings[12 + n]), "offerAccept", ground.ago(hours=6)) as tx:
            gid, key = ground.gid("Offer", made[n].id), ground.key("accept", n)
            await offers.offer_accept(tx, offers.OfferAcceptInput(id=gid, expected_version=1, idempotency_key=key))
    async with ground.act(_seller(ground, listings[16]), "offerReject", ground.ago(hours=5)) as tx:
        await offers.offer_reject(tx, offers.OfferRejectInput(id=ground.gid("Offer", made[4].id)))
    async with ground.act("customer-25", "offerWithdraw", ground.ago(hours=4)) as tx:
        await offers.offer_withdraw(tx, offers.OfferWithdrawInput(id=ground.gid("Offer", made[5].id)))


def _seller(ground: Ground, listing: Listing) -> str:
    return next(f"dealer-{login}" for login, id_ in ground.dealers.items() if id_ == listing.dealer_id)


TICKETS = (
    ("customer-1", "The papers of the bike", "When do I get the papers?", "NEW"),
    ("customer-2", "The seller does not answer", "I called **three** times.", "OPEN"),
    ("customer-3", "Wrong kilometres in the listing", "The meter says more.", "WAITING_ON_REQUESTER"),
    ("dealer-delhi", "A lead with a wrong number", "Nobody is there.", "ON_HOLD"),
    ("dealer-mumbai", "A listing that is not ours", "Please take it down.", "RESOLVED"),
    ("customer-4", "How do I make an offer?", "I do not find the button.", "CANCELLED"),
)


async def _tickets(ground: Ground, listings: list[Listing]) -> None:
    for n, (who, subject, body, status) in enumerate(TICKETS):
        async with ground.act(who, "ticketCreate", ground.ago(hours=50 - n)) as tx:
            asked = words.TicketCreateInput(
                subject=subject, body=body, priority=(TicketPriority.HIGH, TicketPriority.NORMAL)[n % 2],
                subject_ref_id=ground.gid("Listing", listings[n].id) if who.startswith("customer") else None,
            )  # fmt: skip
            ticket = await words.ticket_create(tx, asked)
        async with ground.act(None, "demo", ground.ago(hours=49 - n)) as tx:
            await _copy_in(tx, ground, ticket.id, n)
        gid = ground.gid("Ticket", ticket.id)
        if status in ("NEW", "CANCELLED"):
            if status == "CANCELLED":
                async with ground.act(who, "ticketCancel", ground.ago(hours=40)) as tx:
                    await way.ticket_cancel(tx, way.TicketCancelInput(id=gid, expected_version=ticket.version))
            continue
        for hours, visibility, said in (
            (30, CommentVisibility.PUBLIC, "Thank you, we are looking into it."),
            (29, CommentVisibility.INTERNAL, "The same as last week."),
        ):
            async with ground.act("agent", "commentAdd", ground.ago(hours=hours)) as tx:
                await words.comment_add(tx, words.CommentAddInput(id=gid, body=said, visibility=visibility))
        if status != "OPEN":
            async with ground.act("agent", "ticketTransition", ground.ago(hours=20)) as tx:
                now = await tx.session.get_one(Ticket, (ground.tenant_id, ticket.id))
                await way.ticket_transition(
                    tx,
                    way.TicketTransitionInput(
                        id=gid, to=TicketStatus[status], reason="Waits for the seller." if status == "ON_HOLD" else None,
                        resolution="The listing was taken down." if status == "RESOLVED" else None,
                        expected_version=now.version,
                    ),
                )  # fmt: skip
    for n in range(4):
        async with ground.act("admin", "taskCreate", ground.ago(hours=10 - n)) as tx:
            admin = ground.people["admin"].user_id
            assert admin is not None
            await task_create(
                tx,
                TaskCreateInput(
                    kind=TaskKind.FOLLOW_UP, title=f"Call {CUSTOMERS[n]} back", due_at=ground.ahead(days=2),
                    assignee_id=ground.gid("User", admin),
                ),
            )  # fmt: skip
    for n, city in enumerate(("delhi", "mumbai")):
        async with ground.act("admin", "noteAdd", ground.ago(hours=9 - n)) as tx:
            body = ("Answers within the hour.", "Wants a second account.")[n]
            await note_add(tx, NoteAddInput(id=ground.gid("Dealer", ground.dealers[city]), body=body))


async def _copy_in(tx: Transaction, ground: Ground, ticket_id: UUID, n: int) -> None:
    """Somebody reads along."""
    ticket = await tx.session.get_one(Ticket, (ground.tenant_id, ticket_id))
    user = ground.people[f"customer-{30 + n}"].user_id
    tx.add(TicketCc(id=ground.id("cc", n), ticket_id=ticket.id, user_id=user))
    tx.emit("ticket.copied", ticket)


async def _odds(ground: Ground) -> None:
    """What integrations and clients leave behind."""
    async with ground.act(None, "demo", ground.ago(hours=3)) as tx:
        for n, (name, scopes) in enumerate(
            (
                ("Price feed", ["observation:write", "sku:read"]),
                ("Listing feed", ["batch:control", "batch:import", "upload:create"]),
                ("Reader", ["dealer:read", "listing:read"]),
            )
        ):
            id_ = ground.id("service token", n)
            token = tx.add(
                ServiceToken(
                    id=id_, name=name, prefix=f"svc_{id_.hex}", hash=id_.bytes * 2, scopes=scopes,
                    expires_at=ground.now + timedelta(days=30), revoked_at=tx.now,
                    created_by=ground.people["admin"].user_id,
                )
            )  # fmt: skip
            tx.emit("session.created", token)
            tx.add(
                IdempotencyRecord(
                    id=ground.id("idempotency", n), principal=str(ground.people["admin"].user_id),
                    key=ground.key("record", n), request_hash=id_.bytes * 2, result={},
                    expires_at=ground.now + timedelta(days=7),
                )
            )  # fmt: skip

    async def nothing() -> AsyncIterator[bytes]:
        yield b"model_name,price\n"

    for n in (1, 2):
        id_ = ground.id("upload", n)
        stored = await ground.doors.files.put(ground.tenant_id, id_, nothing(), limit=100)
        async with ground.act("admin", "uploadAdd", ground.ago(hours=2)) as tx:
            await upload_add(
                tx, id=id_, name=f"empty-{n}.csv", media_type="text/csv", stored_as=stored.name, size=stored.size,
                sha256=stored.sha256, days=3650,
            )  # fmt: skip
