"""The shop's app in this process, without a network; and as a server on a real port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import pytest_asyncio

from souk.web.app import App
from souk.web.server import Server, config_of
from tests.web.shop import Shop, app_of

Start = Callable[..., Awaitable["Running"]]


@dataclass
class Running:
    """A server on a free port, in this loop."""

    shop: Shop
    app: App
    server: Server
    port: int

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest_asyncio.fixture
async def client(shop: Shop) -> AsyncIterator[Callable[..., Awaitable[httpx.AsyncClient]]]:
    """`await client(setting=…)`: a client of an app with these settings."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> httpx.AsyncClient:
            app = app_of(shop, **settings)
            await stack.enter_async_context(app.running())
            transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
            made = httpx.AsyncClient(transport=transport, base_url="http://pharos.test")
            made.app = app  # type: ignore[attr-defined]
            return await stack.enter_async_context(made)

        yield make


@asynccontextmanager
async def listening(app: App) -> AsyncIterator[Server]:
    """A server of the app on a port that it found, in this loop; drained at the end."""
    ready = asyncio.Event()

    class Told(Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready.set()

    server = Told(config_of(app.settings, app), app)
    server.config.load()
    task = asyncio.create_task(server._serve())  # without its signal handlers: the process is pytest's
    server._loop = asyncio.get_running_loop()
    await ready.wait()
    try:
        yield server
    finally:
        await app.drain()
        server.should_exit = True
        await task


@pytest_asyncio.fixture
async def start(shop: Shop) -> AsyncIterator[Start]:
    """`await start(setting=…)`: a server of the shop with these settings."""
    async with AsyncExitStack() as stack:

        async def make(**settings: Any) -> Running:
            app = app_of(shop, **{"port": 0, **settings})
            server = await stack.enter_async_context(listening(app))
            return Running(shop, app, server, server.servers[0].sockets[0].getsockname()[1])

        yield make
        shop.release.set()
