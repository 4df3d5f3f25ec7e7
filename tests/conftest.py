"""One PostgreSQL per run: an embedded one, or the server that SOUK_DATABASE_URL names. Nothing outlives the run."""

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
import structlog
from pydantic import SecretStr

from souk import migrations
from souk.db.connect import sqlalchemy_url, with_database
from souk.db.embedded import Embedded
from souk.engine.run import Answer, Runner
from souk.schema import schema
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.logging import configure
from souk.web.wire import build
from tests.serving import KEYS, serving
from tests.world import Souk, World, make_world, may_be_left

# The tests say themselves what is set: the environment only names the server.
GIVEN = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SOUK_")}
os.environ["SOUK_WARM"] = "0"  # seconds of each of hundreds of processes; tests/web/test_warm.py has it on
ROOT = Path(__file__).parent.parent


configure(Settings(log_level="warning"))  # as every process does
structlog.configure(cache_logger_on_first_use=False)  # a test may look at what is logged


LEFT_OVER: list[str] = []
_by_executor = Runner._by_executor


async def _noted(self: Runner, operation: Any, variables: Any, context: Any, reason: str, again: bool = True) -> Answer:
    """What is answered by the executor though nobody asked for it, in this process and over the real schema."""
    if self.schema is schema and reason != "asked for" and not may_be_left(reason):
        LEFT_OVER.append(f"{reason}: {operation.document.text}")
    return await _by_executor(self, operation, variables, context, reason, again)


Runner._by_executor = _noted  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _every_document_is_fused() -> Iterator[None]:
    """No document of any test is left to the executor, but for what its client did wrong, and what is computed."""
    LEFT_OVER.clear()
    yield
    assert not LEFT_OVER


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--prove", action="store_true", help="the same tests at full size")
    parser.addoption(
        "--write-snapshots", action="store_true", help="write what tests/documents compares, to be looked at"
    )


LONGEST = (
    "test_differential.py", "documents/test_both_roads.py", "isolation/test_fuzz.py", "engine/test_differential.py",
    "worker/test_process.py", "worker/test_again.py", "worker/test_killed_import.py", "engine/test_mutants.py",
    "cli/test_run.py", "cli/test_documents.py", "web/test_attacks.py", "web/test_outage.py", "permissions/test_cells.py",
    "permissions/test_making.py", "idempotency/test_force.py", "resolvers/test_explain.py",
)  # fmt: skip
"""Files that take long, the longest first."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first: where files are shared out to processes, none is left alone with it at the end."""

    turn = {f"tests/{name}": at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda each: turn.get(each.nodeid.partition("::")[0], len(turn)))


def pytest_configure(config: pytest.Config) -> None:
    if GIVEN.get("SOUK_DATABASE_URL") and getattr(config.option, "numprocesses", None):
        raise pytest.UsageError(
            "roles belong to a whole server: with SOUK_DATABASE_URL all tests run in one process (-n 0)"
        )


@pytest.fixture(scope="session")
def prove(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--prove")) or GIVEN.get("SOUK_PROVE") == "1"


@pytest.fixture(scope="session")
def size(prove: bool) -> Callable[[Any, Any], Any]:
    """`size(small, full)`: how much of something this run does. One flag, no second code."""
    return lambda small, full: full if prove else small


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory with a short path: the name of a socket in it has room for some hundred characters only."""
    with tempfile.TemporaryDirectory(prefix="souk-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def own_server(scratch: Path) -> Iterator[Callable[[], Embedded]]:
    """Makes embedded servers that a test may stop, kill and start; all end with the run, even when it is killed."""
    reapers: list[subprocess.Popen[bytes]] = []

    def make() -> Embedded:
        directory = scratch / secrets.token_hex(4)
        reapers.append(
            subprocess.Popen([sys.executable, "-m", "tests.reaper", str(directory)], stdin=subprocess.PIPE, cwd=ROOT)
        )
        return Embedded(directory, throwaway=True)

    yield make
    for reaper in reapers:
        reaper.communicate(timeout=60)


@pytest.fixture(scope="session")
def server(own_server: Callable[[], Embedded]) -> str:
    """The URL of a database on the run's server, as a login that may create databases and roles."""
    return GIVEN.get("SOUK_DATABASE_URL") or own_server().start()


@pytest.fixture(scope="session")
def template(server: str) -> Iterator[str]:
    """The name of a migrated, empty database that is only ever copied."""
    name = f"souk_{secrets.token_hex(6)}"
    asyncio.run(_create(server, name))
    asyncio.run(migrations.upgrade(sqlalchemy_url(with_database(server, name))))
    yield name
    asyncio.run(_drop(server, name))


@pytest_asyncio.fixture(scope="session")
async def database(server: str, template: str) -> AsyncIterator[str]:
    """The URL of the run's migrated database; tests share it and keep to tenants of their own."""
    name = f"{template}_run"
    await _create(server, name, template)
    yield with_database(server, name)
    await _drop(server, name)


@pytest_asyncio.fixture
async def own_database(server: str, template: str) -> AsyncIterator[str]:
    """The URL of a migrated database for one test alone."""
    name = f"{template}_{secrets.token_hex(3)}"
    await _create(server, name, template)
    yield with_database(server, name)
    await _drop(server, name)


async def _create(server: str, name: str, template: str = "template0") -> None:
    await _run(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')


async def _drop(server: str, name: str) -> None:
    await _run(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _run(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="session")
async def souk(database: str) -> AsyncIterator[Souk]:
    """The two doors and the runner, over the run's database."""
    opened = Souk.open(database)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def world(souk: Souk) -> World:
    """A tenant of the test's own, with somebody of every role."""
    return await make_world(souk)


@pytest_asyncio.fixture
async def app(database: str) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application in this process, over the run's database: a client of it, without a network."""
    made = create_app(Settings(database_url=SecretStr(database), encryption_keys=SecretStr(KEYS)), build)
    async with (
        made.running(),
        httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://souk.test") as one,
    ):
        yield one


@pytest_asyncio.fixture(scope="module")
async def live(database: str) -> AsyncIterator[str]:
    """The same as `souk serve` on a real port, in a process of its own: its address, `http://127.0.0.1:PORT`."""
    async with serving(database) as (_, address):
        yield address
