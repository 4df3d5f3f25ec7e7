"""A tenant whose every id and moment is the same in each run: what the snapshots are answered from."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

from souk import models as m
from souk.db.sealing import place
from souk.models.base import ids_of
from souk.resolvers.chronicle import tell
from souk.rules import enums as e
from souk.rules.actor import Actor, Role
from tests.world import KEYRING, NOW, Souk, World, make_world

KINDS = ("Listing", "Offer", "OfferRevision", "Lead", "Ticket", "BatchPreview", "Batch", "BatchItem")
DAY = timedelta(days=1)


def row(kind: str, n: int) -> UUID:
    """The id of the nth thing of a kind; they ascend as the things do."""
    return UUID(int=0xD0C5 << 112 | 7 << 76 | 8 << 60 | KINDS.index(kind) + 1 << 32 | n)


def _ids() -> Iterator[UUID]:
    """For what is not known by its number, as it is made."""
    return (UUID(int=0xD0C6 << 112 | 7 << 76 | 8 << 60 | n) for n in count(1))


async def make_small(souk: Souk) -> World:
    """Five listings of all kinds, two offers, two leads, three tickets, and a batch that has ended."""
    ids = _ids()
    with ids_of(lambda: next(ids)):
        world = await make_world(souk)
        await _catalogue(world)
        await _trade(world)
        await _batch(world)
    return world


def _made(model: Any, n: int, /, **given: Any) -> Any:
    """The nth of its kind; each is a minute younger than the one before it."""
    return model(id=row(model.__name__, n), created_at=NOW - timedelta(minutes=60 - n), **given)


def _sealed(world: World, table: str, column: str, id_: UUID, value: str) -> bytes:
    return KEYRING.seal(value, place(world.tenant_id, table, column, id_))


async def _catalogue(world: World) -> None:
    listings = [
        _made(m.Listing, n, dealer_id=dealer, kind=kind, status=status, title=title, price_minor=price, price_order=price, currency=currency,
              floor_minor=price - 1_000, visibility="PUBLIC", capacity=1 if kind == "VEHICLE" else None, city="Pune", city_key="pune",
              published_at=NOW - DAY, expires_at=NOW + 30 * DAY)
        for n, (dealer, kind, status, title, price, currency) in enumerate((
            (world.dealer, "VEHICLE", "ACTIVE", 'A "red" motorcycle', 5_000_000, "INR"),
            (world.other_dealer, "CASTING_CALL", "ACTIVE", "Somebody who can ride", 250_000, "INR"),
            (world.dealer, "PRODUCT", "PAUSED", "Helmet", 12_000, "JPY"),
            (world.other_dealer, "PRODUCT", "ACTIVE", "Gloves é", 4_500, "KWD"),
            (world.dealer, "VEHICLE", "DRAFT", "Nobody sees this motorcycle", 4_000_000, "INR"),
        ), 1)
    ]  # fmt: skip
    await world.add(*listings)
    number = {
        n: _sealed(world, "vehicle_detail", "registration_number_enc", row("Listing", n), f"MH12 {n}") for n in (1, 5)
    }
    await world.add(
        *(m.VehicleDetail(id=row("Listing", n), created_at=NOW, make="Maker", make_key="maker", model="M", year=2015 + n, km=n * 1000, fuel="PETROL",
                          registration_number_enc=number[n], registration_hash=KEYRING.hash(f"MH12{n}")) for n in (1, 5)),
        m.CastingDetail(id=row("Listing", 2), created_at=NOW, role="Lead", age_from=20, age_to=30, fee_minor=5000, currency="INR"),
        *(m.ProductDetail(id=row("Listing", n), created_at=NOW, availability="IN_STOCK") for n in (3, 4)),
    )  # fmt: skip


async def _trade(world: World) -> None:
    customer, sales = world.actors[Role.CUSTOMER].user_id, world.actors[Role.SALES].user_id
    await world.add(*(
        _made(m.Offer, n, listing_id=row("Listing", 1), direction="BUY", status="COUNTERED", owner_dealer_id=world.dealer, head_party="OWNER",
              amount_minor=4_800_000 + n, proposer_amount_minor=4_700_000, owner_amount_minor=4_800_000 + n, currency="INR", version=2,
              expires_at=NOW + DAY, proposer_user_id=who)
        for n, who in ((1, customer), (2, world.other_customer.user_id))
    ))  # fmt: skip
    await world.add(*(
        _made(m.OfferRevision, 2 * offer + n, offer_id=row("Offer", offer), n=n, by_party=party, amount_minor=amount, currency="INR", message=said)
        for offer in (1, 2)
        for n, (party, amount, said) in enumerate((("PROPOSER", 4_700_000, "For a friend."), ("OWNER", 4_800_000 + offer, None)), 1)
    ))  # fmt: skip
    leads = []
    for n, assignee in ((1, sales), (2, None)):
        id_ = row("Lead", n)
        contact = {"name": f"Asker {n}", "phone": "+919876543210", "email": f"asker{n}@example.com"}
        leads.append(_made(
            m.Lead, n, listing_id=row("Listing", 1), dealer_id=world.dealer, user_id=customer, assignee_id=assignee, status="NEW",
            distribution="EXCLUSIVE", tier="A", source="WEB", unlock_cost=3, max_unlocks=1, unlock_count=0, phone_hash=KEYRING.hash("+919876543210"),
            expires_at=NOW + 30 * DAY, message_enc=_sealed(world, "lead", "message_enc", id_, 'I ask "this"\n'),
            **{f"contact_{name}_enc": _sealed(world, "lead", f"contact_{name}_enc", id_, value) for name, value in contact.items()},
        ))  # fmt: skip
    await world.add(*leads)
    subjects = (("LISTING", row("Listing", 1)), ("LEAD", row("Lead", 1)), (None, None))
    await world.add(*(
        _made(m.Ticket, n, number=n, status="OPEN", priority="NORMAL", subject=f"Ticket {n}", body_markdown="Some *words*",
              body_html="<p>Some <em>words</em></p>", subject_type=type_, subject_id=id_, requester_id=customer, requester_replied_at=NOW)
        for n, (type_, id_) in enumerate(subjects, 1)
    ))  # fmt: skip


async def _batch(world: World) -> None:
    maker = world.actors[Role.OPS].user_id
    group = {
        "action": "SEND_WARNING",
        "status": "SUCCEEDED",
        "outcome": "SENT",
        "error_code": None,
        "items": 2,
        "warnings": 0,
    }
    failed = group | {"status": "FAILED", "outcome": None, "error_code": "NOT_FOUND", "items": 1}
    counts = {"total": 3, "succeeded": 2, "failed": 1}
    hash_ = b"\1" * 32
    await world.add(
        _made(m.BatchPreview, 1, kind="ENFORCEMENT", selection={}, plan={}, hash=hash_, total=3, actionable=3, warnings=["Mind this."],
              impact={"INR": 5_000, "JPY": 70}, expires_at=NOW + DAY, creator_id=maker)
    )  # fmt: skip
    await world.add(
        _made(m.Batch, 1, kind="ENFORCEMENT", status="COMPLETED", title="Warnings", preview_id=row("BatchPreview", 1), preview_hash=hash_,
              selection={}, plan={}, impact={"INR": 10_000, "KWD": 1_250}, started_at=NOW, creator_id=maker, **counts,
              report={"total": 3, "warnings": 0, "duration_ms": 900, "per_second_tenths": 33, "groups": [group, failed]})
    )  # fmt: skip
    items = [
        _made(m.BatchItem, n, batch_id=row("Batch", 1), n=n, status=status, payload={}, attempt=1, warnings=[], target_type="Listing",
              target_id=row("Listing", n), action="SEND_WARNING", settled_at=NOW)
        for n, status in enumerate(("SUCCEEDED", "SUCCEEDED", "FAILED"), 1)
    ]  # fmt: skip
    await world.add(*items)
    async with world.souk.app.transaction(Actor(world.tenant_id, Role.OWNER), "test", now=NOW, system=True) as tx:
        batch = await tx.session.get(m.Batch, (world.tenant_id, row("Batch", 1)))
        assert batch is not None
        settled = [
            {"item_id": world.id("BatchItem", each.id), "n": each.n, "status": each.status, "outcome": "SENT", "error_code": None,
             "target_id": world.id("Listing", each.target_id)}
            for each in items
        ]  # fmt: skip
        await tell(
            tx, batch, state=("READY", "RUNNING", None), items=settled, lines=[(e.LogLevel.INFO, "Begun.", None)]
        )
        tx.emit("batch.started", batch, from_status="READY", to_status="RUNNING")
