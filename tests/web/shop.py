"""A small schema of its own, for what concerns the front door and no table; run as a module it is a server."""

import asyncio
import hashlib
import signal
import sys
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import strawberry
from graphql import GraphQLError

from souk.context import Effects
from souk.documents.store import Store
from souk.rules.actor import Actor, Role
from souk.settings import Settings
from souk.web.app import App, NotReady, create_app
from souk.web.errors import Code, Failure
from souk.web.logging import configure
from souk.web.parts import Call, Parts, Push
from souk.web.server import Server, end_with_parent, serve
from souk.web.sessions import Found, Sessions

PHAROS, TWIN = UUID(int=1), UUID(int=2)
OPS_TOKEN, SALES_TOKEN, SERVICE_TOKEN = "ops-token-of-the-shop", "sales-token-of-the-shop", "svc_1_token-of-the-shop"
DASHBOARD_TOKEN = "svc_2_token-of-the-shop"


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello, {name}!"

    @strawberry.field
    def viewer(self, info: strawberry.Info) -> str:
        return f"{info.context.actor.role} of {info.context.actor.tenant_id.int}"

    @strawberry.field
    def number(self, value: int) -> int:
        return value

    @strawberry.field
    def boom(self) -> str | None:
        raise RuntimeError("SELECT secret FROM internals")

    @strawberry.field
    def again(self) -> "Query":
        return Query()

    @strawberry.field
    async def hold(self, info: strawberry.Info) -> str:
        shop: Shop = info.context.shop
        shop.holding.set()
        await shop.release.wait()
        return "released"


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def slow(self, info: strawberry.Info, keyed: bool) -> int | None:
        shop, effects = info.context.shop, info.context.effects
        effects.unsettled += not keyed
        shop.holding.set()
        await shop.release.wait()
        shop.total += 1
        if shop.total == 13:
            raise GraphQLError("lost", extensions={"code": "UNAVAILABLE", "retryable": True})
        return shop.total

    @strawberry.mutation
    async def session_refresh(self, info: strawberry.Info) -> int:
        """Named like one that signs in."""
        return await Mutation.slow(self, info, keyed=False)

    @strawberry.mutation
    def add(self, info: strawberry.Info, number: int = 1) -> int:
        info.context.shop.total += number
        return info.context.shop.total


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def ever(self) -> AsyncIterator[int]:
        yield 0
        await asyncio.Event().wait()

    @strawberry.subscription
    async def refused(self) -> AsyncIterator[int]:
        raise Failure(Code.FORBIDDEN, "Not for you.")
        yield 0


schema = strawberry.Schema(Query, Mutation, Subscription)


@dataclass
class Context:
    actor: Actor
    call: Call
    shop: "Shop"
    effects: Effects = field(default_factory=Effects)


@dataclass(frozen=True)
class Answered:
    body: bytes
    fused: bool = False
    reason: str | None = "the shop has one road"


class Shop:
    """Runner, source of events and door in one, in memory."""

    def __init__(self) -> None:
        self.total = 0
        self.now = NOW
        self.lookups = 0
        self.broken: BaseException | None = None
        self.ready_reason: str | None = None
        self.release, self.holding = asyncio.Event(), asyncio.Event()
        self.tokens = {
            OPS_TOKEN: Found(Actor(PHAROS, Role.OPS, UUID(int=10), session_id=UUID(int=20)), None),
            SALES_TOKEN: Found(Actor(TWIN, Role.SALES, UUID(int=11), session_id=UUID(int=21)), None),
            SERVICE_TOKEN: Found(Actor(PHAROS, Role.SERVICE, token_id=UUID(int=30)), None),
            DASHBOARD_TOKEN: Found(
                Actor(PHAROS, Role.SERVICE, token_id=UUID(int=31), scopes=frozenset({"dashboard"})), None
            ),
        }
        self.hosts = {"pharos.test": PHAROS, "127.0.0.1": PHAROS}
        self.slugs = {"twin": TWIN}
        self.registered: dict[tuple[UUID, bytes], str] = {}
        self.finds = 0
        self.touched: list[tuple[UUID, frozenset[bytes], datetime]] = []

    def at_hand(self, *_: object) -> None:
        """It has no plans: every answer takes a task."""

    async def answer(self, text: str, variables: dict, name: str | None, context: Context) -> Answered:
        if self.broken is not None:
            raise self.broken
        result = await schema.execute(text, variables, context, operation_name=name)
        body = {} if result.data is None else {"data": result.data}
        if result.errors:
            body["errors"] = [error.formatted for error in result.errors]
        return Answered(orjson.dumps(body))

    async def subscribe(
        self, text: str, variables: dict, name: str | None, context: Context, push: Push | None = None
    ) -> AsyncIterator[bytes]:
        results = await schema.subscribe(text, variables, context, operation_name=name)
        if not hasattr(results, "__aiter__"):
            yield orjson.dumps({"errors": [error.formatted for error in results.errors]})
            return
        number = 0
        async for result in results:
            number += 1
            for error in result.errors or ():
                if error.original_error is not None:
                    raise error.original_error
            body = (
                {"data": result.data} if result.data is not None else {"errors": [e.formatted for e in result.errors]}
            )
            yield number, orjson.dumps(body)

    async def token(self, digest: bytes, *, service: bool) -> Found | None:
        self.lookups += 1
        for token, found in self.tokens.items():
            if hashlib.sha256(token.encode()).digest() == digest and token.startswith("svc_") == service:
                return found
        return None

    async def tenant(self, *, host: str | None = None, slug: str | None = None) -> UUID | None:
        self.lookups += 1
        return self.slugs.get(slug or "") if slug is not None else self.hosts.get(host or "")

    async def find(self, tenant_id: UUID, sha256: bytes) -> str | None:
        self.finds += 1
        return self.registered.get((tenant_id, sha256))

    async def touch(self, tenant_id: UUID, used: Collection[bytes], now: datetime) -> None:
        self.touched.append((tenant_id, frozenset(used), now))

    async def ready(self) -> None:
        if self.ready_reason:
            raise NotReady(self.ready_reason)

    @asynccontextmanager
    async def parts(self, settings: Settings) -> AsyncIterator[Parts]:
        sessions = Sessions(self, cache=settings.session_cache, now=lambda: NOW)
        self.store = Store(self, settings.ad_hoc, {}, automatic=settings.automatic_documents, now=lambda: self.now)
        yield Parts(self, sessions, self.context, self, self.ready, documents=self.store)
        await self.store.close()

    def context(self, actor: Actor, call: Call) -> Context:
        self.last = Context(actor, call, self)
        return self.last


NOW = datetime.fromisoformat("2026-11-22T06:00:00+00:00")


def app_of(shop: Shop, **settings: object) -> App:
    return create_app(Settings(**settings), shop.parts)


def told(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Spoken(Shop):
    """Says on standard error when it listens and when a request is held, so that nobody has to look twice."""

    def __init__(self) -> None:
        super().__init__()
        signal.signal(signal.SIGUSR1, lambda *_: self.release.set())

        class Holding(asyncio.Event):
            def set(self) -> None:
                super().set()
                told("holding")

        self.holding = Holding()


class Speaking(Server):
    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            told("listening")


if __name__ == "__main__":
    if "attached" in sys.argv:
        end_with_parent()
    settings = Settings(log_level="error")
    configure(settings)
    sys.exit(0 if serve(settings, create_app(settings, Spoken().parts), Speaking) else 1)
