"""`souk run`: everything up from nothing, kept alive, ended in order; and the commands around it."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from souk.cli import COMMANDS, GROUPS, load
from souk.db.connect import with_database
from souk.db.embedded import embedded
from tests.cli.here import souk_here
from tests.serving import KEYS
from tests.web.test_server import free_port

ROOT = Path(__file__).parent.parent.parent
SECONDS = 90
pytestmark = pytest.mark.own_server


class Command:
    """A `souk …` in a process of its own, whose lines can be waited for."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process, self.said = process, ""

    async def says(self, pattern: str) -> None:
        """Wait for a line that matches."""
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while line := (await self.process.stdout.readline()).decode():
                self.said += line
                if re.search(pattern, line):
                    return
        raise AssertionError(f"ended without saying {pattern}:\n{self.said}")

    async def ended(self) -> int:
        async with asyncio.timeout(SECONDS):
            output, _ = await self.process.communicate()
        self.said += output.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def souk(*arguments: str, **settings: object) -> AsyncIterator[Command]:
    given = {f"SOUK_{name.upper()}": str(value) for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "souk", *arguments, cwd=ROOT, env={**os.environ, **given},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    command = Command(process)
    try:
        yield command
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_everything_up_kept_alive_and_ended_in_order(scratch: Path, size: Callable[..., Any]) -> None:
    """In a proof with the whole demo; production has none, and is up sooner."""
    given: dict[str, object] = {"data_dir": scratch / "run", "port": free_port()}
    given |= size({"env": "production", "encryption_keys": KEYS}, {})
    people = size([], ["pharos   OPS       ops@pharos.example", "the bucket does not empty"])
    address = f"http://127.0.0.1:{given['port']}"
    server = embedded(scratch / "run")
    try:
        async with souk("run", **given) as run, httpx.AsyncClient(base_url=address) as http:
            await run.says(f"Souk serves {address}/graphql")
            assert (await http.get("/readyz")).json() == {"ok": True}
            for line in people:
                await run.says(line)
            async with souk("run", **given) as second:
                assert await second.ended() == 1
                assert f"already running in {scratch}/run (process {run.process.pid})" in second.said
            async with souk("db", "url", **given) as url:
                assert (await url.ended(), url.said.strip()) == (0, server.url())

            (api,) = children_of(run, "serve")
            async with asyncio.timeout(SECONDS):
                while len(children_of(run, "worker")) != 1:  # it starts when the API is there
                    await asyncio.sleep(0.05)
            api.kill()
            await run.says(r"The API ended \(signal SIGKILL\); it starts again in 1 s")
            async with asyncio.timeout(SECONDS):
                while not await ready(http):
                    await asyncio.to_thread(api.wait)
            run.process.send_signal(signal.SIGTERM)
            assert await run.ended() == 0
        assert not server.running

        async with souk("run", **given) as run:  # killed: PostgreSQL stays, the children follow
            await run.says("Souk serves")
            assert "revision" not in run.said  # what is prepared is not prepared again
            children = psutil.Process(run.process.pid).children()
            run.process.kill()
            gone, alive = await asyncio.to_thread(psutil.wait_procs, children, SECONDS)
            assert (len(gone), alive) == (len(children), [])
        assert server.running
        async with souk("db", "start", **given) as start:
            assert (await start.ended(), start.said.strip()) == (0, server.url())
        for said in ("Stopped.", "It was not running."):
            async with souk("db", "stop", **given) as stop:
                assert (await stop.ended(), stop.said.strip()) == (0, said)
    finally:
        server.stop("immediate")


def children_of(run: Command, name: str) -> list[psutil.Process]:
    return [each for each in psutil.Process(run.process.pid).children() if name in each.cmdline()]


async def ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def test_what_is_wrong_is_said_in_one_line(scratch: Path, server: str, database: str) -> None:
    nobody, bare = f"postgresql://souk:word@127.0.0.1:{free_port()}/souk", with_database(server, "postgres")

    def bring(tenant: str, mapping: str) -> list[str]:
        return ["import", "listings", __file__, "--tenant", tenant, "--mapping", mapping]

    taken = socket.create_server(("127.0.0.1", 0))
    port = {"port": taken.getsockname()[1]}
    for arguments, settings, said in [
        (["serve"], {"database_url": database, **port}, "cannot be used (Address already in use); set SOUK_PORT"),
        (["run"], {"data_dir": scratch / "taken", **port}, "cannot be used (Address already in use); set SOUK_PORT"),
        (["serve"], {"env": "production", "database_url": "postgresql://db/x"}, "SOUK_ENCRYPTION_KEYS is required"),
        (["migrate"], {"data_dir": scratch / "none"}, "no database: set SOUK_DATABASE_URL"),
        (["run"], {"port": "99999"}, "SOUK_PORT Input should be less than or equal to 65535"),
        (["run"], {"encryption_keys": "secret:value"}, "encryption keys are id:base64"),
        (["migrate"], {"database_url": "nonsense"}, "SOUK_DATABASE_URL Value error, must begin with postgresql://"),
        (["migrate"], {"database_url": nobody}, "the database cannot be reached ("),
        (["worker"], {"database_url": nobody}, "the database cannot be reached ("),
        (["token", "create", "--tenant", "x", "--user", "x"], {"database_url": nobody}, "the database cannot be reach"),
        (["migrate"], {"database_url": with_database(server, "nosuch")}, 'database "nosuch" does not exist'),
        (["demo", "token", "--json"], {"database_url": bare}, "the database is not prepared: `souk migrate` does that"),
        (["demo", "reset"], {"database_url": bare}, "the database is not prepared: `souk migrate` does that"),
        (bring("nobody", "used_bikes"), {"database_url": database}, "there is no tenant nobody"),
        (bring("nobody", f"{scratch}/no.toml"), {"database_url": database}, f"{scratch}/no.toml: No such file"),
        (["run"], {"data_dir": "/dev/null/data"}, "/dev/null/data: Not a directory"),
    ]:
        if arguments[0] in ("run", "serve", "worker"):
            async with souk(*arguments, **settings) as command:
                assert await command.ended() == 1
            line = command.said
        else:
            done = await souk_here(*arguments, **settings)
            assert done.exit_code == 1
            line = done.output
        assert line.startswith("souk: ") and said in line and line.count("\n") == 1
        assert "secret" not in line and "word" not in line
    taken.close()


def test_every_command_of_the_table_exists_and_says_what_it_does() -> None:
    for name, target in COMMANDS.items():
        command = load(target)
        assert command.name == name.split(" ")[-1]
        assert command.help
    assert {name.split(" ")[0] for name in COMMANDS if " " in name} == GROUPS.keys()
