"""The small market on the run's server, in a database of its own."""

import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlparse

import asyncpg
import pytest
import pytest_asyncio

from souk.context import Context
from souk.engine.pool import Pool
from souk.engine.run import Runner
from souk.rules.actor import Actor

from .database import actors, create, decrypt, drop
from .schema import schema


@pytest_asyncio.fixture(scope="session")
async def root(server: str) -> dict[str, Any]:
    """How to reach the run's server as its owner."""
    return where_of(server)


def where_of(server: str) -> dict[str, Any]:
    url = urlparse(server)
    found = {
        "host": parse_qs(url.query).get("host", [url.hostname])[0],
        "port": url.port,
        "user": url.username,
        "password": url.password,
    }
    return {name: value for name, value in found.items() if value}


@pytest_asyncio.fixture(scope="session")
async def where(root: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """How to reach the market as the application."""
    name = f"engine_{secrets.token_hex(4)}"
    yield await create(root, name, 60, 200)
    await drop(root, name)


@pytest_asyncio.fixture(scope="session")
async def owner(where: dict[str, Any], root: dict[str, Any]) -> AsyncIterator[Any]:
    """A connection that sees through the wall, for checking."""
    connection = await asyncpg.connect(**{**where, **root})
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
