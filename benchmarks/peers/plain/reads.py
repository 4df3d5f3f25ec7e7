"""How the resolvers read: ORM selects, relations through DataLoaders that live as long as one request."""

import asyncio
import os
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, column, func, literal, select, text, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import aliased
from strawberry.dataloader import DataLoader

from souk.db.connect import sqlalchemy_url

from .models import Dealer, Listing, Offer, User

RLS = os.environ["PEERS_RLS"] == "1"
SETTINGS = {"TimeZone": "UTC", "jit": "off"} | ({"role": "souk_app"} if RLS else {})
engine = create_async_engine(
    sqlalchemy_url(os.environ["PEERS_DATABASE_URL"]), pool_size=4, max_overflow=0,
    connect_args={"server_settings": SETTINGS},
)  # fmt: skip
sessions = async_sessionmaker(engine, expire_on_commit=False)
ORDERS: dict[str, list[Any]] = {"NEWEST": ["created", "row_id"], "PRICE_DESC": ["price_order", "row_id"]}
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Reader:
    """What one request reads. With row-level security it is one transaction; without, each read takes its own session."""

    def __init__(self, tenant: UUID) -> None:
        self.tenant = tenant
        self._held: AsyncSession | None = None
        self._lock = asyncio.Lock()
        self._offers: dict[int, DataLoader[UUID, list[Offer]]] = {}

    async def rows(self, asked: Select[Any]) -> Sequence[Any]:
        if not RLS:
            async with sessions() as session:
                return (await session.execute(asked)).unique().all()
        async with self._lock:
            if self._held is None:
                self._held = sessions()
                await self._held.execute(
                    text("SELECT set_config('souk.tenant_id', :tenant, true)"), {"tenant": str(self.tenant)}
                )
            return (await self._held.execute(asked)).unique().all()

    async def close(self) -> None:
        if self._held is not None:
            await self._held.close()

    def of(self, model: Any, status: list[Any] | None) -> list[Any]:
        found = [model.tenant_id == self.tenant]
        if status:
            found.append(model.status == status[0] if len(status) == 1 else model.status.in_(status))
        return found

    async def listing(self, row_id: UUID) -> Listing | None:
        found = await self.rows(select(Listing).where(*self.of(Listing, None), Listing.row_id == row_id))
        return found[0][0] if found else None

    async def count(self, model: Any, status: list[Any] | None) -> int:
        found = await self.rows(select(func.count()).select_from(model).where(*self.of(model, status)))
        number: int = found[0][0]
        return number

    async def page(self, model: Any, status: list[Any] | None, order: str, first: int, after: str | None) -> list[Any]:
        columns = [getattr(model, name) for name in ORDERS[order]]
        asked = select(model).where(*self.of(model, status)).order_by(*(column.desc() for column in columns))
        if after:
            place = b64decode(after)
            moment = EPOCH + timedelta(microseconds=int.from_bytes(place[3:11], "big", signed=True))
            asked = asked.where(tuple_(*columns) < tuple_(moment, UUID(bytes=place[11:])))
        return [row for (row,) in await self.rows(asked.limit(first + 1))]

    def _by_id(self, model: Any) -> "DataLoader[UUID, Any]":
        async def load(keys: list[UUID]) -> list[Any]:
            rows = await self.rows(select(model).where(model.tenant_id == self.tenant, model.row_id.in_(keys)))
            found = {row.row_id: row for (row,) in rows}
            return [found.get(key) for key in keys]

        return DataLoader(load_fn=load)

    @cached_property
    def dealers(self) -> "DataLoader[UUID, Dealer | None]":
        return self._by_id(Dealer)

    @cached_property
    def users(self) -> "DataLoader[UUID, User | None]":
        return self._by_id(User)

    @cached_property
    def listings(self) -> "DataLoader[UUID, Listing | None]":
        return self._by_id(Listing)

    def offers(self, first: int) -> "DataLoader[UUID, list[Offer]]":
        if first not in self._offers:

            async def load(keys: list[UUID]) -> list[list[Offer]]:
                wanted = (
                    func.unnest(literal(keys, ARRAY(Uuid())))
                    .table_valued(column("listing_id", Uuid()), name="wanted")
                    .render_derived()
                )
                newest = (
                    select(Offer).where(Offer.tenant_id == self.tenant, Offer.listing_id == wanted.c.listing_id)
                    .order_by(Offer.created.desc(), Offer.row_id.desc()).limit(first).lateral("newest")
                )  # fmt: skip
                each = aliased(Offer, newest)
                found: dict[UUID, list[Offer]] = {key: [] for key in keys}
                for (row,) in await self.rows(select(each).select_from(wanted).join(newest, true())):
                    found[row.listing_id].append(row)
                return [found[key] for key in keys]

            self._offers[first] = DataLoader(load_fn=load)
        return self._offers[first]
