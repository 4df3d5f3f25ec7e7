"""Two tenants of deliberately awkward data in a database of their own."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from souk.db.sealing import place
from souk.rules.actor import Actor, Role

from .models import POLICIES, TABLES, Model

TENANTS = [UUID(int=1), UUID(int=2)]
AWKWARD = [
    "plain", 'quo"te', "apo'strophe", "back\\slash", "line\nbreak\ttab", "\x01\x02\x03\x1f\x7f", "ünï çødé", "日本語", "👩‍👩‍👧 emoji", "\u2028\u2029",
    "<script>&amp;/", "", " ", "%s %(x)s $1 {0}", "\\u0001", "null",
]  # fmt: skip
START = datetime(2026, 1, 1, tzinfo=UTC)


def sealed(text: str, place: bytes) -> bytes:
    """A ciphertext for tests: bound to its place, and long enough for a second line of base64."""
    return bytes(byte ^ 0x5A for byte in b"|".join((place, text.encode())))


def decrypt(data: bytes, aad: bytes) -> str | None:
    place, _, text = bytes(byte ^ 0x5A for byte in data).partition(b"|")
    assert place == aad, (place, aad)
    return text.decode()


def uid(rng: random.Random) -> UUID:
    return UUID(int=rng.getrandbits(128), version=4)


async def create(where: dict[str, Any], name: str, listings: int, offers: int, seed: int = 7) -> dict[str, Any]:
    """Create database `name` unless it is there. Returns how to reach it as the application."""
    root = await asyncpg.connect(**where, database="postgres")
    if not await root.fetchval("select 1 from pg_roles where rolname = 'engine_app'"):
        await root.execute("create role engine_app login")
    fresh = not await root.fetchval("select 1 from pg_database where datname = $1", name)
    if fresh:
        await root.execute(f"create database {name}")
    await root.close()
    if fresh:
        owner = await asyncpg.connect(**where, database=name)
        for table in Model.metadata.sorted_tables:
            await owner.execute(str(CreateTable(table).compile(dialect=postgresql.dialect())))
            for index in table.indexes:
                await owner.execute(str(CreateIndex(index).compile(dialect=postgresql.dialect())))
        for at, tenant in enumerate(TENANTS):
            await fill(owner, tenant, listings, offers, random.Random(seed + at), awkward=listings < 1000)
        await owner.execute(POLICIES)
        await owner.execute("analyze")
        await owner.close()
    return {**where, "user": "engine_app", "database": name}


async def drop(where: dict[str, Any], name: str) -> None:
    root = await asyncpg.connect(**where, database="postgres")
    await root.execute(f"drop database {name} with (force)")
    await root.close()


def documents(rng: random.Random, text: Callable[[], str], depth: int = 0) -> dict[str, Any]:
    """A damage as it is kept: keys missing, null, and nested."""
    money = {"minor": rng.choice([0, 5, -5, 115000]), "currency": rng.choice(["EUR", "JPY", "KWD"])}
    made: dict[str, Any] = {
        "part": text(),
        "severity": rng.choice(["DRAFT", "SOLD", None]),
        "cost": rng.choice([None, money]),
        "at": rng.choice([None, "2026-01-01T00:00:00Z"]),
        "photos": rng.choice([None, [], [text(), text()]]),
        "hidden": rng.choice([None, True, False]),
        "n": rng.choice([None, 0, -7]),
        "big": rng.choice([None, 2**53 + 1]),
        "raw": rng.choice([None, {"b": [1, {"a": text()}], "a": None}, "x", 1.5, True]),
        "inner": documents(rng, text, depth + 1) if depth < 2 and rng.random() < 0.5 else None,
    }
    return {key: value for key, value in made.items() if key == "part" or rng.random() < 0.8}


async def fill(owner: Any, tenant: UUID, listings: int, offers: int, rng: random.Random, awkward: bool) -> None:
    def text() -> str:
        return rng.choice(AWKWARD) if awkward else f"text {rng.randrange(10_000)} of some ordinary length"

    def moment() -> datetime:
        # few distinct values, so that ties occur; fractions of every length
        return START + timedelta(
            seconds=rng.randrange(40 if awkward else 10_000_000),
            microseconds=rng.choice([0, 120_000, 1, 999_999, 500, 10]),
        )

    def maybe(value: Any) -> Any:
        return None if rng.random() < 0.3 else value

    def dump(value: Any) -> str:
        return orjson.dumps(value).decode()

    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}

    def add(table: str, **values: Any) -> dict[str, Any]:
        row = {"tenant_id": tenant, "id": uid(rng), "created_at": moment(), **values}
        rows[table].append(row)
        return row

    for _ in range(max(5, listings // 100)):
        add(
            "dealer",
            name=text(),
            city=maybe(text()),
            verified=rng.random() < 0.5,
            opened_on=maybe(date(2020, 1, 1 + rng.randrange(28))),
        )
    for _ in range(max(8, listings // 20)):
        made = add("buyer", name=text(), email=text())
        made["phone"] = maybe(sealed(text(), place(tenant, "buyer", "phone", made["id"])))
    for _ in range(listings):
        price = rng.choice([0, 1, 9, 10, 99, 100, 101, 115000, 10**15, rng.randrange(10**7)])
        add(
            "listing", dealer_id=rng.choice(rows["dealer"])["id"], title=text(), description=maybe(text()), year=rng.randrange(1990, 2027),
            status=rng.choice(["DRAFT", "ACTIVE", "ACTIVE", "SOLD"]), kind=rng.choice(["CAR", "PART", "OTHER"]), price_minor=price,
            floor_minor=maybe(rng.choice([-5, 0, 5, price])), currency=rng.choice(["EUR", "JPY", "KWD"]), views=rng.choice([0, 2**53 + 1, 7]),
            tags=[text() for _ in range(rng.randrange(4))], marks=maybe(rng.sample(["DRAFT", "ACTIVE", "SOLD"], rng.randrange(4))),
            details=maybe(dump(documents(rng, text))), damages=dump([documents(rng, text) for _ in range(rng.randrange(3))]),
            earned=dump({code: rng.choice([0, 5, -12345]) for code in rng.sample(["EUR", "JPY", "KWD", "USD"], rng.randrange(4))}),
            extra=maybe(dump(rng.choice([{"b": text(), "aa": [1.5, None]}, [], "x", 7]))),
        )  # fmt: skip
    for _ in range(offers):
        listing = rng.choice(rows["listing"])
        add(
            "offer", listing_id=listing["id"], buyer_id=rng.choice(rows["buyer"])["id"], dealer_id=listing["dealer_id"],
            status=rng.choice(["OPEN", "ACCEPTED", "DECLINED"]), amount_minor=rng.choice([5, 100, rng.randrange(10**6)]), currency=listing["currency"],
            note=maybe(text()),
        )  # fmt: skip
    for seq in range(1, max(60, listings) + 1):
        kind = rng.choice(["LISTING", "OFFER", "Dealer", "OTHER"])
        subject = rng.choice(rows[kind.lower()])["id"] if kind != "OTHER" else None
        add(
            "event", seq=seq, kind=rng.choice(["MOVED", "LOGGED"]), listing_id=rng.choice(rows["listing"][:10])["id"], subject_type=kind,
            subject_id=maybe(subject), moved_from=maybe("DRAFT"), lines=maybe(dump([{"text": text()} for _ in range(rng.randrange(3))])),
        )  # fmt: skip
    for name in TABLES:
        columns = [column.name for column in Model.metadata.tables[name].columns]
        await owner.copy_records_to_table(
            name, records=[[row.get(column) for column in columns] for row in rows[name]], columns=columns
        )


async def actors(owner: Any, tenant: UUID = TENANTS[0]) -> list[Actor]:
    """One actor of each kind that the permissions tell apart."""
    dealer = await owner.fetchval(
        "select dealer_id from listing where tenant_id = $1 group by 1 order by count(*) desc, 1 limit 1", tenant
    )
    buyer = await owner.fetchval(
        "select buyer_id from offer where tenant_id = $1 group by 1 order by count(*) desc, 1 limit 1", tenant
    )
    me = UUID(int=99)
    return [
        Actor(tenant, Role.ADMIN, user_id=me),
        Actor(tenant, Role.DEALER, user_id=me, dealer_id=UUID(bytes=dealer.bytes)),
        Actor(tenant, Role.CUSTOMER, user_id=UUID(bytes=buyer.bytes)),
        Actor(tenant, Role.PUBLIC),
    ]
