"""The processes of an installation: one of them (`serve`), or all of them (`run`)."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from souk import migrations
from souk.cli.console import err, failed, settings
from souk.cli.database import location, migrate_location
from souk.cli.supervisor import SIGNALS, Child, Supervisor
from souk.cli.welcome import welcome
from souk.db.connect import sqlalchemy_url
from souk.db.embedded import Embedded, embedded
from souk.settings import Settings
from souk.web.app import create_app
from souk.web.server import end_with_parent
from souk.web.server import serve as serve_app
from souk.web.wire import build

READY_SECONDS = 60.0
READY_POLL = 0.1
Attached = Annotated[bool, typer.Option("--attached", hidden=True, help="End when standard input ends.")]


def serve(attached: Attached = False) -> None:
    """Serve the API until SIGTERM."""
    given = settings()
    given.key_spec()
    if attached:
        end_with_parent()
    known = given.model_copy(update={"database_url": SecretStr(location(given))})
    if not serve_app(known, create_app(known, build)):
        raise typer.Exit(1)


def run() -> None:
    """Start everything: PostgreSQL (an embedded one, unless SOUK_DATABASE_URL is set), migrations, API and worker."""
    given = settings()
    with _only_one(given.data_dir):
        given.key_spec()
        _check_port(given)
        for one in SIGNALS:  # until the supervisor listens: a signal ends the start in order, too
            signal.signal(one, _interrupt)
        server = None if given.database_url is not None else embedded(given.data_dir)
        try:
            sound = _run(given, server)
        except KeyboardInterrupt:
            sound = True
        finally:
            for one in SIGNALS:
                signal.signal(one, signal.SIG_IGN)
            if server is not None:
                server.stop()
    if not sound:
        raise typer.Exit(1)


def _run(given: Settings, server: Embedded | None) -> bool:
    if server is not None:
        server.start()
    url = location(given)
    asyncio.run(migrations.upgrade(sqlalchemy_url(migrate_location(given))))
    children = [
        Child("API", ("-m", "souk", "serve", "--attached"), patience=given.drain_timeout + 2),
    ]
    supervisor = Supervisor(children, {"SOUK_DATABASE_URL": url}, err.print)
    address = f"http://{'127.0.0.1' if given.host in ('0.0.0.0', '::') else given.host}:{given.port}"

    async def ready() -> bool:
        """Wait for the API, and greet. A first start that fails is final: what is wrong stays wrong."""
        async with asyncio.timeout(READY_SECONDS):
            while not await asyncio.to_thread(_answers, f"{address}/readyz"):
                if any(child.restarts for child in children):
                    return False
                await asyncio.sleep(READY_POLL)
        welcome(address, given)
        return True

    return asyncio.run(supervisor.run(lambda: asyncio.ensure_future(ready())))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _check_port(given: Settings) -> None:
    with socket.socket() as probe, contextlib.suppress(socket.gaierror):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((given.host, given.port))
        except OSError as error:
            failed(f"{given.host}:{given.port} cannot be used ({error.strerror}); set SOUK_PORT to another one")


@contextlib.contextmanager
def _only_one(directory: Path) -> Iterator[None]:
    """One `souk run` per data directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "run.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            failed(f"already running in {directory} (process {file.read().strip()})")
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
