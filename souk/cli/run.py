"""All processes of an installation, started and ended together."""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from time import monotonic

import typer

from souk.cli.console import err, failed, settings
from souk.cli.embedded import location
from souk.cli.port import check_port
from souk.cli.supervisor import SIGNALS, Child, Supervisor
from souk.cli.welcome import remember, welcome
from souk.db.embedded import Embedded, embedded
from souk.settings import Settings

READY_SECONDS = 60.0
READY_POLL = 0.1
GENEROUS = 1_000

# What must be done once, before anything is served; done again when the migrations change. The demo fills a database of
# our own only, and only on a development server.
PREPARATIONS: tuple[tuple[str, ...], ...] = (("migrate",),)
DEMO: tuple[tuple[str, ...], ...] = (("demo", "seed"),)
PEOPLE = ("demo", "token", "--json")


def run() -> None:
    """Start everything: PostgreSQL (an embedded one, unless SOUK_DATABASE_URL is set), migrations, API and worker."""
    given = settings()
    with _only_one(given.data_dir):
        given.key_spec()
        check_port(given)
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
        try:
            server.start()
        except RuntimeError as error:
            failed(str(error))
    environment = {"SOUK_DATABASE_URL": location(given)}
    generous = server is not None and given.development and "limit_scale" not in given.model_fields_set
    if generous:  # whoever tries things out is charged as anybody is, from a bucket that does not empty
        environment["SOUK_LIMIT_SCALE"] = str(GENEROUS)
    if not _prepare(given, server, environment):
        return False
    children = [
        Child("API", ("-m", "souk", "serve", "--attached"), patience=given.drain_timeout + 2),
        Child("worker", ("-m", "souk", "worker", "--attached"), patience=given.drain_timeout, later=True),
    ]
    supervisor = Supervisor(children, environment, err.print)
    address = f"http://{'127.0.0.1' if given.host in ('0.0.0.0', '::') else given.host}:{given.port}"

    async def ready() -> bool:
        """Wait for the API, and greet. A first start that fails is final: what is wrong stays wrong."""
        end = monotonic() + READY_SECONDS
        while not await asyncio.to_thread(_answers, f"{address}/readyz"):
            if any(child.restarts for child in children) or monotonic() > end:
                err.print("The API does not get ready.")
                return False
            await asyncio.sleep(READY_POLL)
        welcome(address, given, generous=generous)
        return True

    return asyncio.run(supervisor.run(lambda: asyncio.ensure_future(ready())))


def _prepare(given: Settings, server: Embedded | None, environment: Mapping[str, str]) -> bool:
    """Run the preparations, each in a process of its own; a database that has seen these already is left alone.

    The parent imports neither models nor migrations: that is half of the time a warm start may take.
    """
    done = None if server is None else server.directory / "souk.prepared"
    wanted = _fingerprint()
    if done is not None and done.is_file() and done.read_text() == wanted:
        return True
    demo = server is not None and given.development
    for command in (*PREPARATIONS, *(DEMO if demo else ())):
        if _souk(command, environment) is None:
            return False
    if demo:
        people = _souk(PEOPLE, environment)
        if people is None:
            return False
        remember(given.data_dir, people)
    if done is not None:
        done.write_text(wanted)
    return True


def _souk(command: Sequence[str], environment: Mapping[str, str]) -> bytes | None:
    """What a command of ours printed; None where it failed, which is said."""
    ended = subprocess.run(
        [sys.executable, "-m", "souk", *command],
        env={**os.environ, **environment}, stdout=subprocess.PIPE, check=False,
    )  # fmt: skip
    if ended.returncode:
        err.print(f"`souk {' '.join(command)}` failed.")
        return None
    return ended.stdout


def _fingerprint() -> str:
    """Of the preparations and of every migration."""
    made = hashlib.sha256(repr((PREPARATIONS, DEMO)).encode())
    for revision in sorted((files("souk") / "migrations" / "versions").iterdir(), key=lambda each: each.name):
        if revision.name.endswith(".py"):
            made.update(revision.read_bytes())
    return made.hexdigest()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


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
